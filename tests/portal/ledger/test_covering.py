"""The checkpoint that covers a plan's stream, as its evidence tells it."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from django.utils import timezone

from planning.models import Plan
from portal.evidence.pack import Verified, pack_of, verified
from portal.evidence.stream import entries_of
from portal.ledger import checkpointing
from tests import factories
from tests.conftest import CommittedDatabase
from tests.factories import Called
from tests.portal.pages.browsing import person


@pytest.fixture
def plan(committed_db: CommittedDatabase, settings: object, tmp_path: Path) -> Plan:
    settings.PORTAL_LEDGER_KEY = tmp_path / "checkpoint.key"  # type: ignore[attr-defined]
    settings.PORTAL_LEDGER_COPIES = tmp_path / "copies"  # type: ignore[attr-defined]
    factories.drill()
    return factories.plan_of({factories.cohort(): [Called(100)]}, requested_by=person("omar", "operator"))


def look(plan: Plan) -> Verified:
    stream = f"plan:{plan.pk}"
    return verified(stream, entries_of([stream]))


def test_covers_once_it_was_made_after_the_last_event(plan: Plan) -> None:
    assert look(plan).checkpoint is None
    checkpointing.checkpoint(wall_at=timezone.now())
    covered = look(plan)
    assert (covered.checkpoint.number, covered.checkpoint.signed, covered.findings) == (1, True, ())
    factories.move(plan, "WITHDRAWN")
    assert look(plan).checkpoint is None
    checkpointing.checkpoint(wall_at=timezone.now())
    assert look(plan).checkpoint.number == 2


def test_without_the_public_key_the_signature_is_not_said_to_hold(plan: Plan, settings: object, tmp_path: Path) -> None:
    checkpointing.checkpoint(wall_at=timezone.now())
    settings.PORTAL_LEDGER_KEY = tmp_path / "elsewhere" / "checkpoint.key"  # type: ignore[attr-defined]
    assert look(plan).checkpoint.signed is None


ATTACKS = {
    "another signature": (
        "UPDATE ledger_checkpoint SET signature = repeat('ab', 64)",
        "Checkpoint 1 is not signed with the record's key.",
    ),
    "another body": (
        "UPDATE ledger_checkpoint SET body = replace(body, '\"events\":', '\"events\":1')",
        "Checkpoint 1 is not signed with the record's key.",
    ),
    "a chain made anew": (
        "UPDATE ledger_link SET hash = sha256(hash) WHERE stream LIKE 'plan:%'",
        "Checkpoint 1 names another event as no. ",
    ),
}


def test_a_tail_that_only_a_later_checkpoint_names_is_noticed(plan: Plan, committed_db: CommittedDatabase) -> None:
    checkpointing.checkpoint(wall_at=timezone.now())
    before = len(entries_of([f"plan:{plan.pk}"]))
    factories.move(plan, "WITHDRAWN")
    checkpointing.checkpoint(wall_at=timezone.now())
    with psycopg.connect(committed_db.dsn("superuser")) as session:
        session.execute("ALTER TABLE ledger_link DISABLE TRIGGER USER")
        session.execute("DELETE FROM ledger_link WHERE stream = %s AND seq > %s", [f"plan:{plan.pk}", before])
    assert f"Checkpoint 2 names no. {before + 2} of plan:{plan.pk}, which is gone." in look(plan).findings
    pack = pack_of(plan.pk, made_at=timezone.now())
    assert "The plan's row says withdrawn; the record last saw awaits a vote." in pack.verified.findings


@pytest.mark.parametrize("attack", ATTACKS)
def test_says_what_it_finds(plan: Plan, committed_db: CommittedDatabase, attack: str) -> None:
    sql, said = ATTACKS[attack]
    checkpointing.checkpoint(wall_at=timezone.now())
    with psycopg.connect(committed_db.dsn("superuser")) as session:
        for table in ("ledger_checkpoint", "ledger_link"):
            session.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        session.execute(sql)
    assert any(finding.startswith(said) for finding in look(plan).findings)


def test_a_tail_that_is_gone_is_noticed(plan: Plan, committed_db: CommittedDatabase) -> None:
    """The chain alone would not: what is left is unbroken."""
    checkpointing.checkpoint(wall_at=timezone.now())
    with psycopg.connect(committed_db.dsn("superuser")) as session:
        session.execute("ALTER TABLE ledger_link DISABLE TRIGGER USER")
        session.execute(
            "DELETE FROM ledger_link WHERE stream = %s AND seq = (SELECT max(seq) FROM ledger_link WHERE stream = %s)",
            [f"plan:{plan.pk}"] * 2,
        )
    assert any("which is gone" in finding for finding in look(plan).findings)
