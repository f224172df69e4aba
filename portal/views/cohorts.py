"""Who can flex: all cohorts with their three numbers, and one cohort hour by hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.http import Http404, HttpRequest, HttpResponse

from cohorts.core.response import ProgrammeRules
from cohorts.models import Cohort
from cohorts.queries import (
    CohortAvailability,
    CohortUnknown,
    Flexibility,
    all_cohorts,
    availability_of,
    cohort_by_id,
    cohort_flexibility,
)
from grid.core.intervals import HOUR, QUARTER, floor_to
from grid.queries import TemperatureUnknown
from portal.frame import frame_of, portal_now
from portal.views import charts
from portal.views.grid_reading import fleet_reading
from portal.views.guard import page, show

MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
QUARTERS_PER_HOUR = HOUR // QUARTER
AHEAD = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class CohortRow:
    """One line of the list."""

    cohort: Cohort
    availability: CohortAvailability
    bar: charts.MwBar | None


@dataclass(frozen=True, slots=True)
class FlexibleHour:
    """One hour of a cohort: MW it can shed, or that its programme allows no call then."""

    starts_at: datetime
    p10_mw: float
    p50_mw: float
    p90_mw: float
    allowed: bool


@page("cohorts.view_cohort")
def cohorts(request: HttpRequest) -> HttpResponse:
    """The list."""
    at = portal_now(request)
    fleet = fleet_reading(frame_of(request), at=at)
    idle = [CohortAvailability(c, float(c.enrolled_mw), 0.0, 0.0) for c in all_cohorts().filter(active=False)]
    found = [*fleet.cohorts, *idle]
    most = max((item.enrolled_mw for item in found), default=0.0)
    rows = [CohortRow(item.cohort, item, _bar(item, most)) for item in found]
    context = {"rows": rows, "at": at, "most_mw": most, "fleet": fleet}
    return show(request, "portal/pages/cohorts.html", context)


@page("cohorts.view_cohort")
def cohort(request: HttpRequest, cohort_id: int) -> HttpResponse:
    """One cohort: what it is, its programme, and the next 24 hours."""
    at = portal_now(request)
    try:
        found = cohort_by_id(cohort_id)
    except CohortUnknown as refusal:
        raise Http404(str(refusal)) from refusal
    start = floor_to(at, HOUR)
    try:
        flexibility = cohort_flexibility(cohort=found, start=start, end=start + AHEAD, at=at)
    except TemperatureUnknown:
        flexibility = None
    context = {
        "cohort": found,
        "at": at,
        "availability": availability_of([found], at=at)[found.pk],
        "hours": _hours(flexibility) if flexibility else [],
        "chart": _chart(found, flexibility, at) if flexibility else None,
        "rules": rule_lines(found.rules),
    }
    return show(request, "portal/pages/cohort.html", context)


def rule_lines(rules: ProgrammeRules) -> list[tuple[str, str]]:
    """The programme's limits as (name, words)."""
    months = rules.season_months
    days = "Monday to Friday" if rules.weekdays_only else "any day"
    season = "all year" if len(months) == len(MONTHS) - 1 else f"{MONTHS[months[0]]} to {MONTHS[months[-1]]}"
    return [
        ("Season", f"{season}, {days}"),
        ("Hours", f"{rules.earliest_hour:02d}:00 to {rules.latest_hour:02d}:00 Central time"),
        ("One event", f"{_minutes(rules.min_event_min)} to {_minutes(rules.max_event_min)}"),
        ("Notice", _minutes(rules.notice_min) if rules.notice_min else "none needed"),
        ("Events", f"{rules.max_events_per_day} a day, {rules.max_events_per_season} a season"),
        ("Rest", f"{rules.rest_h:g} h between two events"),
        ("Paid", f"{rules.incentive_usd_per_mwh:,.0f} $/MWh shed, {rules.call_fee_usd:,.2f} $ per account called"),
    ]


def _minutes(minutes: int) -> str:
    return f"{minutes} min" if minutes < 60 or minutes % 60 else f"{minutes // 60} h"


def _bar(availability: CohortAvailability, most: float) -> charts.MwBar | None:
    p50, firm, enrolled = availability.available_p50_mw, availability.firm_p90_mw, availability.enrolled_mw
    if p50 is None or firm is None:
        return None
    words = f"{enrolled:,.1f} MW enrolled, {p50:,.1f} MW available, {firm:,.1f} MW firm"
    return charts.mw_bar(low=firm, mark=p50, high=p50, most=most, ground=enrolled, words=words)


def _hours(flexibility: Flexibility) -> list[FlexibleHour]:
    """Means of the four quarter-hours of each hour."""

    bands = np.stack([flexibility.p10_mw, flexibility.p50_mw, flexibility.p90_mw])
    hourly = bands.reshape(3, -1, QUARTERS_PER_HOUR).mean(axis=2).T.tolist()
    allowed = flexibility.within_programme.reshape(-1, QUARTERS_PER_HOUR).max(axis=1).tolist()
    starts = flexibility.starts_at[::QUARTERS_PER_HOUR]
    rows = zip(starts, hourly, allowed, strict=True)
    return [FlexibleHour(start, p10, p50, p90, ok) for start, (p10, p50, p90), ok in rows]


def _chart(cohort: Cohort, flexibility: Flexibility, at: datetime) -> charts.Chart:
    starts = flexibility.starts_at
    p10, p50, p90 = (
        [float(mw) if allowed else None for mw, allowed in zip(values, flexibility.within_programme, strict=True)]
        for values in (flexibility.p10_mw, flexibility.p50_mw, flexibility.p90_mw)
    )
    band, middle = list(zip(starts, p10, p90, strict=True)), list(zip(starts, p50, strict=True))
    peak = float(flexibility.p50_mw.max())
    return charts.draw(
        charts.Picture(
            start=starts[0],
            end=starts[-1] + QUARTER,
            words=f"{cohort.name}: MW it can shed in the next 24 hours, at most {peak:.1f} MW expected",
            unit="MW",
            lines=[charts.Line("fc", middle, QUARTER)],
            bands=[charts.Band(band, QUARTER)],
            now=at,
            from_zero=True,
            height=250,
        )
    )
