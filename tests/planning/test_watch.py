"""The watch agent on the drill's synthetic day: asks once, in time, says why, and never decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cohorts.demo import seed_demo_cohorts
from grid.operations import current_feed, ingest, start_clock
from grid.queries import stress_at
from planning.core.lifecycle import Status
from planning.core.plan_content import parse_content
from planning.models import Plan, PlanVersion
from planning.proposal import solve_request
from planning.watch import LEAD_LONGEST, LEAD_SHORTEST, watch

DRILL_START = datetime(2026, 8, 12, 19, 0, tzinfo=UTC)  # 14:00 Central
WALL = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def day() -> datetime:
    """A drill with its demo cohorts, its grid known until two in the afternoon."""
    start_clock(
        mode="DRILL",
        source="synthetic",
        scenario_start=DRILL_START,
        speed=60.0,
        hold_for_votes=True,
        by=None,
        wall_at=WALL,
    )
    ingest(feed=current_feed(), at=DRILL_START, wall_at=WALL)
    seed_demo_cohorts(at=DRILL_START)
    return DRILL_START


def looked(at: datetime, *, until: datetime) -> tuple[Plan, datetime]:
    """Look every quarter of an hour as the worker does; the plan asked for, and when."""
    while at < until:
        ingest(feed=current_feed(), at=at, wall_at=WALL)
        plan = watch(at=at, mode="DRILL")
        if plan is not None:
            return plan, at
        at += timedelta(minutes=15)
    raise AssertionError("the agent asked for nothing")


class TestWatch:
    def test_asks_in_time_says_why_and_only_asks(self, day: datetime) -> None:
        plan, at = looked(day, until=day + timedelta(hours=5))
        stress = stress_at(at=at)
        assert stress.starts_at is not None
        assert LEAD_SHORTEST <= stress.starts_at - at <= LEAD_LONGEST
        assert (plan.origin, plan.requested_by, plan.status) == ("AGENT", None, Status.PLANNING)
        assert plan.requests.get().reason == " ".join(stress.reasons)
        assert not PlanVersion.objects.exists()

    def test_asks_once_a_day(self, day: datetime) -> None:
        _plan, at = looked(day, until=day + timedelta(hours=5))
        assert watch(at=at + timedelta(minutes=15), mode="DRILL") is None
        Plan.objects.update(status=Status.REJECTED)
        assert watch(at=at + timedelta(minutes=30), mode="DRILL") is None
        assert Plan.objects.count() == 1

    def test_what_it_saw_stays_the_reason_when_it_is_solved_later(self, day: datetime) -> None:
        plan, at = looked(day, until=day + timedelta(hours=5))
        said = plan.requests.get().reason
        version = solve_request(plan_id=plan.pk, number=1, at=at + timedelta(minutes=10))
        assert version is not None
        assert parse_content(version.content).rationale[0] == said

    def test_leaves_people_time_to_decide_and_notice_to_the_programmes(self, day: datetime) -> None:
        plan, at = looked(day, until=day + timedelta(hours=5))
        assert solve_request(plan_id=plan.pk, number=1, at=at) is not None
        plan.refresh_from_db()
        assert plan.approve_by is not None
        assert plan.dispatch_by is not None
        assert at + timedelta(minutes=20) <= plan.approve_by < plan.dispatch_by
        for event in plan.current_version.events.select_related("cohort"):  # type: ignore[union-attr]
            assert event.starts_at - plan.dispatch_by >= timedelta(minutes=event.cohort.notice_min)

    def test_solving_twice_makes_one_version(self, day: datetime) -> None:
        plan, at = looked(day, until=day + timedelta(hours=5))
        assert solve_request(plan_id=plan.pk, number=1, at=at) is not None
        assert solve_request(plan_id=plan.pk, number=1, at=at) is None
        assert PlanVersion.objects.count() == 1
        assert plan.transitions.filter(to_status="PENDING").count() == 1
