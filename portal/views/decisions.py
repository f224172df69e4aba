"""Approve, reject, change and stop: each a page that restates the numbers, and one call to an operation.

They work without JavaScript. When an operation refuses, the same page comes back with the reason and what was typed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect

from cohorts.queries import active_cohorts
from grid.core.refusals import NotFound, Refusal
from planning.api.people import lender_named, signed_of
from planning.approval_queries import delegations_to, has_to_estimate
from planning.core.content import parse_content
from planning.core.drift import Drift
from planning.core.lifecycle import AWAITING_VOTE, Status, abort_target
from planning.core.policy import StepUp
from planning.models import Decision, Delegation, Plan, PlanVersion
from planning.operations import Change, abort_plan, approve_plan, edit_plan, passkeys_of, reject_plan
from planning.queries import PlanCard, last_move, plan_cards, plan_page, plans, version_of_hash, vote_objection
from portal.frame import VOTED, frame_of, portal_now
from portal.problem import status_of
from portal.templatetags.quantities import clock_time, instant
from portal.views.approval_forms import ApproveForm
from portal.views.forms import AbortForm, DecisionForm, EditForm, PortalForm, local_input, shown_mw
from portal.views.grid_reading import drift_reading
from portal.views.guard import page, person, show
from portal.views.plan_reading import Difference, differences, needs_replan
from portal.views.wishing import typed, windows_of, wish_context

METHODS = ("GET", "HEAD", "POST")
DECISIONS: Final = {"approve": Decision.APPROVE, "reject": Decision.REJECT}
SAID_ON_ABORT = {
    Status.WITHDRAWN: "Recorded. Plan {pk} is withdrawn. Nothing was sent.",
    Status.CANCELLED: "Recorded. Plan {pk} is cancelled. Nothing was sent.",
    Status.ABORTING: "Recorded. Plan {pk} is being aborted: dispatch is cancelling what was sent, within seconds.",
}


@page("planning.approve_plan", methods=METHODS, operation_refuses=True)
def approve(request: HttpRequest, plan_id: int) -> HttpResponse:
    """The second look before a vote, and the vote."""
    card = _card(plan_id)
    if request.method != "POST" and _to_be_estimated(request, card):
        return redirect("estimate", plan_id)
    lent = _lent(request, card)
    form = _approve_form(request, card, lent)
    proof: dict[str, Any] = {
        "lent": lent,
        "has_passkey": bool(passkeys_of(person(request))),
        "drift": drift_reading(frame_of(request), card, at=portal_now(request)),
    }
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data

        def vote() -> Plan:
            return approve_plan(
                plan_id=plan_id,
                content_hash=given["content_hash"],
                by=person(request),
                at=portal_now(request),
                reason=given["reason"],
                password=given["password"] or None,
                signed=signed_of(request, given["assertion"]),
                on_behalf_of=lender_named(given["on_behalf_of"]),
            )

        return _decided(request, "approve", card, form, vote, _said_on_approval, **proof)
    return _ask(request, "approve", card, form, **proof)


def _approve_form(request: HttpRequest, card: PlanCard, lent: list[Delegation]) -> ApproveForm:
    data = request.POST if request.method == "POST" else None
    initial = {"content_hash": card.version.content_hash if card.version else ""}
    asks_password = card.votes.needs.step_up == StepUp.PASSWORD
    form = ApproveForm(data, initial=initial, lent=lent, asks_password=asks_password)
    form.fields["reason"].label = "Reason" if card.votes.needs.reason else "Reason (may stay empty)"
    return form


def _lent(request: HttpRequest, card: PlanCard) -> list[Delegation]:
    """Rights to vote lent to this person that reach this plan."""
    if card.content is None:
        return []
    mw = card.content.largest_interval_p50_mw
    return list(delegations_to(person_id=person(request).pk, mw=mw, at=portal_now(request)))


def _to_be_estimated(request: HttpRequest, card: PlanCard) -> bool:
    if not card.votes.needs.estimate:
        return False
    found = plan_page(card.plan.pk)
    may_vote = frame_of(request).could_vote_on(card.plan.pk)
    return found is not None and has_to_estimate(found, person_id=person(request).pk, may_vote=may_vote)


@page("planning.reject_plan", methods=METHODS, operation_refuses=True)
def reject(request: HttpRequest, plan_id: int) -> HttpResponse:
    """One rejection ends a plan; it says why."""
    card = _card(plan_id)
    form = _decision_form(request, card, reason="Why (needed)")
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data

        def veto() -> Plan:
            return reject_plan(
                plan_id=plan_id,
                content_hash=given["content_hash"],
                by=person(request),
                at=portal_now(request),
                reason=given["reason"],
            )

        return _decided(request, "reject", card, form, veto, _said_on_rejection)
    return _ask(request, "reject", card, form)


@page("planning.edit_plan", methods=METHODS, operation_refuses=True)
def edit(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Ask for another version of an undecided plan."""
    card = _card(plan_id)
    choices = list(active_cohorts())
    at = portal_now(request)
    windows = windows_of(request, at)
    if request.method != "POST":
        values = typed(request, _last_wish(card), windows)
        form = EditForm(initial=values, choices=choices)
        return _ask(request, "edit", card, form, **wish_context(request, form, values, windows, at))
    form = EditForm(request.POST, choices=choices)
    wishing = wish_context(request, form, form.values_sent(), windows, at)
    if not form.is_valid():
        return _ask(request, "edit", card, form, status=422, **wishing)

    def change() -> Plan:
        return edit_plan(
            plan_id=plan_id,
            content_hash=form.cleaned_data["content_hash"],
            change=Change(form.changed_fields()),
            by=person(request),
            at=portal_now(request),
            reason=form.cleaned_data["reason"],
        )

    said = "Recorded. The planner works on the next version. Votes on the old one no longer count."
    return _decided(request, "edit", card, form, change, lambda _plan: said, **wishing)


@page("planning.abort_plan", methods=METHODS, operation_refuses=True)
def abort(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Stop a plan at any time before its end: one person, one confirmation."""
    card = _card(plan_id)
    form = AbortForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]

        def stop() -> Plan:
            return abort_plan(plan_id=plan_id, by=person(request), at=portal_now(request), reason=reason)

        return _decided(request, "abort", card, form, stop, lambda p: SAID_ON_ABORT[Status(p.status)].format(pk=p.pk))
    return _ask(request, "abort", card, form)


def _said_on_approval(plan: Plan) -> str:
    """What is on record now, and what happens next."""
    content = plan_cards([plan])[0].content
    if plan.status != Status.AUTHORISED or content is None or plan.dispatch_by is None:
        return f"{_recorded(plan)} Plan {plan.pk} still needs another person's vote; nothing is sent before."
    return (
        f"{_recorded(plan)} Plan {plan.pk} is approved and will be sent: dispatch sends it to"
        f" {content.accounts_called:,} endpoints within seconds, at the latest by {clock_time(plan.dispatch_by)};"
        f" it starts {instant(content.window_start)}."
    )


def _said_on_rejection(plan: Plan) -> str:
    return f"{_recorded(plan)} Plan {plan.pk} is rejected. Nothing is sent. Whoever asked for it sees your reason."


def _recorded(plan: Plan) -> str:
    version = plan.current_version
    assert version is not None
    return f"Recorded: your vote on version {version.number} (content {version.content_hash[:8]}…)."


def _card(plan_id: int) -> PlanCard:
    plan = plans().filter(pk=plan_id).first()
    if plan is None:
        raise Http404(f"There is no plan {plan_id}.")
    return plan_cards([plan])[0]


def _decision_form(request: HttpRequest, card: PlanCard, *, reason: str) -> DecisionForm:
    """Bound to what was sent; a fresh one names the content that is shown beside it."""
    if request.method == "POST":
        form = DecisionForm(request.POST)
    else:
        form = DecisionForm(initial={"content_hash": card.version.content_hash if card.version else ""})
    form.fields["reason"].label = reason
    return form


def _last_wish(card: PlanCard) -> dict[str, Any]:
    wish = card.plan.requests.order_by("-number")[0]
    return {
        "strategy": wish.strategy,
        "cohorts": [str(pk) for pk in wish.cohort_ids],
        "window_start": local_input(wish.window_start),
        "window_end": local_input(wish.window_end),
        "target_mw": shown_mw(wish.target_mw),
        "content_hash": card.version.content_hash if card.version else "",
    }


def _decided(
    request: HttpRequest,
    action: str,
    card: PlanCard,
    form: PortalForm,
    operation: Callable[[], Plan],
    said: Callable[[Plan], str],
    **more: Any,
) -> HttpResponse:
    """Do it and go to the plan; or show the refusal on the same page with what was typed."""
    try:
        plan = operation()
    except NotFound as refusal:
        raise Http404(str(refusal)) from refusal
    except Refusal as refusal:
        form.take(refusal)
        return _ask(request, action, _card(card.plan.pk), form, status=status_of(refusal), **more)
    messages.success(request, said(plan))
    return redirect("plan", plan.pk)


def _objection(request: HttpRequest, action: str, card: PlanCard, drift: Drift | None) -> str:
    """Why this person's vote would not count, known before they press; the operation checks again."""
    if action not in DECISIONS or card.plan.status not in AWAITING_VOTE or card.version is None:
        return ""
    awaited = next((item for item in frame_of(request).awaiting if item.plan.pk == card.plan.pk), None)
    if awaited is not None and (action == "approve" or awaited.objection == VOTED):
        return awaited.objection or needs_replan(drift)
    return vote_objection(person_id=person(request).pk, version_id=card.version.pk, decision=DECISIONS[action])


@dataclass(frozen=True, slots=True)
class MovedOn:
    """The content somebody was deciding about is no longer the current one."""

    version: PlanVersion | None
    differences: list[Difference]


def _moved_on(card: PlanCard, hash_sent: str) -> MovedOn | None:
    """What differs from the content the form was about; None when it is still the current one."""
    if not hash_sent or card.version is None or card.content is None or hash_sent == card.version.content_hash:
        return None
    older = version_of_hash(plan_id=card.plan.pk, content_hash=hash_sent)
    if older is None:
        return MovedOn(None, [])
    return MovedOn(older, differences(parse_content(older.content), card.content))


def _ask(
    request: HttpRequest, action: str, card: PlanCard, form: PortalForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    moved_on = _moved_on(card, form.data.get("content_hash", "") if form.is_bound else "")
    if moved_on and card.version:
        # The page shows the newer numbers from here on, so this is what a second press would decide about.
        data = cast("QueryDict", form.data).copy()
        data["content_hash"] = card.version.content_hash
        form.data = data
    still_open = card.plan.status in AWAITING_VOTE
    context = {
        "card": card,
        "plan": card.plan,
        "content": card.content,
        "form": form,
        "at": portal_now(request),
        "moved_on": moved_on,
        "conflict": status == 409,
        "open": still_open,
        "last": None if still_open else last_move(card.plan.pk),
        "objection": "" if form.is_bound else _objection(request, action, card, more.get("drift")),
        "abort_to": abort_target(Status(card.plan.status)),
        **more,
    }
    fragments = ("possible",) if action == "edit" else ()
    return show(request, f"portal/pages/{action}.html", context, fragments=fragments, status=status)
