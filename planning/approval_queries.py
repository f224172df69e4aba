"""Reads about who decides how: policies, freezes, delegations, comments, what was forced, who looked how long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Exists, F, Func, OuterRef, Q, QuerySet, Subquery, TextField, Value

from planning.core.lifecycle import Status
from planning.core.policy import Policy, parse_policy
from planning.models import (
    ApprovalPolicy,
    BreakGlass,
    Comment,
    Delegation,
    Freeze,
    Passkey,
    PasskeyReset,
    PlanVersion,
    Transition,
    Vote,
)
from planning.queries import PlanCard, PlanPage, policy_in_force

# How `planning_offer_objection` begins where a vote is only held up.
FOR_NOW: Final = ("approvals are frozen", "a comment marked as blocker")
TOLD_FOR: Final = timedelta(days=7)


@dataclass(frozen=True)
class PolicyRow:
    """One version of the policy with what it says."""

    row: ApprovalPolicy
    policy: Policy
    in_force: bool
    may_be_confirmed: bool


def policy_rows() -> list[PolicyRow]:
    """Newest first."""
    current = policy_in_force().number
    rows = ApprovalPolicy.objects.select_related("proposed_by", "confirmation__by").order_by("-number")
    return [
        PolicyRow(
            row,
            parse_policy(row.rules),
            in_force=row.number == current,
            may_be_confirmed=row.number > current and getattr(row, "confirmation", None) is None,
        )
        for row in rows
    ]


def freezes() -> QuerySet[Freeze]:
    """All of them; order where you read."""
    return Freeze.objects.select_related("by", "lift__by")


def freezes_on(*, at: datetime) -> QuerySet[Freeze]:
    """Those that stop approvals and sending at `at`, oldest first."""
    on = Q(starts_at__lte=at) & (Q(ends_at=None) | Q(ends_at__gt=at))
    return freezes().filter(on, lift=None).order_by("pk")


def sending_hold() -> str:
    """What else holds sending, whatever was approved (see `planning_sending_hold`); empty: nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(planning_sending_hold(), '')")
        return str(cursor.fetchone()[0])


def delegations() -> QuerySet[Delegation]:
    """All of them; order where you read."""
    return Delegation.objects.select_related("delegator", "delegate", "end")


def delegations_to(*, person_id: int, mw: Any, at: datetime) -> QuerySet[Delegation]:
    """Rights lent to this person that reach as far as `mw` at `at`."""
    found = delegations().filter(delegate_id=person_id, starts_at__lte=at, ends_at__gt=at, max_mw__gte=mw, end=None)
    return found.order_by("pk")


def comments_of(*, plan_id: int) -> QuerySet[Comment]:
    """On all versions, oldest first."""
    found = Comment.objects.filter(version__plan_id=plan_id).select_related("by", "version", "resolution__by")
    return found.order_by("pk")


def forced() -> QuerySet[BreakGlass]:
    """Everything that was ever forced; order where you read."""
    return BreakGlass.objects.select_related("by", "version__plan", "review__by")


def unreviewed() -> QuerySet[BreakGlass]:
    """What was forced and nobody else has looked at, oldest first."""
    return forced().filter(review=None).order_by("pk")


@dataclass(frozen=True)
class KeyNews:
    """What a person is told of their passkeys: the newest believed one, and the last reset by an administrator."""

    label: str | None
    enrolled_at: datetime | None
    reset_by: str | None
    reset_at: datetime | None

    @property
    def has_key(self) -> bool:
        """Whether one is believed."""
        return self.label is not None

    def is_fresh(self, *, wall_at: datetime) -> bool:
        """Whether the key is so new that a person who did not enrol it may not know of it."""
        return self.enrolled_at is not None and wall_at - self.enrolled_at < TOLD_FOR


def key_news_of(person_id: int) -> dict[str, Subquery]:
    """The members of a person's KeyNews, to be asked for together with something else."""
    believed = Passkey.objects.filter(user=person_id, end=None).order_by("-pk")
    resets = PasskeyReset.objects.filter(user=person_id).order_by("-pk")
    return {
        "label": Subquery(believed.values("label")[:1]),
        "enrolled_at": Subquery(believed.values("wall_at")[:1]),
        "reset_by": Subquery(resets.values("by__username")[:1]),
        "reset_at": Subquery(resets.values("wall_at")[:1]),
    }


def key_news(*, person_id: int) -> KeyNews:
    """One query."""
    found = get_user_model().objects.filter(pk=person_id).values_list(*key_news_of(person_id).values())
    return KeyNews(*found[0])


def latest_reset(*, person_id: int) -> PasskeyReset | None:
    """The last time an administrator withdrew this person's passkeys."""
    return PasskeyReset.objects.filter(user_id=person_id).select_related("by").order_by("-pk").first()


def has_to_estimate(page: PlanPage, *, person_id: int, may_vote: bool | None = None) -> bool:
    """Whether the plan's MW stay covered until this person has given a number of their own."""
    count = page.card.votes
    if page.card.version is None or not count.needs.estimate or not page.card.is_open:
        return False
    return person_id not in count.estimated_by and _may_vote(page, person_id, may_vote)


def as_shown_to(page: PlanPage, *, person_id: int, may_vote: bool | None = None) -> PlanPage:
    """The page as it is, but for who is still to vote as one of several: to them it does not say who has and why.

    `may_vote`: what is known of that already; None: ask PostgreSQL.
    """
    version, several = page.card.version, page.card.votes.needs.approvals > 1
    if version is None or not several or not page.card.is_open or not _may_vote(page, person_id, may_vote):
        return page
    return replace(
        page,
        votes=tuple(vote for vote in page.votes if vote.version_id != version.pk),
        transitions=tuple(_without_its_voter(move) for move in page.transitions),
    )


def _without_its_voter(move: Transition) -> Transition:
    """A first vote's move, without whose vote it was; any other as it is."""
    if move.to_status != Status.PARTIAL:
        return move
    return Transition(
        pk=move.pk,
        plan_id=move.plan_id,
        from_status=move.from_status,
        to_status=move.to_status,
        actor=move.actor,
        at=move.at,
        wall_at=move.wall_at,
    )


def owed_estimates(cards: Iterable[PlanCard], *, person_id: int) -> frozenset[int]:
    """Versions (by id) whose MW stay covered until this person has given a number of their own; at most one query."""
    return could_vote_on(
        [
            card.version.pk
            for card in cards
            if card.version and card.is_open and card.votes.needs.estimate and person_id not in card.votes.estimated_by
        ],
        person_id=person_id,
    )


def votes_kept_from(cards: Iterable[PlanCard], *, person_id: int) -> frozenset[int]:
    """Versions (by id) of which this person, who is still to vote as one of several, does not see the votes."""
    several = [c.version.pk for c in cards if c.version and c.is_open and c.votes.needs.approvals > 1]
    return could_vote_on(several, person_id=person_id)


def could_vote_on(version_ids: Sequence[int], *, person_id: int) -> frozenset[int]:
    """Of these versions, those on which this person has a vote to give, now or once a freeze or blocker is gone."""
    if not version_ids:
        return frozenset()
    objection = Func(Value(person_id), F("pk"), function="planning_offer_objection", output_field=TextField(null=True))
    voted = Exists(Vote.objects.filter(version=OuterRef("pk"), voter_id=person_id))
    rows = PlanVersion.objects.filter(~voted, pk__in=version_ids).annotate(objection=objection)
    return frozenset(pk for pk, why in rows.values_list("pk", "objection") if not why or why.startswith(FOR_NOW))


def _may_vote(page: PlanPage, person_id: int, known: bool | None) -> bool:
    version = page.card.version
    assert version is not None
    return bool(could_vote_on([version.pk], person_id=person_id)) if known is None else known
