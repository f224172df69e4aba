"""The order of the approval queue: megawatts at stake per minute left."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cohorts.models import Cohort
from planning.queries import by_urgency, plan_cards
from portal.models import User
from tests.planning import builders
from tests.planning.builders import pending_plan

AT = datetime(2026, 8, 18, 20, 0, tzinfo=UTC)


def card(person: User, cohort: Cohort, *, minutes: float, mw: float | None) -> Any:
    made = plan_cards([pending_plan(person, cohort, approve_by=AT + timedelta(minutes=minutes))])[0]
    content = None if mw is None else replace(made.content, planned_p50_mw=mw)
    return replace(made, content=content)


@pytest.fixture
def cohort(db: None) -> Cohort:
    return builders.cohort()


class TestByUrgency:
    def test_a_large_plan_with_more_time_comes_before_a_small_one_with_less(self, cohort: Cohort) -> None:
        person = builders.person("olivia", "operator")
        small = card(person, cohort, minutes=20, mw=2.0)  # 0.1 MW a minute
        large = card(person, cohort, minutes=60, mw=30.0)  # 0.5 MW a minute
        late = card(person, cohort, minutes=0.01, mw=0.4)  # counted as one minute left: 0.4 MW a minute
        unsolved = card(person, cohort, minutes=5, mw=None)
        assert by_urgency([unsolved, small, late, large], at=AT) == [large, late, small, unsolved]
