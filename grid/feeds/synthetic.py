"""A simulated grid: the same instants always give the same values, whoever asks and in whatever order.

Random departures are drawn per operating day from (seed, day), so nothing depends on what was asked before.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from grid.core.intervals import (
    DAY_AHEAD_PUBLISHED,
    HOUR,
    ceil_to,
    central,
    day_ahead_known_at,
    floor_to,
    hours_of,
    operating_day_of,
)
from grid.core.records import ForecastInterval, LoadForecast, SnapshotRecord, WeatherRecord
from grid.core.series import local_clock
from grid.feeds import shapes

FIVE_MINUTES: Final = timedelta(minutes=5)
CARRY_OVER: Final = np.array([0.55, 0.35, 0.25, 0.15, 0.08])  # of a day's departure into the days after it
DAY_AHEAD_LABEL: Final = "simulated day-ahead forecast"

Array = NDArray[np.float64]


class DayDraw(NamedTuple):
    """Standard normal departures of one operating day."""

    temperature: float
    cloud: float
    wind: float
    forecast: float
    hourly: tuple[float, ...]  # 25 of load
    hourly_forecast: tuple[float, ...]  # 25


class Simulated(NamedTuple):
    """The grid at some instants; each (n,)."""

    temp_f: Array
    cloud: Array
    load_mw: Array
    wind_mw: Array
    solar_mw: Array
    reserves_mw: Array
    price_usd_per_mwh: Array


class SyntheticFeed:
    """A grid with the levels and shapes of ERCOT's summers, every five minutes."""

    history_start: datetime | None = None
    history_end: datetime | None = None
    backfill = timedelta(days=80)

    def __init__(self, random_seed: int = 1) -> None:
        self._seed = random_seed

    @property
    def source(self) -> str:
        """`synthetic:SEED`."""
        return f"synthetic:{self._seed}"

    def snapshots(self, after: datetime, until: datetime, *, every: timedelta | None = None) -> list[SnapshotRecord]:
        """Every five minutes in (after, until], or means of the `every` that ended in it."""
        step = every or FIVE_MINUTES
        instants = _instants(after, until, step)
        if not instants:
            return []
        means = Simulated(*(_means(values, step) for values in self._simulate(_within(instants, step))))
        return [self._snapshot(at, means, i) for i, at in enumerate(instants)]

    def weather(self, after: datetime, until: datetime, *, every: timedelta | None = None) -> list[WeatherRecord]:
        """Every place on the quarter-hour in (after, until], or means of the `every` that ended in it."""
        step = every or 3 * FIVE_MINUTES
        instants = _instants(after, until, step)
        if not instants:
            return []
        means = Simulated(*(_means(values, step) for values in self._simulate(_within(instants, step))))
        return [
            self._weather(place, offset_f, at, means, i)
            for i, at in enumerate(instants)
            for place, offset_f in shapes.PLACE_OFFSETS_F.items()
        ]

    def forecast(self, known_by: datetime) -> LoadForecast | None:
        """The day-ahead forecast of the newest operating day published by `known_by`: truth with a day's error."""
        today = operating_day_of(known_by)
        published = central(today, DAY_AHEAD_PUBLISHED) <= known_by
        day = today + timedelta(days=1 if published else 0)
        hours = hours_of(day)
        truth_mw = _means(self._simulate(_within([hour + HOUR for hour in hours], HOUR)).load_mw, HOUR)
        draw = _draw(self._seed, day.toordinal())
        errors = shapes.DAY_AHEAD_ERROR_SHARE * draw.forecast + shapes.DAY_AHEAD_HOUR_ERROR_SHARE * np.array(
            draw.hourly_forecast[: len(hours)]
        )
        intervals = tuple(
            ForecastInterval(hour, round(float(mw), 1)) for hour, mw in zip(hours, truth_mw * (1 + errors), strict=True)
        )
        known_at = day_ahead_known_at(day)
        return LoadForecast(known_at, known_at, self.source, DAY_AHEAD_LABEL, intervals)

    def _snapshot(self, at: datetime, grid: Simulated, i: int) -> SnapshotRecord:
        load_mw = round(float(grid.load_mw[i]), 1)
        price = float(grid.price_usd_per_mwh[i])
        return SnapshotRecord(
            observed_at=at,
            source=self.source,
            system_load_mw=load_mw,
            zone_load_mw={zone: round(load_mw * share, 1) for zone, share in shapes.ZONE_SHARES.items()},
            prices_usd_per_mwh={z: round(price * spread, 2) for z, spread in shapes.PRICE_SPREAD_USD_PER_MWH.items()},
            reserves_mw=round(float(grid.reserves_mw[i])),
            reserves_kind="measured",
            eea_level=0,
            wind_mw=round(float(grid.wind_mw[i]), 1),
            solar_mw=round(float(grid.solar_mw[i]), 1),
        )

    def _weather(self, place: str, offset_f: float, at: datetime, grid: Simulated, i: int) -> WeatherRecord:
        temp_f = float(grid.temp_f[i]) + offset_f
        return WeatherRecord(
            place=place,
            observed_at=at,
            source=self.source,
            temp_f=round(temp_f, 1),
            humidity_pct=round(float(np.clip(80 - 1.5 * (temp_f - 70), 15, 95))),
            wind_mph=round(float(grid.wind_mw[i]) / 1_000, 1),
            conditions=_conditions(float(grid.cloud[i]), float(grid.solar_mw[i])),
        )

    def _simulate(self, instants: list[datetime]) -> Simulated:
        """The model; instants are evenly spaced within hours, so that the clock is looked up once an hour."""
        days, hour = _local(instants)
        draws = {int(day): _carried(self._seed, int(day)) for day in np.unique(days)}
        per_day = np.array([draws[int(day)] for day in days])  # (n, 3)
        temp_f = _temperature(days, hour, per_day[:, 0])
        cloud = np.clip(0.25 + 0.2 * per_day[:, 1], 0.0, 0.9)
        load_mw = _load(days, hour, temp_f) * (1 + shapes.LOAD_NOISE_SHARE * self._noise(days, hour))
        solar_mw = _solar(hour) * (1 - 0.6 * cloud)
        wind_mw = _wind(hour, per_day[:, 2], _heat_wave(days))
        net_mw = load_mw - wind_mw - solar_mw
        return Simulated(temp_f, cloud, load_mw, wind_mw, solar_mw, _reserves(net_mw), _price(net_mw))

    def _noise(self, days: NDArray[np.int64], hour: Array) -> Array:
        """Departures of load in standard deviations, running evenly from hour to hour; (n,)."""
        hourly = {int(day): np.array(_draw(self._seed, int(day)).hourly) for day in np.unique(days)}
        table = np.array([hourly[int(day)] for day in days])
        rows, whole = np.arange(len(days)), hour.astype(np.int64)
        rest = hour - whole
        following = np.where(whole < 23, table[rows, whole + 1], 0.0)
        return table[rows, whole] * (whole > 0) * (1 - rest) + following * rest


def _instants(after: datetime, until: datetime, step: timedelta) -> list[datetime]:
    first = ceil_to(after, min(step, HOUR))
    first = first + step if first <= after else first
    count = (until - first) // step + 1
    return [first.astimezone(UTC) + i * step for i in range(max(count, 0))]


def _within(instants: list[datetime], step: timedelta) -> list[datetime]:
    """The five-minute instants whose mean is the value at each instant: those that end within its step."""
    count = step // FIVE_MINUTES
    return [at - i * FIVE_MINUTES for at in instants for i in range(count - 1, -1, -1)]


def _means(values: Array, step: timedelta) -> Array:
    return np.asarray(values.reshape(-1, step // FIVE_MINUTES).mean(axis=1))


def _local(instants: list[datetime]) -> tuple[NDArray[np.int64], Array]:
    """Operating day ordinal and Central clock hour with its fraction of each instant."""
    hours = sorted({floor_to(at, HOUR) for at in instants})
    clock = {hour: (int(d[0]), int(h[0])) for hour in hours for d, h in [local_clock(hour, 1)]}
    pairs = [(*clock[floor_to(at, HOUR)], (at - floor_to(at, HOUR)) / HOUR) for at in instants]
    days = np.array([day for day, _hour, _rest in pairs], dtype=np.int64)
    return days, np.array([hour + rest for _day, hour, rest in pairs])


@lru_cache(maxsize=4096)
def _draw(seed: int, day: int) -> DayDraw:
    normal = np.random.default_rng([seed, day]).standard_normal(54)
    temperature, cloud, wind, forecast = normal[:4].tolist()
    return DayDraw(temperature, cloud, wind, forecast, tuple(normal[4:29].tolist()), tuple(normal[29:].tolist()))


@lru_cache(maxsize=4096)
def _carried(seed: int, day: int) -> tuple[float, float, float]:
    """Departures of temperature, cloud and wind of a day, carried over from the days before it."""
    past = np.array([_draw(seed, day - i)[:3] for i in range(len(CARRY_OVER))])
    temperature, cloud, wind = (CARRY_OVER / np.linalg.norm(CARRY_OVER)) @ past
    return float(temperature), float(cloud), float(wind)


def _temperature(days: NDArray[np.int64], hour: Array, departure: Array) -> Array:
    year = np.cos(2 * np.pi * (_day_of_year(days) - shapes.HOTTEST_DAY_OF_YEAR) / 365.25)
    mean_f = shapes.TEMP_MEAN_F + shapes.TEMP_YEAR_SWING_F * year + shapes.HEAT_WAVE_F * _heat_wave(days)
    return np.asarray(mean_f + shapes.DAY_ANOMALY_F * departure + _daily_swing(hour))


def _day_of_year(days: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.array([date.fromordinal(int(day)).timetuple().tm_yday for day in days], dtype=np.int64)


def _heat_wave(days: NDArray[np.int64]) -> Array:
    """1 in the middle of the year's heat wave, falling to 0 within days."""
    distance = (_day_of_year(days) - shapes.HEAT_WAVE_DAY_OF_YEAR) / shapes.HEAT_WAVE_DAYS
    return np.asarray(np.exp(-0.5 * distance**2))


def _daily_swing(hour: Array) -> Array:
    return np.asarray(shapes.TEMP_DAY_SWING_F * np.cos(2 * np.pi * (hour - shapes.HOTTEST_HOUR) / 24))


def _load(days: NDArray[np.int64], hour: Array, temp_f: Array) -> Array:
    """Summer weekday shape, less the cooling in it at its own temperatures, plus what these call for."""
    shape = np.interp(hour, np.arange(25) + 0.5, np.append(shapes.SUMMER_WEEKDAY_MW, shapes.SUMMER_WEEKDAY_MW[0]))
    slope = shapes.COOLING_MW_PER_F + shapes.COOLING_SWING_MW_PER_F * np.cos(2 * np.pi * (hour - 17) / 24)
    held_f = np.maximum(shapes.SUMMER_REFERENCE_F + _daily_swing(hour) - shapes.COOLING_FROM_F, 0)
    cooling_f = np.maximum(temp_f - shapes.COOLING_FROM_F, 0)
    heating_mw = shapes.HEATING_MW_PER_F * np.maximum(shapes.HEATING_FROM_F - temp_f, 0)
    weekend = np.isin(days % 7, (6, 0))  # ordinal 1 was a Monday
    return np.asarray(
        (shape + slope * (cooling_f - held_f) + heating_mw) * np.where(weekend, shapes.WEEKEND_SHARE, 1.0)
    )


def _solar(hour: Array) -> Array:
    day = (hour - shapes.SUNRISE_HOUR) / (shapes.SUNSET_HOUR - shapes.SUNRISE_HOUR)
    height = np.sin(np.pi * np.clip(day, 0, 1))
    return shapes.SOLAR_PEAK_MW * np.asarray(height**0.8)


def _wind(hour: Array, departure: Array, heat_wave: Array) -> Array:
    """A heat wave brings a lull, and little chance of a windy day."""
    shape_mw = shapes.WIND_MEAN_MW + shapes.WIND_NIGHT_SWING_MW * np.cos(2 * np.pi * (hour - 1) / 24)
    spread = np.exp(0.25 * departure * (1 - 0.8 * heat_wave))
    return np.asarray(shape_mw * spread * (1 - shapes.HEAT_WAVE_LULL_SHARE * heat_wave))


def _sigmoid(values: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-values)))


def _reserves(net_mw: Array) -> Array:
    tight = _sigmoid((net_mw - shapes.NET_LOAD_TIGHT_MW) / shapes.NET_LOAD_TIGHT_SCALE_MW)
    return shapes.RESERVES_CEILING_MW - shapes.RESERVES_SWING_MW * tight


def _price(net_mw: Array) -> Array:
    base = shapes.PRICE_FLOOR_USD_PER_MWH
    slope = shapes.PRICE_SLOPE_USD_PER_GWH * (net_mw - shapes.NET_LOAD_CHEAP_MW) / 1_000
    spike = shapes.SPIKE_USD_PER_MWH * _sigmoid((net_mw - shapes.NET_LOAD_SPIKE_MW) / shapes.NET_LOAD_SPIKE_SCALE_MW)
    return base + slope + spike


def _conditions(cloud: float, solar_mw: float) -> str:
    clear = "sunny" if solar_mw > 0 else "clear"
    return clear if cloud < 0.25 else "partly cloudy" if cloud < 0.55 else "cloudy"
