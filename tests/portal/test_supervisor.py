"""The supervisor: restarts with back-off, gives up in words, leaves no member of a group behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal import supervisor as module
from portal.processes import AlreadyLocked, FolderLock, members_of_group, start_time_of, wait_until
from portal.supervisor import SUPERVISED, Service, ServiceKeepsFailing, Supervisor, end_orphans, rotate

# A leader with one member in its group that ignores SIGTERM, as a stubborn worker would.
FAMILY = """
import os, signal, time
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("member", os.getpid(), flush=True)
    time.sleep(600)
print("leader", os.getpid(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    running = Supervisor(tmp_path, said.append)
    yield running
    running.stop(grace_s=0.2)


def service(tmp_path: Path, code: str, **environment: str) -> Service:
    return Service("family", [sys.executable, "-c", code], {**os.environ, **environment}, tmp_path)


def watch_until(supervisor: Supervisor, condition: object, timeout_s: float = 10.0) -> bool:
    def look() -> bool:
        supervisor.watch()
        return bool(condition())  # type: ignore[operator]

    return wait_until(look, timeout_s)


def family_is_up(supervisor: Supervisor) -> bool:
    log = supervisor.log_path("family")
    return log.exists() and {"leader", "member"} <= {line.split()[0] for line in log.read_text().splitlines()}


class TestWatch:
    def test_killed_leader_is_started_again_and_its_members_end(
        self, supervisor: Supervisor, said: list[str], tmp_path: Path
    ) -> None:
        supervisor.start(service(tmp_path, FAMILY))
        assert watch_until(supervisor, lambda: family_is_up(supervisor))
        first = supervisor.pids()["family"]
        assert len(members_of_group(first)) == 2
        os.kill(first, signal.SIGKILL)
        assert watch_until(supervisor, lambda: supervisor.pids().get("family", first) != first)
        assert members_of_group(first) == []
        assert len(said) == 1
        assert "family was ended by SIGKILL" in said[0]

    def test_gives_up_after_five_quick_deaths(
        self, supervisor: Supervisor, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.01)
        supervisor.start(service(tmp_path, "print('no'); raise SystemExit(3)"))
        with pytest.raises(ServiceKeepsFailing, match=r"ended 5 times .*ended with code 3"):
            watch_until(supervisor, lambda: False)
        assert len(said) == 4
        assert supervisor.log_path("family").read_text().count("no\n") == 5

    def test_pauses_grow(
        self, supervisor: Supervisor, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.1)
        supervisor.start(service(tmp_path, ""))
        with pytest.raises(ServiceKeepsFailing):
            watch_until(supervisor, lambda: False)
        assert [line.split("again in ")[1] for line in said] == ["0.1 s.", "0.2 s.", "0.4 s.", "0.8 s."]


class TestStop:
    def test_ends_leader_and_stubborn_member(self, supervisor: Supervisor, tmp_path: Path) -> None:
        supervisor.start(service(tmp_path, FAMILY))
        assert watch_until(supervisor, lambda: family_is_up(supervisor))
        group = supervisor.pids()["family"]
        began = time.monotonic()
        supervisor.stop(grace_s=1.0)
        assert members_of_group(group) == []
        assert time.monotonic() - began < 3

    def test_signals_the_leader_alone(self, supervisor: Supervisor, tmp_path: Path) -> None:
        member_says = FAMILY.replace("signal.SIG_IGN", "lambda *_: print('member hit', flush=True)")
        supervisor.start(service(tmp_path, member_says))
        assert watch_until(supervisor, lambda: family_is_up(supervisor))
        supervisor.stop(grace_s=0.5)
        assert "member hit" not in supervisor.log_path("family").read_text()


class TestOrphans:
    def test_ends_what_an_earlier_run_left_and_nothing_else(self, supervisor: Supervisor, tmp_path: Path) -> None:
        ours, other = tmp_path / "ours", tmp_path / "ours-too"
        supervisor.start(service(tmp_path, FAMILY, **{SUPERVISED: str(ours)}))
        assert watch_until(supervisor, lambda: family_is_up(supervisor))
        group = supervisor.pids()["family"]
        assert end_orphans(other) == 0
        assert len(members_of_group(group)) == 2
        assert end_orphans(ours) == 2
        assert start_time_of(group) is None


class TestLock:
    def test_names_folder_and_holder(self, tmp_path: Path) -> None:
        first, second = FolderLock(tmp_path / "lock"), FolderLock(tmp_path / "lock")
        first.acquire()
        with pytest.raises(AlreadyLocked) as caught:
            second.acquire()
        assert caught.value.holder == os.getpid()
        assert str(tmp_path) in str(caught.value)
        first.release()
        second.acquire()
        second.release()


def test_large_log_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "web.log"
    log.write_text("x" * 20)
    rotate(log)
    assert log.exists()
    monkeypatch.setattr(module, "LARGEST_LOG_BYTES", 10)
    rotate(log)
    assert not log.exists()
    assert (tmp_path / "web.log.1").read_text() == "x" * 20
