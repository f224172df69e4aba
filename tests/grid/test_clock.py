"""The one clock: PostgreSQL and Python agree, time neither jumps nor runs on, and a restart goes on sensibly."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grid import clock
from grid.core.intervals import operating_day
from grid.feeds import ReplayFileInvalid
from grid.models import Clock, ClockChange, ProcessHeartbeat
from grid.operations import (
    ClockNotControllable,
    ClockRightMissing,
    ScenarioIncomplete,
    ScenarioOutsideReplay,
    SourceWithoutFile,
    SpeedOutOfRange,
    StepNotPositive,
    beat,
    pause_clock,
    resume_clock,
    set_speed,
    start_clock,
    step_clock,
)
from portal.models import User
from tests.grid.replay_files import rows_between, write

pytestmark = pytest.mark.django_db
WALL = datetime(2026, 11, 22, 12, tzinfo=UTC)
DRILL_START = datetime(2026, 8, 12, 19, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def drill(**changed: Any) -> clock.ClockState:
    wanted: dict[str, Any] = {
        "mode": "DRILL",
        "source": "synthetic",
        "scenario_start": DRILL_START,
        "speed": 60,
        "hold_for_votes": True,
        "by": None,
        "wall_at": WALL,
    }
    return start_clock(**(wanted | changed))


def row() -> Clock:
    return Clock.objects.get(pk=1)


def sql_at(wall_at: datetime) -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT grid_clock_at(c, %s) FROM grid_clock c", [wall_at])
        return cursor.fetchone()[0]


def hold(pending: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT grid_hold_clock(%s)", [pending])


class TestLive:
    def test_is_wall_time_before_any_start(self) -> None:
        before = timezone.now()
        at = clock.now()
        assert before <= at <= timezone.now()
        state = clock.state()
        assert (state.mode, state.source, state.label) == ("LIVE", "synthetic", "SIMULATED GRID")
        assert state.is_running

    def test_cannot_be_controlled(self, operator: User) -> None:
        for act in (
            lambda: pause_clock(by=operator, wall_at=WALL),
            lambda: resume_clock(by=operator, wall_at=WALL),
            lambda: set_speed(speed=10, by=operator, wall_at=WALL),
            lambda: step_clock(minutes=15, by=operator, wall_at=WALL),
        ):
            with pytest.raises(ClockNotControllable):
                act()
        assert not ClockChange.objects.exists()
        assert row().mode == "LIVE"

    def test_does_not_stand_still_for_a_vote(self) -> None:
        hold(True)
        assert abs(clock.now() - timezone.now()) < timedelta(seconds=5)
        assert not clock.state().held

    def test_without_its_row_time_is_wall_time(self) -> None:
        Clock.objects.all().delete()
        assert abs(clock.now() - timezone.now()) < timedelta(seconds=5)
        assert clock.state().mode == "LIVE"


class TestScenarioTime:
    def test_runs_at_its_speed(self) -> None:
        drill()
        assert clock.at_wall(row(), WALL) == DRILL_START
        assert clock.at_wall(row(), WALL + timedelta(seconds=10)) == DRILL_START + 10 * MINUTE

    def test_never_runs_before_its_start(self) -> None:
        drill()
        assert clock.at_wall(row(), WALL - timedelta(hours=1)) == DRILL_START
        assert sql_at(WALL - timedelta(hours=1)) == DRILL_START

    def test_portal_now_is_the_row_at_the_servers_instant(self) -> None:
        drill(wall_at=timezone.now() - timedelta(seconds=30))
        elapsed = clock.now() - DRILL_START
        assert 30 * MINUTE <= elapsed <= 40 * MINUTE

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.floats(1, 600),
        st.timedeltas(timedelta(0), timedelta(days=2)),
        st.booleans(),
        st.booleans(),
        st.booleans(),
    )
    def test_postgresql_and_python_agree(
        self, speed: float, elapsed: timedelta, paused: bool, pending: bool, holds: bool
    ) -> None:
        drill(speed=speed, hold_for_votes=holds)
        Clock.objects.update(paused=paused, vote_pending=pending)
        in_sql, in_python = sql_at(WALL + elapsed), clock.at_wall(row(), WALL + elapsed)
        assert abs(in_sql - in_python) <= timedelta(microseconds=1)
        assert (in_python == DRILL_START) == (paused or (pending and holds) or not elapsed)

    def test_state_of_a_running_drill(self) -> None:
        state = drill()
        assert (state.mode, state.speed, state.paused, state.held) == ("DRILL", 60, False, False)
        assert state.at == DRILL_START
        assert state.scenario_end == operating_day(date(2026, 8, 13))[1]
        assert state.label == "simulated Wednesday in August"
        assert state.data_source == "synthetic:1"


class TestControls:
    def test_pause_and_resume_neither_jump_nor_run_on(self, operator: User) -> None:
        drill()
        paused = pause_clock(by=operator, wall_at=WALL + timedelta(seconds=10))
        assert paused.at == DRILL_START + 10 * MINUTE
        assert paused.paused
        assert clock.at_wall(row(), WALL + timedelta(hours=5)) == DRILL_START + 10 * MINUTE
        resumed = resume_clock(by=operator, wall_at=WALL + timedelta(hours=5))
        assert resumed.at == DRILL_START + 10 * MINUTE
        assert clock.at_wall(row(), WALL + timedelta(hours=5, seconds=1)) == DRILL_START + 11 * MINUTE

    def test_speed_holds_from_now_on(self, operator: User) -> None:
        drill()
        state = set_speed(speed=600, by=operator, wall_at=WALL + timedelta(seconds=10))
        assert state.at == DRILL_START + 10 * MINUTE
        assert clock.at_wall(row(), WALL + timedelta(seconds=11)) == DRILL_START + 20 * MINUTE

    @pytest.mark.parametrize("stopped", ["paused", "vote_pending", "neither"])
    def test_a_step_goes_ahead_whatever_stops_time(self, operator: User, stopped: str) -> None:
        drill()
        if stopped != "neither":
            Clock.objects.update(**{stopped: True})
        assert step_clock(minutes=15, by=operator, wall_at=WALL).at == DRILL_START + 15 * MINUTE
        assert clock.at_wall(row(), WALL) == DRILL_START + 15 * MINUTE

    @pytest.mark.parametrize("speed", [0, 0.99, 600.1, -1, float("nan"), float("inf")])
    def test_refuses_a_speed_out_of_range(self, operator: User, speed: float) -> None:
        drill()
        with pytest.raises(SpeedOutOfRange):
            set_speed(speed=speed, by=operator, wall_at=WALL)
        assert row().speed == 60
        assert ClockChange.objects.count() == 1

    @pytest.mark.parametrize("minutes", [0, -15, 1441, float("nan")])
    def test_refuses_a_step_back_or_too_far(self, operator: User, minutes: float) -> None:
        drill()
        with pytest.raises(StepNotPositive):
            step_clock(minutes=minutes, by=operator, wall_at=WALL)
        assert row().scenario_anchor == DRILL_START

    def test_refuses_who_has_no_right(self, auditor: User) -> None:
        drill()
        for act in (
            lambda: pause_clock(by=auditor, wall_at=WALL),
            lambda: resume_clock(by=auditor, wall_at=WALL),
            lambda: set_speed(speed=10, by=auditor, wall_at=WALL),
            lambda: step_clock(minutes=15, by=auditor, wall_at=WALL),
            lambda: drill(by=auditor, speed=10),
        ):
            with pytest.raises(ClockRightMissing):
                act()
        assert (row().paused, row().speed, row().scenario_anchor) == (False, 60, DRILL_START)
        assert ClockChange.objects.count() == 1

    def test_every_change_is_on_record_in_both_times(self, operator: User) -> None:
        drill()
        pause_clock(by=operator, wall_at=WALL + timedelta(seconds=10))
        pause_clock(by=operator, wall_at=WALL + timedelta(seconds=20))  # changes nothing, so there is nothing to record
        step_clock(minutes=15, by=operator, wall_at=WALL + timedelta(seconds=30))
        changes = ClockChange.objects.order_by("pk").values_list("action", "wall_at", "before_at", "after_at", "by")
        ten, later = DRILL_START + 10 * MINUTE, DRILL_START + 25 * MINUTE
        assert list(changes)[1:] == [
            ("PAUSED", WALL + timedelta(seconds=10), ten, ten, operator.pk),
            ("STEPPED", WALL + timedelta(seconds=30), ten, later, operator.pk),
        ]

    def test_the_record_cannot_be_rewritten(self) -> None:
        drill()
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            ClockChange.objects.update(action="PAUSED")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            ClockChange.objects.all().delete()
        assert ClockChange.objects.get().action == "STARTED"


class TestHold:
    def test_time_stands_still_while_a_vote_is_awaited_and_then_goes_on(self) -> None:
        drill(wall_at=timezone.now() - timedelta(seconds=10))
        hold(True)
        held_at = clock.now()
        assert DRILL_START + 10 * MINUTE <= held_at <= DRILL_START + 15 * MINUTE
        assert clock.state().held
        assert clock.now() == held_at
        hold(True)
        assert clock.now() == held_at
        hold(False)
        assert held_at <= clock.now() <= held_at + 5 * MINUTE
        assert not clock.state().held

    def test_time_runs_on_where_the_start_said_so(self) -> None:
        drill(wall_at=timezone.now(), hold_for_votes=False)
        hold(True)
        first = clock.now()
        assert clock.now() > first
        assert not clock.state().held

    def test_the_release_of_a_hold_does_not_end_a_pause(self, operator: User) -> None:
        drill()
        hold(True)
        pause_clock(by=operator, wall_at=timezone.now())
        hold(False)
        at = clock.now()
        assert clock.now() == at
        assert clock.state().paused

    def test_only_the_functions_of_the_owner_may_hold(
        self, as_role: Callable[[str], AbstractContextManager[None]]
    ) -> None:
        drill()
        for role in ("web", "worker", "dispatch"):
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic(), as_role(role):
                hold(True)
        assert not row().vote_pending


class TestStart:
    def test_the_same_start_goes_on_where_a_process_was_last_seen(self) -> None:
        drill()
        beat(name="worker", wall_at=WALL + timedelta(seconds=90))
        state = drill(wall_at=WALL + timedelta(days=3), speed=10)
        assert state.at == DRILL_START + 90 * MINUTE
        assert state.speed == 10
        assert clock.at_wall(row(), WALL + timedelta(days=3, seconds=6)) == DRILL_START + 91 * MINUTE
        assert list(ClockChange.objects.order_by("pk").values_list("action", flat=True)) == ["STARTED", "CONTINUED"]

    def test_without_a_sign_of_life_it_goes_on_from_its_anchor(self) -> None:
        drill()
        assert drill(wall_at=WALL + timedelta(days=3)).at == DRILL_START

    def test_a_step_just_before_the_end_counts(self, operator: User) -> None:
        drill()
        beat(name="worker", wall_at=WALL + timedelta(seconds=10))
        step_clock(minutes=120, by=operator, wall_at=WALL + timedelta(seconds=20))
        assert drill(wall_at=WALL + timedelta(days=3)).at == DRILL_START + 140 * MINUTE

    def test_a_pause_stays(self, operator: User) -> None:
        drill()
        pause_clock(by=operator, wall_at=WALL + timedelta(seconds=10))
        state = drill(wall_at=WALL + timedelta(days=3))
        assert (state.paused, state.at) == (True, DRILL_START + 10 * MINUTE)

    def test_a_scenario_whose_time_is_over_begins_anew(self) -> None:
        drill()
        beat(name="worker", wall_at=WALL + timedelta(hours=1))  # 60 scenario hours later
        assert drill(wall_at=WALL + timedelta(hours=2)).at == DRILL_START

    @pytest.mark.parametrize(
        "changed",
        [
            {"scenario_start": DRILL_START + timedelta(days=1)},
            {"random_seed": 2},
            {"mode": "LIVE", "scenario_start": None},
        ],
    )
    def test_another_start_begins_anew(self, changed: dict[str, Any]) -> None:
        drill()
        beat(name="worker", wall_at=WALL + timedelta(seconds=60))
        wall_at = WALL + timedelta(minutes=5)
        state = drill(**changed, wall_at=wall_at)
        assert state.at == changed.get("scenario_start", DRILL_START) or state.at == wall_at
        assert ClockChange.objects.order_by("-pk").values_list("action", flat=True)[0] == "STARTED"

    def test_an_edited_replay_file_begins_anew(self, replay: str) -> None:
        beat(name="worker", wall_at=WALL + timedelta(seconds=60))
        before = row().data_source
        write(Path(replay), rows_between(date(2023, 6, 2), date(2023, 6, 22)))
        state = start_clock(
            mode="REPLAY",
            source=replay,
            scenario_start=operating_day(date(2023, 6, 20))[0],
            speed=60,
            hold_for_votes=True,
            by=None,
            wall_at=WALL + timedelta(seconds=70),
        )
        assert state.data_source != before
        assert state.at == operating_day(date(2023, 6, 20))[0]

    def test_what_planning_said_of_votes_outlasts_a_start_that_goes_on(self) -> None:
        drill(wall_at=timezone.now())
        hold(True)
        assert drill(wall_at=timezone.now()).held

    def test_a_scenario_begun_anew_waits_for_no_vote_of_the_one_before(self) -> None:
        drill()
        hold(True)
        assert not drill(scenario_start=DRILL_START + timedelta(days=7)).held

    @pytest.mark.parametrize(
        ("changed", "refusal"),
        [
            ({"mode": "TURBO"}, ScenarioIncomplete),
            ({"scenario_start": None}, ScenarioIncomplete),
            ({"speed": 601}, SpeedOutOfRange),
            ({"mode": "REPLAY"}, SourceWithoutFile),
            ({"mode": "LIVE", "source": "history.csv"}, SourceWithoutFile),
        ],
    )
    def test_refuses_and_changes_nothing(self, changed: dict[str, Any], refusal: type[Exception]) -> None:
        with pytest.raises(refusal):
            drill(**changed)
        assert row().mode == "LIVE"
        assert not ClockChange.objects.exists()

    def test_refuses_a_day_the_file_does_not_hold(self, replay_file: str) -> None:
        start = operating_day(date(2024, 1, 1))[0]
        with pytest.raises(ScenarioOutsideReplay) as refused:
            drill(mode="REPLAY", source=replay_file, scenario_start=start)
        assert str(refused.value) == "The replay file holds 2023-06-01 to 2023-06-23, not 2024-01-01"
        assert row().mode == "LIVE"

    def test_refuses_a_bad_file(self, tmp_path: Path) -> None:
        path = write(tmp_path / "bad.csv", rows_between(date(2023, 6, 1), date(2023, 6, 1)), ["load_mw"])
        with pytest.raises(ReplayFileInvalid):
            drill(mode="REPLAY", source=path)
        assert row().mode == "LIVE"
        assert not ClockChange.objects.exists()

    def test_a_replay_takes_its_words_from_the_day(self, replay: str) -> None:
        assert row().label == "Tuesday 20 June 2023"

    def test_the_web_role_may_control_and_the_worker_may_not(
        self, operator: User, as_role: Callable[[str], AbstractContextManager[None]]
    ) -> None:
        drill()
        with as_role("web"):
            assert step_clock(minutes=15, by=operator, wall_at=WALL).at == DRILL_START + 15 * MINUTE
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic(), as_role("worker"):
            Clock.objects.update(speed=600)
        assert row().speed == 60


class TestBeat:
    def test_keeps_one_row_per_process_in_both_times(
        self, as_role: Callable[[str], AbstractContextManager[None]]
    ) -> None:
        drill()
        for role in ("worker", "dispatch"):
            with as_role(role):
                beat(name=role, wall_at=WALL)
                beat(name=role, wall_at=WALL + timedelta(seconds=10))
        assert set(ProcessHeartbeat.objects.values_list("name", "wall_at", "portal_at")) == {
            (role, WALL + timedelta(seconds=10), DRILL_START + 10 * MINUTE) for role in ("worker", "dispatch")
        }
