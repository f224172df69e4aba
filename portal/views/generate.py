"""Ask the planner for a plan. The worker answers; the plan's own page shows the progress."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from cohorts.queries import active_cohorts
from grid.core.refusals import Refusal
from planning.operations import propose_plan
from portal.frame import frame_of, portal_now
from portal.problem import status_of
from portal.views.forms import WishForm
from portal.views.guard import page, person, show
from portal.views.wishing import typed, windows_of, wish_context


@page("planning.propose_plan", methods=("GET", "HEAD", "POST"))
def generate(request: HttpRequest) -> HttpResponse:
    """The form, with what is possible; a wish that cannot be met comes back with its reason beside the field (422).

    A GET may carry the fields: it shows what is possible and asks for nothing.
    """
    choices = list(active_cohorts())
    if request.method != "POST":
        values = typed(request, {}, windows_of(request, portal_now(request)))
        return _form(request, WishForm(choices=choices, initial=values), values)
    form = WishForm(request.POST, choices=choices)
    if not form.is_valid():
        return _form(request, form, form.values_sent(), status=422)
    state = frame_of(request).clock
    try:
        plan = propose_plan(
            wish=form.wish(),
            by=person(request),
            at=portal_now(request),
            mode=str(state.mode) if state else "LIVE",
            idempotency_key=form.cleaned_data["key"],
        )
    except Refusal as refusal:
        form.take(refusal)
        return _form(request, form, form.values_sent(), status=status_of(refusal))
    return redirect("plan", plan.pk)


def _form(request: HttpRequest, form: WishForm, values: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
    at = portal_now(request)
    context = {"form": form, "at": at, **wish_context(request, form, values, windows_of(request, at), at)}
    return show(request, "portal/pages/generate.html", context, fragments=("possible",), status=status)
