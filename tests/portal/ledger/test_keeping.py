"""Checkpoints come by themselves, what cannot be published is an alarm, a record that is not sound holds sending."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import IntegrityError, ProgrammingError, transaction
from django.utils import timezone
from django_q.models import OrmQ

from dispatch.models import Claim
from dispatch.operations.sending import run_once
from grid.models import ProcessHeartbeat
from planning.core.lifecycle import Status
from planning.models import Plan
from portal.acting import acting_as
from portal.ledger import checkpointing
from portal.ledger.checkpointing import PublishingFailed
from portal.ledger.keeper import NAME, Keeper, night_of
from portal.ledger.models import Checkpoint, Event, HoldRelease, Verification
from portal.ledger.operations import LedgerRefused, release_hold, verify_and_keep
from portal.ledger.tasks import verify_record
from tests import factories
from tests.conftest import CommittedDatabase
from tests.factories import PROPOSED_AT, Called
from tests.portal.pages.browsing import person

MINUTE = dt.timedelta(seconds=61)


@pytest.fixture(autouse=True)
def places(committed_db: CommittedDatabase, settings: object, tmp_path: Path) -> Path:
    settings.PORTAL_LEDGER_KEY = tmp_path / "checkpoint.key"  # type: ignore[attr-defined]
    settings.PORTAL_LEDGER_COPIES = tmp_path / "copies"  # type: ignore[attr-defined]
    return tmp_path


@pytest.fixture
def keeper() -> Keeper:
    import threading

    return Keeper(threading.Event())


def tamper(database: CommittedDatabase) -> None:
    with psycopg.connect(database.dsn("superuser")) as session:
        session.execute("ALTER TABLE ledger_event DISABLE TRIGGER ALL")
        session.execute("UPDATE ledger_event SET body = '{}' WHERE source = 'portal_user'")


class TestCheckpoints:
    def test_one_a_minute_and_none_without_news(self, keeper: Keeper, places: Path) -> None:
        factories.drill()
        now = timezone.now()
        person("omar", "operator")
        keeper.run_due(now)
        keeper.run_due(now + MINUTE)
        assert Checkpoint.objects.count() == 1  # nothing new since
        person("olivia", "operator")
        keeper.run_due(now + MINUTE / 2)
        assert Checkpoint.objects.count() == 1  # not a minute yet
        keeper.run_due(now + MINUTE)
        assert Checkpoint.objects.count() == 2
        assert sorted(path.name for path in (places / "copies").iterdir()) == ["00000001.json", "00000002.json"]
        assert ProcessHeartbeat.objects.get(name=NAME).wall_at == now + MINUTE

    def test_a_thousand_events_do_not_wait_for_the_minute(self, keeper: Keeper) -> None:
        factories.drill()
        now = timezone.now()
        keeper.run_due(now)
        with psycopg.connect(keeper_dsn()) as session:
            session.execute(
                "INSERT INTO portal_signin (outcome, tried_name, wall_at)"
                " SELECT 'FAILED', 'x', now() FROM generate_series(1, 1000)"
            )
        keeper.run_due(now + dt.timedelta(seconds=2))
        assert Checkpoint.objects.count() == 2

    def test_a_transaction_under_way_is_left_for_the_next(self, committed_db: CommittedDatabase) -> None:
        now = timezone.now()
        person("omar", "operator")
        with psycopg.connect(committed_db.dsn("web")) as slow:
            slow.execute("INSERT INTO portal_signin (outcome, tried_name, wall_at) VALUES ('FAILED', 'slow', now())")
            person("olivia", "operator")  # begins later, ends before
            first = json.loads(checkpointing.checkpoint(wall_at=now).body)
        second = json.loads(checkpointing.checkpoint(wall_at=now).body)
        assert "sign-ins" not in {head[0] for head in first["heads"]}
        assert {"sign-ins", "people"} <= {head[0] for head in second["heads"]}

    def test_a_transaction_that_does_not_end_silences_the_keeper(
        self, committed_db: CommittedDatabase, keeper: Keeper
    ) -> None:
        factories.drill()
        keeper.run_due(timezone.now())
        now = timezone.now()
        with psycopg.connect(committed_db.dsn("web")) as endless:
            endless.execute("SELECT pg_current_xact_id()")
            person("olivia", "operator")
            keeper.run_due(now + MINUTE)
            assert ProcessHeartbeat.objects.get(name=NAME).wall_at == now + MINUTE
            keeper.run_due(now + 4 * MINUTE)
            assert ProcessHeartbeat.objects.get(name=NAME).wall_at == now + MINUTE
        keeper.run_due(now + 5 * MINUTE)
        assert ProcessHeartbeat.objects.get(name=NAME).wall_at == now + 5 * MINUTE

    def test_what_cannot_be_published_is_published_later(self, keeper: Keeper, places: Path, settings: object) -> None:
        factories.drill()
        person("omar", "operator")
        settings.PORTAL_LEDGER_PUBLISH = "echo no room >&2; false"  # type: ignore[attr-defined]
        with pytest.raises(PublishingFailed, match="Checkpoint 1 could not be published: no room"):
            keeper.run_due(timezone.now())
        assert not ProcessHeartbeat.objects.filter(name=NAME).exists()
        settings.PORTAL_LEDGER_PUBLISH = f"cat >> {places}/sent"  # type: ignore[attr-defined]
        keeper.run_due(timezone.now())
        assert json.loads((places / "sent").read_text())["number"] == 1

    def test_the_night_asks_once_for_a_verification(self, keeper: Keeper) -> None:
        factories.drill()
        night = dt.datetime(2026, 7, 2, 8, 0, tzinfo=dt.UTC)  # 3:00 in Texas
        keeper.run_due(night)
        keeper.run_due(night + dt.timedelta(hours=3))
        assert OrmQ.objects.count() == 1
        keeper.run_due(night + dt.timedelta(hours=24))
        assert OrmQ.objects.count() == 2

    def test_a_night_begins_at_two(self) -> None:
        assert night_of(dt.datetime(2026, 7, 2, 6, 59, tzinfo=dt.UTC)) == dt.date(2026, 7, 1)
        assert night_of(dt.datetime(2026, 7, 2, 7, 0, tzinfo=dt.UTC)) == dt.date(2026, 7, 2)


class TestCommand:
    def test_sound_not_sound_and_could_not(
        self, committed_db: CommittedDatabase, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        person("omar", "operator")
        call_command("ledger", "verify", "--json")
        told = json.loads(capsys.readouterr().out)
        assert (told["sound"], told["events"], told["findings"]) == (True, Event.objects.count(), [])
        with pytest.raises(SystemExit, match="2"):
            call_command("ledger", "verify", "--external", str(tmp_path / "nowhere"))
        assert "is no folder" in capsys.readouterr().out
        tamper(committed_db)
        with pytest.raises(SystemExit, match="1"):
            call_command("ledger", "verify", "--stream", "people")
        assert "NOT SOUND: 1 findings" in capsys.readouterr().out

    def test_a_checkpoint_now(self, capsys: pytest.CaptureFixture[str]) -> None:
        person("omar", "operator")
        call_command("ledger", "checkpoint", "--json")
        assert json.loads(capsys.readouterr().out)["number"] == 1


class TestHold:
    def test_a_record_that_is_not_sound_holds_what_is_approved(self, committed_db: CommittedDatabase) -> None:
        factories.drill()
        supervisor = person("sara", "supervisor")
        plan = authorised()
        tamper(committed_db)
        failed = verify_and_keep(by=supervisor)
        assert (failed.sound, failed.holds) == (False, True)
        run_once(at=PROPOSED_AT, wall_at=timezone.now())
        assert_waits(plan)
        with pytest.raises(IntegrityError, match="sending is frozen: the record failed"), transaction.atomic():
            Claim.objects.create(plan=plan, version=plan.current_version, at=PROPOSED_AT)
        assert_waits(plan)
        with pytest.raises(LedgerRefused, match="Say why"):
            release_hold(verification=failed, by=supervisor, reason=" ")
        with pytest.raises(LedgerRefused, match="does not carry the right"):
            release_hold(verification=failed, by=person("audrey", "auditor"), reason="looks fine")
        assert HoldRelease.objects.count() == 0
        release_hold(verification=failed, by=supervisor, reason="known repair, incident 7")
        run_once(at=PROPOSED_AT, wall_at=timezone.now())
        assert Claim.objects.filter(plan=plan).exists()

    def test_the_worker_verifies_for_whoever_asked(self) -> None:
        audrey = person("audrey", "auditor")
        with acting_as("worker"):
            assert verify_record(audrey.pk) is True
        assert Verification.objects.get().by == audrey

    def test_the_web_process_cannot_write_that_it_is_sound(self) -> None:
        with acting_as("web"), pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            verify_and_keep(by=None)
        assert Verification.objects.count() == 0

    def test_by_policy_it_does_not(self, committed_db: CommittedDatabase, settings: object) -> None:
        factories.drill()
        settings.PORTAL_LEDGER_HOLDS = False  # type: ignore[attr-defined]
        plan = authorised()
        tamper(committed_db)
        assert verify_and_keep(by=None).holds is False
        run_once(at=PROPOSED_AT, wall_at=timezone.now())
        assert Claim.objects.filter(plan=plan).exists()

    def test_an_operator_may_not_verify(self) -> None:
        with pytest.raises(LedgerRefused, match="does not carry the right to verify"):
            verify_and_keep(by=person("omar", "operator"))
        assert Verification.objects.count() == 0


def keeper_dsn() -> str:
    from django.db import connection

    settings = connection.get_connection_params()
    return psycopg.conninfo.make_conninfo(
        **{name: settings[name] for name in ("dbname", "user", "password", "host", "port") if settings.get(name)}
    )


def authorised() -> Plan:
    return factories.authorised_plan(
        {factories.cohort(): [Called(100)]},
        requested_by=person("omar", "operator"),
        voter=person("olivia", "operator"),
    )


def assert_waits(plan: Plan) -> None:
    plan.refresh_from_db()
    assert plan.status == Status.AUTHORISED
    assert not Claim.objects.filter(plan=plan).exists()
