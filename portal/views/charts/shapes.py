"""What a chart is asked to show, and what comes out of it for the template: values over time, then SVG coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

Point = tuple[datetime, float | None]


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
