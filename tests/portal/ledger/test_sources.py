"""Every table of decisions is recorded, and guarded; what is not recorded is named here, with the reason."""

from __future__ import annotations

import pytest
from django.db import connection

from portal.ledger.sources import SOURCES, apply_sources

pytestmark = pytest.mark.django_db

NOT_DECISIONS = {
    "auth_permission": "made by migrations",
    "django_admin_log": "the admin's own notes; what it changes is recorded itself",
    "django_content_type": "made by migrations",
    "django_migrations": "made by migrations",
    "django_q_ormq": "work waiting to be done",
    "django_q_schedule": "unused",
    "django_q_task": "work that was done",
    "django_session": "who is signed in now; sign-ins are recorded",
    "cohorts_account": "customers' data",
    "cohorts_endpoint": "customers' data",
    "dispatch_cohorttelemetry": "measured",
    "dispatch_endpointoutcome": "measured",
    "grid_clock": "as the clock stands; its changes are recorded",
    "grid_forecastpoint": "computed; what a plan was based on is in its content",
    "grid_forecastvintage": "computed",
    "grid_processheartbeat": "signs of life",
    "grid_snapshot": "measured",
    "grid_weatherobservation": "measured",
    "history_trackedapitokenevent": "history for people, no evidence",
    "history_trackedcohortevent": "history for people, no evidence",
    "history_trackedeventresultevent": "history for people, no evidence",
    "history_trackedplanevent": "history for people, no evidence",
    "history_trackedsignalevent": "history for people, no evidence",
    "history_trackeduserevent": "history for people, no evidence",
    "history_trackedvenevent": "history for people, no evidence",
    "pghistory_context": "unused",
    "ledger_checkpoint": "speaks of the record",
    "ledger_event": "the record",
    "ledger_link": "the record",
}


def rows(query: str) -> list[tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def test_each_table_is_recorded_or_is_none_of_decisions() -> None:
    tables = {name for (name,) in rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    recorded = {source.table for source in SOURCES}
    assert tables - recorded - set(NOT_DECISIONS) == set()
    assert recorded & set(NOT_DECISIONS) == set()
    assert (recorded | set(NOT_DECISIONS)) - tables == set()


def test_each_source_has_its_trigger_whatever_the_replication_role() -> None:
    found = rows(
        "SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE t.tgname = 'ledger_record' AND t.tgenabled = 'A'"
    )
    assert {name for (name,) in found} == {source.table for source in SOURCES}


def test_each_append_only_source_refuses_changes_and_truncation_always() -> None:
    guards = rows(
        "SELECT c.relname, t.tgtype & 16 > 0, t.tgtype & 8 > 0, t.tgtype & 32 > 0 FROM pg_trigger t"
        " JOIN pg_class c ON c.oid = t.tgrelid WHERE t.tgtype & 2 > 0 AND t.tgenabled = 'A'"
    )
    lacking = {}
    for source in SOURCES:
        if source.append_only:
            mine = [guard[1:] for guard in guards if guard[0] == source.table]
            kinds = [any(guard[place] for guard in mine) for place in range(3)]
            lacking[source.table] = [
                kind for kind, is_there in zip(("U", "D", "T"), kinds, strict=True) if not is_there
            ]
    assert {table: kinds for table, kinds in lacking.items() if kinds} == {}


def test_applying_again_records_nothing_twice() -> None:
    before = rows("SELECT count(*) FROM ledger_event")
    apply_sources()
    assert rows("SELECT count(*) FROM ledger_event") == before


def test_what_was_there_before_is_recorded_as_such() -> None:
    found = rows("SELECT DISTINCT source FROM ledger_event WHERE op = 'EXISTING' ORDER BY 1")
    assert ("planning_approvalpolicy",) in found
