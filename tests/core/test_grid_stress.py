"""The rule that says whether, and when, a day is worth a call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grid.core.intervals import HOUR
from grid.core.records import ForecastInterval
from grid.core.stress import DAY_TOO_SHORT, NOTHING_KNOWN, assess_stress, best_window

NOON = datetime(2023, 9, 6, 17, tzinfo=UTC)
LOADS = [70, 74, 77, 79, 81, 82, 81, 79, 76, 72, 68, 64]  # GW from noon on; the peak is at 17:00
PRICES = [30, 40, 60, 100, 150, 200, 400, 1_200, 700, 60, 40, 30]  # the peak is at 19:00


def hours(loads_gw: list[float], prices: list[float | None]) -> list[ForecastInterval]:
    return [
        ForecastInterval(NOON + i * HOUR, load * 1_000.0, price_usd_per_mwh=price)
        for i, (load, price) in enumerate(zip(loads_gw, prices, strict=True))
    ]


class TestAssessStress:
    def test_calls_when_load_nears_the_years_highest(self) -> None:
        stress = assess_stress(hours(LOADS, [20.0] * 12), reference_peak_mw=82_800.0)
        assert stress.worth_calling
        assert stress.level == "tight"
        assert stress.reasons == (
            "Load is forecast to reach 82,000 MW, 99.0 % of the past year's highest (82,800 MW).",
        )

    def test_does_not_call_just_below(self) -> None:
        stress = assess_stress(hours(LOADS, [20.0] * 12), reference_peak_mw=82_900.0)
        assert not stress.worth_calling
        assert stress.level == "watch"
        assert "not worth a call" in stress.reasons[0]

    def test_calls_when_the_evening_is_dear_and_load_high(self) -> None:
        stress = assess_stress(hours(LOADS, [*PRICES]), reference_peak_mw=87_000.0)
        assert stress.worth_calling
        assert stress.reasons == (
            "The dearest two hours are expected at 950 $/MWh with load at 94.3 % of the past year's highest.",
        )

    def test_does_not_call_for_price_alone(self) -> None:
        stress = assess_stress(hours(LOADS, [*PRICES]), reference_peak_mw=90_000.0)
        assert not stress.worth_calling
        assert stress.level == "normal"

    def test_a_declared_emergency_is_always_worth_it(self) -> None:
        stress = assess_stress(hours(LOADS, [20.0] * 12), reference_peak_mw=120_000.0, eea_level=2)
        assert stress.worth_calling
        assert stress.level == "emergency"
        assert stress.reasons == ("ERCOT has declared EEA2.",)

    def test_a_declared_normal_is_no_emergency(self) -> None:
        assert not assess_stress(hours(LOADS, [20.0] * 12), reference_peak_mw=120_000.0, eea_level=0).worth_calling

    def test_reports_the_peaks(self) -> None:
        stress = assess_stress(hours(LOADS, [*PRICES]), reference_peak_mw=90_000.0)
        assert stress.peak_load_mw == 82_000.0
        assert stress.peak_price_usd_per_mwh == 1_200.0

    def test_without_prices_load_decides(self) -> None:
        stress = assess_stress(hours(LOADS, [None] * 12), reference_peak_mw=82_000.0)
        assert stress.worth_calling
        assert stress.peak_price_usd_per_mwh is None
        # 16:00-18:00 is best; 18:00 (81 GW) comes in before 15:00 (79), and of two equal neighbours the later.
        assert stress.starts_at == NOON + 4 * HOUR
        assert stress.ends_at == NOON + 8 * HOUR

    def test_with_nothing_it_says_so(self) -> None:
        assert assess_stress([], reference_peak_mw=80_000.0) == NOTHING_KNOWN
        assert assess_stress(hours([82.0], [5_000.0]), reference_peak_mw=80_000.0) == DAY_TOO_SHORT


class TestBestWindow:
    def test_follows_the_price_not_the_load_peak(self) -> None:
        stress = assess_stress(hours(LOADS, [*PRICES]), reference_peak_mw=82_000.0)
        # 19:00-21:00 is best (1,156 + 649); 18:00 (395) has 44 % of its mean and comes in; 17:00 (200) has not 40 %.
        assert stress.starts_at == NOON + 6 * HOUR
        assert stress.ends_at == NOON + 9 * HOUR

    def test_stops_at_four_hours(self) -> None:
        assert best_window(np.full(8, 80_000.0), np.full(8, 50.0)) == (0, 4)

    def test_negative_prices_count_as_none(self) -> None:
        prices = np.array([-500.0, -20.0, 10.0, 20.0, -5.0])
        assert best_window(np.full(5, 60_000.0), prices) == (2, 2)

    @given(
        st.lists(
            st.tuples(st.floats(30_000, 90_000), st.one_of(st.floats(-1_000, 9_000), st.just(float("nan")))),
            min_size=2,
            max_size=24,
        )
    )
    def test_is_two_to_four_hours_inside_the_day(self, day: list[tuple[float, float]]) -> None:
        first, count = best_window(np.array([load for load, _ in day]), np.array([price for _, price in day]))
        assert 2 <= count <= 4
        assert first >= 0
        assert first + count <= len(day)

    @given(st.integers(0, 8), st.floats(100, 5_000))
    def test_holds_a_lone_spike(self, where: int, price: float) -> None:
        prices = np.full(10, 10.0)
        prices[where : where + 2] = price
        first, count = best_window(np.full(10, 70_000.0), prices)
        assert first <= where
        assert first + count >= where + 2


@pytest.mark.parametrize("shift", [timedelta(0), timedelta(days=60)])
def test_the_verdict_does_not_depend_on_the_date(shift: timedelta) -> None:
    moved = [
        ForecastInterval(i.starts_at + shift, i.load_mw, price_usd_per_mwh=i.price_usd_per_mwh)
        for i in hours(LOADS, [*PRICES])
    ]
    assert assess_stress(moved, reference_peak_mw=82_000.0).worth_calling
