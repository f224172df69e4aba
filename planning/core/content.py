"""From a solved problem to what is stored: endpoints chosen, events rendered, content written and hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np

from planning.core.canonical import canonical_json, content_hash, decimal_of
from planning.core.drift import Basis
from planning.core.endpoints import Ranges, assign_endpoints
from planning.core.event import RENDERER_VERSION, event_intervals, event_name, event_span, render_event
from planning.core.plan_content import (
    SCHEMA,
    BandInterval,
    ContentCohort,
    ContentInterval,
    ContentLimit,
    ContentPayload,
    ContentRun,
    ForecastSource,
    GridSource,
    NotCalled,
    PlanContent,
    content_text,
    parse_content,
)
from planning.core.policy import Facts, PolicyInForce, Requirement, requirement_of
from planning.core.problem import PlanningProblem
from planning.core.solution import CohortPlan, PlanSolution

__all__ = [
    "ContentInputs",
    "ForecastSource",
    "GridSource",
    "PlanContent",
    "Proposal",
    "RenderedEvent",
    "build_content",
    "canonical_json",
    "content_hash",
    "content_text",
    "parse_content",
]


@dataclass(frozen=True, slots=True, eq=False)
class ContentInputs:
    """What the content needs besides the solution.

    `endpoint_numbers` and `program_ids` by cohort slug; the numbers stand in the order in which they are to be called
    (fewest calls so far first).
    """

    problem: PlanningProblem
    solution: PlanSolution
    plan_number: int
    version: int
    proposed_at: datetime
    mode: str
    policy: PolicyInForce
    edited: bool
    grid_state: str
    basis: Basis
    endpoint_numbers: Mapping[str, Sequence[int]]
    program_ids: Mapping[str, str]
    rationale: tuple[str, ...]
    grid: GridSource
    forecast: ForecastSource
    planner_build: str


@dataclass(frozen=True, slots=True)
class RenderedEvent:
    """One OpenADR event as it will be sent. `mean_mw`: shed while the event runs, mean of its quarter-hours."""

    cohort_slug: str
    cohort_id: int
    event_name: str
    payload: bytes
    payload_sha256: str
    starts_at: datetime
    ends_at: datetime
    mean_mw: Decimal
    endpoints: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """A version ready to store: content, its text and hash, and the events whose hashes stand in it."""

    content: PlanContent
    text: str
    content_hash: str
    events: tuple[RenderedEvent, ...]


def build_content(inputs: ContentInputs) -> Proposal:
    """Choose endpoints, render the events, write the content. Raises TooFewEndpoints."""
    assigned = {
        plan.cohort_slug: assign_endpoints(
            inputs.endpoint_numbers[plan.cohort_slug], [run.accounts for run in plan.runs]
        )
        for plan in inputs.solution.cohorts
    }
    events = tuple(_event(inputs, plan, assigned[plan.cohort_slug]) for plan in inputs.solution.cohorts)
    content = _content(inputs, assigned, events)
    text = content_text(content)
    return Proposal(content, text, content_hash(text), events)


def _event(inputs: ContentInputs, plan: CohortPlan, assigned: tuple[Ranges, ...]) -> RenderedEvent:
    starts_at, ends_at = event_span(plan)
    intervals = event_intervals(plan, assigned, inputs.problem.window_start)
    name = event_name(inputs.plan_number, inputs.version, plan.cohort_slug)
    payload = render_event(
        program_id=inputs.program_ids[plan.cohort_slug],
        name=name,
        strategy=inputs.problem.strategy,
        targets=(plan.cohort_slug,),
        starts_at=starts_at,
        intervals=intervals,
    )
    return RenderedEvent(
        cohort_slug=plan.cohort_slug,
        cohort_id=_cohort_ids(inputs)[plan.cohort_slug],
        event_name=name,
        payload=payload,
        payload_sha256=hashlib.sha256(payload).hexdigest(),
        starts_at=starts_at,
        ends_at=ends_at,
        mean_mw=decimal_of(float(np.mean([each.shed_kw for each in intervals])) / 1000.0),
        endpoints=plan.accounts_called,
    )


def _content(
    inputs: ContentInputs, assigned: Mapping[str, tuple[Ranges, ...]], events: tuple[RenderedEvent, ...]
) -> PlanContent:
    problem, solution = inputs.problem, inputs.solution
    return PlanContent(
        schema=SCHEMA,
        plan_number=inputs.plan_number,
        version=inputs.version,
        mode=inputs.mode,
        strategy=problem.strategy,
        window_start=problem.window_start,
        window_end=problem.window_end,
        proposed_at=inputs.proposed_at,
        target_mw=decimal_of(solution.target_mw),
        target_chosen=solution.target_chosen,
        planned_p50_mw=decimal_of(solution.planned_p50_mw),
        firm_p90_mw=decimal_of(solution.firm_p90_mw),
        p90_mw=decimal_of(solution.p90_mw),
        largest_interval_p50_mw=decimal_of(solution.largest_interval_p50_mw),
        sustainable_mw=decimal_of(solution.sustainable_mw),
        shortfall_mw=decimal_of(solution.shortfall_mw),
        worst_shortfall_mw=decimal_of(solution.worst_shortfall_mw),
        confidence=decimal_of(solution.confidence, 4),
        confidence_each=decimal_of(solution.confidence_each, 4),
        cost_usd=decimal_of(solution.cost_usd, 2),
        value_usd=decimal_of(solution.value_usd, 2),
        rebound_mwh=decimal_of(solution.rebound_mwh),
        rebound_peak_mw=decimal_of(solution.rebound_peak_mw),
        required_approvals=_requirement(inputs).needs.approvals,
        policy_version=inputs.policy.number,
        policy_sha256=inputs.policy.sha256,
        grid_state=inputs.grid_state,
        season_calls_left=_season_calls_left(inputs),
        basis=inputs.basis,
        band=_band(problem, solution),
        cohorts=tuple(_cohort(inputs, plan, assigned[plan.cohort_slug]) for plan in solution.cohorts),
        not_called=tuple(NotCalled(slug, reason) for slug, reason in solution.not_eligible),
        limits=tuple(ContentLimit(each.limit.value, each.cohort_slug, each.sentence) for each in solution.binding),
        rationale=inputs.rationale,
        grid=inputs.grid,
        forecast=inputs.forecast,
        planner_build=inputs.planner_build,
        renderer_version=RENDERER_VERSION,
        solver_status=solution.solver.status,
        solver_gap=decimal_of(solution.solver.gap, 6),
        payloads=tuple(ContentPayload(event.cohort_slug, event.event_name, event.payload_sha256) for event in events),
    )


def _band(problem: PlanningProblem, solution: PlanSolution) -> tuple[BandInterval, ...]:
    band = solution.fleet
    quantiles = zip(problem.steps(), band.p10_mw, band.p50_mw, band.p90_mw, strict=True)
    return tuple(BandInterval(at, decimal_of(p10), decimal_of(p50), decimal_of(p90)) for at, p10, p50, p90 in quantiles)


def _cohort(inputs: ContentInputs, plan: CohortPlan, assigned: tuple[Ranges, ...]) -> ContentCohort:
    problem = inputs.problem
    cohort = next(each for each in problem.cohorts if each.slug == plan.cohort_slug)
    window = problem.window_steps
    starts_at, ends_at = event_span(plan)
    by_step = zip(problem.steps()[:window], plan.shed_mw, plan.net_mw[:window], strict=True)
    return ContentCohort(
        slug=cohort.slug,
        cohort_id=cohort.cohort_id,
        name=cohort.label,
        technology=cohort.technology.value,
        accounts_called=plan.accounts_called,
        accounts_eligible=cohort.accounts_eligible,
        enrolled_mw=decimal_of(cohort.enrolled_mw),
        mean_mw=decimal_of(float(plan.net_mw[:window].mean())),
        cost_usd=decimal_of(plan.cost_usd, 2),
        starts_at=starts_at,
        ends_at=ends_at,
        runs=tuple(
            ContentRun(run.starts_at, run.ends_at, run.accounts, tuple(str(each) for each in ranges))
            for run, ranges in zip(plan.runs, assigned, strict=True)
        ),
        intervals=tuple(ContentInterval(at, decimal_of(shed), decimal_of(net)) for at, shed, net in by_step),
    )


def _cohort_ids(inputs: ContentInputs) -> dict[str, int]:
    return {cohort.slug: cohort.cohort_id for cohort in inputs.problem.cohorts}


def _requirement(inputs: ContentInputs) -> Requirement:
    """Who has to agree, as the content tells it; PostgreSQL computes it again from the events and the policy."""
    problem, solution = inputs.problem, inputs.solution
    facts = Facts(
        mw=decimal_of(solution.largest_interval_p50_mw),
        endpoints=sum(plan.accounts_called for plan in solution.cohorts),
        duration_min=int((problem.window_end - problem.window_start).total_seconds() // 60),
        strategy=problem.strategy.value,
        edited=inputs.edited,
        confidence=decimal_of(solution.confidence, 4),
        grid_state=inputs.grid_state,
        season_calls_left=_season_calls_left(inputs),
    )
    return requirement_of(inputs.policy.policy, facts)


def _season_calls_left(inputs: ContentInputs) -> int | None:
    """Of the called cohort with the fewest calls left this season, this one counted; None when nobody is called."""
    called = {plan.cohort_slug for plan in inputs.solution.cohorts}
    left = [
        each.rules.max_events_per_season - each.calls_used_season - 1
        for each in inputs.problem.cohorts
        if each.slug in called
    ]
    return max(0, min(left)) if left else None
