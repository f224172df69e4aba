"""An hourly series on consecutive UTC hours; NaN where a value is not known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from grid.core.intervals import CENTRAL, HOUR, floor_to

HOURS_PER_DAY = 24


@dataclass(frozen=True, slots=True)
class HourlySeries:
    """`values[i]` belongs to the hour that starts at `first` + i hours; everything before `end` was known."""

    first: datetime
    values: NDArray[np.float64]  # (n_hours,)

    @property
    def end(self) -> datetime:
        """The first hour that is not in the series."""
        return self.first + len(self.values) * HOUR

    def starts(self) -> list[datetime]:
        """The start of each hour."""
        return [self.first + i * HOUR for i in range(len(self.values))]

    def value_at(self, at: datetime) -> float:
        """The value of the hour holding `at`; NaN outside the series."""
        index = (floor_to(at, HOUR) - self.first) // HOUR
        return float(self.values[index]) if 0 <= index < len(self.values) else float("nan")


def series_of(pairs: Iterable[tuple[datetime, float | None]]) -> HourlySeries | None:
    """The series from the first to the last hour start given, gaps as NaN; None when there is no value at all."""
    known = {start: value for start, value in pairs if value is not None}
    if not known:
        return None
    first, last = min(known), max(known)
    values = np.full((last - first) // HOUR + 1, np.nan)
    for start, value in known.items():
        values[(start - first) // HOUR] = value
    return HourlySeries(first, values)


def without_gaps(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """An unknown hour takes the value 24 hours before it, else 24 hours after it, else the series' mean."""
    filled = values.copy()
    for index in np.flatnonzero(np.isnan(filled)):
        before, after = index - HOURS_PER_DAY, index + HOURS_PER_DAY
        if before >= 0 and not np.isnan(filled[before]):
            filled[index] = filled[before]
        elif after < len(filled) and not np.isnan(filled[after]):
            filled[index] = filled[after]
    return np.where(np.isnan(filled), np.nanmean(values), filled)


def local_clock(first: datetime, n_hours: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Proleptic ordinal of the operating day and Central clock hour of consecutive hours; each (n_hours,)."""
    local = [(first + i * HOUR).astimezone(CENTRAL) for i in range(n_hours)]
    return (
        np.array([at.toordinal() for at in local], dtype=np.int64),
        np.array([at.hour for at in local], dtype=np.int64),
    )


def by_day_and_hour(series: HourlySeries, *, days: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The last `days` operating days the series touches: their ordinals (n_days,), and values (n_days, 24).

    NaN where not known and in the hour that March skips; the hour that November repeats keeps its later half.
    """
    tail = series.values[-(days + 1) * 25 :]
    ordinals, hours = local_clock(series.end - len(tail) * HOUR, len(tail))
    table_days = np.unique(ordinals)
    table = np.full((len(table_days), HOURS_PER_DAY), np.nan)
    table[np.searchsorted(table_days, ordinals), hours] = tail
    return table_days[-days:], table[-days:]
