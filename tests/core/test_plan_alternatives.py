"""What stands beside a plan: doing nothing, and the other strategies on the same problem."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planning.core.alternatives import alternatives_to, option_of
from planning.core.solution import DO_NOTHING
from planning.core.solve import solve
from planning.core.strategy import Strategy
from tests.core.fleet import local, problem


class TestAlternatives:
    def test_are_doing_nothing_and_the_strategies_it_was_not_made_by(self) -> None:
        wanted = problem(target_mw=20.0, strategy=Strategy.BALANCED)
        others = alternatives_to(wanted, solve(wanted))
        assert [each.option for each in others] == [DO_NOTHING, "cost_minimize", "reliability", "emergency"]

    def test_each_strategy_is_what_the_planner_would_have_proposed(self) -> None:
        wanted = problem(target_mw=20.0, strategy=Strategy.BALANCED)
        others = {each.option: each for each in alternatives_to(wanted, solve(wanted))}
        asked = solve(replace(wanted, strategy=Strategy.RELIABILITY))
        found = others["reliability"]
        assert (found.planned_p50_mw, found.firm_p90_mw, found.endpoints) == (
            asked.planned_p50_mw,
            asked.firm_p90_mw,
            asked.accounts_called,
        )
        assert found.net_usd == asked.value_usd - asked.cost_usd
        assert found.exposed_usd is None

    def test_doing_nothing_is_exposed_to_the_price_of_what_the_plan_would_save(self) -> None:
        wanted = problem(16.0, 19.0, target_mw=20.0)
        prices = np.full(wanted.n_steps, 100.0)
        prices[5] = 1_000.0  # the quarter-hour from 17:15
        wanted = replace(wanted, prices_usd_per_mwh=prices)
        plan = solve(wanted)
        nothing = alternatives_to(wanted, plan)[0]
        saved_mw = plan.expected_mw[: wanted.window_steps]
        assert nothing.exposed_mwh == pytest.approx(saved_mw.sum() / 4)
        assert nothing.exposed_usd == pytest.approx(saved_mw.sum() / 4 * 100.0 + saved_mw[5] / 4 * 900.0)
        assert (nothing.highest_usd_per_mwh, nothing.highest_at) == (1_000.0, local(17.25))
        assert (nothing.planned_p50_mw, nothing.cost_usd, nothing.net_usd, nothing.rebound_mwh) == (0.0, 0.0, 0.0, 0.0)

    def test_a_strategy_that_calls_nobody_says_so(self) -> None:
        solution = solve(problem(target_mw=20.0))
        assert option_of(Strategy.COST_MINIMIZE, replace(solution, cohorts=())).why_not == "it would call nobody"
        assert option_of(Strategy.COST_MINIMIZE, solution).why_not == ""
