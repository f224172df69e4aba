"""Reads about signals and what came of them. Pages get frozen read-models, the API and admin get QuerySets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import numpy as np
from django.db.models import Count, F, Func, IntegerField, QuerySet

from dispatch.measurement.delivered import (
    REBOUND_COUNTED,
    STEP,
    Array,
    Telemetry,
    quarter_hour_means,
    telemetry_of,
)
from dispatch.models import Claim, CohortTelemetry, EventResult, Signal
from dispatch.planned import PlannedMw, planned_mw_of
from grid.core.intervals import QUARTER, floor_to, quarter_hours
from grid.core.refusals import NotFound
from grid.queries import current_run
from planning.core.lifecycle import RUNNING, Status
from planning.models import Plan, PlannedEvent

SOURCE = "simulated telemetry"


class PlanUnknown(NotFound):
    """There is no plan of this number."""

    field = "plan"

    def __init__(self, plan_id: int) -> None:
        self.plan_id = plan_id

    def __str__(self) -> str:
        return f"There is no plan {self.plan_id}."


@dataclass(frozen=True, slots=True)
class QuarterHour:
    """Plan and delivery of one quarter-hour, MW means; `delivered_mw` is None until it has been measured whole."""

    starts_at: datetime
    planned_mw: float
    delivered_mw: float | None


@dataclass(frozen=True, slots=True)
class EndpointCounts:
    """How the called endpoints answered so far. `responding` are curtailing in the latest five minutes."""

    called: int
    responding: int
    opt_outs: int
    offline: int

    @property
    def opt_out_share(self) -> float | None:
        """Opted out of those called, 0..1; None when nobody is called."""
        return self.opt_outs / self.called if self.called else None

    @property
    def others(self) -> int:
        """Neither opted out nor silent."""
        return max(0, self.called - self.opt_outs - self.offline)

    @property
    def waiting(self) -> int:
        """Of those, the ones that give nothing in the latest five minutes: their hours are to come, or over."""
        return max(0, self.others - self.responding)

    def __add__(self, other: EndpointCounts) -> EndpointCounts:
        return EndpointCounts(
            self.called + other.called,
            self.responding + other.responding,
            self.opt_outs + other.opt_outs,
            self.offline + other.offline,
        )


@dataclass(frozen=True, slots=True)
class CohortProgress:
    """One cohort's part in a running or ended event."""

    cohort_id: int
    name: str
    slug: str
    signal_status: str
    sent_at: datetime | None
    quarters: tuple[QuarterHour, ...]
    counts: EndpointCounts


@dataclass(frozen=True, slots=True)
class EventProgress:
    """Plan against delivery so far. `latest_mw` is the mean of the last five minutes measured, net of rebound.

    `rebound` are quarter-hours after the window: MW above baseline. `age` is how old the newest measurement is.
    """

    plan: Plan
    window_start: datetime
    window_end: datetime
    quarters: tuple[QuarterHour, ...]
    cohorts: tuple[CohortProgress, ...]
    counts: EndpointCounts
    latest_mw: float | None
    rebound: tuple[tuple[datetime, float], ...]
    measured_until: datetime | None
    age: timedelta | None
    source: str

    def planned_mw_at(self, at: datetime) -> float | None:
        """Planned MW of the quarter-hour that runs at `at`; None before and after the window."""
        if not self.window_start <= at < self.window_end:
            return None
        return next((q.planned_mw for q in reversed(self.quarters) if q.starts_at <= at), None)

    @property
    def mean_planned_mw(self) -> float:
        """Over the window."""
        return sum(q.planned_mw for q in self.quarters) / len(self.quarters) if self.quarters else 0.0


def all_signals() -> QuerySet[Signal]:
    """Every signal, with what a line about it needs; order where you read."""
    return Signal.objects.select_related("claim", "planned_event", "ven")


def signals_matching(
    *, plan_id: int | None = None, cohort_id: int | None = None, status: str | None = None
) -> QuerySet[Signal]:
    """Signals of one plan, cohort, status (None: of any), with the payload's `size` in bytes instead of the payload."""
    wanted = {"claim__plan_id": plan_id, "planned_event__cohort_id": cohort_id, "status": status}
    rows = all_signals().select_related("planned_event__cohort", "receipt").defer("payload", "planned_event__payload")
    size = Func(F("payload"), function="octet_length", output_field=IntegerField())
    return rows.filter(**{name: value for name, value in wanted.items() if value is not None}).annotate(size=size)


def signal_counts(rows: QuerySet[Signal]) -> dict[str, int]:
    """How many of these signals stand in each status; 0 for one that none is in."""
    counted = rows.order_by().values("status").annotate(found=Count("pk"))
    return {**dict.fromkeys(Signal.Status.values, 0), **{row["status"]: row["found"] for row in counted}}


def signals_of(plan: Plan) -> QuerySet[Signal]:
    """Signals of one plan: its events and, after an abort, their cancellations."""
    return all_signals().filter(claim__plan=plan)


def signals_of_plan(plan_id: int) -> QuerySet[Signal]:
    """The same by number. Raises PlanUnknown."""
    if not Plan.objects.filter(pk=plan_id).exists():
        raise PlanUnknown(plan_id)
    return all_signals().filter(claim__plan_id=plan_id)


def result_of(plan: Plan) -> EventResult | None:
    """What the plan's event delivered; None until it has been measured."""
    return EventResult.objects.select_related("claim__version").filter(claim__plan=plan).first()


def recent_results(states: Collection[str] = frozenset(Status)) -> QuerySet[EventResult]:
    """Measured events of plans in these states, the latest measured first; contents are not read."""
    rows = EventResult.objects.select_related("claim__plan", "claim__version").defer("claim__version__content")
    return rows.filter(claim__plan__status__in=states).order_by("-pk")


def event_progress(*, plan_id: int, at: datetime) -> EventProgress | None:
    """How a plan's event is doing at `at`; None as long as nothing was claimed."""
    claim = _claims().filter(plan_id=plan_id).first()
    return None if claim is None else _progress([claim], at=at)[0]


def running_events(*, at: datetime) -> list[EventProgress]:
    """Events whose signals are out and whose window has not ended, by start."""
    running = (
        _claims().filter(plan__run=current_run(), plan__status__in=RUNNING).order_by("version__window_start", "pk")
    )
    return _progress(list(running), at=at)


def telemetry_by_signal(signal_ids: Iterable[int], *, at: datetime | None = None) -> dict[int, list[CohortTelemetry]]:
    """Five-minute rows of these signals in order of time; with `at`, those that had ended by then."""
    rows = CohortTelemetry.objects.filter(signal_id__in=list(signal_ids)).order_by("signal_id", "starts_at")
    if at is not None:
        rows = rows.filter(starts_at__lte=at - STEP)
    return {pk: list(steps) for pk, steps in groupby(rows, key=lambda row: row.signal_id)}


def series_of(rows: Iterable[CohortTelemetry]) -> Telemetry | None:
    """Rows of one signal, in order of time, as a series. Raises TelemetryMissing at a gap."""
    return telemetry_of((row.starts_at, row.curtailed_mw) for row in rows)


def _claims() -> QuerySet[Claim]:
    return Claim.objects.select_related("plan", "version")


def _progress(claims: list[Claim], *, at: datetime) -> list[EventProgress]:
    """Read-models of these claims, in three queries however many there are."""
    events = Signal.objects.filter(claim__in=claims, kind=Signal.Kind.EVENT)
    by_claim: dict[int, list[Signal]] = {}
    for signal in events.select_related("planned_event__cohort").order_by("claim_id", "pk"):
        by_claim.setdefault(signal.claim_id, []).append(signal)
    telemetry = telemetry_by_signal((s.pk for signals in by_claim.values() for s in signals), at=at)
    return [_progress_of(claim, by_claim.get(claim.pk, []), telemetry, at=at) for claim in claims]


def _progress_of(
    claim: Claim, signals: list[Signal], telemetry: Mapping[int, list[CohortTelemetry]], *, at: datetime
) -> EventProgress:
    planned = planned_mw_of(claim.version)
    start, end = claim.version.window_start, claim.version.window_end
    series = {signal.pk: series_of(telemetry.get(signal.pk, [])) for signal in signals}
    known = [one for one in series.values() if one is not None]
    until = _measured_until(signals, series)
    cohorts = tuple(
        _cohort_progress(signal, telemetry.get(signal.pk, []), series[signal.pk], planned, start=start)
        for signal in signals
    )
    return EventProgress(
        plan=claim.plan,
        window_start=start,
        window_end=end,
        quarters=tuple(_quarters(start, planned.total_mw, known, until)),
        cohorts=cohorts,
        counts=sum((cohort.counts for cohort in cohorts), EndpointCounts(0, 0, 0, 0)),
        latest_mw=sum(float(one.between(until - STEP, until)[0]) for one in known) if until else None,
        rebound=_rebound(known, window_end=end, until=until),
        measured_until=until,
        age=at - until if until else None,
        source=SOURCE,
    )


def _measured_until(signals: list[Signal], series: Mapping[int, Telemetry | None]) -> datetime | None:
    """Up to when every sent event that had begun is measured; None before the first measurement.

    An event that begins later than that holds nothing up: before its start it curtails nothing.
    """
    ends = [one.ends_at for one in series.values() if one is not None]
    if not ends:
        return None
    waiting = [s.starts_at for s in signals if series[s.pk] is None and s.sent_at is not None]
    return min([*ends, *(start for start in waiting if start < min(ends))])


def _quarters(
    start: datetime, planned_mw: Array, series: list[Telemetry], until: datetime | None
) -> Iterator[QuarterHour]:
    end = start + len(planned_mw) * QUARTER
    measured_to = min(max(floor_to(until, QUARTER), start), end) if until else start
    delivered = quarter_hour_means(_reaching(series, measured_to), start, measured_to)
    for index, starts_at in enumerate(quarter_hours(start, end)):
        yield QuarterHour(
            starts_at=starts_at,
            planned_mw=float(planned_mw[index]),
            delivered_mw=float(delivered[index]) if index < len(delivered) else None,
        )


def _reaching(series: list[Telemetry], until: datetime) -> list[Telemetry]:
    """The series that reach to `until`; others begin later (see `_measured_until`)."""
    return [one for one in series if one.ends_at >= until]


def _cohort_progress(
    signal: Signal, rows: list[CohortTelemetry], series: Telemetry | None, planned: PlannedMw, *, start: datetime
) -> CohortProgress:
    event: PlannedEvent = signal.planned_event
    planned_mw = planned.by_slug.get(event.cohort.slug, np.zeros(len(planned.total_mw)))
    last = rows[-1] if rows else None
    return CohortProgress(
        cohort_id=event.cohort_id,
        name=event.cohort.name,
        slug=event.cohort.slug,
        signal_status=signal.status,
        sent_at=signal.sent_at,
        quarters=tuple(_quarters(start, planned_mw, [series] if series else [], series.ends_at if series else None)),
        counts=EndpointCounts(
            called=event.endpoints,
            responding=last.responding if last else 0,
            opt_outs=last.opt_outs if last else 0,
            offline=last.offline if last else 0,
        ),
    )


def _rebound(
    series: list[Telemetry], *, window_end: datetime, until: datetime | None
) -> tuple[tuple[datetime, float], ...]:
    if until is None or until - QUARTER < window_end:
        return ()
    measured_to = floor_to(min(until, window_end + REBOUND_COUNTED), QUARTER)
    means = quarter_hour_means(_reaching(series, measured_to), window_end, measured_to)
    return tuple(
        (at, max(0.0, -float(mw))) for at, mw in zip(quarter_hours(window_end, measured_to), means, strict=True)
    )
