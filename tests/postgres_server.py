"""A PostgreSQL of the test run's own, started before Django reads its settings (`-p tests.postgres_server`).

Whatever database the surroundings name is put aside: tests never run against a database somebody works with.
"""

from __future__ import annotations

import atexit
import os
import secrets
from contextlib import ExitStack

from portal.embedded import EmbeddedPostgres, temporary_postgres
from portal.environment import URL_VARIABLES

_stack = ExitStack()


def _start() -> EmbeddedPostgres:
    for name in [name for name in os.environ if name.startswith(("PG", "PORTAL_"))]:
        del os.environ[name]
    server = _stack.enter_context(temporary_postgres())
    for role, url in server.urls().items():
        os.environ[URL_VARIABLES[role]] = url
    os.environ["PORTAL_ROLE"] = "web"
    os.environ["PORTAL_DATA_DIR"] = str(server.data_dir)
    os.environ["PORTAL_SECRET_KEY"] = secrets.token_urlsafe(32)
    return server


atexit.register(_stack.close)
SERVER = _start()


def pytest_unconfigure() -> None:
    _stack.close()
