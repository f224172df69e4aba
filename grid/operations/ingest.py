"""Write down what is known by now: observations, published forecasts, and the portal's own forecast.

Note [gaps]
    Instead of remembering how far it got, each call looks for stretches without rows in the window it cares about and
    asks the feed for these. So the first call fills the history, a call after an outage fills what was missed, a
    scenario in another year fills what no earlier one had, and calling twice writes nothing the second time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from grid.core.forecast import LoadBand, band_of_errors, forecast_load
from grid.core.intervals import HOUR, floor_to
from grid.core.records import ForecastInterval, LoadForecast, SnapshotRecord, WeatherRecord
from grid.core.refusals import Conflict
from grid.core.series import HourlySeries
from grid.feeds import GridFeed, open_feed
from grid.models import Clock, ForecastPoint, ForecastVintage, Method, Snapshot, WeatherObservation
from grid.queries import data_source, expected_price_of, load_history, price_history

WEATHER_BACKFILL: Final = timedelta(days=14)
FINE_FROM: Final = timedelta(days=1)  # older gaps are filled with hourly means
LARGEST_STEP: Final = timedelta(minutes=90)  # between rows of the slowest feed
PUBLISHED_BACKFILL: Final = timedelta(days=35)  # day-ahead forecasts whose errors make the band
BATCH: Final = 2_000
INGEST_LOCK: Final = 0x16E57  # advisory lock: of two calls at once the second finds what the first one wrote
PORTAL_LABEL: Final = "portal forecast from past loads"


class FeedNotOfTheClock(Conflict):
    """The feed is not the one the clock was started with: a replay file that has changed since, say."""

    def __init__(self, clocks: str, feeds: str) -> None:
        self.clocks, self.feeds = clocks, feeds
        super().__init__(f"The clock runs on {clocks}, the feed is {feeds}: start the portal again")


@dataclass(frozen=True, slots=True)
class IngestResult:
    """How many rows a call offered to the database; all zero when nothing was new."""

    snapshots: int
    weather: int
    vintages: int


def current_feed() -> GridFeed:
    """The feed the clock says runs. Raises ReplayFileMissing or ReplayFileInvalid."""
    clock = Clock.objects.filter(pk=Clock.SINGLE_ID).first() or Clock()
    return open_feed(clock.source, random_seed=clock.random_seed)


def ingest(*, feed: GridFeed, at: datetime, wall_at: datetime) -> IngestResult:
    """Write what `feed` knows by `at` and is not yet written, and a new forecast when there is news. Idempotent.

    Raises FeedNotOfTheClock; nothing is written then.
    """
    if feed.source != data_source():
        raise FeedNotOfTheClock(data_source(), feed.source)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [INGEST_LOCK])
        snapshots = _ingest_snapshots(feed, at, wall_at)
        weather = _ingest_weather(feed, at, wall_at)
        published = _ingest_published(feed, at, wall_at)
        own = _forecast(feed.source, at, wall_at)
    return IngestResult(snapshots, weather, published + own)


# Observations


def _ingest_snapshots(feed: GridFeed, at: datetime, wall_at: datetime) -> int:
    start = _window_start(feed, at, feed.backfill)
    records = [
        record
        for after, until in gaps("grid_snapshot", feed.source, start, at)
        for first, last, every in _by_age(after, until, at)
        for record in feed.snapshots(first, last, every=every)
    ]
    rows = [_snapshot_row(record, wall_at) for record in records]
    Snapshot.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)
    return len(rows)


def _ingest_weather(feed: GridFeed, at: datetime, wall_at: datetime) -> int:
    start = _window_start(feed, at, WEATHER_BACKFILL)
    records = [
        record
        for after, until in gaps("grid_weatherobservation", feed.source, start, at)
        for first, last, every in _by_age(after, until, at)
        for record in feed.weather(first, last, every=every)
    ]
    rows = [_weather_row(record, wall_at) for record in records]
    WeatherObservation.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)
    return len(rows)


def _window_start(feed: GridFeed, at: datetime, backfill: timedelta) -> datetime:
    start = floor_to(at - backfill, HOUR)
    return max(start, feed.history_start) if feed.history_start else start


def gaps(table: str, source: str, start: datetime, at: datetime) -> list[tuple[datetime, datetime]]:
    """Stretches (after, until] of (start, at] without rows, and the newest row to `at`; see Note [gaps]."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH instants AS (
                SELECT DISTINCT observed_at FROM {table}
                WHERE source = %s AND observed_at > %s AND observed_at <= %s
            ), steps AS (
                SELECT lag(observed_at, 1, %s) OVER (ORDER BY observed_at) AS after, observed_at AS until
                FROM instants
            )
            SELECT after, until FROM steps WHERE extract(epoch FROM until - after) > %s
            UNION ALL
            SELECT greatest(max(observed_at), %s), %s FROM instants
            ORDER BY 1
            """,  # noqa: S608 - the table is one of two constants
            [source, start, at, start, LARGEST_STEP.total_seconds(), start, at],
        )
        return [(after, until) for after, until in cursor.fetchall() if after < until]


def _by_age(after: datetime, until: datetime, at: datetime) -> Iterable[tuple[datetime, datetime, timedelta | None]]:
    """The part older than a day in hourly means, the rest in the feed's own rhythm."""
    fine_from = floor_to(at - FINE_FROM, HOUR)
    if after < fine_from:
        yield after, min(until, fine_from), HOUR
    if until > fine_from:
        yield max(after, fine_from), until, None


def _snapshot_row(record: SnapshotRecord, wall_at: datetime) -> Snapshot:
    return Snapshot(
        observed_at=record.observed_at,
        source=record.source,
        system_load_mw=record.system_load_mw,
        zone_load_mw=dict(record.zone_load_mw),
        prices_usd_per_mwh=dict(record.prices_usd_per_mwh),
        highest_price_usd_per_mwh=record.highest_price_usd_per_mwh,
        reserves_mw=record.reserves_mw,
        reserves_kind=record.reserves_kind.upper() if record.reserves_kind else None,
        eea_level=record.eea_level,
        wind_mw=record.wind_mw,
        solar_mw=record.solar_mw,
        created_at=wall_at,
    )


def _weather_row(record: WeatherRecord, wall_at: datetime) -> WeatherObservation:
    return WeatherObservation(
        place=record.place,
        observed_at=record.observed_at,
        source=record.source,
        temp_f=record.temp_f,
        humidity_pct=record.humidity_pct,
        wind_mph=record.wind_mph,
        conditions=record.conditions,
        created_at=wall_at,
    )


# Forecasts


def _ingest_published(feed: GridFeed, at: datetime, wall_at: datetime) -> int:
    """Day-ahead forecasts as published: the newest, and those before it when that one is news."""
    since = at - PUBLISHED_BACKFILL
    stored = set(
        ForecastVintage.objects.filter(
            source=feed.source, method=Method.DAY_AHEAD, known_at__gt=since, known_at__lte=at
        ).values_list("known_at", flat=True)
    )
    forecast = feed.forecast(at)
    if forecast is None or forecast.known_at in stored:
        return 0
    count = 0
    while forecast is not None and forecast.known_at > since:
        if forecast.known_at not in stored:
            _write(forecast, Method.DAY_AHEAD, [Method.DAY_AHEAD] * len(forecast.intervals), wall_at)
            count += 1
        forecast = feed.forecast(forecast.known_at - timedelta(seconds=1))
    return count


def _forecast(source: str, at: datetime, wall_at: datetime) -> int:
    """The forecast planned on: as published where published, the portal's own elsewhere; 1 if there was news."""
    loads = load_history(at=at)
    if loads is None:
        return 0
    published = _published_mw(source, at, loads.end)
    newest = max([loads.end, *(known_at for known_at, _mw in published.values())])
    own_or_mixed = ForecastVintage.objects.filter(source=source, method__in=[Method.PORTAL, Method.MIXED])
    if own_or_mixed.filter(known_at=newest).exists():
        return 0
    band = forecast_load(loads)
    if band is None:
        return 0
    intervals, methods = _combine(loads, band, published, _published_band(source, at, loads))
    intervals = _priced(intervals, loads, at)
    mixed = Method.DAY_AHEAD in methods
    label = f"{_published_label(source, at)}, {PORTAL_LABEL} beyond it" if mixed else PORTAL_LABEL
    forecast = LoadForecast(newest, newest, source, label, tuple(intervals))
    _write(forecast, Method.MIXED if mixed else Method.PORTAL, methods, wall_at)
    return 1


def _published_mw(source: str, at: datetime, start: datetime) -> dict[datetime, tuple[datetime, float]]:
    """(known at, MW) of the newest published forecast of each hour from `start` on."""
    points = ForecastPoint.objects.filter(
        vintage__source=source, vintage__method=Method.DAY_AHEAD, vintage__known_at__lte=at, starts_at__gte=start
    ).order_by("vintage__known_at")
    return {s: (known_at, mw) for s, known_at, mw in points.values_list("starts_at", "vintage__known_at", "load_mw")}


def _published_band(source: str, at: datetime, loads: HourlySeries) -> tuple[float, float]:
    points = ForecastPoint.objects.filter(
        vintage__source=source,
        vintage__method=Method.DAY_AHEAD,
        starts_at__gte=at - PUBLISHED_BACKFILL,
        starts_at__lt=loads.end,
    ).values_list("starts_at", "load_mw")
    errors = [np.log(loads.value_at(starts_at) / mw) for starts_at, mw in points if mw > 0]
    known: NDArray[np.float64] = np.array([error for error in errors if np.isfinite(error)])
    return band_of_errors(known)


def _published_label(source: str, at: datetime) -> str:
    vintages = ForecastVintage.objects.filter(source=source, method=Method.DAY_AHEAD, known_at__lte=at)
    return vintages.order_by("-known_at").values_list("label", flat=True)[0]


def _combine(
    loads: HourlySeries,
    own: LoadBand,
    published: dict[datetime, tuple[datetime, float]],
    published_band: tuple[float, float],
) -> tuple[list[ForecastInterval], list[Method]]:
    low, high = np.exp(published_band)
    intervals, methods = [], []
    for i, load_mw in enumerate(own.load_mw):
        start = loads.end + i * HOUR
        if start in published:
            mw = published[start][1]
            intervals.append(_rounded(start, mw, mw * low, mw * high))
            methods.append(Method.DAY_AHEAD)
        else:
            intervals.append(_rounded(start, load_mw, own.p10_mw[i], own.p90_mw[i]))
            methods.append(Method.PORTAL)
    return intervals, methods


def _rounded(start: datetime, load_mw: float, p10_mw: float, p90_mw: float) -> ForecastInterval:
    return ForecastInterval(start, round(float(load_mw), 1), round(float(p10_mw), 1), round(float(p90_mw), 1))


def _priced(intervals: list[ForecastInterval], loads: HourlySeries, at: datetime) -> list[ForecastInterval]:
    prices = price_history(at=at)
    if prices is None:
        return intervals
    expected = expected_price_of([i.starts_at for i in intervals], prices=prices, loads=loads, ahead=intervals)
    return [
        ForecastInterval(
            i.starts_at, i.load_mw, i.p10_mw, i.p90_mw, None if np.isnan(price) else round(float(price), 2)
        )
        for i, price in zip(intervals, expected, strict=True)
    ]


def _write(forecast: LoadForecast, method: Method, methods: list[Method], wall_at: datetime) -> None:
    vintage = ForecastVintage.objects.create(
        source=forecast.source,
        method=method,
        label=forecast.label,
        issued_at=forecast.issued_at,
        known_at=forecast.known_at,
        created_at=wall_at,
    )
    ForecastPoint.objects.bulk_create(
        ForecastPoint(
            vintage=vintage,
            starts_at=interval.starts_at,
            method=hour_method,
            load_mw=interval.load_mw,
            p10_mw=interval.p10_mw,
            p90_mw=interval.p90_mw,
            price_usd_per_mwh=interval.price_usd_per_mwh,
        )
        for interval, hour_method in zip(forecast.intervals, methods, strict=True)
    )
