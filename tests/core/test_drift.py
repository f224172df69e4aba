"""What has moved since the proposal: each limit by hand, the worst of all, and what was or is not known."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from planning.core.drift import Basis, Drift, Level, Moved, as_json, drift_between

THEN = Basis(
    forecast_peak_mw=Decimal(80_000),
    price_usd_per_mwh=Decimal(100),
    reserves_mw=Decimal(4_000),
    temp_f=Decimal(100),
    accounts=10_000,
)
NAMES = {
    "forecast_peak_mw": "Load forecast, peak of the window",
    "price_usd_per_mwh": "Expected price, mean of the window",
    "reserves_mw": "Reserves",
    "temp_f": "Temperature, mean of window and cohorts",
    "accounts": "Endpoints that may be called",
}


def now(**changes: Any) -> Basis:
    return replace(
        THEN, **{name: Decimal(value) if isinstance(value, str) else value for name, value in changes.items()}
    )


def item(drift: Drift, field: str) -> Moved:
    [found] = [each for each in drift.items if each.name == NAMES[field]]
    return found


class TestLimits:
    """2 and 5 % of the load, 30 and 60 % of the price, 50 % of reserves, 3 and 7 °F, 5 and 20 % of the endpoints."""

    @pytest.mark.parametrize(
        ("field", "value", "level"),
        [
            ("forecast_peak_mw", "81599.999", Level.OK),
            ("forecast_peak_mw", "81600", Level.AMBER),
            ("forecast_peak_mw", "78400", Level.AMBER),
            ("forecast_peak_mw", "83999.999", Level.AMBER),
            ("forecast_peak_mw", "84000", Level.RED),
            ("forecast_peak_mw", "76000", Level.RED),
            ("price_usd_per_mwh", "129.99", Level.OK),
            ("price_usd_per_mwh", "130", Level.AMBER),
            ("price_usd_per_mwh", "159.99", Level.AMBER),
            ("price_usd_per_mwh", "160", Level.RED),
            ("price_usd_per_mwh", "40", Level.RED),
            ("price_usd_per_mwh", "-1000", Level.RED),
            ("reserves_mw", "2000.001", Level.OK),
            ("reserves_mw", "2000", Level.AMBER),
            ("reserves_mw", "0", Level.AMBER),
            ("reserves_mw", "40000", Level.AMBER),
            ("temp_f", "102.99", Level.OK),
            ("temp_f", "103", Level.AMBER),
            ("temp_f", "97", Level.AMBER),
            ("temp_f", "106.99", Level.AMBER),
            ("temp_f", "107", Level.RED),
            ("temp_f", "93", Level.RED),
            ("accounts", 9_501, Level.OK),
            ("accounts", 9_500, Level.AMBER),
            ("accounts", 8_001, Level.AMBER),
            ("accounts", 8_000, Level.RED),
            ("accounts", 0, Level.RED),
        ],
    )
    def test_from_which_change_on(self, field: str, value: Any, level: Level) -> None:
        drift = drift_between(THEN, now(**{field: value}))
        assert item(drift, field).level == level
        assert drift.level == level
        assert [each.level for each in drift.items if each.name != NAMES[field]] == [Level.OK] * 4

    def test_nothing_has_moved(self) -> None:
        drift = drift_between(THEN, THEN)
        assert drift.level == Level.OK
        assert [each.change for each in drift.items] == [Decimal(0)] * 5

    def test_the_worst_counts(self) -> None:
        assert drift_between(THEN, now(temp_f="103", accounts=9_000)).level == Level.AMBER
        assert drift_between(THEN, now(temp_f="103", accounts=8_000)).level == Level.RED


class TestNumbers:
    def test_a_percentage(self) -> None:
        assert item(drift_between(THEN, now(forecast_peak_mw="82000")), "forecast_peak_mw") == Moved(
            NAMES["forecast_peak_mw"], "MW", Decimal(80_000), Decimal(82_000), Decimal("2.5"), "%", Level.AMBER
        )

    def test_degrees(self) -> None:
        assert item(drift_between(THEN, now(temp_f="95.5")), "temp_f") == Moved(
            NAMES["temp_f"], "°F", Decimal(100), Decimal("95.5"), Decimal("-4.5"), "°F", Level.AMBER
        )

    def test_a_percentage_of_a_negative_price_keeps_its_direction(self) -> None:
        before = replace(THEN, price_usd_per_mwh=Decimal(-20))
        found = item(drift_between(before, now(price_usd_per_mwh="-15")), "price_usd_per_mwh")
        assert (found.change, found.level) == (Decimal(25), Level.OK)

    def test_from_nothing_there_is_no_percentage(self) -> None:
        before = replace(THEN, price_usd_per_mwh=Decimal(0))
        found = item(drift_between(before, now(price_usd_per_mwh="5")), "price_usd_per_mwh")
        assert (found.change, found.level) == (None, Level.AMBER)
        assert item(drift_between(before, before), "price_usd_per_mwh").level == Level.OK

    def test_of_zero_degrees_there_is_a_difference(self) -> None:
        before = replace(THEN, temp_f=Decimal(0))
        assert item(drift_between(before, now(temp_f="7")), "temp_f").level == Level.RED


class TestNotKnown:
    @pytest.mark.parametrize("field", NAMES)
    def test_what_was_known_and_is_no_longer_is_amber(self, field: str) -> None:
        drift = drift_between(THEN, now(**{field: None}))
        assert (item(drift, field).level, item(drift, field).change) == (Level.AMBER, None)
        assert drift.level == Level.AMBER

    @pytest.mark.parametrize("field", NAMES)
    def test_what_was_not_known_cannot_have_moved(self, field: str) -> None:
        drift = drift_between(now(**{field: None}), THEN)
        assert (item(drift, field).level, item(drift, field).change) == (Level.OK, None)

    def test_nothing_known_at_all(self) -> None:
        nothing = Basis(None, None, None, None, None)
        assert drift_between(nothing, nothing).level == Level.OK
        assert drift_between(nothing, THEN).level == Level.OK
        assert drift_between(THEN, nothing).level == Level.AMBER


class TestAsKept:
    def test_numbers_as_text(self) -> None:
        kept = as_json(drift_between(THEN, now(temp_f="107", reserves_mw=None)))
        assert kept == {
            "level": "red",
            "items": {
                NAMES["forecast_peak_mw"]: {"then": "80000", "now": "80000", "level": "ok"},
                NAMES["price_usd_per_mwh"]: {"then": "100", "now": "100", "level": "ok"},
                NAMES["reserves_mw"]: {"then": "4000", "now": None, "level": "amber"},
                NAMES["temp_f"]: {"then": "100", "now": "107", "level": "red"},
                NAMES["accounts"]: {"then": "10000", "now": "10000", "level": "ok"},
            },
        }
