"""From a planning problem to a plan: patterns, target, MILP, whole accounts, confidence."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Final

import numpy as np

from grid.core.units import mwh_of_quarter_hours
from planning.core.confidence import assess
from planning.core.formulation import Profiles, Programme, build, incentive_usd_per_account, relax
from planning.core.highs import Answer, minimise
from planning.core.limits import binding_limits
from planning.core.patterns import Pattern, feasible_patterns, run_times
from planning.core.problem import Array, NoCohortEligible, PlanningProblem
from planning.core.scenarios import CalledCohort
from planning.core.solution import CohortPlan, PlanSolution, Run, SolverRecord
from planning.core.target import choose_target, find_capacity
from planning.core.tidy import leave_out_runs, only

WHOLE_TOLERANCE: Final = 1e-6
ROUNDING_USD: Final = 500.0
ROUNDING_SHARE: Final = 0.01
"""What few runs and whole accounts may cost before more runs are tried [A]."""


@dataclass(frozen=True, slots=True, eq=False)
class _Chosen:
    """Patterns with the whole accounts put on each (K,)."""

    patterns: tuple[Pattern, ...]
    accounts: Array
    profiles: Profiles


def solve(problem: PlanningProblem, *, relaxed: bool = False) -> PlanSolution:
    """The best plan within every programme's limits.

    A target above what can be had yields the best achievable with its shortfall. `relaxed` solves without whole-number
    conditions (faster, for what-if). Raises NoCohortEligible, NoSolution.
    """
    feasible = feasible_patterns(problem)
    if not feasible.patterns:
        names = {cohort.slug: cohort.label for cohort in problem.cohorts}
        raise NoCohortEligible(reasons=dict(feasible.not_eligible), names=names)
    capacity = find_capacity(problem, feasible.patterns)
    target_mw = problem.target_mw if problem.target_mw is not None else choose_target(problem, capacity)
    chosen, record = _choose(problem, feasible.patterns, target_mw, relaxed=relaxed)
    return _assemble(problem, chosen, feasible.not_eligible, target_mw, capacity.sustained_mw, record)


def _choose(
    problem: PlanningProblem, patterns: tuple[Pattern, ...], target_mw: float, *, relaxed: bool
) -> tuple[_Chosen, SolverRecord]:
    """Relax, leave out runs not worth having, then solve with whole accounts over the runs that stay.

    The gap told is against the relaxed optimum over all patterns: it holds what whole accounts and few runs cost.
    """
    started = perf_counter()
    programme, profiles = build(problem, patterns, target_mw), Profiles.of(problem, patterns)
    bound = final = minimise(relax(programme))
    if not relaxed:
        final = _whole(programme, profiles, bound)
    bound_usd, final_usd = (float(programme.cost @ answer.values) for answer in (bound, final))
    gap = max(0.0, final_usd - bound_usd) / max(1.0, abs(final_usd))
    rows, columns = programme.rows.matrix.shape
    record = SolverRecord(final.status, perf_counter() - started, gap, columns, rows)
    return _Chosen(patterns, whole_accounts(final.values[: len(patterns)], profiles), profiles), record


def _whole(programme: Programme, profiles: Profiles, bound: Answer) -> Answer:
    """Whole accounts over few runs; where few cost too much, over all runs of the relaxed optimum."""
    used = bound.values[: profiles.member.shape[1]] > WHOLE_TOLERANCE
    few = minimise(only(programme, leave_out_runs(relax(programme), profiles, bound)))
    bound_usd, few_usd = (float(programme.cost @ answer.values) for answer in (bound, few))
    if few_usd <= bound_usd + ROUNDING_USD + ROUNDING_SHARE * abs(bound_usd):
        return few
    many = minimise(only(programme, used))
    return many if float(programme.cost @ many.values) < few_usd - ROUNDING_USD else few


def whole_accounts(accounts: Array, profiles: Profiles) -> Array:
    """Round to whole accounts cohort by cohort by largest remainder, never above the cohort's unrounded total: (K,)."""
    whole = np.floor(accounts + WHOLE_TOLERANCE)
    remainder = accounts - whole
    for row in range(len(profiles.order)):
        own = profiles.member[[row], :].indices
        left = int(np.floor(accounts[own].sum() + WHOLE_TOLERANCE) - whole[own].sum())
        whole[own[np.argsort(-remainder[own], kind="stable")[: max(left, 0)]]] += 1.0
    return whole


def _assemble(
    problem: PlanningProblem,
    chosen: _Chosen,
    not_eligible: tuple[tuple[str, str], ...],
    target_mw: float,
    sustainable_mw: float,
    record: SolverRecord,
) -> PlanSolution:
    window = problem.window_steps
    plans = _cohort_plans(problem, chosen)
    net_by_cohort = np.array([plan.net_mw for plan in plans]).reshape(len(plans), problem.n_steps)
    expected = net_by_cohort.sum(axis=0)
    assessed = assess(
        _called(problem, chosen, plans),
        net_by_cohort,
        window_steps=window,
        target_mw=target_mw,
        seed=problem.random_seed,
    )
    missing = np.maximum(target_mw - expected[:window], 0.0)
    rebound = np.maximum(-expected[window:], 0.0)
    value = problem.prices_usd_per_mwh[:window] * expected[:window] / 4.0
    return PlanSolution(
        target_mw=target_mw,
        target_chosen=problem.target_mw is None,
        cohorts=plans,
        not_eligible=not_eligible,
        fleet=assessed.band,
        expected_mw=expected,
        planned_p50_mw=assessed.p50_mw,
        firm_p90_mw=assessed.p10_mw,
        p90_mw=assessed.p90_mw,
        confidence=assessed.mean_reaches_target,
        confidence_each=assessed.each_reaches_share,
        sustainable_mw=sustainable_mw,
        shortfall_mw=float(missing.mean()),
        worst_shortfall_mw=float(missing.max()),
        rebound_mwh=mwh_of_quarter_hours(rebound),
        rebound_peak_mw=float(rebound.max()),
        cost_usd=sum(plan.cost_usd for plan in plans),
        value_usd=float(value.sum()),
        binding=binding_limits(problem, plans, not_eligible, expected, target_mw),
        solver=record,
    )


def _cohort_plans(problem: PlanningProblem, chosen: _Chosen) -> tuple[CohortPlan, ...]:
    """One plan per cohort that is called, by slug."""
    paid_usd = incentive_usd_per_account(problem, chosen.patterns, chosen.profiles)
    plans = []
    for row, index in enumerate(chosen.profiles.order):
        own = [k for k in chosen.profiles.member[[row], :].indices if chosen.accounts[k] > 0]
        if not own:
            continue
        cohort, counts = problem.cohorts[index], chosen.accounts[own]
        plans.append(
            CohortPlan(
                cohort_slug=cohort.slug,
                runs=tuple(_run(problem, cohort.slug, chosen.patterns[k], int(chosen.accounts[k])) for k in own),
                shed_mw=chosen.profiles.shed_mw[:, own] @ counts,
                net_mw=chosen.profiles.net_mw[:, own] @ counts,
                accounts_called=int(counts.sum()),
                accounts_eligible=cohort.accounts_eligible,
                cost_usd=float(paid_usd[own] @ counts),
            )
        )
    return tuple(plans)


def _run(problem: PlanningProblem, slug: str, pattern: Pattern, accounts: int) -> Run:
    starts_at, ends_at = run_times(problem, pattern)
    return Run(slug, starts_at, ends_at, accounts)


def _called(problem: PlanningProblem, chosen: _Chosen, plans: tuple[CohortPlan, ...]) -> list[CalledCohort]:
    """Accounts called and their mean participation, weighted by accounts, in the order of `plans`."""
    models = {cohort.slug: cohort.model for cohort in problem.cohorts}
    staying = {problem.cohorts[index].slug: 0.0 for index in chosen.profiles.order}
    for pattern, count in zip(chosen.patterns, chosen.accounts, strict=True):
        staying[problem.cohorts[pattern.cohort_index].slug] += pattern.participation * count
    return [
        CalledCohort(
            plan.cohort_slug,
            models[plan.cohort_slug],
            plan.accounts_called,
            staying[plan.cohort_slug] / plan.accounts_called,
        )
        for plan in plans
    ]
