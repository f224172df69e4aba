"""What feeds hand over and the rest computes with: validated, frozen, no ORM.

`None` always means "not known"; nothing is filled in. Every record says where it came from and when it was observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

LOAD_ZONES: Final = (
    "LZ_HOUSTON",
    "LZ_NORTH",
    "LZ_SOUTH",
    "LZ_WEST",
    "LZ_AEN",
    "LZ_CPS",
    "LZ_LCRA",
    "LZ_RAYBN",
)
WEATHER_ZONES: Final = ("COAST", "EAST", "FWEST", "NORTH", "NCENT", "SOUTH", "SCENT", "WEST")

# Share of each weather zone in the load of July and August 2024, as weights of the state's temperature.
PLACE_WEIGHTS: Final[Mapping[str, float]] = {
    "dallas": 0.302,
    "houston": 0.262,
    "austin": 0.164,
    "midland": 0.108,
    "corpus_christi": 0.077,
    "tyler": 0.033,
    "wichita_falls": 0.028,
    "abilene": 0.026,
}

ReservesKind = Literal["measured", "derived"]


@dataclass(frozen=True, slots=True)
class SnapshotRecord:
    """The grid at one instant; in hourly sources the mean of the hour that ended at `observed_at`."""

    observed_at: datetime
    source: str
    system_load_mw: float | None
    zone_load_mw: Mapping[str, float]
    prices_usd_per_mwh: Mapping[str, float | None]
    reserves_mw: float | None = None
    reserves_kind: ReservesKind | None = None
    eea_level: int | None = None
    wind_mw: float | None = None
    solar_mw: float | None = None

    @property
    def highest_price_usd_per_mwh(self) -> float | None:
        """The highest known load-zone price."""
        return max((price for price in self.prices_usd_per_mwh.values() if price is not None), default=None)


@dataclass(frozen=True, slots=True)
class WeatherRecord:
    """The weather of one place at one instant; in hourly sources of the hour that ended at `observed_at`."""

    place: str
    observed_at: datetime
    source: str
    temp_f: float | None
    humidity_pct: float | None = None
    wind_mph: float | None = None
    conditions: str | None = None


@dataclass(frozen=True, slots=True)
class ForecastInterval:
    """One hour from `starts_at`: expected mean load with its 10th and 90th percentile, and price where expected."""

    starts_at: datetime
    load_mw: float
    p10_mw: float | None = None
    p90_mw: float | None = None
    price_usd_per_mwh: float | None = None


@dataclass(frozen=True, slots=True)
class LoadForecast:
    """One forecast as issued: `known_at` is when the portal may use it, `label` names it in words."""

    issued_at: datetime
    known_at: datetime
    source: str
    label: str
    intervals: tuple[ForecastInterval, ...]
