"""The simulated grid: the same for everyone, in the range of the real one, tight on a hot evening."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid.core.intervals import CENTRAL, HOUR, central, day_ahead_known_at, hours_of, operating_day
from grid.core.records import LOAD_ZONES, PLACE_WEIGHTS, WEATHER_ZONES, SnapshotRecord
from grid.feeds.synthetic import SyntheticFeed

DRILL = date(2026, 8, 12)
INSTANTS = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))


def day_of(feed: SyntheticFeed, day: date) -> list[SnapshotRecord]:
    return feed.snapshots(*operating_day(day), every=HOUR)


def local_hour_before(record: SnapshotRecord) -> int:
    return (record.observed_at - HOUR).astimezone(CENTRAL).hour


class TestSameForEveryone:
    @settings(max_examples=15, deadline=None)
    @given(INSTANTS, st.integers(1, 400), st.integers(1, 400))
    def test_values_do_not_depend_on_the_span_asked(self, at: datetime, before_min: int, after_min: int) -> None:
        start, end = at - timedelta(minutes=before_min), at + timedelta(minutes=after_min)
        whole = SyntheticFeed(1).snapshots(start, end)
        assert SyntheticFeed(1).snapshots(start, at) + SyntheticFeed(1).snapshots(at, end) == whole
        assert all(start < record.observed_at <= end for record in whole)

    def test_every_five_minutes(self) -> None:
        start = datetime(2026, 8, 12, 19, tzinfo=UTC)
        records = SyntheticFeed(1).snapshots(start, start + timedelta(minutes=17))
        assert [r.observed_at - start for r in records] == [timedelta(minutes=m) for m in (5, 10, 15)]

    def test_an_hour_is_the_mean_of_its_instants(self) -> None:
        start = datetime(2026, 8, 12, 19, tzinfo=UTC)
        fine = [r.system_load_mw or 0 for r in SyntheticFeed(1).snapshots(start, start + HOUR)]
        (mean,) = SyntheticFeed(1).snapshots(start, start + HOUR, every=HOUR)
        assert mean.system_load_mw == pytest.approx(sum(fine) / 12, abs=0.1)

    def test_another_seed_is_another_grid(self) -> None:
        one, two = day_of(SyntheticFeed(1), DRILL), day_of(SyntheticFeed(2), DRILL)
        assert [r.system_load_mw for r in one] != [r.system_load_mw for r in two]
        assert (one[0].source, two[0].source) == ("synthetic:1", "synthetic:2")

    @pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25)])
    def test_days_of_23_and_25_hours(self, day: date, hours: int) -> None:
        feed = SyntheticFeed(1)
        assert len(day_of(feed, day)) == hours
        forecast = feed.forecast(operating_day(day)[0])
        assert forecast is not None
        assert [i.starts_at for i in forecast.intervals] == hours_of(day)


class TestLevels:
    @pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
    def test_the_drills_evening_is_tight(self, seed: int) -> None:
        records = day_of(SyntheticFeed(seed), DRILL)
        peak = max(records, key=lambda r: r.system_load_mw or 0)
        dearest = max(records, key=lambda r: r.highest_price_usd_per_mwh or 0)
        scarcest = min(records, key=lambda r: r.reserves_mw or 0)
        assert 82_000 < (peak.system_load_mw or 0) < 90_000
        assert local_hour_before(peak) in (15, 16, 17)
        assert local_hour_before(dearest) in (19, 20)
        assert local_hour_before(scarcest) in (19, 20)
        assert 7_900 <= (scarcest.reserves_mw or 0) < 13_000
        assert max(r.reserves_mw or 0 for r in records) <= 18_000

    def test_a_mild_day_is_not(self) -> None:
        records = day_of(SyntheticFeed(1), date(2026, 11, 18))
        assert max(r.system_load_mw or 0 for r in records) < 65_000
        assert min(r.reserves_mw or 0 for r in records) > 16_000
        assert max(r.highest_price_usd_per_mwh or 0 for r in records) < 100

    def test_summer_weekdays_have_the_published_level(self) -> None:
        """Mean of 17:00 on July weekdays within 5 % of the 78,691 MW of July and August 2025."""
        days = [date(2026, 7, d) for d in range(1, 31) if date(2026, 7, d).weekday() < 5]
        at_16 = [r.system_load_mw or 0 for d in days for r in day_of(SyntheticFeed(1), d) if local_hour_before(r) == 16]
        assert sum(at_16) / len(at_16) == pytest.approx(78_691, rel=0.05)

    def test_every_zone_and_place_is_there_and_says_what_it_is(self) -> None:
        feed = SyntheticFeed(1)
        start = datetime(2026, 8, 12, 19, tzinfo=UTC)
        (snapshot,) = feed.snapshots(start, start + timedelta(minutes=5))
        assert set(snapshot.prices_usd_per_mwh) == set(LOAD_ZONES)
        assert set(snapshot.zone_load_mw) == set(WEATHER_ZONES)
        assert (snapshot.reserves_kind, snapshot.eea_level) == ("measured", 0)
        weather = feed.weather(start, start + timedelta(minutes=15))
        assert {r.place for r in weather} == set(PLACE_WEIGHTS)
        assert all(85 < (r.temp_f or 0) < 110 for r in weather)
        assert all(0 <= (r.humidity_pct or 0) <= 100 for r in weather)

    @settings(max_examples=25, deadline=None)
    @given(INSTANTS)
    def test_values_are_possible_all_year(self, at: datetime) -> None:
        for record in SyntheticFeed(7).snapshots(at, at + timedelta(minutes=30)):
            assert 25_000 < (record.system_load_mw or 0) < 95_000
            assert 7_900 <= (record.reserves_mw or 0) <= 18_000
            assert 0 <= (record.solar_mw or 0) <= 28_000
            assert (record.wind_mw or -1) >= 0
            assert -100 < (record.highest_price_usd_per_mwh or 0) < 5_000


class TestDayAhead:
    def test_is_published_at_half_past_two(self) -> None:
        feed, known_at = SyntheticFeed(1), day_ahead_known_at(DRILL)
        before, now = feed.forecast(known_at - timedelta(seconds=1)), feed.forecast(known_at)
        assert before is not None
        assert now is not None
        assert before.intervals[0].starts_at == operating_day(DRILL - timedelta(days=1))[0]
        assert now.intervals[0].starts_at == operating_day(DRILL)[0]
        assert now.known_at == known_at == central(DRILL - timedelta(days=1), time(14, 30))

    def test_misses_by_one_or_two_per_cent(self) -> None:
        feed = SyntheticFeed(1)
        errors = []
        for n in range(30):
            day = DRILL - timedelta(days=n)
            forecast = feed.forecast(operating_day(day)[0])
            assert forecast is not None
            truth = [r.system_load_mw or 0 for r in day_of(feed, day)]
            errors += [abs(i.load_mw / mw - 1) for i, mw in zip(forecast.intervals, truth, strict=True)]
        assert 0.002 < sum(errors) / len(errors) < 0.02
