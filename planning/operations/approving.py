"""Approve: one vote on exactly one content, with everything the approval policy asks of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction

from grid.core.refusals import Conflict, Invalid, NotAllowed
from planning.commitments import called_elsewhere_of
from planning.core.content import parse_content
from planning.core.drift import Drift, Level, as_json
from planning.core.lifecycle import Status
from planning.core.policy import StepUp
from planning.known import drift_of
from planning.models import Decision, Estimate, Plan, Vote
from planning.operations.opening import ReasonMissing, in_words, refusals_on_record, undecided
from planning.operations.stepping_up import Proven, check_password, keep_assertion, prove
from planning.passkeys import Signed
from planning.queries import offer_objection, vote_counts
from planning.record import move_plan

APPROVAL_LOCK: Final = 0xA9920


class OwnPlan(NotAllowed):
    """Whoever asked for a plan, or for a change of it, cannot vote on it."""

    def __str__(self) -> str:
        return "You asked for this plan or for a change of it, so somebody else has to decide."


class AlreadyVoted(Conflict):
    """One person, one vote on one version."""

    def __str__(self) -> str:
        return "You have already voted on this version."


class VoteRefused(NotAllowed):
    """PostgreSQL refused the vote; `why` is its own sentence."""

    def __init__(self, why: str) -> None:
        self.why = why

    def __str__(self) -> str:
        return f"The vote was refused: {self.why}."


class CohortCommitted(Conflict):
    """Another plan, approved meanwhile, already calls a cohort of this one; its programme allows no second call."""

    def __init__(self, plan_id: int, cohort: str, other_plan_id: int) -> None:
        self.plan_id, self.cohort, self.other_plan_id = plan_id, cohort, other_plan_id

    def __str__(self) -> str:
        return (
            f"Plan {self.other_plan_id}, approved meanwhile, already calls {self.cohort}, whose programme allows no "
            f"second call so soon. Edit plan {self.plan_id}, or ask for a new one."
        )


class StepUpNeeded(NotAllowed):
    """The policy asks for more than being signed in."""

    def __init__(self, step_up: StepUp) -> None:
        self.step_up = step_up
        self.field = "assertion" if step_up == StepUp.PASSKEY else "password"

    def __str__(self) -> str:
        word = "passkey (ask for a challenge and sign it)" if self.step_up == StepUp.PASSKEY else "password"
        return f"This plan needs your {word} together with the vote."


class EstimateMissing(Conflict):
    """High tiers: the person's own estimate comes first."""

    def __str__(self) -> str:
        return "Give your own estimate of the MW first; the plan's number is shown to you afterwards."


class Frozen(Conflict):
    """Somebody stopped all approvals and sending."""

    def __init__(self, why: str) -> None:
        self.why = why

    def __str__(self) -> str:
        return f"Approvals and sending are frozen: {self.why}. A supervisor can lift the freeze."


class BlockerOpen(Conflict):
    """A comment marked as blocker waits for its resolution."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __str__(self) -> str:
        return "A comment marked as blocker is not resolved yet; nothing can be approved until it is."


class DriftedTooFar(Conflict):
    """What the plan rests on has moved so far that it is another plan."""

    def __init__(self, drift: Drift) -> None:
        self.drift = drift

    def __str__(self) -> str:
        moved = ", ".join(item.name.lower() for item in self.drift.items if item.level == Level.RED)
        return f"Too much has moved since the proposal ({moved}). Edit the plan, so that it is made anew."


class DriftNeedsReason(Invalid):
    """Something has moved; whoever approves all the same says why."""

    field = "reason"

    def __init__(self, drift: Drift) -> None:
        self.drift = drift

    def __str__(self) -> str:
        moved = ", ".join(item.name.lower() for item in self.drift.items if item.level == Level.AMBER)
        return f"Something has moved since the proposal ({moved}): say why you approve it all the same."


class NotLent(NotAllowed):
    """Nobody lent this person the right to vote in their name for this plan."""

    field = "on_behalf_of"

    def __str__(self) -> str:
        return "No delegation covers a vote for that person on this plan."


def approve_plan(
    *,
    plan_id: int,
    content_hash: str,
    by: Any,
    at: datetime,
    reason: str = "",
    password: str | None = None,
    signed: Signed | None = None,
    on_behalf_of: int | None = None,
) -> Plan:
    """Vote for exactly the content whose hash is named; with the last vote needed the plan is AUTHORISED.

    What the vote needs stands in the approval policy: `password` or `signed` (a passkey's answer to a challenge for
    this content), a reason, an own estimate. `on_behalf_of` is who lent the right, if it is theirs that is used.
    Raises PermissionNeeded, OwnPlan, VoteRefused, PasswordWrong, TooManyWrong, StepUpNeeded, PasskeyRefused, NotLent
    (403); PlanUnknown (404); StaleContent, NotAwaitingVote, TooLate, AlreadyVoted, CohortCommitted, EstimateMissing,
    Frozen, BlockerOpen, DriftedTooFar (409); ReasonMissing, DriftNeedsReason (422). A refusal is on record and changes
    nothing else.
    """
    with refusals_on_record(plan_id=plan_id, by=by, attempted="approve", at=at), transaction.atomic():
        if password is not None:
            check_password(by, password)
        one_approval_at_a_time()
        plan = undecided(plan_id=plan_id, content_hash=content_hash, by=by, at=at, permission="planning.approve_plan")
        proven = None
        if signed is not None:
            proven = prove(by=by, signed=signed, decision="APPROVE", content_hash=content_hash)
        check_commitments(plan)
        ballot = Ballot(
            by=by,
            reason=in_words(reason),
            step_up=_strength(password, proven),
            on_behalf_of=on_behalf_of,
            drift=_checked_approval(plan, by=by, at=at, reason=in_words(reason), step_up=_strength(password, proven)),
        )
        vote = cast_vote(plan=plan, decision=Decision.APPROVE, ballot=ballot, at=at)
        if proven is not None:
            keep_assertion(proven, vote=vote)
        if _has_quorum(plan):
            move_plan(plan=plan, to=Status.AUTHORISED, at=at, by=by, reason=reason)
        elif plan.status == Status.PENDING:
            move_plan(plan=plan, to=Status.PARTIAL, at=at, by=by, reason=reason)
    return plan


@dataclass(frozen=True)
class Ballot:
    """What a person brings to a vote."""

    by: Any
    reason: str
    step_up: StepUp = StepUp.NONE
    on_behalf_of: int | None = None
    drift: Drift | None = None


def _strength(password: str | None, proven: Proven | None) -> StepUp:
    if proven is not None:
        return StepUp.PASSKEY
    return StepUp.NONE if password is None else StepUp.PASSWORD


def _checked_approval(plan: Plan, *, by: Any, at: datetime, reason: str, step_up: StepUp) -> Drift:
    """What an approval needs besides the right, the first that is missing refused in words; PostgreSQL checks again."""
    version = plan.current_version
    assert version is not None
    not_in_own_cause(plan, by)
    count = vote_counts([version.pk])[version.pk]
    if count.frozen:
        raise Frozen(count.frozen)
    if count.blockers:
        raise BlockerOpen(count.blockers)
    objection = offer_objection(person_id=by.pk, version_id=version.pk)
    if objection:
        raise VoteRefused(objection)
    if count.needs.estimate and not Estimate.objects.filter(version=version, by=by).exists():
        raise EstimateMissing
    if step_up < count.needs.step_up:
        raise StepUpNeeded(count.needs.step_up)
    if count.needs.reason and not reason:
        raise ReasonMissing
    drift = drift_of(parse_content(version.content), at=at)
    if drift.level == Level.RED:
        raise DriftedTooFar(drift)
    if drift.level == Level.AMBER and not reason:
        raise DriftNeedsReason(drift)
    return drift


def not_in_own_cause(plan: Plan, by: Any) -> None:
    """Raises OwnPlan, AlreadyVoted."""
    assert plan.current_version is not None
    if plan.requests.filter(by=by).exists():
        raise OwnPlan
    if plan.current_version.votes.filter(voter=by).exists():
        raise AlreadyVoted


def cast_vote(*, plan: Plan, decision: Decision, ballot: Ballot, at: datetime) -> Vote:
    version = plan.current_version
    assert version is not None
    lender = None
    if ballot.on_behalf_of is not None:
        lender = get_user_model().objects.filter(pk=ballot.on_behalf_of).first()
        if lender is None:
            raise NotLent
    try:
        with transaction.atomic():
            return Vote.objects.create(
                version=version,
                content_hash=version.content_hash,
                voter=ballot.by,
                decision=decision,
                reason=ballot.reason,
                step_up=ballot.step_up.name,
                on_behalf_of=lender,
                drift=None if ballot.drift is None else as_json(ballot.drift),
                at=at,
            )
    except IntegrityError as error:
        raise VoteRefused(_sentence_of(error)) from error


def _sentence_of(error: IntegrityError) -> str:
    """PostgreSQL's own words, without the context lines."""
    return str(error).splitlines()[0].removeprefix("vote refused: ")


def one_approval_at_a_time() -> None:
    """Two plans approved in the same instant must see each other's commitments; held until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [APPROVAL_LOCK])


def check_commitments(plan: Plan) -> None:
    """Raise CohortCommitted when a plan approved since this one was made calls a cohort within its rest."""
    taken = called_elsewhere_of(plan.pk)
    if taken:
        raise CohortCommitted(plan.pk, taken[0].cohort, taken[0].plan_id)


def _has_quorum(plan: Plan) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT planning_has_quorum(%s)", [plan.current_version_id])
        return bool(cursor.fetchone()[0])
