"""/live/ over real HTTP: who may listen, what comes, what ends a stream."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from planning.models import Plan
from portal.fence import ROLES
from portal.live.hub import GATHER_S
from portal.models import User
from tests.conftest import CommittedDatabase
from tests.portal.live.conftest import Read
from tests.portal.live.serving import PATIENCE_S, Reader, WebProcess, environment_of, served, status_of, wait_for
from tests.portal.pages.browsing import person, signed_in

LISTENERS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'portal live' AND datname = current_database()"


def new_plan(by: User) -> Plan:
    return Plan.objects.create(origin="OPERATOR", requested_by=by, requested_at=timezone.now(), mode="DRILL")


def listeners() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(LISTENERS)
        return [row[0] for row in cursor.fetchall()]


def settle() -> None:
    """Longer than changes are gathered, so that what was to come has come."""
    time.sleep(GATHER_S * 4)


class TestWhoMayListen:
    def test_somebody_with_the_right(self, web: WebProcess, session_key: str) -> None:
        assert status_of(web, session_key) == 200

    @pytest.mark.parametrize("key", ["", "nothinglikeit0000000000000000000"])
    def test_nobody_else(self, web: WebProcess, key: str) -> None:
        assert status_of(web, key) == 401

    def test_not_without_the_right(self, web: WebProcess) -> None:
        assert status_of(web, signed_in(person("nora")).cookies["sessionid"].value) == 403

    def test_not_with_an_old_session(self, web: WebProcess, session_key: str) -> None:
        Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
        assert status_of(web, session_key) == 401

    def test_not_when_inactive(self, web: WebProcess, olivia: User, session_key: str) -> None:
        User.objects.filter(pk=olivia.pk).update(is_active=False)
        assert status_of(web, session_key) == 401

    def test_not_after_a_new_password(self, web: WebProcess, olivia: User, session_key: str) -> None:
        olivia.set_password("another one")
        olivia.save()
        assert status_of(web, session_key) == 401

    def test_only_by_get_and_under_our_name(self, web: WebProcess, session_key: str) -> None:
        assert status_of(web, session_key, method="POST") == 405
        assert status_of(web, session_key, host="elsewhere.example") == 400


class TestWhatComes:
    def test_a_committed_change(self, read: Read, olivia: User) -> None:
        reader = read()
        plan = new_plan(olivia)
        assert reader.next() == ("plan", str(plan.pk))

    def test_nothing_of_what_was_rolled_back(self, read: Read, olivia: User) -> None:
        reader = read()
        with transaction.atomic():
            new_plan(olivia)
            transaction.set_rollback(True)
        kept = new_plan(olivia)
        assert reader.next() == ("plan", str(kept.pk))

    def test_a_burst_is_one_event(self, read: Read, olivia: User) -> None:
        reader = read()
        plan = new_plan(olivia)
        for _number in range(50):
            Plan.objects.filter(pk=plan.pk).update(failure="again")
        settle()
        events = reader.all_now()
        assert set(events) == {("plan", str(plan.pk))}
        assert len(events) < 10

    def test_a_statement_of_many_rows_is_one_event(self, read: Read) -> None:
        reader = read()
        with connection.cursor() as cursor:
            cursor.execute(MANY_ENDPOINTS)
        assert reader.next() == ("cohort", "1")
        settle()
        assert reader.all_now() == []

    def test_very_many_ids_are_any(self, read: Read) -> None:
        reader = read()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify('portal_live', 'plan ' || n) FROM generate_series(1, 5000) n")
        assert reader.next() == ("plan", "*")

    @pytest.mark.parametrize(
        "payload", ["plan", "plan x", "plan 1\nevent: all", "people *", "secret 1", "plan " + "1" * 40]
    )
    def test_what_no_trigger_says_is_not_passed_on(self, read: Read, olivia: User, payload: str) -> None:
        reader = read()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify('portal_live', %s)", [payload])
        settle()
        plan = new_plan(olivia)
        assert reader.next() == ("plan", str(plan.pk))

    def test_what_was_missed_since_the_page_was_rendered(self, read: Read, olivia: User) -> None:
        time.sleep(6)  # the process has been listening longer than the page is old
        first = read()
        plan = new_plan(olivia)
        first.next()
        assert read(since_s=5).next() == ("plan", str(plan.pk))
        assert read(since_s=3600).next() == ("all", "*")  # nobody keeps changes for so long
        late = read(since_s=0)
        settle()
        assert late.all_now() == []

    def test_every_reader_is_told(self, read: Read, olivia: User) -> None:
        readers = [read() for _number in range(20)]
        plan = new_plan(olivia)
        assert {reader.next() for reader in readers} == {("plan", str(plan.pk))}


MANY_ENDPOINTS = """
INSERT INTO cohorts_cohort (id, slug, name, segment, technology, place, weather_place, zip, load_zone, enrolled_mw,
    account_count, active, season_first_month, season_last_month, weekdays_only, earliest_hour, latest_hour,
    min_event_min, max_event_min, notice_min, max_events_per_day, max_events_per_season, rest_h,
    incentive_usd_per_mwh, call_fee_usd, created_at, updated_at)
VALUES (1, 'c', 'c', 'RESIDENTIAL', 'EV', 'Austin', 'austin', '78701', 'LZ_AEN', 13, 13000, true, 1, 12, false, 0, 24,
    15, 60, 0, 1, 10, 0, 100, 0, now(), now());
INSERT INTO cohorts_account (cohort_id, number, zip, status)
    SELECT 1, n, '78701', 'ENROLLED' FROM generate_series(1, 13000) n;
INSERT INTO cohorts_endpoint (account_id, ven_resource, online) SELECT id, 'c-' || id, true FROM cohorts_account;
"""


class TestWhatEndsAStream:
    def test_signing_out(self, read: Read, client: Client) -> None:
        reader = read()
        client.post("/sign-out/")
        assert reader.ended.wait(PATIENCE_S)

    def test_leaving(self, read: Read, olivia: User) -> None:
        reader = read()
        User.objects.filter(pk=olivia.pk).update(is_active=False)
        assert reader.ended.wait(PATIENCE_S)

    def test_losing_the_role(self, read: Read, olivia: User) -> None:
        reader = read()
        olivia.groups.clear()
        assert reader.ended.wait(PATIENCE_S)

    def test_the_role_losing_the_right(self, read: Read) -> None:
        reader = read()
        Group.objects.get(name="operator").permissions.clear()
        assert reader.ended.wait(PATIENCE_S)

    def test_not_somebody_else_signing_out(self, read: Read, web: WebProcess) -> None:
        reader = read()
        other = signed_in(person("omar", "auditor"))
        omars = Reader(web.url, other.cookies["sessionid"].value).wait_open()
        other.post("/sign-out/")
        assert omars.ended.wait(PATIENCE_S)
        assert not reader.ended.is_set()

    def test_the_end_of_the_process(self, web: WebProcess, read: Read) -> None:
        readers = [read() for _number in range(20)]
        web.process.terminate()
        assert web.process.wait(PATIENCE_S) == 0
        assert all(reader.ended.wait(PATIENCE_S) for reader in readers)
        assert "refused to gracefully stop" not in web.log.read_text()

    def test_postgresql_gone_from_hearing(self, web: WebProcess, read: Read, session_key: str, olivia: User) -> None:
        reader = read()
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_terminate_backend(pid) FROM ({LISTENERS}) listening")
        assert reader.ended.wait(PATIENCE_S)
        wait_for(lambda: status_of(web, session_key) == 200, web.log)
        again = read(since_s=1.0)
        assert again.next() == ("all", "*")
        plan = new_plan(olivia)
        assert again.next() == ("plan", str(plan.pk))


class TestConnections:
    def test_each_process_listens_once(self, committed_db: CommittedDatabase, tmp_path: Path, session_key: str) -> None:
        environment = environment_of(committed_db.dsn("web"))
        with served("portal.asgi:application", tmp_path, workers=2, environment=environment) as web:
            readers = [Reader(web.url, session_key).wait_open() for _number in range(12)]
            assert {reader.status for reader in readers} == {200}
            assert len(listeners()) == 2

    def test_every_role_tells(self, committed_db: CommittedDatabase, read: Read) -> None:
        """NOTIFY needs no right of its own: each process's triggers reach the pages."""
        reader = read()
        for number, role in enumerate(ROLES, start=1):
            with psycopg.connect(committed_db.dsn(role), autocommit=True) as session:
                session.execute("SELECT pg_notify('portal_live', %s)", [f"plan {number}"])
            assert reader.next() == ("plan", str(number))
