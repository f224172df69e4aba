"""Claim what was authorised, send it, start and end it, and cancel it when it is aborted. Runs as the dispatch role.

Note [neither lost nor sent twice]
    The claim and all its signals are one transaction, unique per plan and per event. Sending is a second one: a crash
    in between leaves QUEUED signals, which the next round sends. Each plan is taken with FOR UPDATE SKIP LOCKED and
    looked at again under the lock, so a second dispatch process finds nothing left to do.

Note [one plan never holds up another]
    What PostgreSQL refuses for one plan is written down as that plan's failure, or logged, and the round goes on. Only
    a lost database ends the round; the next one starts over.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from dispatch.models import Claim, Receipt, Signal, Ven
from grid.queries import current_run
from planning.approval_queries import freezes_on, sending_hold
from planning.core.content import parse_content
from planning.core.drift import Level
from planning.core.event import render_cancel
from planning.core.lifecycle import Status
from planning.known import drift_of
from planning.models import BreakGlass, Plan, PlannedEvent
from planning.record import PlanMoved, move_plan

logger = logging.getLogger(__name__)
Made = TypeVar("Made")
FROZEN: Final = "sending is frozen"

WHY_BY_CONSTRAINT = {
    "signal_no_overlap_for_one_ven": "a cohort of this plan already has an event at that time",
    "signal_once_per_planned_event": "an event of this plan was sent before",
}


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did, as plan ids."""

    claimed: tuple[int, ...]
    aborted: tuple[int, ...]
    sent: tuple[int, ...]
    started: tuple[int, ...]
    completed: tuple[int, ...]

    def __bool__(self) -> bool:
        return any((self.claimed, self.aborted, self.sent, self.started, self.completed))


def run_once(*, at: datetime, wall_at: datetime) -> Round:
    """Everything that is due at `at`, in this order: claims, aborts, sending, starts, ends, receipts."""
    claimed = claim_authorised(at=at, wall_at=wall_at)
    aborted = carry_out_aborts(at=at, wall_at=wall_at)
    sent = send_queued(at=at, wall_at=wall_at)
    started = start_due(at=at)
    completed = complete_due(at=at)
    note_receipts()
    return Round(
        claimed=tuple(claim.plan_id for claim in claimed),
        aborted=tuple(plan.pk for plan in aborted),
        sent=tuple(sorted({signal.claim.plan_id for signal in sent})),
        started=tuple(plan.pk for plan in started),
        completed=tuple(plan.pk for plan in completed),
    )


def claim_authorised(*, at: datetime, wall_at: datetime) -> list[Claim]:
    """Take every AUTHORISED plan whose time to send has not passed: claim and QUEUED signals, or nothing.

    A plan that is late is EXPIRED; one whose signals PostgreSQL refuses is DISPATCH_FAILED with its words as reason.
    """
    waiting = _plans().filter(status=Status.AUTHORISED).order_by("dispatch_by", "pk")
    return _each(waiting, lambda plan_id: _claim(plan_id, at=at, wall_at=wall_at), at=at)


def send_queued(*, at: datetime, wall_at: datetime) -> list[Signal]:
    """Send every QUEUED event of a claimed plan: it is SENT, with `sent_at`, for ever. All events of a plan or none."""
    queued = Signal.objects.filter(claim__plan=OuterRef("pk"), kind=Signal.Kind.EVENT, status=Signal.Status.QUEUED)
    waiting = _plans().filter(Exists(queued), status=Status.DISPATCHING).order_by("dispatch_by", "pk")
    sent = _each(waiting, lambda plan_id: _send(plan_id, at=at, wall_at=wall_at), at=at)
    return [signal for signals in sent for signal in signals]


def start_due(*, at: datetime) -> list[Plan]:
    """Plans whose window begins, all events sent, are ACTIVE."""
    due = _plans().filter(status=Status.DISPATCHING, current_version__window_start__lte=at).order_by("pk")
    return _each(due, lambda plan_id: _start(plan_id, at=at), at=at)


def complete_due(*, at: datetime) -> list[Plan]:
    """Plans whose window has ended are COMPLETED."""
    due = _plans().filter(status=Status.ACTIVE, current_version__window_end__lte=at).order_by("pk")
    return _each(due, lambda plan_id: _complete(plan_id, at=at), at=at)


def carry_out_aborts(*, at: datetime, wall_at: datetime) -> list[Plan]:
    """Cancel what was sent of every ABORTING plan, withdraw what was not, and call it ABORTED."""
    aborting = _plans().filter(status=Status.ABORTING).order_by("pk")
    return _each(aborting, lambda plan_id: _abort(plan_id, at=at, wall_at=wall_at), at=at)


def note_receipts() -> int:
    """Signals their receiver has taken are RECEIVED. Returns how many became so."""
    taken = Receipt.objects.filter(signal=OuterRef("pk"))
    return Signal.objects.filter(Exists(taken), status=Signal.Status.SENT).update(status=Signal.Status.RECEIVED)


def _plans() -> QuerySet[Plan]:
    """Plans of the clock's own run: those of another belong to another time, and nothing of them is due."""
    return Plan.objects.filter(run=current_run())


def _each(plans: QuerySet[Plan], act: Callable[[int], Made | None], *, at: datetime) -> list[Made]:
    """See Note [one plan never holds up another]."""
    made = []
    for plan_id in list(plans.values_list("pk", flat=True)):
        try:
            result = act(plan_id)
        except (OperationalError, InterfaceError):
            raise
        except PlanMoved as moved:
            logger.info("%s", moved)
        except (DatabaseError, ValueError):
            logger.exception("Plan %s could not be dispatched at %s.", plan_id, at)
        else:
            if result is not None:
                made.append(result)
    return made


def _taken(plan_id: int, status: Status) -> Plan | None:
    """The plan, locked, if it is still in this state and nobody else has it."""
    locked = Plan.objects.select_for_update(skip_locked=True, of=("self",))
    return locked.select_related("current_version").filter(pk=plan_id, status=status).first()


def _too_late(plan: Plan, at: datetime) -> bool:
    version = plan.current_version
    assert version is not None
    return at >= (plan.dispatch_by or version.window_start)


def _claim(plan_id: int, *, at: datetime, wall_at: datetime) -> Claim | None:
    try:
        with transaction.atomic():
            plan = _taken(plan_id, Status.AUTHORISED)
            if plan is None:
                return None
            if _too_late(plan, at):
                move_plan(plan=plan, to=Status.EXPIRED, at=at, actor="clock", reason="the time to send it has passed")
                return None
            if freezes_on(at=at).exists() or sending_hold():
                return None
            if moved := _moved_too_far(plan, at):
                move_plan(plan=plan, to=Status.DISPATCH_FAILED, at=at, actor="dispatch", reason=moved)
                return None
            move_plan(plan=plan, to=Status.DISPATCHING, at=at, actor="dispatch")
            return _write_claim(plan, at=at, wall_at=wall_at)
    except (IntegrityError, DataError) as error:
        _fail(plan_id, Status.AUTHORISED, why=_words_of(error), at=at)
    return None


def _moved_too_far(plan: Plan, at: datetime) -> str:
    """Why what was approved is another plan by now; empty: it is not, or somebody forced it all the same."""
    version = plan.current_version
    assert version is not None
    if BreakGlass.objects.filter(version=version).exists():
        return ""
    drift = drift_of(parse_content(version.content), at=at)
    if drift.level != Level.RED:
        return ""
    names = ", ".join(item.name.lower() for item in drift.items if item.level == Level.RED)
    return f"too much has moved since the proposal ({names}); it has to be planned again"


def _write_claim(plan: Plan, *, at: datetime, wall_at: datetime) -> Claim:
    version = plan.current_version
    assert version is not None
    claim = Claim.objects.create(plan=plan, version=version, at=at, wall_at=wall_at)
    events = PlannedEvent.objects.filter(version=version).select_related("cohort").order_by("pk")
    Signal.objects.bulk_create(
        Signal(
            claim=claim,
            version=version,
            planned_event=event,
            ven=_ven_of(event),
            content_hash=version.content_hash,
            payload=bytes(event.payload),
            payload_sha256=event.payload_sha256,
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            mw=event.mean_mw,
            run=plan.run,
            queued_at=at,
        )
        for event in events
    )
    return claim


def _ven_of(event: PlannedEvent) -> Ven:
    """The cohort's receiver; where none was registered, a simulated one."""
    ven, _created = Ven.objects.get_or_create(
        cohort=event.cohort, defaults={"name": f"ven-{event.cohort.slug}", "simulated": True}
    )
    return ven


def _send(plan_id: int, *, at: datetime, wall_at: datetime) -> list[Signal] | None:
    try:
        with transaction.atomic():
            plan = _taken(plan_id, Status.DISPATCHING)
            if plan is None:
                return None
            queued = _events(plan).filter(status=Signal.Status.QUEUED)
            if not _too_late(plan, at) and freezes_on(at=at).exists():
                return None
            if _too_late(plan, at):
                queued.update(status=Signal.Status.CANCELLED)
                move_plan(
                    plan=plan, to=Status.DISPATCH_FAILED, at=at, actor="clock", reason="the time to send it has passed"
                )
                return None
            signals = list(queued.select_related("claim").order_by("pk"))
            queued.update(status=Signal.Status.SENT, sent_at=at, wall_sent_at=wall_at)
            return signals
    except IntegrityError as error:
        _fail(plan_id, Status.DISPATCHING, why=_words_of(error), at=at)
    return None


def _fail(plan_id: int, status: Status, *, why: str, at: datetime) -> None:
    """PostgreSQL refused: put that on record, after the rollback and in a transaction of its own.

    A freeze or a hold that came in between only holds the plan up: it waits, until that is lifted or the time to send
    has passed.
    """
    if why.startswith(FROZEN):
        logger.info("Plan %s waits: %s.", plan_id, why)
        return
    logger.error("Plan %s is not dispatched: %s.", plan_id, why)
    with transaction.atomic():
        plan = _taken(plan_id, status)
        if plan is not None:
            _events(plan).filter(status=Signal.Status.QUEUED).update(status=Signal.Status.CANCELLED)
            move_plan(plan=plan, to=Status.DISPATCH_FAILED, at=at, actor="dispatch", reason=why)


def _start(plan_id: int, *, at: datetime) -> Plan | None:
    with transaction.atomic():
        plan = _taken(plan_id, Status.DISPATCHING)
        if plan is None or _events(plan).filter(status=Signal.Status.QUEUED).exists():
            return None
        move_plan(plan=plan, to=Status.ACTIVE, at=at, actor="clock")
        return plan


def _complete(plan_id: int, *, at: datetime) -> Plan | None:
    with transaction.atomic():
        plan = _taken(plan_id, Status.ACTIVE)
        if plan is None:
            return None
        move_plan(plan=plan, to=Status.COMPLETED, at=at, actor="clock")
        return plan


def _abort(plan_id: int, *, at: datetime, wall_at: datetime) -> Plan | None:
    """One transaction: every receiver is told, then the plan is ABORTED."""
    with transaction.atomic():
        plan = _taken(plan_id, Status.ABORTING)
        if plan is None:
            return None
        _events(plan).filter(status=Signal.Status.QUEUED).update(status=Signal.Status.CANCELLED)
        told = _events(plan).exclude(status=Signal.Status.CANCELLED).select_related("planned_event").order_by("pk")
        cancellations = Signal.objects.bulk_create([_cancellation_of(signal, at=at) for signal in told])
        ids = [signal.pk for signal in cancellations]
        Signal.objects.filter(pk__in=ids).update(status=Signal.Status.SENT, sent_at=at, wall_sent_at=wall_at)
        told.update(status=Signal.Status.CANCELLED)
        move_plan(plan=plan, to=Status.ABORTED, at=at, actor="dispatch")
        return plan


def _cancellation_of(signal: Signal, *, at: datetime) -> Signal:
    payload = render_cancel(bytes(signal.payload))
    return Signal(
        claim_id=signal.claim_id,
        version_id=signal.version_id,
        planned_event_id=signal.planned_event_id,
        ven_id=signal.ven_id,
        kind=Signal.Kind.CANCEL,
        content_hash=signal.content_hash,
        payload=payload,
        payload_sha256=hashlib.sha256(payload).hexdigest(),
        starts_at=signal.starts_at,
        ends_at=signal.ends_at,
        mw=0,
        run=signal.run,
        queued_at=at,
    )


def _events(plan: Plan) -> QuerySet[Signal]:
    return Signal.objects.filter(claim__plan=plan, kind=Signal.Kind.EVENT)


def _words_of(error: DatabaseError) -> str:
    """Why PostgreSQL refused, as a sentence: its own, or the one for a constraint."""
    constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    if constraint in WHY_BY_CONSTRAINT:
        return WHY_BY_CONSTRAINT[constraint]
    return str(error).splitlines()[0].removeprefix("claim refused: ").removeprefix("signal refused: ")
