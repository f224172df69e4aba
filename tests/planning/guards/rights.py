"""Probes of rows about who decides how, written past the operations."""

from __future__ import annotations

from typing import Any

from planning import operations as ops
from planning.models import (
    BreakGlassReview,
    Comment,
    CommentResolution,
    Delegation,
    Escalation,
    Estimate,
    Freeze,
    FreezeLift,
    PlanViewing,
)
from tests.planning.builders import AT, END
from tests.planning.guards.forcing import forced
from tests.planning.guards.lending import blocker, freeze, lend, lift, resolve
from tests.planning.guards.stand import Stand, denied, probe, row


@probe
def freeze_row_of_nobody(s: Stand) -> None:
    with denied("freeze_sending"):
        row(s, Freeze, by=s.people["nobody"], reason="x", starts_at=AT)


@probe
def lift_row_of_an_operator(s: Stand) -> None:
    made = freeze(s)
    with denied("lift_freeze"):
        row(s, FreezeLift, freeze=made, by=s.people["omar"], reason="x", at=AT)


@probe
def a_second_lift_row(s: Stand) -> None:
    made = freeze(s)
    lift(s, made.pk)
    with denied("freeze_id"):
        row(s, FreezeLift, freeze=made, by=s.people["sue"], reason="x", at=AT)


def loan_fields(s: Stand, **fields: Any) -> dict[str, Any]:
    usual = {"delegator": s.people["sam"], "delegate": s.people["omar"], "starts_at": AT, "ends_at": END}
    return usual | {"max_mw": 9, "reason": "x"} | fields


@probe
def delegation_row_of_nobody(s: Stand) -> None:
    with denied("delegate_vote"):
        row(s, Delegation, **loan_fields(s, delegator=s.people["nobody"]))


@probe
def delegation_row_to_nobody(s: Stand) -> None:
    with denied("approve_plan"):
        row(s, Delegation, **loan_fields(s, delegate=s.people["nobody"]))


@probe
def delegation_row_to_oneself(s: Stand) -> None:
    with denied("delegation_is_to_somebody_else"):
        row(s, Delegation, **loan_fields(s, delegate=s.people["sam"]))


@probe
def delegation_rows_that_cannot_be(s: Stand) -> None:
    for words, fields in {
        "delegation_ends_after_start": {"ends_at": AT},
        "delegation_max_mw_positive": {"max_mw": 0},
        "delegation_gives_a_reason": {"reason": ""},
    }.items():
        with denied(words):
            row(s, Delegation, **loan_fields(s, **fields))


@probe
def a_second_end_of_a_delegation(s: Stand) -> None:
    made = lend(s)
    ops.end_delegation(delegation_id=made.pk, by=s.who("sam"), at=AT)
    with denied("delegation_id"):
        made.end.__class__.objects.create(delegation=made, by=s.people["omar"], at=AT)


@probe
def resolution_row_of_an_operator(s: Stand) -> None:
    with denied("who raised it resolves it"):
        row(s, CommentResolution, comment=blocker(s), by=s.people["omar"], text="x", at=AT)


@probe
def resolution_row_of_the_requester(s: Stand) -> None:
    with denied("who raised it resolves it"):
        row(s, CommentResolution, comment=blocker(s, plan=s.plan(by="sam")), by=s.people["sam"], text="x", at=AT)


@probe
def a_second_resolution_row(s: Stand) -> None:
    made = blocker(s)
    resolve(s, made.pk, "oscar")
    with denied("comment_id"):
        row(s, CommentResolution, comment=made, by=s.people["sam"], text="x", at=AT)


@probe
def rows_without_words(s: Stand) -> None:
    plan, made = s.plan(), freeze(s)
    with denied("comment_says_something"):
        row(s, Comment, version=plan.current_version, by=s.people["omar"], text="", at=AT)
    with denied("freeze_gives_a_reason"):
        row(s, Freeze, by=s.people["omar"], reason="", starts_at=AT)
    with denied("freeze_lift_gives_a_reason"):
        row(s, FreezeLift, freeze=made, by=s.people["sam"], reason="", at=AT)
    with denied("resolution_says_something"):
        row(s, CommentResolution, comment=blocker(s, plan=plan), by=s.people["oscar"], text="", at=AT)
    with denied("break_glass_review_says_something"):
        lift(s, made.pk)
        row(s, BreakGlassReview, break_glass=forced(s), by=s.people["sue"], finding="JUSTIFIED", text="")


@probe
def a_freeze_row_that_ends_before_it_starts(s: Stand) -> None:
    with denied("freeze_ends_after_start"):
        row(s, Freeze, by=s.people["omar"], reason="x", starts_at=AT, ends_at=AT)


@probe
def estimate_rows_that_cannot_be(s: Stand) -> None:
    version = s.plan().current_version
    with denied("estimate_not_negative"):
        row(s, Estimate, version=version, by=s.people["omar"], mw=-1, at=AT)
    row(s, Estimate, version=version, by=s.people["omar"], mw=1, at=AT)
    with denied("estimate_once_per_person_and_version"):
        row(s, Estimate, version=version, by=s.people["omar"], mw=2, at=AT)


@probe
def escalation_rows_that_cannot_be(s: Stand) -> None:
    version = s.plan().current_version
    with denied("escalation_step_is_known"):
        Escalation.objects.create(version=version, share_pct=60, at=AT)
    Escalation.objects.create(version=version, share_pct=50, at=AT)
    with denied("escalation_once_per_step"):
        Escalation.objects.create(version=version, share_pct=50, at=AT)


@probe
def a_viewing_of_two_hours(s: Stand) -> None:
    with denied("viewing_is_1_s_to_1_h"):
        row(s, PlanViewing, version=s.plan().current_version, by=s.people["omar"], seconds=7200)
