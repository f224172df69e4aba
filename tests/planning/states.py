"""A plan in each of the 18 states, reached through the operations where one leads there.

15 MW, asked for by the requester, changed once by the editor: two votes, one a supervisor's, passkeys and a reason.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from dispatch import operations as dispatch
from planning import operations
from planning.core.lifecycle import Status
from planning.models import BreakGlass, Comment, Delegation, Freeze, Plan, PlanRequest, Transition
from planning.passkeys import Signed
from planning.record import move_plan
from portal.models import User
from tests import factories
from tests.keys import Keyring, password_of
from tests.planning import builders
from tests.planning.builders import APPROVE_BY, AT, END, START, hash_of

ACTORS: dict[str, tuple[tuple[str, ...], dict[str, bool]]] = {
    "requester": (("operator",), {}),
    "operator": (("operator",), {}),
    "supervisor": (("supervisor",), {}),
    "editor": (("supervisor",), {}),
    "first voter": (("supervisor",), {}),
    "second voter": (("supervisor",), {}),
    "auditor": (("auditor",), {}),
    "admin": (("admin",), {}),
    "superuser": ((), {"is_superuser": True}),
    "superuser in the role": (("supervisor",), {"is_superuser": True}),
    "inactive": (("supervisor",), {"is_active": False}),
    "nobody": ((), {}),
}
LATE = APPROVE_BY + timedelta(hours=3)
BY_HAND = {Status.DRAFT, Status.CHANGES_REQUESTED, Status.SUPERSEDED}
"""States of the table of moves that no operation leads to."""

Role = Callable[[str], AbstractContextManager[None]]


@dataclass
class Scene:
    """The plan, its people, and what else a decision may be about."""

    state: Status
    role: Role
    people: dict[str, User] = field(default_factory=dict)
    signed: dict[tuple[str, str], Signed] = field(default_factory=dict)
    keys: Keyring = field(default_factory=Keyring)

    def __post_init__(self) -> None:
        factories.drill(at=AT)
        self.people = {
            name: builders.person(name, *roles, password=name, **flags) for name, (roles, flags) in ACTORS.items()
        }
        self.cohort = builders.cohort()
        self.plan = builders.pending_plan(self.people["requester"], self.cohort)
        Plan.objects.update(run=1)
        self.plan.refresh_from_db()
        if self.state != Status.FAILED:
            self.edit()
            self.solve()
        else:
            Plan.objects.update(status=Status.PLANNING, current_version=None)
        self.governing_rows()
        self.reach()
        for person in self.people.values():
            person.has_perm("planning.approve_plan")  # rights are read once: nobody's change while a scene lasts

    # How a plan gets on

    def edit(self) -> None:
        """The editor's change is asked for."""
        operations.edit_plan(
            plan_id=self.plan.pk,
            content_hash=hash_of(self.plan),
            change=operations.Change(),
            by=self.people["editor"],
            at=AT,
            reason="cooler",
        )
        self.plan.refresh_from_db()

    def solve(self) -> None:
        request = PlanRequest.objects.filter(plan=self.plan).latest("number")
        builders.add_version(self.plan, request, self.cohort)

    def sign(self, name: str, decision: str) -> Signed:
        return self.keys.sign(self.people[name], self.plan, hash_of(self.plan), decision)

    def vote(self, name: str) -> None:
        operations.approve_plan(
            plan_id=self.plan.pk,
            content_hash=hash_of(self.plan),
            by=self.people[name],
            at=AT,
            reason="looked at it",
            signed=self.sign(name, "APPROVE"),
        )

    def abort(self) -> None:
        operations.abort_plan(plan_id=self.plan.pk, by=self.people["operator"], at=AT)

    def reject(self) -> None:
        given: dict[str, Any] = {"content_hash": hash_of(self.plan), "reason": "no"}
        operations.reject_plan(plan_id=self.plan.pk, by=self.people["second voter"], at=AT, **given)

    def authorise(self) -> None:
        self.vote("first voter")
        self.vote("second voter")

    def claim(self) -> None:
        self.authorise()
        dispatch.claim_authorised(at=AT, wall_at=AT)

    def send(self) -> None:
        self.claim()
        dispatch.send_queued(at=AT, wall_at=AT)

    def start(self) -> None:
        self.send()
        dispatch.start_due(at=START)

    def reach(self) -> None:
        """Where the state begins."""
        way: dict[Status, list[Callable[[], Any]]] = {
            Status.PLANNING: [self.edit],
            Status.FAILED: [self._fail],
            Status.PENDING: [],
            Status.PARTIAL: [lambda: self.vote("first voter")],
            Status.AUTHORISED: [self.authorise],
            Status.DISPATCHING: [self.claim],
            Status.ACTIVE: [self.start],
            Status.COMPLETED: [self.start, lambda: dispatch.complete_due(at=END)],
            Status.REJECTED: [self.reject],
            Status.EXPIRED: [lambda: operations.expire_due(at=APPROVE_BY)],
            Status.WITHDRAWN: [self.abort],
            Status.CANCELLED: [self.authorise, self.abort],
            Status.ABORTING: [self.send, self.abort],
            Status.ABORTED: [self.send, self.abort, lambda: dispatch.carry_out_aborts(at=AT, wall_at=AT)],
            Status.DISPATCH_FAILED: [self.claim, lambda: dispatch.send_queued(at=LATE, wall_at=LATE)],
        }
        for step in way.get(self.state, [self._by_hand]):
            step()
        self.plan.refresh_from_db()
        assert self.plan.status == self.state

    def _fail(self) -> None:
        plan = Plan.objects.get(pk=self.plan.pk)
        move_plan(plan=plan, to=Status.FAILED, at=AT, actor="planner", failure="no")

    def _by_hand(self) -> None:
        assert self.state in BY_HAND
        Plan.objects.update(status=self.state)
        Transition.objects.create(plan=self.plan, to_status=self.state, actor="planner", at=AT)

    def governing_rows(self) -> None:
        """A comment, a freeze of tomorrow, a loan, a policy proposed, another plan forced through."""
        self.freeze = Freeze.objects.create(
            by=self.people["operator"], reason="maintenance", starts_at=AT + timedelta(days=1)
        )
        self.delegation = Delegation.objects.create(
            delegator=self.people["second voter"],
            delegate=self.people["first voter"],
            starts_at=AT,
            ends_at=END,
            max_mw=1,
            reason="away",
        )
        self.policy = operations.propose_policy(
            rules=POLICY,
            by=self.people["second voter"],
            at=AT,
            reason="a test asked for it",
            password=password_of(self.people["second voter"]),
        )
        self.other = builders.pending_plan(self.people["requester"], builders.cohort("Another"))
        Plan.objects.update(run=1)
        self.comment = Comment.objects.create(
            version=self.other.current_version, by=self.people["operator"], text="why?", blocker=True, at=AT
        )
        self.forced = self._force_another()

    def _force_another(self) -> BreakGlass:
        by = self.people["second voter"]
        content = {"plan_id": self.other.pk, "content_hash": hash_of(self.other), "at": AT}
        signed = self.keys.sign(by, self.other, hash_of(self.other), "BREAK_GLASS")
        operations.force_plan(by=by, emergency=operations.Emergency("SAFETY", "1", "x"), signed=signed, **content)
        Plan.objects.filter(pk=self.other.pk).update(status=Status.WITHDRAWN)  # out of dispatch's way
        return BreakGlass.objects.get()


POLICY = """{"rules":[{"name":"every plan","when":{},"needs":
{"approvals":2,"supervisors":0,"step_up":"none","reason":false,"estimate":false}}],
"break_glass":{"max_mw":"60","review_h":24}}"""
