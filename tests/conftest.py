"""Fixtures for every test: a migrated database, roles, committed databases, reference data, a browser, a portal."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection, connections
from hypothesis import HealthCheck
from hypothesis import settings as settings_of_hypothesis
from psycopg.pq import TransactionStatus

from portal.acting import acting_as, close_all
from portal.embedded import DATABASE, SUPERUSER, EmbeddedPostgres, login_name
from portal.environment import ROLES, parse_database_url
from tests.postgres_server import SERVER
from tests.running import RunningPortal, forget_database, start_portal

PROJECT = Path(__file__).resolve().parent.parent
TEMPLATE = "portal_template"

# A loaded machine makes data slowly; that says nothing about the code.
settings_of_hypothesis.register_profile("portal", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings_of_hypothesis.load_profile("portal")
_numbers = itertools.count(1)

# The same algorithm at its least cost: the suite makes hundreds of people, and 100 MB a password adds up.
Argon2PasswordHasher.memory_cost, Argon2PasswordHasher.time_cost, Argon2PasswordHasher.parallelism = 64, 1, 1


def missing(what: str) -> NoReturn:
    """Skip in sight on a developer's machine; a build that cannot test what it must is a failed build."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} (CI is set, so nothing may be skipped)", pytrace=False)
    pytest.skip(what)


# Databases


@pytest.fixture(scope="session")
def postgres() -> EmbeddedPostgres:
    """The test run's server."""
    return SERVER


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any, postgres: EmbeddedPostgres) -> Iterator[None]:
    """Migrate as owner, keep a template of the result, then let tests connect as superuser (see `as_role`)."""
    with django_db_blocker.unblock():
        with acting_as("owner"):
            call_command("migrate", verbosity=0)
        _close_connections()
        postgres.clone_database(DATABASE, TEMPLATE)
        _point_django_at(postgres, DATABASE)
        yield
        _close_connections()


def _point_django_at(postgres: EmbeddedPostgres, database: str) -> None:
    """Aim alias `default` (as superuser) and the roles of `acting_as` at a database of the test server."""
    _close_connections()
    connections.settings[DEFAULT_DB_ALIAS].update(parse_database_url(postgres.dsn(SUPERUSER, database)))
    for role in ROLES:
        settings.PORTAL_DATABASES[role].update(parse_database_url(postgres.dsn(role, database)))


def _close_connections() -> None:
    close_all()
    connections.close_all()


@pytest.fixture
def as_role(db: None) -> Callable[[str], AbstractContextManager[None]]:
    """`with as_role("web"):` runs the block with that role's rights on the test's own (rolled back) connection."""
    return _as_role


@contextmanager
def _as_role(role: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {login_name(role)}")
    try:
        yield
    finally:
        # After an error nobody caught in a savepoint, the rollback at the test's end takes the role back.
        if connection.connection.info.transaction_status != TransactionStatus.INERROR:
            with connection.cursor() as cursor:
                cursor.execute("RESET ROLE")


@dataclass(frozen=True)
class CommittedDatabase:
    """A database where commits are real: deferred triggers fire and several sessions see each other."""

    name: str
    server: EmbeddedPostgres

    def dsn(self, role: str) -> str:
        """The URL for a session of web, worker, dispatch, owner or superuser."""
        return self.server.dsn(role, self.name)


@pytest.fixture
def committed_db(
    django_db_setup: None, django_db_blocker: Any, postgres: EmbeddedPostgres
) -> Iterator[CommittedDatabase]:
    """A fresh copy of the migrated database; Django's `default` (superuser) and `acting_as` use it for this test."""
    name = f"committed_{next(_numbers)}"
    postgres.clone_database(TEMPLATE, name)
    with django_db_blocker.unblock():
        _point_django_at(postgres, name)
        try:
            yield CommittedDatabase(name, postgres)
        finally:
            _point_django_at(postgres, DATABASE)
            postgres.drop_database(name)


# Surroundings


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder with the reference data: SHARED_DIR, else `shared` beside the project."""
    folder = Path(os.environ.get("SHARED_DIR") or PROJECT.parent / "shared")
    if not (folder / "data").is_dir():
        missing(f"The reference data is not in {folder}; name its folder in SHARED_DIR.")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real Chromium (the distribution's)."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        missing("No Chromium was found; install the package `chromium`.")
    with pytest.MonkeyPatch.context() as patched, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread; Django takes that for asynchronous code and refuses queries.
        patched.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        chromium = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def running_portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPortal]:
    """The whole portal as `manage.py up --demo` starts it, on a free port with a data directory of its own."""
    portal = start_portal(tmp_path_factory.mktemp("portal") / "data", "--demo")
    try:
        portal.wait_until_ready()
        yield portal
    finally:
        portal.stop()
        forget_database(portal.data_dir)
