"""Passkeys: enrol one, see those one has, stop believing one; and the challenges that pages have signed."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils import timezone

from grid.core.refusals import Refusal
from planning.api.people import party_of
from planning.operations import begin_enrolment, begin_signing, end_passkey, enrol_passkey, passkeys_of
from planning.passkeys import Signed
from portal.problem import status_of
from portal.views.approval_forms import PasskeyForm
from portal.views.guard import page, person, show

POST = ("POST",)


@page("planning.view_plan", methods=("GET", "HEAD", "POST"))
def passkeys(request: HttpRequest) -> HttpResponse:
    """One's own keys, and the form that adds one."""
    form = PasskeyForm(request.POST or None, initial={"label": "This computer"})
    status = 200
    if request.method == "POST" and form.is_valid():
        signed = Signed(form.cleaned_data["credential"], party_of(request), timezone.now())
        try:
            made = enrol_passkey(by=person(request), signed=signed, label=form.cleaned_data["label"])
        except Refusal as refusal:
            form.take(refusal)
            status = status_of(refusal)
        else:
            messages.success(request, f"Recorded: passkey “{made.label}” is enrolled. High tiers ask for it.")
            return redirect("passkeys")
    context = {"keys": passkeys_of(person(request)), "form": form, "host": party_of(request).host}
    return show(request, "portal/pages/passkeys.html", context, status=status)


@page("planning.view_plan", methods=POST)
def enrolment_challenge(request: HttpRequest) -> JsonResponse:
    """What the browser is asked to make a new key."""
    return JsonResponse({"public_key": begin_enrolment(by=person(request), party=party_of(request))})


@page("planning.view_plan", methods=POST)
def end(request: HttpRequest, number: int) -> HttpResponse:
    """Stop believing one of one's own keys."""
    try:
        ended = end_passkey(passkey_id=number, by=person(request))
        messages.success(request, f"Recorded: passkey “{ended.passkey.label}” is withdrawn and no longer accepted.")
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("passkeys")


@page("planning.view_plan", methods=POST)
def signing_challenge(request: HttpRequest, plan_id: int) -> JsonResponse:
    """What the authenticator is asked to sign for a decision on exactly this content."""
    try:
        options: dict[str, Any] = begin_signing(
            plan_id=plan_id,
            content_hash=request.POST.get("content_hash", ""),
            decision=request.POST.get("decision", ""),
            by=person(request),
            party=party_of(request),
        )
    except Refusal as refusal:
        return JsonResponse({"detail": str(refusal)}, status=status_of(refusal))
    return JsonResponse({"public_key": options})
