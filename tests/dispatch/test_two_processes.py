"""Real commits on real connections: crashes between two steps, and two dispatch processes at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections

from dispatch.models import Claim, CohortTelemetry, EndpointOutcome, Receipt, Signal
from dispatch.operations import claim_authorised, run_once, simulate_responses
from grid.models import ProcessHeartbeat
from planning.core.lifecycle import Status
from planning.models import Plan, Transition
from planning.operations import abort_plan
from portal.acting import acting_as, close_all
from portal.embedded import login_name
from portal.environment import URL_VARIABLES
from portal.models import User
from tests import factories
from tests.conftest import PROJECT, CommittedDatabase
from tests.factories import PROPOSED_AT, WINDOW_END, Called

AT = PROPOSED_AT + timedelta(minutes=10)
PLANS = 6
WAIT_S = 30.0


@pytest.fixture
def people(committed_db: CommittedDatabase) -> tuple[User, User]:
    return factories.person("olivia", "operator"), factories.person("sam", "supervisor")


def several_plans(people: tuple[User, User]) -> list[Plan]:
    operator, supervisor = people
    return [
        factories.authorised_plan(
            {factories.cohort(f"cohort-{number}", accounts=20): [Called(20)]}, requested_by=operator, voter=supervisor
        )
        for number in range(PLANS)
    ]


def in_a_process(role: str, work: Callable[[], Any]) -> Any:
    """Run `work` on a connection of its own, logged in as `role`."""
    own = connections.create_connection(DEFAULT_DB_ALIAS)
    own.settings_dict = {**connections.settings[DEFAULT_DB_ALIAS], **settings.PORTAL_DATABASES[role]}
    connections[DEFAULT_DB_ALIAS] = own
    try:
        return work()
    finally:
        own.close()


def at_once(role: str, *works: Callable[[], Any]) -> list[Any]:
    barrier = threading.Barrier(len(works))

    def one(work: Callable[[], Any]) -> Any:
        barrier.wait(WAIT_S)
        return in_a_process(role, work)

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(WAIT_S) for future in [pool.submit(one, work) for work in works]]


def assert_each_sent_once(plans: list[Plan]) -> None:
    assert Claim.objects.count() == Signal.objects.count() == len(plans)
    assert set(Signal.objects.values_list("status", "kind")) == {("SENT", "EVENT")}
    for plan in plans:
        moves = Transition.objects.filter(plan=plan, actor="dispatch").values_list("from_status", "to_status")
        assert list(moves) == [("AUTHORISED", "DISPATCHING")]


class TestCrash:
    def test_between_claim_and_sending_nothing_is_lost(self, people: tuple[User, User]) -> None:
        plans = several_plans(people)[:PLANS]
        with acting_as("dispatch"):
            claim_authorised(at=AT, wall_at=AT)
        assert set(Signal.objects.values_list("status", flat=True)) == {"QUEUED"}
        close_all()  # the process is gone; another one starts
        with acting_as("dispatch"):
            done = run_once(at=AT + timedelta(minutes=1), wall_at=AT)
        assert done.claimed == ()
        assert sorted(done.sent) == sorted(plan.pk for plan in plans)
        assert_each_sent_once(plans)

    def test_in_the_middle_of_a_claim_leaves_no_half_of_it(
        self, people: tuple[User, User], committed_db: CommittedDatabase
    ) -> None:
        [plan, *_rest] = several_plans(people)
        with psycopg.connect(committed_db.dsn("dispatch")) as dying:
            dying.execute("UPDATE planning_plan SET status = 'DISPATCHING' WHERE id = %s", [plan.pk])
            dying.execute(
                "INSERT INTO dispatch_claim (plan_id, version_id, at, wall_at) VALUES (%s, %s, now(), now())",
                [plan.pk, plan.current_version_id],
            )
            dying.rollback()  # what PostgreSQL does when the connection breaks
        assert not Claim.objects.exists()
        with acting_as("dispatch"):
            assert plan.pk in run_once(at=AT, wall_at=AT).sent

    def test_after_sending_nothing_is_sent_again(self, people: tuple[User, User]) -> None:
        plans = several_plans(people)
        with acting_as("dispatch"):
            run_once(at=AT, wall_at=AT)
        sent = list(Signal.objects.order_by("pk").values_list("pk", "sent_at"))
        close_all()
        with acting_as("dispatch"):
            assert not run_once(at=AT + timedelta(minutes=1), wall_at=AT)
        assert list(Signal.objects.order_by("pk").values_list("pk", "sent_at")) == sent
        assert_each_sent_once(plans)


class TestTwoProcesses:
    def test_two_dispatchers_claim_and_send_each_plan_once(self, people: tuple[User, User]) -> None:
        plans = several_plans(people)
        rounds = at_once("dispatch", *[lambda: run_once(at=AT, wall_at=AT)] * 2)
        rounds += at_once("dispatch", *[lambda: run_once(at=AT, wall_at=AT)] * 2)
        claimed = [plan_id for done in rounds for plan_id in done.claimed]
        sent = [plan_id for done in rounds for plan_id in done.sent]
        assert sorted(claimed) == sorted(sent) == sorted(plan.pk for plan in plans)
        assert_each_sent_once(plans)

    def test_a_plan_somebody_else_holds_does_not_hold_up_the_others(
        self, people: tuple[User, User], committed_db: CommittedDatabase
    ) -> None:
        plans = several_plans(people)
        with psycopg.connect(committed_db.dsn("superuser")) as gate:
            gate.execute("SELECT 1 FROM planning_plan WHERE id = %s FOR UPDATE", [plans[0].pk])
            with acting_as("dispatch"):
                done = run_once(at=AT, wall_at=AT)
            assert sorted(done.sent) == sorted(plan.pk for plan in plans[1:])
            gate.rollback()
        with acting_as("dispatch"):
            assert run_once(at=AT, wall_at=AT).sent == (plans[0].pk,)

    def test_an_abort_and_a_dispatcher_at_once_end_in_one_of_two_ways(self, people: tuple[User, User]) -> None:
        operator, _supervisor = people
        plans = several_plans(people)

        def abort_all() -> None:
            for plan in plans:
                abort_plan(plan_id=plan.pk, by=User.objects.get(pk=operator.pk), at=AT)

        barrier = threading.Barrier(2)

        def begin(role: str, work: Callable[[], Any]) -> Any:
            barrier.wait(WAIT_S)
            return in_a_process(role, work)

        with ThreadPoolExecutor(2) as pool:
            for future in [
                pool.submit(begin, "web", abort_all),
                pool.submit(begin, "dispatch", lambda: run_once(at=AT, wall_at=AT)),
            ]:
                future.result(WAIT_S)
        with acting_as("dispatch"):
            run_once(at=AT, wall_at=AT)
        for plan in Plan.objects.all():
            signals = sorted(Signal.objects.filter(claim__plan=plan).values_list("kind", "status", "sent_at"))
            if plan.status == Status.CANCELLED:
                assert signals == []
            else:
                assert plan.status == Status.ABORTED
                assert [s[:2] for s in signals] in (
                    [("EVENT", "CANCELLED")],
                    [("CANCEL", "SENT"), ("EVENT", "CANCELLED")],
                )

    def test_two_workers_write_each_receipt_and_step_once(self, people: tuple[User, User]) -> None:
        [plan, *_rest] = several_plans(people)
        factories.observe_temperature()
        with acting_as("dispatch"):
            run_once(at=AT, wall_at=AT)
        at_once("worker", *[lambda: simulate_responses(at=WINDOW_END, wall_at=AT)] * 2)
        with acting_as("worker"):
            simulate_responses(at=WINDOW_END, wall_at=AT)
        assert Receipt.objects.count() == PLANS
        assert CohortTelemetry.objects.count() == PLANS * 24
        assert EndpointOutcome.objects.count() == PLANS * 20
        assert plan.claim.signals.get().telemetry.count() == 24


class TestCommand:
    def test_once_does_a_round_and_leaves_a_sign_of_life(self, people: tuple[User, User]) -> None:
        factories.drill(at=AT)
        several_plans(people)
        with acting_as("dispatch"):
            call_command("dispatch", once=True)
        assert set(Signal.objects.values_list("status", "sent_at")) == {("SENT", AT)}
        assert ProcessHeartbeat.objects.get(name="dispatch").portal_at == AT

    def test_outlives_the_loss_of_its_connection_and_ends_on_sigterm(
        self, people: tuple[User, User], committed_db: CommittedDatabase
    ) -> None:
        factories.drill(at=AT)
        with running_dispatch(committed_db) as process:
            wait_for(lambda: ProcessHeartbeat.objects.filter(name="dispatch").exists())
            with psycopg.connect(committed_db.dsn("superuser"), autocommit=True) as admin:
                ended = admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND usename = %s",
                    [login_name("dispatch")],
                ).fetchall()
            assert ended
            plans = several_plans(people)
            wait_for(lambda: Signal.objects.filter(status="SENT").count() == len(plans))
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == 0
        assert_each_sent_once(plans)


@contextmanager
def running_dispatch(database: CommittedDatabase) -> Iterator[subprocess.Popen[bytes]]:
    """`manage.py dispatch` as a process of its own on this database."""
    environment = {**os.environ, "PORTAL_ROLE": "dispatch"}
    environment |= {variable: database.dsn(role) for role, variable in URL_VARIABLES.items()}
    process = subprocess.Popen([sys.executable, "manage.py", "dispatch"], cwd=PROJECT, env=environment)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(WAIT_S)


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
