"""From a picture to two drawings: scales, ticks, paths. Pure; the templates only place what is here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from grid.core.intervals import CENTRAL, HOUR, QUARTER, ceil_to
from portal.views.charts.shapes import Band, Box, Chart, Drawn, Line, Path, Picture, Tick, Window

TICK_STEPS = (QUARTER, 2 * QUARTER, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR)
MARGIN_LEFT, MARGIN_RIGHT, MARGIN_TOP, AXIS_HEIGHT, STRIP_HEIGHT = 50, 22, 20, 24, 44


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
