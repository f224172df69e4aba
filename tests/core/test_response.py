"""What called accounts do, with numbers worked by hand from the parameter tables."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohorts.core.model import OptOut, ReboundKernel
from cohorts.core.response import (
    DEFAULT_RULES,
    PARAMETER_SOURCES,
    RESPONSE_MODELS,
    Technology,
    controllable_kw,
    decay_share,
    expected_run_kw,
    flexibility_mw,
    opt_out_share,
    participation_share,
    rebound_kw,
    sustainable_share,
)
from tests.core.fleet import ENROLLED_MW, FLEET

EV, BATTERY, THERMOSTAT, HVAC, LIGHTING, INDUSTRIAL = (RESPONSE_MODELS[each] for each in Technology)
HOT_F = np.full(12, 100.0)
AFTERNOON = np.arange(16.0, 19.0, 0.25)


class TestParameters:
    def test_every_parameter_of_every_technology_names_its_source(self):
        for technology, model in RESPONSE_MODELS.items():
            names = {field.name for field in fields(model)} - {"technology"}
            assert names <= set(PARAMETER_SOURCES[technology])
            assert all("[S]" in said or "[A]" in said for said in PARAMETER_SOURCES[technology].values())

    def test_every_technology_has_rules(self):
        assert set(DEFAULT_RULES) == set(Technology)

    @pytest.mark.parametrize(
        "changes",
        [
            {"season_months": ()},
            {"season_months": (13,)},
            {"earliest_hour": 20, "latest_hour": 13},
            {"min_event_min": 200, "max_event_min": 120},
            {"min_event_min": 5},
            {"notice_min": -1},
            {"rest_h": -1.0},
            {"incentive_usd_per_mwh": -1.0},
        ],
    )
    def test_refuses_rules_without_sense(self, changes):
        with pytest.raises(ValueError, match=r".+"):
            replace(DEFAULT_RULES[Technology.HVAC], **changes)

    @pytest.mark.parametrize(
        "changes",
        [
            {"temp_knots_f": (80.0, 70.0), "temp_share": (0.0, 1.0)},
            {"hour_share": (1.0,)},
            {"offline_share": 1.0},
        ],
    )
    def test_refuses_models_without_sense(self, changes):
        with pytest.raises(ValueError, match=r".+"):
            replace(HVAC, **changes)

    def test_refuses_an_opt_out_without_sense(self):
        with pytest.raises(ValueError, match="opt-out"):
            OptOut(constant_share=1.0)
        with pytest.raises(ValueError, match="tau"):
            OptOut(weibull_shape=0.7, tau_temps_f=(80.0,), tau_min=())

    def test_refuses_a_rebound_without_sense(self):
        with pytest.raises(ValueError, match="kernel"):
            ReboundKernel(0.5, 0, 0, 1.0)
        with pytest.raises(ValueError, match="front_loading"):
            ReboundKernel(0.5, 0, 4, 2.5)


class TestControllable:
    @pytest.mark.parametrize(
        ("temp_f", "kw"), [(75.0, 0.0), (70.0, 0.0), (95.0, 0.85), (100.0, 1.05), (110.0, 1.2), (20.0, 1.5)]
    )
    def test_thermostat_follows_the_table(self, temp_f, kw):
        found = controllable_kw(THERMOSTAT, 3.0, np.array([temp_f]), np.array([17.0]))
        assert found == pytest.approx([kw])

    @pytest.mark.parametrize(("hour", "share"), [(15.75, 0.08), (16.0, 0.11), (18.5, 0.15), (21.0, 0.30)])
    def test_a_charging_car_draws_7_2_kw_for_5_enrolled(self, hour, share):
        assert controllable_kw(EV, 5.0, np.array([100.0]), np.array([hour])) == pytest.approx([share * 7.2])

    def test_hvac_reaches_its_enrolled_kw_at_100_f(self):
        found = controllable_kw(HVAC, 27.0, np.array([80.0, 100.0]), np.array([15.0, 15.0]))
        assert found == pytest.approx([27.0 * 0.70, 27.0])

    def test_industry_knows_no_weather(self):
        temps = np.array([20.0, 60.0, 105.0])
        found = controllable_kw(INDUSTRIAL, 1000.0, temps, np.array([3.0, 12.0, 18.0]))
        assert found == pytest.approx([970.0] * 3)


class TestDuringTheEvent:
    def test_thermostat_decay_stands_at_mid_hour(self):
        # Steps 1|2 straddle the first half hour, 5|6 the middle of the second: 1.0 and 0.70 between them.
        found = decay_share(THERMOSTAT, np.arange(8))
        assert found[:2] == pytest.approx([1.0, 1.0])
        assert (found[5] + found[6]) / 2 == pytest.approx((0.70 + 0.70) / 2, abs=0.02)
        assert np.all(np.diff(found) <= 0)

    def test_weibull_opt_out_matches_the_published_shares(self):
        # exp(-(t/807 min)^0.7): 15 / 23 / 30 / 35 % gone after 1 / 2 / 3 / 4 h at 90-110 F.
        steps = np.array([4, 8, 12, 16]) - 0.5
        found = opt_out_share(THERMOSTAT, steps, np.full(4, 100.0))
        assert found == pytest.approx([0.15, 0.23, 0.30, 0.35], abs=0.01)

    def test_fewer_opt_out_in_milder_weather(self):
        mild, hot = (opt_out_share(THERMOSTAT, np.arange(8), np.full(8, temp)) for temp in (80.0, 100.0))
        assert np.all(mild < hot)

    def test_participation_is_online_and_staying(self):
        found = participation_share(INDUSTRIAL, np.arange(3), np.full(3, 90.0))
        assert found == pytest.approx([0.99 * 0.97] * 3)

    @pytest.mark.parametrize(("hours", "kw"), [(1, 5.0), (2, 5.0), (3, 3.6), (4, 2.7)])
    def test_a_battery_spreads_10_8_kwh(self, hours, kw):
        assert 5.0 * sustainable_share(BATTERY, hours * 4) == pytest.approx(kw)

    def test_expected_run_by_hand(self):
        # Industry: 1000 kW x .97 performance x .99 online x .97 staying, flat.
        found = expected_run_kw(INDUSTRIAL, 1000.0, np.full(8, 100.0), np.arange(16.0, 18.0, 0.25))
        assert found == pytest.approx([1000.0 * 0.97 * 0.99 * 0.97] * 8)


class TestRebound:
    def test_flat_kernel_by_hand(self):
        kernel = ReboundKernel(energy_share=0.5, delay_steps=2, duration_steps=4, front_loading=1.0)
        assert kernel.weights() == pytest.approx([0, 0, 0.125, 0.125, 0.125, 0.125])

    def test_front_loading_by_hand(self):
        # Straight line to zero over four steps: 7, 5, 3, 1 sixteenths.
        kernel = ReboundKernel(energy_share=1.0, delay_steps=0, duration_steps=4, front_loading=2.0)
        assert kernel.weights() == pytest.approx(np.array([7, 5, 3, 1]) / 16)

    @given(st.sampled_from(Technology), st.integers(1, 16))
    def test_returns_its_share_of_the_energy(self, technology, steps):
        model = RESPONSE_MODELS[technology]
        run = expected_run_kw(model, 10.0, np.full(steps, 98.0), np.full(steps, 17.0))
        assert rebound_kw(model, run).sum() == pytest.approx(model.rebound.energy_share * run.sum())
        assert np.all(rebound_kw(model, run) >= 0)

    def test_thermostat_peak_is_about_half_the_shed(self):
        run = expected_run_kw(THERMOSTAT, 3.0, np.full(8, 100.0), np.arange(16.0, 18.0, 0.25))
        assert 0.35 <= rebound_kw(THERMOSTAT, run).max() / run.mean() <= 0.65


class TestFlexibility:
    def fleet(self, temp_f=100.0, hours=AFTERNOON):
        temps = np.full(len(hours), temp_f)
        return [
            flexibility_mw(RESPONSE_MODELS[tech], mw * 1000 / accounts, accounts, temps, hours)
            for _, _, tech, mw, accounts in FLEET
        ]

    def test_enrolled_is_103_9_mw(self):
        assert sum(mw for _, _, _, mw, _ in FLEET) == pytest.approx(ENROLLED_MW)

    def test_about_65_mw_of_104_on_a_hot_afternoon(self):
        p50 = sum(float(band.p50_mw.mean()) for band in self.fleet())
        assert p50 == pytest.approx(65.0, abs=2.0)

    def test_quantiles_ascend(self):
        for band in self.fleet():
            assert np.all(band.p10_mw <= band.p50_mw)
            assert np.all(band.p50_mw <= band.p90_mw)
            assert np.all(band.p10_mw >= 0)

    def test_mild_weather_leaves_thermostats_nothing(self):
        band = self.fleet(temp_f=72.0)[2]
        assert band.p90_mw == pytest.approx(np.zeros(12))

    def test_more_cars_charge_at_night(self):
        afternoon, night = self.fleet()[0], self.fleet(hours=np.arange(20.0, 23.0, 0.25))[0]
        assert night.p50_mw.mean() > 1.8 * afternoon.p50_mw.mean()

    def test_no_account_no_mw(self):
        band = flexibility_mw(HVAC, 27.0, 0, HOT_F, AFTERNOON)
        assert band.p50_mw == pytest.approx(np.zeros(12))

    @given(st.sampled_from(Technology), st.floats(20, 110), st.integers(1, 24), st.integers(1, 5000))
    def test_never_above_what_is_physically_there(self, technology, temp_f, steps, accounts):
        model = RESPONSE_MODELS[technology]
        temps, hours = np.full(steps, temp_f), 12.0 + np.arange(steps) / 4
        band = flexibility_mw(model, 3.0, accounts, temps, hours)
        most = accounts * controllable_kw(model, 3.0, temps, hours) / 1000
        assert np.all(band.p50_mw <= most + 1e-9)
