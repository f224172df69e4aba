"""What the planner found: runs, expected MW, quantiles, cost; and which limits hold it back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DO_NOTHING: Final = "do_nothing"
"""The option that calls nobody."""


@dataclass(frozen=True, slots=True)
class Run:
    """`accounts` of one cohort called together through [starts_at, ends_at)."""

    cohort_slug: str
    starts_at: datetime
    ends_at: datetime
    accounts: int


@dataclass(frozen=True, slots=True, eq=False)
class CohortPlan:
    """One cohort's part. `shed_mw` (window,) what the called accounts shed while called; `net_mw` (n,) less the rebound
    of those already released, negative after the window. `accounts_called` is the number of different accounts."""

    cohort_slug: str
    runs: tuple[Run, ...]
    shed_mw: Array
    net_mw: Array
    accounts_called: int
    accounts_eligible: int
    cost_usd: float


@dataclass(frozen=True, slots=True, eq=False)
class FleetBand:
    """Quantiles of the fleet's net reduction per quarter-hour, ascending, each (n,); below zero = rebound."""

    p10_mw: Array
    p50_mw: Array
    p90_mw: Array


class Limit(StrEnum):
    """Names of the limits that can bind."""

    ACCOUNTS = "accounts"
    PROGRAMME_LENGTH = "programme_length"
    PROGRAMME_HOURS = "programme_hours"
    NOTICE = "notice"
    NOT_ELIGIBLE = "not_eligible"
    OVERSHOOT = "overshoot"
    REBOUND_CAP = "rebound_cap"
    RISK = "risk"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class Binding:
    """One limit that binds, for one cohort or the fleet (`cohort_slug` None), with the sentence that says so."""

    limit: Limit
    cohort_slug: str | None
    sentence: str


@dataclass(frozen=True, slots=True)
class SolverRecord:
    """How the solver ended: HiGHS status in words, seconds, relative gap, columns and rows."""

    status: str
    solve_s: float
    gap: float
    columns: int
    rows: int


@dataclass(frozen=True, slots=True, eq=False)
class PlanSolution:
    """The plan found.

    `planned_p50_mw` median and `firm_p90_mw` 10 % quantile (exceeded nine times in ten) of the mean over the window.
    `confidence` = P(mean over the window >= target); `confidence_each` = P(every interval >= 90 % of target).
    `shortfall_mw` mean over the window of the expected MW missing, `worst_shortfall_mw` in the worst interval.
    `sustainable_mw` is the most that could be expected in every interval at once; `rebound_mwh` above baseline in the
    six hours after the window. `value_usd` = expected MWh in the window x price.
    """

    target_mw: float
    target_chosen: bool
    cohorts: tuple[CohortPlan, ...]
    not_eligible: tuple[tuple[str, str], ...]
    fleet: FleetBand
    expected_mw: Array
    planned_p50_mw: float
    firm_p90_mw: float
    p90_mw: float
    confidence: float
    confidence_each: float
    sustainable_mw: float
    shortfall_mw: float
    worst_shortfall_mw: float
    rebound_mwh: float
    rebound_peak_mw: float
    cost_usd: float
    value_usd: float
    binding: tuple[Binding, ...]
    solver: SolverRecord

    @property
    def runs(self) -> tuple[Run, ...]:
        """All runs of all cohorts, by cohort then start."""
        return tuple(run for cohort in self.cohorts for run in cohort.runs)

    @property
    def accounts_called(self) -> int:
        """Different accounts called."""
        return sum(cohort.accounts_called for cohort in self.cohorts)

    @property
    def largest_interval_p50_mw(self) -> float:
        """P50 in the largest interval: what decides how many votes are needed."""
        return float(np.max(self.fleet.p50_mw))


@dataclass(frozen=True, slots=True)
class Alternative:
    """One option. MW are means over the window; `firm_p90_mw` is exceeded nine times in ten; `confidence` 0..1.

    `exposed_usd` is what the energy costs that the plan would save and this option does not, at the expected prices;
    it and the highest expected price are told of doing nothing alone. `why_not` says why there is no such plan; all
    numbers are then zero.
    """

    option: str
    target_mw: float = 0.0
    planned_p50_mw: float = 0.0
    firm_p90_mw: float = 0.0
    shortfall_mw: float = 0.0
    confidence: float = 0.0
    endpoints: int = 0
    cost_usd: float = 0.0
    value_usd: float = 0.0
    rebound_mwh: float = 0.0
    rebound_peak_mw: float = 0.0
    exposed_usd: float | None = None
    exposed_mwh: float | None = None
    highest_usd_per_mwh: float | None = None
    highest_at: datetime | None = None
    why_not: str = ""

    @property
    def net_usd(self) -> float:
        """Value of the energy less incentives."""
        return self.value_usd - self.cost_usd
