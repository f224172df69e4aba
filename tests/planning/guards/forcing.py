"""Probes of break-glass and its review: operations, then rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from planning import operations as ops
from planning.models import (
    BreakGlass,
    BreakGlassReview,
    StepUpChallenge,
    VoteAssertion,
)
from tests.planning.builders import AT, hash_of
from tests.planning.guards.lending import freeze
from tests.planning.guards.stand import Stand, denied, probe, refused, sql


@probe
def a_reason_code_there_is_not(s: Stand) -> None:
    with refused(ops.BreakGlassIncomplete, "reason code"):
        ops.Emergency("WHIM", "1", "x")


@probe
def forcing_without_an_incident(s: Stand) -> None:
    with refused(ops.BreakGlassIncomplete, "incident"):
        ops.Emergency("SAFETY", " ", "x")


@probe
def forcing_without_a_reason(s: Stand) -> None:
    with refused(ops.BreakGlassIncomplete, "why it has to be forced"):
        ops.Emergency("SAFETY", "1", " ")


@probe
def forcing_without_a_passkey(s: Stand) -> None:
    with refused(ops.BreakGlassRefused, "it needs your passkey"):
        s.force(s.plan(), signed=None)


@probe
def forcing_with_a_vote_s_signature(s: Stand) -> None:
    plan = s.plan()
    with refused(ops.PasskeyRefused):
        s.force(plan, signed=s.sign("sam", plan))


@probe
def forcing_above_the_cap(s: Stand) -> None:
    with refused(ops.BreakGlassRefused, "no more than 60 MW"):
        s.force(s.plan("60.001"))


def review(s: Stand, number: int, by: str = "sue", finding: str = "JUSTIFIED", text: str = "seen") -> Any:
    with s.role("web"):
        return ops.review_break_glass(break_glass_id=number, by=s.who(by), at=AT, finding=finding, text=text)


def forced(s: Stand) -> BreakGlass:
    plan = s.plan()
    s.force(plan)
    return BreakGlass.objects.get(version__plan=plan)


@probe
def reviewing_nothing(s: Stand) -> None:
    with refused(ops.BreakGlassUnknown):
        review(s, 0)


@probe
def a_finding_there_is_not(s: Stand) -> None:
    with refused(ops.BreakGlassIncomplete, "finding"):
        review(s, forced(s).pk, finding="FINE")


@probe
def reviewing_without_words(s: Stand) -> None:
    with refused(ops.BreakGlassIncomplete, "what you looked at"):
        review(s, forced(s).pk, text=" ")


@probe
def reviewing_twice(s: Stand) -> None:
    made = forced(s)
    review(s, made.pk)
    with refused(ops.AlreadyReviewed):
        review(s, made.pk, by="stan")


@probe
def reviewing_one_s_own(s: Stand) -> None:
    with refused(ops.ReviewRefused):
        review(s, forced(s).pk, by="sam")


def glass(s: Stand, plan: Any, by: str = "sam", **fields: Any) -> BreakGlass:
    """A break-glass row written past the operation."""
    usual = {"version": plan.current_version, "content_hash": hash_of(plan), "by": s.people[by], "at": AT}
    usual |= {"reason_code": "SAFETY", "incident": "1", "reason": "x", "step_up": "PASSKEY"}
    with s.role("web"):
        return BreakGlass.objects.create(**(usual | fields))


@probe
def break_glass_row_with_a_wrong_hash(s: Stand) -> None:
    with denied("the hash is not the one of this version"):
        glass(s, s.plan(), content_hash="0" * 64)


@probe
def break_glass_row_of_an_operator(s: Stand) -> None:
    with denied("this person may not force a plan"):
        glass(s, s.plan(), "omar")


@probe
def break_glass_row_of_an_admin(s: Stand) -> None:
    with denied("this person may not force a plan"):
        glass(s, s.plan(), "both")


@probe
def break_glass_row_with_a_password(s: Stand) -> None:
    with denied("it needs the person's passkey"):
        glass(s, s.plan(), step_up="PASSWORD")


@probe
def break_glass_row_with_another_code(s: Stand) -> None:
    with denied("the reason code is not known"):
        glass(s, s.plan(), reason_code="WHIM")


@probe
def break_glass_row_above_the_cap(s: Stand) -> None:
    with denied("can be forced"):
        glass(s, s.plan("60.001"))


@probe
def break_glass_row_with_a_review_overdue(s: Stand) -> None:
    plan = s.plan()
    forced(s)
    sql("ALTER TABLE planning_breakglass DISABLE TRIGGER append_only_rows")
    sql("UPDATE planning_breakglass SET review_due_at = now() - interval '1 hour'")
    with denied("the review of an earlier one is overdue"):
        glass(s, plan)


@probe
def break_glass_row_while_frozen(s: Stand) -> None:
    plan = s.plan()
    freeze(s)
    with denied("approvals are frozen"):
        glass(s, plan)


@probe
def break_glass_row_without_words(s: Stand) -> None:
    with denied("break_glass_says_why"):
        glass(s, s.plan(), incident="")


@probe
def break_glass_row_without_its_assertion(s: Stand) -> None:
    with denied("what the passkey signed is missing"):
        glass(s, s.plan())


def try_glass_assertion(s: Stand, *, of: str = "sam", **changes: Any) -> None:
    """A break-glass whose assertion is right but for `of` whom the key is, or for `changes` of the challenge."""
    plan = s.plan()
    s.keys.of(s.people[of])
    with denied("what the passkey signed is missing"):
        made = glass(s, plan)
        usual = {"user": s.people["sam"], "purpose": "BREAK_GLASS", "content_hash": hash_of(plan), "nonce": b"n"}
        challenge = StepUpChallenge.objects.create(**({"used_at": timezone.now()} | usual | changes))
        parts = {"client_data": b"-", "authenticator_data": b"-", "signature": b"-"}
        key = s.people[of].passkeys.latest("pk")
        VoteAssertion.objects.create(break_glass=made, challenge=challenge, passkey=key, **parts)


@probe
def break_glass_with_somebody_elses_key(s: Stand) -> None:
    try_glass_assertion(s, of="sue")


@probe
def break_glass_with_somebody_elses_challenge(s: Stand) -> None:
    try_glass_assertion(s, user=s.people["sue"])


@probe
def break_glass_with_a_challenge_for_a_vote(s: Stand) -> None:
    try_glass_assertion(s, purpose="APPROVE")


@probe
def break_glass_with_a_challenge_for_another_content(s: Stand) -> None:
    try_glass_assertion(s, content_hash="0" * 64)


@probe
def break_glass_with_a_challenge_not_used(s: Stand) -> None:
    try_glass_assertion(s, used_at=None)


@probe
def break_glass_twice_on_one_version(s: Stand) -> None:
    made = forced(s)
    with denied("version_id"):
        glass(s, made.version.plan)


@probe
def what_was_forced_and_when_the_review_is_due_is_not_the_writer_s(s: Stand) -> None:
    made = forced(s)
    made.refresh_from_db()
    assert made.forced == ["0 of 1 votes"]
    assert made.review_due_at - made.wall_at == timedelta(hours=24)


@probe
def review_row_of_who_forced_it(s: Stand) -> None:
    with denied("a second person reviews"):
        BreakGlassReview.objects.create(break_glass=forced(s), by=s.people["sam"], finding="JUSTIFIED", text="x")


@probe
def review_row_of_an_operator(s: Stand) -> None:
    with denied("this person may not review"):
        BreakGlassReview.objects.create(break_glass=forced(s), by=s.people["omar"], finding="JUSTIFIED", text="x")


@probe
def a_second_review_row(s: Stand) -> None:
    made = forced(s)
    review(s, made.pk)
    with denied("break_glass_id"):
        BreakGlassReview.objects.create(break_glass=made, by=s.people["stan"], finding="JUSTIFIED", text="x")
