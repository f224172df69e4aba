"""Break-glass: force one plan through alone, on record; and look at what others forced."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from grid.core.refusals import NotFound, Refusal
from planning.api.people import signed_of
from planning.approval_queries import forced
from planning.core.lifecycle import AWAITING_VOTE
from planning.operations import Emergency, force_plan, passkeys_of, review_break_glass
from planning.queries import plan_cards, plans, policy_in_force
from portal.frame import frame_of, portal_now
from portal.problem import status_of
from portal.views.approval_forms import ForceForm, ReviewForm
from portal.views.guard import page, person, show

METHODS = ("GET", "HEAD", "POST")
SHOWN = 50


@page("planning.break_glass", methods=METHODS, operation_refuses=True)
def force(request: HttpRequest, plan_id: int) -> HttpResponse:
    """The page that says what forcing means, and the act."""
    plan = plans().filter(pk=plan_id).first()
    if plan is None:
        raise Http404(f"There is no plan {plan_id}.")
    card = plan_cards([plan])[0]
    if request.method != "POST" and frame_of(request).covers(card):
        return redirect("estimate", plan_id)
    initial = {"content_hash": card.version.content_hash if card.version else ""}
    form = ForceForm(request.POST or None, initial=initial)
    status = 200
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            force_plan(
                plan_id=plan_id,
                content_hash=given["content_hash"],
                by=person(request),
                at=portal_now(request),
                emergency=Emergency(given["reason_code"], given["incident"], given["reason"]),
                signed=signed_of(request, given["assertion"]),
            )
        except NotFound as refusal:
            raise Http404(str(refusal)) from refusal
        except Refusal as refusal:
            form.take(refusal)
            status = status_of(refusal)
        else:
            messages.success(request, f"Recorded: plan {plan_id} was forced. Somebody else has to review it.")
            return redirect("plan", plan_id)
    context = {
        "card": card,
        "plan": plan,
        "content": card.content,
        "form": form,
        "at": portal_now(request),
        "open": plan.status in AWAITING_VOTE,
        "taken": card.called_elsewhere,
        "cap_mw": policy_in_force().policy.break_glass.max_mw,
        "review_h": policy_in_force().policy.break_glass.review_h,
        "has_passkey": bool(passkeys_of(person(request))),
        "conflict": status == 409,
    }
    return show(request, "portal/pages/force.html", context, status=status)


@page("planning.view_plan")
def forced_list(request: HttpRequest) -> HttpResponse:
    """What was forced, and what others thought of it."""
    rows = list(forced().order_by("-pk")[:SHOWN])
    context = {"rows": rows, "at": portal_now(request), "wall_now": timezone.now()}
    return show(request, "portal/pages/break_glass.html", context)


@page("planning.review_break_glass", methods=METHODS, operation_refuses=True)
def review(request: HttpRequest, number: int) -> HttpResponse:
    """Look at one thing that somebody else forced."""
    row = forced().filter(pk=number).first()
    if row is None:
        raise Http404(f"There is no break-glass {number}.")
    form = ReviewForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            review_break_glass(
                break_glass_id=number,
                by=person(request),
                at=portal_now(request),
                finding=given["finding"],
                text=given["text"],
            )
        except Refusal as refusal:
            form.take(refusal)
            status = status_of(refusal)
        else:
            messages.success(request, f"Recorded: your review of break-glass {number}.")
            return redirect("break_glass")
    own = row.by_id == person(request).pk
    context = {"row": row, "form": form, "own": own, "at": portal_now(request), "wall_now": timezone.now()}
    return show(request, "portal/pages/review.html", context, status=status)
