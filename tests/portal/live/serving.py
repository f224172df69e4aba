"""Real web processes (granian, as `up` starts it) on a database of the test's own, and readers of their streams."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from django.conf import settings

from tests.running import PROJECT, free_port

PATIENCE_S = 20.0


@dataclass
class WebProcess:
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"


@contextmanager
def served(
    application: str, folder: Path, *, interface: str = "asgi", workers: int = 1, environment: Mapping[str, str]
) -> Iterator[WebProcess]:
    """Serve an application until the block ends; answers when it begins."""
    port = free_port()
    log = folder / f"web-{port}.log"
    command = [sys.executable, "-m", "granian", "--interface", interface, "--port", str(port)]
    command += [
        "--workers",
        str(workers),
        "--backpressure",
        "6000",
        "--no-ws",
        "--workers-kill-timeout",
        "3",
        application,
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    web = WebProcess(process, port, log)
    try:
        wait_for(lambda: log.read_text().count("Started worker") >= workers, log)
        yield web
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)


def environment_of(dsn: str) -> dict[str, str]:
    """The environment of a web process on a database."""
    names = {"DATABASE_URL": dsn, "PORTAL_ROLE": "web", "PORTAL_SECRET_KEY": settings.SECRET_KEY}
    return {**os.environ, **names, "DJANGO_SETTINGS_MODULE": "portal.settings"}


def wait_for(condition: object, what: object = "") -> None:
    """Until `condition()` holds; the log's text, or the words, when it does not in time."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise AssertionError(what.read_text() if isinstance(what, Path) else what)
        time.sleep(0.02)


@dataclass
class Reader:
    """Somebody at /live/ with a session: events as they come, in a thread of its own."""

    url: str
    session_key: str
    since_s: float = 0.0
    events: queue.Queue[tuple[str, str]] = field(default_factory=queue.Queue)
    opened: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    status: int = 0

    def __post_init__(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        cookies = {"sessionid": self.session_key} if self.session_key else {}
        try:
            with (
                httpx.Client(cookies=cookies, timeout=PATIENCE_S, trust_env=False) as client,
                client.stream("GET", f"{self.url}/live/?since={self.since_s}") as answer,
            ):
                self.status = answer.status_code
                self._take(answer)
        except httpx.HTTPError:
            pass
        finally:
            self.opened.set()
            self.ended.set()

    def _take(self, answer: httpx.Response) -> None:
        topic = ""
        for line in answer.iter_lines():
            self.opened.set()
            name, _colon, value = line.partition(": ")
            if name == "event":
                topic = value
            elif name == "data" and topic != "beat":
                self.events.put((topic, value))

    def wait_open(self) -> Reader:
        """Itself, once the stream has begun (or was refused)."""
        assert self.opened.wait(PATIENCE_S)
        return self

    def next(self) -> tuple[str, str]:
        """The next change."""
        return self.events.get(timeout=PATIENCE_S)

    def all_now(self) -> list[tuple[str, str]]:
        """Everything that has come so far."""
        found = []
        while not self.events.empty():
            found.append(self.events.get())
        return found


def status_of(web: WebProcess, session_key: str = "", method: str = "GET", host: str = "localhost") -> int:
    """The status of /live/; a stream is left again at once."""
    headers = {"Host": f"{host}:{web.port}"} | ({"Cookie": f"sessionid={session_key}"} if session_key else {})
    with (
        httpx.Client(trust_env=False, timeout=PATIENCE_S) as client,
        client.stream(method, f"{web.url}/live/", headers=headers) as answer,
    ):
        return answer.status_code
