"""How often each page asks the database, on record: a count that changes is seen in review, and none passes twelve.

After an intended change: UPDATE_QUERY_COUNTS=1 .venv/bin/pytest tests/portal/pages/test_query_counts.py
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cohorts.models import Cohort
from dispatch.operations import measure_events, run_once, simulate_responses
from planning.core.lifecycle import Status
from planning.models import Plan
from tests import factories
from tests.driving import Shown
from tests.factories import PROPOSED_AT, WINDOW_END, WINDOW_START
from tests.portal.every_page import pages
from tests.portal.pages.browsing import as_, person

RECORD = Path(__file__).with_name("query_counts.json")
MOST = 12


def waits(plan: Plan, cohort: Cohort) -> Shown:
    """The plan is open for a vote, nothing else is there."""
    return Shown(pending=plan.pk, cohort=cohort.pk)


def runs(plan: Plan, cohort: Cohort) -> Shown:
    """Half an hour into its event, with another plan open."""
    _send(plan)
    _pass(PROPOSED_AT + timedelta(hours=2, minutes=30))
    return Shown(pending=_another(cohort).pk, cohort=cohort.pk, running=plan.pk)


def has_ended(plan: Plan, cohort: Cohort) -> Shown:
    """Seven hours after its window, with its result."""
    _send(plan)
    _pass(WINDOW_END + timedelta(hours=7))
    return Shown(pending=_another(cohort).pk, cohort=cohort.pk, finished=plan.pk)


STAGES: dict[str, Callable[[Plan, Cohort], Shown]] = {
    "a plan waits": waits,
    "one runs": runs,
    "one has ended": has_ended,
}


def _send(plan: Plan) -> None:
    voter = person("sam", "supervisor")
    factories.approve(plan, voter)
    factories.move(plan, Status.AUTHORISED, by=voter)
    run_once(at=PROPOSED_AT, wall_at=timezone.now())


def _pass(until: datetime) -> None:
    at = WINDOW_START - timedelta(minutes=15)
    while at < until:
        at += timedelta(minutes=15)
        factories.drill(at=at)
        run_once(at=at, wall_at=timezone.now())
        simulate_responses(at=at, wall_at=timezone.now(), seed=1)
        measure_events(at=at, wall_at=timezone.now())


def _another(cohort: Cohort) -> Plan:
    start = WINDOW_START + timedelta(days=1)
    calls = {cohort: [factories.Called(100)]}
    return factories.plan_of(
        calls, requested_by=person("omar", "operator"), start=start, end=start + timedelta(hours=2)
    )


def counted(client: Client, path: str) -> int:
    """Queries of the page's second visit, so that what a process keeps is kept."""
    assert client.get(path).status_code == 200, path
    with CaptureQueriesContext(connection) as seen:
        client.get(path)
    return len(seen)


@pytest.mark.parametrize("stage", STAGES)
def test_every_page_asks_as_often_as_is_on_record(stage: str, plan: Plan, thermostats: Cohort) -> None:
    shown = STAGES[stage](plan, thermostats)
    factories.seal()
    client = as_("supervisor")
    counts = {name: counted(client, path) for name, path in pages(shown).items()}
    assert {name: count for name, count in counts.items() if count > MOST} == {}
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    if os.environ.get("UPDATE_QUERY_COUNTS"):
        RECORD.write_text(json.dumps(record | {stage: counts}, indent=2, sort_keys=True) + "\n")
        return
    assert counts == record[stage], "Intended? UPDATE_QUERY_COUNTS=1 .venv/bin/pytest " + str(RECORD.parent)
