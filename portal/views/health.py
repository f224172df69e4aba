"""What watches over the process asks here: is it alive, is everything it needs at hand. No login."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import PurePath
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from grid import clock, queries
from portal import fence

CONNECT_TIMEOUT_S = 2  # the shortest libpq takes; a frozen server accepts and never answers
STATEMENT_TIMEOUT_MS = 2000
HEARTBEAT_MAX_AGE_S = 15.0  # wall time
GRID_MAX_AGE_S = 2 * 3600.0  # portal time; hourly sources are one hour old just before the next row
WATCHED = ("worker", "dispatch")
NOT_ASKED = {"ok": False, "detail": "not known: the database does not answer"}


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers at all."""
    return JsonResponse({"alive": True})


@require_safe
@never_cache
def readyz(_request: HttpRequest) -> JsonResponse:
    """Readiness as interface.md has it; 503 while anything is missing. Answers within seconds whatever hangs."""
    try:
        with _own_connection():
            body = readiness()
    except DatabaseError as error:
        body = _without_database(error)
    response = JsonResponse(body, status=200 if body["ready"] else 503)
    # "Not ready" is an answer, not a fault: Django would log every 503 as an error.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


@contextmanager
def _own_connection() -> Iterator[None]:
    """A connection of this request's own as `default`, so that no wait of another one can hold up the answer."""
    before = connections[DEFAULT_DB_ALIAS]
    own = connections.create_connection(DEFAULT_DB_ALIAS)
    given = before.settings_dict.get("OPTIONS", {})
    options = {
        **given,
        "connect_timeout": CONNECT_TIMEOUT_S,
        "options": f"{given.get('options', '')} -c statement_timeout={STATEMENT_TIMEOUT_MS}".strip(),
    }
    own.settings_dict = {**before.settings_dict, "OPTIONS": options}
    connections[DEFAULT_DB_ALIAS] = own
    try:
        yield
    finally:
        own.close()
        connections[DEFAULT_DB_ALIAS] = before


def readiness() -> dict[str, Any]:
    """The body of /readyz, read on the current connection. Raises DatabaseError."""
    checks: dict[str, dict[str, Any]] = {"database": _database(), "migrations": _migrations()}
    if not checks["migrations"]["ok"]:
        waits = {"ok": False, "detail": "not known: migrations are missing"}
        checks |= {"worker": waits, "dispatch": waits, "grid": {**waits, "age_s": None}}
        return {"ready": False, "mode": None, "fence": None, "checks": checks}
    state = clock.state()
    checks |= {name: _heartbeat(name) for name in WATCHED}
    checks["grid"] = _grid()
    return {
        "ready": all(check["ok"] for check in checks.values()),
        "mode": state.mode.lower(),
        "fence": fence.fence_state(),
        "checks": checks,
    }


def _without_database(error: DatabaseError) -> dict[str, Any]:
    # The first line only: libpq's further lines repeat it for every address. It names no password.
    detail = (str(error).splitlines() or ["no answer"])[0]
    checks = {"database": {"ok": False, "detail": detail}, "migrations": NOT_ASKED}
    checks |= dict.fromkeys(WATCHED, NOT_ASKED)
    checks["grid"] = {**NOT_ASKED, "age_s": None}
    return {"ready": False, "mode": None, "fence": None, "checks": checks}


def _database() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0]
    return {"ok": True, "detail": f"PostgreSQL {version}"}


@cache
def _migrations_on_disk() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations or ())


def _migrations() -> dict[str, Any]:
    missing = sorted(_migrations_on_disk() - MigrationRecorder(connection).applied_migrations().keys())
    if not missing:
        return {"ok": True, "detail": "all applied"}
    first = ".".join(missing[0])
    return {"ok": False, "detail": f"{len(missing)} not applied, first {first}"}


def _heartbeat(name: str) -> dict[str, Any]:
    seen_at = queries.heartbeat_wall_at(name)
    if seen_at is None:
        return {"ok": False, "detail": "never seen"}
    age_s = (timezone.now() - seen_at).total_seconds()
    return {"ok": age_s < HEARTBEAT_MAX_AGE_S, "detail": f"seen {age_s:.0f} s ago"}


def _grid() -> dict[str, Any]:
    at = clock.now()
    snapshot = queries.latest_snapshot(at=at)
    if snapshot is None:
        return {"ok": False, "detail": "no observation yet", "age_s": None}
    age_s = (at - snapshot.observed_at).total_seconds()
    source = PurePath(snapshot.source).name  # of a replay its file, not where it lies: nobody has signed in here
    return {"ok": age_s <= GRID_MAX_AGE_S, "detail": f"from {source}", "age_s": round(age_s, 1)}
