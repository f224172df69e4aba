"""How much can be sustained through a window, and how much of it to ask for when nobody said.

Rule (docs/formulation.md, "Target"): a share of the firm sustained MW, from the strategy's calm share (stress 0) to its
tight share (stress 1), rounded down to half a megawatt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import sparse

from planning.core.confidence import assess
from planning.core.formulation import Profiles, Programme, Rows
from planning.core.highs import minimise
from planning.core.patterns import Pattern
from planning.core.problem import Array, PlanningProblem
from planning.core.scenarios import CalledCohort
from planning.core.strategy import STRATEGY_WEIGHTS

TARGET_STEP_MW: Final = 0.5
CAPACITY_DRAWS: Final = 4_000
MEAN_TIE_WEIGHT: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Capacity:
    """The most that can be had of the chosen cohorts through the window, all of them called.

    `sustained_mw` expected in every interval at once; `mean_mw` expected mean; `firm_mw` the 10 % quantile of
    that mean, scaled to the sustained level.
    """

    sustained_mw: float
    mean_mw: float
    firm_mw: float


def find_capacity(problem: PlanningProblem, patterns: tuple[Pattern, ...]) -> Capacity:
    """Maximise the smallest interval of the expected reduction (a linear programme, no whole numbers)."""
    profiles = Profiles.of(problem, patterns)
    accounts = minimise(_sustain(profiles, problem.window_steps)).values[:-1]
    net = profiles.net_mw @ accounts
    window = net[: problem.window_steps]
    sustained, mean = max(float(window.min()), 0.0), float(window.mean())
    by_cohort = _by_cohort(profiles, accounts)
    called = _called(problem, profiles, accounts)
    assessed = assess(
        called,
        by_cohort,
        window_steps=problem.window_steps,
        target_mw=max(mean, TARGET_STEP_MW),
        seed=problem.random_seed,
        draws=CAPACITY_DRAWS,
    )
    firm_share = assessed.p10_mw / mean if mean > 0 else 0.0
    return Capacity(sustained, mean, firm_share * sustained)


def choose_target(problem: PlanningProblem, capacity: Capacity) -> float:
    """MW to ask for when `target_mw` is None. Where no cohort spans the window, shares apply to the mean instead."""
    weights = STRATEGY_WEIGHTS[problem.strategy]
    share = weights.target_share_calm + problem.stress * (weights.target_share_tight - weights.target_share_calm)
    base_mw = capacity.firm_mw if capacity.firm_mw >= TARGET_STEP_MW else capacity.mean_mw
    return max(TARGET_STEP_MW, float(np.floor(share * base_mw / TARGET_STEP_MW)) * TARGET_STEP_MW)


def _sustain(profiles: Profiles, window_steps: int) -> Programme:
    """max floor + a trifle of the mean, so that among equals the larger mean wins; last column is the floor."""
    window = profiles.net_mw[:window_steps]
    count = window.shape[1]
    floor = sparse.csr_array(np.hstack([window, -np.ones((window_steps, 1))]))
    accounts = sparse.csr_array(sparse.hstack([profiles.member, sparse.csr_array((len(profiles.accounts), 1))]))
    matrix = sparse.csr_array(sparse.vstack([accounts, floor]))
    lower = np.zeros(matrix.shape[0])
    upper = np.concatenate([profiles.accounts, np.full(window_steps, np.inf)])
    cost = np.append(-MEAN_TIE_WEIGHT * window.mean(axis=0), -1.0)
    none_whole = np.zeros(count + 1, dtype=bool)
    free_floor = np.append(np.zeros(count), -np.inf)
    return Programme(cost, free_floor, np.full(count + 1, np.inf), none_whole, Rows(matrix, lower, upper))


def _by_cohort(profiles: Profiles, accounts: Array) -> Array:
    """Expected net MW of each cohort: (G, n)."""
    return np.asarray((profiles.member * accounts[np.newaxis, :]) @ profiles.net_mw.T, dtype=np.float64)


def _called(problem: PlanningProblem, profiles: Profiles, accounts: Array) -> list[CalledCohort]:
    weight = profiles.member @ accounts
    staying = profiles.member @ (accounts * profiles.participation)
    shares = np.divide(staying, weight, out=np.zeros_like(weight), where=weight > 0)
    return [
        CalledCohort(problem.cohorts[index].slug, problem.cohorts[index].model, round(float(count)), float(share))
        for index, count, share in zip(profiles.order, weight, shares, strict=True)
    ]
