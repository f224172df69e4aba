"""The approval queue as a list: what awaits a vote first, the numbers of a page read at once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from planning.approval_queries import (
    owed_estimates,
)
from planning.core.lifecycle import AWAITING_VOTE, STATUS_WORDS
from planning.models import Plan
from planning.queries import plan_cards


class QueueFilter(admin.SimpleListFilter):
    """Opens with what awaits a vote."""

    title = "queue"
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """One choice beside the default."""
        return [("all", "All plans")]

    def choices(self, changelist: ChangeList) -> Any:
        """`Awaiting a vote` instead of Django's `All`."""
        first, *others = super().choices(changelist)
        yield {**first, "display": "Awaiting a vote"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Plan]) -> QuerySet[Plan]:  # noqa: ARG002
        """Filtered unless all are wanted."""
        return queryset if self.value() == "all" else queryset.filter(status__in=AWAITING_VOTE)


class StatusFilter(admin.SimpleListFilter):
    """One state, in the pages' words."""

    title = "state"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Every state."""
        return [(status.value, words) for status, words in STATUS_WORDS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Plan]) -> QuerySet[Plan]:  # noqa: ARG002
        """That one alone."""
        return queryset.filter(status=self.value()) if self.value() else queryset


class QueueList(ChangeList):
    """Reads the numbers of a whole page of plans in two queries."""

    def get_results(self, request: HttpRequest) -> None:
        """Each plan of the page carries its card."""
        super().get_results(request)
        cards = plan_cards(self.result_list)
        owed = owed_estimates(cards, person_id=int(request.user.pk or 0))
        for card in cards:
            card.plan.card = card  # type: ignore[attr-defined]
            card.plan.covered = card.version is not None and card.version.pk in owed  # type: ignore[attr-defined]
        self.result_list = [card.plan for card in cards]
