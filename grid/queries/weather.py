"""The weather of a place: what had been observed, and the temperatures to expect from the past alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from grid.core.intervals import HOUR, floor_to, quarter_hours
from grid.core.refusals import Invalid
from grid.core.series import HourlySeries, without_gaps
from grid.core.temperature import forecast_temp_f
from grid.models import WeatherObservation
from grid.places import place_of_zip
from grid.queries.observed import data_source, temperature_histories, temperature_history

HISTORY: Final = timedelta(days=5)


class TemperatureUnknown(Invalid):
    """No temperature of this place was known early enough."""

    def __init__(self, place: str, at: datetime) -> None:
        self.place, self.at = place, at
        super().__init__(f"No temperature of {place} is known by {at.isoformat()}")


@dataclass(frozen=True, slots=True)
class WeatherHour:
    """One forecast hour; `conditions` are None because the portal forecasts temperature only."""

    starts_at: datetime
    temp_f: float
    conditions: str | None = None


@dataclass(frozen=True, slots=True)
class Weather:
    """The newest observation of a place, None throughout where nothing is known, and the hours ahead."""

    place: str
    observed_at: datetime | None
    source: str | None
    temp_f: float | None
    humidity_pct: float | None
    wind_mph: float | None
    conditions: str | None
    forecast: tuple[WeatherHour, ...]


def weather_at(*, place: str | None = None, zip_code: str | None = None, at: datetime, hours: int = 24) -> Weather:
    """The weather of one of the eight places, or of the one nearest to a ZIP. Raises UnknownZip."""
    name = place if place is not None else place_of_zip(zip_code or "").name
    newest = (
        WeatherObservation.objects.known(source=data_source(), at=at).filter(place=name).order_by("observed_at").last()
    )
    ahead = _hours_ahead(name, at, hours)
    if newest is None:
        return Weather(name, None, None, None, None, None, None, ahead)
    return Weather(
        place=name,
        observed_at=newest.observed_at,
        source=newest.source,
        temp_f=newest.temp_f,
        humidity_pct=newest.humidity_pct,
        wind_mph=newest.wind_mph,
        conditions=newest.conditions,
        forecast=ahead,
    )


def _hours_ahead(place: str, at: datetime, hours: int) -> tuple[WeatherHour, ...]:
    start = floor_to(at, HOUR)
    try:
        temps_f = temperature_forecast(place=place, start=start, end=start + hours * HOUR, at=at)[::4]
    except TemperatureUnknown:
        return ()
    return tuple(WeatherHour(start + i * HOUR, round(float(temp_f), 1)) for i, temp_f in enumerate(temps_f))


def temperature_forecast(*, place: str, start: datetime, end: datetime, at: datetime) -> NDArray[np.float64]:
    """Degrees F of each quarter-hour in [start, end) as known at `at`, (n_quarters,).

    Quarter-hours of hours that had ended are as observed; the running hour and all later ones are forecast from hours
    that had ended, however far ahead. The quarter-hours of an hour share its value. Raises TemperatureUnknown when
    less than a day of observations was known, or `start` lies before all of them.
    """
    history = temperature_history(place=place, start=min(start, at - HISTORY), at=at)
    found = _forecast_of(history, start, end)
    if found is None:
        raise TemperatureUnknown(place, at)
    return found


def temperature_forecasts(
    *, places: Iterable[str], start: datetime, end: datetime, at: datetime
) -> dict[str, NDArray[np.float64] | None]:
    """The same of several places, None where `temperature_forecast` would raise; two queries however many."""
    names = list(places)
    histories = temperature_histories(places=names, start=min(start, at - HISTORY), at=at)
    return {name: _forecast_of(histories.get(name), start, end) for name in names}


def _forecast_of(history: HourlySeries | None, start: datetime, end: datetime) -> NDArray[np.float64] | None:
    starts = quarter_hours(start, end)
    if history is None or (starts and starts[0] < history.first):
        return None
    n_ahead = max((starts[-1] - history.end) // HOUR + 1, 0) if starts else 0
    ahead = forecast_temp_f(history, n_ahead)
    if ahead is None:
        return None
    temps_f = np.concatenate([without_gaps(history.values), ahead])
    return temps_f[[(s - history.first) // HOUR for s in starts]]
