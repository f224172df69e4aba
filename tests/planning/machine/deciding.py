"""Estimate, approve, reject, stop, force, review."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import connection
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from planning import operations
from planning.models import BreakGlass, Plan
from tests.planning.machine.asking import Asking
from tests.planning.machine.base import check_deferred, something_is_open, which_content, which_plan, whoever, words
from tests.planning.machine.model import ENDED, Ballot, Proposal
from tests.planning.rows import rows_of_everything

STRENGTH = {"nothing": 0, "password": 1, "passkey": 2}
proofs = st.sampled_from(
    ["fitting"] * 12
    + ["nothing", "password", "passkey"]
    + ["wrong password", "another's passkey", "passkey for something else", "spent passkey"]
)
keys = st.sampled_from(["passkey"] * 6 + ["nothing", "another's passkey", "passkey for something else"])
seldom = st.sampled_from([False, False, False, True])
lenders = st.one_of(st.none(), st.none(), st.none(), whoever)
AFTER_ABORT = {"DISPATCHING": "ABORTING", "ACTIVE": "ABORTING", "AUTHORISED": "CANCELLED"}


class Deciding(Asking):
    """Rules of people who decide."""

    def proof(self, kind: str, name: str, plan: Plan, twin: Proposal, decision: str) -> tuple[str, dict[str, Any]]:
        """What kind of proof it becomes, and the arguments that bring it."""
        if kind == "fitting":
            needs = self.world.needs(twin, twin.current).strength if twin.versions else 0
            kind = ("nothing", "password", "passkey")[needs]
        if kind in {"password", "wrong password"}:
            return kind, {"password": name if kind == "password" else "not it"}
        if kind == "spent passkey" and name in self.spent:
            return kind, {"signed": self.spent[name]}
        if kind in {"nothing", "spent passkey"} or not twin.versions:
            return "nothing", {}
        other = {"APPROVE": "BREAK_GLASS", "BREAK_GLASS": "APPROVE"}[decision]
        signer = "ada" if kind == "another's passkey" and name != "ada" else name
        kind = kind if signer != name or kind != "another's passkey" else "passkey"
        asked = other if kind == "passkey for something else" else decision
        with self.role("web"):
            signed = self.keys.sign(self.users[signer], plan, plan.versions.latest("number").content_hash, asked)
        self.before = rows_of_everything()  # the key and the challenge were written before the decision
        return kind, {"signed": signed}

    @precondition(something_is_open)
    @rule(index=which_plan, by=whoever)
    def estimate(self, index: int, by: str) -> None:
        plan, twin = self.open_pair(index)
        content_hash, named = self.named(plan, "current")
        objections = self.world.undecided_objections(twin, self.humans[by], "approve", named)
        if twin.versions and by in twin.current.estimated:
            objections |= {"AlreadyEstimated"}
        given = {"plan_id": plan.pk, "content_hash": content_hash, "at": self.world.now, "mw": Decimal(10)}
        if self.attempt("estimate", objections, lambda: operations.give_estimate(by=self.person(by), **given)):
            twin.current.estimated.add(by)

    def _approve(self, index: int, by: str, which: str, kind: str, reason: str, lender: str | None) -> None:
        plan, twin = self.open_pair(index)
        lender = None if lender == by else lender
        content_hash, named = self.named(plan, which)
        kind, brought = self.proof(kind, by, plan, twin, "APPROVE")
        ballot = Ballot(
            self.humans[by], STRENGTH.get(kind, 2), reason, self.humans[lender] if lender else None, self.world.now
        )
        given = {"plan_id": plan.pk, "content_hash": content_hash, "at": self.world.now, "reason": reason}
        given |= {"on_behalf_of": self.users[lender].pk if lender else None, **brought}
        objections = self.world.approve_objections(twin, ballot, named, kind)
        approved = self.attempt("approve", objections, lambda: operations.approve_plan(by=self.person(by), **given))
        if approved is None:
            return
        twin.current.votes.append(ballot)
        twin.status = "AUTHORISED" if self.world.has_quorum(twin, twin.current) else "PARTIAL"
        assert approved.status == twin.status
        if kind == "passkey":
            self.spent[by] = brought["signed"]

    @rule(index=which_plan, by=whoever, which=which_content, kind=proofs, reason=words, lender=lenders)
    def approve(self, index: int, by: str, which: str, kind: str, reason: str, lender: str | None) -> None:
        self._approve(index, by, which, kind, reason, lender)

    @rule(index=which_plan, by=whoever)
    def approve_as_asked(self, index: int, by: str) -> None:
        """With all the policy asks for, the estimate first."""
        _plan, twin = self.open_pair(index)
        if twin.versions and self.world.needs(twin, twin.current).estimate and by not in twin.current.estimated:
            self.estimate(index, by)
            self.before = rows_of_everything()
        self._approve(index, by, "current", "fitting", "looked at it", None)

    @precondition(something_is_open)
    @rule(index=which_plan, by=whoever, which=which_content, really=seldom)
    def reject(self, index: int, by: str, which: str, really: bool) -> None:
        """A veto ends the plan, so it is well given only now and then."""
        plan, twin = self.open_pair(index)
        which, reason = ("current", "too hot") if really else (which, "")
        content_hash, named = self.named(plan, which)
        objections = self.world.reject_objections(twin, self.humans[by], named, reason)
        given = {"plan_id": plan.pk, "content_hash": content_hash, "at": self.world.now, "reason": reason}
        if self.attempt("reject", objections, lambda: operations.reject_plan(by=self.person(by), **given)):
            twin.status = "REJECTED"

    @rule(index=which_plan, by=whoever, early=seldom)
    def abort(self, index: int, by: str, early: bool) -> None:
        """Before the decision only now and then."""
        plan, twin = self.pair(index)
        if not early and twin.status in {"PLANNING", "PENDING", "PARTIAL"}:
            return
        objections = set() if self.humans[by].may("abort") else {"PermissionNeeded"}
        if twin.status in ENDED or twin.status == "ABORTING":
            objections |= {"NothingToStop"}
        given = {"plan_id": plan.pk, "at": self.world.now}
        if self.attempt("abort", objections, lambda: operations.abort_plan(by=self.person(by), **given)):
            twin.status = AFTER_ABORT.get(twin.status, "WITHDRAWN")

    @precondition(something_is_open)
    @rule(index=which_plan, by=whoever, which=which_content, kind=keys)
    def force(self, index: int, by: str, which: str, kind: str) -> None:
        plan, twin = self.open_pair(index)
        content_hash, named = self.named(plan, which)
        kind, brought = self.proof(kind, by, plan, twin, "BREAK_GLASS")
        given = {"plan_id": plan.pk, "content_hash": content_hash, "at": self.world.now}
        given |= {"emergency": operations.Emergency("SAFETY", "INC-1", "now"), "signed": brought.get("signed")}
        objections = self.world.force_objections(twin, self.humans[by], named, kind)
        if self.attempt("force", objections, lambda: operations.force_plan(by=self.person(by), **given)):
            twin.status, twin.current.forced_by = "AUTHORISED", self.humans[by]
            self.spent[by] = brought["signed"]

    def _forced(self) -> list[tuple[BreakGlass, Proposal]]:
        rows = {row.version.plan_id: row for row in BreakGlass.objects.select_related("version")}
        return [
            (rows[plan.pk], twin) for plan, twin in zip(self.plans, self.world.plans, strict=True) if plan.pk in rows
        ]

    @precondition(lambda self: any(twin.versions and twin.current.forced_by for twin in self.world.plans))
    @rule(index=which_plan, by=whoever)
    def review(self, index: int, by: str) -> None:
        forced, twin = self._forced()[index % len(self._forced())]
        human = self.humans[by]
        objections = set() if human.may("review") else {"PermissionNeeded"}
        objections |= {"AlreadyReviewed"} if twin.current.reviewed else set()
        objections |= {"ReviewRefused"} if human.apart or twin.current.forced_by is human else set()
        given = {"break_glass_id": forced.pk, "at": self.world.now, "finding": "JUSTIFIED", "text": "seen"}
        if self.attempt("review", objections, lambda: operations.review_break_glass(by=self.person(by), **given)):
            twin.current.reviewed = True

    @precondition(lambda self: any(twin.versions and twin.current.forced_by for twin in self.world.plans))
    @rule()
    def a_day_passes_without_a_review(self) -> None:
        """Due reviews are overdue from now on. It is wall time, which only a superuser turns in a test."""
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE planning_breakglass DISABLE TRIGGER append_only_rows")
            cursor.execute("UPDATE planning_breakglass SET review_due_at = now() - interval '1 hour'")
            check_deferred()
            cursor.execute("ALTER TABLE planning_breakglass ENABLE ALWAYS TRIGGER append_only_rows")
        for _row, twin in self._forced():
            twin.current.review_due = True
