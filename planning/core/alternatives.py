"""What else could be done in the same window: nothing, or a plan by another strategy, each with its consequence.

All on the same problem as the plan it stands beside: cohorts, window, prices and time to decide are the plan's. Nobody
votes on an alternative; it stands outside the content people approve.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from grid.core.units import mwh_of_quarter_hours
from planning.core.highs import NoSolution
from planning.core.problem import PlanningProblem, PlanningRefused
from planning.core.solution import DO_NOTHING, Alternative, PlanSolution
from planning.core.solve import solve
from planning.core.strategy import Strategy

OTHERS: Final = (Strategy.COST_MINIMIZE, Strategy.BALANCED, Strategy.RELIABILITY, Strategy.EMERGENCY)


def alternatives_to(problem: PlanningProblem, solution: PlanSolution) -> tuple[Alternative, ...]:
    """Doing nothing first, then the strategies the plan was not made by."""
    return (do_nothing(problem, solution), *_other_strategies(problem))


def do_nothing(problem: PlanningProblem, solution: PlanSolution) -> Alternative:
    """Call nobody: the energy the plan would save is bought at the expected prices instead."""
    window = problem.window_steps
    prices = problem.prices_usd_per_mwh[:window]
    highest = int(np.argmax(prices))
    return Alternative(
        option=DO_NOTHING,
        exposed_usd=solution.value_usd,
        exposed_mwh=mwh_of_quarter_hours(solution.expected_mw[:window]),
        highest_usd_per_mwh=float(prices[highest]),
        highest_at=problem.steps()[highest],
    )


def _other_strategies(problem: PlanningProblem) -> Iterator[Alternative]:
    for strategy in OTHERS:
        if strategy == problem.strategy:
            continue
        try:
            yield option_of(strategy, solve(replace(problem, strategy=strategy)))
        except (PlanningRefused, NoSolution) as refusal:
            yield Alternative(option=strategy.value, why_not=str(refusal))


def option_of(strategy: Strategy, solution: PlanSolution) -> Alternative:
    """A solved plan as one line; one that calls nobody says so."""
    return Alternative(
        option=strategy.value,
        target_mw=solution.target_mw,
        planned_p50_mw=solution.planned_p50_mw,
        firm_p90_mw=solution.firm_p90_mw,
        shortfall_mw=solution.shortfall_mw,
        confidence=solution.confidence,
        endpoints=solution.accounts_called,
        cost_usd=solution.cost_usd,
        value_usd=solution.value_usd,
        rebound_mwh=solution.rebound_mwh,
        rebound_peak_mw=solution.rebound_peak_mw,
        why_not="" if solution.cohorts else "it would call nobody",
    )
