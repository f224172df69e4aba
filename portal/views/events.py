"""Events: what is running against its plan, and what came of the ended ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse

from dispatch.models import EventResult
from dispatch.queries import EventProgress, event_progress, recent_results, result_of, running_events
from grid.core.intervals import CENTRAL, QUARTER
from planning.core.lifecycle import RUNNING, Status
from planning.queries import PlanCard, plan_cards, plans
from portal.frame import frame_of, portal_now
from portal.templatetags.quantities import duration_words
from portal.views import charts, event_reading
from portal.views.csv_answer import Sheet
from portal.views.guard import page, show
from portal.views.plans import Filter

PAGE_SIZE: Final = 25
FILTERS: Final = {
    "all": ("All", frozenset(Status)),
    "running": ("Running", RUNNING),
    "completed": ("Completed", frozenset({Status.COMPLETED})),
    "stopped": ("Stopped early", frozenset({Status.ABORTED})),
}


@page("dispatch.view_signal")
def events(request: HttpRequest) -> HttpResponse:
    """What is running, then what has ended, filtered and paged by the address."""
    at = portal_now(request)
    chosen = request.GET.get("show", "all")
    chosen = chosen if chosen in FILTERS else "all"
    states = FILTERS[chosen][1]
    found = list(_older_than(request.GET.get("before", ""), recent_results(states))[: PAGE_SIZE + 1])
    results = found[:PAGE_SIZE] if chosen != "running" else []
    context = {
        "at": at,
        "chosen": chosen,
        "filters": [Filter(key, name, key == chosen) for key, (name, _states) in FILTERS.items()],
        "running": running_events(at=at) if states & RUNNING else [],
        "results": results,
        "next_before": found[PAGE_SIZE - 1].pk if len(found) > PAGE_SIZE else None,
    }
    sheets = {"events": lambda: _sheet(results)}
    return show(request, "portal/pages/events.html", context, fragments=("list",), sheets=sheets)


def _older_than(before: str, rows: QuerySet[EventResult]) -> QuerySet[EventResult]:
    return rows.filter(pk__lt=int(before)) if before.isdecimal() and len(before) < 19 else rows


def _sheet(results: list[EventResult]) -> Sheet:
    return Sheet(
        name="events",
        header=(
            "plan",
            "status",
            "window_start",
            "window_end",
            "planned_mw",
            "delivered_mw",
            "delivered_mwh",
            "rebound_mwh",
            "cost_usd",
            "value_usd",
            "endpoints",
            "opt_outs",
            "offline",
            "source",
        ),
        rows=[
            (
                result.claim.plan_id,
                result.claim.plan.status,
                result.claim.version.window_start,
                result.claim.version.window_end,
                sum(result.planned_mw) / len(result.planned_mw) if result.planned_mw else None,
                sum(result.delivered_mw) / len(result.delivered_mw) if result.delivered_mw else None,
                result.delivered_mwh,
                result.rebound_mwh,
                result.cost_usd,
                result.value_usd,
                result.endpoints,
                result.opt_outs,
                result.offline,
                result.source,
            )
            for result in results
        ],
    )


@page("dispatch.view_signal")
def event(request: HttpRequest, plan_id: int) -> HttpResponse:
    """One event: while it runs plan against delivery, afterwards its result."""
    at = portal_now(request)
    plan = plans().filter(pk=plan_id).first()
    progress = event_progress(plan_id=plan_id, at=at) if plan else None
    if plan is None or progress is None:
        raise Http404(f"Plan {plan_id} has no event: nothing was sent.")
    card = plan_cards([plan])[0]
    quarters = event_reading.quarter_lines(progress)
    cohorts = event_reading.cohort_lines(progress)
    chart = _chart(card, progress, at)
    context = {
        "at": at,
        "card": card,
        "plan": plan,
        "content": card.content,
        "event": progress,
        "planned_now": progress.planned_mw_at(at),
        "totals": event_reading.totals(quarters),
        "quarters": quarters,
        "cohorts": cohorts,
        "failures": event_reading.failures(progress),
        "chart": chart,
        "is_running": plan.status in RUNNING,
        "may_abort": "planning.abort_plan" in frame_of(request).rights
        and plan.status in {Status.DISPATCHING, Status.ACTIVE},
        **_outcome(card, result_of(plan), cohorts),
    }
    sheets: dict[str, Callable[[], Sheet]] = {
        **charts.sheets(chart),
        "cohorts": lambda: event_reading.cohort_sheet(cohorts, plan_id=plan_id, source=progress.source),
        "quarters": lambda: event_reading.quarter_sheet(quarters, plan_id=plan_id, source=progress.source),
    }
    return show(request, "portal/pages/event.html", context, fragments=("live",), sheets=sheets)


def _outcome(card: PlanCard, result: EventResult | None, cohorts: list[event_reading.CohortLine]) -> dict[str, Any]:
    """What came of it; an event stopped early is measured, but not held against its plan."""
    stopped = card.plan.status != Status.COMPLETED
    kept = event_reading.kept_of(card.content, result)
    return {
        "result": result,
        "stopped": stopped,
        "kept": None if stopped else kept,
        "verdict": event_reading.verdict(kept),
        "rebound": event_reading.rebound_line(card.content, result),
        "learned": () if stopped else event_reading.learned(kept, cohorts),
    }


def _chart(card: PlanCard, progress: EventProgress, at: datetime) -> charts.ChartFrame:
    """Planned with its band against delivered, through the window and the rebound after it."""
    planned = [(q.starts_at, q.planned_mw) for q in progress.quarters]
    delivered = [(q.starts_at, q.delivered_mw) for q in progress.quarters]
    after = [(starts_at, -mw) for starts_at, mw in progress.rebound]
    end = after[-1][0] + QUARTER if after else progress.window_end
    band = [b for b in (card.content.band if card.content else ()) if b.starts_at < end]
    planned += [(b.starts_at, float(b.p50_mw)) for b in band if b.starts_at >= progress.window_end]
    picture = charts.Picture(
        start=progress.window_start,
        end=end,
        words=_chart_words(progress),
        unit="MW below baseline",
        value_unit="MW",
        lines=[
            charts.Line("plan", planned, QUARTER, name="Planned"),
            charts.Line("del", [*delivered, *after], QUARTER, name="Delivered", gap="not yet"),
        ],
        bands=[charts.Band([(b.starts_at, float(b.p10_mw), float(b.p90_mw)) for b in band], QUARTER, name="Planned")],
        now=at,
        from_zero=True,
        height=280,
        time_name="Quarter-hour from (Central time)",
    )
    title = "Plan against delivered, by quarter-hour"
    note = "Below zero: rebound after the event." if after else ""
    return charts.framed(picture, key="delivered", title=title, source=_measured(progress), note=note)


def _measured(progress: EventProgress) -> str:
    if progress.measured_until is None or progress.age is None:
        return f"{progress.source}, nothing measured yet"
    until = f"{progress.measured_until.astimezone(CENTRAL):%H:%M %Z}"
    return f"{progress.source}, measured up to {until} ({duration_words(progress.age)} old)"


def _chart_words(progress: EventProgress) -> str:
    known = [(q.delivered_mw, q.planned_mw, q.starts_at) for q in progress.quarters if q.delivered_mw is not None]
    if not known:
        return "No quarter-hour is fully measured yet: only the plan is drawn."
    delivered, planned, starts_at = known[-1]
    when = f"in the quarter-hour from {charts.hour_words(starts_at)}"
    return f"{delivered:,.1f} MW delivered {when}, planned {planned:,.1f} MW."
