"""A picture as plain data for charts.js: instants in milliseconds since 1970, values in their own unit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from portal.views.charts.drawing import DOTTED, bar_share, scale_of
from portal.views.charts.shapes import Limit, Line, Picture, Strip, outlined, traced

PLACES = 4


def data_of(picture: Picture) -> dict[str, Any]:
    """The same corners and scale as the server's drawing."""
    scale = scale_of(picture)
    return {
        "start": milliseconds(picture.start),
        "end": milliseconds(picture.end),
        "now": milliseconds(picture.now) if picture.now else None,
        "unit": picture.unit,
        "low": scale.low,
        "high": scale.high,
        "step": scale.step,
        "scale": scale.scale,
        "places": scale.places,
        "lines": [{"kind": line.kind, "points": _points(line), "dots": _dots(line)} for line in picture.lines],
        "bands": [
            [[milliseconds(at), _short(low), _short(high)] for at, low, high in outlined(b)] for b in picture.bands
        ],
        "windows": [
            {"start": milliseconds(w.start), "end": milliseconds(w.end), "words": w.words, "kind": w.kind}
            for w in picture.windows
        ],
        "limits": [_limit(limit) for limit in picture.limits],
        "strip": _strip(picture.strip) if picture.strip else None,
    }


def milliseconds(at: datetime) -> int:
    """As JavaScript counts time."""
    return round(at.timestamp() * 1000)


def _points(line: Line) -> list[list[Any]]:
    return [[milliseconds(at), _short(value)] for at, value in traced(line)]


def _dots(line: Line) -> list[list[Any]]:
    if line.kind not in DOTTED:
        return []
    half_ms = line.step.total_seconds() * 500 if line.step else 0
    return [[milliseconds(at) + half_ms, _short(value)] for at, value in line.points if value is not None]


def _limit(limit: Limit) -> dict[str, Any]:
    return {
        "value": limit.value,
        "words": limit.words,
        "kind": limit.kind,
        "start": milliseconds(limit.start) if limit.start else None,
        "end": milliseconds(limit.end) if limit.end else None,
    }


def _strip(strip: Strip) -> dict[str, Any]:
    known = [(at, value) for at, value in strip.points if value is not None]
    highest = max((value for _at, value in known), default=0.0)
    step_ms = strip.step.total_seconds() * 1000
    return {
        "unit": strip.unit,
        "step": step_ms,
        "bars": [
            [milliseconds(at), round(bar_share(value, highest), PLACES), value >= strip.hot_from] for at, value in known
        ],
        "peak": f"highest {highest:,.{strip.places}f}" if known else "",
    }


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, PLACES)
