"""Probes of asking for plans, and of their rows."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from cohorts.models import Cohort
from planning import operations as ops
from planning.models import (
    PasskeyEnd,
    Plan,
    PlanAlternative,
    PlanRequest,
)
from tests.keys import some_key
from tests.planning.builders import AT, END, START
from tests.planning.guards.stand import NUMBERS, Stand, denied, later, probe, refused, row


def wish(**fields: Any) -> ops.Wish:
    return ops.Wish(**({"strategy": "balanced"} | fields))


def ask(s: Stand, of: ops.Wish, **more: Any) -> Any:
    with s.role("web"):
        return ops.propose_plan(wish=of, by=s.who("omar"), at=AT, mode="DRILL", **more)


def try_wish(s: Stand, saying: str, **fields: Any) -> None:
    s.cohort()
    with refused(ops.RequestInvalid, saying):
        ask(s, wish(**fields))


@probe
def a_strategy_there_is_not(s: Stand) -> None:
    try_wish(s, "is not one of", strategy="greedy")


@probe
def a_cohort_there_is_not(s: Stand) -> None:
    try_wish(s, "There is no active cohort", cohort_ids=(0,))


@probe
def nobody_enrolled(s: Stand) -> None:
    Cohort.objects.update(active=False)
    with refused(ops.RequestInvalid, "No active cohort"):
        ask(s, wish())


@probe
def a_target_of_nothing(s: Stand) -> None:
    try_wish(s, "more than 0 MW", target_mw=Decimal(0))


@probe
def a_target_beyond_the_enrolled(s: Stand) -> None:
    try_wish(s, "enrolled in the chosen cohorts", target_mw=Decimal(301))


@probe
def half_a_window(s: Stand) -> None:
    try_wish(s, "needs its start and its end", window_start=START)


@probe
def a_window_that_ends_before_it_starts(s: Stand) -> None:
    try_wish(s, "must end after it starts", window_start=END, window_end=START)


@probe
def a_window_in_the_past(s: Stand) -> None:
    try_wish(s, "must start in the future", window_start=later(-60), window_end=later(60))


@probe
def a_window_too_soon_to_decide(s: Stand) -> None:
    try_wish(s, "people need time to decide", window_start=later(15), window_end=later(60))


@probe
def a_window_too_long(s: Stand) -> None:
    try_wish(s, "hours at most", window_start=START, window_end=START + timedelta(hours=13))


@probe
def a_window_too_far_ahead(s: Stand) -> None:
    start = START + timedelta(days=8)
    try_wish(s, "days ahead at most", window_start=start, window_end=start + timedelta(hours=1))


@probe
def a_window_between_the_quarters(s: Stand) -> None:
    try_wish(s, "quarter of an hour", window_start=later(122), window_end=later(182))


@probe
def a_key_used_for_something_else(s: Stand) -> None:
    s.cohort()
    ask(s, wish(), idempotency_key="k")
    with refused(ops.KeyUsedOtherwise):
        ask(s, wish(strategy="emergency"), idempotency_key="k")


@probe
def an_edit_without_a_reason(s: Stand) -> None:
    plan = s.plan()
    with refused(ops.ReasonMissing):
        ops.edit_plan(**s.content(plan, "omar"), change=ops.Change(), reason=" ")


@probe
def an_estimate_of_nothing(s: Stand) -> None:
    with refused(ops.EstimateInvalid):
        ops.give_estimate(**s.content(s.plan(), "omar"), mw=Decimal("NaN"))


@probe
def a_second_estimate(s: Stand) -> None:
    plan = s.plan()
    ops.give_estimate(**s.content(plan, "omar"), mw=Decimal(1))
    with refused(ops.AlreadyEstimated):
        ops.give_estimate(**s.content(plan, "omar"), mw=Decimal(2))


def plan_row(s: Stand, **fields: Any) -> Any:
    usual = {"origin": "OPERATOR", "requested_by": s.people["omar"], "requested_at": AT, "mode": "DRILL", "run": 1}
    return row(s, Plan, **(usual | fields))


@probe
def plan_rows_that_cannot_be(s: Stand) -> None:
    with denied("plan_operator_origin_names_the_person"):
        plan_row(s, requested_by=None)
    with denied("plan_approve_by_not_after_dispatch_by"):
        plan_row(s, approve_by=END, dispatch_by=AT)
    with denied("current_version_id"):
        plan_row(s, current_version=s.plan().current_version)


@probe
def request_rows_that_cannot_be(s: Stand) -> None:
    usual = {"plan": s.plan(), "number": 2, "by": s.people["omar"], "at": AT, "strategy": "balanced"}
    for words, fields in {
        "plan_request_number_once": {"number": 1},
        "plan_request_target_positive": {"target_mw": 0},
        "plan_request_window_ends_after_start": {"window_start": END, "window_end": AT},
    }.items():
        with denied(words):
            row(s, PlanRequest, **(usual | fields))


@probe
def the_same_key_for_two_requests(s: Stand) -> None:
    usual = {"by": s.people["omar"], "at": AT, "strategy": "balanced", "idempotency_key": "k", "number": 2}
    row(s, PlanRequest, plan=s.plan(), **usual)
    with denied("plan_request_idempotency_key_once_per_person"):
        row(s, PlanRequest, plan=s.plan(), **usual)


@probe
def an_alternative_twice(s: Stand) -> None:
    usual = {"version": s.plan().current_version, "option": "do_nothing", **dict.fromkeys(NUMBERS, 0)}
    PlanAlternative.objects.create(**usual)
    with denied("plan_alternative_option_once"):
        PlanAlternative.objects.create(**usual)


@probe
def passkey_rows_that_cannot_be(s: Stand) -> None:
    key = s.people["sam"].passkeys.get()
    with denied("credential_id"):
        some_key(s.people["oscar"], bytes(key.credential_id))
    row(s, PasskeyEnd, passkey=key, by=s.people["sam"])
    with denied("passkey_id"):
        row(s, PasskeyEnd, passkey=key, by=s.people["sam"])
