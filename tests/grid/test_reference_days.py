"""On ERCOT's real history: which days are called, and how far the forecasts miss."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from grid import queries
from grid.core.forecast import forecast_load
from grid.core.intervals import HOUR, central, operating_day
from grid.core.series import HourlySeries
from grid.core.stress import Stress
from grid.core.temperature import forecast_temp_f
from grid.feeds import open_feed
from grid.operations import current_feed, ingest
from tests.grid.conftest import WALL, start_replay

pytestmark = pytest.mark.shared_data
SUMMERS = (2023, 2024, 2025)


@pytest.fixture(scope="module")
def history(shared_dir: Path) -> str:
    """The path of the reference file."""
    return str(shared_dir / "data" / "ercot_history" / "ercot_hourly_joined_2023_2025.csv")


@pytest.mark.django_db
class TestCalledDays:
    @pytest.mark.parametrize(
        ("day", "window"),
        [
            (date(2023, 8, 10), (16, 20)),
            (date(2023, 9, 6), (16, 20)),
            (date(2024, 8, 20), (19, 21)),
            (date(2025, 8, 18), (16, 20)),
        ],
    )
    def test_tight_days_are_called_at_two_in_the_afternoon(
        self, history: str, day: date, window: tuple[int, int]
    ) -> None:
        stress = self.at_two(history, day)
        assert stress.worth_calling
        assert stress.level == "tight"
        assert (stress.starts_at, stress.ends_at) == tuple(central(day, time(hour)) for hour in window)

    @pytest.mark.parametrize("day", [date(2023, 4, 12), date(2024, 2, 10), date(2025, 5, 3)])
    def test_mild_days_are_not(self, history: str, day: date) -> None:
        stress = self.at_two(history, day)
        assert not stress.worth_calling
        assert stress.level == "normal"

    def at_two(self, history: str, day: date) -> Stress:
        start_replay(history, day)
        at = central(day, time(14))
        ingest(feed=current_feed(), at=at, wall_at=WALL)
        return queries.stress_at(at=at)

    def test_the_emergency_is_known_when_it_was_declared(self, history: str) -> None:
        day = date(2023, 9, 6)
        start_replay(history, day)
        levels = []
        for local in (time(19, 24), time(19, 25), time(20, 0), time(20, 27), time(20, 37), time(23, 0)):
            at = central(day, local)
            ingest(feed=current_feed(), at=at, wall_at=WALL)
            snapshot = queries.current_snapshot(at=at)
            assert snapshot is not None
            levels.append(snapshot.eea_level)
        assert levels == [None, 2, 2, 1, 0, 0]

    def test_results_of_the_record_day(self, history: str) -> None:
        day = date(2023, 8, 10)
        start_replay(history, day)
        start, end = operating_day(day)
        ingest(feed=current_feed(), at=end, wall_at=WALL)
        assert queries.grid_peak_mw(day, at=end) == 85_464.12
        assert queries.price_peak(day, at=end) == 3_885.7625
        houston = queries.actual_prices(start=start, end=end, at=end, zone="LZ_HOUSTON")
        assert houston.max() == 3_885.7625


def column(history: str, name: str) -> HourlySeries:
    """One measured quantity of the whole file."""
    feed = open_feed(history)
    first, last = feed.history_start, feed.history_end
    assert first is not None
    assert last is not None
    if name == "load":
        values = [s.system_load_mw for s in feed.snapshots(first, last) if s.system_load_mw is not None]
    else:
        values = [np.nan if r.temp_f is None else r.temp_f for r in feed.weather(first, last) if r.place == name]
    return HourlySeries(first, np.array(values, dtype=np.float64))


def before(series: HourlySeries, at: datetime, days: int) -> HourlySeries:
    """What was known of it at an instant."""
    known = (at - series.first) // HOUR
    start = max(0, known - days * 24)
    return HourlySeries(series.first + start * HOUR, series.values[start:known])


def after(series: HourlySeries, at: datetime, hours: int) -> NDArray[np.float64]:
    """What came after it."""
    known = (at - series.first) // HOUR
    return series.values[known : known + hours]


def looks(year: int, every: timedelta) -> list[datetime]:
    start, end = datetime(year, 6, 1, 5, tzinfo=UTC), datetime(year, 9, 30, 5, tzinfo=UTC)
    return [start + i * every for i in range((end - start) // every)]


class TestAccuracy:
    @pytest.mark.parametrize("year", SUMMERS)
    def test_load_forecast_beats_yesterday(self, history: str, year: int) -> None:
        """Every hour of the next day, issued every six hours from June to September, against the day before."""
        load = column(history, "load")
        own, naive, inside = [], [], []
        for at in looks(year, timedelta(hours=6)):
            known, truth = before(load, at, queries.HISTORY_DAYS), after(load, at, 24)
            band = forecast_load(known)
            assert band is not None
            own.append(np.abs(band.load_mw[:24] / truth - 1).mean())
            naive.append(np.abs(known.values[-24:] / truth - 1).mean())
            inside.append(((band.p10_mw[:24] <= truth) & (truth <= band.p90_mw[:24])).mean())
        own_pct, naive_pct, inside_pct = (100 * float(np.mean(x)) for x in (own, naive, inside))
        print(f"\n{year}: MAPE {own_pct:.2f} %, naive-24 {naive_pct:.2f} %, 80 % band holds {inside_pct:.0f} %")  # noqa: T201
        assert own_pct < 0.88 * naive_pct
        assert own_pct < 3.1
        assert 70 < inside_pct < 90

    def test_temperature_forecast_is_within_three_degrees(self, history: str) -> None:
        temp_f = column(history, "dallas")
        own, naive = [], []
        for at in looks(2024, timedelta(hours=18)):
            known, truth = before(temp_f, at, 5), after(temp_f, at, 24)
            ahead = forecast_temp_f(known, 24)
            assert ahead is not None
            own.append(np.abs(ahead - truth).mean())
            naive.append(np.abs(known.values[-24:] - truth).mean())
        print(f"\nDallas 2024: mean error {np.mean(own):.2f} F, yesterday's {np.mean(naive):.2f} F")  # noqa: T201
        assert float(np.mean(own)) < min(3.0, float(np.mean(naive)))
