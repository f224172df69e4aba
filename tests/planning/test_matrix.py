"""Who may do what, in which state: every cell of one table. Every refusal leaves every row as it was.

The four states where most can go wrong are in `make test`, all others in `make prove`.

`right` names who holds the right; `then` the state each open state leads to; `own` who is refused although they hold
the right. Anything else is refused as `closed` says. Rows of system events: which database role alone may do them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import ProgrammingError, transaction

from dispatch import operations as dispatch
from grid.core.refusals import Refusal
from planning import operations
from planning.core.lifecycle import Status
from planning.models import Plan, PlanRefusal, PlanRequest
from planning.proposal import solve_request
from portal.models import User
from tests.keys import password_of
from tests.planning.builders import APPROVE_BY, AT, END, START
from tests.planning.machine.base import check_deferred
from tests.planning.rows import rows_of_everything
from tests.planning.states import ACTORS, Role, Scene

ALL = {state.value for state in Status}
OPEN = {"PENDING", "PARTIAL"}
OPERATORS = {"requester", "operator"}
SUPERVISORS = {"supervisor", "editor", "first voter", "second voter", "superuser in the role"}
DECIDERS = OPERATORS | SUPERVISORS
APART = {"superuser in the role"}
ASKED = {"requester", "editor"}
SAME = ""


def to(states: set[str], status: str = SAME) -> dict[str, str]:
    return dict.fromkeys(states, status)


@dataclass(frozen=True)
class Row:
    """One event."""

    do: Callable[[Scene, User], Any]
    right: set[str]
    then: dict[str, str]
    closed: str = "NotAwaitingVote"
    own: dict[str, str] = field(default_factory=dict)
    voted: str = ""
    on_record: bool = True

    def expected(self, actor: str, state: str) -> str:
        """The state afterwards, or the name of the refusal."""
        if actor not in self.right:
            return "PermissionNeeded"
        if state not in self.then:
            return self.closed
        if actor in self.own:
            return self.own[actor]
        if self.voted and state == "PARTIAL" and actor == "first voter":
            return self.voted
        return self.then[state] or state


def content(scene: Scene) -> dict[str, Any]:
    version = scene.plan.current_version
    return {"plan_id": scene.plan.pk, "content_hash": version.content_hash if version else "0" * 64, "at": AT}


def approve(scene: Scene, by: User) -> Any:
    signed = scene.signed.get((by.username, "APPROVE"))
    return operations.approve_plan(by=by, reason="looked at it", signed=signed, **content(scene))


def force(scene: Scene, by: User) -> Any:
    signed = scene.signed.get((by.username, "BREAK_GLASS"))
    emergency = operations.Emergency("SAFETY", "INC-1", "now")
    return operations.force_plan(by=by, emergency=emergency, signed=signed, **content(scene))


def delegate(scene: Scene, by: User) -> Any:
    to_whom = scene.people["operator" if by.username != "operator" else "supervisor"]
    loan = operations.Loan(to_whom.pk, AT, END, Decimal(20), "away")
    return operations.delegate_vote(loan=loan, by=by, at=AT, password=password_of(by))


def abort_leads_to() -> dict[str, str]:
    before = to({"PLANNING", "DRAFT", "PENDING", "CHANGES_REQUESTED", "PARTIAL"}, "WITHDRAWN")
    return before | {"AUTHORISED": "CANCELLED", "DISPATCHING": "ABORTING", "ACTIVE": "ABORTING"}


def refused(actors: set[str], kind: str) -> dict[str, str]:
    return dict.fromkeys(actors, kind)


PEOPLE: dict[str, Row] = {
    "propose": Row(
        lambda s, by: operations.propose_plan(wish=operations.Wish("balanced"), by=by, at=AT, mode="DRILL"),
        DECIDERS,
        to(ALL),
        on_record=False,
    ),
    "edit": Row(
        lambda s, by: operations.edit_plan(by=by, change=operations.Change(), reason="cooler", **content(s)),
        DECIDERS,
        to(OPEN, "PLANNING"),
    ),
    "estimate": Row(lambda s, by: operations.give_estimate(by=by, mw=Decimal(9), **content(s)), DECIDERS, to(OPEN)),
    "approve": Row(
        approve,
        DECIDERS,
        {"PENDING": "PARTIAL", "PARTIAL": "AUTHORISED"},
        own=refused(ASKED, "OwnPlan") | refused(APART, "VoteRefused"),
        voted="AlreadyVoted",
    ),
    "reject": Row(
        lambda s, by: operations.reject_plan(by=by, reason="too hot", **content(s)),
        DECIDERS,
        to(OPEN, "REJECTED"),
        own=refused(ASKED, "OwnPlan") | refused(APART, "VoteRefused"),
        voted="AlreadyVoted",
    ),
    "comment": Row(lambda s, by: operations.add_comment(by=by, text="why so late?", **content(s)), DECIDERS, to(OPEN)),
    "break-glass": Row(force, SUPERVISORS, to(OPEN, "AUTHORISED"), own=refused(APART, "BreakGlassRefused")),
    "abort": Row(
        lambda s, by: operations.abort_plan(plan_id=s.plan.pk, by=by, at=AT),
        DECIDERS,
        abort_leads_to(),
        closed="NothingToStop",
    ),
    "resolve a blocker": Row(
        lambda s, by: operations.resolve_comment(comment_id=s.comment.pk, by=by, at=AT, text="seen"),
        DECIDERS,
        to(ALL),
        own=refused({"requester"} | APART, "ResolutionRefused"),
    ),
    "freeze": Row(
        lambda s, by: operations.freeze(by=by, at=AT, reason="storm"),
        DECIDERS,
        to(ALL),
        own=refused(APART, "FreezeRefused"),
    ),
    "lift a freeze": Row(
        lambda s, by: operations.lift_freeze(freeze_id=s.freeze.pk, by=by, at=AT, reason="over"),
        SUPERVISORS,
        to(ALL),
        own=refused(APART, "FreezeRefused"),
    ),
    "delegate": Row(delegate, DECIDERS, to(ALL), own=refused(APART, "DelegationRefused")),
    "end a delegation": Row(
        lambda s, by: operations.end_delegation(delegation_id=s.delegation.pk, by=by, at=AT),
        set(ACTORS),
        to(ALL),
        own=refused(set(ACTORS) - {"first voter", "second voter"}, "DelegationUnknown"),
    ),
    "review": Row(
        lambda s, by: operations.review_break_glass(
            break_glass_id=s.forced.pk, by=by, at=AT, finding="JUSTIFIED", text="seen"
        ),
        SUPERVISORS,
        to(ALL),
        own=refused({"second voter"} | APART, "ReviewRefused"),
    ),
    "propose a policy": Row(
        lambda s, by: operations.propose_policy(
            rules=s.policy.rules, by=by, at=AT, reason="safer", password=password_of(by)
        ),
        SUPERVISORS,
        to(ALL),
        own=refused(APART, "PolicyRefused"),
    ),
    "confirm a policy": Row(
        lambda s, by: operations.confirm_policy(number=s.policy.number, by=by, at=AT, password=password_of(by)),
        SUPERVISORS,
        to(ALL),
        own=refused({"second voter"} | APART, "ConfirmationRefused"),
    ),
    "note a viewing": Row(
        lambda s, by: operations.note_viewing(
            plan_id=s.plan.pk, content_hash=content(s)["content_hash"], by=by, seconds=5
        ),
        DECIDERS | {"auditor", "admin"},
        to(ALL),
        on_record=False,
    ),
}
NOT_SENT_BY = {"claim": ("web", "worker"), "send": ("web", "worker"), "carry out an abort": ("web", "worker")}
NOT_SOLVED_BY = {"solve": ("web", "dispatch")}
MAY_ASK_OR_STOP = {("propose", "worker"), ("edit", "worker"), ("abort", "worker"), ("abort", "dispatch")}
"""The worker asks for plans (the watch agent's), and both move states: what they could forge is a wish, or a stop."""

SHORT = ("PENDING", "PARTIAL", "AUTHORISED", "ACTIVE")


@dataclass(frozen=True)
class SystemRow:
    """What no person does: by which database role, from which states to which; elsewhere nothing changes."""

    do: Callable[[Scene], Any]
    role: str
    then: dict[str, str]


def solve(scene: Scene) -> None:
    scene.plan.refresh_from_db()  # the object keeps what was rolled back
    if scene.plan.status == "PLANNING":
        scene.solve()
    else:
        request = PlanRequest.objects.filter(plan=scene.plan).latest("number")
        solve_request(plan_id=scene.plan.pk, number=request.number, at=AT)


def start(scene: Scene) -> None:
    dispatch.send_queued(at=AT, wall_at=AT)
    dispatch.start_due(at=START)


SYSTEM: dict[str, SystemRow] = {
    "solve": SystemRow(solve, "worker", {"PLANNING": "PENDING"}),
    "expire": SystemRow(lambda s: operations.expire_due(at=APPROVE_BY), "worker", to(OPEN, "EXPIRED")),
    "escalate": SystemRow(lambda s: operations.escalate_due(at=APPROVE_BY - timedelta(seconds=1)), "worker", to(OPEN)),
    "claim": SystemRow(
        lambda s: dispatch.claim_authorised(at=AT, wall_at=AT), "dispatch", {"AUTHORISED": "DISPATCHING"}
    ),
    "send": SystemRow(lambda s: dispatch.send_queued(at=AT, wall_at=AT), "dispatch", to({"DISPATCHING"})),
    "start": SystemRow(start, "dispatch", {"DISPATCHING": "ACTIVE"}),
    "complete": SystemRow(lambda s: dispatch.complete_due(at=END), "dispatch", {"ACTIVE": "COMPLETED"}),
    "carry out an abort": SystemRow(
        lambda s: dispatch.carry_out_aborts(at=AT, wall_at=AT), "dispatch", {"ABORTING": "ABORTED"}
    ),
}


@contextmanager
def rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def outcome(scene: Scene, event: str, actor: str) -> str:
    """As web. The state afterwards, or the refusal; then every row is as before and the refusal alone is on record."""
    row, before = PEOPLE[event], rows_of_everything()
    refusals = PlanRefusal.objects.count()
    try:
        with scene.role("web"):
            row.do(scene, scene.people[actor])
            check_deferred()
    except Refusal as refusal:
        assert rows_of_everything() == before
        assert PlanRefusal.objects.count() == refusals + row.on_record
        return type(refusal).__name__
    assert PlanRefusal.objects.count() == refusals
    return Plan.objects.values_list("status", flat=True).get(pk=scene.plan.pk)


def denied(scene: Scene, role: str, do: Callable[[], Any]) -> bool:
    """Whether the database role may not do it at all, and nothing changed."""
    before = rows_of_everything()
    try:
        with transaction.atomic(), scene.role(role):
            do()
            check_deferred()
    except ProgrammingError as error:
        assert "permission denied" in str(error), str(error)
        assert rows_of_everything() == before
        return True
    return rows_of_everything() == before


def scene_of(state: str, role: Role) -> Scene:
    """With what every person's passkey signed for the current content."""
    scene = Scene(Status(state), role)
    if scene.plan.current_version_id:
        scene.signed = {(name, it): scene.sign(name, it) for name in ACTORS for it in ("APPROVE", "BREAK_GLASS")}
    return scene


def check_people(scene: Scene) -> None:
    """All people, all events, in one state."""
    wrong = []
    for event, row in PEOPLE.items():
        for actor in ACTORS:
            with rolled_back():
                found = outcome(scene, event, actor)
            if found != row.expected(actor, scene.state):
                wrong.append((event, actor, found, row.expected(actor, scene.state)))
    assert wrong == []


def check_roles(scene: Scene) -> None:
    """The database roles: what is theirs works where it should, and nothing else does."""
    for event, row in SYSTEM.items():
        with rolled_back():
            with scene.role(row.role):
                row.do(scene)
                check_deferred()
            status = Plan.objects.values_list("status", flat=True).get(pk=scene.plan.pk)
            assert (event, status) == (event, row.then.get(scene.state, scene.state) or scene.state)
        for role in (NOT_SENT_BY | NOT_SOLVED_BY).get(event, ()):
            with rolled_back():
                assert denied(scene, role, partial(row.do, scene)), (event, role)
    by = scene.people["supervisor"]
    for event, role in itertools.product(PEOPLE, ("worker", "dispatch")):
        with rolled_back():
            if (event, role) not in MAY_ASK_OR_STOP:
                assert denied(scene, role, partial(PEOPLE[event].do, scene, by)), (event, role)


@pytest.mark.parametrize("state", SHORT)
def test_everybody_in_the_states_that_matter_most(state: str, as_role: Role) -> None:
    check_people(scene_of(state, as_role))


@pytest.mark.prove
@pytest.mark.parametrize("state", sorted(ALL - set(SHORT)))
def test_everybody_in_every_other_state(state: str, as_role: Role) -> None:
    check_people(scene_of(state, as_role))


@pytest.mark.parametrize("state", SHORT)
def test_database_roles(state: str, as_role: Role) -> None:
    check_roles(scene_of(state, as_role))


@pytest.mark.prove
@pytest.mark.parametrize("state", sorted(ALL - set(SHORT)))
def test_database_roles_in_every_other_state(state: str, as_role: Role) -> None:
    check_roles(scene_of(state, as_role))
