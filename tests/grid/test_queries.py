"""What is read, worked by hand on small files."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pytest

from grid import queries
from grid.core.intervals import HOUR, QUARTER, NotOnQuarterHour, central, operating_day
from grid.models import Snapshot, WeatherObservation
from grid.operations import beat, current_feed, ingest
from grid.places import UnknownZip
from tests.grid.conftest import DAY, WALL, start_replay
from tests.grid.replay_files import row, rows_between, write

pytestmark = pytest.mark.django_db
START, END = operating_day(DAY)
NOON = central(DAY, time(12))


@pytest.fixture
def noon(replay: str) -> datetime:
    """The replay as far as noon of DAY; returns that instant."""
    ingest(feed=current_feed(), at=NOON, wall_at=WALL)
    return NOON


class TestCurrentSnapshot:
    def test_is_the_newest_known(self, noon: datetime) -> None:
        snapshot = queries.current_snapshot(at=noon + timedelta(minutes=40))
        assert snapshot is not None
        assert snapshot.observed_at == noon
        assert snapshot.age_s(noon + timedelta(minutes=40)) == 2_400
        assert snapshot.prices_usd_per_mwh["LZ_WEST"] == float(row(noon - HOUR)["rtm_lz_west"])
        assert (snapshot.reserves_mw, snapshot.reserves_kind, snapshot.eea_level) == (None, None, None)

    def test_before_the_first_there_is_none(self, noon: datetime) -> None:
        assert queries.current_snapshot(at=datetime(2023, 6, 1, 5, 30, tzinfo=UTC)) is None

    def test_another_source_does_not_count(self, noon: datetime) -> None:
        Snapshot.objects.create(observed_at=noon + timedelta(minutes=5), source="elsewhere", system_load_mw=1.0)
        snapshot = queries.current_snapshot(at=noon + HOUR)
        assert snapshot is not None
        assert snapshot.observed_at == noon

    def test_a_declaration_after_it_counts_at_once(self, noon: datetime) -> None:
        declared_at = noon + timedelta(minutes=25)
        Snapshot.objects.create(observed_at=declared_at, source=queries.data_source(), eea_level=2)
        before = queries.current_snapshot(at=declared_at - timedelta(seconds=1))
        after = queries.current_snapshot(at=declared_at)
        assert before is not None
        assert after is not None
        assert (before.eea_level, after.eea_level) == (None, 2)
        assert after.system_load_mw == before.system_load_mw

    def test_recent_ones_oldest_first(self, noon: datetime) -> None:
        recent = queries.recent_snapshots(at=noon, hours=6)
        assert [s.observed_at for s in recent] == [noon - i * HOUR for i in range(5, -1, -1)]


class TestHistory:
    def test_hours_are_named_by_their_start(self, noon: datetime) -> None:
        history = queries.load_history(at=noon, days=1)
        assert history is not None
        assert history.end == noon
        assert history.values.tolist() == [float(row(noon - i * HOUR)["load_mw"]) for i in range(24, 0, -1)]

    def test_quicker_rows_are_averaged_and_the_running_hour_left_out(self, db: None) -> None:
        start = datetime(2026, 8, 12, 10, tzinfo=UTC)
        for minutes, load_mw in ((5, 10.0), (60, 30.0), (65, 999.0)):
            Snapshot.objects.create(
                observed_at=start + timedelta(minutes=minutes), source="synthetic:1", system_load_mw=load_mw
            )
        history = queries.load_history(at=start + timedelta(minutes=70))
        assert history is not None
        assert (history.first, history.values.tolist()) == (start, [20.0])

    def test_of_nothing_there_is_none(self, db: None) -> None:
        assert queries.load_history(at=NOON) is None
        assert queries.price_history(at=NOON) is None


class TestActualPrices:
    def test_highest_of_the_zones_or_one_of_them(self, noon: datetime) -> None:
        start = noon - 2 * HOUR
        highest = queries.actual_prices(start=start, end=noon, at=noon)
        west = queries.actual_prices(start=start, end=noon, at=noon, zone="LZ_WEST")
        assert highest.tolist() == [float(row(start + i // 4 * HOUR)["rtm_lz_raybn"]) for i in range(8)]
        assert west.tolist() == [float(row(start + i // 4 * HOUR)["rtm_lz_west"]) for i in range(8)]

    @pytest.mark.parametrize("zone", [None, "LZ_WEST"])
    def test_an_hour_that_has_not_ended_is_not_known(self, noon: datetime, zone: str | None) -> None:
        prices = queries.actual_prices(start=noon - HOUR, end=noon + HOUR, at=noon + timedelta(minutes=45), zone=zone)
        assert np.isnan(prices).tolist() == [False] * 4 + [True] * 4

    def test_peaks_of_the_day(self, replay: str) -> None:
        ingest(feed=current_feed(), at=END + 5 * HOUR, wall_at=WALL)
        rows = [row(START + i * HOUR) for i in range(24)]
        assert queries.grid_peak_mw(DAY, at=END) == max(float(r["load_mw"]) for r in rows)
        assert queries.price_peak(DAY, at=END) == max(float(r["rtm_lz_raybn"]) for r in rows)
        assert queries.grid_peak_mw(DAY, at=START) is None
        assert queries.grid_peak_mw(DAY, at=START + HOUR) == float(rows[0]["load_mw"])


class TestPriceForecast:
    def test_quarter_hours_of_an_hour_share_its_price(self, noon: datetime) -> None:
        prices = queries.price_forecast(start=noon, end=noon + 6 * HOUR, at=noon)
        assert prices.shape == (24,)
        assert all(len(set(prices[i : i + 4])) == 1 for i in range(0, 24, 4))

    def test_lies_between_the_past_days_prices(self, noon: datetime) -> None:
        evening = central(DAY, time(19))
        (price,) = set(queries.price_forecast(start=evening, end=evening + HOUR, at=noon))
        past = [float(row(evening - timedelta(days=d))["rtm_lz_raybn"]) for d in range(1, 20)]
        assert min(past) <= price <= max(past)

    def test_with_nothing_known_it_is_unknown(self, db: None) -> None:
        assert np.isnan(queries.price_forecast(start=NOON, end=NOON + HOUR, at=NOON)).all()

    def test_reaches_beyond_every_forecast(self, noon: datetime) -> None:
        prices = queries.price_forecast(start=noon + timedelta(days=5), end=noon + timedelta(days=6), at=noon)
        assert np.isfinite(prices).all()

    def test_refuses_what_is_no_quarter_hour(self, noon: datetime) -> None:
        with pytest.raises(NotOnQuarterHour):
            queries.price_forecast(start=noon, end=noon + timedelta(minutes=10), at=noon)


class TestTemperatureForecast:
    def test_past_hours_are_as_observed(self, noon: datetime) -> None:
        temps_f = queries.temperature_forecast(place="austin", start=START, end=noon, at=noon)
        assert temps_f[::4].tolist() == [float(row(START + i * HOUR)["temp_austin_f"]) for i in range(12)]

    def test_the_running_hour_is_forecast(self, noon: datetime) -> None:
        at = noon + timedelta(minutes=50)
        ingest(feed=current_feed(), at=noon + HOUR, wall_at=WALL)
        temps_f = queries.temperature_forecast(place="austin", start=noon - HOUR, end=noon + HOUR, at=at)
        assert temps_f[3] == float(row(noon - HOUR)["temp_austin_f"])
        assert temps_f[4] == temps_f[7] != float(row(noon)["temp_austin_f"])

    def test_any_horizon(self, noon: datetime) -> None:
        temps_f = queries.temperature_forecast(place="austin", start=noon, end=noon + timedelta(days=6), at=noon)
        assert temps_f.shape == (576,)
        assert np.isfinite(temps_f).all()
        assert queries.temperature_forecast(place="austin", start=noon, end=noon, at=noon).shape == (0,)

    def test_a_gap_in_the_past_is_bridged(self, noon: datetime) -> None:
        WeatherObservation.objects.filter(place="austin", observed_at=noon - 3 * HOUR).update(temp_f=None)
        temps_f = queries.temperature_forecast(place="austin", start=START, end=noon, at=noon)
        assert temps_f[8 * 4] == float(row(noon - 4 * HOUR - timedelta(days=1))["temp_austin_f"])

    @pytest.mark.parametrize("place", ["austin", "atlantis"])
    def test_nothing_known_is_said(self, noon: datetime, place: str) -> None:
        early = datetime(2023, 6, 1, 6, tzinfo=UTC)
        with pytest.raises(queries.TemperatureUnknown) as unknown:
            queries.temperature_forecast(place=place, start=early, end=early + HOUR, at=early)
        assert (unknown.value.place, unknown.value.at) == (place, early)

    def test_before_the_record_nothing_is_known(self, noon: datetime) -> None:
        early = datetime(2023, 1, 1, tzinfo=UTC)
        with pytest.raises(queries.TemperatureUnknown):
            queries.temperature_forecast(place="austin", start=early, end=early + HOUR, at=noon)


class TestWeather:
    def test_of_a_zip(self, noon: datetime) -> None:
        weather = queries.weather_at(zip_code="78704", at=noon)
        assert (weather.place, weather.observed_at) == ("austin", noon)
        assert weather.temp_f == float(row(noon - HOUR)["temp_austin_f"])
        assert (weather.humidity_pct, weather.conditions) == (None, None)
        assert [h.starts_at for h in weather.forecast] == [noon + i * HOUR for i in range(24)]

    def test_nothing_known_is_nothing_said(self, db: None) -> None:
        weather = queries.weather_at(place="dallas", at=NOON)
        assert (weather.observed_at, weather.source, weather.temp_f, weather.forecast) == (None, None, None, ())

    def test_unknown_zip(self, noon: datetime) -> None:
        with pytest.raises(UnknownZip):
            queries.weather_at(zip_code="10001", at=noon)


class TestStress:
    def test_looks_at_what_is_left_of_the_day(self, noon: datetime) -> None:
        for at in (noon + QUARTER, noon + timedelta(hours=5)):
            stress = queries.stress_at(at=at)
            assert stress.starts_at is not None
            assert stress.ends_at is not None
            assert at <= stress.starts_at < stress.ends_at <= END

    def test_a_declared_emergency_is_worth_a_call(self, noon: datetime) -> None:
        assert queries.stress_at(at=noon).level != "emergency"
        Snapshot.objects.create(observed_at=noon, source=queries.data_source() + "x", eea_level=3)
        assert queries.stress_at(at=noon).level != "emergency"
        Snapshot.objects.filter(source=queries.data_source(), observed_at=noon).update(eea_level=1)
        stress = queries.stress_at(at=noon)
        assert (stress.level, stress.worth_calling) == ("emergency", True)


class TestReferencePeak:
    def test_is_the_years_highest_observed(self, db: None) -> None:
        for at, load_mw in (
            (NOON - timedelta(days=366), 99_000.0),
            (NOON - timedelta(days=300), 90_000.0),
            (NOON + timedelta(seconds=1), 95_000.0),
        ):
            Snapshot.objects.create(observed_at=at, source="synthetic:1", system_load_mw=load_mw)
        assert queries.reference_peak_mw(at=NOON) == 90_000.0

    @pytest.mark.parametrize(
        ("day", "peak_mw"),
        [
            (date(2023, 1, 5), 80_038.0),  # of 20 July 2022
            (date(2023, 7, 20), 80_038.0),
            (date(2023, 8, 10), 80_038.0),  # the record is not known on its own day; nor is there a newer peak
            (date(2023, 8, 11), 85_464.0),
            (date(2026, 8, 12), 83_679.0),
            (date(2030, 1, 1), 82_772.0),
        ],
    )
    def test_while_history_is_short_it_is_the_published_one(self, db: None, day: date, peak_mw: float) -> None:
        assert queries.reference_peak_mw(at=central(day, time(12))) == peak_mw


def test_heartbeat(db: None) -> None:
    assert queries.heartbeat_wall_at("worker") is None
    beat(name="worker", wall_at=WALL)
    assert queries.heartbeat_wall_at("worker") == WALL


def test_a_short_file_still_forecasts_from_its_second_day(tmp_path: Path, db: None) -> None:
    start_replay(write(tmp_path / "short.csv", rows_between(DAY - timedelta(days=1), DAY)))
    ingest(feed=current_feed(), at=START, wall_at=WALL)
    forecast = queries.forecast_at(at=START)
    assert forecast is not None
    assert forecast.intervals[0].load_mw == float(row(START - timedelta(days=1))["load_mw"])
