"""Two people at once, with two real connections that both wait for the plan's row."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

from grid.core.refusals import Refusal
from planning.models import Plan, PlanRefusal, PlanRequest, Transition, Vote
from planning.operations import Change, Wish, abort_plan, approve_plan, edit_plan, propose_plan, reject_plan
from portal.models import User
from tests.conftest import CommittedDatabase
from tests.planning.builders import AT, cohort, hash_of, pending_plan, person

WAIT_S = 10.0


def as_web_session(work: Callable[[], Any]) -> Any:
    """Run `work` on a connection of its own, logged in as web; a Refusal is returned, not raised."""
    own = connections.create_connection(DEFAULT_DB_ALIAS)
    own.settings_dict = {**connections.settings[DEFAULT_DB_ALIAS], **settings.PORTAL_DATABASES["web"]}
    connections[DEFAULT_DB_ALIAS] = own
    try:
        return work()
    except Refusal as refusal:
        return refusal
    finally:
        own.close()


def at_once(database: CommittedDatabase, plan: Plan, *works: Callable[[], Any]) -> list[Any]:
    """Start all while the plan's row is locked, see that every one waits for it, then let go."""
    with psycopg.connect(database.dsn("superuser")) as gate, ThreadPoolExecutor(len(works)) as pool:
        gate.execute("SELECT 1 FROM planning_plan WHERE id = %s FOR UPDATE", [plan.pk])
        futures = [pool.submit(as_web_session, work) for work in works]
        deadline = time.monotonic() + WAIT_S
        while _waiting(database) < len(works):
            assert time.monotonic() < deadline, "not everyone came to wait for the row"
            time.sleep(0.02)
        gate.commit()
        return [future.result(WAIT_S) for future in futures]


def _waiting(database: CommittedDatabase) -> int:
    with psycopg.connect(database.dsn("superuser"), autocommit=True) as watch:
        row = watch.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchone()
        assert row
        return int(row[0])


@pytest.fixture
def operator(committed_db: CommittedDatabase) -> User:
    return person("olivia", "operator")


@pytest.fixture
def two(committed_db: CommittedDatabase) -> tuple[User, User]:
    return person("sam", "supervisor"), person("sue", "supervisor")


@pytest.fixture
def plan(operator: User) -> Plan:
    return pending_plan(operator, cohort())


def approve(plan: Plan, by: User) -> Callable[[], Any]:
    return lambda: approve_plan(plan_id=plan.pk, content_hash=hash_of(plan), by=by, at=AT)


def moves(plan: Plan) -> list[str]:
    return list(Transition.objects.filter(plan=plan).order_by("pk").values_list("to_status", flat=True))


class TestTwoApprovalsAtOnce:
    def test_one_vote_needed_one_is_taken(
        self, committed_db: CommittedDatabase, plan: Plan, two: tuple[User, User]
    ) -> None:
        answers = at_once(committed_db, plan, approve(plan, two[0]), approve(plan, two[1]))
        assert sorted(type(answer).__name__ for answer in answers) == ["NotAwaitingVote", "Plan"]
        assert Vote.objects.count() == 1
        assert moves(plan) == ["PLANNING", "PENDING", "AUTHORISED"]
        assert PlanRefusal.objects.count() == 1

    def test_two_votes_needed_both_are_taken(
        self, committed_db: CommittedDatabase, operator: User, two: tuple[User, User]
    ) -> None:
        plan = pending_plan(operator, cohort(), required=2)
        at_once(committed_db, plan, approve(plan, two[0]), approve(plan, two[1]))
        assert Vote.objects.count() == 2
        assert moves(plan) == ["PLANNING", "PENDING", "PARTIAL", "AUTHORISED"]
        assert not PlanRefusal.objects.exists()

    def test_the_same_person_twice_is_one_vote(
        self, committed_db: CommittedDatabase, operator: User, two: tuple[User, User]
    ) -> None:
        plan = pending_plan(operator, cohort(), required=2)
        answers = at_once(committed_db, plan, approve(plan, two[0]), approve(plan, two[0]))
        assert sorted(type(answer).__name__ for answer in answers) == ["AlreadyVoted", "Plan"]
        assert Vote.objects.count() == 1
        assert moves(plan) == ["PLANNING", "PENDING", "PARTIAL"]


class TestApprovalAgainst:
    def race(self, database: CommittedDatabase, plan: Plan, by: User, other: Callable[[], Any]) -> list[str]:
        answers = at_once(database, plan, approve(plan, by), other)
        assert PlanRefusal.objects.count() == sum(isinstance(answer, Refusal) for answer in answers)
        return moves(plan)[2:]

    def test_a_rejection(self, committed_db: CommittedDatabase, plan: Plan, two: tuple[User, User]) -> None:
        def other() -> Plan:
            return reject_plan(plan_id=plan.pk, content_hash=hash_of(plan), by=two[1], at=AT, reason="no")

        assert self.race(committed_db, plan, two[0], other) in (["AUTHORISED"], ["REJECTED"])
        assert Vote.objects.count() == 1

    def test_an_edit(self, committed_db: CommittedDatabase, plan: Plan, two: tuple[User, User]) -> None:
        def other() -> Plan:
            return edit_plan(
                plan_id=plan.pk, content_hash=hash_of(plan), change=Change(), by=two[1], at=AT, reason="again"
            )

        ways = self.race(committed_db, plan, two[0], other)
        assert ways in (["AUTHORISED"], ["PLANNING"])
        assert (Vote.objects.count(), PlanRequest.objects.count()) == ((1, 1) if ways == ["AUTHORISED"] else (0, 2))

    def test_an_abort_always_stops_it(
        self, committed_db: CommittedDatabase, plan: Plan, two: tuple[User, User]
    ) -> None:
        def other() -> Plan:
            return abort_plan(plan_id=plan.pk, by=two[1], at=AT)

        assert self.race(committed_db, plan, two[0], other) in (["AUTHORISED", "CANCELLED"], ["WITHDRAWN"])


class TestTheSameKeyAtOnce:
    def test_makes_one_plan(self, committed_db: CommittedDatabase, operator: User) -> None:
        cohort()
        barrier = threading.Barrier(2)

        def ask() -> Plan:
            barrier.wait(WAIT_S)
            return propose_plan(wish=Wish("balanced"), by=operator, at=AT, mode="DRILL", idempotency_key="k1")

        with ThreadPoolExecutor(2) as pool:
            answers = [f.result(WAIT_S) for f in [pool.submit(as_web_session, ask) for _ in range(2)]]
        assert {answer.pk for answer in answers} == {Plan.objects.get().pk}
