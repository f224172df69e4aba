"""Migrations backwards: the record of refusals stays whatever it is about."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command

from planning.models import PlanRefusal
from portal.acting import acting_as
from tests.conftest import CommittedDatabase
from tests.planning.builders import AT, person
from tests.planning.sql import run

NULLABLE = (
    "SELECT is_nullable FROM information_schema.columns"
    " WHERE table_name = 'planning_planrefusal' AND column_name = 'plan_id'"
)
ROWS = "SELECT id, plan_id, by_id, attempted, why, at FROM planning_planrefusal ORDER BY id"


def migrate(*names: str) -> None:
    with acting_as("owner"):
        call_command("migrate", *names, verbosity=0)


@pytest.mark.parametrize("of_no_plan", [True, False])
def test_behind_the_approval_tables_and_forth(of_no_plan: bool, committed_db: CommittedDatabase) -> None:
    by = person("omar", "operator")
    if of_no_plan:
        PlanRefusal.objects.create(plan=None, by=by, attempted="enrol", why="The password is not right.", at=AT)
    before: list[Any] = run(ROWS)
    migrate("planning", "0006")
    assert (run(ROWS), run(NULLABLE)) == (before, [("YES" if of_no_plan else "NO",)])
    migrate()
    assert (run(ROWS), run(NULLABLE)) == (before, [("YES",)])
