"""Keeps the portal's processes running, and ends them in order. No Django.

Each process leads a session of its own: a signal to the terminal's group reaches only the supervisor, which tells the
leaders (a task queue that gets the signal in every member at once does not end), and can end what a dead leader left.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from portal.processes import die_with_parent, members_of_group, signal_group, wait_until

QUICK_DEATH_S = 10.0  # a process that lived shorter has not really worked
MOST_QUICK_DEATHS = 5
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0
STOP_GRACE_S = 5.0
LARGEST_LOG_BYTES = 10_000_000
SUPERVISED = "PORTAL_SUPERVISED_IN"  # environment variable that marks every process of one data directory


class ServiceKeepsFailing(Exception):
    """A process ended again and again right after its start."""

    def __init__(self, name: str, exit_code: int, log_path: Path) -> None:
        self.name = name
        self.exit_code = exit_code
        self.log_path = log_path
        super().__init__(f"{name} ended {MOST_QUICK_DEATHS} times right after its start ({ending(exit_code)}).")


@dataclass(frozen=True)
class Service:
    """One process to keep running, with all of its environment."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path


@dataclass
class _Child:
    service: Service
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0  # monotonic
    start_again_s: float = 0.0  # monotonic
    quick_deaths: int = 0


@dataclass
class Supervisor:
    """Starts services, restarts those that die, stops all. `say` gets one line per thing that happened."""

    log_dir: Path
    say: Callable[[str], None]
    _children: list[_Child] = field(default_factory=list)

    def start(self, service: Service) -> None:
        """Start a service; from now on `watch` looks after it."""
        rotate(self.log_path(service.name))
        child = _Child(service)
        self._children.append(child)
        self._spawn(child)

    def log_path(self, name: str) -> Path:
        return self.log_dir / f"{name}.log"

    def pids(self) -> dict[str, int]:
        """Pid by service name of the processes that run now."""
        return {c.service.name: c.process.pid for c in self._children if c.process and c.process.poll() is None}

    def watch(self) -> None:
        """Look after every service once. Raises ServiceKeepsFailing."""
        for child in self._children:
            if child.process is None:
                if time.monotonic() >= child.start_again_s:
                    self._spawn(child)
            elif (exit_code := child.process.poll()) is not None:
                self._bury(child, exit_code)

    def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """Ask every service to end, all at once; after `grace_s` end by force what is left of them."""
        processes = [child.process for child in self._children if child.process]
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        wait_until(lambda: all(process.poll() is not None for process in processes), grace_s)
        for process in processes:
            end_group(process.pid)
            process.wait()
        self._children.clear()

    def _spawn(self, child: _Child) -> None:
        service = child.service
        with self.log_path(service.name).open("ab") as log:
            child.process = subprocess.Popen(
                list(service.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(service.environment),
                cwd=service.cwd,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        child.started_s = time.monotonic()

    def _bury(self, child: _Child, exit_code: int) -> None:
        assert child.process is not None
        end_group(child.process.pid)  # a leader killed outright leaves its workers behind
        child.process = None
        lived_s = time.monotonic() - child.started_s
        child.quick_deaths = child.quick_deaths + 1 if lived_s < QUICK_DEATH_S else 1
        if child.quick_deaths >= MOST_QUICK_DEATHS:
            raise ServiceKeepsFailing(child.service.name, exit_code, self.log_path(child.service.name))
        pause_s = min(FIRST_PAUSE_S * 2 ** (child.quick_deaths - 1), LONGEST_PAUSE_S)
        child.start_again_s = time.monotonic() + pause_s
        self.say(f"{child.service.name} {ending(exit_code)} after {lived_s:.0f} s; starts again in {pause_s:.1f} s.")


def ending(exit_code: int) -> str:
    """An exit code in words."""
    if exit_code >= 0:
        return f"ended with code {exit_code}"
    return f"was ended by {signal.Signals(-exit_code).name}"


def end_group(group: int) -> None:
    """End by force whatever still runs in a process group."""
    if members_of_group(group) or not sys.platform.startswith("linux"):
        signal_group(group, signal.SIGKILL)
        wait_until(lambda: not members_of_group(group), 2.0)


def rotate(path: Path) -> None:
    """Put a log that has grown large aside; one older piece is kept."""
    if path.exists() and path.stat().st_size > LARGEST_LOG_BYTES:
        path.replace(path.with_name(path.name + ".1"))


def orphans_of(data_dir: Path) -> list[int]:
    """Processes an earlier run for this data directory left behind. Call while holding the directory's lock."""
    mark = os.fsencode(f"{SUPERVISED}={data_dir}")
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            marked = mark in (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # gone, or another user's
        if marked and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def end_orphans(data_dir: Path) -> int:
    """End what an earlier run left behind; returns how many processes that were."""
    pids = orphans_of(data_dir)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in orphans_of(data_dir):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        if wait_until(lambda: not orphans_of(data_dir), 3.0):
            break
    return len(pids)
