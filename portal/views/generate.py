"""Ask the planner for a plan. The worker answers; the plan's own page shows the progress."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from cohorts.queries import active_cohorts
from grid.core.refusals import Refusal
from planning.operations import propose_plan
from portal.frame import frame_of, portal_now
from portal.problem import status_of
from portal.views.forms import WishForm
from portal.views.guard import page, person, show


@page("planning.propose_plan", methods=("GET", "HEAD", "POST"))
def generate(request: HttpRequest) -> HttpResponse:
    """The form; a wish that cannot be met comes back with its reason beside the field (422)."""
    choices = list(active_cohorts())
    if request.method != "POST":
        return _form(request, WishForm(choices=choices))
    form = WishForm(request.POST, choices=choices)
    if not form.is_valid():
        return _form(request, form, status=422)
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
        return _form(request, form, status=status_of(refusal))
    return redirect("plan", plan.pk)


def _form(request: HttpRequest, form: WishForm, *, status: int = 200) -> HttpResponse:
    context = {"form": form, "at": portal_now(request)}
    return show(request, "portal/pages/generate.html", context, status=status)
