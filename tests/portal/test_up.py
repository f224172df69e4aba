"""`manage.py up` as a user meets it: from nothing to ready, busy ports, every way to end, kills and the next start."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from portal.embedded import EmbeddedPostgres
from portal.environment import URL_VARIABLES
from portal.processes import start_time_of, wait_until
from portal.supervisor import SUPERVISED
from tests.running import PROJECT, RunningPortal, forget_database, free_port, start_portal

END_WITHIN_S = 10.0
Start = Callable[..., RunningPortal]


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data directory, and a look afterwards that nobody works for it any more."""
    folder = tmp_path / "data"
    yield folder
    left = processes_of(folder)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    forget_database(folder)
    assert not left, f"left behind: {left}"


@pytest.fixture
def start(data_dir: Path) -> Iterator[Start]:
    """Starts portals; those a failing test leaves running are ended."""
    started: list[RunningPortal] = []

    def begin(*options: str, **named: Any) -> RunningPortal:
        started.append(start_portal(data_dir, *options, **named))
        return started[-1]

    yield begin
    for portal in started:
        if portal.process.poll() is None:
            portal.process.terminate()
        portal.process.wait(20)


def processes_of(data_dir: Path) -> dict[int, str]:
    """Pid and command of every process that works for a data directory, its PostgreSQL included."""
    home = data_dir / "postgres_home"
    marks = [f"{SUPERVISED}={data_dir}".encode(), str(data_dir / "postgres" / "data").encode()]
    marks += [home.read_text().strip().encode()] if home.exists() else []
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            text = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if any(mark in text for mark in marks) and start_time_of(int(entry.name)):
            found[int(entry.name)] = command
    return found


def ended_within(portal: RunningPortal, number: signal.Signals) -> float:
    began = time.monotonic()
    portal.stop(number)
    return time.monotonic() - began


class TestRefusals:
    @pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::1"])
    def test_busy_port_names_the_option_and_starts_nothing(self, data_dir: Path, start: Start, address: str) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family) as taken:
            try:
                taken.bind((address, 0))
            except OSError:
                pytest.skip(f"no {address} here")
            taken.listen()
            portal = start(port=taken.getsockname()[1])
            assert portal.process.wait(30) == 2
        said = portal.output.read_text()
        assert f"Port {portal.port}" in said
        assert "--port" in said
        assert "make run PORT=" in said
        assert "Traceback" not in said
        assert not data_dir.exists()

    @pytest.mark.parametrize(
        ("options", "word"),
        [
            (["--replay", "/nonexistent.csv", "--scenario", "eea2_2023"], "--replay"),
            (["--scenario", "yesterday", "--demo"], "--scenario"),
            (["--speed", "601", "--demo"], "--speed"),
            (["--scenario", "2024-08-20"], "--scenario"),
            (["--mode", "live", "--speed", "60"], "--speed"),
        ],
    )
    def test_contradicting_options_start_nothing(
        self, data_dir: Path, start: Start, options: list[str], word: str
    ) -> None:
        portal = start(*options)
        assert portal.process.wait(30) == 2
        assert word in portal.output.read_text()
        assert not data_dir.exists()

    def test_some_database_urls_without_the_first(self, data_dir: Path) -> None:
        done = subprocess.run(
            [sys.executable, "manage.py", "up", "--port", str(free_port()), "--data-dir", data_dir],
            cwd=PROJECT,
            env={"PATH": os.environ["PATH"], "WORKER_DATABASE_URL": "postgresql://worker@localhost/portal"},
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode != 0
        assert "DATABASE_URL is not set" in done.stderr
        assert not data_dir.exists()

    @pytest.mark.parametrize(
        ("command", "word"),
        [
            (["up", "--port", "0"], "--port 0"),
            (["up", "--port", "65536"], "--port 65536"),
            (["up", "--data-dir", "/proc/nowhere"], "--data-dir"),
            (["up", "--data-dir", "/etc/hostname"], "--data-dir"),
            (["seed"], "The database does not answer"),
        ],
    )
    def test_words_instead_of_a_traceback(self, command: list[str], word: str) -> None:
        nobody_listens = f"postgresql://nobody@localhost:{free_port()}/portal"
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=PROJECT,
            env={"PATH": os.environ["PATH"], "DATABASE_URL": nobody_listens},
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode in (1, 2)
        assert word in done.stderr
        assert "Traceback" not in done.stderr


def test_a_whole_life(data_dir: Path, start: Start) -> None:
    """First start, what lies where, second `up` refused, child killed, `up` killed, next start, TERM."""
    portal = start("--demo")
    portal.wait_until_ready()
    check_first_start(portal)
    check_second_up_is_refused(portal, start)
    check_dead_child_is_replaced(portal)

    portal.process.kill()
    portal.process.wait()
    assert wait_until(lambda: not processes_of(data_dir), END_WITHIN_S), processes_of(data_dir)

    credentials = portal.credentials
    began = time.monotonic()
    portal = start("--demo")
    portal.wait_until_ready()
    assert time.monotonic() - began < 30  # 4 to 5 s on two quiet cores, see `make bench`; builds share their cores
    assert portal.credentials == credentials

    assert ended_within(portal, signal.SIGTERM) < END_WITHIN_S
    assert portal.process.returncode == 0
    assert processes_of(data_dir) == {}
    log = (data_dir / "logs" / "postgres.log").read_text()
    assert "received fast shutdown request" in log
    assert log.rstrip().endswith("database system is shut down")


def check_first_start(portal: RunningPortal) -> None:
    data_dir = portal.data_dir
    assert portal.readiness() is not None
    assert wait_until(lambda: f"http://localhost:{portal.port}" in portal.output.read_text(), 5)
    assert str(data_dir / "credentials.json") in portal.output.read_text()
    modes = {
        name: stat.S_IMODE((data_dir / name).stat().st_mode)
        for name in ("credentials.json", "database_urls.json", "secret_key", ".")
    }
    assert modes == {"credentials.json": 0o600, "database_urls.json": 0o600, "secret_key": 0o600, ".": 0o700}
    assert {path.name for path in (data_dir / "logs").iterdir()} >= {
        "web.log",
        "worker.log",
        "dispatch.log",
        "postgres.log",
    }
    check_each_process_knows_its_own_login_only(portal)


def check_each_process_knows_its_own_login_only(portal: RunningPortal) -> None:
    urls = json.loads((portal.data_dir / "database_urls.json").read_text())
    seen = set()
    for pid in processes_of(portal.data_dir):
        environment = dict(
            part.partition("=")[::2] for part in Path(f"/proc/{pid}/environ").read_text().split("\0") if part
        )
        role = environment.get("PORTAL_ROLE")
        if role is None:
            continue  # PostgreSQL's own processes
        seen.add(role)
        known = {name for name, url in urls.items() if url in environment.values()}
        assert known == {role}
    assert seen == {"web", "worker", "dispatch"}


def check_second_up_is_refused(portal: RunningPortal, start: Start) -> None:
    second = start()
    assert second.process.wait(30) == 1
    assert str(portal.process.pid) in second.output.read_text()
    assert (portal.readiness() or {}).get("ready")


def check_dead_child_is_replaced(portal: RunningPortal) -> None:
    worker = next(pid for pid, command in sorted(processes_of(portal.data_dir).items()) if command.endswith("worker "))
    os.kill(worker, signal.SIGKILL)
    assert wait_until(lambda: "worker was ended by SIGKILL" in portal.output.read_text(), 5)
    assert wait_until(lambda: start_time_of(worker) is None, 5)
    workers = lambda: [c for c in processes_of(portal.data_dir).values() if c.endswith("manage.py worker ")]  # noqa: E731
    assert wait_until(lambda: len(workers()) > 3, 15)


@pytest.mark.parametrize("fence", ["full", "weakened"])
def test_outside_database(data_dir: Path, start: Start, postgres: EmbeddedPostgres, fence: str) -> None:
    """With URLs no server is embedded; with the first alone every process uses it, and /readyz says so."""
    database = f"outside_{fence}"
    postgres.provision(database)
    urls = {URL_VARIABLES[role]: url for role, url in postgres.urls(database).items()}
    if fence == "weakened":
        urls = {"DATABASE_URL": postgres.dsn("owner", database)}
    portal = start(environment=urls)
    try:
        portal.wait_until_ready()
        state = portal.readiness() or {}
        assert (state["fence"], state["mode"]) == (fence, "live")
        assert not (data_dir / "postgres").exists()
        assert not (data_dir / "postgres_home").exists()
        assert not (data_dir / "credentials.json").exists()
        written = json.loads((data_dir / "database_urls.json").read_text())
        assert written["web"] == urls["DATABASE_URL"]
    finally:
        assert ended_within(portal, signal.SIGTERM) < END_WITHIN_S
    postgres.drop_database(database)


@pytest.mark.parametrize("to", ["make", "its group"])
def test_make_run_ends_everything(data_dir: Path, to: str) -> None:
    """TERM to make alone, and Ctrl-C, which a terminal sends to the whole group."""
    portal = start_make(data_dir)
    try:
        portal.wait_until_ready()
        began = time.monotonic()
        if to == "its group":
            os.killpg(portal.process.pid, signal.SIGINT)
        else:
            portal.process.terminate()
        portal.process.wait(20)
        assert wait_until(lambda: not processes_of(data_dir), END_WITHIN_S)
        assert time.monotonic() - began < END_WITHIN_S
    finally:
        portal.process.kill()
        portal.process.wait()


def start_make(data_dir: Path) -> RunningPortal:
    port = free_port()
    output = data_dir.parent / "make.txt"
    drop = (
        "PG",
        "PORTAL_",
        "DATABASE_URL",
        "WORKER_DATABASE",
        "DISPATCH_DATABASE",
        "OWNER_DATABASE",
        "DJANGO_",
        "MAKE",
    )
    with output.open("wb") as file:
        process = subprocess.Popen(
            ["make", "run", f"PORT={port}", f"DATA_DIR={data_dir}"],
            cwd=PROJECT,
            env={name: value for name, value in os.environ.items() if not name.startswith(drop)},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return RunningPortal(process, port, data_dir, output)


def test_term_while_starting_ends_everything(data_dir: Path, start: Start) -> None:
    portal = start("--demo")
    assert wait_until(lambda: (data_dir / "logs" / "prepare.log").exists(), 30)
    assert ended_within(portal, signal.SIGTERM) < END_WITHIN_S
    assert portal.process.returncode == 0
    assert processes_of(data_dir) == {}


@pytest.mark.prove
@pytest.mark.parametrize("run", range(10))
def test_killed_at_any_moment_the_next_start_works(start: Start, run: int) -> None:
    """SIGKILL of `up` at ten different moments of its first start; each time the next start gets ready."""
    portal = start("--demo")
    time.sleep(0.5 + run * 0.7)
    portal.process.kill()
    portal.process.wait()
    portal = start("--demo")
    portal.wait_until_ready()
    assert ended_within(portal, signal.SIGTERM) < END_WITHIN_S
