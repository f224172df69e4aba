"""Auditors and supervisors take the record out as a ZIP; nobody else does, and every time is on record."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.ledger import checkpointing
from portal.ledger.models import Event, Export
from portal.ledger.signing import own_key
from portal.models import User
from portal.views import record_export
from tests import factories
from tests.conftest import CommittedDatabase
from tests.factories import Called
from tests.portal.ledger.exported import verified
from tests.portal.pages.browsing import as_, person, text_of

PAGE = "/record/export/"


@pytest.fixture
def record(committed_db: CommittedDatabase, settings: Any, tmp_path: Path) -> Path:
    settings.PORTAL_LEDGER_KEY = tmp_path / "checkpoint.key"
    settings.PORTAL_LEDGER_COPIES = tmp_path / "copies"
    factories.drill()
    return tmp_path


def unpacked(answer: Any, place: Path) -> Path:
    """The one folder of a ZIP."""
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        archive.extractall(place)
    (folder,) = place.iterdir()
    return folder


@pytest.mark.parametrize("role", ["auditor", "supervisor"])
def test_the_file_is_checked_without_the_portal(record: Path, role: str) -> None:
    client = as_(role)
    checkpointing.checkpoint(wall_at=timezone.now())
    answer = client.post(PAGE, {"stream": "", "since": "", "until": ""}, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert (answer["Content-Type"], answer["Content-Encoding"]) == ("application/zip", "identity")
    folder = unpacked(answer, record / "unpacked")
    assert answer["Content-Disposition"] == f'attachment; filename="{folder.name}.zip"'
    verdict = verified(folder, "--key", own_key().public.hex())
    assert (verdict.status, verdict.text[:6]) == (0, "SOUND:")
    made = Export.objects.get()
    assert made.by == User.objects.get(username=f"one-{role}")
    assert Event.objects.get(source="ledger_export").actor == str(made.by_id)


@pytest.mark.parametrize("role", ["operator", "admin"])
def test_nobody_else_takes_it(record: Path, role: str) -> None:
    client = as_(role)
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, {}).status_code == 403
    assert Export.objects.count() == 0


def test_a_forged_request_takes_nothing(record: Path) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create(username="ada", is_active=True))
    assert client.post(PAGE, {}).status_code == 403
    assert Export.objects.count() == 0


def test_what_is_asked_for_wrongly_is_said_beside_its_field(record: Path) -> None:
    client = as_("auditor")
    answer = client.post(PAGE, {"stream": "plan:99", "since": "", "until": ""})
    assert answer.status_code == 422
    assert "The record has no stream 'plan:99'." in text_of(answer)
    answer = client.post(PAGE, {"stream": "", "since": "2026-08-18T17:00", "until": "2026-08-18T16:00"})
    assert answer.status_code == 422
    assert "`until` is after `since`." in text_of(answer)
    assert Export.objects.count() == 0


def test_too_much_for_a_page_is_sent_to_the_command(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = as_("auditor")
    monkeypatch.setattr(record_export, "MOST_EVENTS", 1)
    answer = client.post(PAGE, {"stream": "", "since": "", "until": ""})
    assert answer.status_code == 422
    assert "a page writes at most 1. Ask for less, or have it written by command" in text_of(answer)
    assert Export.objects.count() == 0


def test_the_page_tells_how_to_check_and_who_took_what(record: Path) -> None:
    client = as_("auditor")
    page = text_of(client.get(PAGE))
    assert "Nobody has taken the record out yet." in page
    assert "The portal has no signing key yet" in page
    client.post(PAGE, {"stream": "people", "since": "", "until": ""}).close()
    page = text_of(client.get(PAGE))
    assert f"python3 -I -S verify.py --key {own_key().public.hex()}" in page
    assert "one-auditor people" in page
    assert Export.objects.get().manifest_sha256[:16] in page


def test_who_still_has_to_vote_does_not_read_the_first_vote_there(record: Path) -> None:
    plan = factories.plan_of({factories.cohort(): [Called(100)]}, requested_by=person("omar", "operator"))
    supervisor, auditor = as_("supervisor"), as_("auditor")
    for stream in ("", "people", f"plan:{plan.pk}"):
        answer = supervisor.post(PAGE, {"stream": stream, "since": "", "until": ""})
        assert answer.status_code == 422
        assert f"You still have a vote to give on plan {plan.pk}" in text_of(answer)
    assert Export.objects.count() == 0
    for client, stream in ((supervisor, "policy"), (auditor, "")):
        answer = client.post(PAGE, {"stream": stream, "since": "", "until": ""})
        assert answer.status_code == 200
        answer.close()
