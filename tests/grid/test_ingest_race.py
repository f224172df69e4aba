"""Two workers that write down the same minute at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, time
from threading import Barrier

from django.db import connection

from grid.core.intervals import central
from grid.models import ForecastVintage
from grid.operations import current_feed, ingest, start_clock
from grid.operations.ingest import IngestResult
from tests.conftest import CommittedDatabase
from tests.grid.conftest import WALL

START = central(date(2026, 8, 12), time(14))


def test_the_second_finds_what_the_first_one_wrote(committed_db: CommittedDatabase) -> None:
    start_clock(
        mode="DRILL", source="synthetic", scenario_start=START, speed=60, hold_for_votes=True, by=None, wall_at=WALL
    )
    together = Barrier(2)

    def look(_worker: int) -> IngestResult:
        together.wait(10)
        try:
            return ingest(feed=current_feed(), at=START, wall_at=WALL)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        first, second = sorted(pool.map(look, range(2)), key=lambda result: result.snapshots)
    assert (first.snapshots, first.weather, first.vintages) == (0, 0, 0)
    assert second.snapshots > 0
    assert ForecastVintage.objects.count() == second.vintages
