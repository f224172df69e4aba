"""History for people: every write of a tracked row, as differences; secrets and names stay out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import psycopg
import pytest
from django.db import connection

from cohorts.models import Cohort
from planning.core.lifecycle import Status
from planning.models import Plan
from portal.history.changes import HISTORIES, changes_of, history_of
from portal.models import ApiToken, User
from tests import factories
from tests.conftest import CommittedDatabase
from tests.factories import Called, seal
from tests.portal.pages.browsing import as_, person, signed_in, text_of

SECRET = {"password", "digest", "last_login", "username", "first_name", "last_name", "email"}


@pytest.fixture
def cohort(db: None) -> Cohort:
    factories.drill()
    return factories.cohort()


def told(changes: list[Any]) -> list[list[tuple[str, str, str]]]:
    return [[(each.name, each.before, each.after) for each in change.differences] for change in changes]


def test_raw_sql_leaves_a_difference_with_who_did_it(committed_db: CommittedDatabase) -> None:
    factories.drill()
    cohort, ada = factories.cohort(), person("ada", "supervisor")
    with psycopg.connect(committed_db.dsn("web")) as web:
        web.execute("SELECT set_config('portal.context', %s, true)", [f'{{"person": {ada.pk}}}'])
        web.execute("UPDATE cohorts_cohort SET notice_min = 45, active = false WHERE id = %s", [cohort.pk])
    with psycopg.connect(committed_db.dsn("web")) as web:
        web.execute("UPDATE cohorts_cohort SET notice_min = 45 WHERE id = %s", [cohort.pk])
    newest, made = changes_of(Cohort, cohort.pk)
    assert newest.who == "ada"
    assert sorted((each.name, each.after) for each in newest.differences) == [("Active", "no"), ("Notice (min)", "45")]
    assert newest.seal is not None
    assert newest.seal.stream == f"cohort:{cohort.pk}"
    assert (made.what, made.differences, made.who) == ("made", (), "login postgres")


def test_a_plan_tells_its_states_and_the_login_alone(cohort: Cohort) -> None:
    plan = factories.plan_of({cohort: [Called(100)]}, requested_by=person("olivia", "operator"))
    factories.move(plan, Status.REJECTED, by=person("sam", "supervisor"))
    seal()
    changes = changes_of(Plan, plan.pk)
    assert told(changes)[0] == [("Status", "PENDING", "REJECTED")]
    assert {change.who for change in changes} <= {"login postgres", "not in the record"}


def test_secrets_and_names_have_no_history(db: None) -> None:
    columns = {field.name for model in (User, ApiToken) for field in history_of(model)._meta.concrete_fields}
    assert columns & SECRET == set()


def test_who_writes_a_row_writes_its_history_and_may_not_change_it(
    cohort: Cohort, as_role: Callable[[str], AbstractContextManager[None]]
) -> None:
    with as_role("web"):
        Cohort.objects.filter(pk=cohort.pk).update(notice_min=60)
    assert [each.after for each in changes_of(Cohort, cohort.pk)[0].differences] == ["60"]
    for history in HISTORIES.values():
        for role in ("web", "worker", "dispatch"):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT has_table_privilege(%s, %s, 'UPDATE') OR has_table_privilege(%s, %s, 'DELETE')",
                    [f"portal_{role}", history._meta.db_table] * 2,
                )
                assert cursor.fetchone() == (False,)


def test_pages_and_admin_show_it(cohort: Cohort) -> None:
    Cohort.objects.filter(pk=cohort.pk).update(notice_min=77)
    seal()
    text = text_of(as_("operator").get(f"/cohorts/{cohort.pk}/"))
    assert "Notice (min): " in text
    assert "→ 77" in text
    staff = person("sam", "supervisor")
    User.objects.filter(pk=staff.pk).update(is_staff=True)
    admin = text_of(signed_in(staff).get(f"/admin/cohorts/cohort/{cohort.pk}/history/"))
    assert "Changes of the row" in admin
    assert "→ 77" in admin
