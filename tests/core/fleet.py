"""The six demo cohorts and planning problems over them, pure: no database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from cohorts.core.response import DEFAULT_RULES, Technology
from grid.core.intervals import CENTRAL, QUARTER
from planning.core.problem import REBOUND_HORIZON, CohortInput, PlanningProblem
from planning.core.strategy import Strategy

EV = "residential-ev-austin"
BATTERY = "residential-solar-battery-houston"
THERMOSTAT = "residential-standard-dallas"
HVAC = "commercial-hvac-austin-south"
LIGHTING = "commercial-lighting-houston"
INDUSTRIAL = "industrial-manufacturing-dallas"

FLEET = (
    (EV, "Residential EV Austin", Technology.EV, 18.0, 3600),
    (BATTERY, "Residential Solar+Battery Houston", Technology.BATTERY, 6.0, 1200),
    (THERMOSTAT, "Residential Standard Dallas", Technology.THERMOSTAT, 21.3, 7100),
    (HVAC, "Commercial HVAC Austin South", Technology.HVAC, 11.3, 420),
    (LIGHTING, "Commercial Lighting Houston", Technology.LIGHTING, 4.8, 640),
    (INDUSTRIAL, "Industrial Manufacturing Dallas", Technology.INDUSTRIAL, 42.5, 40),
)
ENROLLED_MW = 103.9
HOT_DAY = date(2023, 9, 6)  # a Wednesday


def local(hour: float, day: date = HOT_DAY) -> datetime:
    """The UTC instant of a Central clock hour; 24 is the next midnight."""
    whole = int(hour)
    at = time(whole % 24, round((hour - whole) * 60))
    return datetime.combine(day + timedelta(days=whole // 24), at, CENTRAL).astimezone(UTC)


def cohort(slug: str, *, steps: int, temp_f: float = 100.0, **changes: object) -> CohortInput:
    """One demo cohort, as changed."""
    index, (_, name, technology, mw, accounts) = next((i, row) for i, row in enumerate(FLEET) if row[0] == slug)
    plain = CohortInput(
        slug=slug,
        cohort_id=index + 1,
        technology=technology,
        accounts_eligible=accounts,
        kw_per_account=mw * 1000.0 / accounts,
        rules=DEFAULT_RULES[technology],
        temps_f=np.full(steps, temp_f),
        name=name,
    )
    return replace(plain, **changes)


def problem(
    start: float = 16.0,
    end: float = 19.0,
    *,
    target_mw: float | None = 45.0,
    strategy: Strategy = Strategy.BALANCED,
    slugs: tuple[str, ...] = tuple(row[0] for row in FLEET),
    day: date = HOT_DAY,
    now: datetime | None = None,
    temp_f: float = 100.0,
    price_usd_per_mwh: float = 300.0,
    **changes: object,
) -> PlanningProblem:
    """A window of the hot day for the demo fleet, noon unless `now` says otherwise."""
    starts_at, ends_at = local(start, day), local(end, day)
    steps = (ends_at + REBOUND_HORIZON - starts_at) // QUARTER
    return PlanningProblem(
        now=now or min(local(12.0, day), starts_at - timedelta(hours=2)),
        window_start=starts_at,
        window_end=ends_at,
        target_mw=target_mw,
        strategy=strategy,
        cohorts=tuple(cohort(slug, steps=steps, temp_f=temp_f) for slug in slugs),
        prices_usd_per_mwh=np.full(steps, price_usd_per_mwh),
        **changes,
    )
