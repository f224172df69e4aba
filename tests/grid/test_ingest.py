"""What is written down, once, and never before its time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import ProgrammingError, transaction

from grid import queries, tasks
from grid.core.intervals import CENTRAL, HOUR, QUARTER, central, operating_day
from grid.feeds.replay import DAY_AHEAD, INSTANT, LOAD, PRICES, TEMPERATURES
from grid.models import Clock, ForecastPoint, ForecastVintage, Method, Snapshot, WeatherObservation
from grid.operations import FeedNotOfTheClock, current_feed, ingest, start_clock
from tests.grid.conftest import DAY, WALL, start_replay
from tests.grid.replay_files import Row, changed_after, row, rows_between, write

pytestmark = pytest.mark.django_db
START, END = operating_day(DAY)
AFTERNOON = central(DAY, time(15, 20))


def look(at: datetime) -> Any:
    return ingest(feed=current_feed(), at=at, wall_at=WALL)


def counts() -> tuple[int, int, int, int]:
    models = (Snapshot, WeatherObservation, ForecastVintage, ForecastPoint)
    return tuple(model.objects.count() for model in models)  # type: ignore[return-value]


class TestReplay:
    def test_first_look_fills_the_history(self, replay: str) -> None:
        result = look(AFTERNOON)
        assert result.snapshots == 19 * 24 + 15
        assert Snapshot.objects.count() == 19 * 24 + 15
        newest = Snapshot.objects.order_by("-observed_at")[0]
        assert newest.observed_at == central(DAY, time(15))
        assert newest.system_load_mw == float(row(newest.observed_at - HOUR)[LOAD])
        assert newest.highest_price_usd_per_mwh == float(row(newest.observed_at - HOUR)["rtm_lz_raybn"])
        assert newest.source == current_feed().source
        assert newest.created_at == WALL

    def test_twice_is_once(self, replay: str) -> None:
        look(AFTERNOON)
        before = counts()
        again = look(AFTERNOON)
        assert (again.snapshots, again.weather, again.vintages) == (0, 0, 0)
        assert counts() == before

    def test_within_an_hour_nothing_is_new(self, replay: str) -> None:
        look(central(DAY, time(15)))
        before = counts()
        for minutes in (15, 30, 45, 59):
            look(central(DAY, time(15, minutes)))
        assert counts() == before
        assert look(central(DAY, time(16))).snapshots == 1

    def test_many_looks_write_what_one_would(self, replay: str) -> None:
        for hour in range(0, 24, 3):
            look(START + hour * HOUR)
        look(END)
        stepwise = set(Snapshot.objects.values_list("observed_at", "system_load_mw"))
        Snapshot.objects.all().delete()
        look(END)
        assert set(Snapshot.objects.values_list("observed_at", "system_load_mw")) == stepwise

    def test_a_hole_is_filled(self, replay: str) -> None:
        look(AFTERNOON)
        hole = Snapshot.objects.filter(observed_at__gt=AFTERNOON - timedelta(days=5, hours=7))[:9]
        lost = {(s.observed_at, s.system_load_mw) for s in hole}
        Snapshot.objects.filter(observed_at__in=[at for at, _mw in lost]).delete()
        look(AFTERNOON)
        assert lost <= set(Snapshot.objects.values_list("observed_at", "system_load_mw"))
        assert Snapshot.objects.count() == 19 * 24 + 15

    @pytest.mark.parametrize("day", [date(2023, 3, 12), date(2023, 11, 5)])
    def test_days_of_23_and_25_hours(self, tmp_path: Path, day: date) -> None:
        rows = rows_between(day - timedelta(days=3), day + timedelta(days=1), day_ahead=True)
        start_replay(write(tmp_path / "dst.csv", rows), day)
        start, end = operating_day(day)
        look(start)
        forecast = queries.forecast_at(at=start, hours=25)
        assert forecast is not None
        assert [i.starts_at for i in forecast.intervals] == [start + i * HOUR for i in range(25)]
        look(end)
        hours = (end - start) // HOUR
        assert Snapshot.objects.filter(observed_at__gt=start, observed_at__lte=end).count() == hours
        prices = queries.actual_prices(start=start, end=end, at=end)
        assert prices.shape == (4 * hours,)
        assert prices[::4].tolist() == [float(row(start + i * HOUR)["rtm_lz_raybn"]) for i in range(hours)]

    def test_blanks_stay_unknown(self, tmp_path: Path) -> None:
        rows = rows_between(DAY - timedelta(days=2), DAY)
        rows[-1] |= dict.fromkeys([LOAD, *PRICES.values(), *TEMPERATURES.values()], "")
        start_replay(write(tmp_path / "gaps.csv", rows))
        look(END)
        last = Snapshot.objects.get(observed_at=END)
        assert (last.system_load_mw, last.highest_price_usd_per_mwh) == (None, None)
        assert set(last.prices_usd_per_mwh.values()) == {None}
        snapshot = queries.current_snapshot(at=END)
        assert snapshot is not None
        assert snapshot.observed_at == END - HOUR
        assert WeatherObservation.objects.filter(observed_at=END, temp_f=None).count() == 8

    def test_refuses_a_feed_that_is_not_the_clocks(self, replay: str) -> None:
        write(Path(replay), rows_between(DAY, DAY))
        with pytest.raises(FeedNotOfTheClock):
            look(AFTERNOON)
        assert counts() == (0, 0, 0, 0)

    def test_the_worker_may_and_web_may_not(
        self, replay: str, as_role: Callable[[str], AbstractContextManager[None]]
    ) -> None:
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic(), as_role("web"):
            look(AFTERNOON)
        assert counts() == (0, 0, 0, 0)
        with as_role("worker"):
            assert look(AFTERNOON).snapshots > 0

    def test_the_task_is_one_call(self, replay: str) -> None:
        tasks.ingest()
        assert Snapshot.objects.filter(source=Clock.objects.get().data_source).exists()


class TestForecasts:
    def test_published_where_published_and_own_beyond(self, replay: str) -> None:
        look(AFTERNOON)
        forecast = queries.forecast_at(at=AFTERNOON, hours=36)
        assert forecast is not None
        assert forecast.known_at == central(DAY, time(15))
        assert forecast.label == "ERCOT day-ahead forecast, portal forecast from past loads beyond it"
        midnight_after_next = operating_day(DAY + timedelta(days=1))[1]
        methods = dict(
            ForecastPoint.objects.filter(vintage__known_at=forecast.known_at).values_list("starts_at", "method")
        )
        assert {m for s, m in methods.items() if s < midnight_after_next} == {Method.DAY_AHEAD}
        assert {m for s, m in methods.items() if s >= midnight_after_next} == {Method.PORTAL}
        first = forecast.intervals[0]
        assert first.starts_at == central(DAY, time(15))
        assert first.load_mw == float(row(first.starts_at, day_ahead=True)[DAY_AHEAD])

    def test_tomorrow_is_our_own_until_half_past_two(self, replay: str) -> None:
        look(central(DAY, time(14, 29)))
        before = queries.forecast_at(at=central(DAY, time(14, 29)), hours=24)
        look(central(DAY, time(14, 30)))
        after = queries.forecast_at(at=central(DAY, time(14, 30)), hours=24)
        assert before is not None
        assert after is not None
        assert (before.known_at, after.known_at) == (central(DAY, time(14)), central(DAY, time(14, 30)))
        tomorrow = operating_day(DAY + timedelta(days=1))[0]
        published = float(row(tomorrow, day_ahead=True)[DAY_AHEAD])
        assert published not in {i.load_mw for i in before.intervals if i.starts_at == tomorrow}
        assert [i.load_mw for i in after.intervals if i.starts_at == tomorrow] == [published]

    def test_without_published_ones_it_is_labelled_as_our_own(self, tmp_path: Path) -> None:
        start_replay(write(tmp_path / "own.csv", rows_between(date(2023, 6, 1), DAY)))
        look(AFTERNOON)
        forecast = queries.forecast_at(at=AFTERNOON)
        assert forecast is not None
        assert forecast.label == "portal forecast from past loads"
        assert len(forecast.intervals) == 24
        assert all(i.p10_mw <= i.load_mw <= i.p90_mw for i in forecast.intervals)  # type: ignore[operator]
        assert all(i.price_usd_per_mwh is not None for i in forecast.intervals)

    def test_a_new_vintage_each_hour_and_the_old_ones_stay(self, replay: str) -> None:
        for hour in (12, 13, 13, 14):
            look(central(DAY, time(hour)))
        own = ForecastVintage.objects.exclude(method=Method.DAY_AHEAD).order_by("known_at")
        assert [v.known_at.astimezone(CENTRAL).hour for v in own] == [12, 13, 14]
        earlier = queries.forecast_at(at=central(DAY, time(13, 30)))
        assert earlier is not None
        assert earlier.known_at == central(DAY, time(13))

    def test_on_the_first_day_of_a_file_nothing_is_expected(self, tmp_path: Path) -> None:
        start_replay(write(tmp_path / "short.csv", rows_between(DAY, DAY)))
        look(START + 5 * HOUR)
        assert queries.forecast_at(at=START + 5 * HOUR) is None
        stress = queries.stress_at(at=START + 5 * HOUR)
        assert not stress.worth_calling
        assert stress.reasons == ("There is no forecast for the hours ahead.",)


class TestSynthetic:
    def test_backfills_in_hours_and_goes_on_in_five_minutes(self, db: None) -> None:
        start = central(date(2026, 8, 12), time(14))
        start_clock(
            mode="DRILL", source="synthetic", scenario_start=start, speed=60, hold_for_votes=True, by=None, wall_at=WALL
        )
        look(start)
        last_day = Snapshot.objects.filter(observed_at__gt=start - timedelta(days=1))
        assert last_day.count() == 288
        assert Snapshot.objects.count() == 79 * 24 + 288
        assert look(start + QUARTER).snapshots == 3
        history = queries.load_history(at=start + QUARTER)
        assert history is not None
        assert history.end == start
        assert len(history.values) == 80 * 24

    def test_a_drill_is_worth_calling_from_its_first_minute(self, db: None) -> None:
        start = central(date(2026, 8, 12), time(14))
        start_clock(
            mode="DRILL", source="synthetic", scenario_start=start, speed=60, hold_for_votes=True, by=None, wall_at=WALL
        )
        look(start)
        stress = queries.stress_at(at=start)
        assert stress.worth_calling
        assert stress.starts_at is not None
        assert stress.ends_at is not None
        assert stress.starts_at <= central(date(2026, 8, 12), time(19))
        assert stress.ends_at >= central(date(2026, 8, 12), time(21))
        # The watch agent asks from an hour and a quarter to five hours ahead.
        assert timedelta(hours=1, minutes=15) <= stress.starts_at - start <= timedelta(hours=5)


def everything_known(at: datetime) -> list[Any]:
    """All that planning reads at an instant."""
    start, end = operating_day(DAY)
    return [
        queries.current_snapshot(at=at),
        queries.forecast_at(at=at, hours=36),
        queries.stress_at(at=at),
        queries.reference_peak_mw(at=at),
        queries.price_forecast(start=start, end=end, at=at).tolist(),
        [queries.temperature_forecast(place=p, start=start, end=end, at=at).tolist() for p in ("austin", "dallas")],
        queries.weather_at(place="houston", at=at),
        queries.grid_peak_mw(DAY, at=at),
        queries.price_peak(DAY, at=at),
    ]


def without_source(known: list[Any], source: str) -> str:
    return repr(known).replace(source, "SOURCE")


class TestNoLookAhead:
    @pytest.mark.parametrize(
        "at", [central(DAY, t) for t in (time(0), time(0, 45), time(9, 15), time(14, 29), time(14, 30), time(18, 45))]
    )
    def test_later_rows_change_nothing(self, tmp_path: Path, at: datetime) -> None:
        rows = rows_between(date(2023, 6, 1), date(2023, 6, 22), day_ahead=True)

        def surprise(found: Row) -> Row:
            changed = dict.fromkeys([LOAD, *PRICES.values(), *TEMPERATURES.values()], "99999")
            if datetime.fromisoformat(found[INSTANT]) >= _unpublished_from(at):
                changed[DAY_AHEAD] = "11111"
            return found | changed

        start_replay(write(tmp_path / "true.csv", rows))
        look(at)
        known = without_source(everything_known(at), current_feed().source)
        start_replay(write(tmp_path / "other.csv", changed_after(rows, at, surprise)))
        look(at)
        assert without_source(everything_known(at), current_feed().source) == known

    def test_rows_of_a_run_that_went_further_are_not_seen(self, replay: str) -> None:
        look(AFTERNOON)
        before = repr(everything_known(AFTERNOON))
        look(END + timedelta(hours=20))
        assert repr(everything_known(AFTERNOON)) == before

    def test_a_run_that_starts_earlier_than_one_before_it_sees_no_more(self, replay: str) -> None:
        look(AFTERNOON)
        fresh = repr(everything_known(AFTERNOON))
        ForecastVintage.objects.all().delete()
        Snapshot.objects.all().delete()
        look(END + timedelta(hours=20))
        look(AFTERNOON)
        assert repr(everything_known(AFTERNOON)) == fresh

    def test_earlier_prices_do_change_what_is_expected(self, tmp_path: Path) -> None:
        rows = rows_between(date(2023, 6, 1), date(2023, 6, 22), day_ahead=True)
        start_replay(write(tmp_path / "true.csv", rows))
        look(START)
        before = queries.price_forecast(start=START, end=END, at=START)
        dearer = [r | dict.fromkeys(PRICES.values(), "500") if "06-19T" in r[INSTANT] else r for r in rows]
        start_replay(write(tmp_path / "dearer.csv", dearer))
        look(START)
        after = queries.price_forecast(start=START, end=END, at=START)
        assert (after > before).mean() > 0.7


def _unpublished_from(at: datetime) -> datetime:
    """The first hour whose day-ahead forecast is not out at `at`."""
    published = at >= central(DAY, time(14, 30))
    return operating_day(DAY + timedelta(days=1 if published else 0))[1]
