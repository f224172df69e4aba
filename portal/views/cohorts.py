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
from grid.core.intervals import CENTRAL, HOUR, QUARTER, floor_to
from grid.queries import TemperatureUnknown
from portal.frame import frame_of, portal_now
from portal.views import charts
from portal.views.grid_reading import fleet_reading
from portal.views.guard import page, show

MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
QUARTERS_PER_HOUR = HOUR // QUARTER
AHEAD = timedelta(hours=24)
CHART_TITLE = "Flexibility, next 24 hours"
EXPECTED = "Expected"
NO_CALL = "no call allowed"
GAP_NOTE = "No line: the programme allows no call then."


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

    def if_allowed(self, mw: float) -> float | None:
        """None when no call is allowed then."""
        return mw if self.allowed else None


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
        "chart": (chart := _chart(found, flexibility, at)),
        "rules": rule_lines(found.rules),
    }
    return show(request, "portal/pages/cohort.html", context, sheets=charts.sheets(chart))


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


def _chart(cohort: Cohort, flexibility: Flexibility | None, at: datetime) -> charts.ChartFrame:
    """MW it can shed by hour; nothing is drawn where its programme allows no call."""
    if flexibility is None:
        words = "No temperature of its place is known at this time, so its flexibility is not known either."
        return charts.nothing(key="flexibility", title=CHART_TITLE, words=words)
    hours = _hours(flexibility)
    picture = charts.Picture(
        start=hours[0].starts_at,
        end=hours[-1].starts_at + HOUR,
        words=_chart_words(cohort, hours),
        unit="MW",
        lines=[
            charts.Line("fc", [(h.starts_at, h.if_allowed(h.p50_mw)) for h in hours], HOUR, name=EXPECTED, gap=NO_CALL)
        ],
        bands=[
            charts.Band(
                [(h.starts_at, h.if_allowed(h.p10_mw), h.if_allowed(h.p90_mw)) for h in hours],
                HOUR,
                name=EXPECTED,
                low_name="firm (9 in 10)",
                gap=NO_CALL,
            )
        ],
        now=at,
        from_zero=True,
        height=250,
        time_name="Hour from (Central time)",
    )
    source = f"from the temperature forecast known at {at.astimezone(CENTRAL):%H:%M %Z}"
    return charts.framed(picture, key="flexibility", title=CHART_TITLE, source=source, note=GAP_NOTE)


def _chart_words(cohort: Cohort, hours: list[FlexibleHour]) -> str:
    allowed = [hour for hour in hours if hour.allowed]
    if not allowed:
        return f"{cohort.name} may not be called in the next 24 hours: its programme does not allow it."
    best = max(allowed, key=lambda hour: hour.p50_mw)
    return (
        f"{cohort.name} can shed most in the hour from {charts.hour_words(best.starts_at)}: "
        f"{best.p50_mw:,.1f} MW expected, {best.p10_mw:,.1f} MW or more 9 times in 10."
    )
