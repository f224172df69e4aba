"""Time, dispatch, and what must hold after every step whatever happened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import F, Q
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from dispatch import operations as dispatch
from dispatch.models import Claim, Signal
from grid.operations import step_clock
from planning import operations
from planning.models import BreakGlass, Plan, Transition, Vote
from tests.planning.machine.asking import Asking, sizes
from tests.planning.machine.base import DECIDERS, which_plan
from tests.planning.machine.deciding import Deciding
from tests.planning.machine.governing import Governing
from tests.planning.machine.model import ENDED, UNDECIDED, Ballot, Proposal
from tests.planning.rows import rows_of_everything

RUNNING = {"AUTHORISED", "DISPATCHING", "ACTIVE", "ABORTING"}
TURNS = st.sampled_from(["", "", "", "", "reject", "force"])
HALF_SPENT, MOST_SPENT, NEARLY_SPENT = 50, 75, 90


class Running(Governing):
    """The whole machine."""

    # One rule among many, and only while something is open: each name more makes it come more often.
    reject_2 = reject_3 = reject_4 = Deciding.reject
    force_2 = force_3 = force_4 = Deciding.force
    edit_2 = edit_3 = Asking.edit
    estimate_2 = estimate_3 = Deciding.estimate
    comment_2 = comment_3 = Governing.comment
    resolve_2 = resolve_3 = Governing.resolve
    solve_2 = solve_3 = Asking.solve
    review_2 = review_3 = review_4 = Deciding.review

    def __init__(self) -> None:
        super().__init__()
        self.approved_claims: set[int] = set()
        self.sent: dict[int, datetime] = {}
        self.was_frozen = False

    @initialize(by=st.sampled_from(DECIDERS), mw=sizes, steps=st.integers(0, 7), turn=TURNS)
    def begin_with_a_plan_that_has_got_some_way(self, by: str, mw: int, steps: int, turn: str) -> None:
        """Random events alone would hardly ever get one to its end, or have the right person reject or force one."""
        self.propose(by, 0)
        self.solve(0, mw, False)
        if turn:
            self._turn(turn)
        for _step in range(steps):
            self.carry_on(0)

    def _turn(self, turn: str) -> None:
        _plan, twin = self.pair(0)
        for name, human in self.humans.items():
            if turn == "reject" and not self.world.reject_objections(twin, human, "current", "too hot"):
                return self.reject(0, name, "current", True)
            if turn == "force" and not self.world.force_objections(twin, human, "current", "passkey"):
                return self.force(0, name, "current", "passkey")
        return None

    # Time

    @rule(minutes=st.sampled_from([1, 1, 1, 5, 5, 20]))
    def time_passes(self, minutes: int) -> None:
        with self.role("web"):
            step_clock(minutes=minutes, by=None, wall_at=timezone.now())
        self.world.now += timedelta(minutes=minutes)

    @rule()
    def expire(self) -> None:
        with self.role("worker"):
            operations.expire_due(at=self.world.now)
        for twin in self.world.plans:
            if twin.status in UNDECIDED and twin.decide_by and twin.decide_by <= self.world.now:
                twin.status = "EXPIRED"

    @rule()
    def escalate(self) -> None:
        with self.role("worker"):
            operations.escalate_due(at=self.world.now)
            assert operations.escalate_due(at=self.world.now) == []

    # Dispatch

    def dispatches(self, work: Callable[..., Any], *, wall: bool = True) -> None:
        more = {"wall_at": timezone.now()} if wall else {}
        with self.role("dispatch"):
            work(at=self.world.now, **more)

    def twins(self, status: str) -> list[Proposal]:
        """In the order dispatch takes them."""
        found = [twin for twin in self.world.plans if twin.status == status]
        return sorted(found, key=lambda twin: (twin.send_by, self.world.plans.index(twin)))

    @precondition(lambda self: self.twins("AUTHORISED"))
    @rule()
    def claim(self) -> None:
        self.dispatches(dispatch.claim_authorised)
        for twin in self.twins("AUTHORISED"):
            late = self.world.now >= (twin.send_by or self.world.start)
            objection = self.world.send_objection(twin)
            if not objection and twin.current.forced_by is None and self.world.drift(twin) == "red":
                objection = "moved"
            if late or objection == "frozen":
                twin.status = "EXPIRED" if late else "AUTHORISED"
            elif objection or self._overlaps(twin):
                twin.status = "DISPATCH_FAILED"
            else:
                twin.status, twin.signal = "DISPATCHING", "QUEUED"

    def _overlaps(self, twin: Proposal) -> bool:
        """The receiver has an event of another plan at that time."""
        busy = {"QUEUED", "SENT"}
        return any(o is not twin and o.cohort == twin.cohort and o.signal in busy for o in self.world.plans)

    @precondition(lambda self: self.twins("DISPATCHING"))
    @rule()
    def send(self) -> None:
        self.dispatches(dispatch.send_queued)
        for twin in self.twins("DISPATCHING"):
            objection = self.world.send_objection(twin)
            late = self.world.now >= (twin.send_by or self.world.start)
            if twin.signal != "QUEUED" or (objection == "frozen" and not late):
                continue
            if late or objection:
                twin.status, twin.signal = "DISPATCH_FAILED", "CANCELLED"
            else:
                twin.signal = "SENT"

    @rule()
    def start_and_complete(self) -> None:
        self.dispatches(dispatch.start_due, wall=False)
        for twin in self.twins("DISPATCHING"):
            if self.world.start <= self.world.now and twin.signal != "QUEUED":
                twin.status = "ACTIVE"
        self.dispatches(dispatch.complete_due, wall=False)
        for twin in self.twins("ACTIVE"):
            twin.status = "COMPLETED" if self.world.end <= self.world.now else "ACTIVE"

    @precondition(lambda self: self.twins("ABORTING"))
    @rule()
    def carry_out_aborts(self) -> None:
        self.dispatches(dispatch.carry_out_aborts)
        for twin in self.twins("ABORTING"):
            twin.status, twin.cancelled_at, twin.signal = "ABORTED", self.world.now, "CANCELLED"

    @rule(index=which_plan)
    def carry_on(self, index: int) -> None:
        """The next right step of a plan, so that some get far."""
        _plan, twin = self.pair(index)
        if self.world.frozen:
            position = next(n for n, freeze in enumerate(self.world.freezes) if self.world.is_on(freeze))
            self.lift(position, "sue", "carry on")
        elif twin.status == "PLANNING":
            self.solve(index, 15, False)
        elif twin.status in UNDECIDED:
            self.approve_as_asked(index, self._somebody_entitled(self.open_pair(index)[1]))
        elif twin.versions and twin.current.forced_by and not twin.current.reviewed:
            forced = [each for _row, each in self._forced()]
            self.review(forced.index(twin), "sam" if twin.current.forced_by.name != "sam" else "sue")
        elif twin.status == "AUTHORISED":
            self.claim()
        elif twin.status == "DISPATCHING" and twin.signal == "QUEUED":
            self.send()
        elif twin.status in {"DISPATCHING", "ACTIVE"}:
            self.time_passes(45)
            self.start_and_complete()

    def _somebody_entitled(self, twin: Proposal) -> str:
        strength = self.world.needs(twin, twin.current).strength
        for name, human in self.humans.items():
            ballot = Ballot(human, strength, "looked at it", None, self.world.now)
            if self.world.approve_objections(twin, ballot, "current", "fitting") <= {"EstimateMissing"}:
                return name
        return "sam"

    # What must hold

    @invariant()
    def rows_are_as_the_model_has_them(self) -> None:
        self.before = rows_of_everything()
        if not self.plans:
            return
        found = dict(Plan.objects.values_list("pk", "status"))
        self.seen.update(("state", status) for status in found.values())
        assert [found[plan.pk] for plan in self.plans] == [twin.status for twin in self.world.plans]
        signals = dict(Signal.objects.filter(kind="EVENT").values_list("claim__plan_id", "status"))
        assert [signals.get(plan.pk, "") for plan in self.plans] == [twin.signal for twin in self.world.plans]

    @invariant()
    def only_votes_of_the_entitled_are_counted(self) -> None:
        """PostgreSQL's count is the model's, which counts nobody of the conflict set."""
        for plan, twin in zip(self.plans, self.world.plans, strict=True):
            for content in twin.versions:
                assert _tally(plan, content.number) == self.world.tally(twin, content)
        asked_before = Q(version__plan__requests__by=F("voter"), version__plan__requests__wall_at__lt=F("wall_at"))
        assert not Vote.objects.filter(asked_before, decision="APPROVE").exists()

    @invariant()
    def nothing_is_claimed_without_quorum_or_break_glass(self) -> None:
        for claim in Claim.objects.exclude(pk__in=self.approved_claims).select_related("version"):
            twin = self.world.plans[[plan.pk for plan in self.plans].index(claim.plan_id)]
            assert claim.version.number == twin.current.number
            forced = BreakGlass.objects.filter(version=claim.version, content_hash=claim.version.content_hash)
            assert forced.exists() or self.world.has_quorum(twin, twin.current)
            self.approved_claims.add(claim.pk)

    @invariant()
    def ended_is_ended_and_authorised_is_once(self) -> None:
        moves = list(Transition.objects.order_by("pk").values_list("plan_id", "from_status", "to_status"))
        assert not [move for move in moves if move[1] in ENDED]
        authorised = [plan_id for plan_id, _old, new in moves if new == "AUTHORISED"]
        assert len(authorised) == len(set(authorised))
        assert Claim.objects.count() == Claim.objects.values("plan_id").distinct().count()

    @invariant()
    def what_goes_out_is_what_was_approved(self) -> None:
        """The approved bytes; nothing while frozen; nothing of a plan that was stopped."""
        gone = Signal.objects.filter(kind="EVENT", sent_at__isnull=False).select_related("planned_event", "version")
        for signal in gone:
            assert bytes(signal.payload) == bytes(signal.planned_event.payload)
            assert signal.payload_sha256 in signal.version.content
            if signal.pk not in self.sent:
                assert not self.world.frozen
                stops = ("ABORTING", "ABORTED", "CANCELLED", "WITHDRAWN", "REJECTED", "EXPIRED")
                assert not Transition.objects.filter(plan_id=signal.version.plan_id, to_status__in=stops).exists()
                self.sent[signal.pk] = signal.sent_at
            assert self.sent[signal.pk] == signal.sent_at


def _tally(plan: Plan, number: int) -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.approvals, t.supervisors FROM planning_planversion v, planning_tally(v.id) t"
            " WHERE v.plan_id = %s AND v.number = %s",
            [plan.pk, number],
        )
        return cursor.fetchone()
