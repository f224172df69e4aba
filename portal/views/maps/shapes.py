"""One shape per load zone, all of the same area for the same MW: told apart without colour."""

from __future__ import annotations

import math
from typing import Final

SHAPE_OF_ZONE: Final = {
    "LZ_HOUSTON": "circle",
    "LZ_NORTH": "square",
    "LZ_SOUTH": "triangle",
    "LZ_WEST": "diamond",
    "LZ_AEN": "hexagon",
    "LZ_CPS": "plus",
    "LZ_LCRA": "wedge",
    "LZ_RAYBN": "cross",
}


def shape_of_zone(zone: str) -> str:
    """The shape that stands for a load zone."""
    return SHAPE_OF_ZONE[zone]


def shape_path(shape: str, x: float, y: float, area: float) -> str:
    """SVG path of a shape of this area around (x, y)."""
    if shape == "circle":
        r = math.sqrt(area / math.pi)
        return f"M{x - r:.1f},{y:.1f}a{r:.1f},{r:.1f} 0 1 0 {2 * r:.1f},0a{r:.1f},{r:.1f} 0 1 0 {-2 * r:.1f},0Z"
    corners = _unit_corners(shape)
    size = math.sqrt(area / _area(corners))
    return "M" + "L".join(f"{x + dx * size:.1f},{y + dy * size:.1f}" for dx, dy in corners) + "Z"


def reach(shape: str, area: float) -> float:
    """How far a shape of this area reaches from its middle."""
    if shape == "circle":
        return math.sqrt(area / math.pi)
    corners = _unit_corners(shape)
    return math.sqrt(area / _area(corners)) * max(max(abs(dx), abs(dy)) for dx, dy in corners)


def _unit_corners(shape: str) -> list[tuple[float, float]]:
    """Corners in order around (0, 0), y downwards; any size."""
    third = 1 / 3
    plus = [
        (-third, -1), (third, -1), (third, -third), (1, -third), (1, third), (third, third),
        (third, 1), (-third, 1), (-third, third), (-1, third), (-1, -third), (-third, -third),
    ]  # fmt: skip
    regular = {
        "triangle": (3, 0.0),
        "square": (4, 45.0),
        "diamond": (4, 0.0),
        "hexagon": (6, 30.0),
        "wedge": (3, 180.0),
    }
    if shape in regular:
        count, turn = regular[shape]
        angles = [math.radians(360 * i / count + turn) for i in range(count)]
        return [(math.sin(angle), -math.cos(angle)) for angle in angles]
    half = math.sqrt(0.5)
    return plus if shape == "plus" else [((dx - dy) * half, (dx + dy) * half) for dx, dy in plus]


def _area(corners: list[tuple[float, float]]) -> float:
    pairs = zip(corners, [*corners[1:], corners[0]], strict=True)
    return abs(math.fsum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2
