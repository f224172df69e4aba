"""Rows become events as they are written, and links as they commit."""

from __future__ import annotations

import json

import psycopg
import pytest
from django.db import connection, transaction

from portal.ledger.core.chain import ORIGIN, Sealed, link_hash
from portal.ledger.models import Event, Link
from tests import factories
from tests.conftest import CommittedDatabase
from tests.factories import Called
from tests.portal.pages.browsing import person


def sealed(stream: str) -> list[Sealed]:
    """A stream as it stands, in order."""
    links = Link.objects.filter(stream=stream).order_by("seq").select_related("event")
    return [
        Sealed(
            link.stream,
            link.seq,
            bytes(link.prev),
            int(link.event.at.timestamp() * 1_000_000),
            link.event.source,
            link.event.op,
            link.event.row_key,
            link.event.actor,
            link.event.db_role,
            link.event.context,
            link.event.body,
        )
        for link in links
    ]


def test_a_plan_is_one_unbroken_chain(committed_db: CommittedDatabase) -> None:
    factories.drill()
    plan = factories.plan_of({factories.cohort(): [Called(100)]}, requested_by=person("omar", "operator"))
    events = sealed(f"plan:{plan.pk}")
    hashes = [bytes(link.hash) for link in Link.objects.filter(stream=f"plan:{plan.pk}").order_by("seq")]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [link_hash(event) for event in events] == hashes
    assert [event.prev for event in events] == [ORIGIN, *hashes[:-1]]
    assert {"planning_plan", "planning_planrequest", "planning_planversion", "planning_plannedevent"} <= {
        event.source for event in events
    }


def test_raw_sql_is_recorded_with_the_login_that_wrote_it(committed_db: CommittedDatabase) -> None:
    factories.drill()
    olivia = person("olivia", "operator")
    plan = factories.plan_of({factories.cohort(): [Called(100)]}, requested_by=person("omar", "operator"))
    with psycopg.connect(committed_db.dsn("web")) as web:
        web.execute("SELECT set_config('portal.context', '{\"request\": \"ab12\"}', true)")
        web.execute(
            "INSERT INTO planning_estimate (version_id, by_id, mw, at, wall_at) VALUES (%s, %s, 3, now(), now())",
            [plan.current_version_id, olivia.pk],
        )
    event = Event.objects.get(source="planning_estimate")
    assert (event.stream, event.actor, event.db_role) == (f"plan:{plan.pk}", str(olivia.pk), "portal_web")
    assert json.loads(event.context) == {"request": "ab12"}
    assert json.loads(event.body)["mw"] == 3
    assert event.link.hash


def test_a_savepoint_rolled_back_leaves_no_link(committed_db: CommittedDatabase) -> None:
    with transaction.atomic():
        person("one", "operator")
        try:
            with transaction.atomic():
                person("two", "operator")
                raise KeyError
        except KeyError:
            pass
    assert Event.objects.filter(link=None).count() == 0
    assert Event.objects.filter(source="portal_user").count() == 1


def test_sealed_early_is_sealed_whole(committed_db: CommittedDatabase) -> None:
    with transaction.atomic():
        person("one", "operator")
        connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
        person("two", "operator")
    assert Event.objects.filter(link=None).count() == 0
    assert [event.seq for event in sealed("people")] == list(range(1, Link.objects.filter(stream="people").count() + 1))


@pytest.mark.parametrize("role", ["web", "worker", "dispatch"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_event SET body = '{}'",
        "DELETE FROM ledger_event",
        "TRUNCATE ledger_event, ledger_link",
        "INSERT INTO ledger_event (stream, source, op, row_key, actor, context, body)"
        " VALUES ('plan:1', 'planning_vote', 'INSERT', '1', '', '', '{}')",
        "UPDATE ledger_link SET seq = seq + 1",
        "INSERT INTO ledger_link (event_id, stream, seq, txid, algorithm, prev, hash) VALUES (1, 'x', 9, 0, 1, '', '')",
        "ALTER TABLE ledger_event DISABLE TRIGGER ALL",
        "ALTER TABLE planning_vote DISABLE TRIGGER ledger_record",
        "SET session_replication_role = replica",
        "DROP TABLE ledger_link",
        "SET ROLE portal_owner",
        "CREATE TEMP TABLE planning_vote (id int); CREATE TRIGGER forged AFTER INSERT ON pg_temp.planning_vote"
        " FOR EACH ROW EXECUTE FUNCTION ledger_record('plan', 'id', '', '', 'id')",
    ],
)
def test_no_process_can_touch_the_record(committed_db: CommittedDatabase, role: str, statement: str) -> None:
    person("omar", "operator")
    before = list(Event.objects.values_list()), list(Link.objects.values_list("event_id", "stream", "seq"))
    with (
        pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.IntegrityError)),
        psycopg.connect(committed_db.dsn(role)) as session,
    ):
        session.execute(statement)
    assert (list(Event.objects.values_list()), list(Link.objects.values_list("event_id", "stream", "seq"))) == before


def whole_reads(session: psycopg.Connection) -> list[tuple[str, int]]:
    """How often the record's tables were read from end to end."""
    session.execute("SELECT pg_stat_force_next_flush()")
    return session.execute(
        "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname IN ('ledger_event', 'ledger_link') ORDER BY 1"
    ).fetchall()


def test_sealing_never_reads_the_whole_record(committed_db: CommittedDatabase) -> None:
    """Although PostgreSQL believes that it is small and came in one transaction."""
    factories.drill()
    olivia = person("olivia", "operator")
    plan = factories.plan_of({factories.cohort(): [Called(100)]}, requested_by=person("omar", "operator"))
    with psycopg.connect(committed_db.dsn("superuser"), autocommit=True) as session:
        session.execute("ANALYZE ledger_event, ledger_link")
        before = whole_reads(session)
        for _ in range(20):
            session.execute(
                "INSERT INTO planning_comment (version_id, by_id, text, about, blocker, at, wall_at)"
                " VALUES (%s, %s, 'Seen.', '', false, now(), now())",
                [plan.current_version_id, olivia.pk],
            )
        assert whole_reads(session) == before
    assert Event.objects.filter(source="planning_comment", link__isnull=False).count() == 20
