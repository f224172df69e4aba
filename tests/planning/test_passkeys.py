"""Passkeys at the vote: enrolled, asked for exactly one decision, believed once, and kept as evidence."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from cohorts.models import Cohort
from planning.models import Passkey, PasskeyEnd, Plan, StepUpChallenge, Vote, VoteAssertion
from planning.operations import (
    NoPasskey,
    PasskeyKnown,
    PasskeyRefused,
    PasskeyUnknown,
    PlanUnknown,
    PurposeUnknown,
    StaleContent,
    approve_plan,
    begin_enrolment,
    begin_signing,
    end_passkey,
    enrol_passkey,
    passkeys_of,
)
from planning.passkeys import RelyingParty, Signed, challenge_of, text_of
from portal.models import User
from portal.software_authenticator import SoftwareAuthenticator
from tests.conftest import CommittedDatabase
from tests.keys import PARTY, Keyring, asked_with, some_key
from tests.planning.builders import AT, cohort, hash_of, pending_plan, person, refused
from tests.planning.sql import INSERT_VOTE, AsRole, assert_refused, forge, run, value_of
from tests.policies import every_plan_needs

NO_CHALLENGE = "no open challenge for this decision was signed (each is good once, for five minutes)"
MINUTES = timedelta(minutes=5)


@pytest.fixture
def plan(operator: User, pearland: Cohort) -> Plan:
    """Needs two votes, each with a passkey."""
    every_plan_needs(2, step_up="passkey")
    return pending_plan(operator, pearland)


def asked(plan: Plan, by: User, decision: str = "APPROVE") -> dict[str, Any]:
    return begin_signing(plan_id=plan.pk, content_hash=hash_of(plan), decision=decision, by=by, party=PARTY)


def now(credential: dict[str, Any]) -> Signed:
    return Signed(credential, PARTY, timezone.now())


def enrolment_of(by: User) -> dict[str, Any]:
    """What a first key is asked."""
    return begin_enrolment(by=by, party=PARTY, at=AT, password=by.username)


def enrol(by: User, created: dict[str, Any], label: str = "") -> Passkey:
    return enrol_passkey(by=by, signed=now(created), label=label, at=AT)


def not_enrolled(says: str, by: User, signed: Signed) -> None:
    with refused(PasskeyRefused, None, by, "enrol") as caught:
        enrol_passkey(by=by, signed=signed, label="", at=AT)
    assert caught.value.why.startswith(says)


def vote(plan: Plan, by: User, signed: Signed) -> Plan:
    return approve_plan(plan_id=plan.pk, content_hash=hash_of(plan), by=by, at=AT, signed=signed)


class TestEnrolment:
    def test_keeps_the_public_key(self, omar: User, as_web: None) -> None:
        key = SoftwareAuthenticator(PARTY)
        made = enrol(omar, key.create(enrolment_of(omar)), " phone ")
        kept = Passkey.objects.get()
        assert (kept, kept.user, kept.label, kept.sign_count) == (made, omar, "phone", 0)
        assert bytes(kept.credential_id) == key.credential_id
        assert passkeys_of(omar) == [kept]
        challenge = StepUpChallenge.objects.get()
        assert (challenge.user, challenge.purpose, challenge.content_hash) == (omar, "ENROL", "")
        assert (challenge.proof, challenge.enrolled) == ("PASSWORD", kept)
        assert challenge.used_at is not None

    @pytest.mark.parametrize(("label", "kept"), [("", "passkey"), ("  ", "passkey"), ("x" * 61, "x" * 60)])
    def test_has_a_label(self, label: str, kept: str, omar: User) -> None:
        assert enrol(omar, SoftwareAuthenticator(PARTY).create(enrolment_of(omar)), label).label == kept

    def test_what_the_browser_is_asked(self, omar: User, keys: Keyring) -> None:
        known = keys.of(omar)
        options = asked_with(omar, known)
        assert options["rp"] == {"id": "testserver", "name": "Utility HITL Portal"}
        assert (options["user"]["name"], options["attestation"]) == ("omar", "none")
        assert options["authenticatorSelection"]["userVerification"] == "required"
        assert [each["id"] for each in options["excludeCredentials"]] == [text_of(known.credential_id)]
        nonce = bytes(StepUpChallenge.objects.latest("pk").nonce)
        assert (len(nonce), options["challenge"]) == (32, text_of(challenge_of(nonce, "", "ENROL")))

    def test_each_answer_is_good_once(self, omar: User, as_web: None) -> None:
        created = SoftwareAuthenticator(PARTY).create(enrolment_of(omar))
        enrol(omar, created)
        not_enrolled(NO_CHALLENGE, omar, now(created))

    def test_a_key_is_enrolled_once(self, omar: User, oda: User, as_web: None) -> None:
        """Whoever asks: the same key cannot stand for two people."""
        key = SoftwareAuthenticator(PARTY)
        enrol(omar, key.create(enrolment_of(omar)))
        for by, options in ((omar, asked_with(omar, key)), (oda, enrolment_of(oda))):
            with refused(PasskeyKnown, None, by, "enrol"):
                enrol(by, key.create(options))

    def test_not_with_somebody_elses_challenge(self, omar: User, oda: User, as_web: None) -> None:
        not_enrolled(NO_CHALLENGE, oda, now(SoftwareAuthenticator(PARTY).create(enrolment_of(omar))))

    @pytest.mark.parametrize("later", [MINUTES, timedelta(days=1)])
    def test_not_later_than_five_minutes(self, later: timedelta, omar: User, as_web: None) -> None:
        created = SoftwareAuthenticator(PARTY).create(enrolment_of(omar))
        late = StepUpChallenge.objects.get().wall_at + later
        not_enrolled(NO_CHALLENGE, omar, Signed(created, PARTY, late))

    def test_just_within_five_minutes(self, omar: User, as_web: None) -> None:
        created = SoftwareAuthenticator(PARTY).create(enrolment_of(omar))
        last = StepUpChallenge.objects.get().wall_at + MINUTES - timedelta(microseconds=1)
        assert enrol_passkey(by=omar, signed=Signed(created, PARTY, last), label="", at=AT).user == omar

    @pytest.mark.parametrize(
        "page", [RelyingParty("testserver", "https://evil.example"), RelyingParty("evil.example", "http://testserver")]
    )
    def test_not_on_another_page(self, page: RelyingParty, omar: User, as_web: None) -> None:
        not_enrolled("Unexpected", omar, now(SoftwareAuthenticator(page).create(enrolment_of(omar))))

    def test_not_what_was_signed_for_a_vote(self, plan: Plan, omar: User, keys: Keyring) -> None:
        keys.of(omar)
        not_enrolled(NO_CHALLENGE, omar, now(SoftwareAuthenticator(PARTY).create(asked(plan, omar))))


class TestEnding:
    def test_one_of_ones_own(self, omar: User, keys: Keyring, as_web: None) -> None:
        keys.of(omar)
        key = Passkey.objects.get()
        end_passkey(passkey_id=key.pk, by=omar, reason="lost")
        ended = PasskeyEnd.objects.get()
        assert (ended.passkey, ended.by, ended.reason) == (key, omar, "lost")
        assert passkeys_of(omar) == []

    def test_not_somebody_elses_and_not_twice(self, omar: User, oda: User, keys: Keyring, as_web: None) -> None:
        keys.of(omar)
        key = Passkey.objects.get()
        with pytest.raises(PasskeyUnknown):
            end_passkey(passkey_id=key.pk, by=oda)
        assert not PasskeyEnd.objects.exists()
        end_passkey(passkey_id=key.pk, by=omar)
        with pytest.raises(PasskeyUnknown):
            end_passkey(passkey_id=key.pk, by=omar)

    def test_it_is_believed_no_more(self, plan: Plan, omar: User, keys: Keyring) -> None:
        signed = keys.sign(omar, plan, hash_of(plan))
        end_passkey(passkey_id=Passkey.objects.get().pk, by=omar)
        with refused(PasskeyRefused, plan, omar, "approve") as caught:
            vote(plan, omar, signed)
        assert caught.value.why == "it is none of this person's keys"
        with pytest.raises(NoPasskey):
            asked(plan, omar)

    def test_what_it_signed_before_stays_good(self, plan: Plan, omar: User, sybil: User, keys: Keyring) -> None:
        vote(plan, omar, keys.sign(omar, plan, hash_of(plan)))
        end_passkey(passkey_id=Passkey.objects.get().pk, by=omar)
        assert value_of("SELECT planning_votes_for(%s)", plan.current_version_id) == 1


class TestChallenge:
    def test_names_the_content_and_the_decision(self, plan: Plan, omar: User, keys: Keyring, as_web: None) -> None:
        key = keys.of(omar)
        options = asked(plan, omar, "BREAK_GLASS")
        challenge = StepUpChallenge.objects.latest("pk")
        assert (challenge.user, challenge.purpose) == (omar, "BREAK_GLASS")
        assert (challenge.content_hash, challenge.used_at) == (hash_of(plan), None)
        wanted = challenge_of(bytes(challenge.nonce), hash_of(plan), "BREAK_GLASS")
        assert options["challenge"] == text_of(wanted)
        assert (options["rpId"], options["userVerification"]) == ("testserver", "required")
        assert [each["id"] for each in options["allowCredentials"]] == [text_of(key.credential_id)]

    def test_never_the_same_twice(self, plan: Plan, omar: User, keys: Keyring) -> None:
        keys.of(omar)
        assert asked(plan, omar)["challenge"] != asked(plan, omar)["challenge"]

    def test_needs_a_key_to_sign_with(self, plan: Plan, omar: User, as_web: None) -> None:
        with pytest.raises(NoPasskey):
            asked(plan, omar)
        assert not StepUpChallenge.objects.exists()

    @pytest.mark.parametrize("decision", ["", "REJECT", "approve", "ENROL"])
    def test_is_for_a_decision_that_is_signed(self, decision: str, plan: Plan, omar: User, keys: Keyring) -> None:
        keys.of(omar)
        with pytest.raises(PurposeUnknown):
            asked(plan, omar, decision)
        assert StepUpChallenge.objects.filter(purpose=decision, content_hash=hash_of(plan)).count() == 0

    def test_is_for_the_content_of_now(self, plan: Plan, omar: User, keys: Keyring) -> None:
        keys.of(omar)
        named = {"decision": "APPROVE", "by": omar, "party": PARTY}
        with pytest.raises(StaleContent) as caught:
            begin_signing(plan_id=plan.pk, content_hash="0" * 64, **named)
        assert caught.value.problem_extra == {"current_content_hash": hash_of(plan), "current_version": 1}
        with pytest.raises(PlanUnknown):
            begin_signing(plan_id=plan.pk + 1, content_hash=hash_of(plan), **named)


class TestSigning:
    def test_is_kept_beside_the_vote(self, plan: Plan, omar: User, keys: Keyring, as_web: None) -> None:
        signed = keys.sign(omar, plan, hash_of(plan))
        assert vote(plan, omar, signed).status == "PARTIAL"
        kept = VoteAssertion.objects.get()
        assert (kept.vote, kept.break_glass, kept.sign_count) == (Vote.objects.get(), None, 1)
        assert kept.passkey.user == kept.challenge.user == omar
        assert kept.challenge.used_at == signed.received_at
        assert bytes(kept.client_data) == signed.part("clientDataJSON")
        assert bytes(kept.authenticator_data) == signed.part("authenticatorData")
        assert bytes(kept.signature) == signed.part("signature")
        assert Vote.objects.get().step_up == "PASSKEY"
        run("SET CONSTRAINTS ALL IMMEDIATE")

    def test_each_challenge_is_good_once(self, plan: Plan, omar: User, keys: Keyring) -> None:
        signed = keys.sign(omar, plan, hash_of(plan))
        vote(plan, omar, signed)
        with refused(PasskeyRefused, plan, omar, "approve") as caught:
            vote(plan, omar, signed)
        assert caught.value.why == NO_CHALLENGE

    def test_a_refused_attempt_spends_nothing(self, plan: Plan, omar: User, keys: Keyring) -> None:
        signed = keys.sign(omar, plan, hash_of(plan))
        with refused(PasskeyRefused, plan, omar, "approve"):
            vote(plan, omar, replace(signed, party=RelyingParty("testserver", "https://elsewhere")))
        assert vote(plan, omar, signed).status == "PARTIAL"

    def test_not_for_another_content(self, plan: Plan, operator: User, omar: User, keys: Keyring) -> None:
        other = pending_plan(operator, cohort("Another"))
        signed = keys.sign(omar, other, hash_of(other))
        with refused(PasskeyRefused, plan, omar, "approve") as caught:
            vote(plan, omar, signed)
        assert caught.value.why == NO_CHALLENGE

    def test_not_for_another_decision(self, plan: Plan, sybil: User, keys: Keyring) -> None:
        signed = keys.sign(sybil, plan, hash_of(plan), "BREAK_GLASS")
        with refused(PasskeyRefused, plan, sybil, "approve") as caught:
            vote(plan, sybil, signed)
        assert caught.value.why == NO_CHALLENGE

    def test_not_by_another_person(self, plan: Plan, omar: User, sybil: User, keys: Keyring) -> None:
        keys.of(sybil)
        signed = keys.sign(omar, plan, hash_of(plan))
        with refused(PasskeyRefused, plan, sybil, "approve") as caught:
            vote(plan, sybil, signed)
        assert caught.value.why == "it is none of this person's keys"

    def test_not_to_another_persons_challenge(self, plan: Plan, omar: User, sybil: User, keys: Keyring) -> None:
        keys.of(omar)
        own = keys.of(sybil)
        signed = now(own.get(asked(plan, omar)))
        with refused(PasskeyRefused, plan, sybil, "approve") as caught:
            vote(plan, sybil, signed)
        assert caught.value.why == NO_CHALLENGE

    @pytest.mark.parametrize(
        ("page", "says"),
        [
            (RelyingParty("testserver", "https://testserver"), "Unexpected client data origin"),
            (RelyingParty("testserver", "http://evil.example"), "Unexpected client data origin"),
            (RelyingParty("evil.example", "http://testserver"), "Unexpected RP ID hash"),
        ],
    )
    def test_not_on_another_page(self, page: RelyingParty, says: str, plan: Plan, omar: User, keys: Keyring) -> None:
        elsewhere = copy.copy(keys.of(omar))
        elsewhere.party = page
        signed = now(elsewhere.get(asked(plan, omar)))
        with refused(PasskeyRefused, plan, omar, "approve") as caught:
            vote(plan, omar, signed)
        assert caught.value.why.startswith(says)

    @pytest.mark.parametrize(("later", "good"), [(MINUTES - timedelta(microseconds=1), True), (MINUTES, False)])
    def test_within_five_minutes(self, later: timedelta, good: bool, plan: Plan, omar: User, keys: Keyring) -> None:
        signed = keys.sign(omar, plan, hash_of(plan))
        at_last = replace(signed, received_at=StepUpChallenge.objects.latest("pk").wall_at + later)
        if good:
            assert vote(plan, omar, at_last).status == "PARTIAL"
        else:
            with refused(PasskeyRefused, plan, omar, "approve") as caught:
                vote(plan, omar, at_last)
            assert caught.value.why == NO_CHALLENGE

    def test_a_copy_of_the_key_is_noticed_by_its_counter(
        self, plan: Plan, operator: User, omar: User, keys: Keyring
    ) -> None:
        copied = copy.copy(keys.of(omar))
        vote(plan, omar, keys.sign(omar, plan, hash_of(plan)))
        other = pending_plan(operator, cohort("Another"))
        signed = now(copied.get(asked(other, omar)))
        with refused(PasskeyRefused, other, omar, "approve") as caught:
            vote(other, omar, signed)
        assert "sign count of 1 was not greater than current count of 1" in caught.value.why

    def test_not_by_another_key_under_its_name(self, plan: Plan, omar: User, keys: Keyring) -> None:
        forged = SoftwareAuthenticator(PARTY)
        forged.credential_id = keys.of(omar).credential_id
        signed = now(forged.get(asked(plan, omar)))
        with refused(PasskeyRefused, plan, omar, "approve") as caught:
            vote(plan, omar, signed)
        assert caught.value.why == "Could not verify authentication signature"

    @pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature"])
    def test_not_with_a_part_of_another_answer(self, part: str, plan: Plan, omar: User, keys: Keyring) -> None:
        other, signed = keys.sign(omar, plan, hash_of(plan)), keys.sign(omar, plan, hash_of(plan))
        mixed = dict(signed.credential)
        mixed["response"] = mixed["response"] | {part: other.credential["response"][part]}
        with refused(PasskeyRefused, plan, omar, "approve") as caught:
            vote(plan, omar, now(mixed))
        assert caught.value.why == "Could not verify authentication signature"

    def test_not_without_the_person_verified(self, plan: Plan, omar: User, keys: Keyring) -> None:
        """A touch alone says that somebody is there, not who."""
        touched = _Touched(PARTY)
        whole = keys.of(omar)
        touched.credential_id, touched._key = whole.credential_id, whole._key
        signed = now(touched.get(asked(plan, omar)))
        with refused(PasskeyRefused, plan, omar, "approve") as caught:
            vote(plan, omar, signed)
        assert "User verification is required" in caught.value.why

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda _whole: {},
            lambda whole: {"id": whole["id"]},
            lambda whole: whole | {"rawId": 5},
            lambda whole: whole | {"rawId": "ä"},
            lambda whole: whole | {"rawId": "a", "id": "a"},
            lambda whole: whole | {"response": None},
            lambda whole: whole | {"response": []},
            lambda whole: whole | {"response": {}},
            lambda whole: whole | {"type": "password"},
            lambda whole: whole | {"response": whole["response"] | {"clientDataJSON": text_of(b"{")}},
            lambda whole: whole | {"response": whole["response"] | {"clientDataJSON": text_of(b"[]")}},
            lambda whole: whole | {"response": whole["response"] | {"clientDataJSON": text_of(b"\xff")}},
            lambda whole: whole | {"response": whole["response"] | {"clientDataJSON": text_of(b'{"challenge":5}')}},
            lambda whole: whole | {"response": whole["response"] | {"authenticatorData": ""}},
            lambda whole: whole | {"response": whole["response"] | {"authenticatorData": "AA"}},
            lambda whole: whole | {"response": whole["response"] | {"signature": None}},
            lambda whole: whole | {"response": whole["response"] | {"signature": "AA"}},
        ],
    )
    def test_what_cannot_be_read(
        self, spoil: Callable[[dict[str, Any]], dict[str, Any]], plan: Plan, omar: User, keys: Keyring
    ) -> None:
        whole = dict(keys.sign(omar, plan, hash_of(plan)).credential)
        with refused(PasskeyRefused, plan, omar, "approve"):
            vote(plan, omar, now(spoil(whole)))


class _Touched(SoftwareAuthenticator):
    """Says that somebody is present, and no more."""

    def _authenticator_data(self, flags: int) -> bytes:
        return super()._authenticator_data(flags & ~0x04)


class TestEvidence:
    """PostgreSQL's part: a vote that claims a passkey has what was signed beside it when the transaction ends."""

    @pytest.fixture
    def pending(self, committed_db: CommittedDatabase) -> Plan:
        every_plan_needs(1, step_up="passkey")
        return pending_plan(person("olivia", "operator"), cohort())

    def test_without_it_nothing_is_committed(self, committed_db: CommittedDatabase, pending: Plan) -> None:
        by = person("omar", "operator")
        forged = forge(pending, by, step_up="PASSKEY")
        with closing(psycopg.connect(committed_db.dsn("web"))) as web:
            assert web.execute(INSERT_VOTE, forged).rowcount == 1
            with pytest.raises(psycopg.IntegrityError, match="what the passkey signed is missing"):
                web.commit()
        assert not Vote.objects.exists()

    def test_with_it_the_vote_is_committed(self, committed_db: CommittedDatabase, pending: Plan) -> None:
        by = person("omar", "operator")
        assert vote(pending, by, Keyring().sign(by, pending, hash_of(pending))).status == "AUTHORISED"
        assert Vote.objects.get().assertion.passkey.user == by

    @pytest.mark.parametrize(
        "wrong", ["another's key", "another content", "another purpose", "another's challenge", "unused"]
    )
    def test_what_does_not_fit_is_none(self, wrong: str, plan: Plan, omar: User, oda: User, as_role: AsRole) -> None:
        key = some_key(oda if wrong == "another's key" else omar)
        challenge = StepUpChallenge.objects.create(
            user=oda if wrong == "another's challenge" else omar,
            purpose="BREAK_GLASS" if wrong == "another purpose" else "APPROVE",
            content_hash="0" * 64 if wrong == "another content" else hash_of(plan),
            nonce=b"n",
            used_at=None if wrong == "unused" else timezone.now(),
        )
        with (
            as_role("web"),
            pytest.raises(IntegrityError, match="what the passkey signed is missing"),
            transaction.atomic(),
        ):
            [(pk,)] = run(INSERT_VOTE + " RETURNING id", forge(plan, omar, step_up="PASSKEY"))
            VoteAssertion.objects.create(
                vote_id=pk, challenge=challenge, passkey=key, client_data=b"-", authenticator_data=b"-", signature=b"-"
            )
            run("SET CONSTRAINTS ALL IMMEDIATE")
        assert not Vote.objects.exists()

    def test_a_challenge_is_used_once_whoever_asks(self, plan: Plan, omar: User, as_role: AsRole) -> None:
        StepUpChallenge.objects.create(user=omar, purpose="APPROVE", content_hash=hash_of(plan), nonce=b"n")
        run("SET CONSTRAINTS ALL IMMEDIATE")
        for role in ("web", "owner"):
            with as_role(role):
                for change in ("nonce = 'x'", "content_hash = 'x', used_at = now()", "used_at = NULL", "user_id = 0"):
                    assert_refused("used once", f"UPDATE planning_stepupchallenge SET {change}")
        with as_role("web"):
            run("UPDATE planning_stepupchallenge SET used_at = now()")
            for change in ("used_at = NULL", "used_at = now()"):
                assert_refused("used once", f"UPDATE planning_stepupchallenge SET {change}")
        with as_role("owner"):
            for rewrite in ("DELETE FROM planning_stepupchallenge", "TRUNCATE planning_stepupchallenge CASCADE"):
                assert_refused("append-only", rewrite)

    def test_one_answer_is_evidence_for_one_decision(
        self, plan: Plan, omar: User, keys: Keyring, as_role: AsRole
    ) -> None:
        vote(plan, omar, keys.sign(omar, plan, hash_of(plan)))
        run("SET CONSTRAINTS ALL IMMEDIATE")
        copied = (
            "INSERT INTO planning_voteassertion (vote_id, break_glass_id, challenge_id, passkey_id, client_data,"
            " authenticator_data, signature, sign_count, wall_at) SELECT {}, NULL, challenge_id, passkey_id,"
            " client_data, authenticator_data, signature, sign_count, now() FROM planning_voteassertion"
        )
        with as_role("web"):
            assert_refused("duplicate key", copied.format("vote_id"))
            assert_refused("assertion_belongs_to_one_decision|duplicate key", copied.format("NULL"))
