"""Votes through the operation, with whatever the policy asks for brought along unless a test leaves it out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from planning.models import Estimate, Plan
from planning.operations import approve_plan, give_estimate
from portal.models import User
from tests.keys import Keyring
from tests.planning.builders import AT, hash_of
from tests.policies import requirement


def brought(plan: Plan, by: User, keys: Keyring, **changes: Any) -> dict[str, Any]:
    """All that `approve_plan` has to be given by this person (whose password is the name), an estimate given before."""
    needs = requirement(plan.current_version_id)
    named = {"plan_id": plan.pk, "content_hash": hash_of(plan), "by": by, "at": AT}
    if needs["estimate"] and not Estimate.objects.filter(version=plan.current_version_id, by=by).exists():
        give_estimate(**named, mw=Decimal(40))
    bring: dict[str, Any] = {}
    if needs["step_up"] == "PASSWORD":
        bring["password"] = by.username
    if needs["step_up"] == "PASSKEY":
        bring["signed"] = keys.sign(by, plan, hash_of(plan))
    if needs["reason"]:
        bring["reason"] = "the evening is tight"
    return named | bring | changes


def approve(plan: Plan, by: User, keys: Keyring, **changes: Any) -> Plan:
    """One vote; `plan` is given back as it is then."""
    found = approve_plan(**brought(plan, by, keys, **changes))
    plan.refresh_from_db()
    assert plan.status == found.status
    return plan
