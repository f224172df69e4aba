"""What a programme allows: seasons, hours, lengths, notice, budgets. Civil rules are in Central Prevailing Time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cohorts.core.technology import Technology

ALL_YEAR = tuple(range(1, 13))
SUMMER = (6, 7, 8, 9)


@dataclass(frozen=True, slots=True)
class ProgrammeRules:
    """One programme's limits and what it pays.

    `season_months` 1..12; `earliest_hour`/`latest_hour` local clock hours 0..24, an event lies wholly between them;
    `incentive_usd_per_mwh` paid on energy shed [A]; `call_fee_usd` paid per account called, whatever it delivers.
    """

    season_months: tuple[int, ...]
    weekdays_only: bool
    earliest_hour: int
    latest_hour: int
    min_event_min: int
    max_event_min: int
    notice_min: int
    max_events_per_day: int
    max_events_per_season: int
    rest_h: float
    incentive_usd_per_mwh: float
    call_fee_usd: float = 0.0

    def __post_init__(self) -> None:
        if not self.season_months or not set(self.season_months) <= set(ALL_YEAR):
            raise ValueError(f"season_months {self.season_months} are not months")
        if not 0 <= self.earliest_hour < self.latest_hour <= 24:
            raise ValueError(f"hours {self.earliest_hour}-{self.latest_hour} are not a span of one day")
        if not 15 <= self.min_event_min <= self.max_event_min:
            raise ValueError(f"event lengths {self.min_event_min}-{self.max_event_min} min are reversed or too short")
        if min(self.notice_min, self.max_events_per_day, self.max_events_per_season) < 0 or self.rest_h < 0:
            raise ValueError("notice, event counts and rest cannot be negative")
        if self.incentive_usd_per_mwh < 0 or self.call_fee_usd < 0:
            raise ValueError("incentives cannot be negative")


DEFAULT_RULES: Mapping[Technology, ProgrammeRules] = MappingProxyType(
    {
        # [A] managed charging programmes; best 17-24 h.
        Technology.EV: ProgrammeRules(ALL_YEAR, False, 12, 24, 30, 240, 30, 1, 60, 12.0, 100.0),
        # [S] Tesla ConnectedSolutions: <= 60 events a year, <= 3 h.
        Technology.BATTERY: ProgrammeRules(ALL_YEAR, False, 0, 24, 30, 180, 10, 1, 60, 12.0, 300.0),
        # [S] Austin Energy Power Partner: weekdays 1 Jun-30 Sep, <= 2 h, <= 25 events; rest 16 h.
        Technology.THERMOSTAT: ProgrammeRules(SUMMER, True, 12, 21, 30, 120, 30, 1, 25, 16.0, 150.0),
        # [S] CenterPoint commercial load management: weekdays Jun-Sep 13-19 h, 30 min notice, 6 events of <= 4 h.
        Technology.HVAC: ProgrammeRules(SUMMER, True, 13, 19, 60, 240, 30, 1, 6, 16.0, 300.0),
        # [A] office lighting 8-20 h on working days.
        Technology.LIGHTING: ProgrammeRules(ALL_YEAR, True, 8, 20, 30, 240, 15, 1, 40, 12.0, 120.0),
        # [S] ERS-like: 24/7, 30 min notice; block of at least 2 h, lost production paid [A].
        Technology.INDUSTRIAL: ProgrammeRules(ALL_YEAR, False, 0, 24, 120, 240, 30, 1, 12, 12.0, 450.0),
    }
)
