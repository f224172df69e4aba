"""Runs keep every programme rule, on days of 23, 24 and 25 hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohorts.core.response import expected_run_kw, rebound_kw
from grid.core.intervals import CENTRAL, operating_day
from planning.core.patterns import feasible_patterns, run_times
from planning.core.problem import PlanningProblem
from planning.core.solve import NoCohortEligible, solve
from tests.core.fleet import BATTERY, EV, FLEET, HVAC, INDUSTRIAL, LIGHTING, THERMOSTAT, local, problem

SPRING_FORWARD, FALL_BACK = date(2024, 3, 10), date(2024, 11, 3)


def one(slug: str, *args: float, **changes: object) -> PlanningProblem:
    own = {key: changes.pop(key) for key in list(changes) if key in ("calls_used_season", "calls_used_today")}
    own |= {key: changes.pop(key) for key in list(changes) if key in ("called_last_at", "accounts_eligible")}
    plain = problem(*args, slugs=(slug,), target_mw=None, **changes)
    return replace(plain, cohorts=(replace(plain.cohorts[0], **own),))


def runs(asked: PlanningProblem) -> set[tuple[int, int]]:
    return {(pattern.first, pattern.length) for pattern in feasible_patterns(asked).patterns}


def reason(asked: PlanningProblem) -> str:
    found = feasible_patterns(asked)
    assert found.patterns == ()
    return found.not_eligible[0][1]


class TestRuns:
    def test_industry_runs_at_least_two_hours(self):
        assert runs(one(INDUSTRIAL, 16, 18.5)) == {(0, 8), (1, 8), (2, 8), (0, 9), (1, 9), (0, 10)}

    def test_thermostats_run_at_most_two_hours(self):
        assert max(length for _, length in runs(one(THERMOSTAT, 16, 20))) == 8

    def test_hvac_ends_at_seven(self):
        found = runs(one(HVAC, 17, 21))
        assert max(first + length for first, length in found) == 8

    def test_notice_delays_the_start(self):
        found = runs(one(EV, 16, 19, now=local(15.9)))  # 15:54 + 30 min: not before 16:24
        assert min(first for first, _ in found) == 2

    def test_rest_delays_the_start(self):
        found = runs(one(BATTERY, 16, 19, called_last_at=local(4.5)))  # rests 12 h
        assert min(first for first, _ in found) == 2


class TestReasons:
    def test_no_account(self):
        assert reason(one(HVAC, accounts_eligible=0)) == "no account is eligible"

    def test_budget_of_the_season(self):
        assert reason(one(HVAC, calls_used_season=6)) == "all 6 calls of the season are used"

    def test_budget_of_the_day(self):
        assert reason(one(HVAC, calls_used_today=1)) == "already called 1 of 1 times today"

    def test_season(self):
        assert reason(one(HVAC, day=date(2023, 3, 8))) == "outside its season (Jun, Jul, Aug, Sep)"

    def test_weekend(self):
        assert reason(one(LIGHTING, day=date(2023, 9, 9))) == "weekdays only"

    def test_hours(self):
        assert reason(one(HVAC, 20, 22)) == "outside its hours (13:00-19:00 Central)"

    def test_window_too_short(self):
        assert reason(one(INDUSTRIAL, 16, 17)) == "shortest event is 120 min, the window 60 min"

    def test_notice(self):
        said = reason(one(EV, 16, 16.5, now=local(15.9)))
        assert said == "needs 30 min notice: not before 06 Sep 16:24 Central"

    def test_rest(self):
        said = reason(one(THERMOSTAT, 16, 19, called_last_at=local(8)))
        assert said == "rests 16 h after its last event: not before 07 Sep 00:00 Central"

    def test_nothing_fits_both(self):
        assert reason(one(HVAC, 18.5, 20)) == "no 60 min within both the window and its hours"

    def test_none_eligible_is_a_refusal_with_all_reasons(self):
        asked = problem(20, 22, slugs=(HVAC, LIGHTING), target_mw=5.0, day=date(2023, 9, 9))
        with pytest.raises(NoCohortEligible) as refused:
            solve(asked)
        assert refused.value.reasons == {HVAC: "weekdays only", LIGHTING: "weekdays only"}
        assert refused.value.field == "cohorts"


class TestProfiles:
    def test_sheds_while_called_then_rebounds(self):
        asked = one(THERMOSTAT, 16, 18)
        pattern = next(each for each in feasible_patterns(asked).patterns if (each.first, each.length) == (0, 4))
        run = expected_run_kw(asked.cohorts[0].model, 3.0, np.full(4, 100.0), asked.hours()[:4]) / 1000
        assert pattern.shed_mw == pytest.approx(np.concatenate([run, np.zeros(4)]))
        assert pattern.net_mw[:4] == pytest.approx(run)
        back = rebound_kw(asked.cohorts[0].model, run)
        assert pattern.net_mw[4:12] == pytest.approx(-back)
        assert pattern.net_mw[12:] == pytest.approx(np.zeros(20))

    def test_rebound_beyond_the_horizon_is_cut(self):
        asked = one(BATTERY, 16, 18)
        pattern = max(feasible_patterns(asked).patterns, key=lambda each: (each.first + each.length, each.length))
        assert pattern.net_mw.shape == (32,)
        assert -pattern.net_mw[8:].sum() < 1.1 * pattern.shed_mw.sum()


class TestCivilTime:
    def test_the_day_of_23_hours(self):
        start, end = operating_day(SPRING_FORWARD)
        asked = whole_day(start, end, day=SPRING_FORWARD)
        assert asked.window_steps == 92
        for pattern in feasible_patterns(asked).patterns:
            starts_at, ends_at = run_times(asked, pattern)
            assert starts_at.astimezone(CENTRAL).hour >= 12
            assert ends_at <= end

    def test_the_repeated_hour_is_an_hour_like_others(self):
        start, end = operating_day(FALL_BACK)
        asked = one(BATTERY, 0, 4, day=FALL_BACK, now=start - timedelta(hours=3))
        assert asked.window_steps == 20  # five hours between the clocks' 0:00 and 4:00
        assert max(length for _, length in runs(asked)) == 12
        assert solve(replace(asked, target_mw=2.0)).shortfall_mw < 2.0
        assert end - start == timedelta(hours=25)

    @settings(max_examples=60, deadline=None)
    @given(
        st.sampled_from([row[0] for row in FLEET]),
        st.dates(date(2023, 1, 1), date(2025, 12, 31)),
        st.integers(8, 76),
        st.integers(1, 20),
        st.integers(0, 600),
    )
    def test_every_run_keeps_every_rule(self, slug, day, first_quarter, quarters, lead_min):
        # The window is measured in elapsed time, so it may hold a skipped or repeated hour.
        start = local(first_quarter / 4, day)
        asked = window(slug, start, start + timedelta(minutes=15 * quarters), start - timedelta(minutes=lead_min), day)
        rules = asked.cohorts[0].rules
        for pattern in feasible_patterns(asked).patterns:
            starts_at, ends_at = run_times(asked, pattern)
            first, last = starts_at.astimezone(CENTRAL), (ends_at - timedelta(seconds=1)).astimezone(CENTRAL)
            assert asked.window_start <= starts_at < ends_at <= asked.window_end
            assert rules.min_event_min <= (ends_at - starts_at).total_seconds() / 60 <= rules.max_event_min
            assert first.month in rules.season_months
            assert not rules.weekdays_only or first.weekday() < 5
            assert rules.earliest_hour <= first.hour
            assert last.hour < rules.latest_hour
            assert starts_at - asked.now >= timedelta(minutes=rules.notice_min)


def whole_day(start, end, *, day):
    return window(EV, start, end, start - timedelta(hours=2), day)


def window(slug, start, end, now, day):
    steps = (end - start) // timedelta(minutes=15) + 24
    plain = problem(12, 13, slugs=(slug,), target_mw=None, day=day)
    return replace(
        plain,
        now=now,
        window_start=start,
        window_end=end,
        cohorts=(replace(plain.cohorts[0], temps_f=np.full(steps, 95.0)),),
        prices_usd_per_mwh=np.full(steps, 100.0),
    )
