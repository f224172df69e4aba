"""Live fragments, the script that asks for them, and the triggers that tell of changes speak of the same topics."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.db import connection

from portal.live.changes import PEOPLE, TOPICS
from tests.architecture.test_templates import PROJECT, templates

SCRIPT = (PROJECT / "portal" / "static" / "portal" / "js" / "live.js").read_text()
TELLING = r"""
SELECT c.relname, substring(pg_get_triggerdef(t.oid) FROM 'grid_tell(?:_any)?\(''([a-z]+)''')
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE t.tgname LIKE 'tell\_%' AND NOT t.tgisinternal
"""
# What no page shows as it changes, or what changes only together with a row that does tell.
SILENT = {
    "auth_group",
    "auth_permission",
    "cohorts_cohortchange",  # with cohorts_cohort
    "dispatch_ven",
    "django_admin_log",
    "django_content_type",
    "django_migrations",
    "django_q_ormq",
    "django_q_schedule",
    "django_q_task",
    "grid_clockchange",  # with grid_clock
    "grid_processheartbeat",  # every second; pages ask every 10 s
    "history_trackedapitokenevent",  # these: with the rows themselves
    "history_trackedcohortevent",
    "history_trackedeventresultevent",
    "history_trackedplanevent",
    "history_trackedsignalevent",
    "history_trackeduserevent",
    "history_trackedvenevent",
    "pghistory_context",
    "ledger_checkpoint",  # these: pages ask every 10 s whether the record is sound
    "ledger_cut",
    "ledger_event",
    "ledger_export",
    "ledger_holdrelease",
    "ledger_link",
    "ledger_verification",
    "portal_erasure",
    "planning_passkey",
    "planning_passkeyend",
    "planning_passkeyreset",
    "planning_planrefusal",
    "planning_planviewing",
    "planning_plannedevent",  # with planning_planversion
    "planning_stepupchallenge",
    "planning_voteassertion",  # with planning_vote
    "portal_apitoken",
    "portal_signin",
    "portal_user_user_permissions",
}


def fragments(path: Path) -> list[str]:
    """Opening tags of live fragments, what Django fills in put as `x`."""
    plain = re.sub(r"\{[{%].*?[}%]\}", "x", path.read_text(), flags=re.S)
    return [tag for tag in re.findall(r"<[^<>]+>", plain) if re.search(r"\bdata-live=", tag)]


class TestFragments:
    @pytest.mark.parametrize("path", templates(), ids=lambda path: path.name)
    def test_say_everything_that_is_needed(self, path: Path) -> None:
        for tag in fragments(path):
            topics = re.search(r'data-live="([^"]+)"', tag)
            assert topics
            assert {*topics[1].split()} <= TOPICS, tag
            assert re.search(r'\bid="[\w-]+"', tag), tag
            assert 'hx-trigger="live"' in tag, tag
            assert "hx-get=" in tag, tag

    def test_there_are_some(self) -> None:
        assert sum(len(fragments(path)) for path in templates()) >= 10

    @pytest.mark.parametrize("path", templates(), ids=lambda path: path.name)
    def test_nobody_polls_by_themselves(self, path: Path) -> None:
        assert re.findall(r'hx-trigger="[^"]*every', path.read_text()) == []


class TestTopics:
    def test_the_script_listens_to_every_topic(self) -> None:
        listed = re.search(r"const TOPICS = \[([^\]]+)\]", SCRIPT)
        assert listed
        assert set(re.findall(r'"(\w+)"', listed[1])) == TOPICS

    @pytest.mark.django_db
    def test_every_topic_is_told_and_no_other(self) -> None:
        assert {topic for _table, topic in told()} == TOPICS | {PEOPLE}

    @pytest.mark.django_db
    def test_every_table_tells_or_is_silent_on_purpose(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            tables = {row[0] for row in cursor.fetchall()}
        assert tables - {table for table, _topic in told()} == SILENT


def told() -> set[tuple[str, str]]:
    """Table and topic of every trigger that tells."""
    with connection.cursor() as cursor:
        cursor.execute(TELLING)
        return set(cursor.fetchall())
