"""What asking, changing and deciding share: the right, the locked row, the current content, the record of a refusal."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from grid.core.intervals import CENTRAL
from grid.core.refusals import Conflict, Invalid, NotAllowed, NotFound, Refusal
from grid.queries import current_run
from planning.core.lifecycle import AWAITING_VOTE
from planning.models import Plan, PlanVersion, Transition
from planning.record import record_refusal


class PermissionNeeded(NotAllowed):
    """The person's role does not carry the right."""

    def __init__(self, permission: str) -> None:
        self.permission = permission

    def __str__(self) -> str:
        return f"Your role does not allow this (it needs {self.permission})."


class PlanUnknown(NotFound):
    """There is no plan of this number."""

    def __init__(self, plan_id: int) -> None:
        self.plan_id = plan_id

    def __str__(self) -> str:
        return f"There is no plan {self.plan_id}."


class OfAnotherRun(Conflict):
    """The plan belongs to live operation while a scenario runs, or to an earlier scenario run."""

    def __init__(self, plan: Plan) -> None:
        self.plan_id, self.mode = plan.pk, plan.mode

    def __str__(self) -> str:
        return (
            f"Plan {self.plan_id} belongs to another run of the portal ({self.mode}); nothing of it can be changed now."
        )


class StaleContent(Conflict):
    """The named content is not the current one: an earlier version (`was_current`), or none of this plan's."""

    field = "content_hash"

    def __init__(self, current: PlanVersion, content_hash: str) -> None:
        self.plan_id, self.version, self.current_hash = current.plan_id, current.number, current.content_hash
        self.was_current = PlanVersion.objects.filter(plan_id=current.plan_id, content_hash=content_hash).exists()
        asked = current.request
        self.who, self.when = asked.by.username if asked.by else "watch agent", asked.at
        self.problem_extra = {"current_content_hash": self.current_hash, "current_version": self.version}

    def __str__(self) -> str:
        current = f"version {self.version} (content {self.current_hash[:8]}…, by {self.who}, {_central(self.when)})."
        if self.was_current:
            return f"Plan {self.plan_id} has moved on to {current} Read it again before you decide."
        return f"No version of plan {self.plan_id} has the content you named; it is at {current}"


class NotAwaitingVote(Conflict):
    """The plan is not open for a decision."""

    def __init__(self, plan: Plan) -> None:
        self.plan_id, self.status = plan.pk, plan.status
        last = Transition.objects.filter(plan=plan).select_related("by").order_by("-pk").first()
        self.who = (last.by.username if last.by else last.actor) if last else "nobody"
        self.when = last.at if last else plan.requested_at

    def __str__(self) -> str:
        return f"Plan {self.plan_id} is {self.status} (by {self.who}, {_central(self.when)}); no decision is open."


class TooLate(Conflict):
    """The time to decide has passed."""

    def __init__(self, plan_id: int, approve_by: datetime) -> None:
        self.plan_id, self.approve_by = plan_id, approve_by

    def __str__(self) -> str:
        return f"Plan {self.plan_id} had to be decided by {_central(self.approve_by)}; that time has passed."


class ReasonMissing(Invalid):
    """A rejection or a change says why."""

    field = "reason"

    def __str__(self) -> str:
        return "Say why: a reason is needed here."


def in_words(text: str) -> str:
    """What was said, without white space around it; empty where there is nothing to read, as of zero-width letters."""
    said = text.strip()
    return said if any(letter.isprintable() and not letter.isspace() for letter in said) else ""


def _central(at: datetime) -> str:
    return f"{at.astimezone(CENTRAL):%a %-d %b %Y %H:%M %Z}"


def need(by: Any, permission: str) -> None:
    if not by.has_perm(permission):
        raise PermissionNeeded(permission)


def locked(plan_id: int) -> Plan:
    plan = Plan.objects.select_for_update().filter(pk=plan_id).first()
    if plan is None:
        raise PlanUnknown(plan_id)
    if plan.run != current_run():
        raise OfAnotherRun(plan)
    return plan


def current(plan: Plan) -> PlanVersion:
    """The content of a plan that has been proposed."""
    assert plan.current_version is not None
    return plan.current_version


def undecided(*, plan_id: int, content_hash: str, by: Any, at: datetime, permission: str) -> Plan:
    """The locked plan, once everything that approve, reject and edit share has been checked."""
    need(by, permission)
    plan = locked(plan_id)
    if plan.status not in AWAITING_VOTE or plan.current_version is None:
        raise NotAwaitingVote(plan)
    version = plan.current_version
    if version.content_hash != content_hash:
        raise StaleContent(version, content_hash)
    if plan.approve_by and at >= plan.approve_by:
        raise TooLate(plan.pk, plan.approve_by)
    return plan


class refusals_on_record:  # noqa: N801 - reads as a phrase where it is used
    """Outermost context: a Refusal that leaves it is written down after the rollback, then goes on its way."""

    def __init__(self, *, plan_id: int | None, by: Any, attempted: str, at: datetime) -> None:
        self.plan_id, self.by, self.attempted, self.at = plan_id, by, attempted, at

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Refusal) and not isinstance(error, PlanUnknown):
            record_refusal(plan_id=self.plan_id, by=self.by, attempted=self.attempted, refusal=error, at=self.at)
