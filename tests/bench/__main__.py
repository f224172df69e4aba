"""`make bench`: how long the portal takes to start, stop and answer here, what event
streams cost, what pages weigh, and what the record costs, as tables."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.bench import streams, weights
from tests.running import PROJECT, RunningPortal, forget_database, start_portal

REQUESTS = 200
PATHS = ("/healthz", "/readyz", "/api/v1/context/ercot/current", "/api/v1/cohorts", "/api/v1/plans")


def timed(action: Callable[[], object]) -> float:
    """Seconds the action took."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def start(data_dir: Path) -> tuple[RunningPortal, float]:
    """A ready demo portal, and how many seconds it took."""
    began = time.perf_counter()
    portal = start_portal(data_dir, "--demo")
    try:
        portal.wait_until_ready()
    except BaseException:
        portal.stop()
        raise
    return portal, time.perf_counter() - began


def latencies_ms(portal: RunningPortal, path: str) -> list[float]:
    """Milliseconds of one request after the other, as the demo operator."""
    token = portal.credentials["operator"]["api_token"]
    request = urllib.request.Request(portal.base_url + path, headers={"Authorization": f"Token {token}"})

    def ask() -> None:
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()

    ask()
    return [timed(ask) * 1000 for _ in range(REQUESTS)]


def measure() -> list[str]:
    """The lines of the report."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        data_dir = Path(folder) / "data"
        portal, first_s = start(data_dir)
        stop_s = timed(portal.stop)
        portal, second_s = start(data_dir)
        try:
            rows = [(path, latencies_ms(portal, path)) for path in PATHS]
            urls = json.loads((data_dir / "database_urls.json").read_text())
            of_streams = streams.report(portal, urls["worker"])
        finally:
            portal.stop()
            forget_database(data_dir)
    lines = ["| what | s |", "|---|---|", f"| first start until ready | {first_s:.1f} |"]
    lines += [f"| second start until ready | {second_s:.1f} |", f"| stop | {stop_s:.1f} |", ""]
    lines += [f"| {REQUESTS} requests, one after the other | median ms | p95 ms |", "|---|---|---|"]
    for path, values in rows:
        lines.append(f"| `{path}` | {statistics.median(values):.1f} | {statistics.quantiles(values, n=20)[-1]:.1f} |")
    return [*lines, "", *of_streams, "", *weights.table(), "", *of_the_record()]


def of_the_record() -> list[str]:
    """What the record costs, in its quick form: a process of its own, for it brings a database of its own."""
    run = subprocess.run([sys.executable, "-m", "tests.bench.record"], check=True, stdout=subprocess.PIPE, text=True)
    return run.stdout.splitlines()


if __name__ == "__main__":
    report = "\n".join(measure()) + "\n"
    output = PROJECT / "test-output" / "bench.md"
    output.parent.mkdir(exist_ok=True)
    output.write_text(report)
    sys.stdout.write(report)
