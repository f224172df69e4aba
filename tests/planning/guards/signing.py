"""Probes of what a passkey signed, and of the challenges it is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from django.utils import timezone

from planning import operations as ops
from planning.models import StepUpChallenge
from planning.passkeys import RelyingParty, Signed, text_of
from portal.software_authenticator import SoftwareAuthenticator
from tests.keys import PARTY, asked, asked_with
from tests.planning.builders import AT, hash_of
from tests.planning.guards.stand import Stand, probe, refused


def try_signed(s: Stand, change: Any, saying: str) -> None:
    plan = s.edited()
    signed = change(s, plan, s.sign("sam", plan))
    with refused(ops.PasskeyRefused, saying):
        s.approve(plan, "sam", signed=signed, reason="x")


def with_part(signed: Signed, name: str, value: Any) -> Signed:
    parts = {**signed.credential["response"], name: value}
    return replace(signed, credential={**signed.credential, "response": parts})


@probe
def somebody_elses_passkey(s: Stand) -> None:
    try_signed(s, lambda s, plan, _own: s.sign("sue", plan), "none of this person's keys")


@probe
def a_passkey_that_was_ended(s: Stand) -> None:
    def change(s: Stand, plan: Any, signed: Signed) -> Signed:
        ops.end_passkey(passkey_id=s.people["sam"].passkeys.get().pk, by=s.who("sam"))
        return signed

    try_signed(s, change, "none of this person's keys")


@probe
def a_signature_for_the_other_decision(s: Stand) -> None:
    try_signed(s, lambda s, plan, _own: s.sign("sam", plan, "BREAK_GLASS"), "no open challenge")


@probe
def a_signature_for_another_content(s: Stand) -> None:
    try_signed(s, lambda s, _plan, _own: s.sign("sam", s.plan()), "no open challenge")


@probe
def a_challenge_given_to_somebody_else(s: Stand) -> None:
    def asked(s: Stand, plan: Any, signed: Signed) -> Signed:
        content = {"plan_id": plan.pk, "content_hash": hash_of(plan)}
        options = ops.begin_signing(**content, decision="APPROVE", by=s.who("sue"), party=PARTY)
        return Signed(s.keys.of(s.people["sam"]).get(options), PARTY, timezone.now())

    try_signed(s, asked, "no open challenge")


@probe
def a_challenge_used_before(s: Stand) -> None:
    def change(s: Stand, plan: Any, signed: Signed) -> Signed:
        StepUpChallenge.objects.filter(used_at=None).update(used_at=timezone.now())
        return signed

    try_signed(s, change, "no open challenge")


@probe
def a_challenge_older_than_five_minutes(s: Stand) -> None:
    def change(s: Stand, plan: Any, signed: Signed) -> Signed:
        return replace(signed, received_at=signed.received_at + timedelta(minutes=6))

    try_signed(s, change, "no open challenge")


@probe
def a_signature_that_does_not_fit(s: Stand) -> None:
    forged = text_of(b"\x30\x06\x02\x01\x01\x02\x01\x01")
    try_signed(s, lambda s, plan, signed: with_part(signed, "signature", forged), "")


@probe
def a_signature_made_on_another_page(s: Stand) -> None:
    elsewhere = RelyingParty("evil.example", "https://evil.example")
    try_signed(s, lambda s, plan, signed: replace(signed, party=elsewhere), "")


@probe
def a_signature_without_the_person_verified(s: Stand) -> None:
    """Somebody touched the key; nobody typed its PIN."""

    def change(s: Stand, plan: Any, signed: Signed) -> Signed:
        key = s.keys.of(s.people["sam"])
        options = begin(s, plan)
        with patch("portal.software_authenticator.PRESENT_AND_VERIFIED", 0x01):
            return replace(signed, credential=key.get(options))

    try_signed(s, change, "")


@probe
def a_signature_made_on_another_port(s: Stand) -> None:
    """The same host, so the key is the same; another origin."""
    elsewhere = RelyingParty(PARTY.host, f"{PARTY.origin}:8443")
    try_signed(s, lambda s, plan, signed: replace(signed, party=elsewhere), "origin")


@probe
def an_enrolment_made_on_another_page(s: Stand) -> None:
    made = SoftwareAuthenticator(PARTY).create(asked(s.who("oscar")))
    elsewhere = RelyingParty("evil.example", "https://evil.example")
    with refused(ops.PasskeyRefused):
        ops.enrol_passkey(by=s.who("oscar"), signed=Signed(made, elsewhere, timezone.now()), label="x", at=AT)


@probe
def an_assertion_with_a_part_missing(s: Stand) -> None:
    try_signed(s, lambda s, plan, signed: with_part(signed, "clientDataJSON", None), "a part of it is missing")


@probe
def an_assertion_that_is_no_base64(s: Stand) -> None:
    try_signed(s, lambda s, plan, signed: with_part(signed, "clientDataJSON", "é"), "is not base64url")


@probe
def client_data_that_is_no_json(s: Stand) -> None:
    try_signed(
        s, lambda s, plan, signed: with_part(signed, "clientDataJSON", text_of(b"{")), "client data cannot be read"
    )


@probe
def a_counter_that_went_back(s: Stand) -> None:
    """A cloned key."""

    def change(s: Stand, plan: Any, signed: Signed) -> Signed:
        first = s.edited()
        s.approve(first, "sam", signed=s.sign("sam", first), reason="x")
        return signed  # signed before, so its counter is lower

    try_signed(s, change, "")


@probe
def an_enrolment_nobody_asked_for(s: Stand) -> None:
    plan = s.edited()
    with refused(ops.PasskeyRefused):
        ops.enrol_passkey(by=s.who("omar"), signed=s.sign("omar", plan), label="x", at=AT)


@probe
def a_key_enrolled_twice(s: Stand) -> None:
    key = s.keys.of(s.people["sam"])
    with refused(ops.PasskeyKnown):
        made = key.create(asked_with(s.who("sam"), key))
        ops.enrol_passkey(by=s.who("sam"), signed=Signed(made, PARTY, timezone.now()), label="x", at=AT)


@probe
def ending_a_key_of_somebody_else(s: Stand) -> None:
    with refused(ops.PasskeyUnknown):
        ops.end_passkey(passkey_id=s.people["sam"].passkeys.get().pk, by=s.who("sue"))


def begin(s: Stand, plan: Any, **changes: Any) -> Any:
    given = {"plan_id": plan.pk, "content_hash": hash_of(plan), "decision": "APPROVE", "party": PARTY}
    return ops.begin_signing(**(given | {"by": s.who("sam")} | changes))


@probe
def a_challenge_for_something_else(s: Stand) -> None:
    with refused(ops.PurposeUnknown):
        begin(s, s.plan(), decision="ENROL")


@probe
def a_challenge_for_no_plan(s: Stand) -> None:
    with refused(ops.PlanUnknown):
        begin(s, s.plan(), plan_id=0)


@probe
def a_challenge_for_a_stale_hash(s: Stand) -> None:
    with refused(ops.StaleContent):
        begin(s, s.plan(), content_hash="0" * 64)


@probe
def a_challenge_without_a_key(s: Stand) -> None:
    with refused(ops.NoPasskey):
        begin(s, s.plan(), by=s.who("oscar"))
