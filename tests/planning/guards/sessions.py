"""Two sessions at once: another one in the middle of something, and work that has to wait for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection

from tests.conftest import CommittedDatabase
from tests.planning.crowd import session
from tests.planning.guards.mutating import changed_function, definition_of

WAIT_S = 10.0


@dataclass
class Held:
    """Another session, in the middle of something: `waits` says whether the work came to wait for it."""

    database: CommittedDatabase
    session: psycopg.Connection

    def waits(self, work: Future[Any]) -> bool:
        """False once the work is over without having waited."""
        deadline = time.monotonic() + WAIT_S
        with psycopg.connect(self.database.dsn("superuser"), autocommit=True) as watch:
            while not work.done() and time.monotonic() < deadline:
                row = watch.execute(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                ).fetchone()
                if row and row[0]:
                    return True
                time.sleep(0.01)
        return False


@contextmanager
def held(database: CommittedDatabase, *statements: tuple[str, list[Any]]) -> Iterator[Held]:
    with psycopg.connect(database.dsn("superuser")) as other:
        for statement, values in statements:
            other.execute(statement, values)
        yield Held(database, other)


def begun(pool: ThreadPoolExecutor, role: str, work: Callable[[], Any]) -> Future[Any]:
    started = threading.Event()

    def run() -> Any:
        with session(role):
            started.set()
            return work()

    future = pool.submit(run)
    started.wait(WAIT_S)
    return future


Gone = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Lock:
    """`check` fails while the lock is gone."""

    check: Callable[[CommittedDatabase], None]
    gone: Gone


def without(function: str, needle: str, becomes: str = "") -> Gone:
    """A function without `needle`: in Python for a while, in PostgreSQL as long as this copy of the database lasts."""

    def gone() -> AbstractContextManager[None]:
        if "." in function:
            return changed_function(function, needle, becomes)
        definition = definition_of(function)
        assert needle in definition
        return _executed(definition.replace(needle, becomes))

    return gone


def without_trigger(name: str, table: str) -> Gone:
    return lambda: _executed(f"DROP TRIGGER {name} ON {table}")


@contextmanager
def _executed(statement: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
    yield
