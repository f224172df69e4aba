"""The record, searched: who audits finds any event by words, person, kind, stream, time, login or request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from grid.core.intervals import CENTRAL
from portal.evidence.material import names_of, who_of
from portal.evidence.parts import Seal, real_time
from portal.evidence.searching import LONGEST_MS, PAGE_SIZE, Found, TooMuch, Wanted, search
from portal.evidence.sentences import KINDS, kind_of, sentence_of
from portal.evidence.stream import Entry
from portal.frame import frame_of, portal_now
from portal.models import User
from portal.views.csv_answer import Sheet
from portal.views.guard import page, show

USUAL: Final = timedelta(days=7)
KIND_CHOICES: Final = [("", "any"), *sorted(KINDS.items(), key=lambda item: item[1])]
MOST_WORDS: Final = 80


class SearchForm(forms.Form):
    """What is looked for; it stands in the address."""

    words = forms.CharField(required=False, label="Words in the row", max_length=MOST_WORDS)
    person = forms.ModelChoiceField(User.objects.none(), required=False, label="Person", empty_label="any")
    kind = forms.ChoiceField(choices=KIND_CHOICES, required=False, label="What")
    stream = forms.CharField(required=False, label="Plan number or stream", max_length=60)
    since = forms.DateTimeField(
        required=False, label="From (Central)", widget=forms.DateTimeInput({"type": "datetime-local"})
    )
    until = forms.DateTimeField(
        required=False, label="Until (Central)", widget=forms.DateTimeInput({"type": "datetime-local"})
    )
    login = forms.CharField(required=False, label="Database login", max_length=63)
    request = forms.RegexField(r"^[0-9a-f]*$", required=False, label="Request id", max_length=16)

    def __init__(self, asked: Any) -> None:
        super().__init__(asked, auto_id="search-%s")
        choices: Any = self.fields["person"]
        choices.queryset = User.objects.order_by("username")

    def wanted(self, *, now: datetime, older: tuple[int, int] | None) -> Wanted:
        """The search; a span of time stands in it whenever no stream is named and something has to be looked for."""
        given = self.cleaned_data
        stream, person = given["stream"].strip(), given["person"]
        stream = f"plan:{stream}" if stream.isdecimal() else stream
        filtered = any(given[name] for name in ("words", "person", "kind", "login", "request"))
        since = given["since"] or (now - USUAL if filtered and not stream else None)
        return Wanted(
            words=given["words"].strip(),
            person_id=person.pk if person else None,
            source=given["kind"],
            stream=stream,
            since=since,
            until=given["until"],
            login=given["login"].strip(),
            request=given["request"],
            older=older,
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One event, readable, with the raw text below."""

    entry: Entry
    at: str
    kind: str
    words: str
    plan_id: str
    seal: Seal


@page("ledger.view_event")
def record(request: HttpRequest) -> HttpResponse:
    """Newest first, in pages; plans on which the reader still has a vote to give are left out."""
    form = SearchForm(request.GET)
    wanted, found, too_much = Wanted(), Found((), None), False
    closed = sorted(f"plan:{item.plan.pk}" for item in frame_of(request).awaiting if item.could_vote)
    if form.is_valid():
        wanted = form.wanted(now=timezone.now(), older=_older(request.GET.get("older", "")))
        try:
            found = search(wanted, closed=closed)
        except TooMuch:
            too_much = True
    lines = _lines(found.entries)
    context = {
        "form": form,
        "lines": lines,
        "older": f"{found.older[0]}-{found.older[1]}" if found.older else "",
        "too_much": too_much,
        "longest_s": LONGEST_MS // 1000,
        "since": wanted.since,
        "assumed": wanted.since is not None and not form.cleaned_data.get("since") if form.is_valid() else False,
        "usual_days": USUAL.days,
        "closed": [name.removeprefix("plan:") for name in closed],
        "page_size": PAGE_SIZE,
        "at": portal_now(request),
    }
    sheets = {"record": lambda: _sheet(lines)}
    status = 200 if form.is_valid() else 422
    return show(request, "portal/pages/record.html", context, sheets=sheets, status=status)


def _older(text: str) -> tuple[int, int] | None:
    place, _dash, event = text.partition("-")
    known = place.isdecimal() and event.isdecimal() and len(place) < 19 and len(event) < 19
    return (int(place), int(event)) if known else None


def _lines(entries: tuple[Entry, ...]) -> list[Line]:
    who = who_of(names_of(entries))
    return [
        Line(
            entry,
            real_time(entry.at),
            kind_of(entry.source),
            sentence_of(entry, who=who),
            entry.stream.removeprefix("plan:") if entry.stream.startswith("plan:") else "",
            Seal.of(entry),
        )
        for entry in entries
    ]


def _sheet(lines: list[Line]) -> Sheet:
    return Sheet(
        "record",
        ("recorded_at", "stream", "seq", "hash", "what", "sentence", "table", "op", "row", "login", "context", "body"),
        [
            (
                line.entry.at.astimezone(CENTRAL),
                line.entry.stream,
                line.entry.seq,
                line.entry.hash.hex(),
                line.kind,
                line.words,
                line.entry.source,
                line.entry.op,
                line.entry.row_key,
                line.entry.db_role,
                line.entry.context,
                line.entry.body,
            )
            for line in lines
        ],
    )
