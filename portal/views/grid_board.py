"""Everything the grid page shows, read once for everybody who looks (see Note [kept for seconds])."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from grid.core.forecast_error import ComparedHour
from grid.core.intervals import HOUR, ceil_to, operating_day, operating_day_of
from grid.core.records import ForecastInterval, LoadForecast
from grid.core.stress import Stress, assess_stress, dearest_two_hours
from grid.models import Snapshot
from grid.queries import (
    PUBLISHED,
    CurrentSnapshot,
    Weather,
    compared_hours,
    current_snapshot,
    expected_zone_prices,
    forecast_at,
    recent_snapshots,
    reference_peak_mw,
    stress_at,
    weather_board,
)
from portal.frame import Frame
from portal.views.grid_reading import kept

AHEAD_H: Final = 24


@dataclass(frozen=True, slots=True)
class Outlook:
    """The stress rule's word on some hours ahead, and the figures it looks at."""

    stress: Stress
    dearest_pair_usd_per_mwh: float | None
    share: float | None


@dataclass(frozen=True, slots=True)
class GridBoard:
    """The grid as known: since yesterday's midnight, now, and 24 hours ahead."""

    since: datetime
    midnight: datetime
    snapshot: CurrentSnapshot | None
    recent: Sequence[Snapshot]
    forecast: LoadForecast | None
    expected_prices: Mapping[str, Sequence[tuple[datetime, float]]]
    weather: Sequence[Weather]
    own: Sequence[ComparedHour]
    published: Sequence[ComparedHour]
    today: Outlook
    ahead: Outlook
    reference_mw: float

    @property
    def hours(self) -> Sequence[ForecastInterval]:
        """The forecast's hours, none when there is no forecast."""
        return self.forecast.intervals if self.forecast else ()


def grid_board(frame: Frame, *, at: datetime) -> GridBoard:
    """The grid as known at `at`."""
    return kept("board", frame, at, lambda: _read(at))


def _read(at: datetime) -> GridBoard:
    today = operating_day_of(at)
    midnight, since = operating_day(today)[0], operating_day(today - timedelta(days=1))[0]
    forecast, snapshot = forecast_at(at=at, hours=AHEAD_H), current_snapshot(at=at)
    hours = forecast.intervals if forecast else ()
    reference = reference_peak_mw(at=at)
    eea_level = snapshot.eea_level if snapshot else None
    rest = [hour for hour in hours if ceil_to(at, HOUR) <= hour.starts_at < operating_day(today)[1]]
    return GridBoard(
        since=since,
        midnight=midnight,
        snapshot=snapshot,
        recent=list(recent_snapshots(at=at, hours=(at - since) / HOUR)),
        forecast=forecast,
        expected_prices=expected_zone_prices(at=at, ahead=hours),
        weather=weather_board(at=at, hours=AHEAD_H),
        own=compared_hours(since=since, at=at),
        published=compared_hours(since=since, at=at, methods=PUBLISHED),
        today=_outlook(stress_at(at=at), rest, reference),
        ahead=_outlook(assess_stress(hours, reference_peak_mw=reference, eea_level=eea_level), hours, reference),
        reference_mw=reference,
    )


def _outlook(stress: Stress, hours: Sequence[ForecastInterval], reference_mw: float) -> Outlook:
    peak = stress.peak_load_mw
    return Outlook(stress, dearest_two_hours(hours), None if peak is None else peak / reference_mw)
