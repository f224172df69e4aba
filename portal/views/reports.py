"""Reports for who audits: the access review, and every use of break-glass."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from planning.approval_queries import forced
from planning.models import BreakGlass
from portal.evidence.access import Access, access_now
from portal.evidence.parts import amount, real_time
from portal.frame import portal_now
from portal.views.csv_answer import Sheet
from portal.views.guard import page, show

REVIEW_ACCESS = "portal.review_access"


@page(REVIEW_ACCESS)
def access_review(request: HttpRequest) -> HttpResponse:
    """Who may do what now."""
    at, wall_at = portal_now(request), timezone.now()
    rows = access_now(at=at, wall_at=wall_at)
    context = {
        "rows": rows,
        "made": real_time(wall_at),
        "at": at,
        "active": sum(row.person.is_active for row in rows),
        "asked": sum(bool(row.findings) for row in rows),
    }
    return show(
        request, "portal/pages/access_review.html", context, sheets={"access-review": lambda: _access_sheet(rows)}
    )


def _access_sheet(rows: list[Access]) -> Sheet:
    return Sheet(
        "access-review",
        (
            "person",
            "active",
            "superuser",
            "roles",
            "granted",
            "rights",
            "last_sign_in",
            "passkeys",
            "api_tokens",
            "lent_to",
            "borrowed_from",
            "to_ask_about",
        ),
        [
            (
                row.person.get_username(),
                row.person.is_active,
                row.person.is_superuser,
                "; ".join(grant.role for grant in row.grants),
                "; ".join(f"{grant.role}: {real_time(grant.since)} by {grant.by}" for grant in row.grants),
                "; ".join(row.rights),
                row.last_seen,
                row.passkeys,
                row.tokens,
                "; ".join(f"{each.delegate.get_username()} up to {amount(each.max_mw, 'MW')}" for each in row.lent),
                "; ".join(
                    f"{each.delegator.get_username()} up to {amount(each.max_mw, 'MW')}" for each in row.borrowed
                ),
                "; ".join(row.findings),
            )
            for row in rows
        ],
    )


@dataclass(frozen=True, slots=True)
class ForcedLine:
    """One use of break-glass, and how its review went. Wall time."""

    row: BreakGlass
    reviewed_at: datetime | None
    took: timedelta | None
    state: str
    late: bool

    @property
    def took_h(self) -> float | None:
        """Hours to the review; None: none yet."""
        return None if self.took is None else self.took / timedelta(hours=1)


@page(REVIEW_ACCESS)
def break_glass_report(request: HttpRequest) -> HttpResponse:
    """Every use there ever was, newest first."""
    wall_at = timezone.now()
    lines = [_forced_line(row, wall_at) for row in forced().order_by("-pk")]
    context = {
        "lines": lines,
        "made": real_time(wall_at),
        "at": portal_now(request),
        "late": sum(line.late for line in lines),
        "open": sum(line.reviewed_at is None for line in lines),
    }
    return show(
        request, "portal/pages/break_glass_report.html", context, sheets={"break-glass": lambda: _forced_sheet(lines)}
    )


def _forced_line(row: BreakGlass, wall_at: datetime) -> ForcedLine:
    review = getattr(row, "review", None)
    at, due = (review.wall_at if review else None), row.review_due_at
    late = due is not None and (at or wall_at) > due
    if review is None:
        state = "overdue" if late else "to be reviewed"
    else:
        state = "reviewed late" if late else "reviewed in time"
    return ForcedLine(row, at, at - row.wall_at if at else None, state, late)


def _forced_sheet(lines: list[ForcedLine]) -> Sheet:
    return Sheet(
        "break-glass",
        (
            "plan",
            "version",
            "forced_by",
            "forced_at_real_time",
            "reason_code",
            "incident",
            "reason",
            "rules_not_met",
            "proof",
            "review_due_real_time",
            "review",
            "review_hours",
            "reviewer",
            "finding",
            "review_text",
        ),
        [_forced_cells(line) for line in lines],
    )


def _forced_cells(line: ForcedLine) -> tuple[object, ...]:
    row, review = line.row, getattr(line.row, "review", None)
    return (
        row.version.plan_id,
        row.version.number,
        row.by.get_username(),
        row.wall_at,
        row.reason_code,
        row.incident,
        row.reason,
        "; ".join(row.forced),
        row.step_up,
        row.review_due_at,
        line.state,
        line.took_h,
        review.by.get_username() if review else None,
        review.finding if review else None,
        review.text if review else None,
    )
