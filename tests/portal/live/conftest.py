"""A web process on a database where commits are real, and people with sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.test import Client

from portal.models import User
from tests.conftest import CommittedDatabase
from tests.portal.live.serving import Reader, WebProcess, environment_of, served
from tests.portal.pages.browsing import person, signed_in

Read = Callable[..., Reader]


@pytest.fixture
def web(committed_db: CommittedDatabase, tmp_path: Path) -> Iterator[WebProcess]:
    """One process, logged in as web."""
    with served("portal.asgi:application", tmp_path, environment=environment_of(committed_db.dsn("web"))) as process:
        yield process


@pytest.fixture
def olivia(committed_db: CommittedDatabase) -> User:
    return person("olivia", "operator")


@pytest.fixture
def client(olivia: User) -> Client:
    """Olivia's browser."""
    return signed_in(olivia)


@pytest.fixture
def session_key(client: Client) -> str:
    return client.cookies["sessionid"].value


@pytest.fixture
def read(web: WebProcess, session_key: str) -> Read:
    """Opens a stream as Olivia."""

    def begin(since_s: float = 0.0) -> Reader:
        return Reader(web.url, session_key, since_s).wait_open()

    return begin
