"""The pattern MILP as arrays: one function per constraint family, named and numbered as in docs/formulation.md.

Columns: accounts on each pattern n[k]; expected mean MW of each cohort mean[g]; short[t], over[t] in the window; the
rebound peak; the CVaR terms eta, slack, z[s]. Everything is numpy and scipy; `planning.core.highs` solves it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from planning.core.patterns import Pattern
from planning.core.problem import Array, PlanningProblem
from planning.core.scenarios import CalledCohort, response_factors
from planning.core.strategy import (
    FATIGUE_USD_PER_CALL,
    OVER_USD_PER_MWH,
    OVERSHOOT_SHARE,
    STRATEGY_WEIGHTS,
)

SCENARIOS: Final = 200
STEP_H: Final = 0.25
INTEGER_UP_TO_ACCOUNTS: Final = 100
"""Cohorts up to this size are planned in whole accounts; larger ones continuously, then rounded."""

SHORT_ABOVE_COST: Final = 20.0
"""A missing MWh costs at least this many times the dearest incentive: the target is missed only where it must be, not
to save the last large site for a small remainder."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each family of variables begins."""

    patterns: int
    cohorts: int
    window: int
    scenarios: int

    @property
    def mean(self) -> int:
        return self.patterns

    @property
    def short(self) -> int:
        return self.mean + self.cohorts

    @property
    def over(self) -> int:
        return self.short + self.window

    @property
    def rebound_peak(self) -> int:
        return self.over + self.window

    @property
    def eta(self) -> int:
        return self.rebound_peak + 1

    @property
    def slack(self) -> int:
        return self.eta + 1

    @property
    def shortfall(self) -> int:
        return self.slack + 1

    @property
    def count(self) -> int:
        return self.shortfall + self.scenarios


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """One constraint family: lower <= matrix @ x <= upper."""

    matrix: sparse.csr_array
    lower: Array
    upper: Array


@dataclass(frozen=True, slots=True, eq=False)
class Programme:
    """A mixed-integer linear programme: minimise cost @ x, bounds on x, rows, which columns are whole numbers."""

    cost: Array
    lower: Array
    upper: Array
    integer: NDArray[np.bool_]
    rows: Rows


@dataclass(frozen=True, slots=True, eq=False)
class Profiles:
    """The patterns as matrices. `net_mw` (n, K), `shed_mw` (window, K), `member` (G, K) 1 where k belongs to g."""

    net_mw: Array
    shed_mw: Array
    member: sparse.csr_array
    accounts: Array
    participation: Array
    order: tuple[int, ...]

    @classmethod
    def of(cls, problem: PlanningProblem, patterns: tuple[Pattern, ...]) -> Profiles:
        """Stack patterns; cohorts keep the order in which they first appear."""
        order = tuple(dict.fromkeys(pattern.cohort_index for pattern in patterns))
        row_of = {cohort_index: row for row, cohort_index in enumerate(order)}
        rows = np.array([row_of[pattern.cohort_index] for pattern in patterns])
        ones = np.ones(len(patterns))
        member = sparse.csr_array((ones, (rows, np.arange(len(patterns)))), shape=(len(order), len(patterns)))
        return cls(
            net_mw=np.column_stack([pattern.net_mw for pattern in patterns]),
            shed_mw=np.column_stack([pattern.shed_mw for pattern in patterns]),
            member=member,
            accounts=np.array([problem.cohorts[index].accounts_eligible for index in order], dtype=np.float64),
            participation=np.array([pattern.participation for pattern in patterns]),
            order=order,
        )


def limit_accounts(profiles: Profiles, columns: Columns) -> Rows:
    """(1) sum_k n[k] <= eligible[g]: an account runs at most one pattern."""
    return Rows(_at(0, profiles.member, columns), np.zeros(columns.cohorts), profiles.accounts)


def define_mean(profiles: Profiles, columns: Columns) -> Rows:
    """(2) mean[g] = mean over the window of sum_k n[k] net[k, t]."""
    window_mean = profiles.net_mw[: columns.window].mean(axis=0)
    by_cohort = sparse.csr_array(profiles.member.multiply(window_mean[np.newaxis, :]))
    matrix = _at(0, by_cohort, columns) + _at(columns.mean, -_identity(columns.cohorts), columns)
    return Rows(matrix, np.zeros(columns.cohorts), np.zeros(columns.cohorts))


def meet_target(profiles: Profiles, columns: Columns, target_mw: float) -> Rows:
    """(3) t in window: sum_k n[k] net[k, t] + short[t] - over[t] = target; over[t] is bounded by its column."""
    each_step = _identity(columns.window)
    matrix = (
        _at(0, sparse.csr_array(profiles.net_mw[: columns.window]), columns)
        + _at(columns.short, each_step, columns)
        + _at(columns.over, -each_step, columns)
    )
    target = np.full(columns.window, target_mw)
    return Rows(matrix, target, target)


def cap_rebound(profiles: Profiles, columns: Columns) -> Rows:
    """(4) t after window: sum_k n[k] net[k, t] + rebound_peak >= 0; the peak is bounded by its column."""
    after = profiles.net_mw[columns.window :]
    matrix = _at(0, sparse.csr_array(after), columns) + _at(columns.rebound_peak, _ones(len(after)), columns)
    return Rows(matrix, np.zeros(len(after)), np.full(len(after), np.inf))


def bound_scenario_shortfall(columns: Columns, factors: Array, target_mw: float) -> Rows:
    """(7a) z[s] + eta + sum_g xi[g, s] mean[g] >= target, with `factors` xi (G, S)."""
    matrix = (
        _at(columns.shortfall, _identity(columns.scenarios), columns)
        + _at(columns.eta, _ones(columns.scenarios), columns)
        + _at(columns.mean, sparse.csr_array(factors.T), columns)
    )
    return Rows(matrix, np.full(columns.scenarios, target_mw), np.full(columns.scenarios, np.inf))


def bound_cvar(columns: Columns, risk_level: float) -> Rows:
    """(7b) eta + sum_s z[s] / ((1 - p) S) <= slack: the worst (1 - p) of outcomes meet the target on average."""
    weights = np.zeros((1, columns.count))
    weights[0, columns.eta] = 1.0
    weights[0, columns.slack] = -1.0
    weights[0, columns.shortfall :] = 1.0 / ((1.0 - risk_level) * columns.scenarios)
    return Rows(sparse.csr_array(weights), np.full(1, -np.inf), np.zeros(1))


def objective(problem: PlanningProblem, patterns: tuple[Pattern, ...], profiles: Profiles, columns: Columns) -> Array:
    """Dollars: incentives + fatigue - value of energy + price of missing MWh, overshoot, rebound peak and risk."""
    weights = STRATEGY_WEIGHTS[problem.strategy]
    cost = np.zeros(columns.count)
    value_usd = STEP_H * (problem.prices_usd_per_mwh @ profiles.net_mw)
    fatigue_usd = np.array([fatigue_usd_per_account(problem, pattern) for pattern in patterns])
    cost[: columns.patterns] = (
        weights.incentive * incentive_usd_per_account(problem, patterns, profiles)
        + weights.fatigue * fatigue_usd
        - weights.value * value_usd
    )
    dearest = max(problem.cohorts[index].rules.incentive_usd_per_mwh for index in profiles.order)
    short_usd = max(weights.short_usd_per_mwh, SHORT_ABOVE_COST * dearest)
    cost[columns.short : columns.over] = short_usd * STEP_H
    cost[columns.over : columns.rebound_peak] = OVER_USD_PER_MWH * STEP_H
    cost[columns.rebound_peak] = weights.rebound_usd_per_mw
    cost[columns.slack] = weights.short_usd_per_mwh * problem.window_h / 2.0
    return cost


def incentive_usd_per_account(problem: PlanningProblem, patterns: tuple[Pattern, ...], profiles: Profiles) -> Array:
    """Incentive and call fee paid for one account on each pattern: (K,)."""
    rules = [problem.cohorts[pattern.cohort_index].rules for pattern in patterns]
    per_mwh = np.array([rule.incentive_usd_per_mwh for rule in rules])
    fee = np.array([rule.call_fee_usd for rule in rules])
    return np.asarray(per_mwh * STEP_H * profiles.shed_mw.sum(axis=0) + fee, dtype=np.float64)


def fatigue_usd_per_account(problem: PlanningProblem, pattern: Pattern) -> float:
    """What one call of one account wears out: per enrolled kW, twice as much when the season's calls run out [A]."""
    cohort = problem.cohorts[pattern.cohort_index]
    used = cohort.calls_used_season / max(cohort.rules.max_events_per_season, 1)
    return FATIGUE_USD_PER_CALL * cohort.kw_per_account * (1.0 + used)


def build(problem: PlanningProblem, patterns: tuple[Pattern, ...], target_mw: float) -> Programme:
    """The whole programme for a target."""
    profiles = Profiles.of(problem, patterns)
    columns = Columns(len(patterns), len(profiles.order), problem.window_steps, SCENARIOS)
    factors = _scenario_factors(problem, profiles)
    families = [
        limit_accounts(profiles, columns),
        define_mean(profiles, columns),
        meet_target(profiles, columns, target_mw),
        cap_rebound(profiles, columns),
        bound_scenario_shortfall(columns, factors, target_mw),
        bound_cvar(columns, STRATEGY_WEIGHTS[problem.strategy].risk_level),
    ]
    lower, upper = _bounds(problem, columns, target_mw)
    integer = np.zeros(columns.count, dtype=bool)
    whole = profiles.accounts <= INTEGER_UP_TO_ACCOUNTS
    integer[: columns.patterns] = profiles.member.T @ whole.astype(np.float64) > 0
    return Programme(objective(problem, patterns, profiles, columns), lower, upper, integer, stack(families))


def relax(programme: Programme) -> Programme:
    """The same without whole-number conditions: a bound, and quick enough for what-if."""
    return replace(programme, integer=np.zeros_like(programme.integer))


def _bounds(problem: PlanningProblem, columns: Columns, target_mw: float) -> tuple[Array, Array]:
    lower, upper = np.zeros(columns.count), np.full(columns.count, np.inf)
    lower[columns.mean : columns.short] = -np.inf
    upper[columns.over : columns.rebound_peak] = OVERSHOOT_SHARE * target_mw
    if problem.rebound_cap_mw is not None:
        upper[columns.rebound_peak] = problem.rebound_cap_mw
    lower[columns.eta] = -np.inf
    return lower, upper


def _scenario_factors(problem: PlanningProblem, profiles: Profiles) -> Array:
    """xi (G, S): drawn as if every eligible account were called, which is nearly exact for large cohorts."""
    by_cohort = profiles.member @ profiles.participation / profiles.member.sum(axis=1)
    called = [
        CalledCohort(cohort.slug, cohort.model, cohort.accounts_eligible, float(share))
        for cohort, share in zip((problem.cohorts[index] for index in profiles.order), by_cohort, strict=True)
    ]
    return response_factors(called, draws=SCENARIOS, seed=problem.random_seed)


def stack(families: list[Rows]) -> Rows:
    """Constraint families one under the other."""
    return Rows(
        sparse.csr_array(sparse.vstack([rows.matrix for rows in families])),
        np.concatenate([rows.lower for rows in families]),
        np.concatenate([rows.upper for rows in families]),
    )


def _at(first: int, block: sparse.csr_array, columns: Columns) -> sparse.csr_array:
    """The block from column `first` on, zeros elsewhere."""
    wide = (block.shape[0], columns.count)
    return sparse.csr_array((block.data, block.indices + first, block.indptr), shape=wide)


def _identity(size: int) -> sparse.csr_array:
    return sparse.csr_array(sparse.eye_array(size))


def _ones(size: int) -> sparse.csr_array:
    return sparse.csr_array(np.ones((size, 1)))
