"""Load, temperature and price expectations: worked by hand, and never from anything but the past."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from grid.core.forecast import DEFAULT_BAND, HORIZON_H, band_of_errors, forecast_load
from grid.core.intervals import HOUR, hours_of
from grid.core.prices import LOOK_BACK_DAYS, expected_prices
from grid.core.series import HourlySeries, by_day_and_hour, series_of, without_gaps
from grid.core.temperature import forecast_temp_f

START = datetime(2023, 6, 1, 5, tzinfo=UTC)  # midnight Central
SHAPE = 50_000 + 20_000 * np.sin(np.linspace(0, 2 * np.pi, 24, endpoint=False))


def loads(days: float, seed: int = 0, growth: float = 0.0) -> HourlySeries:
    """So many days of a daily shape with weekends, day-to-day swings and growth."""
    n = round(days * 24)
    random = np.random.default_rng(seed)
    day = np.arange(n) // 24
    swing = np.repeat(random.normal(0, 0.03, n // 24 + 1), 24)[:n]
    level = (1 + growth * day) * (1 + swing) * np.where(day % 7 >= 5, 0.94, 1.0)
    return HourlySeries(START, np.tile(SHAPE, n // 24 + 1)[:n] * level)


class TestForecastLoad:
    def test_a_day_that_repeats_is_forecast_exactly(self) -> None:
        band = forecast_load(HourlySeries(START, np.tile(SHAPE, 90)))
        assert band is not None
        assert band.load_mw == pytest.approx(np.tile(SHAPE, 2)[:HORIZON_H])
        assert band.p10_mw == pytest.approx(band.load_mw)
        assert band.p90_mw == pytest.approx(band.load_mw)

    def test_with_little_history_it_is_yesterday_with_the_default_band(self) -> None:
        band = forecast_load(HourlySeries(START, SHAPE))
        assert band is not None
        assert band.load_mw == pytest.approx(np.tile(SHAPE, 2)[:HORIZON_H])
        assert band.p90_mw == pytest.approx(band.load_mw * np.exp(DEFAULT_BAND[1]))

    def test_with_less_than_a_day_there_is_none(self) -> None:
        assert forecast_load(HourlySeries(START, SHAPE[:23])) is None

    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 1_000), st.integers(24, 24 * 90))
    def test_band_holds_the_load(self, seed: int, hours: int) -> None:
        band = forecast_load(loads(hours / 24, seed))
        assert band is not None
        assert len(band.load_mw) == HORIZON_H
        assert (band.p10_mw <= band.load_mw).all()
        assert (band.load_mw <= band.p90_mw).all()

    def test_learns_the_weekend(self) -> None:
        """Issued on Friday midnight: yesterday repeated is 6 % too high, the weekday pattern knows better."""
        history = loads(82, seed=3)
        band = forecast_load(history)
        assert band is not None
        truth = loads(84, seed=3).values[82 * 24 : 82 * 24 + 24]
        naive = history.values[-24:]
        assert np.abs(band.load_mw[:24] / truth - 1).mean() < np.abs(naive / truth - 1).mean()

    def test_gaps_do_not_spread(self) -> None:
        history = loads(90, seed=1)
        history.values[100:110] = np.nan
        band = forecast_load(history)
        assert band is not None
        assert np.isfinite(band.load_mw).all()

    def test_scales_with_the_load(self) -> None:
        history = loads(80, seed=5)
        double = HourlySeries(history.first, history.values * 2)
        one, two = forecast_load(history), forecast_load(double)
        assert one is not None
        assert two is not None
        assert two.load_mw == pytest.approx(one.load_mw * 2)


class TestBandOfErrors:
    def test_few_errors_say_nothing(self) -> None:
        assert band_of_errors(np.full(99, 0.2)) == DEFAULT_BAND

    def test_quantiles_around_zero(self) -> None:
        assert band_of_errors(np.linspace(-0.1, 0.1, 101)) == pytest.approx((-0.08, 0.08))
        assert band_of_errors(np.linspace(0.1, 0.2, 101)) == pytest.approx((0.0, 0.19))


class TestForecastTemperature:
    def test_repeats_a_steady_shape(self) -> None:
        shape = 80 + 10 * np.cos(np.linspace(0, 2 * np.pi, 24, endpoint=False))
        ahead = forecast_temp_f(HourlySeries(START, np.tile(shape, 4)), 48)
        assert ahead == pytest.approx(np.tile(shape, 2))

    def test_moves_the_shape_by_todays_deviation(self) -> None:
        """Three days at 80 F, then two hours at 86: 6 F above the shape, of which exp(-1/24) is left an hour later."""
        values = np.concatenate([np.full(72, 80.0), [86.0, 86.0]])
        ahead = forecast_temp_f(HourlySeries(START, values), 10)
        assert ahead is not None
        assert ahead[0] == pytest.approx(80 + 6 * np.exp(-1 / 24))
        assert ahead[9] == pytest.approx(80 + 6 * np.exp(-10 / 24))

    def test_weights_the_last_three_days(self) -> None:
        values = np.concatenate([np.full(24, 70.0), np.full(24, 80.0), np.full(24, 90.0)])
        ahead = forecast_temp_f(HourlySeries(START, values), 1)
        assert ahead is not None
        # Shape: .5 x 90 + .3 x 80 + .2 x 70 = 83. The last two hours stood 90 - (.5 x 80 + .3 x 70) / .8 = 13.75 above.
        assert ahead[0] == pytest.approx(83 + 13.75 * np.exp(-1 / 24))

    def test_needs_a_day(self) -> None:
        assert forecast_temp_f(HourlySeries(START, np.full(23, 80.0)), 5) is None


def prices(days: dict[int, float], n_days: int, loads_mw: dict[int, float]) -> tuple[HourlySeries, HourlySeries]:
    """Days that cost `days[i]` all day (else 20) with a flat load of `loads_mw[i]` (else 60,000)."""
    price = np.repeat([days.get(i, 20.0) for i in range(n_days)], 24)
    load = np.repeat([loads_mw.get(i, 60_000.0) for i in range(n_days)], 24)
    return HourlySeries(START, price.astype(float)), HourlySeries(START, load.astype(float))


class TestExpectedPrices:
    day = START.date().toordinal()

    def test_alike_days_count_by_age(self) -> None:
        price, load = prices({8: 40.0, 9: 100.0}, 10, {})
        expected = expected_prices(price, load, day=self.day + 10, peak_load_mw=60_000.0)
        ages = np.arange(1, 11)
        weights = np.exp(-ages / 10)
        paid = np.array([100.0, 40.0, *[20.0] * 8])
        assert expected == pytest.approx(np.full(24, (weights * paid).sum() / weights.sum()))

    def test_a_day_with_the_same_peak_outweighs_a_recent_one(self) -> None:
        price, load = prices({5: 900.0}, 10, {5: 85_000.0})
        expected = expected_prices(price, load, day=self.day + 10, peak_load_mw=85_000.0)
        assert expected == pytest.approx(np.full(24, 900.0), rel=1e-6)

    def test_days_not_before_do_not_count(self) -> None:
        price, load = prices({9: 5_000.0}, 10, {})
        assert expected_prices(price, load, day=self.day + 9, peak_load_mw=60_000.0) == pytest.approx(np.full(24, 20.0))

    def test_blanks_are_left_out(self) -> None:
        price, load = prices({}, 10, {})
        price.values[9 * 24 + 19] = np.nan
        price.values[0:24] = 100.0
        price.values[19::24] = np.nan
        price.values[19] = 300.0  # the only day with a price at 19:00
        expected = expected_prices(price, load, day=self.day + 10, peak_load_mw=60_000.0)
        assert expected[19] == pytest.approx(300.0)
        assert expected[18] < 100.0

    def test_an_hour_never_seen_stays_unknown(self) -> None:
        price, load = prices({}, 10, {})
        price.values[3::24] = np.nan
        expected = expected_prices(price, load, day=self.day + 10, peak_load_mw=60_000.0)
        assert np.isnan(expected[3])
        assert np.isfinite(np.delete(expected, 3)).all()

    def test_older_days_than_the_look_back_do_not_count(self) -> None:
        price, load = prices({0: 9_000.0}, LOOK_BACK_DAYS + 1, {0: 85_000.0})
        day = self.day + LOOK_BACK_DAYS + 1
        assert expected_prices(price, load, day=day, peak_load_mw=85_000.0) == pytest.approx(np.full(24, 20.0))


class TestSeries:
    def test_gaps_are_nan(self) -> None:
        series = series_of([(START, 1.0), (START + 3 * HOUR, 4.0), (START + HOUR, None)])
        assert series is not None
        assert series.end == START + 4 * HOUR
        assert np.array_equal(series.values, [1.0, np.nan, np.nan, 4.0], equal_nan=True)
        assert series.value_at(START + timedelta(hours=3, minutes=59)) == 4.0
        assert np.isnan(series.value_at(START - HOUR))
        assert np.isnan(series.value_at(START + 4 * HOUR))

    def test_nothing_is_no_series(self) -> None:
        assert series_of([]) is None
        assert series_of([(START, None)]) is None

    def test_gaps_take_the_day_before(self) -> None:
        values: NDArray[np.float64] = np.arange(72.0)
        values[30] = values[3] = np.nan
        filled = without_gaps(values)
        assert filled[30] == 6.0
        assert filled[3] == 27.0

    @pytest.mark.parametrize(("day", "hours"), [(date(2023, 3, 12), 23), (date(2023, 11, 5), 25)])
    def test_table_of_a_dst_day(self, day: date, hours: int) -> None:
        starts = hours_of(day)
        series = HourlySeries(starts[0], np.arange(float(hours)))
        days, table = by_day_and_hour(series, days=3)
        assert days.tolist() == [day.toordinal()]
        if hours == 23:
            assert np.isnan(table[0, 2])
            assert table[0, 3] == 2.0
        else:
            assert table[0, 1] == 2.0  # the later half of the repeated hour
        assert table[0, 23] == hours - 1
