"""Who can flex: all cohorts with their three numbers, and one cohort hour by hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse

from cohorts.account_counts import ZipAccounts, account_summary, accounts_by_zip
from cohorts.core.response import ProgrammeRules
from cohorts.models import Cohort
from cohorts.queries import (
    CohortAvailability,
    CohortUnknown,
    all_cohorts,
    availability_of,
    cohort_by_id,
    cohort_flexibility,
    fleet_flexibility,
)
from dispatch.past import CohortCall, calls_of_cohort
from grid.core.intervals import CENTRAL, HOUR, floor_to
from grid.queries import TemperatureUnknown
from portal.frame import Frame, frame_of, portal_now
from portal.history.changes import changes_of
from portal.views import charts, maps
from portal.views.cohort_budgets import budget_lines, budgets_sheet
from portal.views.cohort_hours import FlexibleHour, Strip, fleet_hours, hours_of, hours_sheet, strips
from portal.views.cohort_map import cohort_map, inset_map, zone_lines, zones_sheet
from portal.views.csv_answer import Sheet
from portal.views.grid_reading import fleet_reading, grid_reading, kept
from portal.views.guard import page, show

MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
AHEAD = timedelta(hours=24)
CALLS_SHOWN: Final = 10
CHART_TITLE = "Flexibility, next 24 hours"
EXPECTED = "Expected"
NO_CALL = "no call allowed"
GAP_NOTE = "No line: the programme allows no call then."


@dataclass(frozen=True, slots=True)
class CohortRow:
    """One line of the list; `number` is its mark's on the map, `not_now` why it cannot be called (empty: it can)."""

    number: int
    cohort: Cohort
    availability: CohortAvailability
    bar: charts.MwBar | None
    not_now: str


@dataclass(frozen=True, slots=True)
class CallLine:
    """One past event of a cohort."""

    call: CohortCall
    bar: charts.MwBar


@page("cohorts.view_cohort")
def cohorts(request: HttpRequest) -> HttpResponse:
    """Map, the three numbers, budgets, and flexibility by hour."""
    at, frame = portal_now(request), frame_of(request)
    fleet, snapshot = fleet_reading(frame, at=at), grid_reading(frame, at=at).snapshot
    idle = [CohortAvailability(c, float(c.enrolled_mw), 0.0, 0.0) for c in all_cohorts().filter(active=False)]
    found = [*fleet.cohorts, *idle]
    most = max((item.enrolled_mw for item in found), default=0.0)
    budgets = budget_lines([item.cohort for item in found], at=at)
    rows = [
        CohortRow(number, item.cohort, item, _bar(item, most), line.not_now)
        for number, (item, line) in enumerate(zip(found, budgets, strict=True), 1)
    ]
    hours, zones = flexibility_reading(frame, at=at), zone_lines(found, snapshot)
    starts = [floor_to(at, HOUR) + i * HOUR for i in range(AHEAD // HOUR)]
    context = {
        "rows": rows,
        "at": at,
        "most_mw": most,
        "fleet": fleet,
        "map": kept("map", frame, at, lambda: cohort_map(found, zip_reading(frame, at=at), snapshot)),
        "zones": zones,
        "snapshot": snapshot,
        "budgets": budgets,
        "strips": hours,
        "starts": starts,
        "fleet_hours": fleet_hours(hours, starts),
    }
    sheets = {
        "cohorts": lambda: cohorts_sheet(rows),
        "zones": lambda: zones_sheet(zones),
        "hours": lambda: hours_sheet(hours),
        "budgets": lambda: budgets_sheet(budgets),
    }
    return show(request, "portal/pages/cohorts.html", context, fragments=("now", "hours"), sheets=sheets)


def flexibility_reading(frame: Frame, *, at: datetime) -> list[Strip]:
    """Every active cohort by hour, kept for some seconds."""
    start = floor_to(at, HOUR)
    return kept("hours", frame, at, lambda: strips(fleet_flexibility(start=start, end=start + AHEAD, at=at)))


def zip_reading(frame: Frame, *, at: datetime) -> list[ZipAccounts]:
    """Accounts of all cohorts by ZIP, kept for some seconds."""
    return kept("zips", frame, at, accounts_by_zip)


def cohorts_sheet(rows: Sequence[CohortRow]) -> Sheet:
    """The list as a file; the three MW numbers are means over the next three hours."""
    header = ("cohort", "place", "load_zone", "accounts", "enrolled_mw", "available_p50_mw", "firm_p90_mw", "active")
    return Sheet("cohorts", header, (_sheet_row(row) for row in rows))


def _sheet_row(row: CohortRow) -> list[object]:
    cohort, has = row.cohort, row.availability
    mw = [has.enrolled_mw, has.available_p50_mw, has.firm_p90_mw]
    return [cohort.name, cohort.place, cohort.load_zone, cohort.account_count, *mw, cohort.active]


@page("cohorts.view_cohort")
def cohort(request: HttpRequest, cohort_id: int) -> HttpResponse:
    """One cohort: its numbers, the next 24 hours, budget, accounts, past events, programme and place."""
    at, frame = portal_now(request), frame_of(request)
    try:
        found = cohort_by_id(cohort_id)
    except CohortUnknown as refusal:
        raise Http404(str(refusal)) from refusal
    availability, hours = _of_fleet(found, frame, at)
    chart = _chart(found, hours, at)
    calls = call_lines(calls_of_cohort(found.pk, at=at, most=CALLS_SHOWN))
    context = {
        "cohort": found,
        "at": at,
        "availability": availability,
        "chart": chart,
        "rules": rule_lines(found.rules),
        "budget": budget_lines([found], at=at)[0],
        "accounts": account_summary(found.pk),
        "calls": calls,
        "changes": changes_of(Cohort, found.pk),
        "map": inset_map(availability, zip_reading(frame, at=at)),
        "zone_shape": maps.shape_path(maps.shape_of_zone(found.load_zone), 8, 8, 90),
    }
    sheets = charts.sheets(chart) | {"events": lambda: calls_sheet(found, calls)}
    return show(request, "portal/pages/cohort.html", context, fragments=("live",), sheets=sheets)


def _of_fleet(found: Cohort, frame: Frame, at: datetime) -> tuple[CohortAvailability, Sequence[FlexibleHour]]:
    """Three numbers and hours from what is kept of the fleet; of a cohort that is not active read for itself."""
    known = next((item for item in fleet_reading(frame, at=at).cohorts if item.cohort.pk == found.pk), None)
    strip = next((strip for strip in flexibility_reading(frame, at=at) if strip.cohort.pk == found.pk), None)
    if known and strip:
        return known, strip.hours
    start = floor_to(at, HOUR)
    try:
        hours = hours_of(cohort_flexibility(cohort=found, start=start, end=start + AHEAD, at=at))
    except TemperatureUnknown:
        hours = []
    return availability_of([found], at=at)[found.pk], hours


def call_lines(calls: Sequence[CohortCall]) -> list[CallLine]:
    """Past events, delivered against planned as a bar."""
    most = max((mw or 0.0 for call in calls for mw in (call.planned_mw, call.delivered_mw)), default=0.0)
    return [CallLine(call, _call_bar(call, most)) for call in calls]


def _call_bar(call: CohortCall, most: float) -> charts.MwBar:
    came = "nothing measured" if call.delivered_mw is None else f"delivered {call.delivered_mw:.1f} MW"
    words = f"planned {call.planned_mw:.1f} MW, {came}"
    return charts.mw_bar(low=None, mark=call.planned_mw, high=None, most=most, done=call.delivered_mw, words=words)


def calls_sheet(cohort: Cohort, lines: Sequence[CallLine]) -> Sheet:
    """Past events of one cohort as a file."""
    header = ("plan", "starts_at", "ends_at", "planned_mw", "delivered_mw", "opt_outs", "plan_status")
    return Sheet(f"events-of-{cohort.slug}", header, (_call_row(line.call) for line in lines))


def _call_row(call: CohortCall) -> list[object]:
    signal, plan = call.signal, call.signal.claim.plan
    return [plan.pk, signal.starts_at, signal.ends_at, call.planned_mw, call.delivered_mw, call.opt_outs, plan.status]


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


def _chart(cohort: Cohort, hours: Sequence[FlexibleHour], at: datetime) -> charts.ChartFrame:
    """MW it can shed by hour; nothing is drawn where its programme allows no call."""
    if not hours:
        words = "No temperature of its place is known at this time, so its flexibility is not known either."
        return charts.nothing(key="flexibility", title=CHART_TITLE, words=words)
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


def _chart_words(cohort: Cohort, hours: Sequence[FlexibleHour]) -> str:
    allowed = [hour for hour in hours if hour.allowed]
    if not allowed:
        return f"{cohort.name} may not be called in the next 24 hours: its programme does not allow it."
    best = max(allowed, key=lambda hour: hour.p50_mw)
    return (
        f"{cohort.name} can shed most in the hour from {charts.hour_words(best.starts_at)}: "
        f"{best.p50_mw:,.1f} MW expected, {best.p10_mw:,.1f} MW or more 9 times in 10."
    )
