"""A map of Texas drawn on the server: outline and county lines, ZIP places, and a mark per cohort with its label."""

from portal.views.maps.drawing import Dot, Hub, MapDrawing, Mark, TexasMap, texas_map
from portal.views.maps.shapes import shape_of_zone, shape_path

__all__ = ["Dot", "Hub", "MapDrawing", "Mark", "TexasMap", "shape_of_zone", "shape_path", "texas_map"]
