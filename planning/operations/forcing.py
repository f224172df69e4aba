"""Break-glass: one supervisor forces a content through, on record, and somebody else looks at it afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from grid.core.refusals import Conflict, Invalid, NotAllowed, NotFound
from planning.core.lifecycle import Status
from planning.models import BreakGlass, BreakGlassReview, Plan
from planning.operations.approving import check_commitments, one_approval_at_a_time
from planning.operations.opening import current, in_words, need, refusals_on_record, undecided
from planning.operations.stepping_up import keep_assertion, prove
from planning.passkeys import Signed
from planning.record import move_plan


class BreakGlassRefused(NotAllowed):
    """PostgreSQL refused to let it be forced; `why` is its own sentence."""

    def __init__(self, why: str) -> None:
        self.why = why

    def __str__(self) -> str:
        return f"It cannot be forced: {self.why}."


class BreakGlassIncomplete(Invalid):
    """Something that the record needs is missing."""

    def __init__(self, field: str, words: str) -> None:
        self.field, self.words = field, words

    def __str__(self) -> str:
        return self.words


class BreakGlassUnknown(NotFound):
    """Nothing was forced under this number."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __str__(self) -> str:
        return f"There is no break-glass {self.number}."


class ReviewRefused(NotAllowed):
    """Whoever forced it does not review it."""

    def __init__(self, why: str) -> None:
        self.why = why

    def __str__(self) -> str:
        return f"The review was refused: {self.why}."


class AlreadyReviewed(Conflict):
    """One review each."""

    def __str__(self) -> str:
        return "It has been reviewed already."


@dataclass(frozen=True)
class Emergency:
    """Why it has to be forced."""

    reason_code: str
    incident: str
    reason: str

    def __post_init__(self) -> None:
        if self.reason_code not in BreakGlass.ReasonCode.values:
            codes = ", ".join(BreakGlass.ReasonCode.values)
            raise BreakGlassIncomplete("reason_code", f"The reason code is one of {codes}.")
        if not in_words(self.incident):
            raise BreakGlassIncomplete("incident", "Give the number of the incident it belongs to.")
        if not in_words(self.reason):
            raise BreakGlassIncomplete("reason", "Say why it has to be forced.")


def force_plan(
    *, plan_id: int, content_hash: str, by: Any, at: datetime, emergency: Emergency, signed: Signed | None
) -> Plan:
    """AUTHORISE exactly this content without its quorum. What was not met is written down by PostgreSQL as forced.

    Raises PermissionNeeded, PasskeyRefused, BreakGlassRefused (403); PlanUnknown (404); StaleContent, NotAwaitingVote,
    TooLate, CohortCommitted (409); BreakGlassIncomplete (422).
    """
    with refusals_on_record(plan_id=plan_id, by=by, attempted="break-glass", at=at), transaction.atomic():
        one_approval_at_a_time()
        plan = undecided(plan_id=plan_id, content_hash=content_hash, by=by, at=at, permission="planning.break_glass")
        if signed is None:
            raise BreakGlassRefused("it needs your passkey")
        check_commitments(plan)
        proven = prove(by=by, signed=signed, decision="BREAK_GLASS", content_hash=content_hash)
        try:
            with transaction.atomic():
                forced = BreakGlass.objects.create(
                    version=current(plan),
                    content_hash=content_hash,
                    by=by,
                    reason_code=emergency.reason_code,
                    incident=in_words(emergency.incident),
                    reason=in_words(emergency.reason),
                    step_up="PASSKEY",
                    at=at,
                )
        except IntegrityError as error:
            raise BreakGlassRefused(str(error).splitlines()[0].removeprefix("break-glass refused: ")) from error
        keep_assertion(proven, break_glass=forced)
        words = f"break-glass, incident {forced.incident}: {forced.reason}"
        move_plan(plan=plan, to=Status.AUTHORISED, at=at, by=by, reason=words)
    return plan


def review_break_glass(*, break_glass_id: int, by: Any, at: datetime, finding: str, text: str) -> BreakGlassReview:
    """Say what to think of it. Raises PermissionNeeded, ReviewRefused, BreakGlassUnknown, AlreadyReviewed, Invalid."""
    forced = BreakGlass.objects.select_related("version").filter(pk=break_glass_id).first()
    if forced is None:
        raise BreakGlassUnknown(break_glass_id)
    with (
        refusals_on_record(plan_id=forced.version.plan_id, by=by, attempted="review", at=at),
        transaction.atomic(),
    ):
        need(by, "planning.review_break_glass")
        if finding not in BreakGlassReview.Finding.values:
            raise BreakGlassIncomplete(
                "finding", f"The finding is one of {', '.join(BreakGlassReview.Finding.values)}."
            )
        if not in_words(text):
            raise BreakGlassIncomplete("text", "Say what you looked at and what you think of it.")
        if BreakGlassReview.objects.filter(break_glass=forced).exists():
            raise AlreadyReviewed
        try:
            with transaction.atomic():
                return BreakGlassReview.objects.create(break_glass=forced, by=by, finding=finding, text=in_words(text))
        except IntegrityError as error:
            raise ReviewRefused(str(error).splitlines()[0].removeprefix("review refused: ")) from error
