"""What the worker writes beside a version, and where it says it is meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from planning.models import Plan, PlanAlternative, Stage
from planning.operations import Wish, propose_plan
from planning.proposal import solve_request
from planning.queries import options_of
from portal.models import User
from tests import factories
from tests.factories import PROPOSED_AT, WINDOW_END, WINDOW_START

pytestmark = pytest.mark.django_db


@pytest.fixture
def solved(operator: User, as_role: Callable[[str], AbstractContextManager[None]]) -> Plan:
    """A plan by the balanced strategy, solved with the worker's rights."""
    factories.drill()
    days = timedelta(days=15)
    factories.observe_temperature(start=PROPOSED_AT - days, hours=15 * 24)
    factories.observe_prices(dict.fromkeys(range(days // timedelta(hours=1)), 100.0), start=PROPOSED_AT - days)
    factories.forecast()
    factories.cohort()
    wish = Wish(strategy="balanced", window_start=WINDOW_START, window_end=WINDOW_END, target_mw=Decimal("0.3"))
    plan = propose_plan(wish=wish, by=operator, at=PROPOSED_AT, mode="DRILL")
    assert plan.stage == Stage.QUEUED
    with as_role("worker"):
        solve_request(plan_id=plan.pk, number=1, at=PROPOSED_AT)
    plan.refresh_from_db()
    assert plan.failure == ""
    return plan


class TestAlternatives:
    def test_stand_beside_the_version_with_doing_nothing_first_and_the_plan_among_them(self, solved: Plan) -> None:
        options = options_of(solved.current_version)
        assert [each.option for each in options] == [
            "do_nothing",
            "balanced",
            "cost_minimize",
            "reliability",
            "emergency",
        ]
        nothing, this = options[:2]
        assert nothing.exposed_usd == pytest.approx(this.value_usd, abs=0.01)
        assert nothing.highest_usd_per_mwh == pytest.approx(100.0)
        assert WINDOW_START <= nothing.highest_at < WINDOW_END

    def test_are_no_part_of_what_is_voted_on(self, solved: Plan) -> None:
        assert "do_nothing" not in solved.current_version.content
        assert solved.stage == Stage.COMPARING

    def test_stay_as_they_were_shown(self, solved: Plan) -> None:
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            PlanAlternative.objects.update(cost_usd=0.0)
        assert PlanAlternative.objects.count() == 4

    def test_of_a_version_without_them_doing_nothing_is_known(self, operator: User) -> None:
        plan = factories.plan_of({factories.cohort(): [factories.Called(100)]}, requested_by=operator)
        nothing, this = options_of(plan.current_version)
        assert (nothing.option, this.option) == ("do_nothing", "balanced")
        assert (nothing.exposed_usd, nothing.highest_usd_per_mwh) == (this.value_usd, None)
        assert nothing.exposed_mwh == pytest.approx(this.value_usd / 300.0, abs=0.01)
