"""Which limits hold a plan back, each with the sentence that tells an operator."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from grid.core.intervals import CENTRAL
from grid.core.units import pct_of_share
from planning.core.patterns import earliest_start
from planning.core.problem import Array, CohortInput, PlanningProblem
from planning.core.solution import Binding, CohortPlan, Limit
from planning.core.strategy import OVERSHOOT_SHARE, STRATEGY_WEIGHTS

NOTICEABLE_MW: Final = 0.05


def binding_limits(
    problem: PlanningProblem,
    plans: tuple[CohortPlan, ...],
    not_eligible: tuple[tuple[str, str], ...],
    expected_mw: Array,
    target_mw: float,
) -> tuple[Binding, ...]:
    """Fleet limits first, then cohort by cohort."""
    cohorts = {cohort.slug: cohort for cohort in problem.cohorts}
    found = _fleet_limits(problem, expected_mw, target_mw)
    found += [
        Binding(Limit.NOT_ELIGIBLE, slug, f"{cohorts[slug].label} cannot be called: {reason}.")
        for slug, reason in not_eligible
    ]
    for plan in plans:
        found += _cohort_limits(problem, cohorts[plan.cohort_slug], plan)
    return tuple(found)


def _fleet_limits(problem: PlanningProblem, expected_mw: Array, target_mw: float) -> list[Binding]:
    window = expected_mw[: problem.window_steps]
    rebound_mw = float(max(0.0, -expected_mw[problem.window_steps :].min()))
    found = []
    missing = target_mw - float(window.min())
    if missing > NOTICEABLE_MW:
        sentence = f"The weakest quarter-hour is expected {missing:.1f} MW below the target of {target_mw:.1f} MW."
        found.append(Binding(Limit.TARGET, None, sentence))
    ceiling, above = (1.0 + OVERSHOOT_SHARE) * target_mw, f"{pct_of_share(OVERSHOOT_SHARE):.0f} %"
    if float(window.max()) > ceiling - NOTICEABLE_MW:
        sentence = f"At least one quarter-hour is at the ceiling of {ceiling:.1f} MW (target + {above})."
        found.append(Binding(Limit.OVERSHOOT, None, sentence))
        if STRATEGY_WEIGHTS[problem.strategy].risk_level >= 0.95:
            sentence = f"More certainty than this would need more than {above} above the target."
            found.append(Binding(Limit.RISK, None, sentence))
    cap = problem.rebound_cap_mw
    if cap is not None and rebound_mw > cap - NOTICEABLE_MW:
        found.append(Binding(Limit.REBOUND_CAP, None, f"The rebound is held at its cap of {cap:.1f} MW."))
    return found


def _cohort_limits(problem: PlanningProblem, cohort: CohortInput, plan: CohortPlan) -> list[Binding]:
    rules, found = cohort.rules, []
    if plan.accounts_called == cohort.accounts_eligible:
        sentence = f"{cohort.label}: all {cohort.accounts_eligible:,} eligible accounts are called."
        found.append(Binding(Limit.ACCOUNTS, cohort.slug, sentence))
    longest_min = max((run.ends_at - run.starts_at).total_seconds() / 60 for run in plan.runs)
    if longest_min >= rules.max_event_min and problem.window_h * 60 > rules.max_event_min:
        sentence = (
            f"{cohort.label}: at most {rules.max_event_min} min per event of the {problem.window_h * 60:g} asked."
        )
        found.append(Binding(Limit.PROGRAMME_LENGTH, cohort.slug, sentence))
    if not _spans(cohort, problem.window_start, problem.window_end):
        sentence = f"{cohort.label}: only {rules.earliest_hour}:00-{rules.latest_hour}:00 Central."
        found.append(Binding(Limit.PROGRAMME_HOURS, cohort.slug, sentence))
    earliest = earliest_start(problem, cohort)
    if earliest > problem.window_start:
        sentence = f"{cohort.label}: not before {earliest.astimezone(CENTRAL):%H:%M} Central (notice and rest)."
        found.append(Binding(Limit.NOTICE, cohort.slug, sentence))
    return found


def _spans(cohort: CohortInput, start: datetime, end: datetime) -> bool:
    """Whether the programme's hours hold the whole window."""
    rules, first, last = cohort.rules, start.astimezone(CENTRAL), end.astimezone(CENTRAL)
    if (rules.earliest_hour, rules.latest_hour) == (0, 24):
        return True
    last_hour = 24.0 if last.date() > first.date() else last.hour + last.minute / 60
    return first.hour >= rules.earliest_hour and last_hour <= rules.latest_hour
