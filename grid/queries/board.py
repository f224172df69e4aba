"""Reads of the grid page: all places and all zones at once, and what had been forecast of hours that are over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from django.db.models import Avg, DateTimeField, ExpressionWrapper, F, FloatField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, TruncHour

from grid.core.forecast_error import ComparedHour
from grid.core.intervals import HOUR, floor_to
from grid.core.records import LOAD_ZONES, ForecastInterval
from grid.core.series import HourlySeries, series_of
from grid.models import ForecastPoint, Method, Snapshot, WeatherObservation
from grid.places import places
from grid.queries.ahead import expected_price_of
from grid.queries.observed import PRICE_DAYS, data_source, load_history
from grid.queries.weather import Weather, WeatherHour, temperature_forecasts

OWN: Final = (Method.PORTAL, Method.MIXED)
PUBLISHED: Final = (Method.DAY_AHEAD,)
LONGEST_LEAD: Final = timedelta(hours=24)


def weather_board(*, at: datetime, hours: int = 24) -> list[Weather]:
    """The weather of all eight places, in the order of `places()`."""
    names = [place.name for place in places()]
    known = WeatherObservation.objects.known(source=data_source(), at=at)
    newest = {row.place: row for row in known.order_by("place", "-observed_at").distinct("place")}
    start = floor_to(at, HOUR)
    ahead = temperature_forecasts(places=names, start=start, end=start + hours * HOUR, at=at)
    return [_weather(name, newest.get(name), ahead[name], start) for name in names]


def _weather(name: str, newest: WeatherObservation | None, temps_f: Any, start: datetime) -> Weather:
    quarters = () if temps_f is None else temps_f[::4]
    forecast = tuple(WeatherHour(start + i * HOUR, round(float(temp), 1)) for i, temp in enumerate(quarters))
    if newest is None:
        return Weather(name, None, None, None, None, None, None, forecast)
    seen = (newest.temp_f, newest.humidity_pct, newest.wind_mph, newest.conditions)
    return Weather(name, newest.observed_at, newest.source, *seen, forecast)


def expected_zone_prices(
    *, at: datetime, ahead: Collection[ForecastInterval]
) -> Mapping[str, list[tuple[datetime, float]]]:
    """Expected price of each forecast hour by load zone, USD/MWh; a zone without past prices is left out."""
    loads = load_history(at=at, days=PRICE_DAYS)
    starts = [hour.starts_at for hour in ahead]
    if loads is None or not starts:
        return {}
    found = {}
    for zone, prices in _zone_histories(at).items():
        expected = expected_price_of(starts, prices=prices, loads=loads, ahead=ahead)
        found[zone] = [(s, float(p)) for s, p in zip(starts, expected, strict=True) if not np.isnan(p)]
    return found


def _zone_histories(at: datetime) -> Mapping[str, HourlySeries]:
    """Hourly mean price of each zone over the days the expectation looks back, in one query."""
    just_before = ExpressionWrapper(F("observed_at") - Value(timedelta(microseconds=1)), output_field=DateTimeField())
    known = Snapshot.objects.known(source=data_source(), at=floor_to(at, HOUR))
    prices = {zone: Avg(Cast(KT(f"prices_usd_per_mwh__{zone}"), FloatField())) for zone in LOAD_ZONES}
    rows: list[Any] = list(
        known.filter(observed_at__gt=floor_to(at - timedelta(days=PRICE_DAYS), HOUR))
        .annotate(hour=TruncHour(just_before, tzinfo=UTC))
        .values("hour")
        .annotate(**prices)
        .order_by("hour")
    )
    series = {zone: series_of((row["hour"], row[zone]) for row in rows) for zone in LOAD_ZONES}
    return {zone: found for zone, found in series.items() if found is not None}


def compared_hours(*, since: datetime, at: datetime, methods: Collection[Method] = OWN) -> list[ComparedHour]:
    """Hours from `since` that had ended by `at`, each against the earliest forecast of the 24 hours before it.

    An hour nobody had forecast by its start, or whose load is not known, is left out.
    """
    actual = load_history(at=at, days=(at - since) // timedelta(days=1) + 2)
    if actual is None:
        return []
    points = ForecastPoint.objects.filter(
        vintage__source=data_source(),
        vintage__method__in=methods,
        vintage__known_at__lte=F("starts_at"),
        vintage__known_at__gte=F("starts_at") - LONGEST_LEAD,
        starts_at__gte=since,
        starts_at__lte=at - HOUR,
    )
    earliest = points.order_by("starts_at", "vintage__known_at", "pk").distinct("starts_at").select_related("vintage")
    compared = (_compared(point, actual.value_at(point.starts_at)) for point in earliest)
    return [hour for hour in compared if not np.isnan(hour.actual_mw) and hour.actual_mw > 0]


def _compared(point: ForecastPoint, actual_mw: float) -> ComparedHour:
    said = point.vintage
    band = (point.p10_mw, point.p90_mw)
    return ComparedHour(point.starts_at, said.known_at, said.label, point.load_mw, *band, actual_mw)
