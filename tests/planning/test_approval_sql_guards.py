"""Direct SQL against who decides how: every role tries what is not its own, and nothing has changed afterwards."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from cohorts.models import Cohort
from dispatch.models import Claim, Signal, Ven
from dispatch.operations import claim_authorised
from planning.core.canonical import canonical_json
from planning.core.policy import DEFAULT_POLICY
from planning.models import (
    BreakGlass,
    BreakGlassReview,
    Comment,
    CommentResolution,
    Delegation,
    DelegationEnd,
    Escalation,
    Estimate,
    Freeze,
    FreezeLift,
    Passkey,
    PasskeyEnd,
    PasskeyReset,
    Plan,
    PlanAlternative,
    PlanRequest,
    PlanViewing,
    StepUpChallenge,
    VoteAssertion,
)
from portal.fence import ROLES
from portal.models import User
from tests import factories
from tests.keys import Keyring, some_key
from tests.planning.ballots import approve
from tests.planning.builders import AT, END, START, add_version, hash_of, pending_plan, person, sha256
from tests.planning.sql import DENIED, INSERT_VOTE, AsRole, assert_refused, forge, run, value_of
from tests.policies import put_in_force, requirement, rules_text

OF_PEOPLE = (
    "planning_vote",
    "planning_approvalpolicy",
    "planning_policyconfirmation",
    "planning_delegation",
    "planning_delegationend",
    "planning_comment",
    "planning_commentresolution",
    "planning_freeze",
    "planning_freezelift",
    "planning_breakglass",
    "planning_breakglassreview",
    "planning_estimate",
    "planning_planviewing",
    "planning_passkey",
    "planning_passkeyend",
    "planning_passkeyreset",
    "planning_stepupchallenge",
    "planning_voteassertion",
)
WEAKER = rules_text({"name": "every plan"}, max_mw="999999", review_h=24)


class TestOthersThanWeb:
    @pytest.mark.parametrize("table", OF_PEOPLE)
    @pytest.mark.parametrize("role", ["worker", "dispatch"])
    def test_write_nothing_that_a_person_says(self, role: str, table: str, plan: Plan, as_role: AsRole) -> None:
        with as_role(role):
            assert_refused(DENIED, f"INSERT INTO {table} DEFAULT VALUES")

    @pytest.mark.parametrize("role", ["web", "dispatch"])
    def test_only_the_worker_notes_that_time_has_passed(self, role: str, plan: Plan, as_role: AsRole) -> None:
        with as_role(role):
            assert_refused(DENIED, "INSERT INTO planning_escalation DEFAULT VALUES")

    @pytest.mark.parametrize("role", ["worker", "dispatch"])
    def test_a_whole_vote(self, role: str, plan: Plan, omar: User, as_role: AsRole) -> None:
        with as_role(role):
            assert_refused(DENIED, INSERT_VOTE, forge(plan, omar))
        assert value_of("SELECT planning_send_objection(%s)", plan.current_version_id) == "0 of 1 votes"


class TestVotesOfWeb:
    """What the web process could write for somebody who must not or has not."""

    def of(self, operator: User, pearland: Cohort, largest_mw: str) -> Plan:
        return pending_plan(operator, pearland, largest_mw=largest_mw)

    @pytest.mark.parametrize("step_up", ["NONE", "", "none", "password", "YUBIKEY"])
    @pytest.mark.parametrize("largest_mw", ["20", "60"])
    def test_a_weaker_proof_than_a_password(
        self, largest_mw: str, step_up: str, operator: User, pearland: Cohort, sybil: User, as_role: AsRole
    ) -> None:
        plan = self.of(operator, pearland, largest_mw)
        with as_role("web"):
            forged = forge(plan, sybil, step_up=step_up)
            assert_refused("it needs the person's password", INSERT_VOTE, forged)

    @pytest.mark.parametrize("step_up", ["NONE", "PASSWORD", "passkey"])
    def test_a_weaker_proof_than_a_passkey(
        self, step_up: str, operator: User, pearland: Cohort, sybil: User, as_role: AsRole
    ) -> None:
        plan = self.of(operator, pearland, "60.001")
        with as_role("web"):
            forged = forge(plan, sybil, step_up=step_up, reason="tight")
            assert_refused("it needs the person's passkey", INSERT_VOTE, forged)

    @pytest.mark.parametrize("reason", ["", "   "])
    def test_no_reason_where_one_is_needed(
        self, reason: str, operator: User, pearland: Cohort, sybil: User, as_role: AsRole
    ) -> None:
        plan = self.of(operator, pearland, "60.001")
        with as_role("web"):
            forged = forge(plan, sybil, step_up="PASSKEY", reason=reason)
            assert_refused("a reason is needed for this plan", INSERT_VOTE, forged)

    def test_no_estimate_where_one_is_needed(
        self, operator: User, pearland: Cohort, sybil: User, omar: User, as_role: AsRole
    ) -> None:
        """Somebody else's is not one's own."""
        plan = self.of(operator, pearland, "60.001")
        Estimate.objects.create(version_id=plan.current_version_id, by=omar, mw=Decimal(40), at=AT)
        with as_role("web"):
            forged = forge(plan, sybil, step_up="PASSKEY", reason="tight")
            assert_refused("an own estimate has to be given first", INSERT_VOTE, forged)

    @pytest.mark.parametrize("largest_mw", ["15", "20", "60.001"])
    def test_the_requester_whatever_they_bring(
        self, largest_mw: str, operator: User, pearland: Cohort, as_role: AsRole
    ) -> None:
        plan = self.of(operator, pearland, largest_mw)
        Estimate.objects.create(version_id=plan.current_version_id, by=operator, mw=Decimal(40), at=AT)
        with as_role("web"):
            forged = forge(plan, operator, step_up="PASSKEY", reason="tight")
            assert_refused("whoever asked for a plan or for a change of it cannot vote", INSERT_VOTE, forged)

    def test_an_editor_whatever_they_bring(self, plan: Plan, pearland: Cohort, sybil: User, as_role: AsRole) -> None:
        asked = PlanRequest.objects.create(plan=plan, number=2, by=sybil, at=AT, strategy="balanced")
        add_version(plan, asked, pearland)
        with as_role("web"):
            forged = forge(plan, sybil, step_up="PASSKEY", reason="tight")
            assert_refused("whoever asked for a plan or for a change of it cannot vote", INSERT_VOTE, forged)

    @pytest.mark.parametrize(
        ("roles", "flags", "says"),
        [
            ([], {}, "this person may not approve plans"),
            (["supervisor"], {"is_active": False}, "this person may not approve plans"),
            (["supervisor"], {"is_superuser": True}, "takes no part in decisions"),
            ([], {"is_superuser": True}, "takes no part in decisions"),
            (["admin"], {}, "takes no part in decisions"),
            (["auditor"], {}, "takes no part in decisions"),
        ],
    )
    def test_somebody_unentitled_whatever_they_bring(
        self, roles: list[str], flags: dict[str, bool], says: str, operator: User, pearland: Cohort, as_role: AsRole
    ) -> None:
        by, plan = person("petra", *roles, **flags), self.of(operator, pearland, "60.001")
        Estimate.objects.create(version_id=plan.current_version_id, by=by, mw=Decimal(40), at=AT)
        with as_role("web"):
            assert_refused(says, INSERT_VOTE, forge(plan, by, step_up="PASSKEY", reason="tight"))

    def test_somebody_twice(
        self, operator: User, pearland: Cohort, sybil: User, keys: Keyring, as_role: AsRole
    ) -> None:
        plan = self.of(operator, pearland, "60.001")
        approve(plan, sybil, keys)
        with as_role("web"):
            forged = forge(plan, sybil, step_up="PASSKEY", reason="tight")
            assert_refused("vote_once_per_person_and_version", INSERT_VOTE, forged)
        assert value_of("SELECT planning_votes_for(%s)", plan.current_version_id) == 1

    def test_somebody_who_does_not_exist(self, plan: Plan, sybil: User, as_role: AsRole) -> None:
        nobody = User(pk=sybil.pk + 1000)
        with as_role("web"):
            assert_refused("takes no part in decisions", INSERT_VOTE, forge(plan, nobody))

    def test_one_more_than_is_needed(self, plan: Plan, omar: User, oda: User, keys: Keyring, as_role: AsRole) -> None:
        approve(plan, omar, keys)
        with as_role("web"):
            assert_refused("all the votes it needs are given", INSERT_VOTE, forge(plan, oda))


class TestLoweringTheQuorum:
    @pytest.mark.parametrize("role", [*ROLES, "owner"])
    def test_by_changing_the_policy(self, role: str, large_plan: Plan, as_role: AsRole) -> None:
        says = "is append-only" if role == "owner" else DENIED
        with as_role(role):
            for sql in (
                "UPDATE planning_approvalpolicy SET rules = %(rules)s, rules_sha256 = %(sha256)s",
                "DELETE FROM planning_approvalpolicy",
                "TRUNCATE planning_approvalpolicy CASCADE",
            ):
                assert_refused(says, sql, {"rules": WEAKER, "sha256": sha256(WEAKER.encode())})
        assert requirement(large_plan.current_version_id)["supervisors"] == 1

    @pytest.mark.parametrize("role", [*ROLES, "owner"])
    def test_by_changing_the_version(self, role: str, large_plan: Plan, as_role: AsRole) -> None:
        text = canonical_json(
            json.loads(large_plan.current_version.content) | {"largest_interval_p50_mw": "1.000"}  # type: ignore[union-attr]
        )
        sql = "UPDATE planning_planversion SET content = %s, content_hash = %s WHERE id = %s"
        with as_role(role):
            says = "is append-only" if role == "owner" else DENIED
            assert_refused(says, sql, [text, sha256(text.encode()), large_plan.current_version_id])

    @pytest.mark.parametrize("role", ["web", "dispatch"])
    def test_by_writing_a_version(self, role: str, large_plan: Plan, as_role: AsRole) -> None:
        with as_role(role):
            assert_refused(DENIED, "INSERT INTO planning_planversion DEFAULT VALUES")
            assert_refused(DENIED, "INSERT INTO planning_plannedevent DEFAULT VALUES")
            assert_refused(DENIED, "UPDATE planning_plannedevent SET mean_mw = 1, endpoints = 1")

    def test_by_a_confirmation_alone(self, large_plan: Plan, sybil: User, as_role: AsRole) -> None:
        """web may propose for a supervisor, and cannot confirm for the same one."""
        with as_role("web"):
            run(
                "INSERT INTO planning_approvalpolicy (number, rules, rules_sha256, proposed_by_id, reason, wall_at)"
                " VALUES (2, %s, %s, %s, 'x', now())",
                [WEAKER, sha256(WEAKER.encode()), sybil.pk],
            )
            confirm = (
                "INSERT INTO planning_policyconfirmation (policy_id, by_id, wall_at)"
                " SELECT id, %s, now() FROM planning_approvalpolicy WHERE number = %s"
            )
            assert_refused("a change needs a second person", confirm, [sybil.pk, 2])
            assert_refused("a change needs a second person", confirm, [sybil.pk, 1])
        assert value_of("SELECT planning_policy_in_force()") == 1

    @pytest.mark.parametrize("role", ROLES)
    def test_by_taking_the_guards_away(self, role: str, plan: Plan, as_role: AsRole) -> None:
        with as_role(role):
            for table in ("planning_vote", "planning_approvalpolicy", "planning_breakglass", "dispatch_signal"):
                assert_refused("must be owner", f"ALTER TABLE {table} DISABLE TRIGGER ALL")
            assert_refused("must be owner", "ALTER TABLE planning_approvalpolicy DROP CONSTRAINT policy_is_sound")
            assert_refused("must be owner", "DROP FUNCTION planning_freeze_reason()")
            assert_refused(
                f"{DENIED}|must be owner",
                "CREATE OR REPLACE FUNCTION planning_required_votes(version bigint) RETURNS integer"
                " LANGUAGE sql AS 'SELECT 0'",
            )
            assert_refused(DENIED, "CREATE FUNCTION pg_temp.x() RETURNS integer LANGUAGE c AS 'x', 'y'")
            assert_refused(DENIED, "SET session_replication_role = replica")
            assert_refused(DENIED, "INSERT INTO auth_group_permissions (group_id, permission_id) SELECT 1, 1")

    def test_a_table_of_ones_own_is_not_looked_at(self, large_plan: Plan) -> None:
        """The functions look at temporary tables last, so one of the same name hides nothing."""
        run(
            "CREATE TEMPORARY TABLE planning_approvalpolicy AS"
            " SELECT 1 AS number, %s::text AS rules, ''::text AS rules_sha256",
            [WEAKER],
        )
        assert requirement(large_plan.current_version_id)["step_up"] == "PASSWORD"


class TestSignals:
    """Two people are needed and two have voted: then the fence is asked again for each signal."""

    @pytest.fixture
    def authorised(self, operator: User, sybil: User) -> Plan:
        calls = {factories.cohort(): [factories.Called(100, 0, 4)]}
        put_in_force(rules_text({"name": "every plan", "needs": {"approvals": 2, "supervisors": 1}}))
        return factories.authorised_plan(calls, requested_by=operator, voter=sybil)

    def claim(self, plan: Plan) -> None:
        run(
            "INSERT INTO dispatch_claim (plan_id, version_id, at, wall_at) VALUES (%s, %s, %s, %s)",
            [plan.pk, plan.current_version_id, factories.PROPOSED_AT, factories.PROPOSED_AT],
        )

    def signal(self, plan: Plan, payload: bytes | None = None) -> tuple[str, list[Any]]:
        event = plan.current_version.events.get()  # type: ignore[union-attr]
        body = bytes(event.payload) if payload is None else payload
        Ven.objects.get_or_create(cohort=event.cohort, defaults={"name": "ven"})
        sql = (
            "INSERT INTO dispatch_signal (claim_id, version_id, planned_event_id, ven_id, kind, content_hash, payload,"
            " payload_sha256, starts_at, ends_at, mw, run, status, queued_at, wall_queued_at)"
            " SELECT (SELECT max(id) FROM dispatch_claim), version_id, id,"
            " (SELECT max(id) FROM dispatch_ven), 'EVENT', %s, %s, %s, starts_at, ends_at, mean_mw, 0, 'QUEUED',"
            " now(), now() FROM planning_plannedevent WHERE id = %s"
        )
        return sql, [hash_of(plan), body, hashlib.sha256(body).hexdigest(), event.pk]

    def test_with_the_quorum_and_the_bytes_it_is_queued(self, authorised: Plan, as_role: AsRole) -> None:
        sql, params = self.signal(authorised)
        with as_role("dispatch"):
            self.claim(authorised)
            run(sql, params)
        assert bytes(Signal.objects.get().payload) == params[1]

    @pytest.mark.parametrize("role", ["web", "worker"])
    def test_others_than_dispatch(self, role: str, authorised: Plan, as_role: AsRole) -> None:
        sql, params = self.signal(authorised)
        self.claim(authorised)
        with as_role(role):
            assert_refused(DENIED, sql, params)
            assert_refused(DENIED, "INSERT INTO dispatch_claim DEFAULT VALUES")
        assert not Signal.objects.exists()

    def test_without_a_claim(self, authorised: Plan, as_role: AsRole) -> None:
        sql, params = self.signal(authorised)
        with as_role("dispatch"):
            assert_refused("the version was not claimed|null value", sql, params)

    def test_with_other_bytes(self, authorised: Plan, as_role: AsRole) -> None:
        event = json.loads(bytes(authorised.current_version.events.get().payload))  # type: ignore[union-attr]
        sql, params = self.signal(authorised, json.dumps(event | {"priority": 0}).encode())
        with as_role("dispatch"):
            self.claim(authorised)
            assert_refused("the bytes are not the approved ones", sql, params)
        assert not Signal.objects.exists()

    def test_once_a_vote_no_longer_counts(self, authorised: Plan, sybil: User, as_role: AsRole) -> None:
        sql, params = self.signal(authorised)
        self.claim(authorised)
        sybil.groups.clear()
        with as_role("dispatch"):
            assert_refused("signal refused: 1 of 2 votes", sql, params)
        assert not Signal.objects.exists()

    def test_a_claim_without_the_quorum(self, operator: User, sybil: User, as_role: AsRole) -> None:
        """Whatever the plan's own state says; the dispatch operation comes to the same end."""
        put_in_force(rules_text({"name": "every plan", "needs": {"approvals": 2}}))
        calls = {factories.cohort(): [factories.Called(100, 0, 4)]}
        plan = factories.plan_of(calls, requested_by=operator, status="AUTHORISED")  # type: ignore[arg-type]
        factories.approve(plan, sybil)
        with as_role("dispatch"):
            sql = "INSERT INTO dispatch_claim (plan_id, version_id, at, wall_at) VALUES (%s, %s, now(), now())"
            assert_refused("claim refused: 1 of 2 votes", sql, [plan.pk, plan.current_version_id])
            assert claim_authorised(at=factories.PROPOSED_AT, wall_at=factories.PROPOSED_AT) == []
        assert not Claim.objects.exists()


CHANGES = {"planning_plan", "planning_stepupchallenge"}
APPEND_ONLY = sorted({model._meta.db_table for model in apps.get_app_config("planning").get_models()} - CHANGES)
REWRITES = {"update": "UPDATE {} SET id = id", "delete": "DELETE FROM {}", "truncate": "TRUNCATE {} CASCADE"}


class TestAppendOnly:
    """What was said stays said: every table of planning but the plan's state and the use of a challenge."""

    @pytest.fixture
    def said(self, plan: Plan, omar: User, sybil: User, sven: User, keys: Keyring) -> None:
        """A row in each table, none with checks pending: those alone would stop a TRUNCATE."""
        version = {"version_id": plan.current_version_id}
        comment = Comment.objects.create(**version, by=omar, text="x", at=AT)
        CommentResolution.objects.create(comment=comment, by=omar, text="x", at=AT)
        stopped = Freeze.objects.create(by=omar, reason="x", starts_at=AT)
        FreezeLift.objects.create(freeze=stopped, by=sybil, reason="x", at=AT)
        lent = Delegation.objects.create(
            delegator=sybil, delegate=omar, starts_at=START, ends_at=END, max_mw=Decimal(1), reason="x"
        )
        DelegationEnd.objects.create(delegation=lent, by=omar, at=AT)
        Escalation.objects.create(**version, share_pct=50, at=AT)
        Estimate.objects.create(**version, by=omar, mw=Decimal(1), at=AT)
        PlanViewing.objects.create(**version, by=omar, seconds=5)
        PlanAlternative.objects.create(**version, option="do_nothing", **dict.fromkeys(_numbers(), 0))
        plan.refusals.create(attempted="approve", why="test", at=AT)
        self.force(plan, sybil, sven)
        put_in_force(DEFAULT_POLICY)
        signed = keys.sign(omar, plan, hash_of(plan))
        approve(plan, omar, keys, signed=signed)
        PasskeyEnd.objects.create(passkey=Passkey.objects.filter(user=omar).get(), by=omar)
        PasskeyReset.objects.create(user=omar, by=person("adam", "admin"), reason="x")
        run("SET CONSTRAINTS ALL IMMEDIATE")

    def force(self, plan: Plan, by: User, reviewer: User) -> None:
        forced = BreakGlass.objects.create(
            version_id=plan.current_version_id,
            content_hash=hash_of(plan),
            by=by,
            reason_code="SAFETY",
            incident="x",
            reason="x",
            step_up="PASSKEY",
            at=AT,
        )
        challenge = StepUpChallenge.objects.create(
            user=by, purpose="BREAK_GLASS", content_hash=hash_of(plan), nonce=b"n", used_at=timezone.now()
        )
        key = some_key(by)
        parts = {"client_data": b"-", "authenticator_data": b"-", "signature": b"-"}
        VoteAssertion.objects.create(break_glass=forced, challenge=challenge, passkey=key, **parts)
        BreakGlassReview.objects.create(break_glass=forced, by=reviewer, finding="JUSTIFIED", text="x")

    def test_all_of_it(self, said: None, as_role: AsRole) -> None:
        for table in APPEND_ONLY:
            assert value_of(f"SELECT count(*) FROM {table}") > 0, table
            for rewrite in REWRITES.values():
                sql = rewrite.format(table)
                for role in ROLES:
                    with as_role(role):
                        assert_refused(DENIED, sql)
                with as_role("owner"):
                    assert_refused("is append-only", sql)

    def test_nothing_is_left_out(self) -> None:
        assert set(OF_PEOPLE) - CHANGES <= set(APPEND_ONLY)
        assert len(APPEND_ONLY) == 24


def _numbers() -> list[str]:
    kinds = {"FloatField", "PositiveIntegerField"}
    return [each.name for each in PlanAlternative._meta.fields if each.get_internal_type() in kinds and not each.null]
