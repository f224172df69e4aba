"""What the pages show of the grid and the fleet, read once for everybody who looks.

Note [kept for seconds]
    The overview is polled by all who have it open, and most of what it shows is the same for all of them and changes
    when a reading arrives or a quarter-hour begins. So each process keeps the answer for some seconds, under a key that
    changes with both. Of plans only how often ended events kept their firm MW; nothing of open plans, votes or people.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from django.core.cache import cache

from cohorts.queries import FleetAvailability, availability_now
from dispatch.core.track_record import TrackRecord, firm_record
from dispatch.past import recent_deliveries
from grid.core.intervals import HOUR, QUARTER, floor_to, operating_day, operating_day_of
from grid.core.records import LoadForecast
from grid.core.stress import LOAD_SHARE
from grid.models import Snapshot
from grid.queries import (
    CurrentSnapshot,
    Weather,
    current_snapshot,
    forecast_at,
    recent_snapshots,
    reference_peak_mw,
    weather_at,
)
from planning.core.drift import Drift
from planning.known import drift_of
from planning.queries import PlanCard
from portal.frame import Frame

WEATHER_PLACE: Final = "dallas"  # the largest weather zone by load
KEPT_S: Final = 10.0  # wall time
LEAST_HISTORY: Final = timedelta(hours=6)
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class GridReading:
    """The grid as known: now, since midnight (six hours at least), ahead; the weather of one place.

    From `call_load_mw` on the watch rule calls for load alone (grid.core.stress).
    """

    since: datetime
    snapshot: CurrentSnapshot | None
    recent: Sequence[Snapshot]
    forecast: LoadForecast | None
    weather: Weather
    call_load_mw: float


def grid_reading(frame: Frame, *, at: datetime) -> GridReading:
    """The grid as known at `at`."""
    return kept("grid", frame, at, lambda: _read_grid(at))


def fleet_reading(frame: Frame, *, at: datetime) -> FleetAvailability:
    """What the cohorts could do over the next three hours."""
    return kept("fleet", frame, at, lambda: availability_now(at=at))


def record_reading(frame: Frame, *, mode: str, at: datetime) -> TrackRecord:
    """How often the last events of a mode delivered their firm MW."""
    return kept(f"record:{mode}", frame, at, lambda: firm_record(recent_deliveries(mode=mode)))


def drift_reading(frame: Frame, card: PlanCard, *, at: datetime) -> Drift | None:
    """What has moved since an open plan was proposed; None once nothing is to be decided. For pages: votes ask anew.

    Whom another plan calls by now is as fresh as the card.
    """
    content = card.content
    if content is None or card.version is None or not card.is_open:
        return None
    moved = kept(f"drift-{card.version.pk}", frame, at, lambda: drift_of(content, at=at))
    return replace(moved, called_elsewhere=card.called_elsewhere)


def _read_grid(at: datetime) -> GridReading:
    since = min(operating_day(operating_day_of(at))[0], floor_to(at, HOUR) - LEAST_HISTORY)
    return GridReading(
        since=since,
        snapshot=current_snapshot(at=at),
        recent=list(recent_snapshots(at=at, hours=(at - since) / HOUR)),
        forecast=forecast_at(at=at),
        weather=weather_at(place=WEATHER_PLACE, at=at, hours=12),
        call_load_mw=LOAD_SHARE * reference_peak_mw(at=at),
    )


def kept(what: str, frame: Frame, at: datetime, read: Callable[[], Answer]) -> Answer:
    """See Note [kept for seconds]."""
    source = frame.clock.data_source if frame.clock else ""
    stamp = frame.observed_at.timestamp() if frame.observed_at else 0.0
    key = f"{what}:{source}:{stamp}:{floor_to(at, QUARTER).timestamp()}"
    found: Answer | None = cache.get(key)
    if found is None:
        found = read()
        cache.set(key, found, KEPT_S)
    return found
