"""Everything people decide upon, as one immutable record: written as canonical JSON, read back for pages and API.

The record holds no wall time, database id of the version or solver time: the same plan has the same hash. MW, MWh and
probabilities are decimals (3 and 4 places), dollars too (2 places).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from grid.core.intervals import QUARTER
from grid.core.units import QUARTER_HOURS_PER_HOUR
from planning.core.canonical import canonical_json, decode, encode
from planning.core.drift import Basis
from planning.core.strategy import Strategy

SCHEMA: Final = 2


@dataclass(frozen=True, slots=True)
class ContentRun:
    """`accounts` endpoints called together; `endpoints` are inclusive number ranges, "1-1200"."""

    starts_at: datetime
    ends_at: datetime
    accounts: int
    endpoints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContentInterval:
    """One quarter-hour of the window: what called endpoints are expected to shed, and that less earlier rebound."""

    starts_at: datetime
    shed_mw: Decimal
    net_mw: Decimal


@dataclass(frozen=True, slots=True)
class ContentCohort:
    """One cohort's part; `mean_mw` is the mean of the net MW over the window."""

    slug: str
    cohort_id: int
    name: str
    technology: str
    accounts_called: int
    accounts_eligible: int
    enrolled_mw: Decimal
    mean_mw: Decimal
    cost_usd: Decimal
    starts_at: datetime
    ends_at: datetime
    runs: tuple[ContentRun, ...]
    intervals: tuple[ContentInterval, ...]


@dataclass(frozen=True, slots=True)
class ContentPayload:
    """The bytes that will be sent for a cohort, by their SHA-256."""

    cohort: str
    event_name: str
    payload_sha256: str


@dataclass(frozen=True, slots=True)
class BandInterval:
    """Quantiles of the fleet's net reduction in one quarter-hour, ascending; below zero = rebound."""

    starts_at: datetime
    p10_mw: Decimal
    p50_mw: Decimal
    p90_mw: Decimal


@dataclass(frozen=True, slots=True)
class NotCalled:
    """A cohort considered but not to be called, and why."""

    cohort: str
    reason: str


@dataclass(frozen=True, slots=True)
class ContentLimit:
    """A limit that holds the plan back; `cohort` None = the fleet."""

    limit: str
    cohort: str | None
    sentence: str


@dataclass(frozen=True, slots=True)
class GridSource:
    """The grid snapshot the plan was made on."""

    snapshot_id: int | None
    observed_at: datetime | None
    source: str


@dataclass(frozen=True, slots=True)
class ForecastSource:
    """The load forecast vintage the plan was made on."""

    vintage_id: int | None
    issued_at: datetime | None
    source: str


@dataclass(frozen=True, slots=True)
class PlanContent:
    """One version of a plan, whole. `firm_p90_mw` is exceeded nine times in ten."""

    schema: int
    plan_number: int
    version: int
    mode: str
    strategy: Strategy
    window_start: datetime
    window_end: datetime
    proposed_at: datetime
    target_mw: Decimal
    target_chosen: bool
    planned_p50_mw: Decimal
    firm_p90_mw: Decimal
    p90_mw: Decimal
    largest_interval_p50_mw: Decimal
    sustainable_mw: Decimal
    shortfall_mw: Decimal
    worst_shortfall_mw: Decimal
    confidence: Decimal
    confidence_each: Decimal
    cost_usd: Decimal
    value_usd: Decimal
    rebound_mwh: Decimal
    rebound_peak_mw: Decimal
    required_approvals: int
    policy_version: int
    policy_sha256: str
    grid_state: str
    season_calls_left: int | None
    basis: Basis
    band: tuple[BandInterval, ...]
    cohorts: tuple[ContentCohort, ...]
    not_called: tuple[NotCalled, ...]
    limits: tuple[ContentLimit, ...]
    rationale: tuple[str, ...]
    grid: GridSource
    forecast: ForecastSource
    planner_build: str
    renderer_version: str
    solver_status: str
    solver_gap: Decimal
    payloads: tuple[ContentPayload, ...]

    @property
    def accounts_called(self) -> int:
        """Endpoints called, all cohorts."""
        return sum(cohort.accounts_called for cohort in self.cohorts)

    @property
    def window_band(self) -> tuple[BandInterval, ...]:
        """The band within the window, without the rebound horizon."""
        return tuple(each for each in self.band if each.starts_at < self.window_end)

    @property
    def expected_mwh(self) -> float:
        """Energy expected to be saved in the window: the cohorts' net MW, summed."""
        net_mw = sum((each.net_mw for cohort in self.cohorts for each in cohort.intervals), Decimal(0))
        return float(net_mw) / QUARTER_HOURS_PER_HOUR

    def rebound_mwh_until(self, until: datetime) -> float:
        """The part of `rebound_mwh` that has come back by `until`, shared out as the median band has it."""
        after = [each for each in self.band if each.starts_at >= self.window_end]
        back_mw = [max(-float(each.p50_mw), 0.0) for each in after]
        shares = [min(max((until - each.starts_at) / QUARTER, 0.0), 1.0) for each in after]
        whole = sum(back_mw)
        passed = sum(mw * share for mw, share in zip(back_mw, shares, strict=True))
        return float(self.rebound_mwh) * passed / whole if whole > 0 else 0.0

    def cohort(self, slug: str) -> ContentCohort | None:
        """One cohort's part, None when it is not called."""
        return next((cohort for cohort in self.cohorts if cohort.slug == slug), None)


BEFORE_POLICIES: Final = {
    "policy_version": 1,
    "policy_sha256": "",
    "grid_state": "normal",
    "season_calls_left": None,
    "basis": encode(Basis(None, None, None, None, None)),
}
"""What contents of schema 1 did not say; they stay readable, and none of them can be approved any more."""


def content_text(content: PlanContent) -> str:
    """The canonical JSON of a content."""
    return canonical_json(encode(content))


def parse_content(text: str) -> PlanContent:
    """The content of a text written by `content_text`. Raises NotReadable naming the field that differs."""
    raw = json.loads(text)
    if isinstance(raw, dict) and raw.get("schema") == 1:
        raw = BEFORE_POLICIES | raw
    content: PlanContent = decode(PlanContent, raw)
    return content
