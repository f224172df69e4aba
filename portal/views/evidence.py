"""The evidence pack of a plan: the page, and the same as JSON, PDF and single payloads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from portal.evidence.as_json import pack_json
from portal.evidence.as_pdf import pack_pdf
from portal.evidence.pack import Pack, pack_of
from portal.evidence.parts import real_time
from portal.evidence.stream import entries_of
from portal.frame import frame_of, portal_now
from portal.templatetags.quantities import duration_words
from portal.views.guard import page, show

PAYLOADS = ("planning_plannedevent", "dispatch_signal")


class StillToVote(Exception):
    """Who reads still has a vote to give on the plan: its pack says what a vote must not be swayed by."""


@page("planning.view_plan")
def evidence(request: HttpRequest, plan_id: int) -> HttpResponse:
    """The page; for who still has a vote to give, only that it opens once they have given it."""
    try:
        pack = _pack(request, plan_id)
    except StillToVote:
        context: dict[str, Any] = {"plan_id": plan_id, "at": portal_now(request)}
        return show(request, "portal/pages/evidence_closed.html", context)
    checkpoint = pack.verified.checkpoint
    context = {
        "pack": pack,
        "plan": pack.material.plan,
        "content": pack.material.current.content if pack.material.current else None,
        "verified": pack.verified,
        "made": real_time(pack.made_at),
        "last": real_time(pack.verified.last_at),
        "checkpoint_made": real_time(checkpoint.made_at) if checkpoint else "",
        "checkpoint_age": duration_words(pack.made_at - checkpoint.made_at) if checkpoint else "",
        "at": portal_now(request),
    }
    return show(request, "portal/pages/evidence.html", context)


@page("planning.view_plan")
def evidence_json(request: HttpRequest, plan_id: int) -> HttpResponse:
    """All of it for a program, raw events included."""
    try:
        pack = _pack(request, plan_id)
    except StillToVote:
        return _closed(plan_id)
    answer = JsonResponse(pack_json(pack), json_dumps_params={"ensure_ascii": False, "indent": 1})
    return _as_file(answer, plan_id, "json", pack.made_at)


@page("planning.view_plan")
def evidence_pdf(request: HttpRequest, plan_id: int) -> HttpResponse:
    """The page to file or to hand over."""
    try:
        pack = _pack(request, plan_id)
    except StillToVote:
        return _closed(plan_id)
    return _as_file(HttpResponse(pack_pdf(pack), content_type="application/pdf"), plan_id, "pdf", pack.made_at)


@page("planning.view_plan")
def evidence_bytes(request: HttpRequest, plan_id: int, seq: int) -> HttpResponse:
    """The payload of one event, byte for byte as the record holds it."""
    if frame_of(request).could_vote_on(plan_id):
        return _closed(plan_id)
    entry = next((each for each in entries_of([f"plan:{plan_id}"]) if each.seq == seq), None)
    if entry is None or entry.source not in PAYLOADS:
        raise Http404(f"No. {seq} of plan {plan_id} holds no payload.")
    answer = HttpResponse(entry.data("payload"), content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="plan-{plan_id}-no-{seq}-payload.json"'
    return answer


def _pack(request: HttpRequest, plan_id: int) -> Pack:
    """Raises Http404, StillToVote."""
    if frame_of(request).could_vote_on(plan_id):
        raise StillToVote
    pack = pack_of(plan_id, made_at=timezone.now())
    if pack is None:
        raise Http404(f"There is no plan {plan_id}.")
    return pack


def _closed(plan_id: int) -> HttpResponse:
    words = f"The evidence of plan {plan_id} opens for you once you have voted on it, or it is decided.\n"
    return HttpResponse(words, status=409, content_type="text/plain; charset=utf-8")


def _as_file(answer: HttpResponse, plan_id: int, ending: str, made_at: datetime) -> HttpResponse:
    name = f"evidence-plan-{plan_id}-{made_at:%Y%m%dT%H%M%SZ}.{ending}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
