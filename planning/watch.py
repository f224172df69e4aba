"""The watch agent: looks at the forecast and, when it is tight, asks for a plan by itself. It can never approve."""

from __future__ import annotations

from datetime import datetime, timedelta

from grid.core.intervals import operating_day, operating_day_of
from grid.queries import current_snapshot, stress_at
from planning.models import Plan, Strategy
from planning.operations import RequestInvalid, Wish, propose_plan
from planning.queries import agent_has_spoken, live_plan_overlaps

LEAD_LONGEST = timedelta(hours=5)
"""Earlier than this before the window the forecast still moves too much to ask a person."""

LEAD_SHORTEST = timedelta(hours=1, minutes=15)
"""Later than this nobody could decide before the longest notice of the programmes."""

EMERGENCY_FROM_EEA = 2


def watch(*, at: datetime, mode: str) -> Plan | None:
    """Ask for a plan if the next tight window is near and nobody has dealt with this day yet; None otherwise.

    One proposal a day: a person who rejected it, or let it expire, is not asked again by a machine.
    """
    stress = stress_at(at=at)
    if not stress.worth_calling or stress.starts_at is None or stress.ends_at is None:
        return None
    if not LEAD_SHORTEST <= stress.starts_at - at <= LEAD_LONGEST:
        return None
    day_start, day_end = operating_day(operating_day_of(at))
    if agent_has_spoken(start=day_start, end=day_end):
        return None
    if live_plan_overlaps(start=stress.starts_at, end=stress.ends_at):
        return None
    try:
        wish = _wish(stress.starts_at, stress.ends_at, at)
        return propose_plan(wish=wish, by=None, at=at, mode=mode, reason=" ".join(stress.reasons))
    except RequestInvalid:
        return None  # no active cohort: there is nobody to call, and the cohorts page says so


def _wish(starts_at: datetime, ends_at: datetime, at: datetime) -> Wish:
    snapshot = current_snapshot(at=at)
    declared = snapshot.eea_level if snapshot else None
    emergency = declared is not None and declared >= EMERGENCY_FROM_EEA
    strategy = Strategy.EMERGENCY if emergency else Strategy.BALANCED
    return Wish(strategy=strategy, window_start=starts_at, window_end=ends_at)
