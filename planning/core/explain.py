"""Why this plan, in plain words: why now, what is asked, what it rests on, which limits bind, what would make it wrong.

Only numbers that are known are told; an unknown one is said to be unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from grid.core.intervals import CENTRAL, HOUR
from grid.core.units import pct_of_share
from planning.core.problem import PlanningProblem
from planning.core.solution import CohortPlan, Limit, PlanSolution
from planning.core.strategy import Strategy

STRATEGY_WORDS = {
    Strategy.BALANCED: "weighs cost, wear and certainty evenly",
    Strategy.COST_MINIMIZE: "spends as little as it can and accepts more risk",
    Strategy.RELIABILITY: "buys certainty before cost",
    Strategy.EMERGENCY: "takes what there is; cost and rebound hardly count",
}


@dataclass(frozen=True, slots=True)
class GridContext:
    """What was known of the grid at the proposal; None = not known. `trigger` is the watch rule's own sentence."""

    observed_at: datetime | None = None
    system_load_mw: float | None = None
    forecast_peak_mw: float | None = None
    forecast_peak_at: datetime | None = None
    reserves_mw: float | None = None
    reserves_kind: str | None = None
    eea_level: int | None = None
    trigger: str | None = None


def explain(problem: PlanningProblem, solution: PlanSolution, context: GridContext) -> tuple[str, ...]:
    """Short sentences, most important first."""
    return (
        *_why_now(problem, context),
        _what(problem, solution),
        _who(problem, solution),
        _how_sure(solution),
        _money(solution),
        *_limits(solution),
        *_what_could_go_wrong(problem, solution, context),
    )


def _why_now(problem: PlanningProblem, context: GridContext) -> list[str]:
    said = [context.trigger] if context.trigger else []
    if context.forecast_peak_mw is not None and context.forecast_peak_at is not None:
        said.append(
            f"Load is forecast to peak at {context.forecast_peak_mw:,.0f} MW"
            f" in the hour {_hour(context.forecast_peak_at)}."
        )
    if context.system_load_mw is not None and context.observed_at is not None:
        said.append(f"Load was {context.system_load_mw:,.0f} MW at {_clock(context.observed_at)}.")
    if context.reserves_mw is None:
        said.append("Operating reserves are not known.")
    else:
        kind = f" ({context.reserves_kind})" if context.reserves_kind else ""
        said.append(f"Operating reserves are {context.reserves_mw:,.0f} MW{kind}.")
    if context.eea_level:
        said.append(f"ERCOT has declared Energy Emergency Alert level {context.eea_level}.")
    prices = problem.prices_usd_per_mwh[: problem.window_steps]
    said.append(
        f"Expected prices in the window average {np.mean(prices):,.0f} $/MWh"
        f" and reach {np.max(prices):,.0f} $/MWh from {_clock(problem.steps()[int(np.argmax(prices))])}."
    )
    return said


def _what(problem: PlanningProblem, solution: PlanSolution) -> str:
    source = "chosen from what is firmly available" if solution.target_chosen else "as asked"
    start = f"{problem.window_start.astimezone(CENTRAL):%H:%M}"
    return (
        f"From {start} to {_clock(problem.window_end)} the target is {solution.target_mw:.1f} MW ({source});"
        f" the {problem.strategy.value} strategy {STRATEGY_WORDS[problem.strategy]}."
    )


def _who(problem: PlanningProblem, solution: PlanSolution) -> str:
    if not solution.cohorts:
        return "No cohort is worth calling."
    names = {cohort.slug: cohort.label for cohort in problem.cohorts}
    window = problem.window_steps

    def mean_mw(plan: CohortPlan) -> float:
        return float(plan.net_mw[:window].mean())

    parts = [
        f"{names[plan.cohort_slug]} {mean_mw(plan):.1f} MW"
        for plan in sorted(solution.cohorts, key=lambda plan: (-mean_mw(plan), plan.cohort_slug))
    ]
    return f"{solution.accounts_called:,} accounts are called: {', '.join(parts)} (means over the window)."


def _how_sure(solution: PlanSolution) -> str:
    return (
        f"Half the outcomes deliver {solution.planned_p50_mw:.1f} MW or more, nine in ten {solution.firm_p90_mw:.1f} MW"
        f" or more; the target is met on average with {_pct(solution.confidence)} probability,"
        f" and every quarter-hour reaches 90 % of it with {_pct(solution.confidence_each)}."
    )


def _money(solution: PlanSolution) -> str:
    return (
        f"Incentives should cost ${solution.cost_usd:,.0f}, the energy is worth ${solution.value_usd:,.0f};"
        f" {solution.rebound_mwh:.1f} MWh return within six hours, at most {solution.rebound_peak_mw:.1f} MW at once."
    )


def _limits(solution: PlanSolution) -> list[str]:
    said = []
    if solution.shortfall_mw > 0.05:
        said.append(
            f"The target cannot be reached: {solution.shortfall_mw:.1f} MW are missing on average,"
            f" {solution.worst_shortfall_mw:.1f} MW in the worst quarter-hour."
        )
    return said + [each.sentence for each in solution.binding if each.limit != Limit.TARGET]


def _what_could_go_wrong(problem: PlanningProblem, solution: PlanSolution, context: GridContext) -> list[str]:
    said = []
    names = {cohort.slug: cohort.label for cohort in problem.cohorts}
    total_mw = sum(float(plan.shed_mw.mean()) for plan in solution.cohorts)
    if solution.cohorts and total_mw > 0:
        largest = max(solution.cohorts, key=lambda plan: (float(plan.shed_mw.mean()), plan.cohort_slug))
        share = float(largest.shed_mw.mean()) / total_mw
        said.append(
            f"{_pct(share)} of the reduction rests on {names[largest.cohort_slug]}"
            f" ({largest.accounts_called:,} accounts): if it fails, so does much of the plan."
        )
    called = {plan.cohort_slug for plan in solution.cohorts}
    hot = [cohort for cohort in problem.cohorts if cohort.slug in called and len(cohort.model.temp_knots_f) > 1]
    if hot:
        temps_f = np.concatenate([cohort.temps_f[: problem.window_steps] for cohort in hot])
        low, high = f"{temps_f.min():.0f}", f"{temps_f.max():.0f}"
        assumed = low if low == high else f"{low}-{high}"
        said.append(f"It assumes {assumed} °F outdoors; other weather leaves more or less to shed.")
    if context.forecast_peak_mw is None:
        said.append("No load forecast was known; the need itself is uncertain.")
    return said


def _pct(share: float) -> str:
    return f"{pct_of_share(share):.0f} %"


def _hour(starts_at: datetime) -> str:
    """An hour's mean is no instant's."""
    start, end = starts_at.astimezone(CENTRAL), (starts_at + HOUR).astimezone(CENTRAL)
    return f"{start:%H:%M}-{end:%H:%M} Central on {start:%d %b}"


def _clock(at: datetime) -> str:
    return f"{at.astimezone(CENTRAL):%H:%M} Central on {at.astimezone(CENTRAL):%d %b}"
