"""Every signal that went out, or was taken back."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse

from dispatch.queries import all_signals
from portal.frame import portal_now
from portal.views.guard import page, show

PAGE_SIZE: Final = 50


@page("dispatch.view_signal")
def signals(request: HttpRequest) -> HttpResponse:
    """Newest first; `plan` in the address shows those of one plan."""
    plan = request.GET.get("plan", "")
    before = request.GET.get("before", "")
    rows = all_signals().select_related("planned_event__cohort")
    if plan.isdecimal() and len(plan) < 19:
        rows = rows.filter(claim__plan_id=int(plan))
    if before.isdecimal() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    found = list(rows.order_by("-pk")[: PAGE_SIZE + 1])
    context = {
        "signals": found[:PAGE_SIZE],
        "next_before": found[PAGE_SIZE - 1].pk if len(found) > PAGE_SIZE else None,
        "plan_id": plan if plan.isdecimal() else "",
        "at": portal_now(request),
    }
    return show(request, "portal/pages/signals.html", context, fragments=("rows",))
