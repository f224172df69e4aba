"""How the simulated fleet really behaves where the planner can only estimate; every number in one table.

The response curves are the published ones (`cohorts.core.parameters`); what the planner does not know is by how much
this fleet, on this day, differs from them. All factors are centred on 1, so that over many seeds the truth agrees with
the plan on average and a stated confidence can be checked against what happened.
[A] marks a modelling assumption; planning facts section 4 (over-dispersion, common factor) and 6 (truth of the score).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cohorts.core.technology import Technology

SOURCE: Final = "simulated telemetry"
STEP_MIN: Final = 5
STEPS_PER_HOUR: Final = 60 // STEP_MIN
STEPS_PER_QUARTER: Final = 15 // STEP_MIN
REBOUND_H: Final = 6

COMMON_SHOCK_SIGMA: Final = 0.05
"""[A] Relative size of what hits every cohort on one day alike (weather, communications): about 5 %."""

DECLINE_WITHIN_MIN: Final = 15
"""[A] Where opting out does not depend on time, it happens within the first quarter of an hour."""

UNKNOWN_TEMP_F: Final = 85.0
"""[A] What the devices feel while no temperature has been observed yet: a Texas summer's mean."""


@dataclass(frozen=True, slots=True)
class TruthModel:
    """What differs from the published response of one technology.

    `lasting_sigma`: relative error of the curve that stays with a cohort for one seed. `event_sigma`: the same, new in
    every event. `kappa`: concentration of the shares that are offline or opt out (the planner assumes another one).
    `decay_sigma`: how differently the response fades, as an exponent on the published fading. `rebound_sigma`: relative
    error of the energy that comes back.
    """

    lasting_sigma: float
    event_sigma: float
    kappa: float
    decay_sigma: float
    rebound_sigma: float


TRUTH_MODELS: Final[Mapping[Technology, TruthModel]] = MappingProxyType(
    {
        # [A] charging habits drift with tariffs and seasons; the planner assumes kappa 30 and 12 % curve error.
        Technology.EV: TruthModel(0.11, 0.08, 24.0, 0.0, 0.10),
        # [A] state of charge after cloudy days; planner: kappa 60 and 4 %.
        Technology.BATTERY: TruthModel(0.035, 0.03, 42.0, 0.0, 0.03),
        # [S] evaluations differ by about a tenth between summers (ecobee, Nest Austin); planner: kappa 15 and 8 %.
        Technology.THERMOSTAT: TruthModel(0.09, 0.10, 60.0, 0.10, 0.15),
        # [A] planner: kappa 40 and 8 %.
        Technology.HVAC: TruthModel(0.07, 0.06, 28.0, 0.10, 0.15),
        # [A] planner: kappa 50 and 4 %.
        Technology.LIGHTING: TruthModel(0.035, 0.03, 36.0, 0.0, 0.0),
        # [S] single sites decide (ERS, July 2022); planner: kappa 12 and 2 %.
        Technology.INDUSTRIAL: TruthModel(0.015, 0.015, 16.0, 0.0, 0.20),
    }
)
