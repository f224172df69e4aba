"""Approve, reject, abort, expire: each one transaction, each refusal on record."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, connection, transaction

from grid.core.refusals import Conflict, NotAllowed
from grid.queries import current_run
from planning.core.lifecycle import AWAITING_VOTE, LIVE, Status, abort_target, ended_with_its_run
from planning.models import Decision, Plan, Transition, Vote
from planning.operations.opening import ReasonMissing, locked, need, refusals_on_record, undecided
from planning.queries import committed_events
from planning.record import move_plan

APPROVAL_LOCK: Final = 0xA9920


class OwnPlan(NotAllowed):
    """Whoever asked for a plan, or for a change of it, cannot vote on it."""

    def __str__(self) -> str:
        return "You asked for this plan or for a change of it, so somebody else has to decide."


class AlreadyVoted(Conflict):
    """One person, one vote on one version."""

    def __str__(self) -> str:
        return "You have already voted on this version."


class VoteRefused(NotAllowed):
    """PostgreSQL refused the vote; `why` is its own sentence."""

    def __init__(self, why: str) -> None:
        self.why = why

    def __str__(self) -> str:
        return f"The vote was refused: {self.why}."


class PasswordWrong(NotAllowed):
    """The password sent along with the vote is not this person's."""

    field = "password"

    def __str__(self) -> str:
        return "The password is not right."


class NothingToStop(Conflict):
    """The plan has ended already."""

    def __init__(self, plan: Plan) -> None:
        self.plan_id, self.status = plan.pk, plan.status

    def __str__(self) -> str:
        return f"Plan {self.plan_id} is {self.status}: nothing is left to stop."


class CohortCommitted(Conflict):
    """Another plan, approved meanwhile, already calls a cohort of this one; its programme allows no second call."""

    def __init__(self, plan_id: int, cohort: str, other_plan_id: int) -> None:
        self.plan_id, self.cohort, self.other_plan_id = plan_id, cohort, other_plan_id

    def __str__(self) -> str:
        return (
            f"Plan {self.other_plan_id}, approved meanwhile, already calls {self.cohort}, whose programme allows no "
            f"second call so soon. Edit plan {self.plan_id}, or ask for a new one."
        )


def approve_plan(
    *, plan_id: int, content_hash: str, by: Any, at: datetime, reason: str = "", password: str | None = None
) -> Plan:
    """Vote for exactly the content whose hash is named; with the last vote needed the plan is AUTHORISED.

    Raises PermissionNeeded, OwnPlan, VoteRefused, PasswordWrong (403); PlanUnknown (404); StaleContent,
    NotAwaitingVote, TooLate, AlreadyVoted, CohortCommitted (409). A refusal is on record and changes nothing else.
    """
    with refusals_on_record(plan_id=plan_id, by=by, attempted="approve", at=at), transaction.atomic():
        if password is not None and not by.check_password(password):
            raise PasswordWrong
        _one_approval_at_a_time()
        plan = undecided(plan_id=plan_id, content_hash=content_hash, by=by, at=at, permission="planning.approve_plan")
        _check_commitments(plan)
        _vote(plan=plan, decision=Decision.APPROVE, by=by, at=at, reason=reason)
        if _has_quorum(plan):
            move_plan(plan=plan, to=Status.AUTHORISED, at=at, by=by, reason=reason)
        elif plan.status == Status.PENDING:
            move_plan(plan=plan, to=Status.PARTIAL, at=at, by=by, reason=reason)
    return plan


def reject_plan(*, plan_id: int, content_hash: str, by: Any, at: datetime, reason: str) -> Plan:
    """Veto: one rejection ends the plan. Raises as `approve_plan` does, and ReasonMissing."""
    with refusals_on_record(plan_id=plan_id, by=by, attempted="reject", at=at), transaction.atomic():
        plan = undecided(plan_id=plan_id, content_hash=content_hash, by=by, at=at, permission="planning.reject_plan")
        if not reason.strip():
            raise ReasonMissing
        _vote(plan=plan, decision=Decision.REJECT, by=by, at=at, reason=reason)
        move_plan(plan=plan, to=Status.REJECTED, at=at, by=by, reason=reason)
    return plan


def abort_plan(*, plan_id: int, by: Any, at: datetime, reason: str = "") -> Plan:
    """Stop a plan: one person, no quorum, no reason needed. Dispatch cancels what was sent.

    Raises PermissionNeeded, PlanUnknown, NothingToStop.
    """
    with refusals_on_record(plan_id=plan_id, by=by, attempted="abort", at=at), transaction.atomic():
        need(by, "planning.abort_plan")
        plan = locked(plan_id)
        target = abort_target(Status(plan.status))
        if target is None:
            raise NothingToStop(plan)
        move_plan(plan=plan, to=target, at=at, by=by, reason=reason)
    return plan


def expire_due(*, at: datetime) -> list[Plan]:
    """Plans nobody decided in time are EXPIRED. Nothing is ever approved by a timeout."""
    expired = []
    due = Plan.objects.filter(run=current_run(), status__in=AWAITING_VOTE, approve_by__lte=at)
    for pk in due.values_list("pk", flat=True):
        with transaction.atomic():
            plan = Plan.objects.select_for_update().get(pk=pk)
            if plan.status in AWAITING_VOTE and plan.approve_by and plan.approve_by <= at:
                move_plan(plan=plan, to=Status.EXPIRED, at=at, actor="clock", reason="not decided in time")
                expired.append(plan)
    return expired


def close_earlier_runs(*, at: datetime) -> list[Plan]:
    """End the open plans of scenario runs before the clock's own. Live plans (run 0) wait for the portal to be live.

    For the start of the portal; their simulated endpoints ended with their scenario, so no signal goes out.
    """
    left = Plan.objects.filter(status__in=LIVE, run__gt=0).exclude(run=current_run()).order_by("pk")
    with transaction.atomic():
        closed = list(left.select_for_update())
        for plan in closed:
            old, new = Status(plan.status), ended_with_its_run(Status(plan.status))
            Plan.objects.filter(pk=plan.pk).update(status=new)
            Transition.objects.create(
                plan=plan, from_status=old, to_status=new, actor="clock", reason="its scenario was begun anew", at=at
            )
    return closed


def _vote(*, plan: Plan, decision: Decision, by: Any, at: datetime, reason: str) -> None:
    version = plan.current_version
    assert version is not None
    if plan.requests.filter(by=by).exists():
        raise OwnPlan
    if version.votes.filter(voter=by).exists():
        raise AlreadyVoted
    try:
        with transaction.atomic():
            Vote.objects.create(
                version=version, content_hash=version.content_hash, voter=by, decision=decision, reason=reason, at=at
            )
    except IntegrityError as error:
        raise VoteRefused(_sentence_of(error)) from error


def _sentence_of(error: IntegrityError) -> str:
    """PostgreSQL's own words, without the context lines."""
    return str(error).splitlines()[0].removeprefix("vote refused: ")


def _one_approval_at_a_time() -> None:
    """Two plans approved in the same instant must see each other's commitments; held until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [APPROVAL_LOCK])


def _check_commitments(plan: Plan) -> None:
    """Raise CohortCommitted when a plan approved since this one was made calls a cohort within its rest."""
    assert plan.current_version is not None
    for event in plan.current_version.events.select_related("cohort"):
        rest = timedelta(hours=float(event.cohort.rest_h))
        other = (
            committed_events(since=event.starts_at - rest)
            .filter(cohort=event.cohort, starts_at__lt=event.ends_at + rest)
            .exclude(version__plan=plan)
            .values_list("version__plan_id", flat=True)
            .first()
        )
        if other is not None:
            raise CohortCommitted(plan.pk, event.cohort.name, other)


def _has_quorum(plan: Plan) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT planning_votes_for(%s) >= planning_required_votes(%s)",
            [plan.current_version_id, plan.current_version_id],
        )
        return bool(cursor.fetchone()[0])
