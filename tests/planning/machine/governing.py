"""Comments, freezes, delegations, and people who come and go."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from django.contrib.auth.models import Group
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from planning import operations
from portal.models import User
from tests.planning.machine.base import DECIDERS, PEOPLE, something_is_open, which_content, which_plan, whoever, words
from tests.planning.machine.deciding import Deciding
from tests.planning.machine.model import Lent

some = st.integers(0, 9)
changes = st.sampled_from(["leaves", "loses the role", "is restored", "is restored"])


class Governing(Deciding):
    """Rules about who decides how."""

    @precondition(something_is_open)
    @rule(index=which_plan, by=whoever, which=which_content, text=words, blocker=st.booleans())
    def comment(self, index: int, by: str, which: str, text: str, blocker: bool) -> None:
        plan, twin = self.open_pair(index)
        content_hash, named = self.named(plan, which)
        objections = self.world.undecided_objections(twin, self.humans[by], "reject", named)
        objections |= set() if text else {"NothingSaid"}
        given = {"plan_id": plan.pk, "content_hash": content_hash, "text": text, "blocker": blocker}
        made = self.attempt(
            "comment", objections, lambda: operations.add_comment(by=self.person(by), at=self.world.now, **given)
        )
        if made is not None:
            self.comments.append((made, twin, twin.current, len(twin.current.blockers)))
            twin.current.blockers.append((self.humans[by], not blocker))

    @precondition(lambda self: self.comments)
    @rule(index=some, by=whoever, text=words)
    def resolve(self, index: int, by: str, text: str) -> None:
        made, twin, content, position = self.comments[index % len(self.comments)]
        human, (author, _settled) = self.humans[by], content.blockers[position]
        objections = set() if human.may("reject") else {"PermissionNeeded"}
        objections |= set() if text else {"NothingSaid"}
        objections |= {"AlreadyResolved"} if hasattr(made, "twin_resolved") else set()
        outsider = human.may("large") and not human.apart and not self.world.conflicted(human, twin)
        objections |= set() if author is human or outsider else {"ResolutionRefused"}
        given = {"comment_id": made.pk, "at": self.world.now, "text": text}
        if self.attempt("resolve", objections, lambda: operations.resolve_comment(by=self.person(by), **given)):
            content.blockers[position] = (author, True)
            made.twin_resolved = True

    @precondition(lambda self: not self.world.frozen)
    @rule(by=whoever, reason=words, minutes=st.sampled_from([None, 5, 60]))
    def freeze(self, by: str, reason: str, minutes: int | None) -> None:
        human, now = self.humans[by], self.world.now
        ends_at = None if minutes is None else now + timedelta(minutes=minutes)
        objections = set() if human.may("freeze") else {"PermissionNeeded"}
        objections |= set() if reason else {"ReasonMissing"}
        objections |= {"FreezeRefused"} if human.apart else set()
        given = {"at": now, "reason": reason, "ends_at": ends_at}
        made = self.attempt("freeze", objections, lambda: operations.freeze(by=self.person(by), **given))
        if made is not None:
            self.freezes.append(made)
            self.world.freezes.append((now, ends_at, False))

    @precondition(lambda self: self.freezes)
    @rule(index=some, by=st.one_of(st.sampled_from(["sam", "sue"]), whoever), reason=words)
    def lift(self, index: int, by: str, reason: str) -> None:
        index %= len(self.freezes)
        human, (start, end, lifted) = self.humans[by], self.world.freezes[index]
        objections = set() if human.may("lift") else {"PermissionNeeded"}
        objections |= set() if reason else {"ReasonMissing"}
        objections |= {"FreezeOver"} if lifted else set()
        objections |= {"FreezeRefused"} if human.apart else set()
        given = {"freeze_id": self.freezes[index].pk, "at": self.world.now, "reason": reason}
        if self.attempt("lift", objections, lambda: operations.lift_freeze(by=self.person(by), **given)):
            self.world.freezes[index] = (start, end, True)

    @rule(by=whoever, to=whoever, most_mw=st.sampled_from([18, 100]), minutes=st.sampled_from([20, 600]))
    def delegate(self, by: str, to: str, most_mw: int, minutes: int) -> None:
        lender, taker, now = self.humans[by], self.humans[to], self.world.now
        ends_at = now + timedelta(minutes=minutes)
        objections = set() if lender.may("delegate") else {"PermissionNeeded"}
        objections |= {"DelegationInvalid"} if lender is taker or not taker.active else set()
        objections |= {"DelegationRefused"} if lender.apart or taker.apart or not taker.may("approve") else set()
        loan = operations.Loan(self.users[to].pk, now, ends_at, Decimal(most_mw), "at the dentist")
        made = self.attempt(
            "delegate", objections, lambda: operations.delegate_vote(loan=loan, by=self.person(by), at=now, password=by)
        )
        if made is not None:
            self.delegations.append((made, Lent(lender, taker, now, ends_at, most_mw)))
            self.world.lent.append(self.delegations[-1][1])

    @precondition(lambda self: self.delegations)
    @rule(index=some, by=whoever)
    def end_delegation(self, index: int, by: str) -> None:
        made, twin = self.delegations[index % len(self.delegations)]
        human = self.humans[by]
        objections = set() if human in (twin.lender, twin.to) else {"DelegationUnknown"}
        objections |= {"DelegationOver"} if twin.ended_at is not None else set()
        given = {"delegation_id": made.pk, "at": self.world.now}
        if self.attempt("end_delegation", objections, lambda: operations.end_delegation(by=self.person(by), **given)):
            twin.ended_at = self.world.now

    @precondition(lambda self: self.delegations)
    @rule(index=some, which=which_plan)
    def approve_for_the_lender(self, index: int, which: int) -> None:
        """Whoever a right was lent to uses it."""
        _made, twin = self.delegations[index % len(self.delegations)]
        self._approve(which, twin.to.name, "current", "fitting", "for them", twin.lender.name)

    @rule(
        name=st.sampled_from(DECIDERS),
        change=st.sampled_from(["leaves", "loses the role", "is restored", "is restored"]),
    )
    def people_change(self, name: str, change: str) -> None:
        human, (roles, _active, _boss) = self.humans[name], PEOPLE[name]
        human.active, human.roles = change != "leaves", set() if change == "loses the role" else set(roles)
        with self.role("web"):
            User.objects.filter(pk=self.users[name].pk).update(is_active=human.active)
            self.users[name].groups.set(Group.objects.filter(name__in=human.roles))
