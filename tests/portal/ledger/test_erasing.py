"""Who somebody was can be erased; what they did stays, and every hash with it."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from planning.models import PlanRequest
from portal.acting import acting_as
from portal.erasing import ErasureRightMissing, PersonUnknown, ReasonNeeded, StillActive, erase_person
from portal.ledger import checkpointing
from portal.ledger.exporting import export
from portal.ledger.models import Event
from portal.ledger.signing import own_key
from portal.ledger.verifying import verify
from portal.models import Erasure, SignIn, User
from tests import factories
from tests.conftest import CommittedDatabase
from tests.factories import Called
from tests.portal.ledger.exported import verified
from tests.portal.pages.browsing import person

NAMES = ("quentin", "Quentin", "Quiñones", "q.quinones@utility.example", "192.0.2.77")


@pytest.fixture
def quentin(committed_db: CommittedDatabase, settings: Any, tmp_path: Path) -> User:
    """Somebody with a past: a plan, sign-ins, an entry in the admin's log. Left since."""
    settings.PORTAL_LEDGER_KEY = tmp_path / "key" / "checkpoint.key"
    settings.PORTAL_LEDGER_COPIES = tmp_path / "key" / "copies"
    factories.drill()
    found = person("quentin", "operator")
    found.first_name, found.last_name, found.email = NAMES[1:4]
    found.save()
    factories.plan_of({factories.cohort(): [Called(100)]}, requested_by=found)
    SignIn.objects.create(user=found, outcome="SIGNED_IN", address=NAMES[4])
    SignIn.objects.create(user=None, outcome="FAILED", tried_name="quentin", address=NAMES[4])
    LogEntry.objects.log_actions(person("ada", "admin").pk, [found], CHANGE, "Changed E-mail.", single_object=True)
    checkpointing.checkpoint(wall_at=timezone.now())
    found.is_active = False
    found.save()
    return found


def whole_database() -> str:
    """Every row of every table as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        tables = [name for (name,) in cursor.fetchall()]
        texts = []
        for table in tables:
            cursor.execute(f'SELECT to_jsonb(t)::text FROM "{table}" t')
            texts += [f"{table}: {text}" for (text,) in cursor.fetchall()]
    return "\n".join(texts)


def test_the_name_is_nowhere_and_the_record_is_sound(quentin: User, tmp_path: Path) -> None:
    assert all(name in whole_database() for name in NAMES)
    with acting_as("owner"):
        erase_person(username="quentin", by=None, wall_at=timezone.now(), reason="asked for it")
    left = [line for line in whole_database().splitlines() if any(name in line for name in NAMES[:4])]
    assert left == []
    assert verify().findings == []
    export(to=tmp_path / "export", by=None, wall_at=timezone.now())
    verdict = verified(tmp_path / "export", "--key", own_key().public.hex())
    assert (verdict.status, verdict.text[:6]) == (0, "SOUND:")


def test_what_was_decided_stays_theirs(quentin: User) -> None:
    with acting_as("owner"):
        made = erase_person(username="quentin", by=None, wall_at=timezone.now(), reason="asked for it")
    assert PlanRequest.objects.get().by_id == quentin.pk
    assert str(PlanRequest.objects.get().by) == f"erased-{quentin.pk}"
    assert not User.objects.get(pk=quentin.pk).has_usable_password()
    event = Event.objects.get(source="portal_erasure")
    assert (event.stream, event.row_key, json.loads(event.body)["person_id"]) == ("people", str(made.pk), quentin.pk)


def test_refused(quentin: User) -> None:
    before = whole_database()
    ada, now = User.objects.get(username="ada"), timezone.now()
    with pytest.raises(ReasonNeeded):
        erase_person(username="quentin", by=ada, wall_at=now, reason=" ")
    with pytest.raises(PersonUnknown, match="no person 'nobody'"):
        erase_person(username="nobody", by=ada, wall_at=now, reason="asked for it")
    with pytest.raises(StillActive, match="ada is active"):
        erase_person(username="ada", by=ada, wall_at=now, reason="asked for it")
    with pytest.raises(ErasureRightMissing):
        erase_person(username="quentin", by=person("eve", "auditor"), wall_at=now, reason="asked for it")
    assert before.count("quentin") == whole_database().count("quentin")
    assert Erasure.objects.count() == 0


def test_by_command(quentin: User) -> None:
    with pytest.raises(CommandError, match="cannot be undone"):
        call_command("erase_person", "quentin", "--reason", "asked for it")
    with pytest.raises(CommandError, match="ada is active"):
        call_command("erase_person", "ada", "--reason", "asked for it", "--confirm")
    out = StringIO()
    call_command("erase_person", "quentin", "--reason", "asked for it", "--by", "ada", "--confirm", stdout=out)
    assert out.getvalue() == f"Person {quentin.pk} is now erased-{quentin.pk}. What they decided stays.\n"
    assert Erasure.objects.get().by == User.objects.get(username="ada")
