"""What is old enough may go from the beginnings of streams, with an anchor; nothing else can, and the rest verifies."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import IntegrityError
from django.utils import timezone

from planning.models import Plan
from portal.acting import acting_as
from portal.ledger import checkpointing
from portal.ledger.exporting import export
from portal.ledger.models import Cut, Event, Export, Link
from portal.ledger.retention import Anchor, Beginning, TooRecent, anchors, beginnings, prune
from portal.ledger.signing import own_key
from portal.ledger.verifying import Detector, verify
from tests import factories
from tests.conftest import CommittedDatabase
from tests.factories import Called
from tests.portal.ledger.exported import verified
from tests.portal.pages.browsing import person


@pytest.fixture
def here(committed_db: CommittedDatabase, settings: object, tmp_path: Path) -> Path:
    settings.PORTAL_LEDGER_KEY = tmp_path / "key" / "checkpoint.key"  # type: ignore[attr-defined]
    settings.PORTAL_LEDGER_COPIES = tmp_path / "key" / "copies"  # type: ignore[attr-defined]
    return tmp_path


@pytest.fixture
def soon(settings: object) -> date:
    """A day that has not come, which these tests may look back from."""
    settings.PORTAL_RETENTION_DAYS, settings.PORTAL_RETENTION_SHORT = -2, True  # type: ignore[attr-defined]
    return (timezone.now() + timedelta(days=2)).date()


@pytest.fixture
def plan(here: Path) -> Plan:
    factories.drill()
    return factories.plan_of({factories.cohort(): [Called(100)]}, requested_by=person("omar", "operator"))


def kept(folder: Path) -> None:
    """Covered by a checkpoint, and exported."""
    checkpointing.checkpoint(wall_at=timezone.now())
    export(to=folder, by=None, wall_at=timezone.now())


def put_at(database: CommittedDatabase, stream: str, *ats: datetime) -> None:
    """Events of other times: what years do, a superuser does here."""
    with psycopg.connect(database.dsn("superuser")) as session:
        session.execute("ALTER TABLE ledger_event DISABLE TRIGGER stamped")
        for number, at in enumerate(ats):
            session.execute(
                "INSERT INTO ledger_event (stream, txid, at, source, op, row_key, actor, db_role, context, body) VALUES"
                " (%s, pg_current_xact_id()::text::bigint, %s, 'old', 'INSERT', %s, '', 'portal_web', '', '{}')",
                [stream, at, str(number)],
            )
        session.execute("SET CONSTRAINTS ALL IMMEDIATE")
        session.execute("ALTER TABLE ledger_event ENABLE ALWAYS TRIGGER stamped")


def test_the_beginning_goes_and_the_rest_is_sound(plan: Plan, here: Path, soon: date) -> None:
    stream = f"plan:{plan.pk}"
    kept(here / "export")
    before = Link.objects.filter(stream=stream).count()
    last = Link.objects.get(stream=stream, seq=before - 1)
    with acting_as("owner"):
        cuts = prune(before=soon, wall_at=timezone.now(), stream=stream)
    assert [(cut.stream, cut.seq, cut.hash, cut.events) for cut in cuts] == [
        (stream, before - 1, bytes(last.hash).hex(), before - 1)
    ]
    assert list(Link.objects.filter(stream=stream).values_list("seq", flat=True)) == [before]
    assert Event.objects.filter(stream=stream).count() == 1
    assert anchors() == {stream: Anchor(before - 1, bytes(last.hash))}
    event = Event.objects.get(source="ledger_cut")
    assert (event.stream, event.db_role, json.loads(event.body)["seq"]) == ("retention", "portal_owner", before - 1)
    assert verify().findings == []


def test_a_stream_goes_on_after_its_cut_and_can_be_cut_again(plan: Plan, here: Path, soon: date) -> None:
    stream = f"plan:{plan.pk}"
    kept(here / "one")
    with acting_as("owner"):
        first = prune(before=soon, wall_at=timezone.now(), stream=stream)
    factories.move(plan, "WITHDRAWN")
    kept(here / "two")
    verdict = verified(here / "two", "--key", own_key().public.hex())
    assert (verdict.status, verdict.text[:6]) == (0, "SOUND:")
    assert verify().findings == []
    with acting_as("owner"):
        second = prune(before=soon, wall_at=timezone.now(), stream=stream)
    assert second[0].seq == Link.objects.get(stream=stream).seq - 1 > first[0].seq
    assert anchors()[stream].seq == second[0].seq
    assert verify().findings == []


def test_rows_whose_events_are_gone_are_still_known(
    plan: Plan, here: Path, soon: date, committed_db: CommittedDatabase
) -> None:
    kept(here / "export")
    with acting_as("owner"):
        prune(before=soon, wall_at=timezone.now())
    assert not Event.objects.filter(source="planning_planrequest").exists()
    with psycopg.connect(committed_db.dsn("superuser")) as session:
        session.execute("ALTER TABLE planning_planrequest DISABLE TRIGGER ALL")
        session.execute("UPDATE planning_planrequest SET at = at - interval '1 hour'")
    assert [(one.detector, one.words) for one in verify().findings] == [(Detector.ROW, "is not as it was recorded")]


def test_only_what_was_signed_and_exported_goes(plan: Plan, here: Path, soon: date) -> None:
    stream = f"plan:{plan.pk}"

    def found() -> Beginning:
        return beginnings(before=soon, wall_at=timezone.now(), stream=stream)[0]

    export(to=here / "early", by=None, wall_at=timezone.now())
    assert (found().events, found().held_by) == (0, "no checkpoint covers more")
    checkpointing.checkpoint(wall_at=timezone.now())
    covered = Link.objects.filter(stream=stream).count()
    assert (found().last, found().held_by) == (covered - 1, "the last event of a stream stays")
    factories.move(plan, "WITHDRAWN")
    checkpointing.checkpoint(wall_at=timezone.now())
    assert (found().last, found().held_by) == (covered, "no export has more")
    with acting_as("owner"):
        prune(before=soon, wall_at=timezone.now(), stream=stream)
    assert verify().findings == []


def test_a_younger_event_holds_what_comes_after_it(here: Path, committed_db: CommittedDatabase) -> None:
    long_ago, lately = datetime(2010, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    put_at(committed_db, "plan:1", long_ago, long_ago, lately, long_ago, long_ago)
    kept(here / "export")
    with acting_as("owner"):
        cuts = prune(before=date(2015, 1, 1), wall_at=timezone.now())
    assert [(cut.stream, cut.seq, cut.events, cut.minimum_age_days) for cut in cuts] == [("plan:1", 2, 2, 2557)]
    assert list(Link.objects.filter(stream="plan:1").order_by("seq").values_list("seq", flat=True)) == [3, 4, 5]


def test_seven_years_stay_and_three_in_any_case(here: Path, settings: object, committed_db: CommittedDatabase) -> None:
    now = datetime(2026, 11, 26, tzinfo=UTC)
    with pytest.raises(TooRecent, match=r"kept for 2,557 days: nothing from 2019-11-26 on can be removed"):
        beginnings(before=date(2019, 11, 27), wall_at=now)
    assert beginnings(before=date(2019, 11, 26), wall_at=now) == []
    put_at(committed_db, "plan:1", *[datetime.now(UTC) - timedelta(days=40)] * 3)
    kept(here / "export")
    settings.PORTAL_RETENTION_DAYS = 30  # type: ignore[attr-defined]
    day = (datetime.now(UTC) - timedelta(days=35)).date()
    with acting_as("owner"), pytest.raises(IntegrityError, match="three years stay"):
        prune(before=day, wall_at=timezone.now())
    assert Link.objects.filter(stream="plan:1").count() == 3
    settings.PORTAL_RETENTION_SHORT = True  # type: ignore[attr-defined]
    with acting_as("owner"):
        assert [cut.minimum_age_days for cut in prune(before=day, wall_at=timezone.now())] == [30]


# What is refused, and what is found


def cut_sql(stream: str, seq: int, **changes: object) -> tuple[str, list[object]]:
    """A cut that PostgreSQL would take, but for what is changed."""
    link = Link.objects.get(stream=stream, seq=seq)
    values = {
        "stream": stream,
        "seq": seq,
        "hash": bytes(link.hash).hex(),
        "events": 0,
        "before": date(2015, 1, 1),
        "minimum_age_days": 2557,
        "checkpoint": 1,
        "export_id": Export.objects.get().pk,
        "rows": "{}",
        "wall_at": timezone.now(),
        **changes,
    }
    return f"INSERT INTO ledger_cut ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})", [
        *values.values()
    ]


@pytest.fixture
def old(here: Path, committed_db: CommittedDatabase) -> CommittedDatabase:
    """Four old events, the last of them not exported and not covered; all that is needed to cut at 2."""
    long_ago = datetime(2010, 1, 1, tzinfo=UTC)
    put_at(committed_db, "plan:1", long_ago, long_ago, long_ago)
    kept(here / "export")
    put_at(committed_db, "plan:1", long_ago)
    return committed_db


def remove(session: psycopg.Connection, upto: int) -> None:
    events = (
        "DELETE FROM ledger_event e USING ledger_link l WHERE l.event_id = e.id AND l.stream = 'plan:1' AND l.seq <= %s"
    )
    session.execute(events, [upto])
    session.execute("DELETE FROM ledger_link WHERE stream = 'plan:1' AND seq <= %s", [upto])


def test_the_owner_can_do_what_the_command_does(old: CommittedDatabase) -> None:
    with psycopg.connect(old.dsn("owner")) as session:
        session.execute(*cut_sql("plan:1", 2))
        remove(session, 2)
    assert Cut.objects.get().events == 2
    assert verify().findings == []


@pytest.mark.parametrize(
    ("seq", "changes", "words"),
    [
        (2, {"hash": "0" * 64}, "there is no such event"),
        (4, {}, "the last event of a stream stays"),
        (2, {"minimum_age_days": 1095}, "three years stay"),
        (2, {"before": date(2100, 1, 1)}, "the day is not long enough ago"),
        (2, {"before": date(2009, 1, 1)}, "not all of it is older than the day"),
        (2, {"checkpoint": 2}, "the checkpoint does not cover it"),
    ],
)
def test_a_cut_that_is_not_due_is_refused(
    old: CommittedDatabase, seq: int, changes: dict[str, object], words: str
) -> None:
    with psycopg.connect(old.dsn("owner")) as session, pytest.raises(psycopg.errors.IntegrityError, match=words):
        session.execute(*cut_sql("plan:1", seq, **changes))
    assert Cut.objects.count() == 0


def test_more_than_a_cut_names_stays_and_less_is_refused(old: CommittedDatabase) -> None:
    with (
        psycopg.connect(old.dsn("owner")) as session,
        pytest.raises(psycopg.errors.IntegrityError, match="ledger_event is append-only: DELETE refused"),
    ):
        session.execute(*cut_sql("plan:1", 2))
        remove(session, 3)
    with psycopg.connect(old.dsn("owner")) as session:
        session.execute(*cut_sql("plan:1", 2))
        remove(session, 1)
        with pytest.raises(psycopg.errors.IntegrityError, match="a part of it is still there"):
            session.commit()
    assert Link.objects.filter(stream="plan:1").count() == 4


@pytest.mark.parametrize("role", ["web", "worker", "dispatch"])
def test_no_process_can_cut(old: CommittedDatabase, role: str) -> None:
    statement = cut_sql("plan:1", 2)
    with psycopg.connect(old.dsn(role)) as session, pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute(*statement)


def test_a_beginning_that_is_gone_without_an_anchor_is_found(old: CommittedDatabase) -> None:
    statement = cut_sql("plan:1", 2)
    with psycopg.connect(old.dsn("superuser")) as session:
        for table in ("ledger_event", "ledger_link"):
            session.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        remove(session, 2)
    assert {finding.detector for finding in verify().findings} == {Detector.GAP}
    with psycopg.connect(old.dsn("superuser")) as session:
        session.execute("ALTER TABLE ledger_cut DISABLE TRIGGER ALL")
        session.execute(*statement)
    assert {finding.detector for finding in verify().findings} == {Detector.GAP, Detector.ROW}


def test_by_command(here: Path, old: CommittedDatabase) -> None:
    def said(*arguments: str) -> str:
        out = StringIO()
        call_command("ledger", "prune", "--before", "2015-01-01", *arguments, stdout=out)
        return out.getvalue()

    assert (
        said() == "plan:1: 3 events, up to no. 3; no checkpoint covers more.\nNothing was removed; --confirm does it.\n"
    )
    told = json.loads(said("--json"))
    assert told["cuts"] == []
    assert Cut.objects.count() == 0
    assert json.loads(said("--json", "--confirm"))["cuts"] == [
        {"stream": "plan:1", "seq": 3, "hash": Cut.objects.get().hash, "events": 3}
    ]
    with pytest.raises(SystemExit) as ended:
        call_command("ledger", "prune", "--before", "2026-01-01", stdout=StringIO())
    assert ended.value.code == 1
    assert verify().findings == []
