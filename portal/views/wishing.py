"""What the pages that ask the planner share: the form's fields with what is possible in the window before asking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest, QueryDict

from cohorts.queries import FlexibilitySpanRefused
from grid.core.stress import Stress
from planning.choices import CohortChoice, Possible, WindowChoice, possible, reach, stress_now, window_choices
from portal.frame import frame_of
from portal.views.forms import WishForm, local_input
from portal.views.grid_reading import kept

FIELDS: Final = ("strategy", "window_start", "window_end", "target_mw", "key", "reason", "content_hash")
FILL: Final = "fill"  # the quick choice of a window, in the address


@dataclass(frozen=True, slots=True)
class CohortBox:
    """A cohort's tick box with what stands beside it; `choice` is None while nothing is known of the window."""

    box: Any
    choice: CohortChoice | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What can be had in the window in the form, or in the planner's own; `why_not` says why that is not known."""

    possible: Possible | None
    own_window: bool
    why_not: str = ""


def typed(request: HttpRequest, otherwise: Mapping[str, Any], windows: Iterable[WindowChoice]) -> dict[str, Any]:
    """The form's first values: what stands in the address, a quick choice of window above what was typed."""
    given: QueryDict = request.GET
    if not given:
        return dict(otherwise)
    values: dict[str, Any] = {**otherwise, **{name: given[name] for name in FIELDS if name in given}}
    values["cohorts"] = given.getlist("cohorts")
    picked = next((window for window in windows if window.key == given.get(FILL)), None)
    if picked is not None:
        values |= {"window_start": local_input(picked.start), "window_end": local_input(picked.end)}
    return values


def outlook(request: HttpRequest, values: Mapping[str, Any], form: WishForm, stress: Stress, at: datetime) -> Outlook:
    """Read the window and the cohorts out of the values, however complete they are."""
    start, end, wrong = _window(form, values)
    if wrong:
        return Outlook(None, own_window=True, why_not=wrong)
    own = start is not None and end is not None
    if not own:
        start, end = stress.starts_at, stress.ends_at
    if start is None or end is None:
        return Outlook(None, own_window=False, why_not="The planner knows no tight hours ahead; choose a window.")
    chosen = frozenset(int(pk) for pk in values.get("cohorts", ()) if str(pk).isdecimal())
    what = f"reach:{start.timestamp()}:{end.timestamp()}:{','.join(map(str, sorted(chosen)))}"
    span = {"start": start, "end": end, "at": at}
    try:
        everyone, asked = kept(what, frame_of(request), at, lambda: reach(chosen=chosen, **span))
    except FlexibilitySpanRefused as refusal:
        return Outlook(None, own_window=own, why_not=str(refusal))
    return Outlook(possible(everyone=everyone, asked=asked, chosen=chosen, at=at), own_window=own)


def _window(form: WishForm, values: Mapping[str, Any]) -> tuple[datetime | None, datetime | None, str]:
    found: list[datetime | None] = []
    for name in ("window_start", "window_end"):
        instant, wrong = form.instant_of(name, values.get(name))
        if wrong:
            return None, None, wrong
        found.append(instant)
    if (found[0] is None) != (found[1] is None):
        return None, None, "A window needs its start and its end."
    return found[0], found[1], ""


def stress_kept(request: HttpRequest, at: datetime) -> Stress:
    """The watch rule's view, read once for everybody who looks."""
    return kept("stress", frame_of(request), at, lambda: stress_now(at=at))


def wish_context(
    request: HttpRequest, form: WishForm, values: Mapping[str, Any], windows: Iterable[WindowChoice], at: datetime
) -> dict[str, Any]:
    """What `wish_fields.html` needs."""
    stress = stress_kept(request, at)
    ahead = outlook(request, values, form, stress, at)
    by_pk = {str(each.cohort.pk): each for each in ahead.possible.cohorts} if ahead.possible else {}
    boxes = [CohortBox(box, by_pk.get(str(box.data["value"]))) for box in form["cohorts"]]
    return {"windows": windows, "stress": stress, "ahead": ahead, "boxes": boxes}


def windows_of(request: HttpRequest, at: datetime) -> tuple[WindowChoice, ...]:
    """The quick choices."""
    return window_choices(at=at, stress=stress_kept(request, at))
