"""From five-minute telemetry to results, by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.measurement.delivered import (
    STEP,
    Telemetry,
    TelemetryMissing,
    delivered_mwh,
    incentive_usd,
    quarter_hour_means,
    rebound_mwh,
    telemetry_of,
    value_usd,
)

START = datetime(2023, 9, 6, 21, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)


def series(*mw: float, start: datetime = START) -> Telemetry:
    return Telemetry(start, np.array(mw))


class TestTelemetryOf:
    def test_steps_in_order(self):
        found = telemetry_of([(START, 1.0), (START + STEP, 2.0)])
        assert found is not None
        assert (found.starts_at, found.ends_at) == (START, START + 2 * STEP)
        assert found.curtailed_mw.tolist() == [1.0, 2.0]

    def test_none_yet(self):
        assert telemetry_of([]) is None

    def test_a_gap_is_not_bridged(self):
        with pytest.raises(TelemetryMissing, match="21:05"):
            telemetry_of([(START, 1.0), (START + 2 * STEP, 2.0)])


class TestQuarterHourMeans:
    def test_two_cohorts_one_beginning_later(self):
        early, late = series(3.0, 6.0, 9.0, 12.0, 12.0, 12.0), series(1.0, 2.0, 3.0, start=START + QUARTER)
        means = quarter_hour_means([early, late], START, START + 2 * QUARTER)
        assert means.tolist() == [6.0, 14.0]
        assert delivered_mwh(means) == 5.0

    def test_rebound_inside_the_window_counts_against_it(self):
        assert quarter_hour_means([series(3.0, 3.0, -3.0)], START, START + QUARTER).tolist() == [1.0]

    def test_not_before_the_last_step_is_there(self):
        with pytest.raises(TelemetryMissing):
            quarter_hour_means([series(1.0, 1.0)], START, START + QUARTER)

    def test_an_empty_span(self):
        assert quarter_hour_means([], START, START).tolist() == []

    @given(st.lists(st.lists(st.floats(-100, 100), min_size=12, max_size=12), min_size=1, max_size=4))
    def test_energy_is_that_of_the_steps(self, steps):
        means = quarter_hour_means([series(*each) for each in steps], START, START + HOUR)
        assert delivered_mwh(means) == pytest.approx(np.sum(steps) / 12, abs=1e-6)


class TestRebound:
    END = START + QUARTER

    def test_energy_above_baseline_after_the_window(self):
        one = series(5.0, 5.0, 5.0, *[-6.0] * 6)
        assert rebound_mwh([one], window_end=self.END, until=self.END + timedelta(minutes=30)) == 3.0

    def test_six_hours_at_most(self):
        one = series(*[0.0] * 3, *[-1.0] * 12 * 8)
        assert rebound_mwh([one], window_end=self.END, until=self.END + 8 * HOUR) == 6.0

    def test_so_far_as_it_is_known(self):
        assert rebound_mwh([series(1.0, 1.0, 1.0)], window_end=self.END, until=self.END) == 0.0

    def test_a_cohort_still_saving_hides_nothing_of_the_fleets(self):
        one, two = series(*[0.0] * 3, *[-4.0] * 12), series(*[0.0] * 3, *[1.0] * 12)
        assert rebound_mwh([one, two], window_end=self.END, until=self.END + HOUR) == 3.0
        assert rebound_mwh([two], window_end=self.END, until=self.END + HOUR) == 0.0


class TestMoney:
    def test_incentives(self):
        paid = incentive_usd(shed_mwh=2.5, rate_usd_per_mwh=200.0, call_fee_usd=0.5, called=100)
        assert paid == 550.0

    def test_incentives_are_never_negative(self):
        assert incentive_usd(shed_mwh=-1.0, rate_usd_per_mwh=200.0, call_fee_usd=0.0, called=0) == 0.0

    def test_value_is_each_hours_energy_at_its_price(self):
        mw, prices = np.array([4.0] * 4 + [8.0] * 4), np.array([100.0] * 4 + [1000.0] * 4)
        assert value_usd(mw, prices) == 4.0 * 100 + 8.0 * 1000

    def test_value_is_unknown_with_an_unknown_price(self):
        assert value_usd(np.array([1.0, 1.0]), np.array([100.0, np.nan])) is None
