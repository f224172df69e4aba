"""Lend the right to vote: dated, up to so many MW, to somebody who may vote themselves, never further on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from grid.core.refusals import Conflict, Invalid, NotAllowed, NotFound
from planning.models import Delegation, DelegationEnd
from planning.operations.opening import ReasonMissing, in_words, need, refusals_on_record
from planning.operations.stepping_up import prove_with_password

LONGEST: Final = timedelta(days=31)


class DelegationInvalid(Invalid):
    """A field of it cannot be."""

    def __init__(self, field: str, words: str) -> None:
        self.field, self.words = field, words

    def __str__(self) -> str:
        return self.words


class DelegationRefused(NotAllowed):
    """PostgreSQL refused it."""

    def __str__(self) -> str:
        return "The right to vote can be lent only by who has it, to somebody who may vote on plans themselves."


class DelegationUnknown(NotFound):
    """There is no delegation of this number."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __str__(self) -> str:
        return f"There is no delegation {self.number}."


class DelegationOver(Conflict):
    """It was taken back already."""

    def __str__(self) -> str:
        return "This delegation was ended already."


@dataclass(frozen=True)
class Loan:
    """To whom, for how long (portal time), up to how many MW, why."""

    delegate_id: int
    starts_at: datetime
    ends_at: datetime
    max_mw: Decimal
    reason: str


def delegate_vote(*, loan: Loan, by: Any, at: datetime, password: str | None = None) -> Delegation:
    """Raises PermissionNeeded, PasswordNeeded, PasswordWrong, TooManyWrong, DelegationRefused (403);
    DelegationInvalid, ReasonMissing (422).
    """
    with refusals_on_record(plan_id=None, by=by, attempted="delegate", at=at), transaction.atomic():
        need(by, "planning.delegate_vote")
        _check(loan, by, at)
        prove_with_password(by, password)
        try:
            with transaction.atomic():
                return Delegation.objects.create(
                    delegator=by,
                    delegate_id=loan.delegate_id,
                    starts_at=loan.starts_at,
                    ends_at=loan.ends_at,
                    max_mw=loan.max_mw,
                    reason=in_words(loan.reason),
                )
        except IntegrityError as error:
            raise DelegationRefused from error


def _check(loan: Loan, by: Any, at: datetime) -> None:
    if not in_words(loan.reason):
        raise ReasonMissing
    if loan.delegate_id == by.pk:
        raise DelegationInvalid("delegate", "Lend it to somebody else.")
    if not get_user_model().objects.filter(pk=loan.delegate_id, is_active=True).exists():
        raise DelegationInvalid("delegate", "There is no such person.")
    if loan.ends_at <= loan.starts_at or loan.ends_at <= at:
        raise DelegationInvalid("ends_at", "It ends after it starts, and not in the past.")
    if loan.ends_at - loan.starts_at > LONGEST:
        raise DelegationInvalid("ends_at", f"It may last {LONGEST.days} days at most.")
    if not loan.max_mw.is_finite() or loan.max_mw <= 0:
        raise DelegationInvalid("max_mw", "Give the most MW it is good for, more than 0.")


def end_delegation(*, delegation_id: int, by: Any, at: datetime) -> DelegationEnd:
    """Either of the two takes it back or gives it back. Raises DelegationUnknown, DelegationOver."""
    with refusals_on_record(plan_id=None, by=by, attempted="end delegation", at=at), transaction.atomic():
        found = Delegation.objects.filter(pk=delegation_id).first()
        if found is None or by.pk not in {found.delegator_id, found.delegate_id}:
            raise DelegationUnknown(delegation_id)
        try:
            with transaction.atomic():
                return DelegationEnd.objects.create(delegation=found, by=by, at=at)
        except IntegrityError as error:
            raise DelegationOver from error
