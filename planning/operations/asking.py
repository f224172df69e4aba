"""Ask the planner for a plan, or for another version of one. The solving itself is in `planning/proposal.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import IntegrityError, transaction
from django_q.tasks import async_task

from cohorts.models import Cohort
from grid.core.refusals import Invalid
from grid.queries import current_run
from planning.core.lifecycle import Status
from planning.known import time_to_decide
from planning.models import Origin, Plan, PlanRequest, Stage, Strategy, Transition
from planning.operations.opening import ReasonMissing, in_words, need, refusals_on_record, undecided
from planning.record import move_plan

MAX_WINDOW: Final = timedelta(hours=12)
MAX_AHEAD: Final = timedelta(days=7)


class RequestInvalid(Invalid):
    """A field of the request asks for something that cannot be."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message

    def __str__(self) -> str:
        return self.message


class KeyUsedOtherwise(Invalid):
    """The person has used this Idempotency-Key for another request."""

    field = "Idempotency-Key"

    def __init__(self, plan_id: int) -> None:
        self.plan_id = plan_id

    def __str__(self) -> str:
        return f"You used this Idempotency-Key for another request (plan {self.plan_id}); take a new one."


@dataclass(frozen=True)
class Wish:
    """What somebody asks of the planner; None and empty mean: the planner finds it from the forecast."""

    strategy: str
    cohort_ids: tuple[int, ...] = ()
    window_start: datetime | None = None
    window_end: datetime | None = None
    target_mw: Decimal | None = None

    def as_fields(self) -> dict[str, Any]:
        """The columns of a PlanRequest."""
        return {
            "strategy": self.strategy,
            "cohort_ids": list(self.cohort_ids),
            "window_start": self.window_start,
            "window_end": self.window_end,
            "target_mw": self.target_mw,
        }


@dataclass(frozen=True)
class Change:
    """An edit: only the named fields differ from the request before."""

    fields: dict[str, Any] = field(default_factory=dict)


def propose_plan(*, wish: Wish, by: Any, at: datetime, mode: str, idempotency_key: str = "", reason: str = "") -> Plan:
    """Ask the planner for a plan; the worker answers. `by` None is the watch agent, which says why in `reason`.

    The same person with the same key gets the plan made the first time. Raises PermissionNeeded, RequestInvalid,
    KeyUsedOtherwise.
    """
    if by is not None:
        need(by, "planning.propose_plan")
    earlier = _made_before(by, idempotency_key, wish)
    if earlier is not None:
        return earlier
    check_wish(wish=wish, at=at)
    try:
        with transaction.atomic():
            return _write_request(wish=wish, by=by, at=at, mode=mode, idempotency_key=idempotency_key, reason=reason)
    except IntegrityError:
        # The same key came twice at once and the other was first: its plan is the answer to both.
        first = _made_before(by, idempotency_key, wish)
        if first is None:
            raise
        return first


def _made_before(by: Any, idempotency_key: str, wish: Wish) -> Plan | None:
    if by is None or not idempotency_key:
        return None
    request = PlanRequest.objects.filter(by=by, idempotency_key=idempotency_key).select_related("plan").first()
    if request is None:
        return None
    if any(getattr(request, name) != value for name, value in wish.as_fields().items()):
        raise KeyUsedOtherwise(request.plan_id)
    return request.plan


def _write_request(*, wish: Wish, by: Any, at: datetime, mode: str, idempotency_key: str, reason: str) -> Plan:
    plan = Plan.objects.create(
        origin=Origin.AGENT if by is None else Origin.OPERATOR,
        requested_by=by,
        requested_at=at,
        mode=mode,
        run=current_run(),
        status=Status.PLANNING,
    )
    PlanRequest.objects.create(
        plan=plan, number=1, by=by, at=at, idempotency_key=idempotency_key, reason=reason, **wish.as_fields()
    )
    actor = "watch agent" if by is None else "person"
    Transition.objects.create(plan=plan, to_status=Status.PLANNING, by=by, actor=actor, at=at)
    async_task("planning.tasks.solve", plan.pk, 1, task_name=f"solve plan {plan.pk}")
    return plan


def check_wish(*, wish: Wish, at: datetime) -> None:
    """Raise RequestInvalid for the first field that cannot be met whatever the planner does."""
    if wish.strategy not in Strategy.values:
        raise RequestInvalid("strategy", f"{wish.strategy!r} is not one of {', '.join(Strategy.values)}.")
    _check_window(wish, at)
    cohorts = Cohort.objects.filter(active=True)
    if wish.cohort_ids:
        cohorts = cohorts.filter(pk__in=wish.cohort_ids)
        unknown = sorted(set(wish.cohort_ids) - set(cohorts.values_list("pk", flat=True)))
        if unknown:
            raise RequestInvalid("cohorts", f"There is no active cohort {', '.join(map(str, unknown))}.")
    enrolled_mw = sum((c.enrolled_mw for c in cohorts), Decimal(0))
    if not enrolled_mw:
        raise RequestInvalid("cohorts", "No active cohort is enrolled; create one first.")
    if wish.target_mw is None:
        return
    if not wish.target_mw.is_finite() or wish.target_mw <= 0:
        raise RequestInvalid("target_mw", "The target must be more than 0 MW.")
    if wish.target_mw > enrolled_mw:
        raise RequestInvalid(
            "target_mw",
            f"{wish.target_mw:.1f} MW is more than the {enrolled_mw:.1f} MW enrolled in the chosen cohorts.",
        )


def _check_window(wish: Wish, at: datetime) -> None:
    start, end = wish.window_start, wish.window_end
    if start is None and end is None:
        return
    if start is None or end is None:
        raise RequestInvalid("window.start" if start is None else "window.end", "A window needs its start and its end.")
    if end <= start:
        raise RequestInvalid("window.end", "The window must end after it starts.")
    if start <= at:
        raise RequestInvalid("window.start", "The window must start in the future (in the portal's clock).")
    if start < at + time_to_decide(wish.strategy):
        minutes = time_to_decide(wish.strategy).total_seconds() / 60
        raise RequestInvalid(
            "window.start",
            f"The window must start at least {minutes:.0f} minutes from now: people need time to decide",
        )
    if end - start > MAX_WINDOW:
        raise RequestInvalid("window.end", f"A window may last {MAX_WINDOW.total_seconds() / 3600:.0f} hours at most.")
    if start - at > MAX_AHEAD:
        raise RequestInvalid("window.start", f"A window may start {MAX_AHEAD.days} days ahead at most.")
    for name, value in (("window.start", start), ("window.end", end)):
        if value.minute % 15 or value.second or value.microsecond:
            raise RequestInvalid(name, "Windows begin and end on a quarter of an hour.")


def edit_plan(*, plan_id: int, content_hash: str, change: Change, by: Any, at: datetime, reason: str) -> Plan:
    """Ask for another version of an undecided plan; the votes on the old one no longer lead anywhere.

    The editor can never vote on the plan. Raises as `approve_plan` does, and RequestInvalid, ReasonMissing.
    """
    with refusals_on_record(plan_id=plan_id, by=by, attempted="edit", at=at), transaction.atomic():
        plan = undecided(plan_id=plan_id, content_hash=content_hash, by=by, at=at, permission="planning.edit_plan")
        if not in_words(reason):
            raise ReasonMissing
        before = plan.requests.order_by("-number")[0]
        old = {name: getattr(before, name) for name in ("strategy", "window_start", "window_end", "target_mw")}
        wish = Wish(**{**old, "cohort_ids": tuple(before.cohort_ids), **change.fields})
        check_wish(wish=wish, at=at)
        request = PlanRequest.objects.create(
            plan=plan,
            number=before.number + 1,
            by=by,
            at=at,
            reason=reason,
            based_on_hash=content_hash,
            **wish.as_fields(),
        )
        move_plan(plan=plan, to=Status.PLANNING, at=at, by=by, reason=reason, failure="", stage=Stage.QUEUED)
        async_task("planning.tasks.solve", plan.pk, request.number, task_name=f"solve plan {plan.pk}")
    return plan
