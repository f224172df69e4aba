"""Plans that ended and what came of them: filtered, summed up, with who decided and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from django.db.models import Avg, Exists, F, JSONField, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

from dispatch.core.track_record import Delivery
from dispatch.models import EventResult, Signal
from grid.core.intervals import operating_day
from planning.core.lifecycle import TERMINAL, Status
from planning.models import Plan, PlannedEvent, PlanRequest, Transition, Vote
from planning.queries import plans


@dataclass(frozen=True, slots=True)
class PastFilter:
    """Which ended plans; None: any. The days are operating days of the window, both counted in.

    `person_id`: asked, changed, voted or stopped it. `cohort_id`: called by its last version.
    """

    status: str | None = None
    strategy: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    person_id: int | None = None
    cohort_id: int | None = None


@dataclass(frozen=True, slots=True)
class PastTotals:
    """Sums over the events of a filter. `unpriced`: events whose value is not known and not in `value_usd`."""

    plans: int
    events: int
    delivered_mwh: float
    cost_usd: float
    value_usd: float
    unpriced: int
    deliveries: tuple[Delivery, ...]

    @property
    def stopped(self) -> int:
        """Measured events that were stopped early."""
        return self.events - len(self.deliveries)


@dataclass(frozen=True, slots=True)
class Trail:
    """Who decided about a plan and how it moved, oldest first."""

    votes: tuple[Vote, ...]
    transitions: tuple[Transition, ...]


NO_TRAIL = Trail((), ())


def ended_plans(wanted: PastFilter) -> QuerySet[Plan]:
    """Ended plans with version, requester and result; `strategy` is the last one asked for. Order where you read."""
    rows = plans().select_related("claim__result").filter(status__in=TERMINAL)
    newest = PlanRequest.objects.filter(plan=OuterRef("pk")).order_by("-number").values("strategy")[:1]
    rows = rows.annotate(
        strategy=Coalesce("current_version__request__strategy", Subquery(newest)),
        window_at=Coalesce("current_version__window_start", "requested_at"),
    )
    return rows.filter(_conditions(wanted))


def _conditions(wanted: PastFilter) -> Q:
    found = Q()
    for name, value in (("status", wanted.status), ("strategy", wanted.strategy)):
        found &= Q(**{name: value}) if value else Q()
    if wanted.first_day:
        found &= Q(window_at__gte=operating_day(wanted.first_day)[0])
    if wanted.last_day:
        found &= Q(window_at__lt=operating_day(wanted.last_day)[1])
    if wanted.person_id is not None:
        found &= _touched_by(wanted.person_id)
    if wanted.cohort_id is not None:
        called = PlannedEvent.objects.filter(version=OuterRef("current_version"), cohort_id=wanted.cohort_id)
        found &= Q(Exists(called))
    return found


def _touched_by(person_id: int) -> Q:
    asked = PlanRequest.objects.filter(plan=OuterRef("pk"), by_id=person_id)
    voted = Vote.objects.filter(version__plan=OuterRef("pk"), voter_id=person_id)
    moved = Transition.objects.filter(plan=OuterRef("pk"), by_id=person_id)
    return Q(Exists(asked)) | Q(Exists(voted)) | Q(Exists(moved))


def past_totals(wanted: PastFilter) -> PastTotals:
    """Sums, and the completed events' deliveries against their plans, in one query."""
    content = Cast(F("current_version__content"), JSONField())
    rows = (
        ended_plans(wanted)
        .annotate(stated=content)
        .values_list(
            "status",
            "current_version__window_start",
            "current_version__window_end",
            "claim__result__delivered_mwh",
            "claim__result__cost_usd",
            "claim__result__value_usd",
            KT("stated__firm_p90_mw"),
            KT("stated__target_mw"),
            KT("stated__confidence"),
        )
    )
    found = list(rows)
    measured = [row for row in found if row[3] is not None]
    values = [row[5] for row in measured if row[5] is not None]
    return PastTotals(
        plans=len(found),
        events=len(measured),
        delivered_mwh=sum(row[3] for row in measured),
        cost_usd=sum(row[4] for row in measured),
        value_usd=sum(values),
        unpriced=len(measured) - len(values),
        deliveries=tuple(_delivery(row) for row in measured if row[0] == Status.COMPLETED),
    )


def recent_deliveries(*, mode: str, at_most: int = 20) -> list[Delivery]:
    """The newest completed and measured events of a mode against their plans, newest first; one query."""
    rows = EventResult.objects.filter(claim__plan__mode=mode, claim__plan__status=Status.COMPLETED)
    stated = Cast(F("claim__version__content"), JSONField())
    found = rows.order_by("-claim__version__window_end", "-pk").annotate(stated=stated)[:at_most]
    return [
        _delivery((Status.COMPLETED, *row[:3], None, None, *row[3:]))
        for row in found.values_list(
            "claim__version__window_start",
            "claim__version__window_end",
            "delivered_mwh",
            KT("stated__firm_p90_mw"),
            KT("stated__target_mw"),
            KT("stated__confidence"),
        )
    ]


def _delivery(row: tuple[Any, ...]) -> Delivery:
    _status, start, end, mwh, _cost, _value, firm, target, confidence = row
    return Delivery(mwh / _hours(start, end), float(firm), float(target), float(confidence))


def _hours(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds() / 3600


def trails_of(plan_ids: Iterable[int]) -> Mapping[int, Trail]:
    """Votes and moves by plan, in two queries however many plans there are."""
    ids = list(plan_ids)
    votes = Vote.objects.filter(version__plan__in=ids).select_related("voter", "version").defer("version__content")
    by_plan = {
        pk: tuple(rows) for pk, rows in groupby(votes.order_by("version__plan_id", "pk"), lambda v: v.version.plan_id)
    }
    moves = Transition.objects.filter(plan__in=ids).select_related("by").order_by("plan_id", "pk")
    moved = {pk: tuple(rows) for pk, rows in groupby(moves, lambda move: move.plan_id)}
    return {pk: Trail(by_plan.get(pk, ()), moved.get(pk, ())) for pk in ids}


@dataclass(frozen=True, slots=True)
class CohortCall:
    """One event of one cohort: planned and delivered means over its own hours, MW; None: not measured."""

    signal: Signal
    planned_mw: float
    delivered_mw: float | None
    opt_outs: int | None


def calls_of_cohort(cohort_id: int, *, at: datetime, most: int) -> list[CohortCall]:
    """The newest events sent to a cohort that had begun by `at`, newest first; one query."""
    inside = Q(telemetry__starts_at__gte=F("starts_at"), telemetry__starts_at__lt=F("ends_at"))
    rows = (
        Signal.objects.filter(planned_event__cohort_id=cohort_id, kind=Signal.Kind.EVENT, starts_at__lte=at)
        .select_related("claim__plan")
        .defer("payload")
        .annotate(
            delivered=Avg("telemetry__curtailed_mw", filter=inside), opted_out=Max("telemetry__opt_outs", filter=inside)
        )
        .order_by("-starts_at", "-pk")[:most]
    )
    return [CohortCall(row, float(row.mw), row.delivered, row.opted_out) for row in rows]
