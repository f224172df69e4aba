"""Streams of a whole portal: PostgreSQL killed under them, a reader that never reads, and the end of everything."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.portal.live.serving import PATIENCE_S, Reader, wait_for
from tests.running import RunningPortal, forget_database, start_portal

END_WITHIN_S = 10.0


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[RunningPortal]:
    """A portal of this test's own."""
    running = start_portal(tmp_path / "data", "--demo")
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.stop()
        forget_database(running.data_dir)


def sign_in(portal: RunningPortal) -> str:
    """The session key of the demo operator."""
    person = portal.credentials["operator"]
    with httpx.Client(base_url=portal.base_url, trust_env=False, timeout=PATIENCE_S) as client:
        client.get("/sign-in/")
        form = {"username": person["username"], "password": person["password"]}
        client.post("/sign-in/", data={**form, "csrfmiddlewaretoken": client.cookies["csrftoken"]})
        return client.cookies["sessionid"]


def readers_of(portal: RunningPortal, session_key: str, count: int) -> list[Reader]:
    readers = [Reader(portal.base_url, session_key).wait_open() for _number in range(count)]
    assert {reader.status for reader in readers} == {200}
    return readers


def postmaster_of(portal: RunningPortal) -> int:
    home = portal.data_dir / "postgres_home"
    folder = Path(home.read_text().strip()) if home.exists() else portal.data_dir / "postgres"
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


def test_postgresql_killed_and_the_end_with_open_streams(portal: RunningPortal) -> None:
    session_key = sign_in(portal)
    readers = readers_of(portal, session_key, 12)
    os.kill(postmaster_of(portal), signal.SIGKILL)
    assert all(reader.ended.wait(PATIENCE_S) for reader in readers)  # their pages ask for themselves now
    wait_for(lambda: "starting it again" in portal.output.read_text(), portal.output)

    web_log = portal.data_dir / "logs" / "web.log"
    wait_for(lambda: web_log.read_text().count("Changes are heard.") == 4, web_log)  # both processes, again
    readers = readers_of(portal, session_key, 12)
    with never_reading(portal, session_key):
        began = time.monotonic()
        assert portal.stop() == 0
        assert time.monotonic() - began < END_WITHIN_S
    assert all(reader.ended.wait(PATIENCE_S) for reader in readers)
    assert "refused to gracefully stop" not in web_log.read_text()


def never_reading(portal: RunningPortal, session_key: str) -> socket.socket:
    """A stream whose reader takes nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client.connect(("127.0.0.1", portal.port))
    client.sendall(f"GET /live/ HTTP/1.1\r\nHost: localhost\r\nCookie: sessionid={session_key}\r\n\r\n".encode())
    return client
