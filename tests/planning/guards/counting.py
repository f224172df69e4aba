"""Probes of how votes are counted, what a version needs, and to whom a vote is offered."""

from __future__ import annotations

import json
from typing import Any

from planning import operations as ops
from planning.models import Plan
from tests.planning import builders
from tests.planning.builders import AT
from tests.planning.guards.stand import Stand, probe, sql


def tally(plan: Any) -> tuple[int, int]:
    return sql("SELECT approvals, supervisors FROM planning_tally(%s)", plan.current_version_id)[0]


@probe
def a_vote_of_who_has_left_is_not_counted(s: Stand) -> None:
    plan = s.plan()
    s.vote(plan, "omar")
    type(s.people["omar"]).objects.filter(username="omar").update(is_active=False)
    assert tally(plan) == (0, 0)


@probe
def a_rejection_is_not_counted_as_a_vote(s: Stand) -> None:
    plan = s.edited()
    s.vote(plan, "sam", decision="REJECT", reason="x")
    assert tally(plan) == (0, 0)


@probe
def a_vote_for_another_hash_is_not_counted(s: Stand) -> None:
    plan = s.plan()
    sql("ALTER TABLE planning_vote DISABLE TRIGGER vote_is_entitled")
    s.vote(plan, "omar", content_hash="0" * 64)
    sql("ALTER TABLE planning_vote ENABLE ALWAYS TRIGGER vote_is_entitled")
    assert tally(plan) == (0, 0)


@probe
def one_human_is_counted_once(s: Stand) -> None:
    s.lend("sam", "omar")
    plan = s.edited()
    s.vote(plan, "sam", step_up="PASSKEY", reason="x")
    sql("ALTER TABLE planning_vote DISABLE TRIGGER vote_is_entitled")
    s.vote(plan, "omar", on_behalf_of=s.people["sam"], step_up="PASSKEY", reason="x")
    sql("ALTER TABLE planning_vote ENABLE ALWAYS TRIGGER vote_is_entitled")
    assert tally(plan) == (1, 1)


def has_quorum(plan: Any) -> bool:
    return bool(sql("SELECT planning_has_quorum(%s)", plan.current_version_id)[0][0])


@probe
def one_of_two_is_no_quorum(s: Stand) -> None:
    plan = s.edited()
    s.vote(plan, "sam", step_up="PASSKEY", reason="x")
    assert not has_quorum(plan)


@probe
def two_operators_are_no_quorum_where_a_supervisor_is_needed(s: Stand) -> None:
    """The role was theirs when they voted."""
    plan = s.edited("olivia")
    s.vote(plan, "sam", step_up="PASSKEY", reason="x")
    s.vote(plan, "omar", step_up="PASSKEY", reason="x")
    assert has_quorum(plan)
    s.people["sam"].groups.set(s.people["omar"].groups.all())
    assert not has_quorum(plan)


def offered(s: Stand, plan: Any, by: str) -> str | None:
    found: str | None = sql("SELECT planning_offer_objection(%s, %s)", s.people[by].pk, plan.current_version_id)[0][0]
    return found


@probe
def no_offer_to_who_may_not_vote(s: Stand) -> None:
    assert offered(s, s.plan(), "nobody") == "this person may not approve plans"


@probe
def no_offer_while_frozen(s: Stand) -> None:
    ops.freeze(by=s.who("omar"), at=AT, reason="storm")
    assert offered(s, s.plan(), "omar") == "approvals are frozen: storm"


@probe
def no_offer_with_a_blocker_open(s: Stand) -> None:
    plan = s.plan()
    ops.add_comment(**s.content(plan, "oscar"), text="no", blocker=True)
    assert offered(s, plan, "omar") == "a comment marked as blocker is not resolved"


@probe
def an_offer_of_a_supervisor_s_seat(s: Stand) -> None:
    plan = s.plan("30.000")
    assert offered(s, plan, "omar") == "the vote that is missing is a supervisor's"
    s.lend("sam", "omar")
    assert offered(s, plan, "omar") is None


def needs(plan: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sql("SELECT planning_requirement(%s)::text", plan.current_version_id)[0][0])
    return found


def asks(plan: Any) -> tuple[Any, ...]:
    found = needs(plan)
    return tuple(found[name] for name in ("approvals", "supervisors", "step_up", "reason", "estimate"))


@probe
def tiers(s: Stand) -> None:
    assert asks(s.plan("19.999")) == (1, 0, "NONE", False, False)
    assert asks(s.plan("20.000")) == (1, 1, "PASSWORD", False, False)
    assert asks(s.plan("60.000")) == (1, 1, "PASSWORD", False, False)
    assert asks(s.plan("60.001")) == (2, 1, "PASSKEY", True, True)


@probe
def an_edit_counts_from_the_request_on(s: Stand) -> None:
    plan = s.plan()
    plan.requests.create(number=2, by=s.people["sue"], at=AT, strategy="balanced")
    assert asks(plan) == (2, 1, "PASSKEY", True, False)


@probe
def an_edit_counts_for_the_new_version(s: Stand) -> None:
    assert asks(s.edited()) == (2, 1, "PASSKEY", True, False)


@probe
def a_second_version_is_edited_whatever_was_asked(s: Stand) -> None:
    first = s.plan()
    plan = Plan.objects.create(origin="AGENT", requested_at=AT, mode="DRILL", run=1)
    request = plan.requests.create(number=1, by=None, at=AT, strategy="balanced")
    text = first.current_version.content
    hashed = {"content": text, "content_hash": builders.sha256(text.encode())}
    window = {"window_start": builders.START, "window_end": builders.END, "proposed_at": AT}
    plan.current_version = plan.versions.create(number=2, request=request, **hashed, **window)
    plan.save()
    assert needs(plan)["rules"] == ["every plan", "edited after the proposal"]


@probe
def a_small_claim_hides_no_large_event(s: Stand) -> None:
    plan = s.plan()
    event = plan.current_version.events.get()
    event.pk, event.event_name, event.cohort, event.mean_mw = None, "one more", s.cohort(), 50
    event.save(force_insert=True)
    assert asks(plan)[:2] == (2, 1)
