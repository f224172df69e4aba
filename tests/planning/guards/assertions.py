"""Probes of what a passkey's vote has to leave behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from planning.models import StepUpChallenge, Vote, VoteAssertion
from tests.planning.builders import AT, hash_of
from tests.planning.guards.stand import Stand, denied, probe


def try_assertion(s: Stand, **changes: Any) -> None:
    plan = s.edited()
    with denied("what the passkey signed is missing"), s.role("web"):
        vote = Vote.objects.create(
            version=plan.current_version,
            content_hash=hash_of(plan),
            voter=s.people["sam"],
            decision="APPROVE",
            step_up="PASSKEY",
            reason="x",
            at=AT,
        )
        if changes:
            s.assertion(vote, **changes)


@probe
def passkey_vote_without_an_assertion(s: Stand) -> None:
    try_assertion(s)


@probe
def assertion_of_somebody_elses_key(s: Stand) -> None:
    try_assertion(s, of="sue")


@probe
def assertion_to_somebody_elses_challenge(s: Stand) -> None:
    try_assertion(s, user=s.people["sue"])


@probe
def assertion_for_another_decision(s: Stand) -> None:
    try_assertion(s, purpose="BREAK_GLASS")


@probe
def assertion_for_another_content(s: Stand) -> None:
    try_assertion(s, content_hash="0" * 64)


@probe
def assertion_to_a_challenge_not_used(s: Stand) -> None:
    try_assertion(s, used_at=None)


@probe
def assertion_of_another_vote(s: Stand) -> None:
    """One assertion does not serve two votes."""
    plan, other = s.edited(), s.edited()
    s.vote(other, "sam", step_up="PASSKEY", reason="x")
    with denied("what the passkey signed is missing"), s.role("web"):
        Vote.objects.create(
            version=plan.current_version,
            content_hash=hash_of(plan),
            voter=s.people["sam"],
            decision="APPROVE",
            step_up="PASSKEY",
            reason="x",
            at=AT,
        )


def challenge(s: Stand, **changes: Any) -> StepUpChallenge:
    return StepUpChallenge.objects.create(user=s.people["sam"], purpose="APPROVE", nonce=b"n", **changes)


@probe
def challenge_used_again(s: Stand) -> None:
    made = challenge(s, used_at=timezone.now())
    with denied("a challenge is used once"), s.role("web"):
        StepUpChallenge.objects.filter(pk=made.pk).update(used_at=timezone.now() + timedelta(seconds=1))


@probe
def challenge_made_unused(s: Stand) -> None:
    made = challenge(s)
    with denied("a challenge is used once"), s.role("web"):
        StepUpChallenge.objects.filter(pk=made.pk).update(used_at=None)


@probe
def challenge_for_something_else_after_all(s: Stand) -> None:
    made = challenge(s)
    with denied("a challenge is used once"), s.role("web"):
        StepUpChallenge.objects.filter(pk=made.pk).update(purpose="BREAK_GLASS", used_at=timezone.now())


@probe
def challenge_given_twice(s: Stand) -> None:
    challenge(s)
    with denied("nonce"):
        challenge(s)


@probe
def a_challenge_answered_twice(s: Stand) -> None:
    kept = s.vote(s.edited(), "sam", step_up="PASSKEY", reason="x").assertion
    again = s.plan()
    vote = s.vote(again, "sam")
    with denied("challenge_id"), s.role("web"):
        parts = {"client_data": b"-", "authenticator_data": b"-", "signature": b"-"}
        VoteAssertion.objects.create(vote=vote, challenge=kept.challenge, passkey=kept.passkey, **parts)


@probe
def two_assertions_of_one_decision(s: Stand) -> None:
    vote = s.vote(s.edited(), "sam", step_up="PASSKEY", reason="x")
    with denied("vote_id"), s.role("web"):
        s.assertion(vote, nonce=b"another")
    plan = s.plan()
    s.force(plan)
    kept = plan.current_version.break_glass.assertion
    kept.pk, kept.challenge = None, challenge(s, used_at=timezone.now())
    with denied("break_glass_id"), s.role("web"):
        kept.save(force_insert=True)


@probe
def an_assertion_of_no_decision(s: Stand) -> None:
    made = challenge(s, used_at=timezone.now())
    with denied("assertion_belongs_to_one_decision"), s.role("web"):
        parts = {"client_data": b"-", "authenticator_data": b"-", "signature": b"-"}
        VoteAssertion.objects.create(challenge=made, passkey=s.people["sam"].passkeys.get(), **parts)
