"""The kill switch: one person stops all approvals and sending; a supervisor lets them begin again. Deny beats allow."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from grid.core.refusals import Conflict, Invalid, NotAllowed, NotFound
from planning.models import Freeze, FreezeLift
from planning.operations.opening import ReasonMissing, in_words, need, refusals_on_record


class FreezeUnknown(NotFound):
    """There is no freeze of this number."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __str__(self) -> str:
        return f"There is no freeze {self.number}."


class FreezeOver(Conflict):
    """Somebody has lifted it already."""

    def __init__(self, who: str) -> None:
        self.who = who

    def __str__(self) -> str:
        return f"This freeze was lifted already, by {self.who}."


class FreezeRefused(NotAllowed):
    """PostgreSQL refused it: whoever administers or audits neither stops nor starts anything."""

    def __str__(self) -> str:
        return "Who administers or audits takes no part in decisions, so somebody else has to do it."


class FreezeSpanInvalid(Invalid):
    """It ends before it starts, or has passed."""

    field = "ends_at"

    def __str__(self) -> str:
        return "A freeze ends after it starts, and not in the past."


def freeze(
    *, by: Any, at: datetime, reason: str, starts_at: datetime | None = None, ends_at: datetime | None = None
) -> Freeze:
    """From now (or `starts_at`) until somebody lifts it (or `ends_at`), nothing is approved and nothing sent.

    Events that were sent go on, and can be aborted. Raises PermissionNeeded, FreezeRefused, ReasonMissing,
    FreezeSpanInvalid.
    """
    with refusals_on_record(plan_id=None, by=by, attempted="freeze", at=at), transaction.atomic():
        need(by, "planning.freeze_sending")
        if not in_words(reason):
            raise ReasonMissing
        start = starts_at or at
        if ends_at is not None and (ends_at <= start or ends_at <= at):
            raise FreezeSpanInvalid
        try:
            with transaction.atomic():
                return Freeze.objects.create(by=by, reason=in_words(reason), starts_at=start, ends_at=ends_at)
        except IntegrityError as error:
            raise FreezeRefused from error


def lift_freeze(*, freeze_id: int, by: Any, at: datetime, reason: str) -> FreezeLift:
    """Raises PermissionNeeded, FreezeRefused, FreezeUnknown, FreezeOver, ReasonMissing."""
    with refusals_on_record(plan_id=None, by=by, attempted="lift freeze", at=at), transaction.atomic():
        need(by, "planning.lift_freeze")
        if not in_words(reason):
            raise ReasonMissing
        found = Freeze.objects.filter(pk=freeze_id).first()
        if found is None:
            raise FreezeUnknown(freeze_id)
        try:
            with transaction.atomic():
                return FreezeLift.objects.create(freeze=found, by=by, reason=in_words(reason), at=at)
        except IntegrityError as error:
            lift = FreezeLift.objects.filter(freeze=found).select_related("by").first()
            raise (FreezeOver(lift.by.username) if lift else FreezeRefused()) from error
