"""The tamper matrix: what nobody may do is refused; what a superuser does all the same is found, and by what."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from django.utils import timezone

from planning.models import Plan
from portal.acting import acting_as
from portal.ledger import checkpointing
from portal.ledger.core.chain import DOMAIN, ORIGIN, framed
from portal.ledger.models import Checkpoint, Event, Link
from portal.ledger.verifying import Detector, Report, verify
from tests import factories
from tests.conftest import CommittedDatabase
from tests.factories import Called
from tests.portal.pages.browsing import person

Attack = Callable[[psycopg.Connection, Plan], None]
GUARDED = ("ledger_event", "ledger_link", "ledger_checkpoint", "planning_vote", "planning_transition", "portal_user")


@pytest.fixture
def copies(settings: object, tmp_path: Path) -> Path:
    settings.PORTAL_LEDGER_KEY = tmp_path / "checkpoint.key"  # type: ignore[attr-defined]
    settings.PORTAL_LEDGER_COPIES = tmp_path / "copies"  # type: ignore[attr-defined]
    return tmp_path / "copies"


@pytest.fixture
def plan(committed_db: CommittedDatabase, copies: Path) -> Plan:
    """A plan with a history, covered by two checkpoints that were copied."""
    factories.drill()
    made = factories.plan_of({factories.cohort(): [Called(100)]}, requested_by=person("omar", "operator"))
    checkpointing.checkpoint(wall_at=timezone.now())
    factories.move(made, "WITHDRAWN")
    checkpointing.checkpoint(wall_at=timezone.now())
    checkpointing.publish_missing()
    return made


def found(report: Report) -> set[Detector]:
    return {finding.detector for finding in report.findings}


def test_a_record_nobody_touched_is_sound(plan: Plan, copies: Path) -> None:
    report = verify()
    assert report.findings == []
    assert (report.events, report.checkpoints, report.copies) == (Event.objects.count(), 2, 2)
    assert report.streams == Link.objects.values("stream").distinct().count()
    assert report.rows > 0


@pytest.mark.parametrize("role", ["web", "worker"])
def test_who_may_not_read_secrets_can_verify(plan: Plan, role: str) -> None:
    with acting_as(role):
        report = verify()
    assert report.findings == []
    assert report.rows > 0


def test_one_stream_and_what_is_new(plan: Plan) -> None:
    stream = f"plan:{plan.pk}"
    whole = verify(stream=stream)
    assert (whole.sound, whole.streams, whole.events) == (True, 1, Link.objects.filter(stream=stream).count())
    assert verify(since_checkpoint=True).events == 0
    factories.move(plan, "EXPIRED")
    new = verify(since_checkpoint=True)
    assert (new.sound, new.events) == (True, 2)  # the transition and the plan's new state


def edit_body(session: psycopg.Connection, plan: Plan) -> None:
    session.execute("UPDATE ledger_event SET body = replace(body, 'WITHDRAWN', 'COMPLETED')")


def back_date(session: psycopg.Connection, plan: Plan) -> None:
    session.execute("UPDATE ledger_event SET at = at - interval '1 day' WHERE source = 'planning_transition'")


def change_actor(session: psycopg.Connection, plan: Plan) -> None:
    session.execute("UPDATE ledger_event SET actor = '999' WHERE actor <> ''")


def change_login(session: psycopg.Connection, plan: Plan) -> None:
    session.execute("UPDATE ledger_event SET db_role = 'portal_web' WHERE source = 'planning_planversion'")


def delete_middle(session: psycopg.Connection, plan: Plan) -> None:
    doomed = session.execute(
        "DELETE FROM ledger_link WHERE stream = %s AND seq = 2 RETURNING event_id", [f"plan:{plan.pk}"]
    ).fetchall()
    session.execute("DELETE FROM ledger_event WHERE id = %s", doomed[0])


def insert_unsealed(session: psycopg.Connection, plan: Plan) -> None:
    session.execute(
        "INSERT INTO ledger_event (stream, txid, at, source, op, row_key, actor, db_role, context, body)"
        " VALUES (%s, 1, now(), 'planning_vote', 'INSERT', '1', '', 'portal_web', '', '{}')",
        [f"plan:{plan.pk}"],
    )


def delete_tail(session: psycopg.Connection, plan: Plan) -> None:
    last = session.execute("SELECT max(seq) FROM ledger_link WHERE stream = %s", [f"plan:{plan.pk}"]).fetchone()
    doomed = session.execute(
        "DELETE FROM ledger_link WHERE stream = %s AND seq = %s RETURNING event_id", [f"plan:{plan.pk}", *last]
    ).fetchone()
    session.execute("DELETE FROM ledger_event WHERE id = %s", doomed)


def delete_stream(session: psycopg.Connection, plan: Plan) -> None:
    session.execute("DELETE FROM ledger_link WHERE stream = %s", [f"plan:{plan.pk}"])
    session.execute("DELETE FROM ledger_event WHERE stream = %s", [f"plan:{plan.pk}"])


def rewrite_whole_chain(session: psycopg.Connection, plan: Plan) -> None:
    """What knows the algorithm can do: another body, and every hash after it made anew."""
    edit_body(session, plan)
    rows = session.execute(
        "SELECT l.event_id, l.seq, (extract(epoch FROM e.at) * 1000000)::bigint, e.source, e.op, e.row_key, e.actor,"
        " e.db_role, e.context, e.body FROM ledger_link l JOIN ledger_event e ON e.id = l.event_id"
        " WHERE l.stream = %s ORDER BY l.seq",
        [f"plan:{plan.pk}"],
    ).fetchall()
    prev = ORIGIN
    for event_id, seq, *fields in rows:
        texts = [str(value).encode() for value in fields]
        new = hashlib.sha256(DOMAIN + framed([f"plan:{plan.pk}".encode(), str(seq).encode(), prev, *texts])).digest()
        session.execute("UPDATE ledger_link SET prev = %s, hash = %s WHERE event_id = %s", [prev, new, event_id])
        prev = new


def truncate_everything(session: psycopg.Connection, plan: Plan) -> None:
    session.execute("TRUNCATE ledger_link, ledger_event, ledger_checkpoint CASCADE")


def forge_checkpoint(session: psycopg.Connection, plan: Plan) -> None:
    session.execute("UPDATE ledger_checkpoint SET signature = repeat('0', 128) WHERE number = 2")


def drop_last_checkpoint(session: psycopg.Connection, plan: Plan) -> None:
    session.execute("DELETE FROM ledger_checkpoint WHERE number = 2")


def change_a_decision(session: psycopg.Connection, plan: Plan) -> None:
    session.execute("ALTER TABLE planning_transition DISABLE TRIGGER ALL")
    session.execute("UPDATE planning_transition SET reason = 'as agreed'")


def promote_in_silence(session: psycopg.Connection, plan: Plan) -> None:
    session.execute("ALTER TABLE portal_user DISABLE TRIGGER ALL")
    session.execute("UPDATE portal_user SET is_superuser = NOT is_superuser")


def delete_a_decision(session: psycopg.Connection, plan: Plan) -> None:
    session.execute("ALTER TABLE planning_transition DISABLE TRIGGER ALL")
    session.execute("DELETE FROM planning_transition")


ATTACKS: list[tuple[Attack, Detector]] = [
    (edit_body, Detector.CHAIN),
    (back_date, Detector.CHAIN),
    (change_actor, Detector.CHAIN),
    (change_login, Detector.CHAIN),
    (delete_middle, Detector.GAP),
    (insert_unsealed, Detector.UNSEALED),
    (delete_tail, Detector.CHECKPOINT),
    (delete_stream, Detector.CHECKPOINT),
    (rewrite_whole_chain, Detector.CHECKPOINT),
    (truncate_everything, Detector.COPY),
    (forge_checkpoint, Detector.CHECKPOINT),
    (drop_last_checkpoint, Detector.COPY),
    (change_a_decision, Detector.ROW),
    (promote_in_silence, Detector.ROW),
    (delete_a_decision, Detector.ROW),
]


@pytest.mark.parametrize(("attack", "detector"), ATTACKS, ids=[attack.__name__ for attack, _by in ATTACKS])
def test_what_a_superuser_does_is_found(
    committed_db: CommittedDatabase, plan: Plan, attack: Attack, detector: Detector
) -> None:
    with psycopg.connect(committed_db.dsn("superuser")) as session:
        for table in ("ledger_event", "ledger_link", "ledger_checkpoint"):
            session.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        attack(session, plan)
        for table in ("ledger_event", "ledger_link", "ledger_checkpoint"):
            session.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
    report = verify()
    assert not report.sound
    assert detector in found(report)


def test_middle_edits_need_no_checkpoint(committed_db: CommittedDatabase, plan: Plan) -> None:
    """The chain alone tells, where the checkpoint alone tells, and the copies alone: each is needed."""
    with psycopg.connect(committed_db.dsn("superuser")) as session:
        session.execute("ALTER TABLE ledger_event DISABLE TRIGGER ALL")
        edit_body(session, plan)
    assert found(verify()) == {Detector.CHAIN, Detector.ROW}


@pytest.mark.parametrize("role", ["owner", "superuser"])
@pytest.mark.parametrize("replica", [False, True])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_event SET body = '{}'",
        "DELETE FROM ledger_link",
        "TRUNCATE ledger_event, ledger_link",
        "DELETE FROM ledger_checkpoint",
        "UPDATE planning_vote SET decision = 'APPROVE'",
        "UPDATE planning_transition SET reason = ''",
        "TRUNCATE planning_transition",
    ],
)
def test_guards_hold_for_the_owner_too(
    committed_db: CommittedDatabase, plan: Plan, role: str, replica: bool, statement: str
) -> None:
    if replica and role == "owner":
        statement = "SET session_replication_role = replica; " + statement
    with (
        psycopg.connect(committed_db.dsn(role)) as session,
        pytest.raises((psycopg.errors.IntegrityError, psycopg.errors.InsufficientPrivilege)),
    ):
        if replica and role == "superuser":
            session.execute("SET session_replication_role = replica")
        if "planning_vote" in statement and session.execute("SELECT count(*) FROM planning_vote").fetchone() == (0,):
            statement = "TRUNCATE planning_vote CASCADE"
        session.execute(statement)
    assert verify().sound


def test_a_published_copy_that_was_changed_is_found(plan: Plan, copies: Path) -> None:
    path = copies / "00000001.json"
    copy = json.loads(path.read_text())
    path.write_text(json.dumps({**copy, "signature": "0" * 128}))
    assert found(verify()) == {Detector.COPY}


def test_another_key_is_found(plan: Plan, copies: Path) -> None:
    assert found(verify(public=bytes(range(32)))) == {Detector.CHECKPOINT}
    assert Checkpoint.objects.count() == 2
