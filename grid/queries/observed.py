"""What had been observed by an instant: the newest snapshot, and hours that had ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, cast

import numpy as np
from django.db.models import Avg, DateTimeField, ExpressionWrapper, F, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, TruncHour
from numpy.typing import NDArray

from grid.core.intervals import HOUR, QUARTER, floor_to, operating_day, quarter_hours
from grid.core.records import ReservesKind
from grid.core.series import HourlySeries, series_of
from grid.models import Clock, ClockChange, ProcessHeartbeat, Snapshot, WeatherObservation

HISTORY_DAYS: Final = 80  # grid.core.forecast looks back 60 + 15 days
PRICE_DAYS: Final = 48  # grid.core.prices looks back 45


@dataclass(frozen=True, slots=True)
class CurrentSnapshot:
    """The newest snapshot with a load; the EEA level may have been declared after it. None: not known."""

    observed_at: datetime
    source: str
    system_load_mw: float | None
    zone_load_mw: dict[str, float]
    prices_usd_per_mwh: dict[str, float | None]
    highest_price_usd_per_mwh: float | None
    reserves_mw: float | None
    reserves_kind: ReservesKind | None
    eea_level: int | None
    wind_mw: float | None
    solar_mw: float | None

    def age_s(self, at: datetime) -> float:
        """Seconds since it was observed, in the portal's clock."""
        return (at - self.observed_at).total_seconds()


def data_source() -> str:
    """The source whose observations count now (the clock says which feed runs)."""
    return Clock.objects.filter(pk=Clock.SINGLE_ID).values_list("data_source", flat=True).first() or "synthetic:1"


def current_run() -> int:
    """The scenario run the clock is in; 0 when live. Plans of other runs belong to another time."""
    return Clock.objects.filter(pk=Clock.SINGLE_ID).values_list("run", flat=True).first() or 0


def run_of_clock() -> Coalesce:
    """The same inside another query."""
    return Coalesce(Subquery(Clock.objects.filter(pk=Clock.SINGLE_ID).values("run")), 0)


def clock_changes() -> QuerySet[ClockChange]:
    """What was done to the clock, newest first, with who did it."""
    return ClockChange.objects.select_related("by").order_by("-pk")


def current_snapshot(*, at: datetime) -> CurrentSnapshot | None:
    """The newest snapshot known at `at`, with the EEA level declared since where there is one; or None."""
    newest = latest_snapshot(at=at)
    if newest is None:
        return None
    known = Snapshot.objects.known(source=newest.source, at=at)
    declared = (
        known.filter(observed_at__gte=newest.observed_at, eea_level__isnull=False).order_by("-observed_at").first()
    )
    return CurrentSnapshot(
        observed_at=newest.observed_at,
        source=newest.source,
        system_load_mw=newest.system_load_mw,
        zone_load_mw=newest.zone_load_mw,
        prices_usd_per_mwh=newest.prices_usd_per_mwh,
        highest_price_usd_per_mwh=newest.highest_price_usd_per_mwh,
        reserves_mw=newest.reserves_mw,
        reserves_kind=cast("ReservesKind | None", newest.reserves_kind and newest.reserves_kind.lower()),
        eea_level=declared.eea_level if declared else None,
        wind_mw=newest.wind_mw,
        solar_mw=newest.solar_mw,
    )


def latest_snapshot(*, at: datetime) -> Snapshot | None:
    """The newest row with a load, as stored (health, age of data)."""
    known = Snapshot.objects.known(source=data_source(), at=at)
    return known.filter(system_load_mw__isnull=False).order_by("-observed_at").first()


def heartbeat_wall_at(name: str) -> datetime | None:
    """When a process was last seen, wall time; None: never."""
    return ProcessHeartbeat.objects.filter(name=name).values_list("wall_at", flat=True).first()


def recent_snapshots(*, at: datetime, hours: float = 24) -> QuerySet[Snapshot]:
    """Snapshots with a load of the last `hours`, oldest first (charts)."""
    known = Snapshot.objects.known(source=data_source(), at=at)
    return known.filter(system_load_mw__isnull=False, observed_at__gt=at - timedelta(hours=hours)).order_by(
        "observed_at"
    )


def load_history(*, at: datetime, days: int = HISTORY_DAYS) -> HourlySeries | None:
    """Hourly mean system load in MW of the hours that ended within `days` before `at`; None when there is none."""
    return _hourly("system_load_mw", start=at - timedelta(days=days), at=at)


def price_history(*, at: datetime, days: int = PRICE_DAYS) -> HourlySeries | None:
    """Highest load-zone price of each hour, USD/MWh, likewise."""
    return _hourly("highest_price_usd_per_mwh", start=at - timedelta(days=days), at=at)


def temperature_history(*, place: str, start: datetime, at: datetime) -> HourlySeries | None:
    """Temperature of the hours of one place that began at `start` or later and ended by `at`, degrees F."""
    rows = WeatherObservation.objects.known(source=data_source(), at=at).filter(place=place)
    return _by_hour(cast("QuerySet[WeatherObservation]", rows), "temp_f", start=start, at=at)


def temperature_histories(*, places: Iterable[str], start: datetime, at: datetime) -> dict[str, HourlySeries]:
    """The same of several places by name, in one query; a place of which nothing is known is left out."""
    rows = WeatherObservation.objects.known(source=data_source(), at=at).filter(place__in=list(places))
    found: dict[str, list[tuple[datetime, float | None]]] = {}
    for place, hour, mean in _means_of_hours(rows, "temp_f", start, at, "place").values_list("place", "hour", "mean"):
        found.setdefault(place, []).append((hour, mean))
    return {place: series for place, hours in found.items() if (series := series_of(hours)) is not None}


def _hourly(field: str, *, start: datetime, at: datetime) -> HourlySeries | None:
    return _by_hour(Snapshot.objects.known(source=data_source(), at=at), field, start=start, at=at)


def _by_hour(
    rows: QuerySet[Snapshot] | QuerySet[WeatherObservation], field: str, *, start: datetime, at: datetime
) -> HourlySeries | None:
    return series_of(_means_of_hours(rows, field, start, at).values_list("hour", "mean"))


def _means_of_hours(
    rows: QuerySet[Snapshot] | QuerySet[WeatherObservation], field: str, start: datetime, at: datetime, *by: str
) -> QuerySet[Any, Any]:
    """Means of the hours that have ended: an observation at 15:00 belongs to the hour from 14:00."""
    just_before = ExpressionWrapper(F("observed_at") - Value(timedelta(microseconds=1)), output_field=DateTimeField())
    inside = rows.filter(observed_at__gt=floor_to(start, HOUR), observed_at__lte=floor_to(at, HOUR))
    hours = inside.annotate(hour=TruncHour(just_before, tzinfo=UTC)).values(*by, "hour")
    means: QuerySet[Any, Any] = hours.annotate(mean=Avg(field)).order_by(*by, "hour")
    return means


def actual_prices(*, start: datetime, end: datetime, at: datetime, zone: str | None = None) -> NDArray[np.float64]:
    """Price of the hour of each quarter-hour in [start, end), USD/MWh, (n_quarters,): of `zone`, else the highest.

    NaN where an hour has not ended by `at` or its price is not known.
    """
    starts = quarter_hours(start, end)
    series = price_history(at=at, days=(at - start) // timedelta(days=1) + 2) if zone is None else None
    if zone is not None:
        field = f"prices_usd_per_mwh__{zone}"
        rows = Snapshot.objects.known(source=data_source(), at=at).filter(observed_at__gt=start)
        series = _zone_series(rows.order_by("observed_at").values_list("observed_at", field))
    return np.array([series.value_at(s) if series and s + QUARTER <= at else np.nan for s in starts])


def _zone_series(rows: Iterable[tuple[datetime, float | None]]) -> HourlySeries | None:
    hours: dict[datetime, list[float]] = {}
    for observed_at, price in rows:
        if price is not None:
            hours.setdefault(floor_to(observed_at - timedelta(microseconds=1), HOUR), []).append(float(price))
    return series_of((hour, sum(prices) / len(prices)) for hour, prices in hours.items())


def grid_peak_mw(day: date, *, at: datetime) -> float | None:
    """Highest hourly load of an operating day among the hours that had ended by `at`; None when none is known."""
    return _highest(load_history(at=min(at, operating_day(day)[1]), days=2), day)


def price_peak(day: date, *, at: datetime) -> float | None:
    """Highest hourly price of any load zone of an operating day, USD/MWh, likewise."""
    return _highest(price_history(at=min(at, operating_day(day)[1]), days=2), day)


def _highest(series: HourlySeries | None, day: date) -> float | None:
    if series is None:
        return None
    start, end = operating_day(day)
    inside = [v for s, v in zip(series.starts(), series.values, strict=True) if start <= s < end and not np.isnan(v)]
    return float(max(inside)) if inside else None
