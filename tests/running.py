"""Start the whole portal as a user would, in a data directory of its own, and stop it by its own pid."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.postgres_home import REMEMBERED

PROJECT = Path(__file__).resolve().parent.parent
READY_TIMEOUT_S = 90.0
# What the test run sets for itself must not reach a portal that is to make its own database.
_OWN_PREFIXES = ("PG", "PORTAL_", "DATABASE_URL", "WORKER_DATABASE", "DISPATCH_DATABASE", "OWNER_DATABASE", "DJANGO_")


@dataclass
class RunningPortal:
    """A portal that runs, or is coming up, as a child of the test run."""

    process: subprocess.Popen[bytes]
    port: int
    data_dir: Path
    output: Path

    @property
    def base_url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def credentials(self) -> dict[str, dict[str, str]]:
        """Demo users by key (operator, supervisor, ...): username, password, api_token."""
        users: dict[str, dict[str, str]] = json.loads((self.data_dir / "credentials.json").read_text())["users"]
        return users

    def readiness(self) -> dict[str, Any] | None:
        """What /readyz says, None while nothing answers."""
        try:
            with urllib.request.urlopen(f"{self.base_url}/readyz", timeout=5) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return json.load(error) if "json" in error.headers.get("Content-Type", "") else None
        except OSError:
            return None

    def wait_until_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        deadline = time.monotonic() + timeout_s
        while not (state := self.readiness() or {}).get("ready"):
            if self.process.poll() is not None:
                raise AssertionError(f"`up` ended with {self.process.returncode}:\n{self.output.read_text()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"Not ready after {timeout_s:.0f} s: {state}\n{self.output.read_text()}")
            time.sleep(0.1)

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = 20.0) -> int:
        """Send the signal to `up` alone and wait; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout_s)


def forget_database(data_dir: Path) -> None:
    """Delete the folder a root-owned portal's database got outside its data directory (after it was stopped)."""
    named = data_dir / REMEMBERED
    if named.exists():
        shutil.rmtree(named.read_text().strip(), ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_portal(
    data_dir: Path, *options: str, port: int | None = None, environment: Mapping[str, str] | None = None
) -> RunningPortal:
    """Start `manage.py up` and return at once; `environment` is added to what the portal gets to see."""
    port = port or free_port()
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    output = data_dir.parent / f"up-{port}.txt"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_PREFIXES)}
    with output.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--port", str(port), "--data-dir", str(data_dir), *options],
            cwd=PROJECT,
            env=kept | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return RunningPortal(process, port, data_dir, output)
