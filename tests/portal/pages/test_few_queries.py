"""The pages of the main job that no list of pages holds ask the database few times too."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dispatch.operations import run_once
from planning.core.lifecycle import Status
from planning.models import Plan
from tests import factories
from tests.factories import PROPOSED_AT
from tests.portal.pages.browsing import as_, person

MOST_QUERIES = 12


def queries_of(path: str) -> list[str]:
    """What a second look asks for; the first one may fill what is kept for seconds."""
    client = as_("supervisor")
    assert client.get(path).status_code == 200
    with CaptureQueriesContext(connection) as seen:
        client.get(path)
    return [query["sql"][:160] for query in seen]


@pytest.mark.parametrize(
    "page", ["/plans/new/", *(f"/plans/{{}}/{a}/" for a in ("approve", "reject", "edit", "abort"))]
)
def test_forms(page: str, plan: Plan) -> None:
    found = queries_of(page.format(plan.pk))
    assert len(found) <= MOST_QUERIES, "\n".join(found)


def test_an_event(plan: Plan) -> None:
    factories.approve(plan, person("sam", "supervisor"))
    factories.move(plan, Status.AUTHORISED)
    run_once(at=PROPOSED_AT, wall_at=timezone.now())
    found = queries_of(f"/events/{plan.pk}/")
    assert len(found) <= MOST_QUERIES, "\n".join(found)
