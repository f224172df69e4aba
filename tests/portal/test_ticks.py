"""Recurring work: once per boundary of portal time, never on top of itself."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from portal.ticks import RECURRING, Recurring, Ticker, boundary, release_interrupted, tasks_in_queue

NOON = dt.datetime(2026, 8, 12, 17, 0, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
FAST, SLOW = Recurring("a.tasks.fast", MINUTE), Recurring("a.tasks.slow", 15 * MINUTE)


class TestBoundary:
    def test_is_half_open(self) -> None:
        assert boundary(NOON, 15 * MINUTE) == boundary(NOON + 15 * MINUTE - dt.timedelta(microseconds=1), 15 * MINUTE)
        assert boundary(NOON + 15 * MINUTE, 15 * MINUTE) == boundary(NOON, 15 * MINUTE) + 1


@pytest.mark.django_db
class TestRunDue:
    def test_first_look_enqueues_everything_once(self) -> None:
        ticker = Ticker((FAST, SLOW))
        assert ticker.run_due(NOON) == ["a.tasks.fast", "a.tasks.slow"]
        assert ticker.run_due(NOON + dt.timedelta(seconds=59)) == []
        assert OrmQ.objects.count() == 2

    def test_each_at_its_own_boundary(self) -> None:
        ticker = Ticker((FAST, SLOW))
        ticker.run_due(NOON)
        OrmQ.objects.all().delete()  # both have ended
        assert ticker.run_due(NOON + MINUTE) == ["a.tasks.fast"]
        OrmQ.objects.all().delete()
        assert ticker.run_due(NOON + 15 * MINUTE) == ["a.tasks.fast", "a.tasks.slow"]

    def test_does_not_pile_up_and_catches_up_once(self) -> None:
        ticker = Ticker((FAST,))
        ticker.run_due(NOON)
        for minute in range(1, 6):
            assert ticker.run_due(NOON + minute * MINUTE) == []
        assert OrmQ.objects.count() == 1
        OrmQ.objects.all().delete()
        assert ticker.run_due(NOON + 5 * MINUTE) == ["a.tasks.fast"]
        OrmQ.objects.all().delete()
        assert ticker.run_due(NOON + 5 * MINUTE) == []

    def test_standing_time_makes_no_work_and_going_back_does(self) -> None:
        ticker = Ticker((FAST,))
        ticker.run_due(NOON)
        OrmQ.objects.all().delete()
        assert ticker.run_due(NOON) == []
        assert ticker.run_due(NOON - dt.timedelta(hours=3)) == ["a.tasks.fast"]

    def test_worker_may_do_it_and_sees_the_names(self, as_role) -> None:
        with as_role("worker"):
            Ticker().run_due(NOON)
            assert tasks_in_queue() == {recurring.task for recurring in RECURRING}


@pytest.mark.django_db
def test_interrupted_tasks_are_due_at_once(as_role) -> None:
    wall_at = timezone.now()
    Ticker((FAST, SLOW)).run_due(NOON)
    OrmQ.objects.filter(pk=OrmQ.objects.order_by("pk").first().pk).update(lock=wall_at + dt.timedelta(seconds=90))
    OrmQ.objects.filter(lock__lte=timezone.now()).update(lock=wall_at - dt.timedelta(seconds=5))
    with as_role("worker"):
        assert release_interrupted(wall_at) == 1
    assert OrmQ.objects.filter(lock__lte=wall_at).count() == 2
