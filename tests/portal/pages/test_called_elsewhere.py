"""Another plan, approved meanwhile, calls the cohort: said before anybody votes, and no vote is offered."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from cohorts.models import Cohort
from planning.core.lifecycle import Status
from planning.models import Plan, Vote
from portal.models import User
from tests import factories
from tests.portal.pages.browsing import as_, person, signed_in, text_of

REPLAN = "no approval before a re-plan"


@pytest.fixture
def other(plan: Plan, thermostats: Cohort, asker: User) -> Plan:
    """Approved after `plan` was proposed: the same cohort in the same window."""
    made = factories.plan_of({thermostats: [factories.Called(100)]}, requested_by=asker)
    voter = person("olga", "operator")
    factories.approve(made, voter)
    factories.move(made, Status.AUTHORISED, by=voter)
    return made


def taken(other: Plan, cohort: Cohort) -> str:
    return f"plan {other.pk}, approved meanwhile, already calls {cohort.name}"


class TestPages:
    def test_the_plan_says_so_in_red_and_offers_no_vote(self, plan: Plan, other: Plan, thermostats: Cohort) -> None:
        client = as_("supervisor")
        page = client.get(f"/plans/{plan.pk}/")
        text, body = text_of(page), page.content.decode()
        assert f"▲ {REPLAN}" in text
        assert (
            f"▲ {thermostats.name} is taken: plan {other.pk} , approved meanwhile, calls it Wed 6 Sep 16:00–18:00 CDT"
            in text
        )
        assert f'href="/plans/{other.pk}/"' in body
        assert f"You cannot approve it: {taken(other, thermostats)}; edit it, so that it is made anew" in text
        assert f'href="/plans/{plan.pk}/approve/"' not in body
        assert f'href="/plans/{plan.pk}/force/"' not in body
        assert f'href="/plans/{plan.pk}/reject/"' in body
        assert f'href="/plans/{plan.pk}/edit/"' in body

    @pytest.mark.parametrize("action", ["approve", "force"])
    def test_the_page_that_asks_has_no_form(self, action: str, plan: Plan, other: Plan, thermostats: Cohort) -> None:
        page = as_("supervisor").get(f"/plans/{plan.pk}/{action}/")
        assert thermostats.name in text_of(page)
        assert f'href="/plans/{other.pk}/"' in page.content.decode()
        assert 'name="content_hash"' not in page.content.decode()

    def test_who_posts_all_the_same_is_refused(self, plan: Plan, other: Plan, thermostats: Cohort) -> None:
        form = {"content_hash": plan.current_version.content_hash, "reason": "now"}
        answer = as_("supervisor").post(f"/plans/{plan.pk}/approve/", form)
        assert answer.status_code == 409
        assert f"Plan {other.pk}, approved meanwhile, already calls {thermostats.name}" in text_of(answer)
        assert not Vote.objects.filter(version=plan.current_version).exists()

    @pytest.mark.parametrize("path", ["/", "/plans/"])
    def test_the_lists_mark_it(self, path: str, plan: Plan, other: Plan, thermostats: Cohort) -> None:
        assert f"▲ {REPLAN}: plan {other.pk} calls {thermostats.name}" in text_of(as_("supervisor").get(path))

    def test_without_another_nothing_is_said(self, plan: Plan) -> None:
        page = as_("supervisor").get(f"/plans/{plan.pk}/")
        assert REPLAN not in text_of(page)
        assert f'href="/plans/{plan.pk}/approve/"' in page.content.decode()

    def test_another_cohort_takes_nothing(self, plan: Plan, asker: User) -> None:
        beside = factories.cohort(slug="beside")
        made = factories.plan_of({beside: [factories.Called(100)]}, requested_by=asker)
        factories.move(made, Status.AUTHORISED, by=asker)
        assert REPLAN not in text_of(as_("supervisor").get(f"/plans/{plan.pk}/"))

    def test_one_aborted_before_it_began_takes_nothing(self, plan: Plan, other: Plan) -> None:
        for status in (Status.DISPATCHING, Status.ABORTING, Status.ABORTED):
            factories.move(other, status, actor="dispatch")
        assert REPLAN not in text_of(as_("supervisor").get(f"/plans/{plan.pk}/"))


class TestAdmin:
    @pytest.fixture
    def client(self) -> Client:
        return signed_in(self.supervisor())

    def supervisor(self) -> User:
        made = person("sam", "supervisor")
        made.is_staff = True
        made.save()
        return made

    @pytest.mark.parametrize("path", ["/admin/", "/admin/planning/plan/"])
    def test_the_queue_marks_it(self, path: str, client: Client, plan: Plan, other: Plan, thermostats: Cohort) -> None:
        assert f"▲ {REPLAN}: plan {other.pk} calls {thermostats.name}" in text_of(client.get(path))

    def test_the_plan_offers_no_vote(self, client: Client, plan: Plan, other: Plan) -> None:
        page = client.get(f"/admin/planning/plan/{plan.pk}/change/")
        assert f"▲ {REPLAN}" in text_of(page)
        assert 'id="approve-reason"' not in page.content.decode()
        assert 'id="reject-reason"' in page.content.decode()


class TestApi:
    def test_drift_is_red_and_names_the_plan(self, plan: Plan, other: Plan, thermostats: Cohort) -> None:
        body: dict[str, Any] = as_("supervisor").get(f"/api/v1/plans/{plan.pk}/drift").json()
        assert body["level"] == "red"
        assert body["called_elsewhere"] == [
            {
                "cohort": thermostats.name,
                "plan_id": other.pk,
                "starts_at": "2023-09-06T16:00:00-05:00",
                "ends_at": "2023-09-06T18:00:00-05:00",
            }
        ]
