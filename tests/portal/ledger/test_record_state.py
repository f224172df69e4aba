"""Whether the record is sound, on a page: the verdict, verifying now, letting sending go on."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from django.utils import timezone
from django_q.models import OrmQ

from portal.ledger import checkpointing
from portal.ledger.models import HoldRelease, Verification
from portal.ledger.operations import verify_and_keep
from tests import factories
from tests.conftest import CommittedDatabase
from tests.portal.pages.browsing import person, signed_in

PAGE = "/record/state/"


@pytest.fixture(autouse=True)
def places(committed_db: CommittedDatabase, settings: object, tmp_path: Path) -> None:
    settings.PORTAL_LEDGER_KEY = tmp_path / "checkpoint.key"  # type: ignore[attr-defined]
    settings.PORTAL_LEDGER_COPIES = tmp_path / "copies"  # type: ignore[attr-defined]
    factories.drill()


def failed(database: CommittedDatabase) -> Verification:
    with psycopg.connect(database.dsn("superuser")) as session:
        session.execute("ALTER TABLE ledger_event DISABLE TRIGGER ALL")
        session.execute("UPDATE ledger_event SET body = '{}' WHERE source = 'portal_user'")
    return verify_and_keep(by=None)


def test_a_sound_record_says_how_much_was_looked_at() -> None:
    audrey = person("audrey", "auditor")
    kept = verify_and_keep(by=audrey)
    text = signed_in(audrey).get(PAGE).content.decode()
    assert "✓ Sound." in text
    assert f"{kept.events} events and 0 checkpoints looked at" in text
    assert "asked for by audrey" in text
    assert "RECORD NOT SOUND" not in text


def test_a_failure_is_on_every_page_until_a_supervisor_lets_it_be(committed_db: CommittedDatabase) -> None:
    sara, omar = person("sara", "supervisor"), person("omar", "operator")
    row = failed(committed_db)
    text = signed_in(omar).get("/").content.decode()
    assert "RECORD NOT SOUND." in text
    assert "Nothing is sent until a supervisor lets it go on." in text
    page = signed_in(sara).get(PAGE).content.decode()
    assert "▲ NOT sound." in page
    assert "An event is not what was sealed, or does not follow the one before it." in page
    answer = signed_in(sara).post(f"/record/release/{row.pk}/", {"text": ""})
    assert answer.status_code == 422
    assert HoldRelease.objects.count() == 0
    answer = signed_in(sara).post(f"/record/release/{row.pk}/", {"text": "repaired, incident 7"}, follow=True)
    assert "sara let sending go on" in answer.content.decode()
    assert "RECORD NOT SOUND." not in signed_in(omar).get("/").content.decode()


def test_only_a_supervisor_lets_it_be(committed_db: CommittedDatabase) -> None:
    row = failed(committed_db)
    for name, role in (("audrey", "auditor"), ("omar", "operator"), ("adam", "admin")):
        answer = signed_in(person(name, role)).post(f"/record/release/{row.pk}/", {"text": "fine"})
        assert answer.status_code == 403
    assert HoldRelease.objects.count() == 0


def test_verify_now_is_work_for_the_worker_once() -> None:
    browser = signed_in(person("audrey", "auditor"))
    assert "is being verified" in browser.post("/record/verify/", follow=True).content.decode()
    assert "is being verified already" in browser.post("/record/verify/", follow=True).content.decode()
    assert OrmQ.objects.count() == 1
    assert signed_in(person("omar", "operator")).post("/record/verify/").status_code == 403
    assert OrmQ.objects.count() == 1


def test_checkpoints_are_listed_and_an_operator_is_not_let_in() -> None:
    made = checkpointing.checkpoint(wall_at=timezone.now())
    assert made.signature[:16] in signed_in(person("audrey", "auditor")).get(PAGE).content.decode()
    assert signed_in(person("omar", "operator")).get(PAGE).status_code == 403
