"""What all admin pages about plans have in common: they are read, and cover what has still to be estimated."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from grid.core.intervals import CENTRAL
from planning.approval_queries import (
    owed_estimates,
)
from planning.core.lifecycle import AWAITING_VOTE
from planning.queries import PlanCard, plan_cards, plans

UNKNOWN = "not known"
COVERED = "after your estimate"


def instant(at: datetime | None) -> str:
    """`Tue 18 Aug 15:36 CDT`."""
    return f"{at.astimezone(CENTRAL):%a %d %b %H:%M %Z}" if at else UNKNOWN


class RecordAdmin(admin.ModelAdmin):
    """Read-only: whoever may view plans may view every row about them."""

    actions = None
    ordering = ("-pk",)
    list_per_page = 50

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Shown to whoever may view plans."""
        return request.user.has_perm("planning.view_plan")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """The same."""
        return request.user.has_perm("planning.view_plan")

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Plans are asked for, not typed in."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Decisions are votes, not edits."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """The record stays."""
        return False


def open_cards() -> list[PlanCard]:
    """The numbers of every plan that awaits a vote."""
    return plan_cards(plans().filter(status__in=AWAITING_VOTE))


class CoveredAdmin(RecordAdmin):
    """Leaves out what tells the MW of a version to who has still to estimate them."""

    version = "version"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Without what stays covered; it is there once the estimate is given."""
        owed = owed_estimates(open_cards(), person_id=int(request.user.pk or 0))
        return super().get_queryset(request).exclude(**{f"{self.version}__in": owed})
