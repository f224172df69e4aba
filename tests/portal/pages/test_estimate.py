"""High tiers: one's own estimate comes before the plan's numbers, also while something holds the vote up."""

from __future__ import annotations

from typing import Any

import pytest

from cohorts.models import Cohort
from planning.core.content import parse_content
from planning.models import Estimate, Freeze, Plan
from portal.models import User
from tests import factories, policies
from tests.factories import PROPOSED_AT
from tests.portal.pages.browsing import hidden, person, signed_in, text_of


@pytest.fixture
def high(thermostats: Cohort, asker: User) -> Plan:
    policies.every_plan_needs(1, estimate=True)
    return factories.plan_of({thermostats: [factories.Called(100)]}, requested_by=asker)


def numbers_of(plan: Plan) -> str:
    assert plan.current_version is not None
    return f"{parse_content(plan.current_version.content).planned_p50_mw:,.1f} MW less"


def test_the_number_is_covered_until_the_estimate_is_given(high: Plan) -> None:
    client = signed_in(person("sam", "supervisor"))
    assert numbers_of(high) not in text_of(client.get("/"))
    for path in (f"/plans/{high.pk}/", f"/plans/{high.pk}/approve/", f"/plans/{high.pk}/force/"):
        answer = client.get(path)
        assert (answer.status_code, answer["Location"]) == (302, f"/plans/{high.pk}/estimate/")
    asked = client.get(f"/plans/{high.pk}/estimate/")
    form: dict[str, Any] = {"content_hash": hidden(asked, "content_hash"), "mw": "0.4"}
    assert client.post(f"/plans/{high.pk}/estimate/", form)["Location"] == f"/plans/{high.pk}/"
    assert float(Estimate.objects.get().mw) == 0.4
    assert numbers_of(high) in text_of(client.get(f"/plans/{high.pk}/"))


def test_a_freeze_uncovers_nothing(high: Plan) -> None:
    sam = person("sam", "supervisor")
    Freeze.objects.create(by=sam, reason="line down", starts_at=PROPOSED_AT)
    client = signed_in(sam)
    assert client.get(f"/plans/{high.pk}/")["Location"] == f"/plans/{high.pk}/estimate/"
    assert numbers_of(high) not in text_of(client.get("/"))


def test_whoever_cannot_vote_sees_the_plan(high: Plan, asker: User) -> None:
    for reader in (asker, person("ada", "auditor")):
        assert numbers_of(high) in text_of(signed_in(reader).get(f"/plans/{high.pk}/"))
