"""The simulated endpoints: hand-worked numbers, a slow twin, and what must hold for any event."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohorts.core.model import OptOut
from cohorts.core.response import RESPONSE_MODELS, Technology, expected_run_kw, sustainable_share
from dispatch.simulator.draws import EventIdentity, common_shock, draw_event
from dispatch.simulator.physics import NEVER, Calls, EventResponse, Surroundings, simulate_event
from dispatch.simulator.truth import TRUTH_MODELS

HOUR = 12  # steps of 5 minutes
HORIZON = 6 * HOUR
FLEET = {
    Technology.EV: (3_600, 5.0),
    Technology.BATTERY: (1_200, 5.0),
    Technology.THERMOSTAT: (7_100, 3.0),
    Technology.HVAC: (420, 11_300 / 420),
    Technology.LIGHTING: (640, 7.5),
    Technology.INDUSTRIAL: (40, 1_062.5),
}


def identity(seed: int = 1, day: int = 17, cohort: str = "somewhere") -> EventIdentity:
    return EventIdentity(seed, date(2023, 8, day), cohort, datetime(2023, 8, day, 21, tzinfo=UTC))


def one_run(accounts: int, steps: int, start: int = 0) -> Calls:
    numbers = np.arange(1, accounts + 1)
    return Calls(numbers, np.full(accounts, start), np.full(accounts, start + steps))


def afternoon(n_steps: int, temp_f: float = 100.0, from_hour: float = 16.0) -> Surroundings:
    return Surroundings(np.full(n_steps, temp_f), from_hour + np.arange(n_steps) / HOUR)


def play(technology: Technology, *, seed: int = 1, hours: float = 2.0, temp_f: float = 100.0, **more) -> EventResponse:
    accounts, kw = FLEET[technology]
    steps = int(hours * HOUR)
    return simulate_event(
        identity=identity(seed),
        model=RESPONSE_MODELS[technology],
        kw_per_account=kw,
        calls=one_run(accounts, steps),
        surroundings=afternoon(steps + HORIZON, temp_f),
        **more,
    )


class TestHandWorked:
    """A fleet without chance, so that a pencil suffices."""

    MODEL = replace(
        RESPONSE_MODELS[Technology.LIGHTING],
        offline_share=0.0,
        opt_out=OptOut(),
        hour_share=(1.0,) * 24,
        account_cv=1e-9,
    )

    def test_two_lights_of_10_kw_for_half_an_hour(self):
        factor = self._factor()
        response = simulate_event(
            identity=identity(),
            model=self.MODEL,
            kw_per_account=10.0,
            calls=one_run(2, 6, start=3),
            surroundings=afternoon(12),
        )
        assert response.curtailed_kw == pytest.approx([0.0] * 3 + [20.0 * factor] * 6 + [0.0] * 3)
        assert response.responding.tolist() == [0] * 3 + [2] * 6 + [0] * 3
        assert response.curtailed_kwh == pytest.approx([5.0 * factor] * 2)

    def test_the_rebound_follows_its_kernel(self):
        model = replace(
            self.MODEL, rebound=replace(self.MODEL.rebound, energy_share=0.5, delay_steps=1, duration_steps=2)
        )
        response = simulate_event(
            identity=identity(),
            model=model,
            kw_per_account=12.0,
            calls=one_run(1, 12),
            surroundings=afternoon(24),
        )
        # 12 kWh shed, half of it back over 30 minutes, beginning 15 minutes after release: 12 kW.
        back = 12.0 * self._factor()
        assert response.rebound_kw == pytest.approx([0.0] * 15 + [back] * 6 + [0.0] * 3)
        assert response.curtailed_kw[15:21] == pytest.approx([-back] * 6)

    def test_a_battery_spreads_its_energy_over_the_run(self):
        model = replace(
            RESPONSE_MODELS[Technology.BATTERY], offline_share=0.0, opt_out=OptOut(), account_cv=1e-9, energy_h=2.0
        )
        two, four = (
            simulate_event(
                identity=identity(),
                model=model,
                kw_per_account=5.0,
                calls=one_run(1, hours * HOUR),
                surroundings=afternoon(hours * HOUR),
            )
            for hours in (2, 4)
        )
        assert four.curtailed_kw[0] == pytest.approx(two.curtailed_kw[0] / 2)
        assert four.curtailed_kwh[0] == pytest.approx(two.curtailed_kwh[0])

    def _factor(self) -> float:
        truth = TRUTH_MODELS[self.MODEL.technology]
        return draw_event(identity(), model=self.MODEL, truth=truth, numbers=np.array([1])).response_factor


class TestSeeds:
    def test_same_seed_same_numbers(self):
        first, second = play(Technology.THERMOSTAT), play(Technology.THERMOSTAT)
        assert np.array_equal(first.curtailed_kw, second.curtailed_kw)
        assert np.array_equal(first.opted_out_step, second.opted_out_step)

    @pytest.mark.parametrize("technology", list(Technology))
    def test_another_seed_another_delivery(self, technology):
        first, second = play(technology, seed=1), play(technology, seed=2)
        assert not np.allclose(first.curtailed_kw[:24], second.curtailed_kw[:24], rtol=1e-4)

    def test_the_shock_of_a_day_is_common_to_all_cohorts(self):
        assert common_shock(identity(cohort="one")) == common_shock(identity(cohort="two"))
        assert common_shock(identity(day=17)) != common_shock(identity(day=18))

    def test_the_shock_is_about_5_percent_and_centred(self):
        shocks = np.array([common_shock(identity(seed=seed)) for seed in range(4_000)])
        assert shocks.mean() == pytest.approx(1.0, abs=0.003)
        assert shocks.std() == pytest.approx(0.05, abs=0.003)

    def test_truth_is_over_dispersed_otherwise_than_the_planner_thinks(self):
        for technology, truth in TRUTH_MODELS.items():
            assert 12.0 <= truth.kappa <= 60.0
            assert truth.kappa != RESPONSE_MODELS[technology].participation_kappa


class TestMeanTruth:
    """Over many seeds the truth agrees with what the planner expects, so that confidence can be checked."""

    @pytest.mark.parametrize("technology", list(Technology))
    def test_mean_over_seeds_is_near_the_expectation(self, technology):
        accounts, kw = FLEET[technology]
        expected = expected_run_kw(RESPONSE_MODELS[technology], kw, np.full(8, 100.0), 16 + np.arange(8) / 4).mean()
        delivered = [play(technology, seed=seed).curtailed_kw[: 2 * HOUR].mean() for seed in range(120)]
        assert np.mean(delivered) == pytest.approx(accounts * expected, rel=0.05)

    def test_thermostats_opt_out_15_to_30_percent_in_2_hours_at_100_f(self):
        shares = [np.mean(play(Technology.THERMOSTAT, seed=seed).opted_out_step < NEVER) for seed in range(60)]
        assert 0.18 <= np.mean(shares) <= 0.27
        assert np.mean([0.15 <= share <= 0.30 for share in shares]) >= 0.7

    def test_thermostats_opt_out_less_when_it_is_cooler(self):
        hot, mild = (np.mean(play(Technology.THERMOSTAT, temp_f=t).opted_out_step < NEVER) for t in (100.0, 80.0))
        assert mild < hot


@st.composite
def events(draw) -> tuple[Technology, Calls, int]:
    technology = draw(st.sampled_from(list(Technology)))
    runs = draw(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 8), st.integers(1, 8)), min_size=1, max_size=4))
    numbers = np.arange(1, 1 + sum(count for count, _, _ in runs))
    starts = np.repeat([3 * start for _, start, _ in runs], [count for count, _, _ in runs])
    ends = starts + np.repeat([3 * length for _, _, length in runs], [count for count, _, _ in runs])
    return technology, Calls(numbers, starts, ends), draw(st.integers(0, 1_000))


@st.composite
def temperatures(draw) -> np.ndarray:
    by_hour = draw(st.lists(st.floats(20.0, 112.0), min_size=10, max_size=10))
    return np.repeat(by_hour, HOUR)


def simulate(technology: Technology, calls: Calls, seed: int, temps_f: np.ndarray, **more) -> EventResponse:
    hours = (14.0 + np.arange(len(temps_f)) / HOUR) % 24
    return simulate_event(
        identity=identity(seed),
        model=RESPONSE_MODELS[technology],
        kw_per_account=4.0,
        calls=calls,
        surroundings=Surroundings(temps_f, hours),
        **more,
    )


class TestAnyEvent:
    @settings(max_examples=60, deadline=None)
    @given(events(), temperatures())
    def test_energy_balances(self, event, temps_f):
        technology, calls, seed = event
        response = simulate(technology, calls, seed, temps_f)
        shed_kwh = (response.curtailed_kw + response.rebound_kw).sum() / HOUR
        assert response.curtailed_kwh.sum() == pytest.approx(shed_kwh)
        assert np.all(response.rebound_kw >= 0)
        most = RESPONSE_MODELS[technology].rebound.energy_share * draw_of(event).rebound_factor
        assert response.rebound_kw.sum() / HOUR <= shed_kwh * most + 1e-9

    @settings(max_examples=40, deadline=None)
    @given(events(), temperatures(), st.integers(1, 100), st.floats(20.0, 112.0))
    def test_the_past_does_not_depend_on_the_future(self, event, temps_f, now, later_f):
        technology, calls, seed = event
        other = temps_f.copy()
        other[now:] = later_f
        first, second = (simulate(technology, calls, seed, temps) for temps in (temps_f, other))
        for name in ("curtailed_kw", "responding", "opt_outs", "offline"):
            assert np.array_equal(getattr(first, name)[:now], getattr(second, name)[:now]), name

    @settings(max_examples=40, deadline=None)
    @given(events(), temperatures(), st.integers(1, 100))
    def test_the_past_is_the_same_while_only_it_is_known(self, event, temps_f, now):
        technology, calls, seed = event
        whole, so_far = simulate(technology, calls, seed, temps_f), simulate(technology, calls, seed, temps_f[:now])
        for name in ("curtailed_kw", "responding", "opt_outs", "offline"):
            assert getattr(so_far, name) == pytest.approx(getattr(whole, name)[:now]), name

    @settings(max_examples=40, deadline=None)
    @given(events(), temperatures(), st.integers(0, 60))
    def test_a_release_ends_the_response_and_changes_nothing_before(self, event, temps_f, released):
        technology, calls, seed = event
        free = simulate(technology, calls, seed, temps_f)
        cut = simulate(technology, calls, seed, temps_f, released_step=released)
        assert np.array_equal(cut.curtailed_kw[:released], free.curtailed_kw[:released])
        assert np.all(cut.responding[released:] == 0)
        assert cut.was_called.tolist() == (calls.starts < np.minimum(calls.ends, released)).tolist()
        assert cut.offline[-1] == np.sum(cut.is_offline & cut.was_called)
        assert np.all(cut.curtailed_kw[released:] <= 0)

    @settings(max_examples=40, deadline=None)
    @given(events(), temperatures(), st.integers(0, 60))
    def test_nobody_acts_before_the_signal_arrived(self, event, temps_f, heard):
        technology, calls, seed = event
        response = simulate(technology, calls, seed, temps_f, heard_step=heard)
        assert np.all(response.responding[:heard] == 0)
        assert np.all(response.curtailed_kw[:heard] == 0)

    @settings(max_examples=40, deadline=None)
    @given(events(), temperatures())
    def test_agrees_with_the_slow_twin(self, event, temps_f):
        technology, calls, seed = event
        response = simulate(technology, calls, seed, temps_f)
        assert response.curtailed_kw == pytest.approx(slow_twin(event, temps_f), abs=1e-9)

    @settings(max_examples=30, deadline=None)
    @given(events(), temperatures(), st.randoms(use_true_random=False))
    def test_the_order_of_calls_does_not_matter(self, event, temps_f, random):
        technology, calls, seed = event
        order = list(range(len(calls.numbers)))
        random.shuffle(order)
        shuffled = Calls(calls.numbers[order], calls.starts[order], calls.ends[order])
        first, second = simulate(technology, calls, seed, temps_f), simulate(technology, shuffled, seed, temps_f)
        assert first.curtailed_kw == pytest.approx(second.curtailed_kw)
        assert np.array_equal(first.opted_out_step, second.opted_out_step)

    @settings(max_examples=30, deadline=None)
    @given(events(), temperatures())
    def test_an_endpoint_does_not_care_who_else_is_called(self, event, temps_f):
        technology, calls, seed = event
        alone = Calls(calls.numbers[-1:], calls.starts[-1:], calls.ends[-1:])
        together, single = simulate(technology, calls, seed, temps_f), simulate(technology, alone, seed, temps_f)
        assert single.curtailed_kwh[0] == pytest.approx(together.curtailed_kwh[-1])

    @settings(max_examples=30, deadline=None)
    @given(events(), temperatures())
    def test_outcomes_add_up(self, event, temps_f):
        technology, calls, seed = event
        response = simulate(technology, calls, seed, temps_f)
        assert response.opt_outs[-1] == np.sum(response.opted_out_step < NEVER)
        assert response.offline[-1] == np.sum(response.is_offline)
        assert not np.any(response.is_offline & (response.opted_out_step < NEVER))
        assert np.all(response.curtailed_kwh[response.is_offline] == 0)
        assert np.all(np.diff(response.opt_outs) >= 0)


class TestCalls:
    def test_called_twice_counts_as_one_endpoint(self):
        calls = Calls(np.array([1, 2, 1]), np.array([0, 0, 24]), np.array([12, 12, 36]))
        response = simulate(Technology.LIGHTING, calls, 3, np.full(120, 95.0))
        assert response.numbers.tolist() == [1, 2]
        assert len(response.curtailed_kwh) == 2

    def test_who_opted_out_stays_out_of_a_later_run(self):
        numbers = np.arange(1, 401)
        calls = Calls(np.tile(numbers, 2), np.repeat([0, 36], 400), np.repeat([24, 48], 400))
        response = simulate(Technology.THERMOSTAT, calls, 3, np.full(120, 104.0))
        left_in_first = int(np.sum(response.opted_out_step < 24))
        assert left_in_first > 0
        assert response.responding[36] <= 400 - left_in_first

    def test_unreachable_endpoints_are_offline(self):
        response = simulate(Technology.INDUSTRIAL, one_run(5, 12), 3, np.full(120, 95.0), unreachable=np.array([2, 4]))
        assert response.is_offline[[1, 3]].all()
        assert response.curtailed_kwh[[1, 3]].tolist() == [0.0, 0.0]

    @pytest.mark.parametrize(("number", "start", "end"), [(0, 0, 3), (1, 3, 3), (1, -1, 3)])
    def test_refuses_impossible_calls(self, number, start, end):
        with pytest.raises(ValueError, match="call"):
            Calls(np.array([number]), np.array([start]), np.array([end]))


def test_thirteen_thousand_endpoints_take_well_under_a_second():
    began = time.perf_counter()
    for technology in Technology:
        play(technology, hours=4.0)
    assert time.perf_counter() - began < 1.0


def draw_of(event):
    technology, calls, seed = event
    return draw_event(
        identity(seed), model=RESPONSE_MODELS[technology], truth=TRUTH_MODELS[technology], numbers=calls.numbers
    )


def slow_twin(event, temps_f: np.ndarray) -> np.ndarray:
    """One endpoint, one step at a time, straight from the definitions."""
    technology, calls, _seed = event
    model, draws = RESPONSE_MODELS[technology], draw_of(event)
    n_steps, net = len(temps_f), np.zeros(len(temps_f))
    kernel = model.rebound.weights() * draws.rebound_factor
    for i, (start, end) in enumerate(zip(calls.starts, calls.ends, strict=True)):
        if draws.offline[i] < draws.offline_share:
            continue
        leaves = _slow_opt_out(model, draws, i, start, end, temps_f)
        shed_kwh = 0.0
        for step in range(start, min(leaves, end)):
            hour = int((14.0 + step / HOUR) % 24)
            by_temp = np.interp(temps_f[step], model.temp_knots_f, model.temp_share)
            fade = np.interp(
                (step - start + 0.5) / HOUR, np.arange(len(model.decay_by_hour)) + 0.5, model.decay_by_hour
            )
            if technology is Technology.EV:
                by_hour = 1.44 if draws.charging[i] < model.hour_share[hour] / 1.44 else 0.0
            else:
                by_hour = model.hour_share[hour]
            kw = 4.0 * model.performance_share * by_temp * by_hour * fade**draws.decay_exponent
            kw *= draws.response_factor * draws.size[i] * sustainable_share(model, (end - start) // 3)
            net[step] += kw
            shed_kwh += kw / HOUR
        release = min(leaves, end)
        for quarter, share in enumerate(kernel):
            for step in range(release + 3 * quarter, min(release + 3 * quarter + 3, n_steps)):
                net[step] -= shed_kwh * share * 4
    return net


def _slow_opt_out(model, draws, i: int, start: int, end: int, temps_f: np.ndarray) -> int:
    rule = model.opt_out
    if rule.weibull_shape is None:
        declines = draws.patience[i] < -np.log(1 - draws.decline_share)
        return start + int(draws.promptness[i] * 3) if declines else int(NEVER)
    worn = 0.0
    for step in range(start, end):
        tau = np.interp(temps_f[step], rule.tau_temps_f, rule.tau_min)
        elapsed = (step - start) * 5.0
        more = ((elapsed + 5.0) / tau) ** rule.weibull_shape - (elapsed / tau) ** rule.weibull_shape
        more *= draws.hazard_factor
        if worn + more >= draws.patience[i]:
            return step + round((draws.patience[i] - worn) / more)
        worn += more
    return int(NEVER)
