"""The price to expect in an hour: what past days like the one forecast paid at the same clock hour.

A day counts by how recent it is and by how near its peak load came to the peak now forecast. Blanks are left out.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from grid.core.series import HOURS_PER_DAY, HourlySeries, by_day_and_hour

LOOK_BACK_DAYS: Final = 45
RECENCY_DAYS: Final = 10.0  # a day's weight falls to 37 % after so many days
PEAK_LIKENESS_SHARE: Final = 0.03  # one standard deviation of the peak's ratio
LEAST_WEIGHT: Final = 1e-9  # so that a day unlike all others still has an expectation


def expected_prices(
    price_usd_per_mwh: HourlySeries, load_mw: HourlySeries, *, day: int, peak_load_mw: float
) -> NDArray[np.float64]:
    """Expected USD/MWh by Central clock hour, (24,), on the operating day of ordinal `day`; NaN for an hour never seen.

    Only operating days before `day` count. Give the highest load-zone price of each hour to get the expected highest.
    """
    days, prices = by_day_and_hour(price_usd_per_mwh, days=LOOK_BACK_DAYS + 2)
    load_days, loads = by_day_and_hour(load_mw, days=LOOK_BACK_DAYS + 2)
    past = days < day
    days, prices = days[past][-LOOK_BACK_DAYS:], prices[past][-LOOK_BACK_DAYS:]
    weights = _weights(day - days, _peaks(load_days, loads, days) / peak_load_mw)[:, None] * ~np.isnan(prices)
    totals = weights.sum(axis=0)
    sums = (weights * np.nan_to_num(prices)).sum(axis=0)
    return np.where(totals > 0, sums / np.where(totals > 0, totals, 1.0), np.full(HOURS_PER_DAY, np.nan))


def _weights(age_days: NDArray[np.int64], peak_ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    likeness = np.exp(-0.5 * ((peak_ratio - 1.0) / PEAK_LIKENESS_SHARE) ** 2)
    return np.exp(-age_days / RECENCY_DAYS) * likeness + LEAST_WEIGHT


def _peaks(load_days: NDArray[np.int64], loads: NDArray[np.float64], days: NDArray[np.int64]) -> NDArray[np.float64]:
    """Highest known load of each of `days`, MW, (n_days,); 0 where none is known."""
    highest = dict(zip(load_days.tolist(), np.nan_to_num(loads).max(axis=1).tolist(), strict=True))
    return np.array([highest.get(day, 0.0) for day in days.tolist()])
