"""Oversight: how people decide, over the last weeks. Numbers to talk about, nobody's marks."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from planning.oversight import TOO_QUICK_S, Approver, approvers
from portal.frame import portal_now
from portal.views.csv_answer import Sheet
from portal.views.guard import page, show

DAYS: Final = 30
HEADER: Final = (
    "person",
    "approvals",
    "rejections",
    "edits",
    "forced",
    "refused_attempts",
    "approved_despite_drift",
    "viewed_median_s",
    "approved_within_10_s",
    "estimates",
    "estimate_error_median_mw",
)


@page("planning.view_oversight")
def oversight(request: HttpRequest) -> HttpResponse:
    """The table."""
    rows = approvers(since=timezone.now() - timedelta(days=DAYS))
    context = {"rows": rows, "days": DAYS, "too_quick_s": TOO_QUICK_S, "at": portal_now(request)}
    return show(request, "portal/pages/oversight.html", context, sheets={"oversight": lambda: _sheet(rows)})


def _sheet(rows: list[Approver]) -> Sheet:
    return Sheet(
        "oversight",
        HEADER,
        [
            (
                row.username,
                row.approvals,
                row.rejections,
                row.edits,
                row.forced,
                row.refusals,
                row.drift_accepted,
                row.viewed_median_s,
                row.too_quick,
                row.estimates,
                row.estimate_error_mw,
            )
            for row in rows
        ],
    )
