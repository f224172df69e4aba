"""How people decide: their own estimate before the plan's number, how long they looked, and time that runs out."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, connection, transaction

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
    """Write down which undecided plans have used up 50, 75, 90 % of their time, and whom a message is to tell.

    The unique step of a version is what makes a message go out once: only the rows returned are to be told, by whoever
    wrote them. Of several steps of a version passed at once the last one tells. Safe to run twice, also at once.
    """
    made = []
    waiting = Plan.objects.filter(run=current_run(), status__in=AWAITING_VOTE, approve_by__gt=at)
    for plan in waiting.select_related("current_version").order_by("pk"):
        made += _escalated(plan, at)
    return made


def _escalated(plan: Plan, at: datetime) -> list[Escalation]:
    version = plan.current_version
    if version is None or plan.approve_by is None:
        return []
    whole = max(plan.approve_by - version.proposed_at, timedelta(seconds=1))
    share_pct = (at - version.proposed_at) / whole * 100
    passed = [step_pct for step_pct in STEPS_PCT if step_pct <= share_pct]
    known = set(version.escalations.values_list("share_pct", flat=True)) if passed else set()
    made = []
    for step_pct in (step for step in passed if step not in known):
        told = sorted(addresses_of(version)) if step_pct == passed[-1] else []
        row, created = Escalation.objects.get_or_create(
            version=version, share_pct=step_pct, defaults={"at": at, "told": told}
        )
        made += [row] if created else []
    return made


def addresses_of(version: PlanVersion) -> dict[str, str]:
    """E-mail addresses, by username, of who can still vote on the version; empty where mail is off."""
    if not settings.MAIL_IS_ON:
        return {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT username, email FROM planning_still_to_vote(%s)", [version.pk])
        return dict(cursor.fetchall())
