"""The six kinds of flexible load the portal knows."""

from __future__ import annotations

from enum import StrEnum


class Technology(StrEnum):
    """What stands behind a cohort's meter; the stored code is the value."""

    EV = "EV"
    BATTERY = "BATTERY"
    THERMOSTAT = "THERMOSTAT"
    HVAC = "HVAC"
    LIGHTING = "LIGHTING"
    INDUSTRIAL = "INDUSTRIAL"
