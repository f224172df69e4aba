"""One table of scenarios through the supervisors' site, the pages and the API: the same outcome, in the same words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from cohorts.models import Account
from grid.models import Clock
from planning import operations
from planning.core.drift import Basis
from planning.models import Plan, PlanRequest
from portal.models import User
from tests import factories
from tests.keys import Keyring, password_of
from tests.planning import builders
from tests.planning.builders import APPROVE_BY, AT, END, hash_of
from tests.planning.machine.base import check_deferred
from tests.policies import approve as write_vote
from tests.portal.entries import DESKS, Answer, Desk, Outcome, outcome_of

AsRole = Callable[[str], AbstractContextManager[None]]
PEOPLE = {
    "olivia": "operator",
    "omar": "operator",
    "sam": "supervisor",
    "sue": "supervisor",
    "eddie": "supervisor",
    "ada": "auditor",
    "adam": "admin",
}
SMALL, MIDDLE, LARGE = "15.000", "30.000", "90.000"


@dataclass
class Stage:
    """A plan asked for by olivia, and what was done with it before."""

    people: dict[str, User]
    plan: Plan
    keys: Keyring = field(default_factory=Keyring)

    def sent(self, given: Mapping[str, Any], desk: Desk, action: str) -> dict[str, Any]:
        """Words in `given` become what is sent: `HASH` the current content, `PASSKEY` what the person's key signs."""
        made = {}
        for name, value in given.items():
            made[name] = value
            if value == "HASH":
                made[name] = hash_of(self.plan)
            elif value in {"PASSKEY", "OTHERS PASSKEY"}:
                by = desk.by if value == "PASSKEY" else self.people["adam"]
                key = self.keys.of(by)
                decision = "BREAK_GLASS" if action == "break-glass" else "APPROVE"
                options = type(desk)(by).challenge(self.plan, hash_of(self.plan), decision)
                assert not isinstance(options, Answer), options
                made[name] = key.get(options)
        return made


Before = Callable[[Stage], None]


@dataclass(frozen=True)
class Row:
    """`before` prepares, `by` acts; `status` and `says` (part of the refusal's sentence, empty: none) come of it."""

    by: str
    action: str
    given: Mapping[str, Any]
    status: str
    says: str = ""
    mw: str = SMALL
    before: Before | None = None
    code: int = 200
    accounts: int | None = None
    """Enrolled when it was made; 20 are now."""


def edited(stage: Stage) -> None:
    """Eddie changed it: another version."""
    request = PlanRequest.objects.create(
        plan=stage.plan, number=2, by=stage.people["eddie"], at=AT, strategy="balanced"
    )
    builders.add_version(stage.plan, request, stage.plan.current_version.events.get().cohort)


def voted(name: str) -> Before:
    def before(stage: Stage) -> None:
        write_vote(stage.plan, stage.people[name], at=AT)
        Plan.objects.filter(pk=stage.plan.pk).update(status="PARTIAL")

    return before


def frozen(stage: Stage) -> None:
    operations.freeze(by=stage.people["omar"], at=AT, reason="storm")


def blocked(stage: Stage) -> None:
    given = {"plan_id": stage.plan.pk, "content_hash": hash_of(stage.plan), "at": AT}
    operations.add_comment(by=stage.people["omar"], text="too early", blocker=True, **given)


def late(stage: Stage) -> None:
    Clock.objects.update(scenario_anchor=APPROVE_BY)


def estimated(name: str) -> Before:
    def before(stage: Stage) -> None:
        given = {"plan_id": stage.plan.pk, "content_hash": hash_of(stage.plan), "at": AT}
        operations.give_estimate(by=stage.people[name], mw=Decimal(80), **given)

    return before


def lent(stage: Stage) -> None:
    """Sam's vote to omar."""
    loan = operations.Loan(stage.people["omar"].pk, AT, END, Decimal(50), "away")
    operations.delegate_vote(loan=loan, by=stage.people["sam"], at=AT, password=password_of(stage.people["sam"]))


def ended(stage: Stage) -> None:
    operations.abort_plan(plan_id=stage.plan.pk, by=stage.people["omar"], at=AT)


VOTE = {"content_hash": "HASH"}
WITH_PASSWORD = VOTE | {"password": "sam"}
SIGNED = VOTE | {"assertion": "PASSKEY", "reason": "looked at it"}
FORCE = VOTE | {"reason_code": "SAFETY", "incident": "INC-7", "reason": "line down", "assertion": "PASSKEY"}


def without(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key != name}


ROWS: dict[str, Row] = {
    "below 20 MW by an operator": Row("omar", "approve", VOTE, "AUTHORISED"),
    "below 20 MW with the password all the same": Row("omar", "approve", VOTE | {"password": "omar"}, "AUTHORISED"),
    "a wrong password": Row(
        "sam", "approve", VOTE | {"password": "sue"}, "PENDING", "The password is not right.", MIDDLE, code=403
    ),
    "a wrong password where none is needed": Row(
        "omar", "approve", VOTE | {"password": "it"}, "PENDING", "The password is not right.", code=403
    ),
    "20 to 60 MW without the password": Row(
        "sam", "approve", VOTE, "PENDING", "needs your password together with the vote", MIDDLE, code=403
    ),
    "20 to 60 MW with the password": Row("sam", "approve", WITH_PASSWORD, "AUTHORISED", mw=MIDDLE),
    "20 to 60 MW by an operator": Row(
        "omar", "approve", VOTE | {"password": "omar"}, "PENDING", "is a supervisor's", MIDDLE, code=403
    ),
    "above 60 MW without an estimate": Row(
        "sam", "approve", SIGNED, "PENDING", "your own estimate of the MW first", LARGE, code=409
    ),
    "above 60 MW, the first of two": Row("sam", "approve", SIGNED, "PARTIAL", mw=LARGE, before=estimated("sam")),
    "above 60 MW with the password only": Row(
        "sam",
        "approve",
        WITH_PASSWORD | {"reason": "x"},
        "PENDING",
        "needs your passkey",
        LARGE,
        estimated("sam"),
        code=403,
    ),
    "above 60 MW without a reason": Row(
        "sam", "approve", without(SIGNED, "reason"), "PENDING", "a reason is needed", LARGE, estimated("sam"), code=422
    ),
    "an edited plan, the second of two": Row(
        "sam", "approve", SIGNED, "AUTHORISED", before=lambda s: (edited(s), voted("sue")(s))[0]
    ),
    "somebody else's passkey": Row(
        "sam",
        "approve",
        SIGNED | {"assertion": "OTHERS PASSKEY"},
        "PENDING",
        "none of this person's keys",
        before=edited,
        code=403,
    ),
    "a stale hash": Row(
        "omar", "approve", {"content_hash": "0" * 64}, "PENDING", "has the content you named", code=409
    ),
    "one's own plan": Row("olivia", "approve", VOTE, "PENDING", "somebody else has to decide", code=403),
    "an editor": Row("eddie", "approve", SIGNED, "PENDING", "somebody else has to decide", before=edited, code=403),
    "an auditor": Row("ada", "approve", VOTE, "PENDING", "it needs planning.approve_plan", code=403),
    "an admin": Row("adam", "approve", VOTE, "PENDING", "it needs planning.approve_plan", code=403),
    "while frozen": Row("omar", "approve", VOTE, "PENDING", "frozen: storm", before=frozen, code=409),
    "with a blocker open": Row(
        "sam", "approve", VOTE, "PENDING", "marked as blocker is not resolved", before=blocked, code=409
    ),
    "drift amber without a reason": Row(
        "omar", "approve", VOTE, "PENDING", "say why you approve it all the same", accounts=22, code=422
    ),
    "drift amber with a reason": Row("omar", "approve", VOTE | {"reason": "few left"}, "AUTHORISED", accounts=22),
    "drift red": Row("omar", "approve", VOTE | {"reason": "x"}, "PENDING", "Too much has moved", accounts=40, code=409),
    "a second vote": Row(
        "sue", "approve", SIGNED, "PARTIAL", "already voted", before=lambda s: (edited(s), voted("sue")(s))[0], code=409
    ),
    "too late": Row("omar", "approve", VOTE, "PENDING", "that time has passed", before=late, code=409),
    "after the end": Row("omar", "approve", VOTE, "WITHDRAWN", "is WITHDRAWN (by omar", before=ended, code=409),
    "in the name of who lent it": Row(
        "omar", "approve", VOTE | {"password": "omar", "on_behalf_of": "sam"}, "AUTHORISED", mw=MIDDLE, before=lent
    ),
    "in the name of who lent nothing": Row(
        "omar", "approve", VOTE | {"on_behalf_of": "sue"}, "PENDING", "no delegation covers this vote", code=403
    ),
    "in the name of nobody there is": Row(
        "omar", "approve", VOTE | {"on_behalf_of": "nobody"}, "PENDING", "No delegation covers", code=403
    ),
    "reject": Row("omar", "reject", VOTE | {"reason": "too hot"}, "REJECTED"),
    "reject without a reason": Row("omar", "reject", VOTE | {"reason": ""}, "PENDING", "a reason is needed", code=422),
    "reject one's own": Row(
        "olivia", "reject", VOTE | {"reason": "x"}, "PENDING", "somebody else has to decide", code=403
    ),
    "abort": Row("olivia", "abort", {"reason": "cooler"}, "WITHDRAWN"),
    "abort what is over": Row("olivia", "abort", {}, "WITHDRAWN", "nothing is left to stop", before=ended, code=409),
    "abort by an auditor": Row("ada", "abort", {}, "PENDING", "it needs planning.abort_plan", code=403),
    "break-glass": Row("sam", "break-glass", FORCE, "AUTHORISED", mw=MIDDLE),
    "break-glass without a passkey": Row(
        "sam", "break-glass", without(FORCE, "assertion"), "PENDING", "it needs your passkey", code=403
    ),
    "break-glass above its cap": Row(
        "sam", "break-glass", FORCE, "PENDING", "no more than 60 MW can be forced", LARGE, code=403
    ),
    "break-glass by an operator": Row(
        "omar", "break-glass", FORCE, "PENDING", "it needs planning.break_glass", code=403
    ),
    "break-glass while frozen": Row("sam", "break-glass", FORCE, "PENDING", "frozen: storm", before=frozen, code=403),
}


@pytest.fixture
def people(db: None) -> dict[str, User]:
    """All staff, so that the supervisors' site lets everybody in and the operations have to refuse."""
    factories.drill(at=AT)
    return {name: builders.person(name, role, password=name, is_staff=True) for name, role in PEOPLE.items()}


def stage_for(row: Row, people: dict[str, User]) -> Stage:
    cohort = builders.cohort(enrolled_mw="300")
    Account.objects.bulk_create(Account(cohort=cohort, number=number, zip="77581") for number in range(1, 21))
    basis = Basis(None, None, None, None, row.accounts)
    stage = Stage(people, builders.pending_plan(people["olivia"], cohort, largest_mw=row.mw, basis=basis))
    Plan.objects.update(run=1)
    stage.plan.refresh_from_db()
    if row.before:
        row.before(stage)
    stage.plan.refresh_from_db()
    return stage


def through(kind: type[Desk], row: Row, stage: Stage, as_role: AsRole) -> tuple[Outcome, int, str]:
    """What comes of it, with web's rights; undone afterwards."""
    with transaction.atomic():
        stage.keys = Keyring()  # a key enrolled in what was undone is gone
        with as_role("web"):
            desk = kind(stage.people[row.by])
            answer = desk.act(row.action, stage.plan, stage.sent(row.given, desk, row.action))
            check_deferred()
        found = outcome_of(stage.plan, done=answer.done)
        transaction.set_rollback(True)
    return found, answer.code, answer.text


@pytest.mark.parametrize("name", ROWS)
def test_the_same_comes_of_it(name: str, people: dict[str, User], as_role: AsRole) -> None:
    row = ROWS[name]
    stage = stage_for(row, people)
    outcomes = {}
    for kind in DESKS:
        if row.action not in kind.actions:
            continue
        outcomes[kind.name], code, text = through(kind, row, stage, as_role)
        if row.says:
            [refusal] = outcomes[kind.name].refusals
            assert row.says in refusal[2]
            assert refusal[2] in text, (kind.name, text)
        if kind.name != "admin":  # the supervisors' site always goes back to the plan, with a message
            assert code == (row.code if row.says else {"page": 302, "api": 200}[kind.name])
    first = outcomes["api"]
    assert all(each == first for each in outcomes.values()), outcomes
    assert (first.status, first.done) == (row.status, not row.says)
