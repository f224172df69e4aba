"""Flexibility by hour: cohort by cohort over the next 24 hours, as a strip of shaded numbers and as a file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from cohorts.core.fleet import CohortBand, fleet_firm_mw
from cohorts.models import Cohort
from cohorts.queries import Flexibility
from grid.core.intervals import HOUR, QUARTER
from portal.views.csv_answer import Sheet

QUARTERS_PER_HOUR: Final = HOUR // QUARTER
SHADES: Final = 4
Fleet = Sequence[tuple[Cohort, Flexibility | None]]


@dataclass(frozen=True, slots=True)
class FlexibleHour:
    """One hour: means of the MW a cohort (or the fleet) can shed, or that no programme allows a call then.

    `shade` 0 to 4: how near P50 comes to the strip's own highest hour.
    """

    starts_at: datetime
    p10_mw: float
    p50_mw: float
    p90_mw: float
    allowed: bool
    shade: int = 0

    def if_allowed(self, mw: float) -> float | None:
        """None when no call is allowed then."""
        return mw if self.allowed else None


@dataclass(frozen=True, slots=True)
class Strip:
    """A cohort's hours; none while its temperature is not known."""

    cohort: Cohort
    hours: Sequence[FlexibleHour]


@dataclass(frozen=True, slots=True)
class FleetHour:
    """All cohorts in one hour; firm is not the sum of the cohorts' (see cohorts.core.fleet). None: not known."""

    starts_at: datetime
    p50_mw: float | None
    firm_mw: float | None


def hours_of(flexibility: Flexibility) -> list[FlexibleHour]:
    """Means of the four quarter-hours of each hour; allowed when any of them is."""
    bands = np.stack([flexibility.p10_mw, flexibility.p50_mw, flexibility.p90_mw])
    hourly = bands.reshape(3, -1, QUARTERS_PER_HOUR).mean(axis=2).T.tolist()
    allowed = flexibility.within_programme.reshape(-1, QUARTERS_PER_HOUR).max(axis=1).tolist()
    starts = flexibility.starts_at[::QUARTERS_PER_HOUR]
    most = max((p50 for _p10, p50, _p90 in hourly), default=0.0) or 1.0
    rows = zip(starts, hourly, allowed, strict=True)
    return [
        FlexibleHour(start, p10, p50, p90, ok, round(SHADES * p50 / most) if ok else 0)
        for start, (p10, p50, p90), ok in rows
    ]


def strips(fleet: Fleet) -> list[Strip]:
    """One for each cohort."""
    return [Strip(cohort, hours_of(flexibility) if flexibility else ()) for cohort, flexibility in fleet]


def fleet_hours(found: Sequence[Strip], starts: Sequence[datetime]) -> list[FleetHour]:
    """All cohorts together, hour by hour; not known while one cohort's temperature is not."""
    if not found or any(not strip.hours for strip in found):
        return [FleetHour(start, None, None) for start in starts]
    return [_fleet_hour(start, i, found) for i, start in enumerate(starts)]


def _fleet_hour(start: datetime, index: int, found: Sequence[Strip]) -> FleetHour:
    hours = [(strip.hours[index], strip.cohort.response_model.common_sigma) for strip in found]
    bands = [CohortBand(hour.p10_mw, hour.p50_mw, sigma) for hour, sigma in hours]
    return FleetHour(start, math.fsum(band.p50_mw for band in bands), fleet_firm_mw(bands))


def hours_sheet(found: Sequence[Strip]) -> Sheet:
    """Cohort by hour as a file; empty where no call is allowed."""
    header = ("cohort", "starts_at", "firm_p90_mw", "available_p50_mw", "p90_mw", "call_allowed")
    rows = (
        [strip.cohort.name, h.starts_at, *(h.if_allowed(mw) for mw in (h.p10_mw, h.p50_mw, h.p90_mw)), h.allowed]
        for strip in found
        for h in strip.hours
    )
    return Sheet("flexibility-by-hour", header, rows)
