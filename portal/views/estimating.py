"""One's own estimate before the plan's number is shown; and how long a plan stood before one's eyes."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from grid.core.refusals import NotFound, Refusal
from planning.approval_queries import has_to_estimate
from planning.operations import give_estimate, note_viewing
from planning.queries import plan_page
from portal.frame import frame_of, portal_now
from portal.problem import status_of
from portal.views.approval_forms import EstimateForm
from portal.views.guard import page, person, show


@page("planning.approve_plan", methods=("GET", "HEAD", "POST"), operation_refuses=True)
def estimate(request: HttpRequest, plan_id: int) -> HttpResponse:
    """What one knows without the plan's numbers, and a field for one's own."""
    found = plan_page(plan_id)
    if found is None or found.card.version is None or found.card.content is None:
        raise Http404(f"There is no plan {plan_id} with a content.")
    form = EstimateForm(request.POST or None, initial={"content_hash": found.card.version.content_hash})
    status = 200
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = give_estimate(
                plan_id=plan_id,
                content_hash=given["content_hash"],
                by=person(request),
                at=portal_now(request),
                mw=given["mw"],
            )
        except NotFound as refusal:
            raise Http404(str(refusal)) from refusal
        except Refusal as refusal:
            form.take(refusal)
            status = status_of(refusal)
        else:
            planned = found.card.content.planned_p50_mw
            messages.success(request, f"Recorded: you said {made.mw:,.1f} MW; the plan says {planned:,.1f} MW.")
            return redirect("plan", plan_id)
    elif not has_to_estimate(found, person_id=person(request).pk, may_vote=frame_of(request).could_vote_on(plan_id)):
        return redirect("plan", plan_id)
    context = {
        "plan": found.card.plan,
        "card": found.card,
        "content": found.card.content,
        "form": form,
        "at": portal_now(request),
    }
    return show(request, "portal/pages/estimate.html", context, status=status)


@page("planning.view_plan", methods=("POST",))
def viewed(request: HttpRequest, plan_id: int) -> HttpResponse:
    """The page tells how many seconds it was in sight; nothing is answered."""
    seconds = request.POST.get("seconds", "")
    if seconds.isdecimal() and len(seconds) < 6:
        content_hash = request.POST.get("content_hash", "")[:64]
        note_viewing(plan_id=plan_id, content_hash=content_hash, by=person(request), seconds=int(seconds))
    return HttpResponse(status=204)
