"""How people decide: their own estimate before the plan's number, how long they looked, and time that runs out."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import IntegrityError, transaction

from grid.core.refusals import Conflict, Invalid
from grid.queries import current_run
from planning.core.lifecycle import AWAITING_VOTE
from planning.models import Escalation, Estimate, Plan, PlanVersion, PlanViewing
from planning.operations.opening import current, need, refusals_on_record, undecided

STEPS_PCT: Final = (50, 75, 90)
LONGEST_VIEWING_S: Final = 3600


class EstimateInvalid(Invalid):
    """No number of MW."""

    field = "mw"

    def __str__(self) -> str:
        return "Give your estimate in MW, 0 or more."


class AlreadyEstimated(Conflict):
    """The first one counts."""

    def __str__(self) -> str:
        return "You have given an estimate for this version already."


def give_estimate(*, plan_id: int, content_hash: str, by: Any, at: datetime, mw: Decimal) -> Estimate:
    """What this person thinks the plan gives. Raises as `approve_plan` does, and EstimateInvalid, AlreadyEstimated."""
    with refusals_on_record(plan_id=plan_id, by=by, attempted="estimate", at=at), transaction.atomic():
        plan = undecided(plan_id=plan_id, content_hash=content_hash, by=by, at=at, permission="planning.approve_plan")
        if not mw.is_finite() or not 0 <= mw < 1_000_000:
            raise EstimateInvalid
        try:
            with transaction.atomic():
                return Estimate.objects.create(version=current(plan), by=by, mw=mw, at=at)
        except IntegrityError as error:
            raise AlreadyEstimated from error


def note_viewing(*, plan_id: int, content_hash: str, by: Any, seconds: int) -> PlanViewing | None:
    """So long the page of this content was in sight; None when there is no such content."""
    need(by, "planning.view_plan")
    version = PlanVersion.objects.filter(plan_id=plan_id, content_hash=content_hash).first()
    if version is None or seconds < 1:
        return None
    return PlanViewing.objects.create(version=version, by=by, seconds=min(seconds, LONGEST_VIEWING_S))


def escalate_due(*, at: datetime) -> list[Escalation]:
    """Write down which undecided plans have used up 50, 75, 90 % of their time. Safe to run twice."""
    made = []
    waiting = Plan.objects.filter(run=current_run(), status__in=AWAITING_VOTE, approve_by__gt=at)
    for plan in waiting.select_related("current_version").order_by("pk"):
        version = plan.current_version
        if version is None or plan.approve_by is None:
            continue
        whole = max(plan.approve_by - version.proposed_at, timedelta(seconds=1))
        share_pct = (at - version.proposed_at) / whole * 100
        for step_pct in (step for step in STEPS_PCT if step <= share_pct):
            row, created = Escalation.objects.get_or_create(version=version, share_pct=step_pct, defaults={"at": at})
            made += [row] if created else []
    return made
