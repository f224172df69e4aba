"""What PostgreSQL refuses whoever writes the SQL: forged votes, altered content, rewritten history, wrong roles."""

from __future__ import annotations

import json

import pytest
from django.db import IntegrityError, ProgrammingError, transaction

from cohorts.models import Cohort
from planning.models import Plan, PlannedEvent, PlanRequest, PlanVersion, Vote
from portal.models import User
from tests.planning.builders import (
    AT,
    END,
    START,
    add_version,
    cohort,
    everything,
    pending_plan,
    person,
    sha256,
)
from tests.planning.sql import DENIED, INSERT_VOTE, AsRole, assert_refused, forge, run


class TestVotes:
    """Direct SQL as web, the one role that may vote at all."""

    def test_an_entitled_one_is_taken(self, plan: Plan, operator2: User, as_role: AsRole) -> None:
        with as_role("web"):
            run(INSERT_VOTE, forge(plan, operator2))
        assert Vote.objects.get().voter == operator2

    def test_own_plan(self, plan: Plan, operator: User, as_role: AsRole) -> None:
        with as_role("web"):
            assert_refused("whoever asked for a plan", INSERT_VOTE, forge(plan, operator))

    def test_an_editor(self, plan: Plan, supervisor: User, pearland: Cohort, as_role: AsRole) -> None:
        request = PlanRequest.objects.create(plan=plan, number=2, by=supervisor, at=AT, strategy="balanced")
        add_version(plan, request, pearland)
        with as_role("web"):
            assert_refused("whoever asked for a plan", INSERT_VOTE, forge(plan, supervisor))

    def test_a_person_without_the_right(self, plan: Plan, as_role: AsRole) -> None:
        by = person("petra")
        with as_role("web"):
            assert_refused("may not approve plans", INSERT_VOTE, forge(plan, by))

    @pytest.mark.parametrize("roles", [["auditor"], ["admin"], ["supervisor", "admin"], ["auditor", "operator"]])
    def test_who_administers_or_audits(self, roles: list[str], plan: Plan, as_role: AsRole) -> None:
        by = person("petra", *roles)
        with as_role("web"):
            assert_refused("takes no part in decisions", INSERT_VOTE, forge(plan, by))

    def test_a_superuser_flag(self, plan: Plan, as_role: AsRole) -> None:
        root = person("root", "supervisor", is_superuser=True, is_staff=True)
        with as_role("web"):
            assert_refused("takes no part in decisions", INSERT_VOTE, forge(plan, root))

    def test_an_inactive_person(self, plan: Plan, as_role: AsRole) -> None:
        gone = person("gina", "supervisor", is_active=False)
        with as_role("web"):
            assert_refused("may not approve plans", INSERT_VOTE, forge(plan, gone))

    def test_an_operator_at_20_mw(self, large_plan: Plan, operator2: User, as_role: AsRole) -> None:
        with as_role("web"):
            assert_refused("is a supervisor's", INSERT_VOTE, forge(large_plan, operator2, step_up="PASSWORD"))

    def test_a_wrong_hash(self, plan: Plan, operator2: User, as_role: AsRole) -> None:
        with as_role("web"):
            assert_refused("hash is not the one", INSERT_VOTE, forge(plan, operator2, content_hash="0" * 64))

    def test_a_second_one(self, operator: User, operator2: User, pearland: Cohort, as_role: AsRole) -> None:
        plan = pending_plan(operator, pearland, required=2)
        with as_role("web"):
            run(INSERT_VOTE, forge(plan, operator2))
            assert_refused("vote_once_per_person_and_version", INSERT_VOTE, forge(plan, operator2))

    def test_a_rejection_without_a_reason(self, plan: Plan, operator2: User, as_role: AsRole) -> None:
        with as_role("web"):
            assert_refused("vote_reject_gives_a_reason", INSERT_VOTE, forge(plan, operator2, decision="REJECT"))

    @pytest.mark.parametrize("role", ["worker", "dispatch"])
    def test_other_processes(self, role: str, plan: Plan, operator2: User, as_role: AsRole) -> None:
        with as_role(role):
            assert_refused(DENIED, INSERT_VOTE, forge(plan, operator2))

    @pytest.mark.parametrize("decision", ["APPROVE", "REJECT"])
    def test_a_trigger_switched_off_is_out_of_reach(self, decision: str, plan: Plan, as_role: AsRole) -> None:
        with as_role("web"):
            assert_refused("must be owner", "ALTER TABLE planning_vote DISABLE TRIGGER vote_is_entitled")
            assert_refused(DENIED, "SET session_replication_role = replica")


class TestCounts:
    def test_status_moved_by_hand_needs_votes_all_the_same(self, plan: Plan, operator2: User, as_role: AsRole) -> None:
        with as_role("web"):
            run("UPDATE planning_plan SET status = 'AUTHORISED' WHERE id = %s", [plan.pk])
        assert run("SELECT planning_send_objection(%s)", [plan.current_version_id]) == [("0 of 1 votes",)]

    def test_enough_votes_leave_no_objection(self, plan: Plan, operator2: User) -> None:
        run(INSERT_VOTE, forge(plan, operator2))
        assert run("SELECT planning_send_objection(%s)", [plan.current_version_id]) == [(None,)]

    def test_a_newer_version_takes_the_votes_away(
        self, plan: Plan, operator: User, operator2: User, pearland: Cohort
    ) -> None:
        run(INSERT_VOTE, forge(plan, operator2))
        old = plan.current_version_id
        request = PlanRequest.objects.create(plan=plan, number=2, by=operator, at=AT, strategy="balanced")
        add_version(plan, request, pearland)
        assert run("SELECT planning_send_objection(%s)", [old]) == [("a newer version of the plan exists",)]
        assert run("SELECT planning_votes_for(%s)", [plan.current_version_id]) == [(0,)]

    @pytest.mark.parametrize("required", [0, -3])
    def test_a_content_that_asks_for_no_vote_needs_one(self, required: int, operator: User, pearland: Cohort) -> None:
        with pytest.raises(IntegrityError, match="plan_version_content_is_whole"), transaction.atomic():
            pending_plan(operator, pearland, required=required)
        assert not PlanVersion.objects.exists()

    @pytest.mark.parametrize("missing", ["largest_interval_p50_mw", "required_approvals", "payloads", "band"])
    def test_a_content_without_what_the_guards_read_is_refused(self, missing: str, plan: Plan, as_role: AsRole) -> None:
        content = json.loads(plan.current_version.content)  # type: ignore[union-attr]
        del content[missing]
        assert run("SELECT planning_content_is_whole(%s)", [json.dumps(content)]) == [(False,)]
        request = PlanRequest.objects.create(plan=plan, number=2, at=AT, strategy="balanced")
        text = json.dumps(content)
        sql = (
            "INSERT INTO planning_planversion (plan_id, number, request_id, content, content_hash, window_start,"
            " window_end, proposed_at, wall_at)"
            " VALUES (%s, 2, %s, %s, %s, now(), now() + interval '1 hour', now(), now())"
        )
        with as_role("worker"):
            assert_refused("plan_version_content_is_whole", sql, [plan.pk, request.pk, text, sha256(text.encode())])

    def test_a_small_claim_hides_no_large_event(self, operator: User, pearland: Cohort) -> None:
        plan = pending_plan(operator, pearland)
        version = plan.current_version_id
        sql = "SELECT planning_required_votes(%s)"
        assert run(sql, [version]) == [(1,)]
        event = PlannedEvent.objects.get(version=version)
        other = PlannedEvent(
            version_id=version,
            cohort=cohort("another"),
            event_name="one-more",
            payload=b"{}",
            payload_sha256=sha256(b"{}"),
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            mean_mw=500,
            endpoints=1,
        )
        other.save()
        assert run(sql, [version]) == [(2,)]


APPEND_ONLY = (
    "planning_planrequest",
    "planning_planversion",
    "planning_plannedevent",
    "planning_vote",
    "planning_transition",
    "planning_planrefusal",
)
REWRITES = {
    "update": "UPDATE {} SET id = id",
    "delete": "DELETE FROM {}",
    "truncate": "TRUNCATE {} CASCADE",
}


class TestAppendOnly:
    @pytest.fixture
    def decided(self, plan: Plan, operator2: User) -> Plan:
        """A row in each of the tables, none with checks pending: those alone would stop a TRUNCATE."""
        run(INSERT_VOTE, forge(plan, operator2))
        plan.refusals.create(attempted="approve", why="test", at=AT)
        run("SET CONSTRAINTS ALL IMMEDIATE")
        return plan

    @pytest.mark.parametrize("rewrite", REWRITES)
    @pytest.mark.parametrize("table", APPEND_ONLY)
    @pytest.mark.parametrize("role", ["web", "worker", "dispatch"])
    def test_no_role_rewrites(self, role: str, table: str, rewrite: str, decided: Plan, as_role: AsRole) -> None:
        with as_role(role):
            assert_refused(DENIED, REWRITES[rewrite].format(table))

    @pytest.mark.parametrize("rewrite", REWRITES)
    @pytest.mark.parametrize("table", APPEND_ONLY)
    def test_the_trigger_stops_the_owner_too(self, table: str, rewrite: str, decided: Plan, as_role: AsRole) -> None:
        with as_role("owner"):
            assert_refused("is append-only", REWRITES[rewrite].format(table))

    def test_content_cannot_change_with_its_hash(self, plan: Plan, as_role: AsRole) -> None:
        forged = '{"required_approvals":1}'
        sql = "UPDATE planning_planversion SET content = %s, content_hash = %s WHERE id = %s"
        for role, says in (("web", DENIED), ("worker", DENIED), ("dispatch", DENIED), ("owner", "is append-only")):
            with as_role(role):
                assert_refused(says, sql, [forged, sha256(forged.encode()), plan.current_version_id])


class TestContent:
    def test_a_version_whose_hash_is_not_of_its_content(self, plan: Plan, as_role: AsRole) -> None:
        request = PlanRequest.objects.create(plan=plan, number=2, at=AT, strategy="balanced")
        before = everything()
        with (
            as_role("worker"),
            pytest.raises(IntegrityError, match="plan_version_hash_is_of_content"),
            transaction.atomic(),
        ):
            PlanVersion.objects.create(
                plan=plan,
                number=2,
                request=request,
                content=plan.current_version.content,  # type: ignore[union-attr]
                content_hash=sha256(b"{}"),
                window_start=START,
                window_end=END,
                proposed_at=AT,
            )
        assert everything() == before

    def test_an_event_whose_hash_is_not_of_its_bytes(self, plan: Plan, as_role: AsRole) -> None:
        event = PlannedEvent.objects.get()
        event.pk, event.event_name, event.payload = None, "forged", b"other"
        before = everything()
        with (
            as_role("worker"),
            pytest.raises(IntegrityError, match="planned_event_hash_is_of_payload"),
            transaction.atomic(),
        ):
            event.save(force_insert=True)
        assert everything() == before

    @pytest.mark.parametrize("role", ["web", "dispatch"])
    def test_only_the_worker_proposes(self, role: str, plan: Plan, as_role: AsRole) -> None:
        event = PlannedEvent.objects.get()
        event.pk, event.event_name = None, "forged"
        with as_role(role), pytest.raises(ProgrammingError, match=DENIED), transaction.atomic():
            event.save(force_insert=True)
        assert PlannedEvent.objects.count() == 1

    @pytest.mark.parametrize("role", ["web", "worker", "dispatch"])
    def test_no_role_deletes_a_plan(self, role: str, plan: Plan, as_role: AsRole) -> None:
        with as_role(role):
            assert_refused(DENIED, "DELETE FROM planning_plan WHERE id = %s", [plan.pk])

    @pytest.mark.parametrize("role", ["worker", "dispatch"])
    def test_only_web_touches_people(self, role: str, operator: User, as_role: AsRole) -> None:
        with as_role(role):
            assert_refused(DENIED, "UPDATE portal_user SET is_active = true")
            assert_refused(DENIED, "INSERT INTO portal_user_groups (user_id, group_id) SELECT 1, 1")
            assert_refused(DENIED, "SELECT password FROM portal_user")

    def test_web_does_not_touch_the_rights_of_roles(self, plan: Plan, as_role: AsRole) -> None:
        with as_role("web"):
            assert_refused(DENIED, "INSERT INTO auth_group_permissions (group_id, permission_id) SELECT 1, 1")
