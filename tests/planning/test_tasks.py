"""What the worker's tasks do around the operations they call."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, time

import pytest
from django.utils import timezone

from grid import clock
from grid.core.intervals import central
from grid.models import Snapshot
from grid.operations import start_clock
from planning import tasks


@pytest.mark.django_db
def test_the_agent_looks_at_what_is_known_by_now(as_role: Callable[[str], AbstractContextManager[None]]) -> None:
    """One that looked before this minute's ingest asked for what the planner, one hour wiser, advised against."""
    start_clock(
        mode="DRILL",
        source="synthetic",
        scenario_start=central(date(2026, 8, 12), time(14)),
        speed=1,
        hold_for_votes=True,
        by=None,
        wall_at=timezone.now(),
    )
    assert not Snapshot.objects.exists()
    with as_role("worker"):
        tasks.watch()
    newest = Snapshot.objects.latest("observed_at")
    assert (clock.now() - newest.observed_at).total_seconds() < 300
