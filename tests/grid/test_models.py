"""What PostgreSQL itself refuses, constraint by constraint."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from grid.models import Clock, ForecastPoint, ForecastVintage, Method, Snapshot, WeatherObservation

pytestmark = pytest.mark.django_db
AT = datetime(2023, 9, 6, 20, tzinfo=UTC)


def refuses(constraint: str) -> Any:
    return pytest.raises(IntegrityError, match=constraint)


class TestClock:
    @pytest.mark.parametrize(
        ("changed", "constraint"),
        [
            ({"mode": "TURBO"}, "clock_mode_is_known"),
            ({"speed": 0.5}, "clock_speed_between_1_and_600"),
            ({"speed": 601}, "clock_speed_between_1_and_600"),
            ({"mode": "DRILL"}, "clock_scenario_is_complete"),
            ({"paused": True}, "clock_scenario_is_complete"),
            ({"scenario_anchor": AT}, "clock_scenario_is_complete"),
        ],
    )
    def test_row(self, changed: dict[str, Any], constraint: str) -> None:
        with refuses(constraint), transaction.atomic():
            Clock.objects.filter(pk=1).update(**changed)
        assert Clock.objects.get().mode == "LIVE"

    @pytest.mark.parametrize("field", ["scenario_anchor", "wall_anchor", "scenario_start", "scenario_end"])
    def test_a_scenario_lacks_nothing(self, field: str) -> None:
        whole = dict.fromkeys(["scenario_anchor", "wall_anchor", "scenario_start"], AT)
        whole["scenario_end"] = AT + timedelta(days=1)
        with refuses("clock_scenario_is_complete"), transaction.atomic():
            Clock.objects.filter(pk=1).update(mode="DRILL", **(whole | {field: None}))
        assert Clock.objects.get().mode == "LIVE"

    def test_single(self) -> None:
        with refuses("clock_is_a_single_row"), transaction.atomic():
            Clock.objects.create(pk=2)
        assert Clock.objects.count() == 1


class TestSnapshot:
    @pytest.mark.parametrize(
        ("changed", "constraint"),
        [
            ({"system_load_mw": -1.0}, "snapshot_load_is_not_negative"),
            ({"eea_level": 4}, "snapshot_eea_level_is_0_to_3"),
            ({"reserves_mw": 9_000.0}, "snapshot_reserves_say_their_kind"),
            ({"reserves_kind": "DERIVED"}, "snapshot_reserves_say_their_kind"),
            ({"reserves_mw": 9_000.0, "reserves_kind": "GUESSED"}, "snapshot_reserves_say_their_kind"),
        ],
    )
    def test_values(self, changed: dict[str, Any], constraint: str) -> None:
        with refuses(constraint), transaction.atomic():
            Snapshot.objects.create(observed_at=AT, source="test", **changed)
        assert not Snapshot.objects.exists()

    def test_once_per_source_and_instant(self) -> None:
        Snapshot.objects.create(observed_at=AT, source="test")
        Snapshot.objects.create(observed_at=AT, source="other")
        with refuses("snapshot_once_per_source_and_instant"), transaction.atomic():
            Snapshot.objects.create(observed_at=AT, source="test")
        assert Snapshot.objects.count() == 2


class TestForecast:
    def vintage(self, **changed: Any) -> ForecastVintage:
        values = {"source": "test", "method": Method.PORTAL, "label": "test", "issued_at": AT, "known_at": AT}
        return ForecastVintage.objects.create(**(values | changed))

    @pytest.mark.parametrize(
        ("changed", "constraint"),
        [
            ({"known_at": AT - timedelta(seconds=1)}, "forecast_known_not_before_issued"),
            ({"method": "ORACLE"}, "forecast_method_is_known"),
        ],
    )
    def test_vintage(self, changed: dict[str, Any], constraint: str) -> None:
        with refuses(constraint), transaction.atomic():
            self.vintage(**changed)
        assert not ForecastVintage.objects.exists()

    def test_one_per_instant(self) -> None:
        self.vintage()
        with refuses("forecast_vintage_once_per_instant"), transaction.atomic():
            self.vintage()
        assert ForecastVintage.objects.count() == 1

    @pytest.mark.parametrize(
        ("changed", "constraint"),
        [
            ({"load_mw": -1.0}, "forecast_load_is_not_negative"),
            ({"load_mw": 10.0, "p10_mw": 11.0, "p90_mw": 12.0}, "forecast_band_holds_the_load"),
            ({"load_mw": 10.0, "p10_mw": 9.0}, "forecast_band_holds_the_load"),
        ],
    )
    def test_point(self, changed: dict[str, Any], constraint: str) -> None:
        vintage = self.vintage()
        with refuses(constraint), transaction.atomic():
            ForecastPoint.objects.create(vintage=vintage, starts_at=AT, method=Method.PORTAL, **changed)
        assert not ForecastPoint.objects.exists()


class TestWeather:
    @pytest.mark.parametrize(
        ("changed", "constraint"),
        [
            ({"humidity_pct": 101.0}, "weather_humidity_is_a_percentage"),
            ({"wind_mph": -1.0}, "weather_wind_is_not_negative"),
        ],
    )
    def test_values(self, changed: dict[str, Any], constraint: str) -> None:
        with refuses(constraint), transaction.atomic():
            WeatherObservation.objects.create(place="austin", observed_at=AT, source="test", **changed)
        assert not WeatherObservation.objects.exists()
