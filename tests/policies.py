"""Approval policies for tests: put one in force as two people would, and vote as it asks."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.utils import timezone

from planning.core.canonical import canonical_json
from planning.models import (
    ApprovalPolicy,
    Decision,
    Estimate,
    Passkey,
    Plan,
    PolicyConfirmation,
    StepUpChallenge,
    Vote,
    VoteAssertion,
)
from planning.queries import policy_in_force
from portal.models import User
from tests.keys import some_key

PLAIN = {"approvals": 1, "supervisors": 0, "step_up": "none", "reason": False, "estimate": False}


def rules_text(*rules: dict[str, Any], max_mw: str = "60", review_h: int = 24) -> str:
    """A policy of these rules: each `{name, when, needs}`; what `needs` leaves out is the least."""
    whole = [{"when": {}, **rule, "needs": PLAIN | rule.get("needs", {})} for rule in rules]
    return canonical_json({"rules": whole, "break_glass": {"max_mw": max_mw, "review_h": review_h}})


def put_in_force(text: str) -> ApprovalPolicy:
    """Proposed by one supervisor, confirmed by another."""
    first, second = (_governor(name) for name in ("governor1", "governor2"))
    policy = ApprovalPolicy.objects.create(
        number=policy_in_force().number + 1,
        rules=text,
        rules_sha256=hashlib.sha256(text.encode()).hexdigest(),
        proposed_by=first,
        reason="a test asked for it",
    )
    PolicyConfirmation.objects.create(policy=policy, by=second)
    return policy


def every_plan_needs(approvals: int, **needs: Any) -> ApprovalPolicy:
    """So many votes, whatever the plan."""
    return put_in_force(rules_text({"name": "every plan", "needs": {"approvals": approvals, **needs}}))


def _governor(name: str) -> User:
    found, _created = User.objects.get_or_create(username=name)
    found.groups.set(Group.objects.filter(name="supervisor"))
    return found


def requirement(version_id: int | None) -> dict[str, Any]:
    """PostgreSQL's word on what a version needs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT planning_requirement(%s)", [version_id])
        found: dict[str, Any] = json.loads(cursor.fetchone()[0])
        return found


def approve(plan: Plan, by: User, *, at: datetime) -> Vote:
    """A vote for the current version with everything its policy asks for, written straight into the tables."""
    version = plan.current_version
    assert version is not None
    needs = requirement(version.pk)
    with transaction.atomic():
        if needs["estimate"]:
            Estimate.objects.get_or_create(version=version, by=by, defaults={"mw": Decimal(1), "at": at})
        vote = Vote.objects.create(
            version=version,
            content_hash=version.content_hash,
            voter=by,
            decision=Decision.APPROVE,
            reason="as asked" if needs["reason"] else "",
            step_up=needs["step_up"],
            at=at,
        )
        if needs["step_up"] == "PASSKEY":
            keep_some_assertion(vote)
    return vote


def keep_some_assertion(vote: Vote) -> VoteAssertion:
    """Rows as a passkey's vote leaves them; nothing in them was signed."""
    key = Passkey.objects.filter(user=vote.voter).first() or some_key(vote.voter, f"key-{vote.voter_id}".encode())
    challenge = StepUpChallenge.objects.create(
        user=vote.voter,
        purpose="APPROVE",
        content_hash=vote.content_hash,
        nonce=f"{vote.pk}".encode(),
        used_at=timezone.now(),
    )
    return VoteAssertion.objects.create(
        vote=vote, challenge=challenge, passkey=key, client_data=b"-", authenticator_data=b"-", signature=b"-"
    )
