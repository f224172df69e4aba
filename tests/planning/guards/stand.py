"""Where probes stand: people, and plans as a probe wants them. A probe does one forbidden thing and sees it refused.

A probe says `with refused(OwnPlan)` around an operation or `with denied("the words")` around SQL. It fails when the
thing succeeds, or is refused by something else: then a guard is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from cohorts.models import Account, Cohort
from grid.core.refusals import Refusal
from planning import operations
from planning.core.drift import Basis
from planning.models import Plan, PlanRequest, StepUpChallenge, Vote, VoteAssertion
from planning.passkeys import Signed
from portal.models import User
from tests import factories
from tests.keys import Keyring
from tests.planning import builders
from tests.planning.builders import AT, END, hash_of
from tests.planning.machine.base import check_deferred

PEOPLE: dict[str, tuple[tuple[str, ...], dict[str, bool]]] = {
    "olivia": (("operator",), {}),
    "omar": (("operator",), {}),
    "oscar": (("operator",), {}),
    "sam": (("supervisor",), {}),
    "sue": (("supervisor",), {}),
    "stan": (("supervisor",), {}),
    "ada": (("auditor",), {}),
    "adam": (("admin",), {}),
    "both": (("supervisor", "admin"), {}),
    "audits": (("supervisor", "auditor"), {}),
    "root": (("supervisor",), {"is_superuser": True}),
    "gina": (("supervisor",), {"is_active": False}),
    "nobody": ((), {}),
}
ACCOUNTS = 20
NUMBERS = (
    *("target_mw", "planned_p50_mw", "firm_p90_mw", "shortfall_mw", "confidence", "endpoints", "cost_usd"),
    *("value_usd", "rebound_mwh", "rebound_peak_mw"),
)
"""What an alternative tells."""
Role = Callable[[str], AbstractContextManager[None]]
Probe = Callable[["Stand"], None]
PROBES: dict[str, Probe] = {}


class NotRefused(AssertionError):
    """The forbidden thing was done."""


def probe(function: Probe) -> Probe:
    """Named as the function is, with spaces."""
    PROBES[function.__name__.replace("_", " ")] = function
    return function


@contextmanager
def refused(kind: type[Refusal], saying: str = "") -> Iterator[None]:
    """An operation refuses: by exactly this kind, with these words in its sentence."""
    try:
        with transaction.atomic():
            yield
            check_deferred()
    except Refusal as refusal:
        assert type(refusal) is kind, f"{type(refusal).__name__}: {refusal}"
        assert saying in str(refusal), str(refusal)
    else:
        raise NotRefused


@contextmanager
def denied(saying: str) -> Iterator[None]:
    """PostgreSQL refuses with these words."""
    try:
        with transaction.atomic():
            yield
            check_deferred()
    except DatabaseError as error:
        assert saying in str(error), str(error)
    else:
        raise NotRefused


def sql(text: str, *values: Any) -> list[Any]:
    """A superuser's, but within `s.role(…)`."""
    if text.startswith("ALTER"):
        check_deferred()  # PostgreSQL alters no table with checks pending
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return cursor.fetchall() if cursor.description else []


@dataclass
class Stand:
    """`role` takes on a database role; `keys` are everybody's passkeys."""

    role: Role
    people: dict[str, User] = field(default_factory=dict)
    keys: Keyring = field(default_factory=Keyring)

    def __post_init__(self) -> None:
        factories.drill(at=AT)
        self.people = {
            name: builders.person(name, *roles, password=name, **flags) for name, (roles, flags) in PEOPLE.items()
        }
        for name in ("omar", "sam", "sue", "stan"):
            self.keys.of(self.people[name])

    def who(self, name: str) -> User:
        """Read anew: Django keeps rights with the object."""
        return User.objects.get(pk=self.people[name].pk)

    def cohort(self) -> Cohort:
        return builders.cohort(f"Cohort {Cohort.objects.count() + 1}", enrolled_mw="300")

    def plan(
        self, mw: str = "15.000", by: str | None = "olivia", *, of: Cohort | None = None, accounts: int | None = None
    ) -> Plan:
        """Waits for its votes; its cohort has 20 accounts."""
        of = of or self.cohort()
        if not of.accounts.exists():
            Account.objects.bulk_create(Account(cohort=of, number=n, zip="77581") for n in range(1, ACCOUNTS + 1))
        basis = Basis(None, None, None, None, accounts)
        made = builders.pending_plan(self.people[by] if by else None, of, largest_mw=mw, basis=basis)
        Plan.objects.filter(pk=made.pk).update(run=1)
        made.refresh_from_db()
        return made

    def edited(self, by: str = "oscar", mw: str = "15.000") -> Plan:
        """Changed once: two votes, passkeys, a reason."""
        plan = self.plan(mw)
        request = PlanRequest.objects.create(plan=plan, number=2, by=self.people[by], at=AT, strategy="balanced")
        builders.add_version(plan, request, plan.current_version.events.get().cohort, builders.Wanted(largest_mw=mw))
        plan.refresh_from_db()
        return plan

    def lend(self, lender: str, to: str, *, most_mw: int = 100, until: datetime = END) -> Any:
        loan = operations.Loan(self.people[to].pk, AT, until, Decimal(most_mw), "away")
        return operations.delegate_vote(loan=loan, by=self.who(lender), at=AT, password=lender)

    # Operations as web

    def approve(self, plan: Plan, by: str, **changes: Any) -> Plan:
        given = {"plan_id": plan.pk, "content_hash": hash_of(plan), "by": self.who(by), "at": AT} | changes
        with self.role("web"):
            return operations.approve_plan(**given)

    def reject(self, plan: Plan, by: str, **changes: Any) -> Plan:
        given = {"plan_id": plan.pk, "content_hash": hash_of(plan), "by": self.who(by), "at": AT, "reason": "no"}
        with self.role("web"):
            return operations.reject_plan(**(given | changes))

    def force(self, plan: Plan, by: str = "sam", **changes: Any) -> Plan:
        given: dict[str, Any] = {"plan_id": plan.pk, "content_hash": hash_of(plan), "by": self.who(by), "at": AT}
        given["emergency"] = operations.Emergency("SAFETY", "INC-1", "now")
        if "signed" not in changes:
            given["signed"] = self.sign(by, plan, "BREAK_GLASS")
        with self.role("web"):
            return operations.force_plan(**(given | changes))

    def sign(self, by: str, plan: Plan, decision: str = "APPROVE") -> Signed:
        return self.keys.sign(self.people[by], plan, hash_of(plan), decision)

    def content(self, plan: Plan, by: str) -> dict[str, Any]:
        return {"plan_id": plan.pk, "content_hash": hash_of(plan), "by": self.who(by), "at": AT}

    # Rows as web

    def vote(self, plan: Plan, by: str, **changes: Any) -> Vote:
        """A vote written past the operation; with what a passkey leaves where it says PASSKEY."""
        given: dict[str, Any] = {
            "version": plan.current_version,
            "content_hash": hash_of(plan),
            "voter": self.people[by],
            "decision": "APPROVE",
            "at": AT,
        }
        with self.role("web"):
            made = Vote.objects.create(**(given | changes))
            if made.step_up == "PASSKEY":
                self.assertion(made)
            return made

    def assertion(self, vote: Vote, **changes: Any) -> VoteAssertion:
        """As a passkey's vote leaves it; `changes` to the challenge or `of` whom the key is."""
        owner = self.people[changes.pop("of", vote.voter.username)]
        self.keys.of(owner)
        challenge = StepUpChallenge.objects.create(
            **{
                "user": vote.voter,
                "purpose": "APPROVE",
                "content_hash": vote.content_hash,
                "nonce": str(vote.pk).encode(),
                "used_at": timezone.now(),
            }
            | changes
        )
        key = owner.passkeys.latest("pk")
        parts = {"client_data": b"-", "authenticator_data": b"-", "signature": b"-"}
        return VoteAssertion.objects.create(vote=vote, challenge=challenge, passkey=key, **parts)

    def quorum(self, plan: Plan) -> Plan:
        """All the votes it needs, and AUTHORISED."""
        for by in ("sam", "sue"):
            with self.role("web"):
                if sql("SELECT planning_has_quorum(%s)", plan.current_version_id) == [(True,)]:
                    break
            needs = sql("SELECT planning_requirement(%s)::jsonb ->> 'step_up'", plan.current_version_id)[0][0]
            self.vote(plan, by, step_up=needs, reason="looked at it")
        Plan.objects.filter(pk=plan.pk).update(status="AUTHORISED")
        plan.refresh_from_db()
        return plan


def row(s: Stand, model: Any, **fields: Any) -> Any:
    """One written as web, past every operation."""
    with s.role("web"):
        return model.objects.create(**fields)


def later(minutes: float) -> datetime:
    return AT + timedelta(minutes=minutes)


__all__ = ["NUMBERS", "PROBES", "NotRefused", "Stand", "denied", "later", "probe", "refused", "row", "sql"]
