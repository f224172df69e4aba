"""/healthz and /readyz: what watches over the process is told the truth, quickly, whatever is down."""

from __future__ import annotations

import socket
import time
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.test import Client
from django.utils import timezone

from grid import clock
from grid.models import ProcessHeartbeat, Snapshot
from grid.queries import data_source
from portal.acting import acting_as
from tests.conftest import CommittedDatabase


def beat(name: str, *, age_s: float = 0.0) -> None:
    wall_at = timezone.now() - timedelta(seconds=age_s)
    ProcessHeartbeat.objects.update_or_create(name=name, defaults={"wall_at": wall_at, "portal_at": clock.now()})


def observe(*, age_s: float = 60.0) -> None:
    observed_at = clock.now() - timedelta(seconds=age_s)
    Snapshot.objects.create(source=data_source(), observed_at=observed_at, system_load_mw=61_000.0)


@pytest.fixture
def whole(committed_db: CommittedDatabase) -> None:
    """Everything /readyz looks for."""
    beat("worker")
    beat("dispatch")
    observe()


def ready() -> tuple[int, dict[str, Any]]:
    """The answer as the web process gives it."""
    with acting_as("web"):
        answer = Client().get("/readyz")
    assert answer["Content-Type"] == "application/json"
    assert "no-store" in answer["Cache-Control"]
    return answer.status_code, answer.json()


class TestHealthz:
    def test_needs_no_database(self) -> None:
        assert Client().get("/healthz").status_code == 200

    def test_reads_only(self) -> None:
        assert Client().post("/healthz").status_code == 405


class TestReadyz:
    def test_says_what_interface_md_says(self, whole: None) -> None:
        status, body = ready()
        assert (status, body["ready"], body["mode"], body["fence"]) == (200, True, "live", "full")
        assert list(body) == ["ready", "mode", "fence", "checks"]
        assert list(body["checks"]) == ["database", "migrations", "worker", "dispatch", "grid"]
        assert {frozenset(c) for n, c in body["checks"].items() if n != "grid"} == {frozenset({"ok", "detail"})}
        assert body["checks"]["grid"].keys() == {"ok", "detail", "age_s"}
        assert 60 <= body["checks"]["grid"]["age_s"] < 90

    @pytest.mark.parametrize("name", ["worker", "dispatch"])
    def test_a_process_not_seen_for_15_s(self, name: str, whole: None) -> None:
        beat(name, age_s=15.5)
        status, body = ready()
        assert (status, body["ready"], body["checks"][name]["ok"]) == (503, False, False)
        assert [n for n, check in body["checks"].items() if not check["ok"]] == [name]

    @pytest.mark.parametrize("name", ["worker", "dispatch"])
    def test_a_process_seen_13_s_ago(self, name: str, whole: None) -> None:
        beat(name, age_s=13)
        assert ready()[0] == 200

    def test_a_process_never_seen(self, whole: None) -> None:
        ProcessHeartbeat.objects.filter(name="dispatch").delete()
        assert ready()[1]["checks"]["dispatch"] == {"ok": False, "detail": "never seen"}

    def test_no_observation(self, whole: None) -> None:
        Snapshot.objects.all().delete()
        status, body = ready()
        assert (status, body["checks"]["grid"]) == (503, {"ok": False, "detail": "no observation yet", "age_s": None})

    def test_an_old_observation(self, whole: None) -> None:
        Snapshot.objects.all().delete()
        observe(age_s=3 * 3600)
        status, body = ready()
        assert (status, body["checks"]["grid"]["ok"]) == (503, False)

    def test_a_migration_not_applied(self, whole: None) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE app = 'planning' AND name LIKE '%fence'")
        status, body = ready()
        assert (status, body["ready"], body["checks"]["migrations"]["ok"]) == (503, False, False)
        assert "planning.000" in body["checks"]["migrations"]["detail"]

    def test_a_weakened_fence_is_said_and_served(self, whole: None) -> None:
        answer = Client().get("/readyz")  # as superuser: may both vote and send
        assert (answer.status_code, answer.json()["fence"]) == (200, "weakened")

    def test_leaves_the_requests_connection_alone(self, whole: None) -> None:
        before = connections[DEFAULT_DB_ALIAS]
        Client().get("/readyz")
        assert connections[DEFAULT_DB_ALIAS] is before

    def test_waits_for_nobody_elses_lock(self, whole: None, committed_db: CommittedDatabase) -> None:
        with psycopg.connect(committed_db.dsn("superuser")) as blocker:
            blocker.execute("LOCK TABLE grid_processheartbeat IN ACCESS EXCLUSIVE MODE")
            started = time.monotonic()
            status, body = ready()
        assert time.monotonic() - started < 6
        assert (status, body["ready"], body["checks"]["database"]["ok"]) == (503, False, False)


class TestWithoutDatabase:
    @pytest.mark.parametrize(
        ("host", "port"), [("/nonexistent/socket", "5432"), ("127.0.0.1", "1")], ids=["no socket", "closed port"]
    )
    def test_says_so(self, host: str, port: str, whole: None, monkeypatch: pytest.MonkeyPatch) -> None:
        entry = connections.settings[DEFAULT_DB_ALIAS]
        monkeypatch.setitem(entry, "HOST", host)
        monkeypatch.setitem(entry, "PORT", port)
        monkeypatch.setitem(entry, "PASSWORD", "not-to-be-shown")
        started = time.monotonic()
        answer = Client().get("/readyz")
        assert time.monotonic() - started < 4
        body = answer.json()
        assert (answer.status_code, body["ready"], body["mode"], body["fence"]) == (503, False, None, None)
        assert [name for name, check in body["checks"].items() if check["ok"]] == []
        assert "age_s" in body["checks"]["grid"]
        assert "not-to-be-shown" not in answer.content.decode()

    def test_a_server_that_never_answers(self, whole: None, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            entry = connections.settings[DEFAULT_DB_ALIAS]
            monkeypatch.setitem(entry, "HOST", "127.0.0.1")
            monkeypatch.setitem(entry, "PORT", str(mute.getsockname()[1]))
            started = time.monotonic()
            answer = Client().get("/readyz")
        assert time.monotonic() - started < 5
        assert (answer.status_code, answer.json()["checks"]["database"]["ok"]) == (503, False)

    def test_healthz_goes_on(self, whole: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(connections.settings[DEFAULT_DB_ALIAS], "HOST", "/nonexistent/socket")
        assert Client().get("/healthz").status_code == 200
