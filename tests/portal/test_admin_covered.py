"""High tiers in the supervisors' site: no MW before one's own estimate, no first vote before one's own."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client

from cohorts.models import Cohort
from grid import clock
from planning.models import Estimate, Plan, PlannedEvent
from portal.models import User
from tests import policies
from tests.planning import builders
from tests.planning.builders import pending_plan
from tests.portal.pages.browsing import text_of

TELLING = ("15.0", "15.000", "14.0", "14.000", "83 %", "planned_p50_mw")


def staff(name: str) -> User:
    return builders.person(name, "supervisor", is_staff=True)


@pytest.fixture
def high(operator: User, pearland: Cohort) -> Plan:
    policies.every_plan_needs(2, estimate=True)
    return pending_plan(operator, pearland, approve_by=clock.now() + timedelta(minutes=30))


def pages_about(plan: Plan) -> tuple[str, ...]:
    event = PlannedEvent.objects.get(version=plan.current_version)
    return (
        "/admin/",
        "/admin/planning/plan/",
        f"/admin/planning/plan/{plan.pk}/change/",
        f"/admin/planning/planversion/{plan.current_version_id}/change/",
        "/admin/planning/plannedevent/",
        f"/admin/planning/plannedevent/{event.pk}/change/",
        "/admin/planning/planrequest/",
        f"/plans/{plan.pk}/reject/",
        f"/plans/{plan.pk}/abort/",
    )


def tell(person: User, plan: Plan) -> set[str]:
    """Which of the pages tell the plan's MW."""
    client = Client()
    client.force_login(person)
    read = {path: text_of(client.get(path, follow=True)) for path in pages_about(plan)}
    return {path for path, page in read.items() if any(number in page for number in TELLING)}


def test_no_page_tells_the_mw_before_the_estimate(high: Plan) -> None:
    sam = staff("sam")
    assert tell(sam, high) == set()
    Estimate.objects.create(version_id=high.current_version_id, by=sam, mw=Decimal(9), at=clock.now())
    assert tell(sam, high) >= set(pages_about(high)[:4])


def test_who_asked_is_told(high: Plan, operator: User) -> None:
    operator.is_staff = True
    operator.save(update_fields=["is_staff"])
    assert tell(operator, high) >= set(pages_about(high)[:4])


def test_the_first_vote_is_not_shown_to_the_second_voter(high: Plan) -> None:
    sam, sue = staff("sam"), staff("sue")
    policies.approve(high, sam, at=clock.now())
    for person, seen in ((sue, False), (sam, True)):
        client = Client()
        client.force_login(person)
        assert (">sam<" in client.get("/admin/planning/vote/").content.decode()) is seen
