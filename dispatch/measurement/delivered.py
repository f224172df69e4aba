"""From five-minute telemetry to what an event delivered, gave back, cost and was worth. Pure arithmetic.

Telemetry: MW, positive = less load than without the event, negative = rebound; steps of 5 minutes from a quarter-hour.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from grid.core.intervals import HOUR, QUARTER
from grid.core.units import QUARTER_HOURS_PER_HOUR, mwh_of_quarter_hours

Array = NDArray[np.float64]

STEP: Final = timedelta(minutes=5)
STEPS_PER_HOUR: Final = HOUR // STEP
STEPS_PER_QUARTER: Final = QUARTER // STEP
REBOUND_COUNTED: Final = timedelta(hours=6)


class TelemetryMissing(ValueError):
    """A step before the last known one is missing, so no mean over it can be stated."""

    def __init__(self, starts_at: datetime) -> None:
        self.starts_at = starts_at
        super().__init__(f"no telemetry for the five minutes from {starts_at.isoformat()}")


@dataclass(frozen=True, slots=True)
class Telemetry:
    """One cohort's steps from `starts_at` on, without gaps: curtailed MW (n_steps,)."""

    starts_at: datetime
    curtailed_mw: Array

    @property
    def ends_at(self) -> datetime:
        """End of the last step."""
        return self.starts_at + len(self.curtailed_mw) * STEP

    def between(self, start: datetime, end: datetime) -> Array:
        """Its steps over [start, end): ((end - start) / 5 min,); zero before its first one.

        Raises TelemetryMissing when it does not reach to `end`.
        """
        if end > self.ends_at:
            raise TelemetryMissing(self.ends_at)
        steps = np.zeros((end - start) // STEP)
        first = (self.starts_at - start) // STEP
        known = self.curtailed_mw[max(0, -first) : (end - self.starts_at) // STEP]
        at = max(0, first)
        steps[at : at + len(known)] = known
        return steps


def telemetry_of(steps: Iterable[tuple[datetime, float]]) -> Telemetry | None:
    """The series of one cohort from (starts_at, MW) in order of time; None when there is none yet.

    Raises TelemetryMissing at the first gap.
    """
    listed = list(steps)
    if not listed:
        return None
    origin = listed[0][0]
    for index, (starts_at, _mw) in enumerate(listed):
        if starts_at != origin + index * STEP:
            raise TelemetryMissing(origin + index * STEP)
    return Telemetry(origin, np.array([mw for _at, mw in listed], dtype=np.float64))


def quarter_hour_means(series: Iterable[Telemetry], start: datetime, end: datetime) -> Array:
    """Fleet MW, mean of each quarter-hour of [start, end): (n_quarters,). Raises TelemetryMissing."""
    total = np.zeros((end - start) // STEP)
    for one in series:
        total += one.between(start, end)
    return np.asarray(total.reshape(-1, STEPS_PER_QUARTER).mean(axis=1), dtype=np.float64)


def delivered_mwh(delivered_mw: Array) -> float:
    """Energy of quarter-hour means: their sum / 4."""
    return mwh_of_quarter_hours(delivered_mw)


def rebound_mwh(series: Iterable[Telemetry], *, window_end: datetime, until: datetime) -> float:
    """Energy above baseline, all cohorts together, from the window's end until `until`, at most six hours later.

    What is still saved then counts as zero rebound, not as a negative one.
    """
    until = min(until, window_end + REBOUND_COUNTED)
    if until <= window_end:
        return 0.0
    net_mw = sum((one.between(window_end, until) for one in series), np.zeros((until - window_end) // STEP))
    return float(np.maximum(-net_mw, 0.0).sum()) / STEPS_PER_HOUR


def incentive_usd(*, shed_mwh: float, rate_usd_per_mwh: float, call_fee_usd: float, called: int) -> float:
    """What one cohort's accounts are paid: the rate on what each shed while called, and the fee for each call."""
    return max(shed_mwh, 0.0) * rate_usd_per_mwh + call_fee_usd * called


def value_usd(delivered_mw: Array, prices_usd_per_mwh: Array) -> float | None:
    """MWh of each quarter-hour at the price of its hour, both (n_quarters,); None when a price is not known (NaN)."""
    if np.isnan(prices_usd_per_mwh).any():
        return None
    return float(delivered_mw @ prices_usd_per_mwh) / QUARTER_HOURS_PER_HOUR
