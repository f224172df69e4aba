"""Every signal: to whom, what, when, and whether it arrived. Filters stand in the address."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from cohorts.queries import all_cohorts
from dispatch.models import Signal
from dispatch.queries import signal_counts, signals_matching
from portal.frame import portal_now
from portal.views.csv_answer import Sheet
from portal.views.guard import page, show

PAGE_SIZE: Final = 50
STATES: Final = {
    Signal.Status.QUEUED: ("circle-dashed", "queued"),
    Signal.Status.SENT: ("send", "sent"),
    Signal.Status.RECEIVED: ("mail-check", "received"),
    Signal.Status.CANCELLED: ("ban", "cancelled"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address asks for; None: of any."""

    plan_id: int | None
    cohort_id: int | None
    status: str | None

    def rows(self, *, any_status: bool = False) -> QuerySet[Signal]:
        """The signals asked for."""
        status = None if any_status else self.status
        return signals_matching(plan_id=self.plan_id, cohort_id=self.cohort_id, status=status)


@dataclass(frozen=True, slots=True)
class StatusTab:
    """A status to choose, with how many signals stand in it; `key` empty: all."""

    key: str
    word: str
    count: int
    current: bool


@dataclass(frozen=True, slots=True)
class SignalLine:
    """One signal with its status as shape (an icon's name) and word."""

    signal: Signal
    shape: str
    word: str


@page("dispatch.view_signal")
def signals(request: HttpRequest) -> HttpResponse:
    """Newest first; `plan`, `cohort` and `status` in the address narrow it down, `before` goes on to older ones."""
    wanted = wanted_of(request)
    before = number_of(request, "before")
    rows = wanted.rows() if before is None else wanted.rows().filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: PAGE_SIZE + 1])
    context = {
        "lines": [SignalLine(signal, *STATES[Signal.Status(signal.status)]) for signal in found[:PAGE_SIZE]],
        "next_before": found[PAGE_SIZE - 1].pk if len(found) > PAGE_SIZE else None,
        "tabs": _tabs(wanted),
        "wanted": wanted,
        "cohorts": all_cohorts().only("name"),
        "narrowed": wanted != Wanted(None, None, None),
        "at": portal_now(request),
    }
    sheets = {"signals": lambda: signals_sheet(wanted.rows().order_by("-pk"))}
    return show(request, "portal/pages/signals.html", context, fragments=("rows",), sheets=sheets)


def wanted_of(request: HttpRequest) -> Wanted:
    """What the address asks for; what cannot be read there is left out."""
    status = request.GET.get("status", "")
    return Wanted(
        plan_id=number_of(request, "plan"),
        cohort_id=number_of(request, "cohort"),
        status=status if status in Signal.Status.values else None,
    )


def number_of(request: HttpRequest, name: str) -> int | None:
    """A number from the address that can be an id."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def _tabs(wanted: Wanted) -> list[StatusTab]:
    counts = signal_counts(wanted.rows(any_status=True))
    every = StatusTab("", "all", sum(counts.values()), wanted.status is None)
    return [every, *(StatusTab(key, word, counts[key], wanted.status == key) for key, (_shape, word) in STATES.items())]


def signals_sheet(rows: Iterable[Signal]) -> Sheet:
    """Signals as a file."""
    header = (
        "plan",
        "event",
        "kind",
        "cohort",
        "receiver",
        "simulated",
        "starts_at",
        "ends_at",
        "mw",
        "status",
        "queued_at",
        "sent_at",
        "received_at",
        "payload_bytes",
        "payload_sha256",
    )
    return Sheet("signals", header, (_sheet_row(row) for row in rows))


def _sheet_row(row: Any) -> tuple[Any, ...]:
    event, receipt = row.planned_event, getattr(row, "receipt", None)
    who = (event.cohort.name, row.ven.name, row.ven.simulated)
    times = (row.queued_at, row.sent_at, receipt.at if receipt else None)
    what = (row.starts_at, row.ends_at, row.mw, row.status)
    return (row.claim.plan_id, event.event_name, row.kind, *who, *what, *times, row.size, row.payload_sha256)
