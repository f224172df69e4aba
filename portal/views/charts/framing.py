"""A chart with everything around it: legend, words, the same values as a table and as a file, data for the script."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from portal.views.charts.data import data_of, milliseconds
from portal.views.charts.drawing import draw
from portal.views.charts.shapes import Band, Chart, Picture, Point, Strip
from portal.views.csv_answer import Sheet

WINDOW_WORDS: Final = {"proposed": "proposed window", "sent": "sent window", "event": "window of the event"}


@dataclass(frozen=True, slots=True)
class LegendItem:
    """How something looks (`kind`: its sample in the template) and what it is."""

    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Column:
    """One series of the table. `step` None: instants."""

    name: str
    unit: str
    places: int
    points: Sequence[Point]
    step: timedelta | None
    gap: str

    def words(self, value: float | None) -> str:
        """A cell's text."""
        return self.gap if value is None else f"{value:,.{self.places}f}"


@dataclass(frozen=True, slots=True)
class Cell:
    """A value with its text; `text` empty: this series says nothing about this time."""

    text: str
    value: float | None = None

    @property
    def known(self) -> bool:
        """Whether it is a number."""
        return self.value is not None


@dataclass(frozen=True, slots=True)
class Row:
    """The values of one time, and where the cursor stands for it (milliseconds since 1970)."""

    at: datetime
    cursor_ms: int
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class ChartFrame:
    """What components/chart.html shows. Without `chart` there is nothing to show, and `words` say why."""

    key: str
    title: str
    source: str
    words: str
    note: str = ""
    chart: Chart | None = None
    legend: Sequence[LegendItem] = ()
    time_name: str = ""
    columns: Sequence[Column] = ()
    rows: Sequence[Row] = ()
    data: Mapping[str, Any] | None = None

    @property
    def data_id(self) -> str:
        """Of the data the script reads."""
        return f"chart-{self.key}-data"

    def sheet(self) -> Sheet:
        """The table as a file."""
        header = ["from", *(f"{column.name} ({column.unit})" for column in self.columns)]
        return Sheet(self.key, header, ([row.at, *(cell.value for cell in row.cells)] for row in self.rows))


def framed(picture: Picture, *, key: str, title: str, source: str = "", note: str = "") -> ChartFrame:
    """A picture in its frame. `source` says where the values come from and how old they are; `note` stands below."""
    columns = list(_columns(picture))
    return ChartFrame(
        key=key,
        title=title,
        source=source,
        words=picture.words,
        note=note,
        chart=draw(picture),
        legend=list(_legend(picture)),
        time_name=picture.time_name,
        columns=columns,
        rows=_rows(columns),
        data=data_of(picture),
    )


def nothing(*, key: str, title: str, words: str, source: str = "") -> ChartFrame:
    """The frame of a chart that has nothing to show, and why."""
    return ChartFrame(key=key, title=title, source=source, words=words)


def sheets(*frames: ChartFrame) -> dict[str, Callable[[], Sheet]]:
    """The tables of charts for `show(…, sheets=…)`."""
    return {frame.key: frame.sheet for frame in frames}


def _columns(picture: Picture) -> Iterator[Column]:
    unit = picture.value_unit or picture.unit
    for line in picture.lines:
        yield Column(line.name, unit, picture.places, line.points, line.step, line.gap)
    for band in picture.bands:
        lows = [(at, low) for at, low, _high in band.points]
        highs = [(at, high) for at, _low, high in band.points]
        low_name, high_name = (_side(picture, band, name) for name in (band.low_name, band.high_name))
        yield Column(low_name, unit, picture.places, lows, band.step, band.gap)
        yield Column(high_name, unit, picture.places, highs, band.step, band.gap)
    if picture.strip:
        strip = picture.strip
        yield Column(strip.name, strip.unit, strip.places, strip.points, strip.step, "not known")


def _side(picture: Picture, band: Band, name: str) -> str:
    """A band's side; said of what where there are several bands."""
    return f"{band.name}, {name}" if len(picture.bands) > 1 else name


def _rows(columns: Sequence[Column]) -> list[Row]:
    """One for each time any series speaks of, in their order."""
    values = [dict(column.points) for column in columns]
    times = sorted({at for series in values for at in series})
    return [_row(at, columns, values) for at in times]


def _row(at: datetime, columns: Sequence[Column], values: Sequence[Mapping[datetime, float | None]]) -> Row:
    cells, steps = [], []
    for column, series in zip(columns, values, strict=True):
        if at in series:
            cells.append(Cell(column.words(series[at]), series[at]))
            steps.append(column.step or timedelta())
        else:
            cells.append(Cell(""))
    return Row(at, milliseconds(at + min(steps) / 2), cells)


def _legend(picture: Picture) -> Iterator[LegendItem]:
    """A sample and words for each thing drawn; a band of the same name shares its line's sample."""
    bands = {band.name: band for band in picture.bands}
    for line in picture.lines:
        band = bands.pop(line.name, None)
        words = f"{line.name}, {band.low_name} to {band.high_name}" if band else line.name
        yield LegendItem(f"{line.kind} in-band" if band else line.kind, words)
    for band in bands.values():
        yield LegendItem("band", f"{band.name}, {band.low_name} to {band.high_name}".removeprefix(", "))
    yield from (LegendItem(limit.kind, limit.words) for limit in picture.limits)
    windows = sorted({window.kind for window in picture.windows})
    yield from (LegendItem(f"win {kind}", WINDOW_WORDS[kind]) for kind in windows)
    if picture.strip:
        yield from _strip_legend(picture.strip)


def _strip_legend(strip: Strip) -> Iterator[LegendItem]:
    yield LegendItem("pb", f"{strip.name}, {strip.unit} (height: square root)")
    yield LegendItem("pb hot", strip.hot_words or f"{strip.hot_from:,.0f} {strip.unit} and above")
