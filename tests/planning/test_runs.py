"""A scenario begun anew is another run: what was left open in the one before is closed and stands in nobody's way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from dispatch.operations import run_once
from grid.models import Clock
from grid.operations import start_clock
from grid.queries import current_run
from planning.core.lifecycle import Status
from planning.models import Plan
from planning.operations import OfAnotherRun, approve_plan, close_earlier_runs
from planning.queries import calls_of_cohorts, plans_awaiting_approval
from portal.models import User
from tests import factories

START = datetime(2026, 8, 12, 19, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
WALL = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def begin(mode: str = "DRILL", *, start: datetime = START) -> None:
    """Start the clock; another start is another run."""
    start_clock(
        mode=mode,
        source="synthetic",
        scenario_start=None if mode == "LIVE" else start,
        speed=60.0,
        hold_for_votes=True,
        by=None,
        wall_at=WALL,
    )


def held() -> bool:
    return Clock.objects.get().held


def plan_in(status: Status) -> Plan:
    """A plan of the clock's run, in this state."""
    slug = f"cohort-{Plan.objects.count() + 1}"
    return factories.plan_of({factories.cohort(slug): [factories.Called(5)]}, requested_by=None, status=status)


def touch_plans() -> None:
    """Any statement that changes a state makes PostgreSQL look again whether a vote is awaited."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE planning_plan SET status = status")


@pytest.fixture
def supervisor() -> User:
    return factories.person("supervisor", "supervisor")


class TestRuns:
    def test_live_is_run_0_and_each_scenario_the_next(self) -> None:
        begin("LIVE")
        assert current_run() == 0
        begin()
        first = current_run()
        begin("LIVE")
        assert current_run() == 0
        begin(start=START + timedelta(days=1))
        assert current_run() == first + 1

    def test_the_same_start_goes_on_with_its_run(self) -> None:
        begin()
        before = current_run()
        begin()
        assert current_run() == before


class TestCloseEarlierRuns:
    @pytest.mark.parametrize(
        ("status", "end"),
        [
            (Status.PLANNING, Status.WITHDRAWN),
            (Status.PENDING, Status.WITHDRAWN),
            (Status.AUTHORISED, Status.CANCELLED),
            (Status.DISPATCHING, Status.ABORTED),
            (Status.ACTIVE, Status.ABORTED),
        ],
    )
    def test_ends_what_was_open_and_says_why(self, status: Status, end: Status) -> None:
        begin()
        plan = plan_in(status)
        begin(start=START + timedelta(days=1))
        closed = close_earlier_runs(at=START)
        plan.refresh_from_db()
        assert [each.pk for each in closed] == [plan.pk]
        assert plan.status == end
        last = plan.transitions.order_by("pk").last()
        assert last is not None
        assert (last.from_status, last.to_status, last.actor) == (status, end, "clock")

    def test_leaves_what_has_ended_and_what_is_live(self) -> None:
        begin("LIVE")
        live = plan_in(Status.PENDING)
        begin()
        done = plan_in(Status.COMPLETED)
        begin(start=START + timedelta(days=1))
        assert close_earlier_runs(at=START) == []
        live.refresh_from_db()
        done.refresh_from_db()
        assert (live.status, done.status) == (Status.PENDING, Status.COMPLETED)


class TestAnotherRun:
    def test_its_plans_hold_nothing_and_use_up_nothing(self) -> None:
        begin("LIVE")
        plan_in(Status.PENDING)
        plan_in(Status.COMPLETED)
        assert calls_of_cohorts(since=LONG_AGO)
        begin()
        touch_plans()
        assert not held()
        assert not plans_awaiting_approval().exists()
        assert not calls_of_cohorts(since=LONG_AGO)

    def test_its_plans_cannot_be_decided_nor_sent(self, supervisor: User) -> None:
        begin("LIVE")
        pending = plan_in(Status.PENDING)
        authorised = plan_in(Status.AUTHORISED)
        begin()
        assert pending.current_version is not None
        with pytest.raises(OfAnotherRun):
            approve_plan(plan_id=pending.pk, content_hash=pending.current_version.content_hash, by=supervisor, at=START)
        run_once(at=START, wall_at=WALL)
        pending.refresh_from_db()
        authorised.refresh_from_db()
        assert (pending.status, authorised.status) == (Status.PENDING, Status.AUTHORISED)
        assert not pending.current_version.votes.exists()


class TestCommittedEvents:
    def test_an_event_aborted_before_it_began_uses_up_nothing(self) -> None:
        begin("LIVE")
        plan = plan_in(Status.DISPATCHING)
        event = plan.current_version.events.get()  # type: ignore[union-attr]
        assert calls_of_cohorts(since=LONG_AGO)[event.cohort_id].calls == 1
        factories.move(plan, Status.ABORTED, at=event.starts_at)
        assert calls_of_cohorts(since=LONG_AGO) == {}

    def test_one_aborted_while_it_ran_counts(self) -> None:
        begin("LIVE")
        plan = plan_in(Status.ACTIVE)
        event = plan.current_version.events.get()  # type: ignore[union-attr]
        factories.move(plan, Status.ABORTED, at=event.starts_at + timedelta(minutes=1))
        assert calls_of_cohorts(since=LONG_AGO)[event.cohort_id].calls == 1
