"""Passkeys: enrol one, see those one has, stop believing one; and the challenges that pages have signed."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from grid.core.refusals import Invalid, Refusal
from planning.api.people import party_of, signed_of
from planning.approval_queries import latest_reset
from planning.operations import (
    begin_enrolment,
    begin_proof,
    begin_signing,
    end_passkey,
    enrol_passkey,
    passkeys_of,
    password_enrols,
)
from planning.passkeys import Signed
from portal.frame import portal_now
from portal.models import User
from portal.problem import status_of
from portal.views.approval_forms import PasskeyForm, ProofForm
from portal.views.guard import page, person, show

POST = ("POST",)


@page("planning.view_plan", methods=("GET", "HEAD", "POST"))
def passkeys(request: HttpRequest) -> HttpResponse:
    """One's own keys, and the form that adds one; `next` names the page to go on to, by enrolling or later."""
    form = PasskeyForm(request.POST or None, initial={"label": "This computer"})
    status = 200
    onward = _onward(request)
    if request.method == "POST" and form.is_valid():
        signed = Signed(form.cleaned_data["credential"], party_of(request), timezone.now())
        try:
            made = enrol_passkey(
                by=person(request), signed=signed, label=form.cleaned_data["label"], at=portal_now(request)
            )
        except Refusal as refusal:
            form.take(refusal)
            status = status_of(refusal)
        else:
            messages.success(request, f"Recorded: passkey “{made.label}” is enrolled. High tiers ask for it.")
            return redirect(onward or "passkeys")
    context = {
        "keys": (keys := passkeys_of(person(request))),
        "form": form,
        "host": party_of(request).host,
        "proof": _proof(person(request), has_key=bool(keys)),
        "reset": latest_reset(person_id=person(request).pk),
        "onward": onward,
    }
    return show(request, "portal/pages/passkeys.html", context, status=status)


def _onward(request: HttpRequest) -> str:
    """Where the person was going; empty: here."""
    wanted = request.GET.get("next", "")
    return wanted if url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}) else ""


def _proof(by: User, *, has_key: bool) -> str:
    """What enrolling needs: `passkey`, `password`, or a `reset` by an administrator."""
    if has_key:
        return "passkey"
    return "password" if password_enrols(by) else "reset"


@page("planning.view_plan", methods=POST)
def enrolment_challenge(request: HttpRequest) -> JsonResponse:
    """What the browser is asked to make a new key, once it is proven who asks."""
    form = ProofForm(request.POST)
    if not form.is_valid():
        return _refused(Invalid("What proves that it is you did not arrive whole. Try again."))
    try:
        options = begin_enrolment(
            by=person(request),
            party=party_of(request),
            at=portal_now(request),
            password=form.cleaned_data["password"] or None,
            signed=signed_of(request, form.cleaned_data["assertion"]),
        )
    except Refusal as refusal:
        return _refused(refusal)
    return JsonResponse({"public_key": options})


@page("planning.view_plan", methods=POST)
def proof_challenge(request: HttpRequest) -> JsonResponse:
    """What a key one has already is asked to sign before another one is enrolled."""
    try:
        return JsonResponse({"public_key": begin_proof(by=person(request), party=party_of(request))})
    except Refusal as refusal:
        return _refused(refusal)


def _refused(refusal: Refusal) -> JsonResponse:
    return JsonResponse({"detail": str(refusal)}, status=status_of(refusal))


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
        return _refused(refusal)
    return JsonResponse({"public_key": options})
