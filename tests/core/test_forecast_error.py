"""Forecast against actual, worked by hand; and the reserves' levels by day."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from grid.core.forecast_error import ComparedHour, score_of
from grid.core.intervals import HOUR
from grid.core.reserves import reserve_levels

START = datetime(2026, 8, 18, 12, tzinfo=UTC)


def hour(number: int, forecast_mw: float, actual_mw: float, *, band_mw: float | None = 1_000.0) -> ComparedHour:
    low, high = (None, None) if band_mw is None else (forecast_mw - band_mw, forecast_mw + band_mw)
    return ComparedHour(START + number * HOUR, START, "a forecast", forecast_mw, low, high, actual_mw)


class TestScore:
    def test_worked_by_hand(self) -> None:
        # errors +2,000 of 50,000 (4 %), -800 of 40,000 (-2 %), 0
        found = score_of([hour(0, 48_000, 50_000), hour(1, 40_800, 40_000), hour(2, 60_000, 60_000)])
        assert found is not None
        assert (found.hours, found.mape_pct, found.mean_abs_mw, found.bias_mw) == (
            3,
            pytest.approx(2.0),
            pytest.approx(2_800 / 3),
            pytest.approx(400.0),
        )
        assert (found.worst.starts_at, found.inside, found.banded) == (START, 2, 3)

    def test_a_forecast_without_a_band_is_neither_inside_nor_out(self) -> None:
        found = score_of([hour(0, 48_000, 50_000, band_mw=None)])
        assert found is not None
        assert (found.inside, found.banded) == (0, 0)

    def test_no_hour_no_score(self) -> None:
        assert score_of([]) is None


@pytest.mark.parametrize(
    ("day", "levels"), [(date(2023, 10, 31), []), (date(2023, 11, 1), [3_000.0, 2_500.0, 2_000.0, 1_500.0])]
)
def test_reserve_levels_hold_from_their_day(day: date, levels: list[float]) -> None:
    assert [level.below_mw for level in reserve_levels(day)] == levels
