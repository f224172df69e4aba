"""How sure a plan is: 20,000 draws with a fixed seed, scored against the target.

The naive view (every account independent) would call almost any plan certain; here accounts of a cohort fall short
together, response curves err together, and one factor moves the whole fleet (`planning.core.scenarios`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from planning.core.problem import Array
from planning.core.scenarios import CalledCohort, response_factors
from planning.core.solution import FleetBand

DRAWS: Final = 20_000
QUANTILES: Final = (0.1, 0.5, 0.9)
EACH_INTERVAL_SHARE: Final = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """Quantiles of the window mean, the band per quarter-hour (n,), and two probabilities.

    `mean_reaches_target`: P(mean over the window >= target). `each_reaches_share`: P(every interval >= 90 % of target).
    """

    p10_mw: float
    p50_mw: float
    p90_mw: float
    band: FleetBand
    mean_reaches_target: float
    each_reaches_share: float


def assess(
    called: Sequence[CalledCohort],
    net_mw: Array,
    *,
    window_steps: int,
    target_mw: float,
    seed: int,
    draws: int = DRAWS,
) -> Assessment:
    """Score an expected net reduction `net_mw` (n_cohorts, n), one row per entry of `called`, against the target."""
    if not len(called):
        nothing = np.zeros(net_mw.shape[1])
        return Assessment(0.0, 0.0, 0.0, FleetBand(nothing, nothing, nothing), 0.0, 0.0)
    factors = response_factors(called, draws=draws, seed=seed)
    delivered = factors.T @ net_mw  # (draws, n)
    window = delivered[:, :window_steps]
    means = window.mean(axis=1)
    low, middle, high = (float(value) for value in np.quantile(means, QUANTILES))
    band = FleetBand(*np.quantile(delivered, QUANTILES, axis=0))
    each = window.min(axis=1) >= EACH_INTERVAL_SHARE * target_mw
    return Assessment(low, middle, high, band, float(np.mean(means >= target_mw)), float(np.mean(each)))
