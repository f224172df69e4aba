"""Many sessions write at once and the server dies under them: no fork, no gap, nothing lost, no deadlock."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from portal.embedded import EmbeddedPostgres
from portal.environment import URL_VARIABLES
from portal.ledger.verifying import verify
from tests.conftest import CommittedDatabase
from tests.portal.pages.browsing import person
from tests.running import PROJECT

STREAMS = {
    "sign-ins": "INSERT INTO portal_signin (outcome, tried_name, wall_at) VALUES ('FAILED', %(mark)s, now())",
    "people": "INSERT INTO planning_stepupchallenge (user_id, purpose, proof, content_hash, nonce, wall_at)"
    " VALUES (%(person)s, 'ENROL', 'PASSWORD', '', gen_random_uuid()::text::bytea, now())",
    "exports": "INSERT INTO ledger_export (wall_at, stream, events, streams, manifest_sha256, spans)"
    " VALUES (now(), %(mark)s, 0, 0, '', '{}')",
}
WRITES_BACK = 0.05
DEADLOCKED = psycopg.errors.DeadlockDetected


@dataclass
class Writers:
    """Threads that write to several streams a transaction, in any order; marks of what was acknowledged."""

    dsn: str
    person_id: int
    count: int
    stop: threading.Event = field(default_factory=threading.Event)
    acknowledged: list[str] = field(default_factory=list)
    deadlocks: int = 0

    def __post_init__(self) -> None:
        self._threads = [threading.Thread(target=self._write, args=[number]) for number in range(self.count)]

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in self._threads)

    def _write(self, number: int) -> None:
        chance, written = random.Random(number), 0
        while not self.stop.is_set():
            try:
                with psycopg.connect(self.dsn, connect_timeout=2) as session:
                    while not self.stop.is_set():
                        written += 1
                        self._transaction(session, f"{number}-{written}-{os.urandom(3).hex()}", chance)
            except DEADLOCKED:
                self.deadlocks += 1
            except psycopg.OperationalError:
                time.sleep(0.05)  # the server is gone, or not back yet

    def _transaction(self, session: psycopg.Connection, mark: str, chance: random.Random) -> None:
        streams = chance.sample(sorted(STREAMS), chance.randint(1, len(STREAMS)))
        for stream in streams:
            session.execute(STREAMS[stream], {"mark": mark, "person": self.person_id})
        if chance.random() < WRITES_BACK:
            session.rollback()
            return
        session.commit()
        if "sign-ins" in streams:
            self.acknowledged.append(mark)


def assert_kept(dsn: str, writers: Writers) -> None:
    """Everything acknowledged is a row, and sealed."""
    with psycopg.connect(dsn) as session:
        sealed = session.execute(
            "SELECT s.tried_name FROM portal_signin s JOIN ledger_event e ON e.source = 'portal_signin'"
            " AND e.row_key = s.id::text JOIN ledger_link l ON l.event_id = e.id"
        )
        kept = {mark for (mark,) in sealed}
        forks = session.execute(
            "SELECT count(*) FROM (SELECT 1 FROM ledger_link GROUP BY stream, prev HAVING count(*) > 1) forks"
        ).fetchone()
    assert set(writers.acknowledged) - kept == set()
    assert forks == (0,)
    assert writers.acknowledged
    assert writers.deadlocks == 0


def write_for(database: CommittedDatabase, *, writers: int, seconds: float) -> None:
    someone = person("omar", "operator")
    with Writers(database.dsn("web"), someone.pk, writers) as running:
        time.sleep(seconds)
    assert_kept(database.dsn("superuser"), running)
    report = verify()
    assert report.findings == []
    assert report.events > len(running.acknowledged)


def test_six_writers_for_a_moment(committed_db: CommittedDatabase) -> None:
    write_for(committed_db, writers=6, seconds=1.5)


@pytest.mark.prove
def test_sixteen_writers_for_five_seconds(committed_db: CommittedDatabase) -> None:
    write_for(committed_db, writers=16, seconds=5)


def test_who_holds_a_stream_by_hand_does_not_hang_the_others_for_ever(committed_db: CommittedDatabase) -> None:
    values = {"mark": "x", "person": person("omar", "operator").pk}
    with psycopg.connect(committed_db.dsn("superuser")) as session:
        found = session.execute("SELECT proconfig FROM pg_proc WHERE proname = 'ledger_seal'").fetchone()
        assert found is not None and "lock_timeout=30s" in found[0]
        session.execute("ALTER FUNCTION ledger_seal() SET lock_timeout = '100ms'")
    with psycopg.connect(committed_db.dsn("dispatch")) as holder, psycopg.connect(committed_db.dsn("web")) as other:
        holder.execute("SELECT pg_advisory_xact_lock(hashtextextended('sign-ins', 1))")
        other.execute(STREAMS["sign-ins"], values)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.commit()
        holder.rollback()
        other.execute(STREAMS["sign-ins"], values)
        other.commit()
    with psycopg.connect(committed_db.dsn("superuser")) as session:
        session.execute("ALTER FUNCTION ledger_seal() SET lock_timeout = '30s'")
    assert verify().sound


def test_two_streams_in_opposite_order_do_not_wait_for_each_other(committed_db: CommittedDatabase) -> None:
    values = {"mark": "x", "person": person("omar", "operator").pk}
    with psycopg.connect(committed_db.dsn("web")) as one, psycopg.connect(committed_db.dsn("web")) as other:
        one.execute(STREAMS["sign-ins"], values)
        other.execute(STREAMS["exports"], values)
        one.execute(STREAMS["exports"], values)
        other.execute(STREAMS["sign-ins"], values)
        one.commit()
        other.commit()
    assert verify().sound


# A server that dies


@dataclass
class DurableServer:
    """A migrated PostgreSQL that keeps what it acknowledged, and can be crashed."""

    server: EmbeddedPostgres
    environment: dict[str, str]

    def manage(self, *arguments: str) -> str:
        """Run a management command; its output. Raises when it fails."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=PROJECT, env=self.environment, check=True, capture_output=True, text=True
        ).stdout

    def crash(self) -> None:
        """An immediate stop: no checkpoint, no goodbye; then up again, through recovery."""
        assert self.server.pid
        os.kill(self.server.pid, signal.SIGQUIT)
        self.server._process.wait(20)  # type: ignore[union-attr]
        self.server.start()


@pytest.fixture
def durable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DurableServer]:
    folder: Path = tmp_path_factory.mktemp("durable")
    for parent in (folder, folder.parent):
        parent.chmod(0o711)
    with EmbeddedPostgres(folder / "data") as server:
        names = {URL_VARIABLES[role]: url for role, url in server.urls().items()}
        environment = {**os.environ, **names, "PORTAL_ROLE": "owner", "PORTAL_DATA_DIR": str(folder / "data")}
        made = DurableServer(server, environment)
        try:
            made.manage("migrate", "--verbosity", "0")
            yield made
        finally:
            server.stop()
            server.remove()


def crash_under_writers(durable: DurableServer, *, writers: int, crashes: int) -> None:
    with psycopg.connect(durable.server.dsn("superuser")) as session:
        row = session.execute(
            "INSERT INTO portal_user (username, password, first_name, last_name, email, is_superuser, is_staff,"
            " is_active, date_joined) VALUES ('omar', '', '', '', '', false, false, true, now()) RETURNING id"
        ).fetchone()
    assert row
    with Writers(durable.server.dsn("web"), row[0], writers) as running:
        for _crash in range(crashes):
            before = len(running.acknowledged)
            deadline = time.monotonic() + 30
            while len(running.acknowledged) < before + 20 and time.monotonic() < deadline:
                time.sleep(0.02)
            durable.crash()
    assert_kept(durable.server.dsn("superuser"), running)
    told = json.loads(durable.manage("ledger", "verify", "--json"))
    assert (told["sound"], told["findings"]) == (True, [])


def test_a_crash_loses_nothing_acknowledged(durable: DurableServer) -> None:
    crash_under_writers(durable, writers=3, crashes=1)


@pytest.mark.prove
def test_five_crashes_under_sixteen_writers(durable: DurableServer) -> None:
    crash_under_writers(durable, writers=16, crashes=5)
