"""The keyboard's page: which key does what, and the switch that turns single keys off (WCAG 2.1.4)."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse

from portal.frame import frame_of
from portal.views.guard import page, show

# What portal/static/portal/js/keys.js does; the pages name the targets in `data-keys`.
ON_A_PLAN: Final = (
    ("a", "Approve: opens the question; only its own button votes"),
    ("r", "Reject: opens the question"),
    ("e", "Change the plan: opens the form"),
    ("x", "Withdraw, cancel or abort it, whichever its state allows: opens the question"),
)
IN_LISTS: Final = (("j", "Next row"), ("k", "Row before"), ("Enter", "Open the row"))
ANYWHERE: Final = (("?", "These keys"), ("n", "The most urgent plan that waits for you"))


@page("grid.view_snapshot")
def keys(request: HttpRequest) -> HttpResponse:
    """The page, and its list alone for the dialog that `?` opens."""
    context = {
        "places": [(f"g {item.key}", item.name) for item in frame_of(request).navigation if item.key],
        "on_a_plan": ON_A_PLAN,
        "in_lists": IN_LISTS,
        "anywhere": ANYWHERE,
    }
    return show(request, "portal/pages/keys.html", context, fragments=("keys-list",))
