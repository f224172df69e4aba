"""Feasible runs of a cohort within the window, and what one account on each of them does to the load.

A pattern is one run (start, length) that every programme rule allows: season, weekday, hours, notice, rest, event
length, budgets of day and season. Its profile holds in-event decay and rebound after release: the MILP stays linear.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from cohorts.core.response import expected_run_kw, participation_share, rebound_kw
from grid.core.intervals import CENTRAL, QUARTER
from grid.core.units import mw_of_kw
from planning.core.problem import Array, CohortInput, PlanningProblem

STEP_MIN: Final = 15
FINE_STEPS: Final = 24
"""Up to this many window steps every quarter-hour is a possible start; longer windows are searched more coarsely."""


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """One run: steps [first, first + length) of the window; per called account `shed_mw` (window,) and `net_mw` (n,).

    `participation` is the mean share of called accounts that respond, already contained in the profiles.
    """

    cohort_index: int
    first: int
    length: int
    shed_mw: Array
    net_mw: Array
    participation: float


@dataclass(frozen=True, slots=True, eq=False)
class Feasible:
    """All patterns of all cohorts, and why the cohorts without any have none: (slug, sentence)."""

    patterns: tuple[Pattern, ...]
    not_eligible: tuple[tuple[str, str], ...]


def feasible_patterns(problem: PlanningProblem) -> Feasible:
    """Every allowed run of every cohort, cohorts by slug whatever order they came in."""
    steps, hours = problem.steps(), problem.hours()
    patterns: list[Pattern] = []
    refused: list[tuple[str, str]] = []
    for index, cohort in sorted(enumerate(problem.cohorts), key=lambda pair: pair[1].slug):
        reason = _standing_refusal(cohort)
        found = [] if reason else _runs_of(problem, cohort, steps)
        if found:
            patterns.extend(_pattern(problem, index, first, length, hours) for first, length in found)
        else:
            refused.append((cohort.slug, reason or _why_no_run(problem, cohort, steps)))
    return Feasible(tuple(patterns), tuple(refused))


def _standing_refusal(cohort: CohortInput) -> str | None:
    """A refusal that no choice of time could cure, or None."""
    rules = cohort.rules
    if cohort.accounts_eligible == 0:
        return "no account is eligible"
    if cohort.calls_used_season >= rules.max_events_per_season:
        return f"all {rules.max_events_per_season} calls of the season are used"
    if cohort.calls_used_today >= rules.max_events_per_day:
        return f"already called {cohort.calls_used_today} of {rules.max_events_per_day} times today"
    return None


def earliest_start(problem: PlanningProblem, cohort: CohortInput) -> datetime:
    """The first instant allowed by notice and by rest since its last event."""
    first = problem.now + timedelta(minutes=cohort.rules.notice_min)
    if cohort.called_last_at is not None:
        first = max(first, cohort.called_last_at + timedelta(hours=cohort.rules.rest_h))
    return first


def _civil_mask(cohort: CohortInput, steps: list[datetime]) -> list[bool]:
    """Whether season, weekday and hours allow each step; asked of every step, so 23- and 25-hour days need no care."""
    rules = cohort.rules
    allowed = []
    for at in steps:
        local = at.astimezone(CENTRAL)
        in_season = local.month in rules.season_months
        workday = not rules.weekdays_only or local.weekday() < 5
        allowed.append(in_season and workday and rules.earliest_hour <= local.hour < rules.latest_hour)
    return allowed


def _runs_of(problem: PlanningProblem, cohort: CohortInput, steps: list[datetime]) -> list[tuple[int, int]]:
    """(first step, length) of every allowed run within the window."""
    window = problem.window_steps
    grain = 1 if window <= FINE_STEPS else 2 if window <= 2 * FINE_STEPS else 4
    shortest = -(-cohort.rules.min_event_min // STEP_MIN)
    longest = cohort.rules.max_event_min // STEP_MIN
    allowed = _civil_mask(cohort, steps[:window])
    earliest = earliest_start(problem, cohort)
    found: list[tuple[int, int]] = []
    for first in range(0, window, grain):
        if steps[first] < earliest:
            continue
        reach = _allowed_length(allowed, first, longest)
        lengths = {length for length in range(shortest, reach + 1) if (length - shortest) % grain == 0}
        if reach >= shortest:
            lengths.add(reach)
        found.extend((first, length) for length in sorted(lengths))
    return found


def _allowed_length(allowed: list[bool], first: int, longest: int) -> int:
    """Consecutive allowed steps from `first`, at most `longest`."""
    length = 0
    while length < longest and first + length < len(allowed) and allowed[first + length]:
        length += 1
    return length


def _why_no_run(problem: PlanningProblem, cohort: CohortInput, steps: list[datetime]) -> str:
    """The nearest limit, as an operator would fix it."""
    rules, window = cohort.rules, steps[: problem.window_steps]
    locals_ = [at.astimezone(CENTRAL) for at in window]
    if not any(local.month in rules.season_months for local in locals_):
        return f"outside its season ({_months(rules.season_months)})"
    if rules.weekdays_only and not any(local.weekday() < 5 for local in locals_):
        return "weekdays only"
    if problem.window_h * 60 < rules.min_event_min:
        return f"shortest event is {rules.min_event_min} min, the window {problem.window_h * 60:g} min"
    if not any(_civil_mask(cohort, window)):
        return f"outside its hours ({rules.earliest_hour}:00-{rules.latest_hour}:00 Central)"
    earliest = earliest_start(problem, cohort)
    if earliest > window[0]:
        resting = earliest - problem.now > timedelta(minutes=rules.notice_min)
        cause = f"rests {rules.rest_h:g} h after its last event" if resting else f"needs {rules.notice_min} min notice"
        return f"{cause}: not before {earliest.astimezone(CENTRAL):%d %b %H:%M} Central"
    return f"no {rules.min_event_min} min within both the window and its hours"


def _months(months: tuple[int, ...]) -> str:
    return ", ".join(calendar.month_abbr[month] for month in sorted(months))


def _pattern(problem: PlanningProblem, cohort_index: int, first: int, length: int, hours: Array) -> Pattern:
    cohort = problem.cohorts[cohort_index]
    run = slice(first, first + length)
    run_kw = expected_run_kw(cohort.model, cohort.kw_per_account, cohort.temps_f[run], hours[run])
    shed = np.zeros(problem.window_steps)
    shed[run] = run_kw
    net = np.zeros(problem.n_steps)
    net[run] = run_kw
    after = rebound_kw(cohort.model, run_kw)[: problem.n_steps - run.stop]
    net[run.stop : run.stop + len(after)] -= after
    staying = participation_share(cohort.model, np.arange(length), cohort.temps_f[run])
    return Pattern(cohort_index, first, length, mw_of_kw(shed), mw_of_kw(net), float(np.mean(staying)))


def run_times(problem: PlanningProblem, pattern: Pattern) -> tuple[datetime, datetime]:
    """UTC start and end of a pattern's run."""
    start = problem.window_start + pattern.first * QUARTER
    return start, start + pattern.length * QUARTER
