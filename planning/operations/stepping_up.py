"""Making sure of the person at the vote itself: passkeys, their challenges, and what was signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import Max
from django.db.models.functions import Now

from grid.core.refusals import Conflict, Invalid, NotAllowed, NotFound
from planning.models import (
    BreakGlass,
    Passkey,
    PasskeyEnd,
    PasskeyReset,
    PlanRefusal,
    PlanVersion,
    StepUpChallenge,
    Vote,
    VoteAssertion,
)
from planning.operations.opening import PlanUnknown, ReasonMissing, StaleContent, in_words, need, refusals_on_record
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
ENROL_PROOF: Final = "ENROL_PROOF"
WRONG_PASSWORDS: Final = 10
WRONG_WITHIN: Final = timedelta(minutes=15)
MOST_LABEL: Final = 60


class PasskeyRefused(NotAllowed):
    """What was signed does not prove it; `why` in words."""

    field = "assertion"

    def __init__(self, why: str) -> None:
        self.why = why

    def __str__(self) -> str:
        return f"The passkey did not prove it: {self.why}. Ask for a new challenge and try again."


class PasswordWrong(NotAllowed):
    """The password sent along is not this person's."""

    field = "password"

    def __str__(self) -> str:
        return "The password is not right."


class PasswordNeeded(NotAllowed):
    """What changes who decides, or how, is not done with a session or a token alone."""

    field = "password"

    def __str__(self) -> str:
        return "This needs your password too: it changes who decides, or how."


class TooManyWrong(NotAllowed):
    """Whoever guesses waits; so does the person, who may have typed it right by now."""

    field = "password"

    def __str__(self) -> str:
        minutes = WRONG_WITHIN // timedelta(minutes=1)
        return f"Too many wrong passwords in {minutes} minutes. Wait that long, then try again."


class ProofMissing(NotAllowed):
    """A key is enrolled against a proof: the password for a first one, else a passkey one has already."""

    def __init__(self, strength: StepUpChallenge.Proof) -> None:
        self.field = "assertion" if strength == StepUpChallenge.Proof.PASSKEY else "password"

    def __str__(self) -> str:
        if self.field == "password":
            return "Enrolling a passkey needs your password."
        return "You have a passkey: another one is enrolled with that (sign what passkeys/proof gives)."


class ResetNeeded(NotAllowed):
    """No key is left to prove it with, and the password stopped being enough with the first one."""

    def __str__(self) -> str:
        return "You withdrew your last passkey yourself. Ask an administrator to reset your passkeys, then enrol one."


class NobodyToReset(NotFound):
    """There is no such other person."""

    def __str__(self) -> str:
        return "There is nobody else of this number whose passkeys could be reset."


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
    return list(Passkey.objects.filter(user=by, end=None).select_related("challenge").order_by("pk"))


def password_enrols(by: Any) -> bool:
    """Whether the password is proof enough: nobody's second key, and no first one after a key of one's own."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT planning_password_enrols(%s)", [by.pk])
        return bool(cursor.fetchone()[0])


def check_password(by: Any, password: str) -> None:
    """Raises PasswordWrong; TooManyWrong after so many of them, whether or not this one is right."""
    wrong = PlanRefusal.objects.filter(by=by, why=str(PasswordWrong()), wall_at__gt=Now() - WRONG_WITHIN)
    if wrong.count() >= WRONG_PASSWORDS:
        raise TooManyWrong
    if not by.check_password(password):
        raise PasswordWrong


def prove_with_password(by: Any, password: str | None) -> None:
    """Raises PasswordNeeded, PasswordWrong, TooManyWrong.

    For lending a vote and changing the policy: who stole a token could otherwise lend away, or propose away, the very
    proof that a vote asks for.
    """
    if not password:
        raise PasswordNeeded
    check_password(by, password)


def begin_proof(*, by: Any, party: RelyingParty) -> dict[str, Any]:
    """What a key one has already is asked to sign, so that another can be enrolled. Raises NoPasskey."""
    known = _credential_ids(by)
    nonce = new_nonce()
    StepUpChallenge.objects.create(user=by, purpose=ENROL_PROOF, nonce=nonce)
    return signing_options(party=party, challenge=challenge_of(nonce, "", ENROL_PROOF), known=known)


def begin_enrolment(
    *, by: Any, party: RelyingParty, at: datetime, password: str | None = None, signed: Signed | None = None
) -> dict[str, Any]:
    """What the browser is asked to make a new key, once it is proven who asks: `password` for a first key, else
    `signed`, the answer of an enrolled one to `begin_proof`. Writes the challenge with its proof.

    Whoever finishes has to answer this challenge, which nobody else was given. Raises ProofMissing, ResetNeeded,
    PasswordWrong, TooManyWrong, PasskeyRefused; a refusal is on record and changes nothing else.
    """
    with refusals_on_record(plan_id=None, by=by, attempted="enrol", at=at), transaction.atomic():
        _one_enrolment_at_a_time(by)
        proven = _proof_of(by, password=password, signed=signed)
        proof = StepUpChallenge.Proof.PASSKEY if proven else StepUpChallenge.Proof.PASSWORD
        nonce = new_nonce()
        challenge = StepUpChallenge.objects.create(user=by, purpose=ENROL, nonce=nonce, proof=proof)
        if proven:
            keep_assertion(proven, enrolment=challenge)
    return enrolment_options(
        party=party,
        user_id=by.pk,
        username=by.get_username(),
        challenge=challenge_of(nonce, "", ENROL),
        known=[bytes(key.credential_id) for key in passkeys_of(by)],
    )


def _proof_of(by: Any, *, password: str | None, signed: Signed | None) -> Proven | None:
    """What the passkey proved; None: the password did."""
    if password_enrols(by):
        if password is None:
            raise ProofMissing(StepUpChallenge.Proof.PASSWORD)
        check_password(by, password)
        return None
    if not passkeys_of(by):
        raise ResetNeeded
    if signed is None:
        raise ProofMissing(StepUpChallenge.Proof.PASSKEY)
    return prove(by=by, signed=signed, decision=ENROL_PROOF, content_hash="")


def enrol_passkey(*, by: Any, signed: Signed, label: str, at: datetime) -> Passkey:
    """Keep a new key of this person: the answer to the challenge of `begin_enrolment`, whose proof still has to hold.

    Raises PasskeyRefused, PasskeyKnown, ProofMissing; a refusal is on record and changes nothing else.
    """
    with refusals_on_record(plan_id=None, by=by, attempted="enrol", at=at), transaction.atomic():
        _one_enrolment_at_a_time(by)
        try:
            challenge = _spent(by, signed, purpose=ENROL, content_hash="")
            key = enrolled(signed, challenge=challenge_of(bytes(challenge.nonce), "", ENROL))
        except NotSigned as error:
            raise PasskeyRefused(error.why) from error
        if Passkey.objects.filter(credential_id=key.credential_id).exists():
            raise PasskeyKnown
        if not _still_proven(challenge):
            raise ProofMissing(StepUpChallenge.Proof.PASSKEY)
        return Passkey.objects.create(
            user=by,
            credential_id=key.credential_id,
            public_key=key.public_key,
            sign_count=key.sign_count,
            label=label.strip()[:MOST_LABEL] or "passkey",
            challenge=challenge,
        )


def _still_proven(challenge: StepUpChallenge) -> bool:
    """Not when another key was enrolled, or the one that proved it withdrawn, since the challenge was given."""
    if challenge.proof == StepUpChallenge.Proof.PASSWORD:
        return password_enrols(challenge.user)
    return VoteAssertion.objects.filter(enrolment=challenge, passkey__end=None).exists()


def _one_enrolment_at_a_time(by: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT planning_enrol_one_by_one(%s)", [by.pk])


def reset_passkeys(*, user_id: int, by: Any, reason: str, at: datetime) -> PasskeyReset:
    """Withdraw all keys of somebody else who lost theirs: their password enrols the next one.

    Raises PermissionNeeded, NobodyToReset, ReasonMissing; a refusal is on record and changes nothing else.
    """
    with refusals_on_record(plan_id=None, by=by, attempted="reset passkeys", at=at), transaction.atomic():
        need(by, "planning.reset_passkeys")
        person = get_user_model().objects.filter(pk=user_id).exclude(pk=by.pk).first()
        if person is None:
            raise NobodyToReset
        if not in_words(reason):
            raise ReasonMissing
        _one_enrolment_at_a_time(person)
        made = PasskeyReset.objects.create(user=person, by=by, reason=in_words(reason))
        for key in passkeys_of(person):
            PasskeyEnd.objects.create(passkey=key, by=by, reason=made.reason)
        return made


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
    known = _credential_ids(by)
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


def keep_assertion(
    proven: Proven,
    *,
    vote: Vote | None = None,
    break_glass: BreakGlass | None = None,
    enrolment: StepUpChallenge | None = None,
) -> VoteAssertion:
    """Evidence beside the decision."""
    return VoteAssertion.objects.create(
        vote=vote,
        break_glass=break_glass,
        enrolment=enrolment,
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


def _credential_ids(by: Any) -> list[bytes]:
    """Of the keys that are believed. Raises NoPasskey."""
    known = [bytes(key.credential_id) for key in passkeys_of(by)]
    if not known:
        raise NoPasskey
    return known


def _highest_count(passkey: Passkey) -> int:
    used = VoteAssertion.objects.filter(passkey=passkey).aggregate(highest=Max("sign_count"))["highest"]
    return max(passkey.sign_count, used or 0)
