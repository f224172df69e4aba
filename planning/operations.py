"""Ask for a plan, change it, decide on it. The solving itself is in `planning/proposal.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, connection, transaction
from django_q.tasks import async_task

from cohorts.models import Cohort
from grid.core.refusals import Conflict, Invalid, NotAllowed, NotFound, Refusal
from planning.core.lifecycle import AWAITING_VOTE, Status, abort_target
from planning.models import Decision, Origin, Plan, PlanRequest, Strategy, Transition, Vote
from planning.record import move_plan, record_refusal

MAX_WINDOW = timedelta(hours=12)
MAX_AHEAD = timedelta(days=7)


class PermissionNeeded(NotAllowed):
    """The person's role does not carry the right."""

    def __init__(self, permission: str) -> None:
        self.permission = permission

    def __str__(self) -> str:
        return f"Your role does not allow this (it needs {self.permission})."


class PlanUnknown(NotFound):
    """There is no plan of this number."""

    def __init__(self, plan_id: int) -> None:
        self.plan_id = plan_id

    def __str__(self) -> str:
        return f"There is no plan {self.plan_id}."


class RequestInvalid(Invalid):
    """A field of the request asks for something that cannot be."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message

    def __str__(self) -> str:
        return self.message


class StaleContent(Conflict):
    """The named content is not the current one any more."""

    field = "content_hash"

    def __init__(self, plan_id: int, current_hash: str, version: int) -> None:
        self.plan_id, self.current_hash, self.version = plan_id, current_hash, version
        self.problem_extra = {"current_content_hash": current_hash, "current_version": version}

    def __str__(self) -> str:
        return (
            f"Plan {self.plan_id} has moved on to version {self.version} (content {self.current_hash[:8]}…). "
            "Read it again before you decide."
        )


class NotAwaitingVote(Conflict):
    """The plan is not open for a decision."""

    def __init__(self, plan: Plan) -> None:
        self.plan_id, self.status = plan.pk, plan.status
        last = Transition.objects.filter(plan=plan).select_related("by").order_by("-pk").first()
        self.who = (last.by.username if last.by else last.actor) if last else "nobody"
        self.when = last.at if last else plan.requested_at

    def __str__(self) -> str:
        return (
            f"Plan {self.plan_id} is {self.status} (by {self.who}, {self.when:%Y-%m-%d %H:%M %Z}); no decision is open."
        )


class TooLate(Conflict):
    """The time to decide has passed."""

    def __init__(self, plan_id: int, approve_by: datetime) -> None:
        self.plan_id, self.approve_by = plan_id, approve_by

    def __str__(self) -> str:
        return f"Plan {self.plan_id} had to be decided by {self.approve_by:%Y-%m-%d %H:%M %Z}; that time has passed."


class OwnPlan(NotAllowed):
    """Whoever asked for a plan, or for a change of it, cannot vote on it."""

    def __str__(self) -> str:
        return "You asked for this plan or for a change of it, so somebody else has to decide."


class AlreadyVoted(Conflict):
    """One person, one vote on one version."""

    def __str__(self) -> str:
        return "You have already voted on this version."


class VoteRefused(NotAllowed):
    """PostgreSQL refused the vote; `why` is its own sentence."""

    def __init__(self, why: str) -> None:
        self.why = why

    def __str__(self) -> str:
        return f"The vote was refused: {self.why}."


class PasswordWrong(NotAllowed):
    """The password sent along with the vote is not this person's."""

    field = "password"

    def __str__(self) -> str:
        return "The password is not right."


class ReasonMissing(Invalid):
    """A rejection or a change says why."""

    field = "reason"

    def __str__(self) -> str:
        return "Say why: a reason is needed here."


class NothingToStop(Conflict):
    """The plan has ended already."""

    def __init__(self, plan: Plan) -> None:
        self.plan_id, self.status = plan.pk, plan.status

    def __str__(self) -> str:
        return f"Plan {self.plan_id} is {self.status}: nothing is left to stop."


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


def propose_plan(*, wish: Wish, by: Any, at: datetime, mode: str, idempotency_key: str = "") -> Plan:
    """Ask the planner for a plan; the worker answers. `by` None is the watch agent.

    The same person with the same key gets the plan made the first time. Raises PermissionNeeded, RequestInvalid.
    """
    if by is not None:
        _need(by, "planning.propose_plan")
    if by is not None and idempotency_key:
        earlier = PlanRequest.objects.filter(by=by, idempotency_key=idempotency_key).select_related("plan").first()
        if earlier:
            return earlier.plan
    check_wish(wish=wish, at=at)
    with transaction.atomic():
        plan = Plan.objects.create(
            origin=Origin.AGENT if by is None else Origin.OPERATOR,
            requested_by=by,
            requested_at=at,
            mode=mode,
            status=Status.PLANNING,
        )
        PlanRequest.objects.create(
            plan=plan, number=1, by=by, at=at, idempotency_key=idempotency_key, **wish.as_fields()
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
    with _refusals_on_record(plan_id=plan_id, by=by, attempted="edit", at=at), transaction.atomic():
        plan = _undecided(plan_id=plan_id, content_hash=content_hash, by=by, at=at, permission="planning.edit_plan")
        if not reason.strip():
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
        move_plan(plan=plan, to=Status.PLANNING, at=at, by=by, reason=reason, failure="")
        async_task("planning.tasks.solve", plan.pk, request.number, task_name=f"solve plan {plan.pk}")
    return plan


def approve_plan(
    *, plan_id: int, content_hash: str, by: Any, at: datetime, reason: str = "", password: str | None = None
) -> Plan:
    """Vote for exactly the content whose hash is named; with the last vote needed the plan is AUTHORISED.

    Raises PermissionNeeded, OwnPlan, VoteRefused, PasswordWrong (403); PlanUnknown (404); StaleContent,
    NotAwaitingVote, TooLate, AlreadyVoted (409). A refusal is on record and changes nothing else.
    """
    with _refusals_on_record(plan_id=plan_id, by=by, attempted="approve", at=at), transaction.atomic():
        if password is not None and not by.check_password(password):
            raise PasswordWrong
        plan = _undecided(plan_id=plan_id, content_hash=content_hash, by=by, at=at, permission="planning.approve_plan")
        _vote(plan=plan, decision=Decision.APPROVE, by=by, at=at, reason=reason)
        if _has_quorum(plan):
            move_plan(plan=plan, to=Status.AUTHORISED, at=at, by=by, reason=reason)
        elif plan.status == Status.PENDING:
            move_plan(plan=plan, to=Status.PARTIAL, at=at, by=by, reason=reason)
    return plan


def reject_plan(*, plan_id: int, content_hash: str, by: Any, at: datetime, reason: str) -> Plan:
    """Veto: one rejection ends the plan. Raises as `approve_plan` does, and ReasonMissing."""
    with _refusals_on_record(plan_id=plan_id, by=by, attempted="reject", at=at), transaction.atomic():
        plan = _undecided(plan_id=plan_id, content_hash=content_hash, by=by, at=at, permission="planning.reject_plan")
        if not reason.strip():
            raise ReasonMissing
        _vote(plan=plan, decision=Decision.REJECT, by=by, at=at, reason=reason)
        move_plan(plan=plan, to=Status.REJECTED, at=at, by=by, reason=reason)
    return plan


def abort_plan(*, plan_id: int, by: Any, at: datetime, reason: str = "") -> Plan:
    """Stop a plan: one person, no quorum, no reason needed. Dispatch cancels what was sent.

    Raises PermissionNeeded, PlanUnknown, NothingToStop.
    """
    with _refusals_on_record(plan_id=plan_id, by=by, attempted="abort", at=at), transaction.atomic():
        _need(by, "planning.abort_plan")
        plan = _locked(plan_id)
        target = abort_target(Status(plan.status))
        if target is None:
            raise NothingToStop(plan)
        move_plan(plan=plan, to=target, at=at, by=by, reason=reason)
    return plan


def expire_due(*, at: datetime) -> list[Plan]:
    """Plans nobody decided in time are EXPIRED. Nothing is ever approved by a timeout."""
    expired = []
    for pk in Plan.objects.filter(status__in=AWAITING_VOTE, approve_by__lte=at).values_list("pk", flat=True):
        with transaction.atomic():
            plan = Plan.objects.select_for_update().get(pk=pk)
            if plan.status in AWAITING_VOTE and plan.approve_by and plan.approve_by <= at:
                move_plan(plan=plan, to=Status.EXPIRED, at=at, actor="clock", reason="not decided in time")
                expired.append(plan)
    return expired


def _need(by: Any, permission: str) -> None:
    if not by.has_perm(permission):
        raise PermissionNeeded(permission)


def _locked(plan_id: int) -> Plan:
    plan = Plan.objects.select_for_update().filter(pk=plan_id).first()
    if plan is None:
        raise PlanUnknown(plan_id)
    return plan


def _undecided(*, plan_id: int, content_hash: str, by: Any, at: datetime, permission: str) -> Plan:
    """The locked plan, once everything that approve, reject and edit share has been checked."""
    _need(by, permission)
    plan = _locked(plan_id)
    if plan.status not in AWAITING_VOTE or plan.current_version is None:
        raise NotAwaitingVote(plan)
    version = plan.current_version
    if version.content_hash != content_hash:
        raise StaleContent(plan.pk, version.content_hash, version.number)
    if plan.approve_by and at >= plan.approve_by:
        raise TooLate(plan.pk, plan.approve_by)
    return plan


def _vote(*, plan: Plan, decision: Decision, by: Any, at: datetime, reason: str) -> None:
    version = plan.current_version
    assert version is not None
    if plan.requests.filter(by=by).exists():
        raise OwnPlan
    if version.votes.filter(voter=by).exists():
        raise AlreadyVoted
    try:
        with transaction.atomic():
            Vote.objects.create(
                version=version, content_hash=version.content_hash, voter=by, decision=decision, reason=reason, at=at
            )
    except IntegrityError as error:
        raise VoteRefused(_sentence_of(error)) from error


def _sentence_of(error: IntegrityError) -> str:
    """PostgreSQL's own words, without the context lines."""
    return str(error).splitlines()[0].removeprefix("vote refused: ")


def _has_quorum(plan: Plan) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT planning_votes_for(%s) >= planning_required_votes(%s)",
            [plan.current_version_id, plan.current_version_id],
        )
        return bool(cursor.fetchone()[0])


class _refusals_on_record:  # noqa: N801 - reads as a phrase where it is used
    """Outermost context: a Refusal that leaves it is written down after the rollback, then goes on its way."""

    def __init__(self, *, plan_id: int, by: Any, attempted: str, at: datetime) -> None:
        self.plan_id, self.by, self.attempted, self.at = plan_id, by, attempted, at

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Refusal) and not isinstance(error, PlanUnknown):
            record_refusal(plan_id=self.plan_id, by=self.by, attempted=self.attempted, refusal=error, at=self.at)
