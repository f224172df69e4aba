"""The only place where units are converted. Scalars and numpy arrays alike."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Quantity = TypeVar("Quantity", float, NDArray[np.float64])

KW_PER_MW = 1000.0
QUARTER_HOURS_PER_HOUR = 4
KMH_PER_MPH = 1.609344


def mw_of_kw(power_kw: Quantity) -> Quantity:
    """Megawatts of kilowatts."""
    return power_kw / KW_PER_MW


def kw_of_mw(power_mw: Quantity) -> Quantity:
    """Kilowatts of megawatts."""
    return power_mw * KW_PER_MW


def mwh_of_quarter_hours(power_mw: NDArray[np.float64]) -> float:
    """Energy in MWh of consecutive quarter-hour means in MW, shape (n_quarters,)."""
    return float(power_mw.sum()) / QUARTER_HOURS_PER_HOUR


def temp_c_of_f(temp_f: Quantity) -> Quantity:
    """Degrees Celsius of degrees Fahrenheit."""
    return (temp_f - 32.0) / 1.8


def temp_f_of_c(temp_c: Quantity) -> Quantity:
    """Degrees Fahrenheit of degrees Celsius."""
    return temp_c * 1.8 + 32.0


def pct_of_share(share: Quantity) -> Quantity:
    """Percent (0..100) of a share (0..1)."""
    return share * 100.0


def share_of_pct(pct: Quantity) -> Quantity:
    """Share (0..1) of percent (0..100)."""
    return pct / 100.0
