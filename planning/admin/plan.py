"""A plan in the approval queue: the question, its numbers, approve and reject."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Case, F, QuerySet, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_POST

from grid import clock
from grid.core.refusals import NotFound, Refusal
from planning.admin.base import COVERED, UNKNOWN, RecordAdmin, instant
from planning.admin.queue import QueueFilter, QueueList, StatusFilter
from planning.api.people import lender_named, signed_of
from planning.approval_queries import (
    as_shown_to,
    delegations_to,
    has_to_estimate,
)
from planning.core.drift import Level
from planning.core.lifecycle import ABORT_WORDS, AWAITING_VOTE, STATUS_WORDS, Status, abort_target
from planning.known import drift_of_card
from planning.models import Plan
from planning.operations import approve_plan, passkeys_of, reject_plan
from planning.queries import PlanCard, PlanPage, plan_cards, plan_page, plans


def card_of(plan: Plan) -> PlanCard:
    """The plan's numbers; read once per row."""
    found: PlanCard = getattr(plan, "card", None) or plan_cards([plan])[0]
    plan.card = found  # type: ignore[attr-defined]
    return found


def is_covered(plan: Plan) -> bool:
    """Whether this line of the list is read by who has still to estimate the MW."""
    return bool(getattr(plan, "covered", False))


@admin.register(Plan)
class PlanAdmin(RecordAdmin):
    """The approval queue. Approve and reject call the operations that the API and the pages call."""

    list_display = (
        "__str__",
        "state",
        "planned_mw",
        "firm_mw",
        "confidence",
        "window",
        "decide_by",
        "votes",
        "asked_by",
    )
    list_filter = (QueueFilter, StatusFilter, "origin", "mode")
    fields = (
        "state",
        "planned_mw",
        "firm_mw",
        "confidence",
        "window",
        "target_mw",
        "cost_usd",
        "rebound_mwh",
        "cohorts",
        "rationale",
        "decide_by",
        "send_by",
        "votes",
        "asked_by",
        "asked_at",
        "mode",
        "failure",
    )
    readonly_fields = fields
    tell_mw = frozenset(
        {"planned_mw", "firm_mw", "confidence", "target_mw", "cost_usd", "rebound_mwh", "cohorts", "rationale"}
    )
    change_form_template = "admin/planning/plan/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plan]:  # noqa: ARG002
        """With what a line about them needs."""
        return plans()

    def get_fields(self, request: HttpRequest, obj: Plan | None = None) -> Any:
        """Without what tells MW that this person has still to estimate."""
        found = plan_page(obj.pk) if obj else None
        if found is None or not has_to_estimate(found, person_id=int(request.user.pk or 0)):
            return self.fields
        return [name for name in self.fields if name not in self.tell_mw]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:  # noqa: ARG002
        """The queue's own."""
        return QueueList

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:  # noqa: ARG002
        """What awaits a vote, the most urgent first; then the rest, newest first."""
        urgency = Case(When(status__in=AWAITING_VOTE, then=F("approve_by")))
        return (urgency.asc(nulls_last=True), "-pk")

    @admin.display(description="state", ordering="status")
    def state(self, plan: Plan) -> str:
        """In the pages' words, and what keeps it from being approved."""
        taken = (
            f"\N{BLACK UP-POINTING TRIANGLE} no approval before a re-plan: plan {each.plan_id} calls {each.cohort}"
            for each in card_of(plan).called_elsewhere[:1]
        )
        return format_html_join(
            mark_safe("<br>"), "{}", ((line,) for line in (STATUS_WORDS[Status(plan.status)], *taken))
        )

    @admin.display(description="P50 (MW)")
    def planned_mw(self, plan: Plan) -> str:
        """Median of the mean over the window."""
        if is_covered(plan):
            return COVERED
        content = card_of(plan).content
        return f"{content.planned_p50_mw:.1f}" if content else UNKNOWN

    @admin.display(description="firm, 9 in 10 (MW)")
    def firm_mw(self, plan: Plan) -> str:
        """Exceeded nine times in ten."""
        if is_covered(plan):
            return COVERED
        content = card_of(plan).content
        return f"{content.firm_p90_mw:.1f}" if content else UNKNOWN

    @admin.display(description="target (MW)")
    def target_mw(self, plan: Plan) -> str:
        """What the plan aims at."""
        content = card_of(plan).content
        return f"{content.target_mw:.1f}" if content else UNKNOWN

    @admin.display(description="confidence (%)")
    def confidence(self, plan: Plan) -> str:
        """Probability that the mean over the window reaches the target."""
        if is_covered(plan):
            return COVERED
        content = card_of(plan).content
        return f"{content.confidence * 100:.0f}" if content else UNKNOWN

    @admin.display(description="window (Central)")
    def window(self, plan: Plan) -> str:
        """First and last instant."""
        content = card_of(plan).content
        if content is None:
            return UNKNOWN
        return f"{instant(content.window_start)} to {instant(content.window_end)}"

    @admin.display(description="decide by", ordering="approve_by")
    def decide_by(self, plan: Plan) -> str:
        """No vote counts from then on."""
        return instant(plan.approve_by)

    @admin.display(description="send by")
    def send_by(self, plan: Plan) -> str:
        """Nothing is sent from then on."""
        return instant(plan.dispatch_by)

    @admin.display(description="asked at")
    def asked_at(self, plan: Plan) -> str:
        """Portal time."""
        return instant(plan.requested_at)

    @admin.display(description="cost (USD)")
    def cost_usd(self, plan: Plan) -> str:
        """Incentives."""
        content = card_of(plan).content
        return f"{content.cost_usd:,.0f}" if content else UNKNOWN

    @admin.display(description="rebound (MWh)")
    def rebound_mwh(self, plan: Plan) -> str:
        """Above baseline in the six hours after."""
        content = card_of(plan).content
        return f"{content.rebound_mwh:.1f}" if content else UNKNOWN

    @admin.display(description="cohorts")
    def cohorts(self, plan: Plan) -> str:
        """Names, MW and endpoints."""
        content = card_of(plan).content
        parts = content.cohorts if content else ()
        return "; ".join(f"{c.name} {c.mean_mw:.1f} MW ({c.accounts_called:,} endpoints)" for c in parts) or UNKNOWN

    @admin.display(description="why")
    def rationale(self, plan: Plan) -> str:
        """The planner's sentences, one a line."""
        content = card_of(plan).content
        return (
            format_html_join(mark_safe("<br>"), "{}", ((each,) for each in content.rationale)) if content else UNKNOWN
        )

    @admin.display(description="votes")
    def votes(self, plan: Plan) -> str:
        """Entitled votes of those needed."""
        card = card_of(plan)
        if card.forced:
            return f"forced by {card.forced.by}"
        return f"{card.votes.approvals} of {card.votes.required}"

    @admin.display(description="asked by")
    def asked_by(self, plan: Plan) -> str:
        """The person, or the watch agent."""
        return plan.requested_by.username if plan.requested_by else "watch agent"

    def get_urls(self) -> list[URLPattern]:
        """Two addresses more: the decisions."""
        decisions = [
            path("<int:plan_id>/approve/", self.admin_site.admin_view(self.approve), name="planning_plan_approve"),
            path("<int:plan_id>/reject/", self.admin_site.admin_view(self.reject), name="planning_plan_reject"),
        ]
        return [*decisions, *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Add what the question needs."""
        plan = context.get("original")
        if plan is not None:
            found = plan_page(plan.pk)
            context |= _question(found and as_shown_to(found, person_id=int(request.user.pk or 0)), request)
            context["at"] = clock.now()
        return super().render_change_form(request, context, *args, **kwargs)

    @method_decorator(require_POST)
    def approve(self, request: HttpRequest, plan_id: int) -> HttpResponse:
        """Vote for exactly the content named in the form."""
        proof = {
            "password": request.POST.get("password") or None,
            "signed": signed_of(request, _credential(request.POST.get("assertion", ""))),
            "on_behalf_of": lender_named(request.POST.get("on_behalf_of")),
        }
        return self._decide(request, plan_id, approve_plan, "Your vote for plan {} is recorded; it is {}.", **proof)

    @method_decorator(require_POST)
    def reject(self, request: HttpRequest, plan_id: int) -> HttpResponse:
        """Veto exactly the content named in the form."""
        return self._decide(request, plan_id, reject_plan, "Plan {} is rejected; it is {} and nothing is sent.")

    def _decide(
        self, request: HttpRequest, plan_id: int, operation: Callable[..., Plan], said: str, **proof: Any
    ) -> HttpResponse:
        try:
            plan = operation(
                plan_id=plan_id,
                content_hash=request.POST.get("content_hash", ""),
                by=request.user,
                at=clock.now(),
                reason=request.POST.get("reason", ""),
                **proof,
            )
        except NotFound as refusal:
            raise Http404(str(refusal)) from refusal
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return redirect("admin:planning_plan_change", plan_id)
        messages.success(request, said.format(plan.pk, STATUS_WORDS[Status(plan.status)]))
        return redirect("admin:planning_plan_changelist")


def _credential(text: str) -> Any:
    """What the page's script put there; what cannot be read is no proof."""
    try:
        found = json.loads(text) if text else None
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else None


def _question(page: PlanPage | None, request: HttpRequest) -> dict[str, Any]:
    if page is None:
        return {}
    card, me = page.card, int(request.user.pk or 0)
    mw = card.content.largest_interval_p50_mw if card.content else 0
    drift = drift_of_card(card, at=clock.now())
    target = abort_target(Status(card.plan.status))
    return {
        "page": page,
        "card": card,
        "content": card.content,
        "needs": card.votes.needs,
        "drift": drift,
        "replan": drift is not None and drift.level == Level.RED,
        "covered": has_to_estimate(page, person_id=me),
        "lent": list(delegations_to(person_id=me, mw=mw, at=clock.now())),
        "has_passkey": bool(passkeys_of(request.user)),
        "awaits_vote": Status(card.plan.status) in AWAITING_VOTE and card.version is not None,
        "may_approve": request.user.has_perm("planning.approve_plan"),
        "abort_word": ABORT_WORDS.get(target, "") if target else "",
        "may_abort": target is not None and request.user.has_perm("planning.abort_plan"),
        "may_reject": request.user.has_perm("planning.reject_plan"),
        "asked_for_it": any(asked.by_id == request.user.pk for asked in page.requests),
    }
