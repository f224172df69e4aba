"""Making sure of the person at the vote itself: passkeys, their challenges, and what was signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Max

from grid.core.refusals import Conflict, Invalid, NotAllowed
from planning.models import (
    BreakGlass,
    Passkey,
    PasskeyEnd,
    PlanVersion,
    StepUpChallenge,
    Vote,
    VoteAssertion,
)
from planning.operations.opening import PlanUnknown, StaleContent
from planning.passkeys import (
    NotSigned,
    RelyingParty,
    Signed,
    challenge_of,
    enrolled,
    enrolment_options,
    new_nonce,
    sign_count_of,
    signing_options,
)

CHALLENGE_LASTS: Final = timedelta(minutes=5)
PURPOSES: Final = ("APPROVE", "BREAK_GLASS")
ENROL: Final = "ENROL"
MOST_LABEL: Final = 60


class PasskeyRefused(NotAllowed):
    """What was signed does not prove it; `why` in words."""

    field = "assertion"

    def __init__(self, why: str) -> None:
        self.why = why

    def __str__(self) -> str:
        return f"The passkey did not prove it: {self.why}. Ask for a new challenge and try again."


class NoPasskey(Conflict):
    """The person has none to sign with."""

    def __str__(self) -> str:
        return "You have no passkey yet. Enrol one first (your name, Passkeys), then come back."


class PurposeUnknown(Invalid):
    """A challenge is for approving or for break-glass."""

    field = "decision"

    def __str__(self) -> str:
        return f"decision is one of {', '.join(PURPOSES)}."


class PasskeyKnown(Conflict):
    """The key is enrolled already."""

    def __str__(self) -> str:
        return "This passkey is enrolled already."


class PasskeyUnknown(Invalid):
    """No such key of this person."""

    field = "passkey"

    def __str__(self) -> str:
        return "You have no such passkey."


@dataclass(frozen=True)
class Proven:
    """A challenge answered by one of the person's keys, still to be kept beside the decision it is for."""

    passkey: Passkey
    challenge: StepUpChallenge
    signed: Signed
    sign_count: int


def passkeys_of(by: Any) -> list[Passkey]:
    """Keys that are still believed, oldest first."""
    return list(Passkey.objects.filter(user=by, end=None).order_by("pk"))


def begin_enrolment(*, by: Any, party: RelyingParty) -> dict[str, Any]:
    """What the browser is asked to make a new key. Writes the challenge."""
    nonce = new_nonce()
    StepUpChallenge.objects.create(user=by, purpose=ENROL, nonce=nonce)
    known = [bytes(key.credential_id) for key in passkeys_of(by)]
    return enrolment_options(
        party=party,
        user_id=by.pk,
        username=by.get_username(),
        challenge=challenge_of(nonce, "", ENROL),
        known=known,
    )


def enrol_passkey(*, by: Any, signed: Signed, label: str) -> Passkey:
    """Keep a new key of this person. Raises PasskeyRefused, PasskeyKnown."""
    with transaction.atomic():
        try:
            challenge = _spent(by, signed, purpose=ENROL, content_hash="")
            key = enrolled(signed, challenge=challenge_of(bytes(challenge.nonce), "", ENROL))
        except NotSigned as error:
            raise PasskeyRefused(error.why) from error
        if Passkey.objects.filter(credential_id=key.credential_id).exists():
            raise PasskeyKnown
        return Passkey.objects.create(
            user=by,
            credential_id=key.credential_id,
            public_key=key.public_key,
            sign_count=key.sign_count,
            label=label.strip()[:MOST_LABEL] or "passkey",
        )


def end_passkey(*, passkey_id: int, by: Any, reason: str = "") -> PasskeyEnd:
    """Stop believing one of one's own keys. Raises PasskeyUnknown."""
    with transaction.atomic():
        key = Passkey.objects.filter(pk=passkey_id, user=by, end=None).first()
        if key is None:
            raise PasskeyUnknown
        return PasskeyEnd.objects.create(passkey=key, by=by, reason=reason)


def begin_signing(*, plan_id: int, content_hash: str, decision: str, by: Any, party: RelyingParty) -> dict[str, Any]:
    """What the authenticator is asked to sign for a decision on exactly this content. Writes the challenge.

    Raises PurposeUnknown, PlanUnknown, StaleContent, NoPasskey.
    """
    if decision not in PURPOSES:
        raise PurposeUnknown
    version = PlanVersion.objects.filter(current_of=plan_id).first()
    if version is None:
        raise PlanUnknown(plan_id)
    if version.content_hash != content_hash:
        raise StaleContent(version, content_hash)
    known = [bytes(key.credential_id) for key in passkeys_of(by)]
    if not known:
        raise NoPasskey
    nonce = new_nonce()
    StepUpChallenge.objects.create(user=by, purpose=decision, content_hash=content_hash, nonce=nonce)
    return signing_options(party=party, challenge=challenge_of(nonce, content_hash, decision), known=known)


def prove(*, by: Any, signed: Signed, decision: str, content_hash: str) -> Proven:
    """Spend the challenge that was signed; call inside the decision's transaction. Raises PasskeyRefused."""
    try:
        passkey = Passkey.objects.filter(user=by, end=None, credential_id=signed.credential_id).first()
        if passkey is None:
            raise NotSigned("it is none of this person's keys")
        challenge = _spent(by, signed, purpose=decision, content_hash=content_hash)
        count = sign_count_of(
            signed,
            challenge=challenge_of(bytes(challenge.nonce), content_hash, decision),
            public_key=bytes(passkey.public_key),
            sign_count=_highest_count(passkey),
        )
    except NotSigned as error:
        raise PasskeyRefused(error.why) from error
    return Proven(passkey, challenge, signed, count)


def keep_assertion(proven: Proven, *, vote: Vote | None = None, break_glass: BreakGlass | None = None) -> VoteAssertion:
    """Evidence beside the decision."""
    return VoteAssertion.objects.create(
        vote=vote,
        break_glass=break_glass,
        challenge=proven.challenge,
        passkey=proven.passkey,
        client_data=proven.signed.part("clientDataJSON"),
        authenticator_data=proven.signed.part("authenticatorData"),
        signature=proven.signed.part("signature"),
        sign_count=proven.sign_count,
    )


def _spent(by: Any, signed: Signed, *, purpose: str, content_hash: str) -> StepUpChallenge:
    """The open challenge that was signed, now used. Raises NotSigned."""
    told, wall_at = signed.challenge, signed.received_at
    waiting = StepUpChallenge.objects.filter(
        user=by, purpose=purpose, content_hash=content_hash, used_at=None, wall_at__gt=wall_at - CHALLENGE_LASTS
    )
    for challenge in waiting.order_by("-pk"):
        if challenge_of(bytes(challenge.nonce), content_hash, purpose) == told:
            if StepUpChallenge.objects.filter(pk=challenge.pk, used_at=None).update(used_at=wall_at) == 1:
                return challenge
            break
    raise NotSigned("no open challenge for this decision was signed (each is good once, for five minutes)")


def _highest_count(passkey: Passkey) -> int:
    used = VoteAssertion.objects.filter(passkey=passkey).aggregate(highest=Max("sign_count"))["highest"]
    return max(passkey.sign_count, used or 0)
