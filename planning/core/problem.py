"""The planning problem as frozen dataclasses that refuse to exist when they make no sense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cohorts.core.response import RESPONSE_MODELS, ProgrammeRules, ResponseModel, Technology
from grid.core.intervals import QUARTER, local_hour, quarter_hours
from grid.core.refusals import Invalid
from grid.core.units import mw_of_kw
from planning.core.strategy import Strategy

Array = NDArray[np.float64]

REBOUND_HORIZON: Final = timedelta(hours=6)
LONGEST_WINDOW: Final = timedelta(hours=24)


class PlanningRefused(Invalid):
    """The problem cannot be planned as asked; subclasses say why and carry values. `field` names the input at fault."""

    field: str | None = "window"


class WindowReversed(PlanningRefused):
    """The window ends before or when it starts."""

    def __init__(self, *, start: datetime, end: datetime) -> None:
        self.start, self.end = start, end
        super().__init__(f"The window ends at {end.isoformat()}, not after its start {start.isoformat()}")


class WindowInPast(PlanningRefused):
    """The window starts before now."""

    def __init__(self, *, start: datetime, now: datetime) -> None:
        self.start, self.now = start, now
        super().__init__(f"The window starts at {start.isoformat()}, before now ({now.isoformat()})")


class WindowTooLong(PlanningRefused):
    """The window is longer than one day."""

    def __init__(self, *, start: datetime, end: datetime) -> None:
        self.start, self.end = start, end
        super().__init__(f"The window lasts {(end - start) / timedelta(hours=1):g} h; at most 24 h can be planned")


class TargetNotPositive(PlanningRefused):
    """A target of zero, less, or not a number."""

    field = "target_mw"

    def __init__(self, *, asked_mw: float) -> None:
        self.asked_mw = asked_mw
        super().__init__(f"The target must be above 0 MW, not {asked_mw:g}")


class TargetExceedsEnrolled(PlanningRefused):
    """More is asked than the chosen cohorts have enrolled."""

    field = "target_mw"

    def __init__(self, *, asked_mw: float, enrolled_mw: float) -> None:
        self.asked_mw, self.enrolled_mw = asked_mw, enrolled_mw
        super().__init__(f"{asked_mw:.1f} MW asked, but the chosen cohorts have {enrolled_mw:.1f} MW enrolled")


class NoCohortEligible(PlanningRefused):
    """No chosen cohort may be called in the window; `reasons` by slug, told by the cohorts' names."""

    field = "cohorts"

    def __init__(self, *, reasons: Mapping[str, str], names: Mapping[str, str]) -> None:
        self.reasons = dict(reasons)
        listed = "; ".join(sorted(f"{names[slug]}: {reason}" for slug, reason in reasons.items()))
        super().__init__(f"No cohort may be called in this window ({listed or 'none was chosen'})")


@dataclass(frozen=True, slots=True, eq=False)
class CohortInput:
    """One cohort as the planner sees it.

    `accounts_eligible` may be called now; `accounts_enrolled` counts all (None: the same). `called_last_at` is the end
    of its last event. `temps_f` (n,) over window and rebound horizon, as known at `now`.
    """

    slug: str
    cohort_id: int
    technology: Technology
    accounts_eligible: int
    kw_per_account: float
    rules: ProgrammeRules
    temps_f: Array
    calls_used_season: int = 0
    calls_used_today: int = 0
    called_last_at: datetime | None = None
    accounts_enrolled: int | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if self.accounts_eligible < 0 or not self.kw_per_account > 0:
            raise ValueError(f"{self.slug}: {self.accounts_eligible} accounts of {self.kw_per_account} kW")
        if not np.all(np.isfinite(self.temps_f)):
            raise ValueError(f"{self.slug}: temperatures must be numbers")

    @property
    def model(self) -> ResponseModel:
        """How its accounts answer."""
        return RESPONSE_MODELS[self.technology]

    @property
    def enrolled_mw(self) -> float:
        """MW enrolled, whether or not eligible now."""
        accounts = self.accounts_eligible if self.accounts_enrolled is None else self.accounts_enrolled
        return mw_of_kw(accounts * self.kw_per_account)

    @property
    def label(self) -> str:
        """Its name for sentences."""
        return self.name or self.slug


@dataclass(frozen=True, slots=True, eq=False)
class PlanningProblem:
    """Reduce load by `target_mw` in [window_start, window_end), best by `strategy`, knowing what is known at `now`.

    `prices_usd_per_mwh` (n,): expected prices over the window and the six hours after it. `stress` 0 (calm)..1
    (tight) sets the target when `target_mw` is None. `rebound_cap_mw` limits the snapback after the window.
    """

    now: datetime
    window_start: datetime
    window_end: datetime
    target_mw: float | None
    strategy: Strategy
    cohorts: tuple[CohortInput, ...]
    prices_usd_per_mwh: Array
    stress: float = 0.5
    rebound_cap_mw: float | None = None
    random_seed: int = 0

    def __post_init__(self) -> None:
        self._check_window()
        self._check_target()
        n_steps = self.n_steps
        if self.prices_usd_per_mwh.shape != (n_steps,) or not np.all(np.isfinite(self.prices_usd_per_mwh)):
            raise ValueError(f"prices must be {n_steps} numbers, one per quarter-hour of window and rebound horizon")
        for cohort in self.cohorts:
            if cohort.temps_f.shape != (n_steps,):
                raise ValueError(f"{cohort.slug}: {cohort.temps_f.shape} temperatures for {n_steps} quarter-hours")
        if len({cohort.slug for cohort in self.cohorts}) != len(self.cohorts):
            raise ValueError("a cohort is listed twice")
        if not 0.0 <= self.stress <= 1.0:
            raise ValueError(f"stress {self.stress} is outside 0..1")

    def _check_window(self) -> None:
        if self.window_end <= self.window_start:
            raise WindowReversed(start=self.window_start, end=self.window_end)
        if self.window_start < self.now:
            raise WindowInPast(start=self.window_start, now=self.now)
        if self.window_end - self.window_start > LONGEST_WINDOW:
            raise WindowTooLong(start=self.window_start, end=self.window_end)
        quarter_hours(self.window_start, self.window_end)  # raises NotOnQuarterHour

    def _check_target(self) -> None:
        if self.target_mw is None:
            return
        if not self.target_mw > 0 or not np.isfinite(self.target_mw):
            raise TargetNotPositive(asked_mw=self.target_mw)
        if self.target_mw > self.enrolled_mw + 1e-9:
            raise TargetExceedsEnrolled(asked_mw=self.target_mw, enrolled_mw=self.enrolled_mw)

    @property
    def enrolled_mw(self) -> float:
        """MW enrolled in the chosen cohorts."""
        return sum(cohort.enrolled_mw for cohort in self.cohorts)

    @property
    def window_steps(self) -> int:
        """Quarter-hours of the window."""
        return (self.window_end - self.window_start) // QUARTER

    @property
    def n_steps(self) -> int:
        """Quarter-hours of window and rebound horizon."""
        return self.window_steps + REBOUND_HORIZON // QUARTER

    @property
    def window_h(self) -> float:
        """Hours of the window."""
        return (self.window_end - self.window_start) / timedelta(hours=1)

    def steps(self) -> list[datetime]:
        """UTC starts of all quarter-hours, window then rebound horizon."""
        return quarter_hours(self.window_start, self.window_end + REBOUND_HORIZON)

    def hours(self) -> Array:
        """Local clock hour at the start of each quarter-hour (n,)."""
        return np.array([local_hour(at) for at in self.steps()], dtype=np.float64)


def steps_needed(window_start: datetime, window_end: datetime) -> list[datetime]:
    """UTC quarter-hours for which prices and temperatures are wanted: the window and six hours after it."""
    return quarter_hours(window_start, window_end + REBOUND_HORIZON)
