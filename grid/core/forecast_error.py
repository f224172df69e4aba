"""How far forecasts were off: hours that have ended against what had been said of them before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ComparedHour:
    """One hour's mean load as forecast, known at `known_at` under the name `label`, and as it came."""

    starts_at: datetime
    known_at: datetime
    label: str
    forecast_mw: float
    p10_mw: float | None
    p90_mw: float | None
    actual_mw: float

    @property
    def error_mw(self) -> float:
        """Actual minus forecast: positive when more load came than was expected."""
        return self.actual_mw - self.forecast_mw

    @property
    def error_pct(self) -> float:
        """The error in percent of the actual load."""
        return self.error_mw / self.actual_mw * 100

    @property
    def inside(self) -> bool | None:
        """Whether the load came within the P10 to P90 band; None without one."""
        if self.p10_mw is None or self.p90_mw is None:
            return None
        return self.p10_mw <= self.actual_mw <= self.p90_mw


@dataclass(frozen=True, slots=True)
class ForecastScore:
    """Of some hours: mean absolute error in percent (MAPE) and MW, mean error in MW, and hours within the band."""

    hours: int
    mape_pct: float
    mean_abs_mw: float
    bias_mw: float
    worst: ComparedHour
    inside: int
    banded: int


def score_of(hours: Sequence[ComparedHour]) -> ForecastScore | None:
    """The score; None of no hours."""
    if not hours:
        return None
    return ForecastScore(
        hours=len(hours),
        mape_pct=math.fsum(abs(hour.error_pct) for hour in hours) / len(hours),
        mean_abs_mw=math.fsum(abs(hour.error_mw) for hour in hours) / len(hours),
        bias_mw=math.fsum(hour.error_mw for hour in hours) / len(hours),
        worst=max(hours, key=lambda hour: abs(hour.error_pct)),
        inside=sum(hour.inside is True for hour in hours),
        banded=sum(hour.inside is not None for hour in hours),
    )
