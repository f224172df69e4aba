"""Probes of comments, of lending the vote, and of freezes, through the operations."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from planning import operations as ops
from planning.models import (
    Comment,
)
from tests.planning.builders import AT, END
from tests.planning.guards.stand import Stand, later, probe, refused


def blocker(s: Stand, by: str = "oscar", plan: Any = None) -> Comment:
    return ops.add_comment(**s.content(plan or s.plan(), by), text="no", blocker=True)


def resolve(s: Stand, comment_id: int, by: str, text: str = "settled") -> Any:
    with s.role("web"):
        return ops.resolve_comment(comment_id=comment_id, by=s.who(by), at=AT, text=text)


@probe
def a_comment_without_words(s: Stand) -> None:
    with refused(ops.NothingSaid):
        ops.add_comment(**s.content(s.plan(), "omar"), text=" ")


@probe
def resolving_no_comment(s: Stand) -> None:
    with refused(ops.CommentUnknown):
        resolve(s, 0, "sam")


@probe
def resolving_without_words(s: Stand) -> None:
    with refused(ops.NothingSaid):
        resolve(s, blocker(s).pk, "oscar", " ")


@probe
def resolving_twice(s: Stand) -> None:
    made = blocker(s)
    resolve(s, made.pk, "oscar")
    with refused(ops.AlreadyResolved):
        resolve(s, made.pk, "oscar")


@probe
def an_operator_resolves_what_somebody_else_raised(s: Stand) -> None:
    with refused(ops.ResolutionRefused):
        resolve(s, blocker(s).pk, "omar")


@probe
def a_requester_resolves_what_somebody_else_raised(s: Stand) -> None:
    with refused(ops.ResolutionRefused):
        resolve(s, blocker(s, plan=s.plan(by="sam")).pk, "sam")


def lend(s: Stand, by: str = "sam", to: str = "omar", **fields: Any) -> Any:
    given = {"delegate_id": s.people[to].pk, "starts_at": AT, "ends_at": END, "max_mw": Decimal(9), "reason": "away"}
    with s.role("web"):
        return ops.delegate_vote(loan=ops.Loan(**(given | fields)), by=s.who(by), at=AT, password=by)


@probe
def lending_with_a_token_alone(s: Stand) -> None:
    loan = ops.Loan(s.people["omar"].pk, AT, END, Decimal(30), "x")
    with s.role("web"), refused(ops.PasswordNeeded):
        ops.delegate_vote(loan=loan, by=s.who("sam"), at=AT)


@probe
def lending_without_a_reason(s: Stand) -> None:
    with refused(ops.ReasonMissing):
        lend(s, reason=" ")


@probe
def lending_to_oneself(s: Stand) -> None:
    with refused(ops.DelegationInvalid, "somebody else"):
        lend(s, to="sam")


@probe
def lending_to_somebody_inactive(s: Stand) -> None:
    with refused(ops.DelegationInvalid, "no such person"):
        lend(s, to="gina")


@probe
def lending_for_the_past(s: Stand) -> None:
    with refused(ops.DelegationInvalid, "not in the past"):
        lend(s, starts_at=later(-60), ends_at=AT)


@probe
def lending_for_too_long(s: Stand) -> None:
    with refused(ops.DelegationInvalid, "days at most"):
        lend(s, ends_at=AT + timedelta(days=32))


@probe
def lending_for_no_mw(s: Stand) -> None:
    with refused(ops.DelegationInvalid, "more than 0"):
        lend(s, max_mw=Decimal(0))


@probe
def lending_to_an_auditor(s: Stand) -> None:
    with refused(ops.DelegationRefused):
        lend(s, to="ada")


@probe
def lending_by_an_admin(s: Stand) -> None:
    with refused(ops.DelegationRefused):
        lend(s, by="both")


@probe
def ending_a_loan_of_others(s: Stand) -> None:
    made = lend(s)
    with refused(ops.DelegationUnknown):
        ops.end_delegation(delegation_id=made.pk, by=s.who("sue"), at=AT)


@probe
def ending_a_loan_twice(s: Stand) -> None:
    made = lend(s)
    ops.end_delegation(delegation_id=made.pk, by=s.who("sam"), at=AT)
    with refused(ops.DelegationOver):
        ops.end_delegation(delegation_id=made.pk, by=s.who("omar"), at=AT)


def freeze(s: Stand, by: str = "omar", **fields: Any) -> Any:
    with s.role("web"):
        return ops.freeze(**({"by": s.who(by), "at": AT, "reason": "storm"} | fields))


def lift(s: Stand, freeze_id: int, by: str = "sam", reason: str = "over") -> Any:
    with s.role("web"):
        return ops.lift_freeze(freeze_id=freeze_id, by=s.who(by), at=AT, reason=reason)


@probe
def freezing_without_a_reason(s: Stand) -> None:
    with refused(ops.ReasonMissing):
        freeze(s, reason=" ")


@probe
def freezing_for_the_past(s: Stand) -> None:
    with refused(ops.FreezeSpanInvalid):
        freeze(s, starts_at=later(-60), ends_at=later(-30))


@probe
def freezing_by_an_admin(s: Stand) -> None:
    with refused(ops.FreezeRefused):
        freeze(s, by="both")


@probe
def lifting_without_a_reason(s: Stand) -> None:
    with refused(ops.ReasonMissing):
        lift(s, freeze(s).pk, reason=" ")


@probe
def lifting_no_freeze(s: Stand) -> None:
    with refused(ops.FreezeUnknown):
        lift(s, 0)


@probe
def lifting_twice(s: Stand) -> None:
    made = freeze(s)
    lift(s, made.pk)
    with refused(ops.FreezeOver):
        lift(s, made.pk)


@probe
def lifting_by_an_admin(s: Stand) -> None:
    with refused(ops.FreezeRefused):
        lift(s, freeze(s).pk, by="both")
