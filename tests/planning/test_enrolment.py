"""What proves who enrols a passkey: never a session or a token alone; the password once, then a key there is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import pytest
from django.utils import timezone

from grid.core.refusals import Refusal
from planning.approval_queries import key_news
from planning.models import Passkey, PasskeyEnd, PasskeyReset, Plan, StepUpChallenge, VoteAssertion
from planning.operations import (
    NobodyToReset,
    NoPasskey,
    PasskeyRefused,
    PasswordWrong,
    PermissionNeeded,
    ProofMissing,
    ReasonMissing,
    ResetNeeded,
    TooManyWrong,
    approve_plan,
    begin_enrolment,
    begin_proof,
    end_passkey,
    enrol_passkey,
    passkeys_of,
    password_enrols,
    reset_passkeys,
)
from planning.operations.stepping_up import WRONG_PASSWORDS, WRONG_WITHIN
from planning.passkeys import Signed
from portal.models import User
from portal.software_authenticator import SoftwareAuthenticator
from tests.conftest import CommittedDatabase
from tests.keys import PARTY, Keyring, asked_with, proven, some_key
from tests.planning.builders import AT, everything, hash_of, person, refused
from tests.planning.crowd import session
from tests.planning.sql import DENIED, AsRole, assert_refused, run, value_of

CHALLENGE = (
    "INSERT INTO planning_stepupchallenge (user_id, purpose, proof, content_hash, nonce, wall_at, used_at)"
    " VALUES (%s, %s, %s, '', %s, now(), now()) RETURNING id"
)
KEY = (
    "INSERT INTO planning_passkey (user_id, credential_id, public_key, sign_count, label, wall_at, challenge_id)"
    " VALUES (%s, %s, 'k', 0, 'forged', now(), %s)"
)


def begin(by: User, **proof: Any) -> dict[str, Any]:
    return begin_enrolment(by=by, party=PARTY, at=AT, **proof)


def now(credential: dict[str, Any]) -> Signed:
    return Signed(credential, PARTY, timezone.now())


def finish(by: User, options: dict[str, Any], label: str = "new") -> Passkey:
    created = SoftwareAuthenticator(PARTY).create(options)
    return enrol_passkey(by=by, signed=now(created), label=label, at=AT)


@pytest.fixture
def adam(admin_person: User) -> User:
    """An administrator."""
    return admin_person


class TestFirstKey:
    def test_needs_the_password(self, omar: User, as_web: None) -> None:
        with refused(ProofMissing, None, omar, "enrol") as caught:
            begin(omar)
        assert caught.value.field == "password"

    @pytest.mark.parametrize("password", ["", "guess", "omar ", "oda"])
    def test_not_a_wrong_one(self, password: str, omar: User, oda: User, as_web: None) -> None:
        with refused(PasswordWrong, None, omar, "enrol"):
            begin(omar, password=password)

    def test_not_what_somebody_elses_key_signed(self, omar: User, oda: User, keys: Keyring, as_web: None) -> None:
        signed = proven(oda, keys.of(oda))
        with refused(ProofMissing, None, omar, "enrol"):
            begin(omar, signed=signed)

    def test_the_password_is_proof_once(self, omar: User, as_web: None) -> None:
        """Two begun, one finished: the other one would be the second key."""
        first, second = begin(omar, password="omar"), begin(omar, password="omar")
        finish(omar, first)
        with refused(ProofMissing, None, omar, "enrol") as caught:
            finish(omar, second)
        assert caught.value.field == "assertion"

    def test_who_has_no_password_enrols_nothing(self, operator: User, as_web: None) -> None:
        with refused(PasswordWrong, None, operator, "enrol"):
            begin(operator, password="")


class TestGuessing:
    def test_ends_after_some_wrong_ones(self, plan: Plan, omar: User, as_web: None) -> None:
        """Those sent with votes count too; then the right one waits with all others, and nobody else does."""
        for number in range(WRONG_PASSWORDS):
            with pytest.raises(PasswordWrong):
                if number % 2:
                    begin(omar, password=f"guess {number}")
                else:
                    approve_plan(plan_id=plan.pk, content_hash=hash_of(plan), by=omar, at=AT, password="guess")
        with refused(TooManyWrong, None, omar, "enrol"):
            begin(omar, password="omar")
        with refused(TooManyWrong, plan, omar, "approve"):
            approve_plan(plan_id=plan.pk, content_hash=hash_of(plan), by=omar, at=AT, password="omar")

    def test_begins_anew_after_a_while(self, omar: User) -> None:
        wrong = (
            "INSERT INTO planning_planrefusal (by_id, attempted, why, at, wall_at)"
            " SELECT %s, 'enrol', %s, now(), now() - make_interval(secs => %s) FROM generate_series(1, %s)"
        )
        ago_s = WRONG_WITHIN.total_seconds()
        run(wrong, [omar.pk, str(PasswordWrong()), ago_s + 1, WRONG_PASSWORDS])
        assert begin(omar, password="omar")["user"]["name"] == "omar"

    def test_is_each_persons_own(self, omar: User, oda: User, as_web: None) -> None:
        for _number in range(WRONG_PASSWORDS):
            with pytest.raises(PasswordWrong):
                begin(oda, password="guess")
        assert begin(omar, password="omar")["user"]["name"] == "omar"


class TestFurtherKey:
    def test_is_enrolled_with_one_there_is(self, omar: User, keys: Keyring, as_web: None) -> None:
        made = finish(omar, asked_with(omar, keys.of(omar)))
        assert [key.label for key in passkeys_of(omar)] == ["test", "new"]
        assert made.challenge is not None
        assert made.challenge.proof == "PASSKEY"
        kept = VoteAssertion.objects.get()
        assert (kept.enrolment, kept.vote, kept.break_glass) == (made.challenge, None, None)
        assert (kept.passkey.label, kept.challenge.purpose) == ("test", "ENROL_PROOF")
        run("SET CONSTRAINTS ALL IMMEDIATE")

    @pytest.mark.parametrize("proof", [{}, {"password": "omar"}, {"password": "guess"}])
    def test_not_with_the_password(self, proof: dict[str, str], omar: User, keys: Keyring, as_web: None) -> None:
        keys.of(omar)
        with refused(ProofMissing, None, omar, "enrol") as caught:
            begin(omar, **proof)
        assert caught.value.field == "assertion"

    def test_not_with_somebody_elses(self, omar: User, oda: User, keys: Keyring, as_web: None) -> None:
        keys.of(omar)
        signed = proven(oda, keys.of(oda))
        with refused(PasskeyRefused, None, omar, "enrol"):
            begin(omar, signed=signed)

    def test_each_proof_is_good_once(self, omar: User, keys: Keyring, as_web: None) -> None:
        signed = proven(omar, keys.of(omar))
        begin(omar, signed=signed)
        with refused(PasskeyRefused, None, omar, "enrol"):
            begin(omar, signed=signed)

    def test_not_with_what_was_signed_for_a_vote(self, plan: Plan, omar: User, keys: Keyring, as_web: None) -> None:
        signed = keys.sign(omar, plan, hash_of(plan))
        with refused(PasskeyRefused, None, omar, "enrol"):
            begin(omar, signed=signed)

    def test_not_once_the_key_that_proved_it_is_withdrawn(self, omar: User, keys: Keyring, adam: User) -> None:
        options = asked_with(omar, keys.of(omar))
        run("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        reset_passkeys(user_id=omar.pk, by=adam, reason="stolen", at=AT)
        with refused(ProofMissing, None, omar, "enrol"):
            finish(omar, options)

    def test_the_question_needs_a_key(self, omar: User, as_web: None) -> None:
        before = everything()
        with pytest.raises(NoPasskey):
            begin_proof(by=omar, party=PARTY)
        assert everything() == before


class TestReset:
    def test_lets_the_password_enrol_again(self, omar: User, keys: Keyring, adam: User, as_web: None) -> None:
        keys.of(omar)
        [key] = passkeys_of(omar)
        made = reset_passkeys(user_id=omar.pk, by=adam, reason=" phone lost ", at=AT)
        assert (made.user, made.by, made.reason, PasskeyReset.objects.get().through) == (
            omar,
            adam,
            "phone lost",
            key.pk,
        )
        ended = PasskeyEnd.objects.get()
        assert (ended.passkey, ended.by, ended.reason) == (key, adam, "phone lost")
        assert (passkeys_of(omar), password_enrols(omar)) == ([], True)
        again = finish(omar, begin(omar, password="omar"))
        assert (passkeys_of(omar), password_enrols(omar)) == ([again], False)
        news = key_news(person_id=omar.pk)
        assert (news.label, news.reset_by) == ("new", "adam")

    def test_who_withdrew_the_last_one_alone_needs_it(self, omar: User, keys: Keyring, adam: User) -> None:
        """A thief of session and password cannot end the key and enrol their own."""
        keys.of(omar)
        end_passkey(passkey_id=Passkey.objects.get().pk, by=omar)
        with refused(ResetNeeded, None, omar, "enrol"):
            begin(omar, password="omar")
        reset_passkeys(user_id=omar.pk, by=adam, reason="lost", at=AT)
        assert finish(omar, begin(omar, password="omar")).user == omar

    @pytest.mark.parametrize("role", ["operator", "supervisor", "auditor"])
    def test_is_an_administrators(self, role: str, omar: User, keys: Keyring) -> None:
        keys.of(omar)
        by = person("petra", role)
        with refused(PermissionNeeded, None, by, "reset passkeys"):
            reset_passkeys(user_id=omar.pk, by=by, reason="x", at=AT)

    def test_is_of_somebody_else_and_says_why(self, omar: User, adam: User, as_web: None) -> None:
        with refused(NobodyToReset, None, adam, "reset passkeys"):
            reset_passkeys(user_id=adam.pk, by=adam, reason="x", at=AT)
        with refused(NobodyToReset, None, adam, "reset passkeys"):
            reset_passkeys(user_id=0, by=adam, reason="x", at=AT)
        with refused(ReasonMissing, None, adam, "reset passkeys"):
            reset_passkeys(user_id=omar.pk, by=adam, reason=" ", at=AT)


class TestDirectSql:
    """What web cannot write past the operations; nobody else can write any of it."""

    def challenge(self, by: User, proof: str, purpose: str = "ENROL") -> int:
        return int(value_of(CHALLENGE, by.pk, purpose, proof, purpose + proof))

    def test_no_enrolment_without_a_proof(self, omar: User, as_web: None) -> None:
        for proof in ("", "NONE"):
            assert_refused("nothing proves who asks", CHALLENGE, [omar.pk, "ENROL", proof, "n"])

    def test_no_password_for_who_has_a_key(self, omar: User, keys: Keyring, as_role: AsRole) -> None:
        keys.of(omar)
        with as_role("web"):
            assert_refused("not enough", CHALLENGE, [omar.pk, "ENROL", "PASSWORD", "n"])

    def test_no_passkeys_proof_without_what_it_signed(self, omar: User, keys: Keyring, as_role: AsRole) -> None:
        keys.of(omar)
        with as_role("web"):
            immediately = CHALLENGE + "; SET CONSTRAINTS ALL IMMEDIATE"
            run("SET CONSTRAINTS ALL DEFERRED")
            forged = immediately.replace("%s, %s, %s, '', %s", f"{omar.pk}, 'ENROL', 'PASSKEY', '', 'n'")
            assert_refused("what the passkey signed is missing", forged)

    def test_no_key_without_its_challenge(self, omar: User, oda: User, as_web: None) -> None:
        assert_refused("no proven challenge", KEY, [omar.pk, "k", None])
        others, votes = self.challenge(oda, "PASSWORD"), self.challenge(omar, "", "APPROVE")
        for wrong in (others, votes):
            assert_refused("no proven challenge", KEY, [omar.pk, "k", wrong])
        unused = StepUpChallenge.objects.create(user=omar, purpose="ENROL", proof="PASSWORD", nonce=b"unused")
        assert_refused("no proven challenge", KEY, [omar.pk, "k", unused.pk])

    def test_one_challenge_is_for_one_key(self, omar: User, adam: User, as_web: None) -> None:
        challenge = self.challenge(omar, "PASSWORD")
        run(KEY, [omar.pk, "k", challenge])
        assert_refused("not enough", KEY, [omar.pk, "l", challenge])
        reset_passkeys(user_id=omar.pk, by=adam, reason="x", at=AT)
        assert_refused("challenge_id", KEY, [omar.pk, "l", challenge])

    def test_no_key_by_a_proof_whose_key_is_withdrawn(self, omar: User, adam: User, as_role: AsRole) -> None:
        key = some_key(omar)
        asked = StepUpChallenge.objects.create(user=omar, purpose="ENROL_PROOF", nonce=b"p", used_at=timezone.now())
        with as_role("web"):
            challenge = self.challenge(omar, "PASSKEY")
            parts = {"client_data": b"-", "authenticator_data": b"-", "signature": b"-"}
            VoteAssertion.objects.create(enrolment_id=challenge, challenge=asked, passkey=key, **parts)
            run("SET CONSTRAINTS ALL IMMEDIATE")
            PasskeyEnd.objects.create(passkey=key, by=omar)
            assert_refused("what the passkey signed is missing", KEY, [omar.pk, "l", challenge])

    def test_no_end_of_anothers_key(self, omar: User, oda: User, as_role: AsRole) -> None:
        key = some_key(omar)
        end = "INSERT INTO planning_passkeyend (passkey_id, by_id, reason, wall_at) VALUES (%s, %s, '', now())"
        with as_role("web"):
            assert_refused("another person's key", end, [key.pk, oda.pk])

    def test_no_reset_by_others(self, omar: User, oda: User, sybil: User, adam: User, as_role: AsRole) -> None:
        reset = (
            "INSERT INTO planning_passkeyreset (user_id, by_id, reason, through, wall_at)"
            " VALUES (%s, %s, %s, 99, now())"
        )
        with as_role("web"):
            for by in (omar, oda, sybil):
                assert_refused("may not reset", reset, [omar.pk, by.pk, "x"])
            assert_refused("by_somebody_else", reset, [adam.pk, adam.pk, "x"])
            assert_refused("gives_a_reason", reset, [omar.pk, adam.pk, ""])
            run(reset, [omar.pk, adam.pk, "x"])
        assert PasskeyReset.objects.get().through == 0

    @pytest.mark.parametrize("role", ["worker", "dispatch"])
    def test_nothing_by_others(self, role: str, omar: User, as_role: AsRole) -> None:
        with as_role(role):
            assert_refused(DENIED, CHALLENGE, [omar.pk, "ENROL", "PASSWORD", "n"])
            assert_refused(DENIED, KEY, [omar.pk, "k", None])
            assert_refused(DENIED, "INSERT INTO planning_passkeyreset DEFAULT VALUES")


class TestAtOnce:
    def test_two_first_keys(self, committed_db: CommittedDatabase) -> None:
        """Both proven by the password, finished in the same instant: one is enrolled, the other refused."""
        omar = person("omar", "operator", password="omar")
        begun = [begin(omar, password="omar") for _number in range(2)]

        def end(options: dict[str, Any]) -> str:
            with session("web"):
                try:
                    return finish(User.objects.get(pk=omar.pk), options).label
                except Refusal as refusal:
                    return type(refusal).__name__

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(end, begun)) == ["ProofMissing", "new"]
        assert Passkey.objects.count() == 1

    def test_past_the_operation(self, committed_db: CommittedDatabase) -> None:
        """The trigger alone: the second session waits for the first and then sees its key."""
        omar = person("omar", "operator", password="omar")
        ids = [
            StepUpChallenge.objects.create(
                user=omar, purpose="ENROL", proof="PASSWORD", nonce=nonce, used_at=timezone.now()
            ).pk
            for nonce in (b"1", b"2")
        ]
        with closing(psycopg.connect(committed_db.dsn("web"))) as one, ThreadPoolExecutor(1) as pool:
            one.execute(KEY, [omar.pk, b"1", ids[0]])

            def other() -> str:
                with closing(psycopg.connect(committed_db.dsn("web"))) as two:
                    try:
                        two.execute(KEY, [omar.pk, b"2", ids[1]])
                        two.commit()
                    except psycopg.IntegrityError as error:
                        return str(error).splitlines()[0]
                    return "enrolled"

            later = pool.submit(other)
            one.commit()
            assert later.result(30) == "enrolment refused: a password is not enough for who has a passkey"
        assert Passkey.objects.count() == 1
