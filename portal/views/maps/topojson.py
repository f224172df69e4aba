"""TopoJSON read: arcs of quantized steps back to degrees, rings put together, lines that two shapes share.

The format: https://github.com/topojson/topojson-specification (arcs as steps from point to point, scaled and shifted by
`transform`; an arc's number i runs forwards, ~i backwards; an arc's first point is the last of the arc before it).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Point = tuple[float, float]
Arc = Sequence[Point]
Topology = Mapping[str, Any]


def arc_points(topology: Topology, number: int) -> list[Point]:
    """The points of one arc as (longitude, latitude) in degrees; backwards for a number below zero."""
    (scale_x, scale_y), (shift_x, shift_y) = topology["transform"]["scale"], topology["transform"]["translate"]
    x = y = 0
    points = []
    for step_x, step_y in topology["arcs"][number if number >= 0 else ~number]:
        x, y = x + step_x, y + step_y
        points.append((x * scale_x + shift_x, y * scale_y + shift_y))
    return points if number >= 0 else points[::-1]


def ring_points(topology: Topology, numbers: Sequence[int]) -> list[Point]:
    """A ring's arcs joined, each joint once; the first point is the last one too."""
    joined: list[Point] = []
    for number in numbers:
        joined.extend(arc_points(topology, number)[1 if joined else 0 :])
    return joined


def rings_of(topology: Topology, name: str, wanted: str) -> list[list[Point]]:
    """All rings of the shape whose id is `wanted` in the object `name`. Raises KeyError when there is none."""
    for shape in topology["objects"][name]["geometries"]:
        if shape["id"] == wanted:
            return [ring_points(topology, ring) for ring in _rings(shape)]
    raise KeyError(wanted)


def lines_between(topology: Topology, name: str, prefix: str) -> list[Arc]:
    """The arcs that two shapes share, of those whose id begins with `prefix`: their inner borders, each once."""
    used: Counter[int] = Counter()
    for shape in topology["objects"][name]["geometries"]:
        if shape["id"].startswith(prefix):
            used.update(number if number >= 0 else ~number for ring in _rings(shape) for number in ring)
    return [arc_points(topology, number) for number, times in sorted(used.items()) if times > 1]


def _rings(shape: Mapping[str, Any]) -> Iterator[Sequence[int]]:
    if shape["type"] == "Polygon":
        yield from shape["arcs"]
    elif shape["type"] == "MultiPolygon":
        for polygon in shape["arcs"]:
            yield from polygon
