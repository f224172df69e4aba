"""The rows behind a plan, to be read."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from planning.admin.base import CoveredAdmin, RecordAdmin, open_cards
from planning.approval_queries import (
    votes_kept_from,
)
from planning.core.lifecycle import STATUS_WORDS, Status
from planning.models import PlannedEvent, PlanRefusal, PlanRequest, PlanVersion, Transition, Vote


@admin.register(PlanVersion)
class PlanVersionAdmin(CoveredAdmin):
    """What was decided upon."""

    version = "pk"

    list_display = ("__str__", "content_hash", "window_start", "window_end", "proposed_at")


@admin.register(PlanRequest)
class PlanRequestAdmin(CoveredAdmin):
    """What was asked."""

    version = "plan__current_version"

    list_display = ("__str__", "by", "at", "strategy", "target_mw", "reason")
    list_select_related = ("by",)


@admin.register(PlannedEvent)
class PlannedEventAdmin(CoveredAdmin):
    """The bytes of each event."""

    list_display = ("event_name", "cohort", "mean_mw", "endpoints", "starts_at", "ends_at")
    list_select_related = ("cohort",)
    readonly_fields = ("payload_text",)

    @admin.display(description="payload")
    def payload_text(self, event: PlannedEvent) -> str:
        """The bytes as text."""
        return bytes(event.payload).decode("utf-8", "replace")


@admin.register(Vote)
class VoteAdmin(RecordAdmin):
    """Who said what of which content."""

    list_display = ("version", "voter", "decision", "at", "reason")
    list_select_related = ("version", "voter")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Vote]:
        """Who votes second does not see the first vote before their own."""
        kept = votes_kept_from(open_cards(), person_id=int(request.user.pk or 0))
        return super().get_queryset(request).exclude(version__in=kept)


@admin.register(Transition)
class TransitionAdmin(RecordAdmin):
    """Every change of state."""

    list_display = ("plan", "was", "became", "by", "actor", "at", "reason")
    list_select_related = ("plan", "by")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Transition]:
        """Nor by whose vote the plan moved on."""
        kept = votes_kept_from(open_cards(), person_id=int(request.user.pk or 0))
        return super().get_queryset(request).exclude(to_status=Status.PARTIAL, plan__current_version__in=kept)

    @admin.display(description="was", ordering="from_status")
    def was(self, move: Transition) -> str:
        """In the pages' words."""
        return STATUS_WORDS[Status(move.from_status)] if move.from_status else "new"

    @admin.display(description="became", ordering="to_status")
    def became(self, move: Transition) -> str:
        """In the pages' words."""
        return STATUS_WORDS[Status(move.to_status)]


@admin.register(PlanRefusal)
class PlanRefusalAdmin(RecordAdmin):
    """Who tried what they may not."""

    list_display = ("plan", "attempted", "by", "at", "why")
    list_select_related = ("plan", "by")
