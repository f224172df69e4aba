"""Recurring work: when portal time passes a boundary, put the task in the queue, once, and never on top of itself.

Boundaries are of portal time, so a replay at 600x and a live portal do the same work for the same hour.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Final

from django_q.models import OrmQ
from django_q.tasks import async_task


@dataclass(frozen=True)
class Recurring:
    """A task of no arguments and how often it is due, in portal time."""

    task: str
    every: dt.timedelta


RECURRING: Final = (
    Recurring("grid.tasks.ingest", dt.timedelta(minutes=1)),
    Recurring("planning.tasks.expire", dt.timedelta(minutes=1)),
    Recurring("dispatch.tasks.simulate", dt.timedelta(minutes=5)),
    Recurring("dispatch.tasks.measure", dt.timedelta(minutes=5)),
    Recurring("planning.tasks.watch", dt.timedelta(minutes=15)),
)


@dataclass
class Ticker:
    """Remembers which boundary of each task was last served."""

    recurring: tuple[Recurring, ...] = RECURRING
    _served: dict[str, int] = field(default_factory=dict)

    def run_due(self, at: dt.datetime) -> list[str]:
        """Enqueue what is due at portal time `at`; returns the tasks enqueued.

        A task still queued or running is not enqueued again: its boundary stays due until it has ended, and boundaries
        that pass meanwhile become one. Portal time that went back (a scenario begun anew) counts as a new boundary.
        """
        due = [r for r in self.recurring if self._served.get(r.task) != boundary(at, r.every)]
        if not due:
            return []
        waiting = tasks_in_queue()
        enqueued = []
        for recurring in due:
            if recurring.task in waiting:
                continue
            async_task(recurring.task)
            self._served[recurring.task] = boundary(at, recurring.every)
            enqueued.append(recurring.task)
        return enqueued


def boundary(at: dt.datetime, every: dt.timedelta) -> int:
    """The number of the interval of length `every` that holds `at`, counted from the epoch."""
    return int(at.timestamp() // every.total_seconds())


def tasks_in_queue() -> set[str]:
    """Dotted names of the tasks queued or running: a row stays in the queue until its task has ended."""
    return {str(row.func()) for row in OrmQ.objects.order_by("pk")}


def release_interrupted(wall_at: dt.datetime) -> int:
    """Give tasks a killed worker had begun to the next one at once instead of after the queue's retry time.

    For the start of the only worker. Tasks are safe to run twice. Returns how many there were.
    """
    released: int = OrmQ.objects.filter(lock__gt=wall_at).update(lock=wall_at)
    return released
