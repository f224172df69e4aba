"""CPU and wall time of an action: of the PostgreSQL process that serves Django's connection, and of this one."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Cost(NamedTuple):
    """Of one decision: CPU of both processes, and wall time, in ms."""

    cpu_ms: float
    wall_ms: float


def backend_ns() -> int:
    """CPU time of the process that serves Django's connection, in ns."""
    from django.db import connection

    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def cost(action: Callable[[], object], times: int) -> Cost:
    """Mean of some calls."""
    before, client, began = backend_ns(), time.process_time_ns(), time.perf_counter_ns()
    for _ in range(times):
        action()
    wall = time.perf_counter_ns() - began
    cpu = time.process_time_ns() - client + backend_ns() - before
    return Cost(cpu / times / 1e6, wall / times / 1e6)


def medians(costs: list[Cost]) -> Cost:
    return Cost(statistics.median(c.cpu_ms for c in costs), statistics.median(c.wall_ms for c in costs))
