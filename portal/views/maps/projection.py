"""Albers' equal-area conic projection with the parameters Texas uses for maps of the whole state (EPSG:3083).

Equal-area, because marks on the map are compared by area. On a sphere: at this size the difference cannot be seen.
J. P. Snyder, Map Projections: A Working Manual, USGS Professional Paper 1395 (1987), p. 100, equations 14-1 to 14-6.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

FIRST_PARALLEL, SECOND_PARALLEL = math.radians(27.5), math.radians(35.0)
ORIGIN_LATITUDE, CENTRAL_MERIDIAN = math.radians(18.0), math.radians(-100.0)
EARTH_RADIUS_KM: Final = 6371.0088
_N: Final = (math.sin(FIRST_PARALLEL) + math.sin(SECOND_PARALLEL)) / 2
_C: Final = math.cos(FIRST_PARALLEL) ** 2 + 2 * _N * math.sin(FIRST_PARALLEL)


def _rho(latitude: float) -> float:
    return math.sqrt(_C - 2 * _N * math.sin(latitude)) / _N


_RHO_0: Final = _rho(ORIGIN_LATITUDE)


def albers(longitude: float, latitude: float) -> tuple[float, float]:
    """Degrees to (east, north) in earth radii from the origin at 18 N, 100 W."""
    theta = _N * (math.radians(longitude) - CENTRAL_MERIDIAN)
    rho = _rho(math.radians(latitude))
    return rho * math.sin(theta), _RHO_0 - rho * math.cos(theta)


@dataclass(frozen=True, slots=True)
class Fit:
    """Puts projected points into a box: the same scale both ways, north up, centred."""

    scale: float
    left: float
    top: float
    west: float
    north: float

    def place(self, longitude: float, latitude: float) -> tuple[float, float]:
        """Where a point stands in the drawing, to a tenth of a unit."""
        east, north = albers(longitude, latitude)
        x, y = self.left + (east - self.west) * self.scale, self.top + (self.north - north) * self.scale
        return round(x, 1), round(y, 1)


def fit(points: Iterable[tuple[float, float]], *, width: float, height: float, margin: float) -> Fit:
    """The fit that puts all these (longitude, latitude) just inside the box less its margin."""
    projected = [albers(longitude, latitude) for longitude, latitude in points]
    west, east = min(x for x, _y in projected), max(x for x, _y in projected)
    south, north = min(y for _x, y in projected), max(y for _x, y in projected)
    scale = min((width - 2 * margin) / (east - west), (height - 2 * margin) / (north - south))
    left = (width - (east - west) * scale) / 2
    top = (height - (north - south) * scale) / 2
    return Fit(scale, left, top, west, north)
