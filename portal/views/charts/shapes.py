"""What a chart is asked to show, and what comes out of it for the template: values over time, then SVG coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

Point = tuple[datetime, float | None]


@dataclass(frozen=True, slots=True)
class Line:
    """Values over time; a value of None is a gap.

    `kind` is the look: `me` measured (solid ink), `fc` forecast (dashed accent), `plan` (accent), `del` delivered
    (solid ink with dots); `me2` and `fc2`, `me3` and `fc3` for a second and third of a kind, told apart by dashes.
    `step` set: means of intervals, drawn as steps, or through the intervals' middles with `middles`.
    `name` is for the legend and the table; `gap` says there why a value is missing. The line may set out from `lead`,
    which is no value of its own.
    """

    kind: str
    points: Sequence[Point]
    step: timedelta | None = None
    name: str = ""
    middles: bool = False
    lead: Point | None = None
    gap: str = "not known"


@dataclass(frozen=True, slots=True)
class Band:
    """From low to high over time; points with an unknown side leave a gap. The rest as of a Line."""

    points: Sequence[tuple[datetime, float | None, float | None]]
    step: timedelta | None = None
    name: str = ""
    low_name: str = "P10"
    high_name: str = "P90"
    middles: bool = False
    gap: str = "not known"


@dataclass(frozen=True, slots=True)
class Window:
    """A span worth pointing at, with its words; `kind`: `proposed` or `event` (dashed edge), `sent` (solid edge)."""

    start: datetime
    end: datetime
    words: str
    kind: str = "proposed"


@dataclass(frozen=True, slots=True)
class Limit:
    """A horizontal line with its words, over the whole time or where it binds.

    `kind`: `lim` (beyond it is abnormal) or `aim` (a target).
    """

    value: float
    words: str
    kind: str = "lim"
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Strip:
    """Bars under the chart on the same time axis, as high as their value's square root.

    At `hot_from` and above a bar is abnormal: red with a triangle on it; `hot_words` say for the legend from where.
    """

    points: Sequence[Point]
    step: timedelta
    unit: str
    hot_from: float
    name: str = ""
    hot_words: str = ""
    places: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """What to draw. `words` say in a sentence what it shows; they end with a full stop.

    `scale` divides the values for the axis labels (1000: MW as GW); the table keeps the values, in `value_unit`, with
    `places` decimals. `time_name` heads the table's first column.
    """

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
    value_unit: str = ""
    places: int = 1
    time_name: str = "From (Central time)"


def traced(line: Line) -> list[Point]:
    """The corners a line is drawn through; an unknown value stays one point without a value."""
    lead = [line.lead] if line.lead else []
    return [*lead, *((when, value) for at, value in line.points for when in _places(at, value, line))]


def outlined(band: Band) -> list[tuple[datetime, float | None, float | None]]:
    """Likewise for the two sides of a band."""
    rows = ((at, None, None) if low is None or high is None else (at, low, high) for at, low, high in band.points)
    return [(when, low, high) for at, low, high in rows for when in _places(at, low, band)]


def _places(at: datetime, value: float | None, shape: Line | Band) -> Sequence[datetime]:
    if shape.step is None or value is None:
        return (at,)
    return (at + shape.step / 2,) if shape.middles else (at, at + shape.step)


@dataclass(frozen=True, slots=True)
class Tick:
    """A grid line's place and its text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Level:
    """A limit's height and ends, and its words."""

    y: float
    left: float
    right: float
    words: str
    kind: str


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
    """One finished drawing; `dots` mark the values of delivered lines."""

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
    dots: Sequence[Path]
    windows: Sequence[Box]
    limits: Sequence[Level]
    bars: Sequence[Box] = ()
    strip_unit: str = ""
    strip_base: float = 0.0
    strip_peak: Tick | None = None
    now_x: float | None = None
    now_words: str = ""
    now_anchor: str = "end"


@dataclass(frozen=True, slots=True)
class Chart:
    """The same picture for a wide, a middling and a narrow place."""

    wide: Drawn
    medium: Drawn
    narrow: Drawn
    words: str
