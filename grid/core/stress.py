"""Whether a day is worth a demand-response call, and when: a simple rule on load and expected price.

Note [the rule]
    A day is worth calling when the highest load still forecast comes to LOAD_SHARE of the highest load of the year
    before; or when its best two hours are expected to cost PRICE_USD_PER_MWH and load comes to PRICED_LOAD_SHARE; or
    when ERCOT has declared an emergency. A call on every warm day would use up programmes that allow some 20 a summer.

    The window is where price and load are high together: prices peak at 19:00-21:00, two to three hours after load,
    when the sun leaves; a planner keyed on load alone misses them. It starts as the best two hours in a row (price
    times load) and takes in the neighbour hour, the better first, that still has EXTEND_SHARE of the window's mean.

    How often, looking every hour on ERCOT's history from one and a quarter to five hours before the window: 35 days in
    2023 (of which 16 of the year's 30 days with an hour at 1,000 USD/MWh or more), 6 in 2024 (1 of 7), 7 in 2025
    (1 of 5); looking at any hour 54, 6 and 7. The thresholds were chosen on these same summers, so that the days of the
    shipped scenarios are among them: the figures describe the rule, they do not prove it. 6 September 2023 is called
    for its price alone (880 to 1,100 USD/MWh expected over the day, load at 93 to 96 %), and not at every hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from grid.core.intervals import HOUR
from grid.core.records import ForecastInterval

LOAD_SHARE: Final = 0.99
PRICED_LOAD_SHARE: Final = 0.94
PRICE_USD_PER_MWH: Final = 900.0
WATCH_LOAD_SHARE: Final = 0.94
FEWEST_HOURS: Final = 2
MOST_HOURS: Final = 4
EXTEND_SHARE: Final = 0.4

Level = Literal["normal", "watch", "tight", "emergency"]


@dataclass(frozen=True, slots=True)
class StressRule:
    """The rule's parameters, shares 0..1."""

    load_share: float = LOAD_SHARE
    priced_load_share: float = PRICED_LOAD_SHARE
    price_usd_per_mwh: float = PRICE_USD_PER_MWH
    watch_load_share: float = WATCH_LOAD_SHARE


@dataclass(frozen=True, slots=True)
class Stress:
    """The portal's own view of the hours ahead (never the declared EEA level) and the best window for a call.

    `peak_load_mw` and `peak_price_usd_per_mwh` are the highest of the hours looked at, None when nothing is known.
    """

    level: Level
    starts_at: datetime | None
    ends_at: datetime | None
    peak_load_mw: float | None
    peak_price_usd_per_mwh: float | None
    reasons: tuple[str, ...]
    worth_calling: bool


NOTHING_KNOWN: Final = Stress("normal", None, None, None, None, ("There is no forecast for the hours ahead.",), False)
DAY_TOO_SHORT: Final = Stress("normal", None, None, None, None, ("Too little is left of the day for a call.",), False)


def assess_stress(
    hours: Sequence[ForecastInterval],
    *,
    reference_peak_mw: float,
    eea_level: int | None = None,
    rule: StressRule = StressRule(),
) -> Stress:
    """Judge consecutive forecast hours (with prices where known) against the highest load of the year before."""
    if not hours:
        return NOTHING_KNOWN
    if len(hours) < FEWEST_HOURS:
        return DAY_TOO_SHORT
    load_mw = np.array([hour.load_mw for hour in hours])
    prices = np.array([np.nan if (p := hour.price_usd_per_mwh) is None else p for hour in hours])
    first, count = best_window(load_mw, prices)
    window_price = _best_pair(prices)
    reasons = tuple(_reasons(float(load_mw.max()), reference_peak_mw, window_price, eea_level, rule))
    share = float(load_mw.max()) / reference_peak_mw
    return Stress(
        level=_level(share, bool(reasons), eea_level, rule),
        starts_at=hours[first].starts_at,
        ends_at=hours[first].starts_at + count * HOUR,
        peak_load_mw=float(load_mw.max()),
        peak_price_usd_per_mwh=None if np.isnan(prices).all() else float(np.nanmax(prices)),
        reasons=reasons or (_calm(share, window_price),),
        worth_calling=bool(reasons),
    )


def dearest_two_hours(hours: Sequence[ForecastInterval]) -> float | None:
    """Mean price of the dearest two hours in a row, USD/MWh; None where no two in a row have a price."""
    prices = np.array([np.nan if (p := hour.price_usd_per_mwh) is None else p for hour in hours])
    return _best_pair(prices) if len(prices) >= FEWEST_HOURS else None


def best_window(load_mw: NDArray[np.float64], prices: NDArray[np.float64]) -> tuple[int, int]:
    """First hour and number of hours of the window; both arrays (n_hours,), n_hours >= 2, prices may be NaN.

    Without any price load alone decides; a negative price counts as none.
    """
    worth = np.nan_to_num(prices).clip(min=0.0) if (np.nan_to_num(prices) > 0).any() else np.ones(len(prices))
    score = worth * load_mw / load_mw.max()
    first = int(np.argmax(score[:-1] + score[1:]))
    last = first + FEWEST_HOURS
    while last - first < MOST_HOURS:
        before = score[first - 1] if first > 0 else -1.0
        after = score[last] if last < len(score) else -1.0
        if max(before, after) < EXTEND_SHARE * score[first:last].mean():
            break
        if before > after:
            first -= 1
        else:
            last += 1
    return first, last - first


def _best_pair(prices: NDArray[np.float64]) -> float | None:
    pairs = (prices[:-1] + prices[1:]) / 2
    return None if np.isnan(pairs).all() else float(np.nanmax(pairs))


def _reasons(
    peak_mw: float, reference_mw: float, price: float | None, eea_level: int | None, rule: StressRule
) -> list[str]:
    share = peak_mw / reference_mw
    reasons = []
    if eea_level:
        reasons.append(f"ERCOT has declared EEA{eea_level}.")
    if share >= rule.load_share:
        reasons.append(
            f"Load is forecast to reach {peak_mw:,.0f} MW, {100 * share:.1f} % of the past year's highest "
            f"({reference_mw:,.0f} MW)."
        )
    if price is not None and price >= rule.price_usd_per_mwh and share >= rule.priced_load_share:
        reasons.append(
            f"The dearest two hours are expected at {price:,.0f} $/MWh "
            f"with load at {100 * share:.1f} % of the past year's highest."
        )
    return reasons


def _calm(share: float, price: float | None) -> str:
    cost = "no price is known" if price is None else f"the dearest two hours are expected at {price:,.0f} $/MWh"
    return f"Load is forecast to reach {100 * share:.1f} % of the past year's highest and {cost}: not worth a call."


def _level(share: float, worth_calling: bool, eea_level: int | None, rule: StressRule) -> Level:
    if eea_level:
        return "emergency"
    if worth_calling:
        return "tight"
    return "watch" if share >= rule.watch_load_share else "normal"
