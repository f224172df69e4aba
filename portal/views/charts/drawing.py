"""From a picture to two drawings: scales, ticks, paths. Pure; the templates only place what is here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from grid.core.intervals import CENTRAL, HOUR, QUARTER, ceil_to
from portal.views.charts.shapes import (
    Band,
    Box,
    Chart,
    Drawn,
    Level,
    Limit,
    Line,
    Path,
    Picture,
    Tick,
    Window,
    outlined,
    traced,
)

TICK_STEPS = (QUARTER, 2 * QUARTER, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR)
MARGIN_LEFT, MARGIN_RIGHT, MARGIN_TOP, AXIS_HEIGHT, STRIP_HEIGHT, BAR_HEIGHT = 50, 22, 20, 24, 64, 30
LIMIT_WORDS_FROM = 700
DOTTED = ("del",)


def draw(picture: Picture) -> Chart:
    """The drawings of a picture; style sheets show the one that fits its place (css/components/charts.css)."""
    return Chart(
        wide=_Drawing(picture, "wide-only", 960, picture.height, 9).drawn(),
        medium=_Drawing(picture, "medium-only", 640, picture.height, 6).drawn(),
        narrow=_Drawing(picture, "narrow-only", 366, _narrow_height(picture), 4).drawn(),
        words=picture.words,
    )


def _narrow_height(picture: Picture) -> int:
    return max(230, picture.height * 4 // 5) + (STRIP_HEIGHT if picture.strip else 0)


def nice_step(span: float, most: int) -> float:
    """The smallest of 1, 2, 5 times a power of ten that cuts `span` into at most `most` pieces."""
    raw = max(span, 1e-9) / most
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * (1 - 1e-9))


def _values(picture: Picture) -> list[float]:
    of_lines = [value for line in picture.lines for _at, value in line.points if value is not None]
    of_bands = [v for band in picture.bands for _at, low, high in band.points for v in (low, high) if v is not None]
    return of_lines + of_bands + [limit.value for limit in picture.limits]


@dataclass(frozen=True, slots=True)
class Scale:
    """The value axis: from `low` to `high` in whole steps, labels divided by `scale` with `places` decimals."""

    low: float
    high: float
    step: float
    scale: float
    places: int

    @property
    def values(self) -> list[float]:
        """Where the grid lines are."""
        return [self.low + i * self.step for i in range(round((self.high - self.low) / self.step) + 1)]

    def words(self, value: float) -> str:
        """A grid line's label."""
        return f"{value / self.scale:,.{self.places}f}"


def scale_of(picture: Picture) -> Scale:
    """Room for everything known, from zero where zero is near."""
    values = _values(picture) or [0.0, 1.0]
    low, high = min(values), max(values)
    if picture.from_zero or low >= 0 > low - 0.6 * (high - low):
        low = min(low, 0.0)
    step = nice_step(max(high - low, picture.scale * 1e-6) / picture.scale, 5) * picture.scale
    low = math.floor(low / step) * step
    places = 0 if step / picture.scale >= 1 else max(1, -math.floor(math.log10(step / picture.scale)))
    return Scale(low, max(math.ceil(high / step) * step, low + step), step, picture.scale, places)


def hour_words(at: datetime) -> str:
    """`15:00`; `Wed 19` at midnight; the hour that is there twice with its zone, `01:00 CST`."""
    local = at.astimezone(CENTRAL)
    if local.hour == local.minute == 0:
        return f"{local:%a %-d}"
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return f"{local:%H:%M %Z}" if twice else f"{local:%H:%M}"


def hour_span(starts_at: datetime) -> str:
    """`15:00–16:00`: what is an hour's own is told as one."""
    return f"{hour_words(starts_at)}–{hour_words(starts_at + HOUR)}"


def bar_share(value: float, highest: float) -> float:
    """A bar's height, 0..1: by the square root, so that 50 beside 5,000 is still to be seen."""
    return math.sqrt(max(value, 0.0) / highest) if highest > 0 else 0.0


@dataclass
class _Drawing:
    """Scales of one drawing, and what they make of each part."""

    picture: Picture
    name: str
    width: int
    height: int
    most_ticks: int
    scale: Scale = field(init=False)

    def __post_init__(self) -> None:
        self.scale = scale_of(self.picture)

    @property
    def right(self) -> float:
        return self.width - MARGIN_RIGHT

    @property
    def floor(self) -> float:
        """Where the time axis stands, under the strip if there is one."""
        return self.height - AXIS_HEIGHT

    @property
    def bottom(self) -> float:
        return self.floor - (STRIP_HEIGHT if self.picture.strip else 0)

    def x(self, at: datetime) -> float:
        share = (at - self.picture.start) / (self.picture.end - self.picture.start)
        return round(MARGIN_LEFT + share * (self.right - MARGIN_LEFT), 1)

    def y(self, value: float) -> float:
        share = (value - self.scale.low) / (self.scale.high - self.scale.low)
        return round(self.bottom - share * (self.bottom - MARGIN_TOP), 1)

    def drawn(self) -> Drawn:
        picture = self.picture
        now_x = self.x(picture.now) if picture.now and picture.start <= picture.now <= picture.end else None
        return Drawn(
            name=self.name,
            width=self.width,
            height=self.height,
            left=MARGIN_LEFT,
            right=self.right,
            top=MARGIN_TOP,
            bottom=self.bottom,
            unit=picture.unit,
            words=picture.words,
            x_ticks=self.x_ticks(),
            y_ticks=self.y_ticks(),
            bands=[Path("band", self.area(band)) for band in picture.bands if band.points],
            lines=[Path(line.kind, self.path(line)) for line in picture.lines if line.points],
            dots=[Path(line.kind, self.dots(line)) for line in picture.lines if line.kind in DOTTED],
            windows=[self.window(window) for window in picture.windows],
            limits=[self.level(limit) for limit in picture.limits],
            bars=self.bars(),
            strip_unit=picture.strip.unit if picture.strip else "",
            strip_base=self.floor,
            strip_peak=self.strip_peak(),
            now_x=now_x,
            now_words=f"now {picture.now.astimezone(CENTRAL):%H:%M}" if picture.now else "",
            now_anchor="end" if now_x and now_x > MARGIN_LEFT + 80 else "start",
        )

    def level(self, limit: Limit) -> Level:
        left, right = self.x(limit.start or self.picture.start), self.x(limit.end or self.picture.end)
        # Where there is little room other words stand near: the legend has a limit's too.
        words = limit.words if limit.kind == "aim" or self.width >= LIMIT_WORDS_FROM else ""
        return Level(self.y(limit.value), left, right, words, limit.kind)

    def y_ticks(self) -> list[Tick]:
        return [Tick(self.y(value), self.scale.words(value)) for value in self.scale.values]

    def x_ticks(self) -> list[Tick]:
        """Ticks on round hours of Central time; stepping in UTC, so the repeated hour stands there twice."""
        start, end = self.picture.start, self.picture.end
        step = next((s for s in TICK_STEPS if (end - start) / s <= self.most_ticks), 24 * HOUR)
        ticks, at = [], ceil_to(start, min(step, HOUR))
        while at <= end:
            local = at.astimezone(CENTRAL)
            if (local.hour * 60 + local.minute) % (step.total_seconds() / 60) == 0:
                ticks.append(Tick(self.x(at), hour_words(at)))
            at += min(step, HOUR)
        return ticks

    def path(self, line: Line) -> str:
        """Moves and lines; a value that is not known lifts the pen."""
        pieces, pen_down = [], False
        for at, value in traced(line):
            if value is not None:
                pieces.append(f"{'L' if pen_down else 'M'}{self.x(at)},{self.y(value)}")
            pen_down = value is not None
        return " ".join(pieces)

    def dots(self, line: Line) -> str:
        """A stroke without length in the middle of each value: round caps make it a dot."""
        half = (line.step or timedelta()) / 2
        known = [(at + half, value) for at, value in line.points if value is not None]
        return " ".join(f"M{self.x(at)},{self.y(value)}h0" for at, value in known)

    def area(self, band: Band) -> str:
        """Closed outlines, one for each stretch without a gap."""
        outlines, run = [], []
        for at, low, high in [*outlined(band), (self.picture.end, None, None)]:
            if low is not None and high is not None:
                run.append((at, low, high))
            elif run:
                outlines.append(self._outline(run))
                run = []
        return " ".join(outlines)

    def _outline(self, run: Sequence[tuple[datetime, float, float]]) -> str:
        corners = [(at, high) for at, _low, high in run] + [(at, low) for at, low, _high in reversed(run)]
        return "M" + " L".join(f"{self.x(at)},{self.y(value)}" for at, value in corners) + "Z"

    def window(self, window: Window) -> Box:
        left, right = (min(max(self.x(at), MARGIN_LEFT), self.right) for at in (window.start, window.end))
        at_edge = left > self.width * 0.62
        return Box(
            x=left,
            y=MARGIN_TOP - 4,
            width=max(round(right - left, 1), 1),
            height=self.floor - MARGIN_TOP + 4,
            kind=window.kind,
            words=window.words,
            words_x=right - 6 if at_edge else left + 6,
            anchor="end" if at_edge else "start",
        )

    def bars(self) -> list[Box]:
        strip = self.picture.strip
        if strip is None:
            return []
        highest = max((value for _at, value in strip.points if value is not None), default=0.0)
        found = []
        for at, value in strip.points:
            if value is None:
                continue
            width = self.x(at + strip.step) - self.x(at)
            height = max(1.5, BAR_HEIGHT * bar_share(value, highest))
            hot = value >= strip.hot_from
            found.append(
                Box(
                    x=round(self.x(at) + width * 0.2, 1),
                    y=round(self.floor - height, 1),
                    width=round(width * 0.6, 1),
                    height=round(height, 1),
                    kind="pb hot" if hot else "pb",
                    words="▲" if hot else "",
                    words_x=round(self.x(at) + width / 2, 1),
                )
            )
        return found

    def strip_peak(self) -> Tick | None:
        """Where the highest bar stands, and how much that is."""
        strip = self.picture.strip
        known = [(value, at) for at, value in strip.points if value is not None] if strip else []
        if not known or strip is None:
            return None
        value, at = max(known)
        middle = self.x(at + strip.step / 2)
        words = f"highest {value:,.{strip.places}f}"
        return Tick(min(max(middle, MARGIN_LEFT + 46), self.right - 46), words)
