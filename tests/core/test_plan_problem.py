"""The planning problem refuses what makes no sense, with the values at fault."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from grid.core.intervals import NotOnQuarterHour
from planning.core.problem import (
    PlanningRefused,
    TargetExceedsEnrolled,
    TargetNotPositive,
    WindowInPast,
    WindowReversed,
    WindowTooLong,
    steps_needed,
)
from tests.core.fleet import HVAC, local, problem


class TestWindow:
    def test_refuses_an_end_before_the_start(self):
        good = problem()
        with pytest.raises(WindowReversed) as refused:
            replace(good, window_end=good.window_start)
        assert (refused.value.start, refused.value.end) == (good.window_start, good.window_start)
        assert refused.value.field == "window"

    def test_refuses_the_past(self):
        with pytest.raises(WindowInPast) as refused:
            problem(now=local(16.25))
        assert refused.value.now == local(16.25)

    def test_refuses_more_than_a_day(self):
        good = problem()
        with pytest.raises(WindowTooLong):
            replace(good, window_end=good.window_start + timedelta(hours=24, minutes=15))

    def test_refuses_what_is_between_quarter_hours(self):
        good = problem()
        with pytest.raises(NotOnQuarterHour):
            replace(good, window_end=good.window_end + timedelta(minutes=5))

    def test_counts_window_and_six_hours_after(self):
        good = problem(16, 19)
        assert (good.window_steps, good.n_steps, good.window_h) == (12, 36, 3.0)
        assert good.steps() == steps_needed(good.window_start, good.window_end)
        assert good.hours()[:2] == pytest.approx([16.0, 16.25])


class TestTarget:
    def test_refuses_more_than_enrolled(self):
        with pytest.raises(TargetExceedsEnrolled) as refused:
            problem(target_mw=104.0)
        assert (refused.value.asked_mw, refused.value.field) == (104.0, "target_mw")
        assert refused.value.enrolled_mw == pytest.approx(103.9)
        assert str(refused.value) == "104.0 MW asked, but the chosen cohorts have 103.9 MW enrolled"

    def test_takes_all_that_is_enrolled(self):
        assert problem(target_mw=103.9).target_mw == 103.9

    def test_counts_enrolled_accounts_that_cannot_be_called_now(self):
        good = problem(slugs=(HVAC,), target_mw=11.0)
        few = replace(good.cohorts[0], accounts_eligible=10, accounts_enrolled=420)
        assert replace(good, cohorts=(few,)).enrolled_mw == pytest.approx(11.3)

    @pytest.mark.parametrize("target_mw", [0.0, -1.0, float("nan"), float("inf")])
    def test_refuses_a_target_that_is_none(self, target_mw):
        with pytest.raises((TargetNotPositive, TargetExceedsEnrolled)):
            problem(target_mw=target_mw)


class TestShapes:
    def test_refuses_prices_of_another_length(self):
        with pytest.raises(ValueError, match="36 numbers"):
            replace(problem(), prices_usd_per_mwh=np.zeros(12))

    def test_refuses_unknown_prices(self):
        with pytest.raises(ValueError, match="numbers"):
            replace(problem(), prices_usd_per_mwh=np.full(36, np.nan))

    def test_refuses_temperatures_of_another_length(self):
        good = problem(target_mw=None)
        short = replace(good.cohorts[0], temps_f=np.full(12, 90.0))
        with pytest.raises(ValueError, match=short.slug):
            replace(good, cohorts=(short,))

    def test_refuses_unknown_temperatures(self):
        with pytest.raises(ValueError, match="temperatures"):
            replace(problem().cohorts[0], temps_f=np.full(36, np.nan))

    def test_refuses_a_cohort_twice(self):
        good = problem(slugs=(HVAC,), target_mw=None)
        with pytest.raises(ValueError, match="twice"):
            replace(good, cohorts=good.cohorts * 2)

    def test_refuses_stress_beyond_one(self):
        with pytest.raises(ValueError, match="stress"):
            replace(problem(), stress=1.5)

    def test_a_refusal_of_planning_is_a_refusal(self):
        assert issubclass(WindowReversed, PlanningRefused)
