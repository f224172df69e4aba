"""What all rules share: people, a paused drill, one attempt beside the model. One example is one rolled-back savepoint.

Each rule asks the model first what may refuse the event, does it through the real operation with the database role of
the process that would do it, and compares.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from cohorts.models import Account
from grid.core.refusals import Refusal
from planning.models import Comment, Delegation, Freeze, Plan, PlanRefusal
from planning.passkeys import Signed
from portal.models import User
from tests import factories
from tests.keys import Keyring
from tests.planning import builders
from tests.planning.builders import AT, END, START
from tests.planning.machine.model import ENDED, UNDECIDED, Content, Human, Lent, Proposal, World
from tests.planning.rows import rows_of_everything

PEOPLE: dict[str, tuple[set[str], bool, bool]] = {
    "olivia": ({"operator"}, True, False),
    "omar": ({"operator"}, True, False),
    "sam": ({"supervisor"}, True, False),
    "sue": ({"supervisor"}, True, False),
    "ada": ({"auditor"}, True, False),
    "adam": ({"admin"}, True, False),
    "both": ({"supervisor", "admin"}, True, False),
    "root": ({"supervisor"}, True, True),
    "gina": ({"operator"}, False, False),
    "nobody": (set(), True, False),
}
"""Roles, active, superuser."""

DECIDERS = ("olivia", "omar", "sam", "sue")
MOST_PLANS = 4
ACCOUNTS = 20

whoever = st.one_of(st.sampled_from(DECIDERS), st.sampled_from(DECIDERS), st.sampled_from(sorted(PEOPLE)))
which_plan = st.integers(0, MOST_PLANS)
# What is right is drawn far more often than what is wrong, or nothing would ever get far.
which_content = st.sampled_from(["current"] * 8 + ["old", "unknown"])
words = st.sampled_from(["looked at it", "looked at it", "looked at it", ""])


class Machine(RuleBasedStateMachine):
    """State and helpers."""

    role: Callable[[str], AbstractContextManager[None]]
    """Set before a run: take on a database role on the test's own connection."""

    seen: ClassVar[Counter[tuple[str, str]]] = Counter()
    """How often each event was done or refused by what, and each state was reached, over a whole run."""

    def __init__(self) -> None:
        super().__init__()
        self.example = transaction.atomic()
        self.example.__enter__()
        factories.drill(at=AT)
        self.users = {
            name: builders.person(name, *roles, password=name, is_active=active, is_superuser=boss)
            for name, (roles, active, boss) in PEOPLE.items()
        }
        self.humans = {name: Human(name, set(roles), active, boss) for name, (roles, active, boss) in PEOPLE.items()}
        self.cohorts = [builders.cohort(f"Cohort {letter}", enrolled_mw="300") for letter in "AB"]
        self.world = World(AT, START, END, [ACCOUNTS] * len(self.cohorts))
        for cohort in self.cohorts:
            numbers = range(1, ACCOUNTS + 1)
            Account.objects.bulk_create(Account(cohort=cohort, number=number, zip="77581") for number in numbers)
        self.plans: list[Plan] = []
        self.delegations: list[tuple[Delegation, Lent]] = []
        self.freezes: list[Freeze] = []
        self.comments: list[tuple[Comment, Proposal, Content, int]] = []
        self.keys = Keyring()
        self.spent: dict[str, Signed] = {}
        self.before = rows_of_everything()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    def attempt(self, event: str, objections: set[str], operation: Callable[[], Any], *, recorded: bool = True) -> Any:
        """As web. It succeeds exactly when nothing objects; a refusal is one of those, on record, changing nothing."""
        refusals = PlanRefusal.objects.count()
        try:
            with self.role("web"):
                result = operation()
                check_deferred()
        except Refusal as refusal:
            kind = type(refusal).__name__
            assert kind in objections, f"{kind}: {refusal}; expected {objections or 'success'}"
            self.seen[event, kind] += 1
            assert rows_of_everything() == self.before, "a refusal changed something"
            if recorded:
                assert PlanRefusal.objects.count() == refusals + 1
                assert PlanRefusal.objects.latest("pk").why == str(refusal)
            return None
        assert not objections, f"not refused, although {objections}"
        assert PlanRefusal.objects.count() == refusals
        self.seen[event, "done"] += 1
        self.before = rows_of_everything()
        return result

    @property
    def pairs(self) -> list[tuple[Plan, Proposal]]:
        return list(zip(self.plans, self.world.plans, strict=True))

    def pair(self, index: int) -> tuple[Plan, Proposal]:
        """One of the plans there are, and its twin; mostly one that is not over."""
        live = [pair for pair in self.pairs if pair[1].status not in ENDED]
        return self._one(live, index)

    def open_pair(self, index: int) -> tuple[Plan, Proposal]:
        """Mostly one that waits for its votes."""
        return self._one([pair for pair in self.pairs if pair[1].status in UNDECIDED], index)

    def _one(self, likely: list[tuple[Plan, Proposal]], index: int) -> tuple[Plan, Proposal]:
        wanted = self.pairs if index >= MOST_PLANS or not likely else likely
        return wanted[index % len(wanted)]

    def named(self, plan: Plan, which: str) -> tuple[str, str]:
        """A content hash and what it is; the first version is the current one while there is no other."""
        hashes = list(plan.versions.order_by("number").values_list("content_hash", flat=True))
        if which == "unknown" or not hashes:
            return "0" * 64, "unknown"
        found = hashes[-1] if which == "current" else hashes[0]
        return found, "current" if found == hashes[-1] else "old"

    def person(self, name: str) -> User:
        """Read anew: Django keeps rights with the object."""
        return User.objects.get(pk=self.users[name].pk)


def something_is_open(machine: Machine) -> bool:
    """A precondition: what is about decisions is seldom tried when none is open."""
    return any(twin.status in UNDECIDED for twin in machine.world.plans)


def check_deferred() -> None:
    """What PostgreSQL checks when a transaction ends, now: the test's own never ends."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
