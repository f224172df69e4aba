"""The shape of a response model: what one technology does when called, as named parameters.

Every number is per account and relative to the account's enrolled kW, so that one model serves cohorts of any size.
The numbers themselves, each with its source, stand in `cohorts.core.parameters`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cohorts.core.technology import Technology

STEP_MIN = 15
STEPS_PER_HOUR = 4

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ReboundKernel:
    """Energy that comes back after release: `energy_share` of the shed, after `delay_steps`, over `duration_steps`.

    `front_loading` is the ratio of the first step's power to the mean (1 = flat, 2 = straight line down to zero).
    """

    energy_share: float
    delay_steps: int
    duration_steps: int
    front_loading: float

    def __post_init__(self) -> None:
        if self.energy_share < 0 or self.delay_steps < 0 or self.duration_steps < 1:
            raise ValueError(f"impossible rebound kernel {self}")
        if not 1.0 <= self.front_loading <= 2.0:
            raise ValueError(f"front_loading {self.front_loading} is outside 1..2")

    def weights(self) -> Array:
        """Share of the shed energy returning in each step after release: (delay + duration,), sums to energy_share."""
        flat = np.ones(self.duration_steps)
        if self.duration_steps > 1:
            middle = (np.arange(self.duration_steps) + 0.5) / self.duration_steps
            slope = self.front_loading - 1.0
            flat = 1.0 + slope * (1.0 - 2.0 * middle)
        tail = self.energy_share * flat / flat.sum()
        return np.concatenate([np.zeros(self.delay_steps), tail])


@dataclass(frozen=True, slots=True)
class OptOut:
    """Who overrides during an event: a constant share, or Weibull survival exp(-(t/tau)^shape), tau by temperature."""

    constant_share: float = 0.0
    weibull_shape: float | None = None
    tau_temps_f: tuple[float, ...] = ()
    tau_min: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not 0.0 <= self.constant_share < 1.0:
            raise ValueError(f"opt-out share {self.constant_share} is outside 0..1")
        if self.weibull_shape is not None and len(self.tau_temps_f) != len(self.tau_min):
            raise ValueError("Weibull tau needs one temperature per value")


@dataclass(frozen=True, slots=True)
class ResponseModel:
    """How one called account of a technology answers; all shares are of the account's enrolled kW.

    `temp_knots_f`/`temp_share`: controllable share by outdoor temperature, linear between knots, flat outside.
    `hour_share`: multiplier by local clock hour 0..23. `decay_by_hour`: remaining share in event hour 1, 2, 3, ...
    `energy_h`: usable energy in hours at enrolled kW (batteries), None where power is not energy-limited.
    `participation_kappa`: beta-binomial concentration, smaller = accounts move together more.
    `curve_sigma`: relative error of the response curve shared by a cohort in one event (Student-t, `curve_df` degrees).
    `account_cv`: spread of the response between accounts, independent. `common_sigma`: factor shared by all cohorts.
    """

    technology: Technology
    temp_knots_f: tuple[float, ...]
    temp_share: tuple[float, ...]
    hour_share: tuple[float, ...]
    decay_by_hour: tuple[float, ...]
    energy_h: float | None
    performance_share: float
    offline_share: float
    opt_out: OptOut
    rebound: ReboundKernel
    participation_kappa: float
    account_cv: float
    curve_sigma: float
    curve_df: float
    common_sigma: float

    def __post_init__(self) -> None:
        if len(self.temp_knots_f) != len(self.temp_share) or list(self.temp_knots_f) != sorted(self.temp_knots_f):
            raise ValueError("temperature knots must ascend, one share each")
        if len(self.hour_share) != 24:
            raise ValueError("hour_share needs 24 values")
        if not 0.0 <= self.offline_share < 1.0 or self.participation_kappa <= 0 or self.curve_df <= 2:
            raise ValueError(f"impossible availability parameters for {self.technology}")
