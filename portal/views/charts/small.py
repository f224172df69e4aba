"""Charts without axes: a trend beside a number, a bar of MW in a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spark:
    """A small line without axes, in a box of 120 by 28, and what it says in words.

    `limit_y` is a threshold's height where the line comes near it, `limit_words` what it means; `over`: the last value
    is at or above it.
    """

    d: str
    words: str
    limit_y: float | None = None
    limit_words: str = ""
    over: bool = False


def spark(
    values: Iterable[float | None], *, what: str, unit: str, limit: float | None = None, limit_words: str = ""
) -> Spark | None:
    """The trend of equally spaced values, None when fewer than two are known. `what` begins its words."""
    row = list(values)
    known = [value for value in row if value is not None]
    if len(known) < 2:
        return None
    low, high = min(known), max(known)
    words = f"{what}: from {low:,.0f} to {high:,.0f} {unit}, last {known[-1]:,.0f} {unit}"
    # A threshold is drawn only where the line comes near it: far off it would flatten the trend.
    shown = limit if limit is not None and low - (high - low) <= limit <= high + (high - low) else None
    if shown is not None:
        low, high = min(low, shown), max(high, shown)
    over = limit is not None and known[-1] >= limit
    if over:
        words = f"{words}; above the {limit_words}"
    elif shown is not None:
        words = f"{words}; {limit_words}"
    span = (high - low) or 1.0

    def height(value: float) -> float:
        return round(25 - (value - low) / span * 22, 1)

    pieces, pen_down = [], False
    for i, value in enumerate(row):
        if value is not None:
            pieces.append(f"{'L' if pen_down else 'M'}{i * 120 / (len(row) - 1):.1f},{height(value)}")
        pen_down = value is not None
    return Spark(" ".join(pieces), words, None if shown is None else height(shown), limit_words, over)


@dataclass(frozen=True, slots=True)
class MwBar:
    """A range as a band and a mark on a grey ground; places in percent of the width. `done` is a filled part."""

    ground: float
    band_x: float
    band_width: float
    mark_x: float
    done: float | None
    words: str


def mw_bar(
    *,
    low: float | None,
    mark: float,
    high: float | None,
    most: float,
    ground: float | None = None,
    done: float | None = None,
    words: str = "",
) -> MwBar:
    """The bar of `mark` MW within `low` to `high`, where `most` MW is the full width and `ground` MW is grey."""

    def share(value: float) -> float:
        return round(min(max(value / most, 0.0), 1.0) * 100, 1) if most > 0 else 0.0

    first, last = (mark if low is None else low), (mark if high is None else high)
    return MwBar(
        ground=share(most if ground is None else ground),
        band_x=share(first),
        band_width=round(max(share(last) - share(first), 0.5), 1),
        mark_x=round(min(max(share(mark) - 0.6, 0.0), 98.8), 1),
        done=None if done is None else share(done),
        words=words or f"{mark:,.1f} MW, from {first:,.1f} to {last:,.1f}, of {most:,.1f} MW",
    )
