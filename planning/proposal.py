"""From a request to an immutable version: gather what is known, solve, write down.

Runs in the worker. Solving happens outside any transaction; the answer is written in one, and only if the request is
still the one the plan waits for, so running it twice is harmless.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from importlib.metadata import version as installed_version
from typing import Final

from django.db import transaction

from grid.core.refusals import Invalid
from planning.core.alternatives import alternatives_to
from planning.core.content import ContentInputs, Proposal, build_content
from planning.core.explain import explain
from planning.core.lifecycle import Status
from planning.core.problem import PlanningRefused
from planning.core.solution import Alternative, PlanSolution
from planning.core.solve import solve
from planning.known import Known, NothingKnown, basis_at, gather
from planning.models import Plan, PlanAlternative, PlannedEvent, PlanRequest, PlanVersion, Stage
from planning.queries import policy_in_force
from planning.record import move_plan

PLANNER_BUILD: Final = f"pattern-milp 1, highspy {installed_version('highspy')}"
TIME_TO_SEND: Final = timedelta(minutes=5)
"""Between the last vote and the last instant of sending that the programmes' notice allows."""


class NothingWorthCalling(Invalid):
    """The planner found nobody whose call would help."""

    field = "cohorts"

    def __str__(self) -> str:
        return "No cohort can shed anything in this window; choose another window, or more cohorts."


@dataclass(frozen=True)
class Deadlines:
    """Portal times until which a plan must be decided, and sent."""

    approve_by: datetime
    dispatch_by: datetime


def solve_request(*, plan_id: int, number: int, at: datetime) -> PlanVersion | None:
    """Answer one request; None when it was answered before, overtaken, or cannot be met (the plan then says why)."""
    request = PlanRequest.objects.select_related("plan").get(plan_id=plan_id, number=number)
    if not _is_awaited(request):
        return None
    _enter(request, Stage.SOLVING)
    try:
        known = gather(request=request, at=at)
        solution = _solve(known)
    except (PlanningRefused, NothingKnown, NothingWorthCalling) as refusal:
        give_up(plan_id=plan_id, number=number, at=at, why=str(refusal))
        return None
    _enter(request, Stage.COMPARING)
    others = alternatives_to(known.problem, solution)
    proposal = _propose(known, solution, request, at)
    return _write(request, proposal, others, _deadlines(known, proposal), at)


def give_up(*, plan_id: int, number: int, at: datetime, why: str) -> None:
    """Record that a request could not be met: the plan FAILED, or its earlier version is open for a vote again."""
    with transaction.atomic():
        plan = Plan.objects.select_for_update().get(pk=plan_id)
        if plan.status != Status.PLANNING or plan.requests.filter(number__gt=number).exists():
            return
        back = Status.PENDING if plan.current_version_id else Status.FAILED
        move_plan(plan=plan, to=back, at=at, actor="planner", reason=why, failure=why)


def _is_awaited(request: PlanRequest) -> bool:
    overtaken = request.plan.requests.filter(number__gt=request.number).exists()
    return request.plan.status == Status.PLANNING and not overtaken and not hasattr(request, "version")


def _enter(request: PlanRequest, stage: Stage) -> None:
    """Tell those who wait where the worker is; of no consequence when the request was overtaken meanwhile."""
    Plan.objects.filter(pk=request.plan_id, status=Status.PLANNING).update(stage=stage)


def _solve(known: Known) -> PlanSolution:
    solution = solve(known.problem)
    if not solution.cohorts:
        raise NothingWorthCalling
    return solution


def _propose(known: Known, solution: PlanSolution, request: PlanRequest, at: datetime) -> Proposal:
    return build_content(
        ContentInputs(
            problem=known.problem,
            solution=solution,
            plan_number=request.plan_id,
            version=request.plan.versions.count() + 1,
            proposed_at=at,
            mode=request.plan.mode,
            policy=policy_in_force(),
            edited=request.number > 1,
            grid_state=known.grid_state,
            basis=basis_at(
                slugs={plan.cohort_slug for plan in solution.cohorts},
                start=known.problem.window_start,
                end=known.problem.window_end,
                at=at,
            ),
            endpoint_numbers=known.endpoint_numbers,
            program_ids={cohort.slug: f"program-{cohort.slug}" for cohort in known.problem.cohorts},
            rationale=explain(known.problem, solution, known.grid_context),
            grid=known.grid_source,
            forecast=known.forecast_source,
            planner_build=PLANNER_BUILD,
        )
    )


def _deadlines(known: Known, proposal: Proposal) -> Deadlines:
    """No later than the notice of every programme called allows."""
    notice = {cohort.slug: timedelta(minutes=cohort.rules.notice_min) for cohort in known.problem.cohorts}
    dispatch_by = min(event.starts_at - notice[event.cohort_slug] for event in proposal.events)
    return Deadlines(approve_by=dispatch_by - TIME_TO_SEND, dispatch_by=dispatch_by)


def _write(
    request: PlanRequest, proposal: Proposal, others: tuple[Alternative, ...], deadlines: Deadlines, at: datetime
) -> PlanVersion | None:
    with transaction.atomic():
        plan = Plan.objects.select_for_update().get(pk=request.plan_id)
        request.plan = plan
        if not _is_awaited(request):
            return None
        version = PlanVersion.objects.create(
            plan=plan,
            number=proposal.content.version,
            request=request,
            content=proposal.text,
            content_hash=proposal.content_hash,
            window_start=proposal.content.window_start,
            window_end=proposal.content.window_end,
            proposed_at=at,
        )
        PlannedEvent.objects.bulk_create(_events(version, proposal))
        PlanAlternative.objects.bulk_create(PlanAlternative(version=version, **asdict(each)) for each in others)
        move_plan(
            plan=plan,
            to=Status.PENDING,
            at=at,
            actor="planner",
            current_version=version,
            approve_by=deadlines.approve_by,
            dispatch_by=deadlines.dispatch_by,
            failure="",
        )
    return version


def _events(version: PlanVersion, proposal: Proposal) -> list[PlannedEvent]:
    return [
        PlannedEvent(
            version=version,
            cohort_id=event.cohort_id,
            event_name=event.event_name,
            payload=event.payload,
            payload_sha256=event.payload_sha256,
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            mean_mw=event.mean_mw,
            endpoints=event.endpoints,
        )
        for event in proposal.events
    ]
