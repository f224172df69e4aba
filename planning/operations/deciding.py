"""Reject, abort, expire: each one transaction, each refusal on record. Approving is in `approving.py`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from grid.core.refusals import Conflict
from grid.queries import current_run
from planning.core.lifecycle import AWAITING_VOTE, LIVE, Status, abort_target, ended_with_its_run
from planning.models import Decision, Plan, Transition
from planning.operations.approving import Ballot, cast_vote, not_in_own_cause
from planning.operations.opening import ReasonMissing, in_words, locked, need, refusals_on_record, undecided
from planning.record import move_plan


class NothingToStop(Conflict):
    """The plan has ended already."""

    def __init__(self, plan: Plan) -> None:
        self.plan_id, self.status = plan.pk, plan.status

    def __str__(self) -> str:
        return f"Plan {self.plan_id} is {self.status}: nothing is left to stop."


def reject_plan(*, plan_id: int, content_hash: str, by: Any, at: datetime, reason: str) -> Plan:
    """Veto: one rejection ends the plan. Raises as `approve_plan` does, and ReasonMissing."""
    with refusals_on_record(plan_id=plan_id, by=by, attempted="reject", at=at), transaction.atomic():
        plan = undecided(plan_id=plan_id, content_hash=content_hash, by=by, at=at, permission="planning.reject_plan")
        if not in_words(reason):
            raise ReasonMissing
        not_in_own_cause(plan, by)
        cast_vote(plan=plan, decision=Decision.REJECT, ballot=Ballot(by=by, reason=in_words(reason)), at=at)
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
