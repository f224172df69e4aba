"""The six response models, with where each number comes from.

[S] read at source, [A] modelling assumption (kept as a named parameter so that measurement can replace it).
Sources are listed in `PARAMETER_SOURCES`; a test holds that no parameter of no technology lacks one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cohorts.core.model import OptOut, ReboundKernel, ResponseModel
from cohorts.core.technology import Technology

COMMON_SIGMA = 0.05
FLAT_TEMP_F = (70.0,)
FLAT_SHARE = (1.0,)
ALL_HOURS = (1.0,) * 24
NO_DECAY = (1.0,)

# Plugged in and charging, by local hour, unmanaged arrival; .08-.12 at 15-17 h, .15 at 18 h, .25-.30 at 20-22 h.
EV_CHARGING_SHARE = (
    0.20, 0.16, 0.12, 0.09, 0.07, 0.05, 0.04, 0.04, 0.05, 0.06, 0.06, 0.06,
    0.07, 0.07, 0.07, 0.08, 0.11, 0.12, 0.15, 0.20, 0.25, 0.30, 0.28, 0.24,
)  # fmt: skip
# A 7.2 kW charger stands behind each 5.0 kW enrolled.
EV_CHARGER_KW_PER_ENROLLED_KW = 7.2 / 5.0

# kW of a 3.0 kW air conditioner that a +4 F set-point sheds in the first hour; left of 55 F electric heating.
THERMOSTAT_TEMPS_F = (20.0, 55.0, 75.0, 95.0, 100.0, 104.0)
THERMOSTAT_KW = (1.5, 0.0, 0.0, 0.85, 1.05, 1.2)
THERMOSTAT_CONNECTED_KW = 3.0

OFFICE_HOURS = (0.15,) * 6 + (0.4, 0.7, 0.9) + (1.0,) * 10 + (0.8, 0.5, 0.35, 0.25, 0.2)
LIGHTING_HOURS = (0.1,) * 6 + (0.3, 0.6, 0.9) + (0.95,) * 8 + (1.0, 1.0, 0.95, 0.7, 0.4, 0.2, 0.1)

EV = ResponseModel(
    technology=Technology.EV,
    temp_knots_f=FLAT_TEMP_F,
    temp_share=FLAT_SHARE,
    hour_share=tuple(share * EV_CHARGER_KW_PER_ENROLLED_KW for share in EV_CHARGING_SHARE),
    decay_by_hour=NO_DECAY,
    energy_h=None,
    performance_share=1.0,
    offline_share=0.07,
    opt_out=OptOut(constant_share=0.05),
    rebound=ReboundKernel(energy_share=0.95, delay_steps=0, duration_steps=16, front_loading=1.8),
    participation_kappa=30.0,
    account_cv=2.6,
    curve_sigma=0.12,
    curve_df=8.0,
    common_sigma=COMMON_SIGMA,
)

BATTERY = ResponseModel(
    technology=Technology.BATTERY,
    temp_knots_f=FLAT_TEMP_F,
    temp_share=FLAT_SHARE,
    hour_share=ALL_HOURS,
    decay_by_hour=NO_DECAY,
    energy_h=(1.0 - 0.20) * 13.5 / 5.0,
    performance_share=1.0,
    offline_share=0.02,
    opt_out=OptOut(constant_share=0.03),
    rebound=ReboundKernel(energy_share=1.10, delay_steps=12, duration_steps=24, front_loading=1.0),
    participation_kappa=60.0,
    account_cv=0.15,
    curve_sigma=0.04,
    curve_df=8.0,
    common_sigma=COMMON_SIGMA,
)

THERMOSTAT = ResponseModel(
    technology=Technology.THERMOSTAT,
    temp_knots_f=THERMOSTAT_TEMPS_F,
    temp_share=tuple(kw / THERMOSTAT_CONNECTED_KW for kw in THERMOSTAT_KW),
    hour_share=ALL_HOURS,
    decay_by_hour=(1.0, 0.70, 0.52, 0.40),
    energy_h=None,
    performance_share=1.0,
    offline_share=0.05,
    opt_out=OptOut(weibull_shape=0.70, tau_temps_f=(60.0, 80.0, 100.0), tau_min=(3740.0, 1657.0, 807.0)),
    rebound=ReboundKernel(energy_share=0.50, delay_steps=0, duration_steps=8, front_loading=1.2),
    participation_kappa=15.0,
    account_cv=0.60,
    curve_sigma=0.08,
    curve_df=8.0,
    common_sigma=COMMON_SIGMA,
)

HVAC = ResponseModel(
    technology=Technology.HVAC,
    temp_knots_f=(60.0, 80.0, 105.0),
    temp_share=(0.0, 0.70, 1.075),
    hour_share=OFFICE_HOURS,
    decay_by_hour=(1.0, 0.90, 0.80, 0.70),
    energy_h=None,
    performance_share=1.0,
    offline_share=0.03,
    opt_out=OptOut(constant_share=0.045),
    rebound=ReboundKernel(energy_share=0.30, delay_steps=0, duration_steps=6, front_loading=1.3),
    participation_kappa=40.0,
    account_cv=0.40,
    curve_sigma=0.08,
    curve_df=8.0,
    common_sigma=COMMON_SIGMA,
)

LIGHTING = ResponseModel(
    technology=Technology.LIGHTING,
    temp_knots_f=FLAT_TEMP_F,
    temp_share=FLAT_SHARE,
    hour_share=LIGHTING_HOURS,
    decay_by_hour=NO_DECAY,
    energy_h=None,
    performance_share=1.0,
    offline_share=0.02,
    opt_out=OptOut(constant_share=0.04),
    rebound=ReboundKernel(energy_share=0.0, delay_steps=0, duration_steps=1, front_loading=1.0),
    participation_kappa=50.0,
    account_cv=0.20,
    curve_sigma=0.04,
    curve_df=8.0,
    common_sigma=COMMON_SIGMA,
)

INDUSTRIAL = ResponseModel(
    technology=Technology.INDUSTRIAL,
    temp_knots_f=FLAT_TEMP_F,
    temp_share=FLAT_SHARE,
    hour_share=ALL_HOURS,
    decay_by_hour=NO_DECAY,
    energy_h=None,
    performance_share=0.97,
    offline_share=0.01,
    opt_out=OptOut(constant_share=0.03),
    rebound=ReboundKernel(energy_share=0.08, delay_steps=8, duration_steps=16, front_loading=1.0),
    participation_kappa=12.0,
    account_cv=0.08,
    curve_sigma=0.02,
    curve_df=8.0,
    common_sigma=COMMON_SIGMA,
)

RESPONSE_MODELS: Mapping[Technology, ResponseModel] = MappingProxyType(
    {model.technology: model for model in (EV, BATTERY, THERMOSTAT, HVAC, LIGHTING, INDUSTRIAL)}
)
