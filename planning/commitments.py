"""Reads about what is decided already: which events use up budgets and rest, and whom they keep from being called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import DateTimeField, DurationField, Exists, ExpressionWrapper, F, Func, OuterRef, QuerySet
from django.db.models.functions import JSONObject

from grid.queries import run_of_clock
from planning.core.drift import CalledElsewhere
from planning.core.lifecycle import COMMITTED, Status
from planning.models import Plan, PlannedEvent, Transition

REST: Final = Func(
    F("cohort__rest_h"), template="make_interval(secs => %(expressions)s * 3600.0)", output_field=DurationField()
)


def committed_events(*, since: datetime | None = None) -> QuerySet[PlannedEvent]:
    """Events of authorised, running and completed plans that end after `since`: they use up budgets and rest.

    An event aborted before it began called nobody, so it uses up nothing.
    """
    aborted_before = Transition.objects.filter(
        plan=OuterRef("version__plan"), to_status=Status.ABORTED, at__lte=OuterRef("starts_at")
    )
    events = PlannedEvent.objects.filter(
        ~Exists(aborted_before), version__current_of__run=run_of_clock(), version__current_of__status__in=COMMITTED
    )
    return (events if since is None else events.filter(ends_at__gt=since)).order_by("starts_at", "pk")


def called_elsewhere() -> ArraySubquery:
    """Of a plan's cohorts, those that another decided plan calls at the same time, or within their rest; as JSON."""
    own = PlannedEvent.objects.filter(
        version__current_of=OuterRef(OuterRef("pk")),
        cohort=OuterRef("cohort"),
        starts_at__lt=OuterRef("rested_at"),
        ends_at__gt=OuterRef("rest_before"),
    )
    others = committed_events().annotate(
        rested_at=ExpressionWrapper(F("ends_at") + REST, output_field=DateTimeField()),
        rest_before=ExpressionWrapper(F("starts_at") - REST, output_field=DateTimeField()),
    )
    line = JSONObject(cohort="cohort__name", plan_id="version__plan_id", starts_at="starts_at", ends_at="ends_at")
    return ArraySubquery(others.filter(Exists(own)).exclude(version__plan=OuterRef("pk")).values(line=line))


def elsewhere_of(found: Iterable[Mapping[str, Any]]) -> tuple[CalledElsewhere, ...]:
    """What `called_elsewhere` answered, as records."""
    return tuple(
        CalledElsewhere(
            cohort=line["cohort"],
            plan_id=line["plan_id"],
            starts_at=datetime.fromisoformat(line["starts_at"]),
            ends_at=datetime.fromisoformat(line["ends_at"]),
        )
        for line in found
    )


def called_elsewhere_of(plan_id: int) -> tuple[CalledElsewhere, ...]:
    """The same of one plan, read now."""
    found = Plan.objects.filter(pk=plan_id).values_list(called_elsewhere(), flat=True)
    return elsewhere_of(found.get())
