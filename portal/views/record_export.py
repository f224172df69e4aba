"""Take the record, or a part of it, out of the portal: a ZIP that can be checked without it. Every one is on record."""

from __future__ import annotations

import datetime as dt
import tempfile
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from django import forms
from django.http import FileResponse, HttpRequest, HttpResponse
from django.utils import timezone

from grid.core.refusals import Refusal
from portal.frame import frame_of
from portal.ledger.exporting import RIGHT, Asked, export
from portal.ledger.models import Export
from portal.ledger.signing import KeyUnusable, own_public
from portal.views.forms import CentralTimeField
from portal.views.guard import page, person, show

SHOWN: Final = 20
PEOPLE: Final = "people"
MOST_EVENTS: Final = 200_000  # a page's thread is held meanwhile; more goes by command


class ExportForm(forms.Form):
    """What of the record is wanted; empty: all of it."""

    stream = forms.CharField(
        required=False, max_length=60, label="Stream", help_text="One only, such as plan:7, people or policy."
    )
    since = CentralTimeField(required=False, label="From", help_text="Wall time, Central.")
    until = CentralTimeField(required=False, label="Until", help_text="Wall time, Central; not included.")

    def clean(self) -> dict[str, Any]:
        """Refuses what a page cannot write while somebody waits."""
        given = super().clean() or {}
        if not self.errors:
            wanted = asked_of(given)
            count = wanted.links().count() if given["since"] or given["until"] or given["stream"] else _all_events()
            if count > MOST_EVENTS:
                raise forms.ValidationError(
                    f"That is {count:,} events, and a page writes at most {MOST_EVENTS:,}."
                    " Ask for less, or have it written by command: manage.py ledger export."
                )
        return given


@page(RIGHT, methods=("GET", "HEAD", "POST"))
def record_export(request: HttpRequest) -> HttpResponse:
    """The page; posted to, the file."""
    form = ExportForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and (plan_id := _open_plan(request, form.cleaned_data)):
        form.add_error(
            "stream",
            f"You still have a vote to give on plan {plan_id}, and its record opens to you once it is decided."
            " Name another stream, or let an auditor take the record out.",
        )
    if request.method == "POST" and form.is_valid():
        wanted, now = asked_of(form.cleaned_data), timezone.now()
        try:
            return cast("HttpResponse", _answer(_zipped(wanted, person(request), now), now))
        except (Refusal, KeyUnusable) as refusal:
            field = getattr(refusal, "field", None)
            form.add_error(field if field in form.fields else None, str(refusal))
    context = {
        "form": form,
        "exports": Export.objects.select_related("by").order_by("-pk")[:SHOWN],
        "public_key": _public_key(),
        "most_events": MOST_EVENTS,
    }
    return show(request, "portal/pages/record_export.html", context, status=422 if form.errors else 200)


def _open_plan(request: HttpRequest, given: dict[str, Any]) -> int | None:
    """A plan this person can still vote on that the export would tell of: the second vote is blind to the first.

    So would the stream of people: it holds the challenge a passkey signed for a vote, with the content it was on.
    """
    waiting = (item.plan.pk for item in frame_of(request).awaiting if item.could_vote)
    return next((pk for pk in waiting if given["stream"] in ("", PEOPLE, f"plan:{pk}")), None)


def asked_of(given: dict[str, Any]) -> Asked:
    return Asked(given["stream"] or None, given["since"], given["until"])


def _all_events() -> int:
    """Near enough, and without counting: events that retention removed are counted too."""
    last = Asked().links().order_by("-event_id").values_list("event_id", flat=True).first()
    return last or 0


def _public_key() -> str:
    try:
        return own_public().hex()
    except KeyUnusable:
        return ""


def _zipped(wanted: Asked, by: Any, at: dt.datetime) -> BinaryIO:
    """The export as a ZIP in a file without a name, gone once it is closed."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    try:
        with tempfile.TemporaryDirectory() as place, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            folder = Path(place) / _name(at)
            export(to=folder, by=by, wall_at=at, stream=wanted.stream, since=wanted.since, until=wanted.until)
            for path in sorted(folder.iterdir()):
                archive.write(path, f"{folder.name}/{path.name}")
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def _name(at: dt.datetime) -> str:
    return f"record-{at.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}"


def _answer(file: BinaryIO, at: dt.datetime) -> FileResponse:
    answer = FileResponse(file, as_attachment=True, filename=f"{_name(at)}.zip", content_type="application/zip")
    answer["Content-Encoding"] = "identity"  # it is compressed already: GZipMiddleware leaves it alone
    return answer
