"""What somebody who asks for a plan may choose from: windows, and what the cohorts can do in one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from cohorts.models import Cohort
from cohorts.queries import CohortAvailability, FleetAvailability, active_cohorts, availability_between
from grid.core.intervals import HOUR, QUARTER, ceil_to, central, operating_day, operating_day_of
from grid.core.stress import Stress
from grid.queries import stress_at
from planning.core.strategy import Strategy
from planning.known import time_to_decide
from planning.queries import CallRecord, calls_of_cohorts

TIME_TO_ASK: Final = timedelta(minutes=30)
"""Left to fill in the form, in portal time: a drill runs faster than people type."""

EVENING: Final = (time(18), time(21))
SOON: Final = 2 * HOUR


@dataclass(frozen=True, slots=True)
class WindowChoice:
    """A window worth asking for, with the reason in words."""

    key: str
    name: str
    start: datetime
    end: datetime
    why: str


@dataclass(frozen=True, slots=True)
class CohortChoice:
    """One cohort in the window: its three numbers, and the calls its programme leaves this season.

    `why_none`: why it cannot be called then, whatever its MW; empty: it can.
    """

    availability: CohortAvailability
    calls_left: int
    calls_allowed: int
    chosen: bool
    why_none: str = ""

    @property
    def cohort(self) -> Cohort:
        """The cohort."""
        return self.availability.cohort


@dataclass(frozen=True, slots=True)
class Possible:
    """What can be had in [start, end): each active cohort, and the chosen ones together (all when none is chosen)."""

    start: datetime
    end: datetime
    cohorts: tuple[CohortChoice, ...]
    fleet: FleetAvailability


def window_choices(*, at: datetime, stress: Stress) -> tuple[WindowChoice, ...]:
    """The next two hours people can still decide on, the evening peak, and the hours the watch rule names."""
    earliest = ceil_to(at + time_to_decide(Strategy.BALANCED) + TIME_TO_ASK, QUARTER)
    found = [
        WindowChoice("next", "Next 2 h", earliest, earliest + SOON, "the earliest people can decide on"),
        _evening(earliest),
    ]
    if stress.starts_at and stress.ends_at and stress.starts_at >= earliest:
        found.append(
            WindowChoice("tightest", "Tightest hours", stress.starts_at, stress.ends_at, " ".join(stress.reasons))
        )
    return tuple(found)


def _evening(earliest: datetime) -> WindowChoice:
    """Today's, or tomorrow's once it is too late for today's."""
    day = operating_day_of(earliest)
    if central(day, EVENING[0]) < earliest:
        day += timedelta(days=1)
    start, end = (central(day, hour) for hour in EVENING)
    return WindowChoice("evening", "Evening peak", start, end, "when the sun leaves and prices peak")


def stress_now(*, at: datetime) -> Stress:
    """The watch rule's view of the rest of the day; without a window of its own the planner takes these hours."""
    return stress_at(at=at)


def reach(
    *, chosen: Collection[int], start: datetime, end: datetime, at: datetime
) -> tuple[FleetAvailability, FleetAvailability]:
    """All active cohorts in the window, and the chosen ones together (all when none is chosen).

    Raises cohorts.queries.FlexibilitySpanRefused.
    """
    cohorts = list(active_cohorts())
    everyone = availability_between(cohorts=cohorts, start=start, end=end, at=at)
    asked = [cohort for cohort in cohorts if cohort.pk in chosen]
    return everyone, availability_between(cohorts=asked, start=start, end=end, at=at) if asked else everyone


def possible(
    *, everyone: FleetAvailability, asked: FleetAvailability, chosen: Collection[int], at: datetime
) -> Possible:
    """What `reach` found, with the calls each programme has left; outside a programme's hours a cohort has 0 MW."""
    used = _calls_this_season(everyone.starts_at)
    return Possible(
        start=everyone.starts_at,
        end=everyone.ends_at,
        cohorts=tuple(
            _choice(each, used.get(each.cohort.pk), each.cohort.pk in chosen, everyone.starts_at, at)
            for each in everyone.cohorts
        ),
        fleet=asked,
    )


def _choice(
    availability: CohortAvailability, used: CallRecord | None, chosen: bool, start: datetime, at: datetime
) -> CohortChoice:
    allowed = availability.cohort.rules.max_events_per_season
    left = max(0, allowed - (used.calls if used else 0))
    return CohortChoice(availability, left, allowed, chosen, _why_none(availability, used, left, start, at))


def _why_none(
    availability: CohortAvailability, used: CallRecord | None, left: int, start: datetime, at: datetime
) -> str:
    """The nearest limit first: the season, the day, the programme's hours."""
    day = operating_day_of(start)
    that_day = sum(operating_day_of(begun) == day for begun, _ended in used.spans) if used else 0
    if not left:
        return "season used up"
    if that_day >= availability.cohort.rules.max_events_per_day:
        return "used up today" if day == operating_day_of(at) else f"used up on {day:%a %-d %b}"
    return "outside its hours" if availability.available_p50_mw == 0 else ""


def _calls_this_season(start: datetime) -> Mapping[int, CallRecord]:
    season = operating_day(operating_day_of(start).replace(month=1, day=1))[0]
    return calls_of_cohorts(since=season)
