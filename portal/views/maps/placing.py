"""Where marks and labels go so that nothing overlaps: the nearest free place, the largest first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

CHAR_WIDTH: Final = 7.2  # of the map's 12-unit text, generous: the last line is bold
LINE_HEIGHT: Final = 15.0
GAP: Final = 4.0
RING_STEP: Final = 7.0
RINGS: Final = 40
DIRECTIONS: Final = 24


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its edges."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether they share more than an edge."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def inside(self, width: float, height: float) -> bool:
        """Whether it lies within a drawing of this size."""
        return self.left >= 0 and self.top >= 0 and self.right <= width and self.bottom <= height


@dataclass(frozen=True, slots=True)
class Wanted:
    """Something to place as near to (x, y) as can be: a mark of this radius (0: none) with lines of text beside it.

    It stands at most `rings` times RING_STEP away, or not at all.
    """

    x: float
    y: float
    radius: float
    lines: Sequence[str]
    rings: int = RINGS


@dataclass(frozen=True, slots=True)
class Place:
    """Where it went: the mark's middle, and the text's first line with its anchor (start or end)."""

    x: float
    y: float
    text_x: float
    text_y: float
    anchor: str
    boxes: tuple[Box, ...]


def place_all(
    wanted: Sequence[Wanted], *, width: float, height: float, taken: Sequence[Box] = ()
) -> list[Place | None]:
    """Places in the order of `wanted`, earlier ones choosing first; None for what finds no free place."""
    busy, found = list(taken), []
    for each in wanted:
        place = next((p for p in _candidates(each) if _free(p, busy, width, height)), None)
        found.append(place)
        busy.extend(place.boxes if place else ())
    return found


def _free(place: Place, busy: Sequence[Box], width: float, height: float) -> bool:
    return all(box.inside(width, height) and not any(box.meets(other) for other in busy) for box in place.boxes)


def _candidates(wanted: Wanted) -> Iterator[Place]:
    """Its own place first, then rings around it, each tried with the text on either side."""
    for ring in range(wanted.rings):
        for step in range(DIRECTIONS if ring else 1):
            angle = 2 * math.pi * step / DIRECTIONS
            x, y = wanted.x + ring * RING_STEP * math.cos(angle), wanted.y + ring * RING_STEP * math.sin(angle)
            sides = ("start", "end") if math.cos(angle) >= -1e-9 else ("end", "start")
            for anchor in sides:
                yield _place(wanted, round(x, 1), round(y, 1), anchor)


def _place(wanted: Wanted, x: float, y: float, anchor: str) -> Place:
    radius, rows = wanted.radius, len(wanted.lines)
    side = 1 if anchor == "start" else -1
    text_x = x + side * (radius + GAP if radius else 0.0)
    text_width = CHAR_WIDTH * max((len(line) for line in wanted.lines), default=0)
    top = y - rows * LINE_HEIGHT / 2
    left, right = sorted((text_x, text_x + side * text_width))
    boxes = [Box(left, top, right, top + rows * LINE_HEIGHT)]
    if radius:
        boxes.append(Box(x - radius, y - radius, x + radius, y + radius))
    return Place(x, y, round(text_x, 1), round(top + LINE_HEIGHT * 0.78, 1), anchor, tuple(boxes))
