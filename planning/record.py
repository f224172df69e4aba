"""The small writes every decision shares: a compare-and-set move with its Transition, and a refusal on record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from grid.core.refusals import Conflict, Refusal
from planning.core.lifecycle import Status, may_move
from planning.models import Plan, PlanRefusal, Transition


class PlanMoved(Conflict):
    """Someone else changed the plan's state first."""

    def __init__(self, plan_id: int, expected: str) -> None:
        self.plan_id, self.expected = plan_id, expected

    def __str__(self) -> str:
        now = Plan.objects.values_list("status", flat=True).get(pk=self.plan_id)
        last = Transition.objects.filter(plan_id=self.plan_id).order_by("-pk").first()
        who = f" by {last.by.username if last.by else last.actor}" if last else ""
        return f"Plan {self.plan_id} is {now}{who}, no longer {self.expected}. Look at it again."


def move_plan(
    *, plan: Plan, to: Status, at: datetime, by: Any = None, actor: str = "person", reason: str = "", **changes: Any
) -> None:
    """Compare-and-set the state of `plan` and record the Transition; call inside a transaction.

    Raises PlanMoved when the row is no longer in the state `plan` was read in, or when the table of moves forbids it.
    """
    old = Status(plan.status)
    if not may_move(old, to):
        raise PlanMoved(plan.pk, "open for this")
    changed = Plan.objects.filter(pk=plan.pk, status=old).update(status=to, **changes)
    if changed != 1:
        raise PlanMoved(plan.pk, old)
    Transition.objects.create(plan=plan, from_status=old, to_status=to, by=by, actor=actor, reason=reason, at=at)
    plan.status = to
    for name, value in changes.items():
        setattr(plan, name, value)


def record_refusal(*, plan_id: int | None, by: Any, attempted: str, refusal: Refusal, at: datetime) -> None:
    """Write who tried what and why not, in a transaction of its own (the attempt's was rolled back)."""
    with transaction.atomic():
        if plan_id is None or Plan.objects.filter(pk=plan_id).exists():
            PlanRefusal.objects.create(plan_id=plan_id, by=by, attempted=attempted, why=str(refusal), at=at)
