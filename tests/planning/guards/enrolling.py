"""Probes of what proves an enrolment, and of the reset that lets the password prove it again."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from planning import operations as ops
from planning.models import Passkey, PasskeyEnd, PasskeyReset, StepUpChallenge, VoteAssertion
from planning.operations.stepping_up import WRONG_PASSWORDS
from planning.passkeys import Signed
from portal.software_authenticator import SoftwareAuthenticator
from tests.keys import PARTY, asked, asked_with, proven, some_key
from tests.planning.builders import AT
from tests.planning.guards.stand import Stand, denied, probe, refused, row, sql
from tests.planning.machine.base import check_deferred

PARTS = {"client_data": b"-", "authenticator_data": b"-", "signature": b"-"}


def begin(s: Stand, by: str, **proof: Any) -> Any:
    with s.role("web"):
        return ops.begin_enrolment(by=s.who(by), party=PARTY, at=AT, **proof)


def finish(s: Stand, by: str, options: Any) -> Passkey:
    signed = Signed(SoftwareAuthenticator(PARTY).create(options), PARTY, timezone.now())
    with s.role("web"):
        return ops.enrol_passkey(by=s.who(by), signed=signed, label="x", at=AT)


def challenge(s: Stand, by: str, **changes: Any) -> StepUpChallenge:
    usual = {"purpose": "ENROL", "proof": "PASSWORD", "nonce": b"n", "used_at": timezone.now()}
    return row(s, StepUpChallenge, user=s.people[by], **(usual | changes))


def key_of(s: Stand, by: str, answered: StepUpChallenge | None) -> Passkey:
    return row(s, Passkey, user=s.people[by], credential_id=b"c", public_key=b"-", label="x", challenge=answered)


@probe
def enrolling_with_a_session_alone(s: Stand) -> None:
    with refused(ops.ProofMissing, "needs your password"):
        begin(s, "oscar")


@probe
def enrolling_with_a_wrong_password(s: Stand) -> None:
    with refused(ops.PasswordWrong):
        begin(s, "oscar", password="guess")


@probe
def enrolling_after_many_wrong_passwords(s: Stand) -> None:
    for _number in range(WRONG_PASSWORDS):
        try:
            begin(s, "oscar", password="guess")
        except ops.PasswordWrong:
            continue
    with refused(ops.TooManyWrong):
        begin(s, "oscar", password="oscar")


@probe
def enrolling_a_second_key_with_the_password(s: Stand) -> None:
    with refused(ops.ProofMissing, "You have a passkey"):
        begin(s, "sam", password="sam")


@probe
def finishing_a_second_first_key(s: Stand) -> None:
    other = asked(s.people["oscar"])
    finish(s, "oscar", begin(s, "oscar", password="oscar"))
    with refused(ops.ProofMissing):
        finish(s, "oscar", other)


@probe
def finishing_with_the_proving_key_withdrawn(s: Stand) -> None:
    options = asked_with(s.people["sam"], s.keys.of(s.people["sam"]))
    check_deferred()
    ops.end_passkey(passkey_id=s.people["sam"].passkeys.get().pk, by=s.who("sam"))
    with refused(ops.ProofMissing):
        finish(s, "sam", options)


@probe
def enrolling_after_the_last_key_was_withdrawn(s: Stand) -> None:
    ops.end_passkey(passkey_id=s.people["sam"].passkeys.get().pk, by=s.who("sam"))
    with refused(ops.ResetNeeded):
        begin(s, "sam", password="sam")


@probe
def a_proof_of_somebody_elses_key(s: Stand) -> None:
    signed = proven(s.people["sue"], s.keys.of(s.people["sue"]))
    with refused(ops.PasskeyRefused, "none of this person's keys"):
        begin(s, "sam", signed=signed)


@probe
def a_proof_without_a_key(s: Stand) -> None:
    with refused(ops.NoPasskey):
        ops.begin_proof(by=s.who("oscar"), party=PARTY)


@probe
def challenge_for_an_enrolment_nobody_proved(s: Stand) -> None:
    with denied("nothing proves who asks"):
        challenge(s, "oscar", proof="")


@probe
def challenge_by_password_for_who_has_a_key(s: Stand) -> None:
    with denied("a password is not enough"):
        challenge(s, "sam")


@probe
def challenge_by_a_passkey_that_signed_nothing(s: Stand) -> None:
    with denied("what the passkey signed is missing"):
        challenge(s, "sam", proof="PASSKEY")


@probe
def key_without_a_challenge(s: Stand) -> None:
    for answered in (None, challenge(s, "omar", purpose="APPROVE", proof="")):
        with denied("answers no proven challenge"):
            key_of(s, "oscar", answered)


@probe
def key_for_a_challenge_not_used(s: Stand) -> None:
    with denied("answers no proven challenge"):
        key_of(s, "oscar", challenge(s, "oscar", used_at=None))


@probe
def key_for_somebody_elses_challenge(s: Stand) -> None:
    with denied("answers no proven challenge"):
        key_of(s, "sam", challenge(s, "oscar"))


@probe
def key_by_password_for_who_has_one_by_now(s: Stand) -> None:
    answered = challenge(s, "oscar")
    some_key(s.people["oscar"])
    with denied("a password is not enough"):
        key_of(s, "oscar", answered)


@probe
def key_by_a_proof_whose_key_is_withdrawn(s: Stand) -> None:
    key = s.people["sam"].passkeys.get()
    answered = challenge(s, "sam", proof="PASSKEY")
    signed = challenge(s, "sam", purpose="ENROL_PROOF", proof="", nonce=b"p")
    row(s, VoteAssertion, enrolment=answered, challenge=signed, passkey=key, **PARTS)
    check_deferred()
    row(s, PasskeyEnd, passkey=key, by=s.people["sam"])
    with denied("what the passkey signed is missing"):
        key_of(s, "sam", answered)


@probe
def two_keys_for_one_challenge(s: Stand) -> None:
    key = some_key(s.people["oscar"])
    row(s, PasskeyReset, user=s.people["oscar"], by=s.people["adam"], reason="x")
    row(s, PasskeyEnd, passkey=key, by=s.people["adam"])
    with denied("challenge_id"):
        key_of(s, "oscar", key.challenge)


@probe
def two_proofs_of_one_enrolment(s: Stand) -> None:
    key, answered = s.people["sam"].passkeys.get(), challenge(s, "sam", proof="PASSKEY")
    signed = [challenge(s, "sam", purpose="ENROL_PROOF", proof="", nonce=nonce) for nonce in (b"p", b"q")]
    row(s, VoteAssertion, enrolment=answered, challenge=signed[0], passkey=key, **PARTS)
    with denied("enrolment_id"):
        row(s, VoteAssertion, enrolment=answered, challenge=signed[1], passkey=key, **PARTS)


@probe
def ending_anothers_key_past_the_operation(s: Stand) -> None:
    with denied("another person's key"):
        row(s, PasskeyEnd, passkey=s.people["sam"].passkeys.get(), by=s.people["sue"])


@probe
def resetting_without_the_right(s: Stand) -> None:
    with refused(ops.PermissionNeeded):
        ops.reset_passkeys(user_id=s.people["sam"].pk, by=s.who("sue"), reason="x", at=AT)
    with denied("may not reset passkeys"):
        row(s, PasskeyReset, user=s.people["sam"], by=s.people["sue"], reason="x")


@probe
def resetting_ones_own(s: Stand) -> None:
    with refused(ops.NobodyToReset):
        ops.reset_passkeys(user_id=s.people["adam"].pk, by=s.who("adam"), reason="x", at=AT)
    with denied("passkey_reset_is_by_somebody_else"):
        row(s, PasskeyReset, user=s.people["adam"], by=s.people["adam"], reason="x")


@probe
def resetting_without_a_reason(s: Stand) -> None:
    with refused(ops.ReasonMissing):
        ops.reset_passkeys(user_id=s.people["sam"].pk, by=s.who("adam"), reason=" ", at=AT)
    with denied("passkey_reset_gives_a_reason"):
        row(s, PasskeyReset, user=s.people["sam"], by=s.people["adam"], reason="")


@probe
def a_reset_that_reaches_further_than_the_keys_there_are(s: Stand) -> None:
    """PostgreSQL writes itself which keys it covers: later ones stay what they are."""
    row(s, PasskeyReset, user=s.people["oscar"], by=s.people["adam"], reason="x", through=10**9)
    assert sql("SELECT max(through) FROM planning_passkeyreset") == [(0,)]
