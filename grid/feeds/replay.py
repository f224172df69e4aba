"""History from a CSV file of hourly rows: UTC hour, load by weather zone, prices by load zone, temperatures.

The instant in `hour_beginning_utc` is the key, so the hour repeated in November is two rows like any others and the
days of 23 and 25 hours need no rule. The file's columns in local time are not read. A row counts as known when its hour
has ended; the day-ahead forecast of an operating day from 14:30 Central of the day before. Blanks are gaps: not known.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

from grid.core.intervals import HOUR, day_ahead_known_at, operating_day, operating_day_of
from grid.core.records import (
    LOAD_ZONES,
    PLACE_WEIGHTS,
    WEATHER_ZONES,
    ForecastInterval,
    LoadForecast,
    SnapshotRecord,
    WeatherRecord,
)
from grid.core.refusals import Invalid
from grid.feeds.scenarios import ScenarioFact, all_facts

INSTANT: Final = "hour_beginning_utc"
LOAD: Final = "load_mw"
DAY_AHEAD: Final = "ercot_day_ahead_load_forecast_mw"
WIND, SOLAR = "wind_gen_mw", "solar_gen_mw"
ZONE_LOADS: Final = {zone: f"load_{zone.lower()}_mw" for zone in WEATHER_ZONES}
PRICES: Final = {zone: f"rtm_{zone.lower()}" for zone in LOAD_ZONES}
TEMPERATURES: Final = {place: f"temp_{place}_f" for place in PLACE_WEIGHTS}
REQUIRED: Final = (
    INSTANT,
    LOAD,
    *(PRICES[zone] for zone in ("LZ_HOUSTON", "LZ_NORTH", "LZ_SOUTH", "LZ_WEST")),
    *(TEMPERATURES[place] for place in ("houston", "dallas", "austin")),
)
NUMBERS: Final = (LOAD, DAY_AHEAD, WIND, SOLAR, *ZONE_LOADS.values(), *PRICES.values(), *TEMPERATURES.values())
NOT_NEGATIVE: Final = frozenset({LOAD, DAY_AHEAD, *ZONE_LOADS.values()})
DAY_AHEAD_LABEL: Final = "ERCOT day-ahead forecast"

Columns = Mapping[str, Sequence[float | None]]


class ReplayFileMissing(Invalid):
    """There is no readable file there."""

    field = "replay"

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"There is no readable replay file {path}")


class ReplayFileInvalid(Invalid):
    """The file cannot be replayed; `line` counts from 1 with the header, `column` is None where the row is at fault."""

    field = "replay"

    def __init__(self, path: str, line: int, column: str | None, reason: str) -> None:
        self.path, self.line, self.column, self.reason = path, line, column, reason
        where = f"{path}, line {line}" + (f", column {column}" if column else "")
        super().__init__(f"{where}: {reason}")


@dataclass(frozen=True)
class ReplayRows:
    """A parsed file, oldest hour first: hour starts and, per column, one value or None for each."""

    path: str
    source: str
    starts: tuple[datetime, ...]
    columns: Columns


def open_replay(path: str) -> ReplayFeed:
    """The feed of a file with the facts of all scenarios. Raises ReplayFileMissing or ReplayFileInvalid."""
    try:
        status = Path(path).stat()
    except OSError:
        raise ReplayFileMissing(path) from None
    return _opened(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=2)
def _opened(path: str, _changed_ns: int, _size: int) -> ReplayFeed:
    return ReplayFeed(path, all_facts())


class ReplayFeed:
    """A file's history, hour by hour, and the facts declared within it."""

    backfill = timedelta(days=400)

    def __init__(self, path: str, facts: Sequence[ScenarioFact] = ()) -> None:
        self._rows = read_rows(path)
        begins, ends = self.history_start, self.history_end
        self._facts = [fact for fact in facts if fact.eea_level is not None and begins <= fact.at <= ends]

    @property
    def source(self) -> str:
        """`replay:NAME@HASH`, so that rows of an edited file are not taken for those of the file before."""
        return self._rows.source

    @property
    def history_start(self) -> datetime:
        """The start of the first hour."""
        return self._rows.starts[0]

    @property
    def history_end(self) -> datetime:
        """The end of the last hour."""
        return self._rows.starts[-1] + HOUR

    def snapshots(self, after: datetime, until: datetime, *, every: timedelta | None = None) -> list[SnapshotRecord]:  # noqa: ARG002
        """Hours that ended in (after, until], and declarations made in it; the file's own rhythm whatever `every`."""
        found = [self._snapshot(index) for index in self._ended(after, until)]
        hours = {record.observed_at for record in found}
        found += [self._declaration(fact) for fact in self._facts if after < fact.at <= until and fact.at not in hours]
        return sorted(found, key=lambda record: record.observed_at)

    def weather(self, after: datetime, until: datetime, *, every: timedelta | None = None) -> list[WeatherRecord]:  # noqa: ARG002
        """Temperatures of the hours that ended in (after, until]; a blank is a record without a temperature."""
        columns = {place: self._rows.columns[name] for place, name in TEMPERATURES.items() if self._has(name)}
        return [
            WeatherRecord(place, self._rows.starts[index] + HOUR, self.source, column[index])
            for index in self._ended(after, until)
            for place, column in columns.items()
        ]

    def forecast(self, known_by: datetime) -> LoadForecast | None:
        """The file's day-ahead forecast of the newest operating day that had one by `known_by`."""
        newest = bisect_right(self._day_aheads, known_by, key=lambda entry: entry[0]) - 1
        if newest < 0:
            return None
        known_at, first, last = self._day_aheads[newest]
        column = self._rows.columns[DAY_AHEAD]
        hours = [(self._rows.starts[i], column[i]) for i in range(first, last)]
        intervals = tuple(ForecastInterval(start, load_mw) for start, load_mw in hours if load_mw is not None)
        return LoadForecast(known_at, known_at, self.source, DAY_AHEAD_LABEL, intervals)

    @cached_property
    def _day_aheads(self) -> list[tuple[datetime, int, int]]:
        """(known at, first row, row after the last) of each operating day with a day-ahead forecast."""
        if not self._has(DAY_AHEAD):
            return []
        forecast_at = [start for start, mw in zip(self._rows.starts, self._rows.columns[DAY_AHEAD], strict=True) if mw]
        return [(day_ahead_known_at(day), *self._rows_of(day)) for day in _days(forecast_at)]

    def _rows_of(self, day: date) -> tuple[int, int]:
        start, end = operating_day(day)
        starts = self._rows.starts
        return bisect_right(starts, start - HOUR), bisect_right(starts, end - HOUR)

    def _has(self, column: str) -> bool:
        return column in self._rows.columns

    def _ended(self, after: datetime, until: datetime) -> range:
        starts = self._rows.starts
        return range(bisect_right(starts, after - HOUR), bisect_right(starts, until - HOUR))

    def _snapshot(self, index: int) -> SnapshotRecord:
        columns = self._rows.columns
        observed_at = self._rows.starts[index] + HOUR
        zones = {zone: columns[name][index] for zone, name in ZONE_LOADS.items() if name in columns}
        return SnapshotRecord(
            observed_at=observed_at,
            source=self.source,
            system_load_mw=columns[LOAD][index],
            zone_load_mw={zone: load_mw for zone, load_mw in zones.items() if load_mw is not None},
            prices_usd_per_mwh={zone: columns[name][index] for zone, name in PRICES.items() if name in columns},
            eea_level=self._declared(observed_at),
            wind_mw=columns[WIND][index] if WIND in columns else None,
            solar_mw=columns[SOLAR][index] if SOLAR in columns else None,
        )

    def _declaration(self, fact: ScenarioFact) -> SnapshotRecord:
        return SnapshotRecord(fact.at, self.source, None, {}, {}, eea_level=fact.eea_level)

    def _declared(self, at: datetime) -> int | None:
        """The level in force by the facts of that operating day; not known before the first and on other days."""
        if not self._facts or not self._facts[0].at <= at <= self._facts[-1].at + timedelta(days=1):
            return None
        said = [fact for fact in self._facts if fact.at <= at and operating_day_of(fact.at) == operating_day_of(at)]
        return said[-1].eea_level if said else None


def _days(starts: Sequence[datetime]) -> Iterator[date]:
    seen: date | None = None
    for start in starts:
        day = operating_day_of(start)
        if day != seen:
            yield day
        seen = day


# Reading


def read_rows(path: str) -> ReplayRows:
    """Read and check the whole file. Raises ReplayFileMissing or ReplayFileInvalid."""
    try:
        content = Path(path).read_bytes()
    except OSError:
        raise ReplayFileMissing(path) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReplayFileInvalid(path, content[: error.start].count(b"\n") + 1, None, "is not UTF-8 text") from None
    name = f"replay:{Path(path).name}@{hashlib.sha256(content).hexdigest()[:8]}"
    starts, columns = _Reader(path).read(text)
    order = sorted(range(len(starts)), key=starts.__getitem__)
    sorted_columns = {column: tuple(values[i] for i in order) for column, values in columns.items()}
    return ReplayRows(path, name, tuple(starts[i] for i in order), sorted_columns)


class _Reader:
    """Reads one file; knows the line it is at, for refusals."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._line = 1

    def read(self, text: str) -> tuple[list[datetime], dict[str, list[float | None]]]:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        try:
            header = [name.strip() for name in next(reader, [])]
            self._check_header(header)
            return self._body(reader, header)
        except csv.Error as error:
            raise self._invalid(None, str(error), line=reader.line_num) from None

    def _check_header(self, header: list[str]) -> None:
        for column in REQUIRED:
            if column not in header:
                raise self._invalid(column, "the file lacks this required column")
        for column in (INSTANT, *NUMBERS):
            if header.count(column) > 1:
                raise self._invalid(column, "the column is there twice")

    def _body(
        self, reader: Iterator[list[str]], header: list[str]
    ) -> tuple[list[datetime], dict[str, list[float | None]]]:
        instant = header.index(INSTANT)
        wanted = [(header.index(name), name) for name in NUMBERS if name in header]
        values: dict[str, list[float | None]] = {name: [] for _index, name in wanted}
        sinks = [(index, name, values[name].append) for index, name in wanted]
        lines: dict[datetime, int] = {}
        for row in reader:
            self._line = reader.line_num  # type: ignore[attr-defined]
            if len(row) != len(header):
                raise self._invalid(None, f"{len(row)} fields where the header has {len(header)}")
            start = self._instant(row[instant])
            if start in lines:
                raise self._invalid(INSTANT, f"{row[instant]} is there already, in line {lines[start]}")
            lines[start] = self._line
            for index, name, append in sinks:
                append(self._number(row[index], name))
        if not lines:
            raise self._invalid(None, "the file has no rows")
        return list(lines), values

    def _instant(self, text: str) -> datetime:
        try:
            start = datetime.fromisoformat(text.strip())
        except ValueError:
            raise self._invalid(INSTANT, f"{text!r} is not an instant") from None
        if start.tzinfo is None:
            raise self._invalid(INSTANT, f"{text!r} has no offset from UTC")
        start = start.astimezone(UTC)
        if start.minute or start.second or start.microsecond:
            raise self._invalid(INSTANT, f"{text!r} is not the start of an hour")
        return start

    def _number(self, text: str, column: str) -> float | None:
        if not text or text.isspace():
            return None
        try:
            number = float(text)
        except ValueError:
            raise self._invalid(column, f"{text!r} is not a number") from None
        if not math.isfinite(number):
            raise self._invalid(column, f"{text!r} is not a finite number")
        if number < 0 and column in NOT_NEGATIVE:
            raise self._invalid(column, f"{text!r} is negative")
        return number

    def _invalid(self, column: str | None, reason: str, *, line: int | None = None) -> ReplayFileInvalid:
        return ReplayFileInvalid(self._path, line or self._line, column, reason)
