"""ERCOT's levels of operating reserves (PRC, physical responsive capability), by the day they came into force.

A level alone declares nothing: below 2,500 MW and less ERCOT also asks whether reserves will be back within 30 minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final


@dataclass(frozen=True, slots=True)
class ReserveLevel:
    """What may be called once reserves are below so many MW."""

    name: str
    below_mw: float


IN_FORCE_SINCE: Final = date(2023, 11, 1)
RULE: Final = "ERCOT Nodal Protocol revision NPRR1176"
LEVELS: Final = (
    ReserveLevel("Watch", 3_000.0),
    ReserveLevel("EEA 1", 2_500.0),
    ReserveLevel("EEA 2", 2_000.0),
    ReserveLevel("EEA 3", 1_500.0),
)


def reserve_levels(day: date) -> tuple[ReserveLevel, ...]:
    """The levels of an operating day, highest first; empty before NPRR1176, whose predecessors are not kept here."""
    return LEVELS if day >= IN_FORCE_SINCE else ()
