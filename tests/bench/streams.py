"""Event streams of one process: memory of each, how soon a change reaches all; and what the front costs per request.

Everything is a ratio to a limit or to another arrangement of the same run: this machine's own numbers mean little.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg

from tests.running import PROJECT, RunningPortal, free_port

STREAMS = 1000
MOST_KB = 60.0
MOST_S = 2.0
REQUESTS = 300
CLIENTS = 4
ROUNDS = 3
WSGI = ("--interface", "wsgi", "--blocking-threads", "4", "portal.wsgi:application")
FRONT = ("--interface", "asgi", "--backpressure", "6000", "portal.asgi:application")
DJANGO_ASGI = ("--interface", "asginl", "--factory", "django.core.asgi:get_asgi_application")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """One granian with one worker."""

    port: int
    worker: int

    @property
    def cpu_s(self) -> float:
        """Processor seconds the worker has used, user and system."""
        fields = Path(f"/proc/{self.worker}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    @property
    def memory_kb(self) -> int:
        """Resident memory of the worker."""
        status = Path(f"/proc/{self.worker}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


@contextmanager
def serving(portal: RunningPortal, arguments: tuple[str, ...]) -> Iterator[Server]:
    """A web process beside those of the portal, on its database."""
    port = free_port()
    environment = {**os.environ, "PORTAL_ROLE": "web", "PORTAL_DATA_DIR": str(portal.data_dir)}
    environment |= {"DJANGO_SETTINGS_MODULE": "portal.settings"}
    command = [sys.executable, "-m", "granian", "--port", str(port), "--workers", "1", "--no-ws"]
    process = subprocess.Popen(
        [*command, "--workers-kill-timeout", "3", *arguments],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_up(port)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield Server(port, int(children[-1]))
    finally:
        process.terminate()
        process.wait()


def wait_until_up(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            if httpx.get(f"http://localhost:{port}/healthz", trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def session_of(portal: RunningPortal) -> str:
    """The session key of the demo operator, signed in as a browser would."""
    person = portal.credentials["operator"]
    with httpx.Client(base_url=portal.base_url, trust_env=False) as client:
        client.get("/sign-in/")
        form = {"username": person["username"], "password": person["password"]}
        client.post("/sign-in/", data={**form, "csrfmiddlewaretoken": client.cookies["csrftoken"]})
        return client.cookies["sessionid"]


# Streams


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]  # a writer nobody keeps closes its connection


async def open_stream(port: int, session_key: str) -> Stream:
    """A stream that has begun."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /live/ HTTP/1.1\r\nHost: localhost\r\nCookie: sessionid={session_key}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in head, head
    await reader.readuntil(b"retry: 2000\n\n")
    return reader, writer


async def read_until_told(stream: Stream) -> float:
    reader, _writer = stream
    await reader.readuntil(b"data: 4242\n\n")
    return time.perf_counter()


async def streams_opened(server: Server, session_key: str) -> list[Stream]:
    opened: list[Stream] = []
    for _start in range(0, STREAMS, 50):
        opened += await asyncio.gather(*(open_stream(server.port, session_key) for _number in range(50)))
    return opened


async def measure_streams(server: Server, session_key: str, database_url: str) -> tuple[float, float, float]:
    """kB of each stream, seconds until all were told (median of 5 changes), idle share of a core."""
    warm = await open_stream(server.port, session_key)
    before_kb = server.memory_kb
    opened = [warm, *await streams_opened(server, session_key)]
    kb_each = (server.memory_kb - before_kb) / STREAMS
    took_s = []
    with psycopg.connect(database_url, autocommit=True) as session:
        for _number in range(5):
            told = [asyncio.ensure_future(read_until_told(stream)) for stream in opened]
            await asyncio.sleep(0.5)
            began = time.perf_counter()
            session.execute("SELECT pg_notify('portal_live', 'plan 4242')")
            took_s.append(max(await asyncio.gather(*told)) - began)
    cpu_s = server.cpu_s
    await asyncio.sleep(10)
    return kb_each, statistics.median(took_s), (server.cpu_s - cpu_s) / 10


# Requests


def cpu_ms_per_request(server: Server, path: str, session_key: str) -> float:
    """Processor milliseconds of the worker for each of many requests over kept connections."""

    def ask(count: int) -> None:
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        headers = {"Cookie": f"sessionid={session_key}", "Host": "localhost", "Accept-Encoding": "gzip"}
        for _number in range(count):
            client.request("GET", path, headers=headers)
            answer = client.getresponse()
            answer.read()
            assert answer.status == 200, (path, answer.status)
        client.close()

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(ask, [20] * CLIENTS))
        began = server.cpu_s
        list(clients.map(ask, [REQUESTS // CLIENTS] * CLIENTS))
    return (server.cpu_s - began) / REQUESTS * 1000


def measure_requests(
    portal: RunningPortal, session_key: str, arrangements: dict[str, tuple[str, ...]], paths: tuple[str, ...]
) -> dict[tuple[str, str], float]:
    """CPU ms by arrangement and path: medians of rounds in which the arrangements take turns."""
    found: dict[tuple[str, str], list[float]] = {}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(serving(portal, words)) for name, words in arrangements.items()}
        for _round in range(ROUNDS):
            for path in paths:
                for name, server in servers.items():
                    found.setdefault((name, path), []).append(cpu_ms_per_request(server, path, session_key))
    return {key: statistics.median(values) for key, values in found.items()}


def static_path() -> str:
    """A served file with its hash in the name."""
    found = sorted((PROJECT / "staticfiles" / "portal" / "css").glob("tokens.*.css"))
    return f"/static/portal/css/{found[-1].name}"


def report(portal: RunningPortal, database_url: str) -> list[str]:
    """Lines of the table."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65_536)), hard))
    session_key = session_of(portal)
    with serving(portal, FRONT) as server:
        kb_each, told_s, idle = asyncio.run(measure_streams(server, session_key, database_url))
    lines = [f"| {STREAMS:,} streams on one process | measured | limit | ratio |", "|---|---|---|---|"]
    lines += [f"| memory of each, kB | {kb_each:.1f} | {MOST_KB:.0f} | {kb_each / MOST_KB:.2f} |"]
    lines += [f"| until a change reached all, s | {told_s:.2f} | {MOST_S:.0f} | {told_s / MOST_S:.2f} |"]
    lines += [f"| idle, share of a core | {idle:.3f} | | |", ""]
    paths = ("/healthz", static_path(), "/frame/", "/plans/")
    cpu = measure_requests(portal, session_key, {"WSGI": WSGI, "front": FRONT}, paths)
    lines += ["| CPU ms per request | WSGI alone | front | ratio |", "|---|---|---|---|"]
    for path in paths:
        wsgi_ms, front_ms = cpu["WSGI", path], cpu["front", path]
        lines.append(f"| `{path}` | {wsgi_ms:.2f} | {front_ms:.2f} | {front_ms / wsgi_ms:.2f} |")
    return lines
