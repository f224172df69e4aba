"""Geometry of the server-drawn charts: numbers in, SVG coordinates out. Pure; the templates only place what is here.

Every chart exists twice, wide and narrow, so that its text keeps its size on a phone; style sheets show one of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from grid.core.intervals import CENTRAL, HOUR, QUARTER, ceil_to

Point = tuple[datetime, float | None]

TICK_STEPS = (QUARTER, 2 * QUARTER, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR)
MARGIN_LEFT, MARGIN_RIGHT, MARGIN_TOP, AXIS_HEIGHT, STRIP_HEIGHT = 50, 22, 20, 24, 44


@dataclass(frozen=True, slots=True)
class Line:
    """Values over time. `kind` is the CSS class (me measured, fc forecast, plan); `step` set: interval means."""

    kind: str
    points: Sequence[Point]
    step: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Band:
    """From low to high over time; points with an unknown side leave a gap."""

    points: Sequence[tuple[datetime, float | None, float | None]]
    step: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A span worth pointing at, with its words."""

    start: datetime
    end: datetime
    words: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A horizontal threshold with its words."""

    value: float
    words: str


@dataclass(frozen=True, slots=True)
class Strip:
    """Bars under the chart on the same time axis; at `hot_from` and above a bar is abnormal."""

    points: Sequence[Point]
    step: timedelta
    unit: str
    hot_from: float


@dataclass(frozen=True, slots=True)
class Picture:
    """What to draw. `scale` divides the values for the axis labels (1000: MW as GW)."""

    start: datetime
    end: datetime
    words: str
    unit: str
    lines: Sequence[Line] = ()
    bands: Sequence[Band] = ()
    windows: Sequence[Window] = ()
    limits: Sequence[Limit] = ()
    strip: Strip | None = None
    now: datetime | None = None
    scale: float = 1.0
    from_zero: bool = False
    height: int = 300


@dataclass(frozen=True, slots=True)
class Tick:
    """A grid line's place and its text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Path:
    """An SVG path and its class."""

    kind: str
    d: str


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, with words and where they stand."""

    x: float
    y: float
    width: float
    height: float
    kind: str = ""
    words: str = ""
    words_x: float = 0.0
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Drawn:
    """One finished drawing."""

    name: str
    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    unit: str
    words: str
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    bands: Sequence[Path]
    lines: Sequence[Path]
    windows: Sequence[Box]
    limits: Sequence[Tick]
    bars: Sequence[Box] = ()
    strip_unit: str = ""
    strip_base: float = 0.0
    strip_peak: Tick | None = None
    now_x: float | None = None
    now_words: str = ""
    now_anchor: str = "end"


@dataclass(frozen=True, slots=True)
class Chart:
    """The same picture for a wide and a narrow screen."""

    wide: Drawn
    narrow: Drawn
    words: str


def draw(picture: Picture) -> Chart:
    """Both drawings of a picture."""
    return Chart(
        wide=_Drawing(picture, "wide-only", 960, picture.height, 9).drawn(),
        narrow=_Drawing(picture, "narrow-only", 366, max(210, picture.height * 3 // 4), 4).drawn(),
        words=picture.words,
    )


def nice_step(span: float, most: int) -> float:
    """The smallest of 1, 2, 5 times a power of ten that cuts `span` into at most `most` pieces."""
    raw = max(span, 1e-9) / most
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * (1 - 1e-9))


def _values(picture: Picture) -> list[float]:
    of_lines = [value for line in picture.lines for _at, value in line.points if value is not None]
    of_bands = [v for band in picture.bands for _at, low, high in band.points for v in (low, high) if v is not None]
    return of_lines + of_bands + [limit.value for limit in picture.limits]


@dataclass
class _Drawing:
    """Scales of one drawing, and what they make of each part."""

    picture: Picture
    name: str
    width: int
    height: int
    most_ticks: int
    low: float = field(init=False)
    high: float = field(init=False)
    y_step: float = field(init=False)

    def __post_init__(self) -> None:
        values = _values(self.picture) or [0.0, 1.0]
        low, high = min(values), max(values)
        if self.picture.from_zero or low >= 0 > low - 0.6 * (high - low):
            low = min(low, 0.0)
        scale = self.picture.scale
        self.y_step = nice_step(max(high - low, scale * 1e-6) / scale, 5) * scale
        self.low = math.floor(low / self.y_step) * self.y_step
        self.high = max(math.ceil(high / self.y_step) * self.y_step, self.low + self.y_step)

    @property
    def right(self) -> float:
        return self.width - MARGIN_RIGHT

    @property
    def floor(self) -> float:
        """Where the time axis stands, under the strip if there is one."""
        return self.height - AXIS_HEIGHT

    @property
    def bottom(self) -> float:
        return self.floor - (STRIP_HEIGHT + 8 if self.picture.strip else 0)

    def x(self, at: datetime) -> float:
        share = (at - self.picture.start) / (self.picture.end - self.picture.start)
        return round(MARGIN_LEFT + share * (self.right - MARGIN_LEFT), 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
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
            windows=[self.window(window) for window in picture.windows],
            limits=[Tick(self.y(limit.value), limit.words) for limit in picture.limits],
            bars=self.bars(),
            strip_unit=picture.strip.unit if picture.strip else "",
            strip_base=self.floor,
            strip_peak=self.strip_peak(),
            now_x=now_x,
            now_words=f"now {picture.now.astimezone(CENTRAL):%H:%M}" if picture.now else "",
            now_anchor="end" if now_x and now_x > MARGIN_LEFT + 80 else "start",
        )

    def y_ticks(self) -> list[Tick]:
        count = round((self.high - self.low) / self.y_step)
        places = 0 if self.y_step / self.picture.scale >= 1 else 1
        values = [self.low + i * self.y_step for i in range(count + 1)]
        return [Tick(self.y(value), f"{value / self.picture.scale:,.{places}f}") for value in values]

    def x_ticks(self) -> list[Tick]:
        """Ticks on round hours of Central time; stepping in UTC, so the repeated hour stands there twice."""
        start, end = self.picture.start, self.picture.end
        step = next((s for s in TICK_STEPS if (end - start) / s <= self.most_ticks), 24 * HOUR)
        ticks, at = [], ceil_to(start, min(step, HOUR))
        while at <= end:
            local = at.astimezone(CENTRAL)
            if (local.hour * 60 + local.minute) % (step.total_seconds() / 60) == 0:
                ticks.append(
                    Tick(self.x(at), f"{local:%a %-d}" if local.hour == local.minute == 0 else f"{local:%H:%M}")
                )
            at += min(step, HOUR)
        return ticks

    def path(self, line: Line) -> str:
        """Moves and lines; a value that is not known lifts the pen."""
        pieces, pen_down = [], False
        for at, value in line.points:
            if value is None:
                pen_down = False
                continue
            corners = [(at, value), (at + line.step, value)] if line.step else [(at, value)]
            for when, level in corners:
                pieces.append(f"{'L' if pen_down else 'M'}{self.x(when)},{self.y(level)}")
                pen_down = True
        return " ".join(pieces)

    def area(self, band: Band) -> str:
        """Closed outlines, one for each stretch without a gap."""
        outlines, run = [], []
        for at, low, high in [*band.points, (self.picture.end, None, None)]:
            if low is not None and high is not None:
                run.append((at, low, high))
            elif run:
                outlines.append(self._outline(run, band.step))
                run = []
        return " ".join(outlines)

    def _outline(self, run: Sequence[tuple[datetime, float, float]], step: timedelta | None) -> str:
        upper = [(when, high) for at, _low, high in run for when in _corners(at, step)]
        lower = [(when, low) for at, low, _high in run for when in _corners(at, step)]
        corners = upper + lower[::-1]
        return "M" + " L".join(f"{self.x(when)},{self.y(value)}" for when, value in corners) + "Z"

    def window(self, window: Window) -> Box:
        left, right = (min(max(self.x(at), MARGIN_LEFT), self.right) for at in (window.start, window.end))
        at_edge = left > self.width * 0.62
        return Box(
            x=left,
            y=MARGIN_TOP - 4,
            width=max(round(right - left, 1), 1),
            height=self.floor - MARGIN_TOP + 4,
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
            height = max(1.5, (STRIP_HEIGHT - 14) * math.sqrt(max(value, 0.0) / highest)) if highest > 0 else 1.5
            kind = "pb hot" if value >= strip.hot_from else "pb"
            found.append(
                Box(
                    x=round(self.x(at) + width * 0.2, 1),
                    y=round(self.floor - height, 1),
                    width=round(width * 0.6, 1),
                    height=round(height, 1),
                    kind=kind,
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
        return Tick(min(max(middle, MARGIN_LEFT + 30), self.right - 30), f"{value:,.0f}")


def _corners(at: datetime, step: timedelta | None) -> Sequence[datetime]:
    return (at, at + step) if step else (at,)


@dataclass(frozen=True, slots=True)
class Spark:
    """A small line without axes, in a box of 120 by 28; `limit_y` is a threshold's height."""

    d: str
    limit_y: float | None = None


def spark(values: Iterable[float | None], *, limit: float | None = None) -> Spark | None:
    """The trend of equally spaced values, None when fewer than two are known."""
    row = list(values)
    known = [value for value in row if value is not None]
    if len(known) < 2:
        return None
    low, high = min(known), max(known)
    # A threshold is drawn only where the line comes near it: far off it would flatten the trend.
    shown = limit if limit is not None and low - (high - low) <= limit <= high + (high - low) else None
    if shown is not None:
        low, high = min(low, shown), max(high, shown)
    span = (high - low) or 1.0

    def height(value: float) -> float:
        return round(25 - (value - low) / span * 22, 1)

    pieces, pen_down = [], False
    for i, value in enumerate(row):
        if value is not None:
            pieces.append(f"{'L' if pen_down else 'M'}{i * 120 / (len(row) - 1):.1f},{height(value)}")
        pen_down = value is not None
    return Spark(" ".join(pieces), None if shown is None else height(shown))


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
