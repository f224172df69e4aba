"""Change the approval policy: one person proposes, a second one confirms, versions written from then on name it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from grid.core.refusals import Conflict, Invalid, NotAllowed, NotFound
from planning.core.policy import PolicyUnsound, policy_text
from planning.models import ApprovalPolicy, PolicyConfirmation
from planning.operations.opening import ReasonMissing, in_words, need, refusals_on_record
from planning.operations.stepping_up import prove_with_password


class PolicyInvalid(Invalid):
    """The text is no policy; says which part is wrong."""

    field = "rules"

    def __init__(self, where: str, why: str) -> None:
        self.where, self.why = where, why

    def __str__(self) -> str:
        return f"{self.where}: {self.why}."


class PolicyUnknown(NotFound):
    """There is no policy of this number."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __str__(self) -> str:
        return f"There is no approval policy {self.number}."


class ConfirmationRefused(NotAllowed):
    """PostgreSQL refused; `why` is its own sentence."""

    def __init__(self, why: str) -> None:
        self.why = why

    def __str__(self) -> str:
        return f"It cannot be confirmed: {self.why}."


class PolicyRefused(NotAllowed):
    """PostgreSQL refused it; `why` is its own sentence."""

    def __init__(self, why: str) -> None:
        self.why = why

    def __str__(self) -> str:
        return f"The policy was refused: {self.why}."


class PolicyOvertaken(Conflict):
    """Somebody proposed another one in the same instant."""

    def __str__(self) -> str:
        return "Somebody proposed another policy at the same time; look at it, then try again."


def propose_policy(*, rules: str, by: Any, at: datetime, reason: str, password: str | None = None) -> ApprovalPolicy:
    """Raises PermissionNeeded, PasswordNeeded, PasswordWrong, TooManyWrong, PolicyRefused (403); PolicyOvertaken (409);
    PolicyInvalid, ReasonMissing (422).
    """
    with refusals_on_record(plan_id=None, by=by, attempted="propose policy", at=at), transaction.atomic():
        need(by, "planning.change_policy")
        try:
            text = policy_text(rules)
        except PolicyUnsound as error:
            raise PolicyInvalid(error.where, error.why) from error
        if not in_words(reason):
            raise ReasonMissing
        prove_with_password(by, password)
        newest = ApprovalPolicy.objects.aggregate(newest=Max("number"))["newest"] or 0
        try:
            with transaction.atomic():
                return ApprovalPolicy.objects.create(
                    number=newest + 1,
                    rules=text,
                    rules_sha256=hashlib.sha256(text.encode()).hexdigest(),
                    proposed_by=by,
                    reason=in_words(reason),
                )
        except IntegrityError as error:
            words = str(error).splitlines()[0]
            if "may not" in words:
                raise PolicyRefused(words.removeprefix("policy refused: ")) from error
            raise PolicyOvertaken from error


def confirm_policy(*, number: int, by: Any, at: datetime, password: str | None = None) -> PolicyConfirmation:
    """In force from here on. Raises PermissionNeeded, PasswordNeeded, PasswordWrong, TooManyWrong,
    ConfirmationRefused (403); PolicyUnknown (404).
    """
    with refusals_on_record(plan_id=None, by=by, attempted="confirm policy", at=at), transaction.atomic():
        need(by, "planning.change_policy")
        policy = ApprovalPolicy.objects.filter(number=number).first()
        if policy is None:
            raise PolicyUnknown(number)
        prove_with_password(by, password)
        try:
            with transaction.atomic():
                return PolicyConfirmation.objects.create(policy=policy, by=by)
        except IntegrityError as error:
            words = str(error).splitlines()[0].removeprefix("confirmation refused: ")
            raise ConfirmationRefused("it is confirmed already" if "duplicate" in words else words) from error
