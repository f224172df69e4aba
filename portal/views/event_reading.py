"""An event as its page reads it: quarter-hours, cohorts, what failed, what was kept, the files. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dispatch.measurement.delivered import REBOUND_COUNTED
from dispatch.measurement.lessons import CohortOutcome, Kept, Stated, lessons
from dispatch.models import EventResult, Signal
from dispatch.queries import CohortProgress, EventProgress
from grid.core.intervals import QUARTER
from planning.core.content import PlanContent
from portal.templatetags.quantities import clock_time
from portal.views import charts
from portal.views.csv_answer import Sheet

SHORT_SHARE: Final = 0.9  # below this share of the plan a delivery is called short
NOT_TAKEN: Final = {Signal.Status.QUEUED: "is not sent yet", Signal.Status.SENT: "is sent, but was not taken yet"}


@dataclass(frozen=True, slots=True)
class CohortLine:
    """One cohort: planned and delivered MW over the quarter-hours measured so far, and its endpoints."""

    cohort: CohortProgress
    planned_mw: float
    delivered_mw: float | None
    bar: charts.MwBar

    @property
    def opt_out_share(self) -> float | None:
        """Opted out of those called, 0..1."""
        return self.cohort.counts.opt_out_share


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


@dataclass(frozen=True, slots=True)
class Totals:
    """Energy of the quarter-hours measured so far, in MWh."""

    planned_mwh: float
    delivered_mwh: float
    measured: int
    count: int


@dataclass(frozen=True, slots=True)
class ReboundLine:
    """What came back by `until`, and what the plan expected by then, MWh; `whole` once all six hours are in."""

    mwh: float
    planned_mwh: float | None
    until: datetime
    whole: bool


def quarter_lines(progress: EventProgress) -> list[QuarterLine]:
    """In order of time."""
    return [QuarterLine(q.starts_at, q.planned_mw, q.delivered_mw) for q in progress.quarters]


def totals(lines: Sequence[QuarterLine]) -> Totals:
    """Sums over what has been measured: a plan is compared with the same quarter-hours."""
    measured = [line for line in lines if line.delivered_mw is not None]
    hours = QUARTER.total_seconds() / 3600
    return Totals(
        planned_mwh=sum(line.planned_mw for line in measured) * hours,
        delivered_mwh=sum(line.delivered_mw or 0.0 for line in measured) * hours,
        measured=len(measured),
        count=len(lines),
    )


def cohort_lines(progress: EventProgress) -> list[CohortLine]:
    """The largest part of the plan first."""
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


def failures(progress: EventProgress) -> list[str]:
    """What does not go as it should, each in a sentence: signals that were not taken."""
    return [
        f"{cohort.name}: its signal {NOT_TAKEN[Signal.Status(cohort.signal_status)]}"
        f"{f' (sent {clock_time(cohort.sent_at)})' if cohort.sent_at else ''}."
        for cohort in progress.cohorts
        if cohort.signal_status in NOT_TAKEN
    ]


def kept_of(content: PlanContent | None, result: EventResult | None) -> Kept | None:
    """The delivery against what the approved content stated; None while nothing is measured."""
    if content is None or result is None or not result.delivered_mw:
        return None
    stated = Stated(
        planned_mw=float(content.planned_p50_mw),
        firm_mw=float(content.firm_p90_mw),
        high_mw=float(content.p90_mw),
        target_mw=float(content.target_mw),
        confidence=float(content.confidence),
    )
    return Kept(sum(result.delivered_mw) / len(result.delivered_mw), stated)


def verdict(kept: Kept | None) -> str:
    """The result in one sentence."""
    if kept is None:
        return ""
    share = f", {kept.share_of_plan * 100:.0f} % of the plan" if kept.share_of_plan is not None else ""
    said, firm = f"{kept.delivered_mw:,.1f} MW delivered on average{share}", f"the firm {kept.stated.firm_mw:,.1f} MW"
    return f"{said}; {firm} were kept." if kept.firm else f"{said}: below {firm}, as 1 time in 10."


def rebound_line(content: PlanContent | None, result: EventResult | None) -> ReboundLine | None:
    """Compared over the same hours: the plan's part until the instant up to which the rebound is counted."""
    if result is None:
        return None
    until = result.rebound_until
    return ReboundLine(
        mwh=result.rebound_mwh,
        planned_mwh=content.rebound_mwh_until(until) if content else None,
        until=until,
        whole=content is not None and until >= content.window_end + REBOUND_COUNTED,
    )


def learned(kept: Kept | None, lines: Sequence[CohortLine]) -> tuple[str, ...]:
    """What the event teaches; empty while it is not measured."""
    if kept is None:
        return ()
    return lessons(
        kept,
        [
            CohortOutcome(
                name=line.cohort.name,
                planned_mw=line.planned_mw,
                delivered_mw=line.delivered_mw or 0.0,
                called=line.cohort.counts.called,
                opt_outs=line.cohort.counts.opt_outs,
                offline=line.cohort.counts.offline,
            )
            for line in lines
        ],
    )


def cohort_sheet(lines: Sequence[CohortLine], *, plan_id: int, source: str) -> Sheet:
    """The cohorts as a file."""
    return Sheet(
        name=f"event-{plan_id}-cohorts",
        header=("cohort", "planned_mw", "delivered_mw", "called", "responding", "opt_outs", "offline", "source"),
        rows=[
            (
                line.cohort.name,
                line.planned_mw,
                line.delivered_mw,
                line.cohort.counts.called,
                line.cohort.counts.responding,
                line.cohort.counts.opt_outs,
                line.cohort.counts.offline,
                source,
            )
            for line in lines
        ],
    )


def quarter_sheet(lines: Sequence[QuarterLine], *, plan_id: int, source: str) -> Sheet:
    """The quarter-hours as a file."""
    return Sheet(
        name=f"event-{plan_id}-quarter-hours",
        header=("starts_at", "planned_mw", "delivered_mw", "difference_mw", "source"),
        rows=[(line.starts_at, line.planned_mw, line.delivered_mw, line.difference_mw, source) for line in lines],
    )
