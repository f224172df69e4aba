"""Where each parameter of each response model comes from: [S] read at source, [A] modelling assumption."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cohorts.core.technology import Technology

_SHARED: Mapping[str, str] = {
    "common_sigma": "[A] 5 %: weather forecast and system error that all cohorts share in one event",
    "curve_df": "[A] Student-t with 8 effective past events behind the response curve",
    "performance_share": "[A] 1.0: the response curve already states what a participating account sheds",
    "energy_h": "[A] none: power is not limited by stored energy",
    "decay_by_hour": "[A] none within an event",
    "temp_share": "[A] no dependence on temperature",
    "temp_knots_f": "[A] no dependence on temperature",
    "hour_share": "[A] same at all hours",
}

_BY_TECHNOLOGY: Mapping[Technology, Mapping[str, str]] = {
    Technology.EV: {
        "hour_share": "[A] plugged-and-charging share by hour x 7.2 kW charger; [S] SGIG 3-6 kW typical draw",
        "offline_share": "[A] 5-10 % offline; [S] SGIG: one utility's charger link worked half the time",
        "opt_out": "[A] 2-8 %",
        "rebound": "[A] 90-100 % of the charge returns over 2-6 h after release",
        "participation_kappa": "[A] 30",
        "account_cv": "[A] sqrt((1-s)/s) for a charging share s of about .13: a car charges or it does not",
        "curve_sigma": "[A] 12 %: day-to-day error of the charging share",
    },
    Technology.BATTERY: {
        "energy_h": "[S] 13.5 kWh with a 20 % reserve at 5.0 kW (Tesla ConnectedSolutions, PG&E): 5 kW 2 h, 3.6 kW 3 h",
        "offline_share": "[A] 2 %",
        "opt_out": "[S] Tesla ConnectedSolutions participation 95.4-99.8 % (2023-2025)",
        "rebound": "[A] 110 % (round-trip losses), recharged through the night from 3 h after release",
        "participation_kappa": "[A] 60",
        "account_cv": "[A] 15 %: state of charge at the start",
        "curve_sigma": "[A] 4 %: cloudy days and storm watch",
    },
    Technology.THERMOSTAT: {
        "temp_share": "[S] Uplight 1.06 kW/device M&V, ecobee 1 kW; slope .042 kW/F above 75 F and heating side [A]",
        "temp_knots_f": "[A] 0 at 75 F, .85 kW at 95 F, 1.05 kW at 100 F, 1.2 kW cap; per 3.0 kW connected",
        "decay_by_hour": "[A] fixed +4 F: 1 / .70 / .52 / .40 by event hour",
        "offline_share": "[A] 3-8 % offline",
        "opt_out": "[S] Octopus/Centre for Net Zero, 231,344 events; our fit: tau 807 min at 90-110 F, 1,657 70-90 F",
        "rebound": "[A] 40-60 % of the energy within 2 h, peak .4-.5 of the shed",
        "participation_kappa": "[A] 15",
        "account_cv": "[A] 60 %: house and unit sizes",
        "curve_sigma": "[A] 8 %; [S] Uplight states 3 % error 24 h ahead at 34,000 devices",
    },
    Technology.HVAC: {
        "temp_share": "[A] 1.5 %/F above 80 F, enrolled kW at 100 F; 5-10 % of building kW at +2..4 F (LBNL-59975)",
        "temp_knots_f": "[A] cooling load vanishes at 60 F",
        "hour_share": "[A] office occupancy",
        "decay_by_hour": "[A] 1 / .9 / .8 / .7 by event hour",
        "offline_share": "[A] 3 %; [S] SmartAC small business missed 55 % of events through faults",
        "opt_out": "[A] 3-6 %",
        "rebound": "[A] 20-40 % within 1-2 h",
        "participation_kappa": "[A] 40",
        "account_cv": "[A] 40 %: building sizes",
        "curve_sigma": "[A] 8 %",
    },
    Technology.LIGHTING: {
        "hour_share": "[A] office lighting, a little less in full daylight",
        "offline_share": "[A] 2 %",
        "opt_out": "[S] LEUKOS 6(3) 2010: no complaints in the field, 20 % intervene at 35 % dimming in a lab; [A] 4 %",
        "rebound": "[A] none: light not used is not made up for",
        "participation_kappa": "[A] 50",
        "account_cv": "[A] 20 %",
        "curve_sigma": "[A] 4 %",
    },
    Technology.INDUSTRIAL: {
        "performance_share": "[A] performance factor N(.97, .08)",
        "offline_share": "[A] 1 %",
        "opt_out": "[A] 2-4 %: site-level failures dominate; [S] ERS 13 Jul 2022 fleet under-performance",
        "rebound": "[A] 0-15 % caught up in the next shift",
        "participation_kappa": "[A] 12",
        "account_cv": "[A] 8 %",
        "curve_sigma": "[A] 2 %",
    },
}

PARAMETER_SOURCES: Mapping[Technology, Mapping[str, str]] = MappingProxyType(
    {technology: MappingProxyType({**_SHARED, **own}) for technology, own in _BY_TECHNOLOGY.items()}
)
