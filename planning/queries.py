"""Reads about plans. Pages get frozen read-models, the API and admin get QuerySets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import F, Func, JSONField, Max, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, JSONObject

from grid.queries import current_run
from planning.commitments import called_elsewhere, committed_events, elsewhere_of
from planning.core.content import PlanContent, parse_content
from planning.core.drift import CalledElsewhere
from planning.core.lifecycle import AWAITING_VOTE, COMMITTED, LIVE, RUNNING
from planning.core.policy import Needs, PolicyInForce, StepUp, parse_policy
from planning.core.solution import DO_NOTHING, Alternative
from planning.models import (
    ApprovalPolicy,
    BreakGlass,
    BreakGlassReview,
    Comment,
    Decision,
    Origin,
    Plan,
    PlanAlternative,
    PlannedEvent,
    PlanRequest,
    PlanVersion,
    Transition,
    Vote,
)


@dataclass(frozen=True)
class VoteCount:
    """Votes that count for a version, and what it needs by which rules of the policy; PostgreSQL's own figures."""

    approvals: int
    required: int
    supervisors: int = 0
    needs: Needs = field(default_factory=Needs)
    rules: tuple[str, ...] = ()
    frozen: str = ""
    blockers: int = 0
    estimated_by: tuple[int, ...] = ()
    escalated_pct: int = 0


@dataclass(frozen=True)
class Forced:
    """That one supervisor forced a version.

    `review_due_at` is wall time; `finding` and `reviewed_by` are empty while nobody has reviewed it.
    """

    by: str
    at: datetime
    reason: str
    incident: str
    review_due_at: datetime
    reviewed_by: str
    finding: str


@dataclass(frozen=True)
class PlanCard:
    """One line about a plan: what, when, how much, how sure, until when."""

    plan: Plan
    content: PlanContent | None
    votes: VoteCount
    elsewhere: tuple[CalledElsewhere, ...] = ()
    forced: Forced | None = None

    @property
    def called_elsewhere(self) -> tuple[CalledElsewhere, ...]:
        """Its cohorts that another plan calls by now: while there is one, nobody can approve it."""
        return self.elsewhere if self.is_open else ()

    @property
    def version(self) -> PlanVersion | None:
        """The current version, None while the first is being planned."""
        return self.plan.current_version

    @property
    def is_open(self) -> bool:
        """Whether a vote can be given now."""
        return self.plan.status in AWAITING_VOTE


@dataclass(frozen=True)
class CommentLine:
    """One comment on one of a plan's versions; `settled_*` empty while it is not resolved."""

    id: int
    version: int
    by: str
    at: datetime
    text: str
    blocker: bool
    settled_by: str
    settled_text: str


@dataclass(frozen=True)
class PlanPage:
    """Everything the plan page shows."""

    card: PlanCard
    versions: tuple[PlanVersion, ...]
    requests: tuple[PlanRequest, ...]
    votes: tuple[Vote, ...]
    transitions: tuple[Transition, ...]
    events: tuple[PlannedEvent, ...]
    comments: tuple[CommentLine, ...]


def plans() -> QuerySet[Plan]:
    """All plans, with what a line about them needs; order where you read."""
    rows = Plan.objects.select_related("current_version", "requested_by")
    return rows.annotate(elsewhere=called_elsewhere(), forced=_forced())


def _forced() -> Subquery:
    """By whom the current version was forced, as JSON; null: it was not."""
    line = JSONObject(
        by="by__username",
        at="at",
        reason="reason_code",
        incident="incident",
        review_due_at="review_due_at",
        reviewed_by=Coalesce("review__by__username", Value("")),
        finding=Coalesce("review__finding", Value("")),
    )
    return Subquery(BreakGlass.objects.filter(version=OuterRef("current_version")).values(line=line))


def plans_awaiting_approval() -> QuerySet[Plan]:
    """Plans open for a vote, the most urgent first."""
    return plans().filter(run=current_run(), status__in=AWAITING_VOTE).order_by("approve_by", "pk")


def running_plans() -> QuerySet[Plan]:
    """Plans whose signals are out and whose event has not ended."""
    return plans().filter(run=current_run(), status__in=RUNNING).order_by("current_version__window_start", "pk")


def vote_counts(version_ids: Iterable[int]) -> Mapping[int, VoteCount]:
    """Votes by version id, in one query."""
    ids = list(version_ids)
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, planning_count(id) FROM planning_planversion WHERE id = ANY(%s)", [ids])
        return {pk: _vote_count(json.loads(counted)) for pk, counted in cursor.fetchall()}


def _vote_count(counted: Mapping[str, Any]) -> VoteCount:
    found = counted["requirement"]
    needs = Needs(
        approvals=found["approvals"],
        supervisors=found["supervisors"],
        step_up=StepUp[found["step_up"]],
        reason=found["reason"],
        estimate=found["estimate"],
    )
    return VoteCount(
        approvals=counted["approvals"],
        required=needs.approvals,
        supervisors=counted["supervisors"],
        needs=needs,
        rules=tuple(found["rules"]),
        frozen=counted["frozen"],
        blockers=counted["blockers"],
        estimated_by=tuple(counted["estimated_by"]),
        escalated_pct=counted["escalated_pct"],
    )


def plan_cards(rows: Iterable[Plan]) -> list[PlanCard]:
    """Cards for plans read with `plans()`; two queries however many there are."""
    found = list(rows)
    counts = vote_counts(p.current_version_id for p in found if p.current_version_id)
    return [_card(plan, counts) for plan in found]


def _card(plan: Plan, counts: Mapping[int, VoteCount]) -> PlanCard:
    version = plan.current_version
    content = parse_content(version.content) if version else None
    votes = counts.get(version.pk, VoteCount(0, 1)) if version else VoteCount(0, 1)
    forced = getattr(plan, "forced", None)
    return PlanCard(plan, content, votes, elsewhere_of(getattr(plan, "elsewhere", ())), forced and _forced_of(forced))


def _forced_of(line: Mapping[str, Any]) -> Forced:
    words = {"reason": BreakGlass.ReasonCode(line["reason"]).label}
    if line["finding"]:
        words["finding"] = BreakGlassReview.Finding(line["finding"]).label
    times = {name: datetime.fromisoformat(line[name]) for name in ("at", "review_due_at")}
    return Forced(**{**line, **words, **times})


def by_urgency(cards: Iterable[PlanCard], *, at: datetime) -> list[PlanCard]:
    """Open plans in the order in which they need somebody: MW for each hour left to decide, most first."""

    def urgency(card: PlanCard) -> float:
        if card.content is None or card.plan.approve_by is None:
            return 0.0
        left = max(card.plan.approve_by - at, timedelta(minutes=1))
        return float(card.content.planned_p50_mw) / (left / timedelta(hours=1))

    return sorted(cards, key=lambda card: (-urgency(card), card.plan.pk))


def plan_page(plan_id: int) -> PlanPage | None:
    """The plan with its whole history, None when there is none of this number; five queries."""
    counted = Func(F("current_version_id"), function="planning_count", output_field=JSONField(null=True))
    plan: Any = plans().annotate(counted=counted, said=_comments()).filter(pk=plan_id).first()
    if plan is None:
        return None
    requests = tuple(plan.requests.select_related("by", "version").order_by("-number"))
    events = PlannedEvent.objects.filter(version_id=plan.current_version_id).select_related("cohort")
    votes = Vote.objects.filter(version__plan=plan).select_related("voter", "version", "on_behalf_of")
    return PlanPage(
        card=_card(plan, {plan.current_version_id: _vote_count(plan.counted)} if plan.current_version_id else {}),
        versions=tuple(request.version for request in requests if hasattr(request, "version")),
        requests=requests,
        votes=tuple(votes.order_by("-pk")),
        transitions=tuple(plan.transitions.select_related("by").order_by("pk")),
        events=tuple(events.order_by("-mean_mw", "pk")),
        comments=tuple(CommentLine(**{**line, "at": datetime.fromisoformat(line["at"])}) for line in plan.said),
    )


def _comments() -> ArraySubquery:
    """All comments on the plan's versions as JSON, oldest first."""
    line = JSONObject(
        id="pk",
        version="version__number",
        by="by__username",
        at="at",
        text="text",
        blocker="blocker",
        settled_by=Coalesce("resolution__by__username", Value("")),
        settled_text=Coalesce("resolution__text", Value("")),
    )
    return ArraySubquery(Comment.objects.filter(version__plan=OuterRef("pk")).order_by("pk").values(line=line))


def options_of(version: PlanVersion) -> tuple[Alternative, ...]:
    """Doing nothing, the version itself, then the strategies it was not made by; one query.

    A version without stored alternatives (planned before they were kept) has the first two.
    """
    content = parse_content(version.content)
    stored = [_alternative(row) for row in PlanAlternative.objects.filter(version=version).order_by("pk")]
    nothing = [each for each in stored if each.option == DO_NOTHING] or [
        Alternative(option=DO_NOTHING, exposed_usd=float(content.value_usd), exposed_mwh=content.expected_mwh)
    ]
    return (*nothing, _itself(content), *(each for each in stored if each.option != DO_NOTHING))


def _alternative(row: PlanAlternative) -> Alternative:
    return Alternative(**{each.name: getattr(row, each.name) for each in fields(Alternative)})


def _itself(content: PlanContent) -> Alternative:
    return Alternative(
        option=content.strategy.value,
        target_mw=float(content.target_mw),
        planned_p50_mw=float(content.planned_p50_mw),
        firm_p90_mw=float(content.firm_p90_mw),
        shortfall_mw=float(content.shortfall_mw),
        confidence=float(content.confidence),
        endpoints=content.accounts_called,
        cost_usd=float(content.cost_usd),
        value_usd=float(content.value_usd),
        rebound_mwh=float(content.rebound_mwh),
        rebound_peak_mw=float(content.rebound_peak_mw),
    )


def vote_objection(*, person_id: int, version_id: int, decision: Decision) -> str:
    """Why this person's vote on the version would not count, in PostgreSQL's own words; empty: it would."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT planning_vote_objection(%s, %s, %s)", [person_id, version_id, str(decision.value)])
        return cursor.fetchone()[0] or ""


def offer_objection(*, person_id: int, version_id: int) -> str:
    """Why it makes no sense to offer this person an approval now, in PostgreSQL's own words; empty: it does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT planning_offer_objection(%s, %s)", [person_id, version_id])
        return cursor.fetchone()[0] or ""


def version_of_hash(*, plan_id: int, content_hash: str) -> PlanVersion | None:
    """The plan's version of this content, None when there is none."""
    return PlanVersion.objects.filter(plan_id=plan_id, content_hash=content_hash).first()


def last_move(plan_id: int) -> Transition | None:
    """The newest change of the plan's state, with who made it."""
    return Transition.objects.filter(plan_id=plan_id).select_related("by").order_by("-pk").first()


def decided_beside(plan: Plan) -> list[PlannedEvent]:
    """Events of other plans, approved or running, that overlap the plan's window; by start, one query."""
    version = plan.current_version
    if version is None:
        return []
    others = PlannedEvent.objects.filter(
        version__current_of__run=plan.run,
        version__current_of__status__in=LIVE & COMMITTED,
        starts_at__lt=version.window_end,
        ends_at__gt=version.window_start,
    ).exclude(version__plan=plan)
    return list(
        others.select_related("cohort", "version__plan")
        .defer("version__content", "payload")
        .order_by("starts_at", "pk")
    )


def policy_in_force() -> PolicyInForce:
    """The approval policy that new versions are decided under."""
    row = ApprovalPolicy.objects.filter(Q(number=1) | Q(confirmation__isnull=False)).order_by("-number")[0]
    return PolicyInForce(row.number, row.rules_sha256, parse_policy(row.rules))


@dataclass(frozen=True)
class CallRecord:
    """How often and when a cohort was called in a span of time."""

    calls: int
    last_ended_at: datetime | None
    spans: tuple[tuple[datetime, datetime], ...]


def calls_of_cohorts(*, since: datetime) -> Mapping[int, CallRecord]:
    """Calls by cohort id since `since` (the start of the season), decided ones of the future included."""
    spans: dict[int, list[tuple[datetime, datetime]]] = {}
    for cohort_id, starts_at, ends_at in committed_events(since=since).values_list("cohort_id", "starts_at", "ends_at"):
        spans.setdefault(cohort_id, []).append((starts_at, ends_at))
    return {
        cohort_id: CallRecord(len(found), max(end for _start, end in found), tuple(found))
        for cohort_id, found in spans.items()
    }


def contents_committed(*, since: datetime) -> list[PlanContent]:
    """Contents of the plans behind `committed_events`, oldest first: who was called, to spread the calls fairly."""
    rows = PlanVersion.objects.filter(
        current_of__run=current_run(), current_of__status__in=COMMITTED, window_end__gt=since
    ).order_by("pk")
    return [parse_content(text) for text in rows.values_list("content", flat=True)]


def agent_has_spoken(*, start: datetime, end: datetime) -> bool:
    """Whether the watch agent has asked for a plan in this span already, however it ended."""
    asked = Plan.objects.filter(run=current_run(), origin=Origin.AGENT)
    return asked.filter(requested_at__gte=start, requested_at__lt=end).exists()


def live_plan_overlaps(*, start: datetime, end: datetime) -> bool:
    """Whether a plan that has not ended, or is still being planned, covers part of the span."""
    overlapping = Q(current_version__window_start__lt=end, current_version__window_end__gt=start)
    return (
        Plan.objects.filter(run=current_run(), status__in=LIVE).filter(overlapping | Q(current_version=None)).exists()
    )


def newest_transition_at() -> datetime | None:
    """When a plan last changed its state (wall time)."""
    newest: datetime | None = Transition.objects.aggregate(at=Max("wall_at"))["at"]
    return newest
