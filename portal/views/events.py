"""Events: what is running against its plan, and what came of the ended ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse

from dispatch.models import EventResult
from dispatch.queries import CohortProgress, EventProgress, event_progress, recent_results, result_of, running_events
from grid.core.intervals import CENTRAL, QUARTER
from planning.core.lifecycle import RUNNING, Status
from planning.queries import PlanCard, plan_cards, plans
from portal.frame import frame_of, portal_now
from portal.templatetags.quantities import duration_words
from portal.views import charts
from portal.views.guard import page, show

RESULTS_SHOWN: Final = 30
SHORT_SHARE: Final = 0.9  # below this share of the plan a delivery is called short


@dataclass(frozen=True, slots=True)
class CohortLine:
    """One cohort: planned and delivered MW over the quarter-hours measured so far, and its endpoints."""

    cohort: CohortProgress
    planned_mw: float
    delivered_mw: float | None
    bar: charts.MwBar


@dataclass(frozen=True, slots=True)
class QuarterLine:
    """One quarter-hour of the event; `difference_mw` is delivered minus planned."""

    starts_at: datetime
    planned_mw: float
    delivered_mw: float | None

    @property
    def difference_mw(self) -> float | None:
        """Above (positive) or below the plan."""
        return None if self.delivered_mw is None else self.delivered_mw - self.planned_mw

    @property
    def short(self) -> bool:
        """Whether much less than planned came."""
        return self.delivered_mw is not None and self.delivered_mw < SHORT_SHARE * self.planned_mw


@page("dispatch.view_signal")
def events(request: HttpRequest) -> HttpResponse:
    """What is running, then what has ended."""
    at = portal_now(request)
    context = {"at": at, "running": running_events(at=at), "results": recent_results()[:RESULTS_SHOWN]}
    return show(request, "portal/pages/events.html", context, fragments=("list",))


@page("dispatch.view_signal")
def event(request: HttpRequest, plan_id: int) -> HttpResponse:
    """One event: while it runs plan against delivery, afterwards its result."""
    at = portal_now(request)
    plan = plans().filter(pk=plan_id).first()
    progress = event_progress(plan_id=plan_id, at=at) if plan else None
    if plan is None or progress is None:
        raise Http404(f"Plan {plan_id} has no event: nothing was sent.")
    card = plan_cards([plan])[0]
    result = result_of(plan)
    lines = [QuarterLine(q.starts_at, q.planned_mw, q.delivered_mw) for q in progress.quarters]
    context = {
        "at": at,
        "card": card,
        "plan": plan,
        "content": card.content,
        "event": progress,
        "result": result,
        "totals": totals(lines),
        "quarters": lines,
        "cohorts": _cohort_lines(progress),
        "chart": (chart := _chart(card, progress, at)),
        "is_running": plan.status in RUNNING,
        "may_abort": "planning.abort_plan" in frame_of(request).rights
        and plan.status in {Status.DISPATCHING, Status.ACTIVE},
        "verdict": _verdict(card, result),
    }
    return show(request, "portal/pages/event.html", context, fragments=("live",), sheets=charts.sheets(chart))


@dataclass(frozen=True, slots=True)
class Totals:
    """Energy of the quarter-hours measured so far, in MWh."""

    planned_mwh: float
    delivered_mwh: float
    measured: int
    count: int


def totals(lines: list[QuarterLine]) -> Totals:
    """Sums over what has been measured: a plan is compared with the same quarter-hours."""
    measured = [line for line in lines if line.delivered_mw is not None]
    hours = QUARTER.total_seconds() / 3600
    return Totals(
        planned_mwh=sum(line.planned_mw for line in measured) * hours,
        delivered_mwh=sum(line.delivered_mw or 0.0 for line in measured) * hours,
        measured=len(measured),
        count=len(lines),
    )


def _cohort_lines(progress: EventProgress) -> list[CohortLine]:
    lines = []
    means = [_means(cohort) for cohort in progress.cohorts]
    most = max((value or 0.0 for pair in means for value in pair), default=1.0) or 1.0
    for cohort, (planned, delivered) in zip(progress.cohorts, means, strict=True):
        came = "nothing measured yet" if delivered is None else f"delivered {delivered:.1f} MW"
        words = f"{cohort.name}: planned {planned:.1f} MW, {came}"
        bar = charts.mw_bar(low=None, mark=planned, high=None, most=most, done=delivered, words=words)
        lines.append(CohortLine(cohort, planned, delivered, bar))
    return sorted(lines, key=lambda line: -line.planned_mw)


def _means(cohort: CohortProgress) -> tuple[float, float | None]:
    """Planned and delivered means over the measured quarter-hours; planned over all while none is measured."""
    measured = [q for q in cohort.quarters if q.delivered_mw is not None]
    rows = measured or list(cohort.quarters)
    planned = sum(q.planned_mw for q in rows) / len(rows) if rows else 0.0
    return planned, sum(q.delivered_mw or 0.0 for q in measured) / len(measured) if measured else None


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
        return "Nothing is measured yet: only the plan is drawn."
    delivered, planned, starts_at = known[-1]
    when = f"in the quarter-hour from {charts.hour_words(starts_at)}"
    return f"{delivered:,.1f} MW delivered {when}, planned {planned:,.1f} MW."


def _verdict(card: PlanCard, result: EventResult | None) -> str:
    """The result in one sentence."""
    if result is None or card.content is None or not result.delivered_mw:
        return ""
    delivered = sum(result.delivered_mw) / len(result.delivered_mw)
    firm, planned = float(card.content.firm_p90_mw), float(card.content.planned_p50_mw)
    share = f", {delivered / planned * 100:.0f} % of the plan" if planned > 0 else ""
    if delivered < firm:
        return f"{delivered:,.1f} MW delivered on average{share}: below the firm {firm:,.1f} MW, as 1 time in 10."
    return f"{delivered:,.1f} MW delivered on average{share}; the firm {firm:,.1f} MW were kept."
