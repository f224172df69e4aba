"""What each cohort's programme still allows: calls of the day and season, hours of rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cohorts.models import Cohort
from grid.core.intervals import operating_day, operating_day_of
from planning.queries import calls_of_cohorts


@dataclass(frozen=True, slots=True)
class CallBudget:
    """What a cohort's programme still allows. Calls decided for later count, as they do for the planner.

    `rest_until`: end of the last call that has begun, plus the programme's rest, when that lies ahead.
    `next_call_at`: the start of a decided call that has not begun.
    """

    cohort: Cohort
    used_today: int
    used_season: int
    rest_until: datetime | None
    next_call_at: datetime | None

    @property
    def left_today(self) -> int:
        """Calls left this operating day."""
        return max(self.cohort.max_events_per_day - self.used_today, 0)

    @property
    def left_season(self) -> int:
        """Calls left this season, counted from New Year."""
        return max(self.cohort.max_events_per_season - self.used_season, 0)


def call_budgets(cohorts: Iterable[Cohort], *, at: datetime) -> list[CallBudget]:
    """One for each cohort, from decided, running and completed calls of the clock's run."""
    found = list(cohorts)
    season_start = operating_day(operating_day_of(at).replace(month=1, day=1))[0]
    calls = calls_of_cohorts(since=season_start)
    return [_budget(cohort, calls[cohort.pk].spans if cohort.pk in calls else (), at) for cohort in found]


def _budget(cohort: Cohort, spans: Iterable[tuple[datetime, datetime]], at: datetime) -> CallBudget:
    known, today = list(spans), operating_day_of(at)
    begun = max((end for start, end in known if start <= at), default=None)
    rest_until = begun + timedelta(hours=float(cohort.rest_h)) if begun else None
    return CallBudget(
        cohort=cohort,
        used_today=sum(operating_day_of(start) == today for start, _end in known),
        used_season=len(known),
        rest_until=rest_until if rest_until and rest_until > at else None,
        next_call_at=min((start for start, _end in known if start > at), default=None),
    )
