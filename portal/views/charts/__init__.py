"""Geometry of the server-drawn charts: numbers in, SVG coordinates out.

Every chart exists twice, wide and narrow, so that its text keeps its size on a phone; style sheets show one of them.
"""

from portal.views.charts.drawing import draw, nice_step
from portal.views.charts.shapes import Band, Chart, Drawn, Limit, Line, Picture, Point, Strip, Window
from portal.views.charts.small import MwBar, Spark, mw_bar, spark

__all__ = [
    "Band",
    "Chart",
    "Drawn",
    "Limit",
    "Line",
    "MwBar",
    "Picture",
    "Point",
    "Spark",
    "Strip",
    "Window",
    "draw",
    "mw_bar",
    "nice_step",
    "spark",
]
