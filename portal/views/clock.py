"""The clock: what the frame polls, and the controls of a replay or drill."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from grid.core.refusals import Refusal
from grid.operations import pause_clock, resume_clock, set_speed, step_clock
from portal.views.forms import SpeedForm
from portal.views.guard import page, person

STEP_MIN: Final = 15
SIMPLE: Final[Mapping[str, Callable[..., Any]]] = {"pause": pause_clock, "resume": resume_clock}


@page("grid.view_snapshot")
def frame(request: HttpRequest) -> HttpResponse:
    """The moving parts of the frame: clock, mode, what awaits, health."""
    return render(request, "portal/frame_fragment.html")


@page("grid.control_clock", methods=("POST",))
def control(request: HttpRequest, action: str) -> HttpResponse:
    """Pause, resume, step 15 minutes or set the speed; then back to where the control stood."""
    try:
        _control(request, action)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()})
    return redirect(wanted if safe else "overview")


def _control(request: HttpRequest, action: str) -> None:
    by: Any = person(request)
    wall_at = timezone.now()
    if action in SIMPLE:
        SIMPLE[action](by=by, wall_at=wall_at)
    elif action == "step":
        step_clock(minutes=STEP_MIN, by=by, wall_at=wall_at)
    elif action == "speed":
        form = SpeedForm(request.POST)
        if form.is_valid():
            set_speed(speed=form.cleaned_data["speed"], by=by, wall_at=wall_at)
        else:
            messages.error(request, f"Speed: {form.errors['speed'][0]}")
    else:
        raise Http404(f"The clock cannot {action}.")
