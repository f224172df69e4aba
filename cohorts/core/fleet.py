"""Several cohorts together: what the fleet delivers with a given confidence.

A fleet's firm MW is not the sum of its cohorts' firm MW: their own errors partly cancel, only the factor common to all
of them (weather, system) does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cohorts.core.response import Z90


@dataclass(frozen=True, slots=True)
class CohortBand:
    """One cohort over one span: `p50_mw` in the median, `p10_mw` exceeded nine times in ten.

    `common_sigma` is the relative standard deviation of the factor it shares with all other cohorts.
    """

    p10_mw: float
    p50_mw: float
    common_sigma: float


def fleet_firm_mw(bands: Sequence[CohortBand]) -> float:
    """MW the fleet exceeds nine times in ten, never negative.

    Normal combination: each cohort's standard deviation is its P50-P10 distance / 1.2816; the common part of it
    (common_sigma x P50) adds up over cohorts, the rest adds in squares.
    """
    common_mw = math.fsum(band.common_sigma * band.p50_mw for band in bands)
    own_var = math.fsum(
        max(((band.p50_mw - band.p10_mw) / Z90) ** 2 - (band.common_sigma * band.p50_mw) ** 2, 0.0) for band in bands
    )
    p50_mw = math.fsum(band.p50_mw for band in bands)
    return max(p50_mw - Z90 * math.hypot(common_mw, math.sqrt(own_var)), 0.0)
