"""The four strategies as weights of the objective, and how each chooses a target when none is asked for.

Weights: docs/formulation.md, from the measured prototype. `value`, `incentive`, `fatigue` multiply dollars; `short` is
the price of a missing MWh; `risk_level` the CVaR level of the delivered mean. Shares and rebound prices are [A].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Strategy(StrEnum):
    """What the plan should be best at; the value is the API's spelling."""

    BALANCED = "balanced"
    COST_MINIMIZE = "cost_minimize"
    RELIABILITY = "reliability"
    EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True)
class StrategyWeights:
    """Weights of one strategy; `target_share_calm`/`_tight` are shares of the firm MW taken when no target is given."""

    value: float
    incentive: float
    fatigue: float
    short_usd_per_mwh: float
    rebound_usd_per_mw: float
    risk_level: float
    target_share_calm: float
    target_share_tight: float


STRATEGY_WEIGHTS: Final[Mapping[Strategy, StrategyWeights]] = MappingProxyType(
    {
        Strategy.BALANCED: StrategyWeights(1.0, 1.0, 1.0, 2_000.0, 20.0, 0.80, 0.65, 0.85),
        Strategy.COST_MINIMIZE: StrategyWeights(1.0, 1.0, 0.5, 400.0, 20.0, 0.50, 0.40, 0.70),
        Strategy.RELIABILITY: StrategyWeights(0.3, 0.5, 1.0, 5_000.0, 50.0, 0.95, 0.70, 0.85),
        Strategy.EMERGENCY: StrategyWeights(0.0, 0.05, 0.0, 20_000.0, 0.0, 0.99, 0.90, 1.00),
    }
)

OVERSHOOT_SHARE: Final = 0.15
"""The expected reduction of no interval exceeds the target by more than this share."""

OVER_USD_PER_MWH: Final = 5.0
"""Small price of expected MWh above the target, so that overshoot is used for risk and value only [A]."""

FATIGUE_USD_PER_CALL: Final = 0.05
"""Price of calling one enrolled kW once; rises with the share of the season's calls already used [A]."""
