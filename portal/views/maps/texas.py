"""The outline of Texas and its county lines, in degrees, from the npm package us-atlas; read once by each process.

us-atlas holds the U.S. Census Bureau's cartographic boundary files (2017, 1:10 million) as TopoJSON.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from portal.npm_files import package_file
from portal.views.maps.topojson import Point, lines_between, rings_of

FILE: Final = "us-atlas/counties-10m.json"
TEXAS: Final = "48"  # FIPS


@dataclass(frozen=True, slots=True)
class Boundaries:
    """Closed rings of the state, and the lines between its counties; (longitude, latitude) in degrees."""

    outline: Sequence[Sequence[Point]]
    counties: Sequence[Sequence[Point]]


@cache
def boundaries() -> Boundaries:
    """Of Texas. Raises PackageFileMissing."""
    topology = json.loads(package_file(FILE).read_text())
    return Boundaries(rings_of(topology, "states", TEXAS), lines_between(topology, "counties", TEXAS))
