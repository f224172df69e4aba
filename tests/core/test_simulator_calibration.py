"""A stated confidence must be right about as often as it says, though the truth is not the planner's model."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from dispatch.simulator.draws import EventIdentity
from dispatch.simulator.physics import Calls, Surroundings, simulate_event
from grid.core.intervals import local_hour, operating_day_of
from planning.core.problem import PlanningProblem
from planning.core.solution import CohortPlan, PlanSolution
from planning.core.solve import solve
from tests.core.fleet import problem

SEEDS = 100
STEP = timedelta(minutes=5)
STEPS_PER_QUARTER = 3


@pytest.fixture(scope="module")
def played() -> tuple[PlanSolution, np.ndarray]:
    """A plan for 45 MW on a hot afternoon, and what it delivers with each seed, MW mean over the window."""
    asked = problem(target_mw=45.0)
    solution = solve(asked)
    return solution, np.array([delivered_mw(asked, solution, seed) for seed in range(SEEDS)])


def delivered_mw(asked: PlanningProblem, solution: PlanSolution, seed: int) -> float:
    return sum(cohort_mw(asked, plan, seed) for plan in solution.cohorts)


def cohort_mw(asked: PlanningProblem, plan: CohortPlan, seed: int) -> float:
    cohort = next(each for each in asked.cohorts if each.slug == plan.cohort_slug)
    accounts = [run.accounts for run in plan.runs]
    starts = [(run.starts_at - asked.window_start) // STEP for run in plan.runs]
    ends = [(run.ends_at - asked.window_start) // STEP for run in plan.runs]
    calls = Calls(np.arange(1, sum(accounts) + 1), np.repeat(starts, accounts), np.repeat(ends, accounts))
    steps = asked.window_steps * STEPS_PER_QUARTER
    hours = np.array([local_hour(asked.window_start + step * STEP) for step in range(steps)])
    response = simulate_event(
        identity=EventIdentity(seed, operating_day_of(asked.window_start), cohort.slug, asked.window_start),
        model=cohort.model,
        kw_per_account=cohort.kw_per_account,
        calls=calls,
        surroundings=Surroundings(np.full(steps, 100.0), hours),
    )
    return float(response.curtailed_kw.mean()) / 1000.0


class TestCalibration:
    def test_nine_times_in_ten_the_firm_mw_are_delivered(self, played: tuple[PlanSolution, np.ndarray]) -> None:
        solution, delivered = played
        assert 0.82 <= np.mean(delivered >= solution.firm_p90_mw) <= 0.97

    def test_the_confidence_stated_is_about_the_share_of_runs_that_reach_the_target(
        self, played: tuple[PlanSolution, np.ndarray]
    ) -> None:
        solution, delivered = played
        assert np.mean(delivered >= solution.target_mw) == pytest.approx(solution.confidence, abs=0.09)

    def test_it_can_be_wrong(self, played: tuple[PlanSolution, np.ndarray]) -> None:
        solution, delivered = played
        assert delivered.min() < solution.firm_p90_mw < delivered.max()

    def test_the_mean_is_near_the_median_planned(self, played: tuple[PlanSolution, np.ndarray]) -> None:
        solution, delivered = played
        assert delivered.mean() == pytest.approx(solution.planned_p50_mw, rel=0.03)
