"""Is the record sound: verifications and checkpoints; have it verified now; let sending go on after a failure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django_q.tasks import async_task

from portal.ledger.keeper import VERIFY, VERIFY_WITHIN_S
from portal.ledger.models import Checkpoint, Verification
from portal.ledger.operations import MAY_RELEASE, MAY_VERIFY, LedgerRefused, release_hold
from portal.ticks import tasks_in_queue
from portal.views.approval_forms import TextForm
from portal.views.guard import page, person, show

SHOWN: Final = 10
DETECTORS: Final = {
    "chain": "An event is not what was sealed, or does not follow the one before it.",
    "gap": "An event in the middle of a stream is gone.",
    "unsealed": "An event was put in past the seal.",
    "checkpoint": "The record is not what a signed checkpoint says of it.",
    "copy": "A checkpoint is not what was copied out of the database.",
    "row": "A row of a table is not as the record last saw it.",
}


@dataclass(frozen=True, slots=True)
class Found:
    """What one detector noticed, with the first few places."""

    words: str
    count: int
    where: list[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verification in words."""

    row: Verification
    found: list[Found]


@page("ledger.view_verification")
def record_state(request: HttpRequest) -> HttpResponse:
    """The page."""
    return _state(request)


def _state(request: HttpRequest, *, status: int = 200, form: TextForm | None = None) -> HttpResponse:
    rows = Verification.objects.select_related("by", "release", "release__by").order_by("-pk")[:SHOWN]
    verifications = [Verdict(row, _by_detector(row)) for row in rows]
    context = {
        "verifications": verifications,
        "last": next((item for item in verifications if item.row.scope == Verification.Scope.ALL), None),
        "checkpoints": list(Checkpoint.objects.order_by("-number")[:SHOWN]),
        "verifying": VERIFY in tasks_in_queue(),
        "wall_now": timezone.now(),
        "may_verify": person(request).has_perm(MAY_VERIFY),
        "may_release": person(request).has_perm(MAY_RELEASE),
        "form": form or TextForm(),
    }
    return show(request, "portal/pages/record_state.html", context, status=status)


def _by_detector(row: Verification) -> list[Found]:
    """What was found, counted by what noticed, with the first few places."""
    counts = Counter(finding["detector"] for finding in row.findings)
    return [
        Found(
            words=DETECTORS.get(detector, detector),
            count=count,
            where=[f"{f['where']} {f['words']}" for f in row.findings if f["detector"] == detector][:3],
        )
        for detector, count in counts.items()
    ]


@page("ledger.add_verification", methods=("POST",))
def verify_now(request: HttpRequest) -> HttpResponse:
    """Ask the worker to verify all of it."""
    if VERIFY in tasks_in_queue():
        messages.info(request, "The record is being verified already.")
    else:
        async_task(VERIFY, person(request).pk, timeout=VERIFY_WITHIN_S)
        messages.success(request, "The record is being verified. The result will stand here in a moment.")
    return redirect("record_state")


@page("ledger.add_holdrelease", methods=("POST",))
def release(request: HttpRequest, number: int) -> HttpResponse:
    """Let sending go on although that verification failed."""
    verification = get_object_or_404(Verification, pk=number)
    form = TextForm(request.POST)
    if form.is_valid():
        try:
            release_hold(verification=verification, by=person(request), reason=form.cleaned_data["text"])
        except LedgerRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, "Recorded: sending goes on although the record failed its verification.")
            return redirect("record_state")
    return _state(request, status=422, form=form)
