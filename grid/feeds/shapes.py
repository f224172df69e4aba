"""Constants of the simulated grid, small and our own, calibrated on public ERCOT data.

Levels: means of July and August weekdays 2025 by Central clock hour (ERCOT native load), the slope of load on
temperature at 17:00 in 2023-2025 (914 to 1,267 MW per degree F), zone shares of 2024, reserves as in 2026 with
batteries (8 to 18 GW), price spikes when the sun has gone at 19:00-21:00 rather than at the load peak.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

# Mean load of July and August weekdays by clock hour, MW.
SUMMER_WEEKDAY_MW: Final = np.array(
    (
        *(59485, 56799, 54794, 53602, 53247, 53937, 55109, 55803, 58321, 61818, 65723, 69611),
        *(73136, 76025, 77560, 78363, 78691, 78323, 77185, 75154, 72796, 70381, 66882, 63146),
    ),
    dtype=np.float64,
)
ZONE_SHARES: Final[Mapping[str, float]] = {
    "COAST": 0.262,
    "EAST": 0.033,
    "FWEST": 0.108,
    "NORTH": 0.028,
    "NCENT": 0.302,
    "SOUTH": 0.077,
    "SCENT": 0.164,
    "WEST": 0.026,
}

# Temperature of the state's load, degrees F: mean, swing over the year and over the day.
TEMP_MEAN_F, TEMP_YEAR_SWING_F, TEMP_DAY_SWING_F = 68.5, 18.0, 10.5
HOTTEST_DAY_OF_YEAR, HOTTEST_HOUR = 213, 16.0
# One heat wave a year, so that a drill in the second week of August has something to show.
HEAT_WAVE_DAY_OF_YEAR, HEAT_WAVE_DAYS, HEAT_WAVE_F = 224, 3.0, 6.2
DAY_ANOMALY_F: Final = 1.3  # standard deviation of a day's departure, carried over several days
SUMMER_REFERENCE_F: Final = 86.0  # daily mean of July and August
PLACE_OFFSETS_F: Final[Mapping[str, float]] = {
    "houston": 0.5,
    "dallas": 1.0,
    "austin": 0.5,
    "corpus_christi": 0.0,
    "midland": -1.5,
    "tyler": -1.0,
    "wichita_falls": 0.5,
    "abilene": -0.5,
}

COOLING_FROM_F, HEATING_FROM_F = 65.0, 50.0
COOLING_MW_PER_F, COOLING_SWING_MW_PER_F = 775.0, 225.0  # mean over the day, and more at 17:00 than at 05:00
HEATING_MW_PER_F: Final = 600.0
WEEKEND_SHARE: Final = 0.965
LOAD_NOISE_SHARE: Final = 0.006

SOLAR_PEAK_MW, SUNRISE_HOUR, SUNSET_HOUR = 28_000.0, 6.8, 19.9
WIND_MEAN_MW, WIND_NIGHT_SWING_MW = 9_500.0, 2_500.0
HEAT_WAVE_LULL_SHARE: Final = 0.12  # of the wind, in the middle of the heat wave

# Reserves fall from their ceiling as load less wind and solar nears what the rest can carry.
RESERVES_CEILING_MW, RESERVES_SWING_MW = 18_000.0, 10_000.0
NET_LOAD_TIGHT_MW, NET_LOAD_TIGHT_SCALE_MW = 64_000.0, 3_000.0

PRICE_FLOOR_USD_PER_MWH, PRICE_SLOPE_USD_PER_GWH = 18.0, 0.9
NET_LOAD_CHEAP_MW: Final = 35_000.0
SPIKE_USD_PER_MWH, NET_LOAD_SPIKE_MW, NET_LOAD_SPIKE_SCALE_MW = 2_600.0, 68_500.0, 900.0
PRICE_SPREAD_USD_PER_MWH: Final[Mapping[str, float]] = {
    "LZ_HOUSTON": 1.02,
    "LZ_NORTH": 1.0,
    "LZ_SOUTH": 1.01,
    "LZ_WEST": 0.97,
    "LZ_AEN": 1.0,
    "LZ_CPS": 1.0,
    "LZ_LCRA": 0.99,
    "LZ_RAYBN": 1.0,
}

DAY_AHEAD_ERROR_SHARE, DAY_AHEAD_HOUR_ERROR_SHARE = 0.008, 0.005
