"""A freeze: who, since when and why, and nothing offered that it does not allow."""

from __future__ import annotations

import re

import pytest

from planning.core.lifecycle import Status
from planning.models import Freeze, Plan
from tests import factories
from tests.factories import PROPOSED_AT
from tests.portal.pages.browsing import as_, person, signed_in, text_of

WORDS = "by omar since Wed 6 Sep 14:00 CDT: line down at Katy"


@pytest.fixture
def freeze(plan: Plan) -> Freeze:
    return Freeze.objects.create(by=person("omar", "operator"), reason="line down at Katy", starts_at=PROPOSED_AT)


def offers(body: str, plan: Plan) -> set[str]:
    """Acts; the evidence is only read."""
    return set(re.findall(rf'href="/plans/{plan.pk}/(\w+)/"', body)) - {"evidence"}


def test_before_it_everything_is_offered(plan: Plan) -> None:
    body = as_("supervisor").get(f"/plans/{plan.pk}/").content.decode()
    assert offers(body, plan) == {"approve", "reject", "edit", "abort", "force"}


def test_an_open_plan_can_be_rejected_and_withdrawn_alone(plan: Plan, freeze: Freeze) -> None:
    page = as_("supervisor").get(f"/plans/{plan.pk}/")
    text = text_of(page)
    assert offers(page.content.decode(), plan) == {"reject", "abort"}
    assert f"▲ FROZEN {WORDS}. Nothing is approved and nothing sent." in text
    assert f"▲ Frozen {WORDS}. Nobody can approve or force it before the freeze ends." in text
    assert "Your decision" not in text


@pytest.mark.parametrize("action", ["approve", "force"])
def test_the_page_that_asks_has_no_form(action: str, plan: Plan, freeze: Freeze) -> None:
    page = as_("supervisor").get(f"/plans/{plan.pk}/{action}/")
    assert f"▲ Frozen {WORDS}" in text_of(page)
    assert 'name="content_hash"' not in page.content.decode()


def test_the_supervisors_site_offers_no_vote_either(plan: Plan, freeze: Freeze) -> None:
    sam = person("sam", "supervisor")
    sam.is_staff = True
    sam.save()
    page = signed_in(sam).get(f"/admin/planning/plan/{plan.pk}/change/")
    assert f"▲ Frozen {WORDS}. Nobody can approve or force it before the freeze ends." in text_of(page)
    assert 'id="approve-reason"' not in page.content.decode()
    assert 'id="reject-reason"' in page.content.decode()


def test_an_approved_plan_waits_and_can_be_stopped(plan: Plan, freeze: Freeze) -> None:
    voter = person("sam", "supervisor")
    factories.move(plan, Status.AUTHORISED, by=voter)
    page = as_("supervisor").get(f"/plans/{plan.pk}/")
    assert f"▲ Frozen {WORDS}. It is not sent before the freeze ends; past 15:30 CDT it expires." in text_of(page)
    assert offers(page.content.decode(), plan) == {"abort"}
