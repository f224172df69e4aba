"""From cohorts, ZIP places and zones to two drawings, wide and narrow; the template only places what is here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final

from portal.npm_files import PackageFileMissing
from portal.views.maps.placing import Box, Place, Wanted, place_all
from portal.views.maps.projection import Fit, fit
from portal.views.maps.shapes import reach, shape_path
from portal.views.maps.texas import boundaries

DOT_AREA: Final = 12.0
DOT_REACH: Final = 3.0
LEADER_FROM: Final = 6.0
LINE_CHARS: Final = 20
HUB_RINGS: Final = 7  # a zone's name far from its city would mislead; the table has it
Sizes = tuple[str, float, float, float]
WIDE: Final = ("wide-only", 620.0, 590.0, 2_600.0)
NARROW: Final = ("narrow-only", 366.0, 372.0, 1_300.0)


@dataclass(frozen=True, slots=True)
class Mark:
    """One cohort: where its accounts are in the middle, and its MW. Without `number` it is the only one of its map."""

    number: int | None
    name: str
    shape: str
    longitude: float
    latitude: float
    enrolled_mw: float
    available_mw: float | None


@dataclass(frozen=True, slots=True)
class Dot:
    """One ZIP place with accounts."""

    shape: str
    longitude: float
    latitude: float


@dataclass(frozen=True, slots=True)
class Hub:
    """A load zone's label at a city of it."""

    name: str
    words: str
    longitude: float
    latitude: float


@dataclass(frozen=True, slots=True)
class DrawnMark:
    """A mark with its label: `outer` is what is enrolled, `inner` what is available; a leader when it stands off."""

    outer: str
    inner: str
    leader: str
    text_x: float
    text_y: float
    anchor: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class DrawnHub:
    """A zone's label."""

    x: float
    y: float
    text_x: float
    text_y: float
    anchor: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class MapDrawing:
    """One finished drawing; `ground` is the transform of the outline under it."""

    name: str
    width: float
    height: float
    ground: str
    dots: Sequence[str]
    marks: Sequence[DrawnMark]
    hubs: Sequence[DrawnHub]


@dataclass(frozen=True, slots=True)
class Ground:
    """What lies under both drawings, as SVG paths: drawn once, used twice."""

    outline: str
    counties: str


@dataclass(frozen=True, slots=True)
class TexasMap:
    """The same map for a wide and a narrow screen, with what it shows in words."""

    ground: Ground
    wide: MapDrawing
    narrow: MapDrawing
    words: str


def texas_map(
    marks: Sequence[Mark], *, dots: Sequence[Dot] = (), hubs: Sequence[Hub] = (), words: str, only: Sizes | None = None
) -> TexasMap | None:
    """The map; None when the boundaries are not installed."""
    try:
        wide, narrow = _drawn(only or WIDE, marks, dots, hubs), _drawn(only or NARROW, marks, dots, hubs)
    except PackageFileMissing:
        return None
    return TexasMap(ground(), wide, narrow, words)


@cache
def _fit(width: float, height: float) -> Fit:
    points = (point for ring in boundaries().outline for point in ring)
    return fit(points, width=width, height=height, margin=6)


@cache
def ground() -> Ground:
    """Outline and county lines, in the wide drawing's units. Raises PackageFileMissing."""
    found, placed = boundaries(), _fit(*WIDE[1:3])
    return Ground(_path(found.outline, placed, closed=True), _path(found.counties, placed, closed=False))


def _path(lines: Iterable[Sequence[tuple[float, float]]], placed: Fit, *, closed: bool) -> str:
    """One path in relative steps; points that fall together are drawn once."""
    pieces = []
    for line in lines:
        points = [placed.place(longitude, latitude) for longitude, latitude in line]
        steps = [(round(x - x0, 1), round(y - y0, 1)) for (x0, y0), (x, y) in pairwise(points)]
        drawn = " ".join(f"{dx:g},{dy:g}" for dx, dy in steps if dx or dy)
        if drawn:
            pieces.append(f"M{points[0][0]:g},{points[0][1]:g}l{drawn}{'z' if closed else ''}")
    return "".join(pieces)


def _onto(target: Fit) -> str:
    """The transform that puts the ground under a drawing of another size."""
    base = _fit(*WIDE[1:3])
    scale = target.scale / base.scale
    x, y = target.left - base.left * scale, target.top - base.top * scale
    return f"translate({x:.2f} {y:.2f}) scale({scale:.5f})"


def _drawn(sizes: Sizes, marks: Sequence[Mark], dots: Sequence[Dot], hubs: Sequence[Hub]) -> MapDrawing:
    name, width, height, most_area = sizes
    placed = _fit(width, height)
    spots = [(dot.shape, *placed.place(dot.longitude, dot.latitude)) for dot in dots]
    taken = [Box(x - DOT_REACH, y - DOT_REACH, x + DOT_REACH, y + DOT_REACH) for _shape, x, y in spots]
    most_mw = max((mark.enrolled_mw for mark in marks), default=1.0)
    order = sorted(marks, key=lambda mark: -mark.enrolled_mw)
    areas = [most_area * mark.enrolled_mw / most_mw for mark in order]
    short = width < WIDE[1]
    wanted = [_wanted(mark, area, placed, short=short) for mark, area in zip(order, areas, strict=True)]
    wanted += [_wanted_hub(hub, placed, short=short) for hub in hubs]
    places = place_all(wanted, width=width, height=height, taken=taken)
    return MapDrawing(
        name=name,
        width=width,
        height=height,
        ground=_onto(placed),
        dots=[shape_path(shape, x, y, DOT_AREA) for shape, x, y in spots],
        marks=[
            _mark(mark, area, want, place)
            for mark, area, want, place in zip(order, areas, wanted, places, strict=False)
            if place
        ],
        hubs=[
            _hub(want, place) for want, place in zip(wanted[len(order) :], places[len(order) :], strict=True) if place
        ],
    )


def _wanted(mark: Mark, area: float, placed: Fit, *, short: bool) -> Wanted:
    x, y = placed.place(mark.longitude, mark.latitude)
    mw = f"{mark.enrolled_mw:,.1f}"
    known = "?" if mark.available_mw is None else f"{mark.available_mw:,.1f}"
    if mark.number is None:
        lines = [f"{known} of {mw} MW"]
    elif short:
        lines = [f"{mark.number}: {known}", f"of {mw} MW"]
    else:
        lines = [*wrapped(f"{mark.number} {mark.name}"), f"{known} of {mw} MW"]
    return Wanted(x, y, reach(mark.shape, area), lines)


def _wanted_hub(hub: Hub, placed: Fit, *, short: bool) -> Wanted:
    x, y = placed.place(hub.longitude, hub.latitude)
    return Wanted(x, y, 3.0, [hub.name] if short else [hub.name, hub.words], HUB_RINGS)


def wrapped(name: str) -> list[str]:
    """The words of a name in lines of at most LINE_CHARS characters, where its words allow."""
    lines: list[str] = []
    for word in name.split():
        if lines and len(lines[-1]) + 1 + len(word) <= LINE_CHARS:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _mark(mark: Mark, area: float, wanted: Wanted, place: Place) -> DrawnMark:
    share = 0.0 if mark.available_mw is None else min(mark.available_mw / mark.enrolled_mw, 1.0)
    off = math.dist((wanted.x, wanted.y), (place.x, place.y))
    leader = f"M{wanted.x:g},{wanted.y:g}L{place.x:g},{place.y:g}" if off > LEADER_FROM else ""
    return DrawnMark(
        outer=shape_path(mark.shape, place.x, place.y, area),
        inner=shape_path(mark.shape, place.x, place.y, area * share) if share > 0 else "",
        leader=leader,
        text_x=place.text_x,
        text_y=place.text_y,
        anchor=place.anchor,
        lines=list(wanted.lines),
    )


def _hub(wanted: Wanted, place: Place) -> DrawnHub:
    return DrawnHub(wanted.x, wanted.y, place.text_x, place.text_y, place.anchor, list(wanted.lines))
