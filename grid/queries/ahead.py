"""What was expected at an instant: load, price, and whether the day is worth a call."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
from django.db.models import Max
from numpy.typing import NDArray

from grid.core.intervals import HOUR, ceil_to, floor_to, operating_day, operating_day_of, quarter_hours
from grid.core.prices import expected_prices
from grid.core.records import ForecastInterval, LoadForecast
from grid.core.series import HourlySeries, local_clock
from grid.core.stress import Stress, assess_stress
from grid.models import ForecastPoint, ForecastVintage, Method, Snapshot
from grid.queries.observed import PRICE_DAYS, current_snapshot, data_source, load_history, price_history

YEAR: Final = timedelta(days=365)

# ERCOT's highest hourly load of the year (native load): the reference while a feed's own history is short.
PUBLISHED_PEAKS_MW: Final = (
    (date(2021, 8, 24), 73_651.0),
    (date(2022, 7, 20), 80_038.0),
    (date(2023, 8, 10), 85_464.0),
    (date(2024, 8, 20), 85_199.0),
    (date(2025, 8, 18), 83_679.0),
    (date(2026, 6, 18), 82_772.0),
)


def forecast_at(*, at: datetime, hours: int = 24) -> LoadForecast | None:
    """The newest forecast known at `at`: up to `hours` hours from the running one on, or None."""
    source = data_source()
    vintage = (
        ForecastVintage.objects.filter(source=source, known_at__lte=at, method__in=[Method.PORTAL, Method.MIXED])
        .order_by("-known_at", "-pk")
        .first()
    )
    if vintage is None:
        return None
    start = floor_to(at, HOUR)
    points = vintage.points.filter(starts_at__gte=start, starts_at__lt=start + hours * HOUR).order_by("starts_at")
    return LoadForecast(
        issued_at=vintage.issued_at,
        known_at=vintage.known_at,
        source=vintage.source,
        label=vintage.label,
        intervals=tuple(map(_interval, points)),
    )


def _interval(point: ForecastPoint) -> ForecastInterval:
    return ForecastInterval(point.starts_at, point.load_mw, point.p10_mw, point.p90_mw, point.price_usd_per_mwh)


def price_forecast(*, start: datetime, end: datetime, at: datetime) -> NDArray[np.float64]:
    """Expected highest load-zone price of each quarter-hour in [start, end), USD/MWh, (n_quarters,); NaN: not known.

    From past operating days alone (grid.core.prices), also for quarter-hours that have already passed.
    """
    starts = quarter_hours(start, end)
    prices, loads = price_history(at=at), load_history(at=at, days=PRICE_DAYS)
    if prices is None or loads is None:
        return np.full(len(starts), np.nan)
    forecast = forecast_at(at=at, hours=48)
    return expected_price_of(starts, prices=prices, loads=loads, ahead=forecast.intervals if forecast else ())


def expected_price_of(
    starts: list[datetime], *, prices: HourlySeries, loads: HourlySeries, ahead: Iterable[ForecastInterval]
) -> NDArray[np.float64]:
    """Expected price at each instant, (n_starts,), given past hours and the load forecast ahead."""
    expected: dict[int, NDArray[np.float64]] = {}
    peaks = _day_peaks(loads, ahead)
    found = np.empty(len(starts))
    for index, start in enumerate(starts):
        (day,), (hour,) = local_clock(start, 1)
        if day not in expected:
            peak = peaks.get(int(day)) or peaks[max(peaks)]  # a day beyond every forecast is taken to be like the last
            expected[day] = expected_prices(prices, loads, day=int(day), peak_load_mw=peak)
        found[index] = expected[day][hour]
    return found


def _day_peaks(loads: HourlySeries, ahead: Iterable[ForecastInterval]) -> dict[int, float]:
    """Highest load of each operating day by ordinal, known hours and forecast ones together."""
    tail = loads.values[-48:]
    days, _hours = local_clock(loads.end - len(tail) * HOUR, len(tail))
    pairs = list(zip(days.tolist(), tail.tolist(), strict=True))
    pairs += [(operating_day_of(hour.starts_at).toordinal(), hour.load_mw) for hour in ahead]
    peaks: dict[int, float] = {}
    for day, load_mw in pairs:
        if not np.isnan(load_mw):
            peaks[day] = max(peaks.get(day, 0.0), load_mw)
    return peaks


def stress_at(*, at: datetime) -> Stress:
    """The portal's view of what is left of the operating day of `at`, from what was known by then."""
    _start, midnight = operating_day(operating_day_of(at))
    forecast = forecast_at(at=at, hours=25)
    ahead = [i for i in forecast.intervals if ceil_to(at, HOUR) <= i.starts_at < midnight] if forecast else []
    snapshot = current_snapshot(at=at)
    reference_mw = reference_peak_mw(at=at)
    eea_level = snapshot.eea_level if snapshot else None
    return assess_stress(ahead, reference_peak_mw=reference_mw, eea_level=eea_level)


def reference_peak_mw(*, at: datetime) -> float:
    """The highest hourly load of the year before `at` as then known: observed, or published for before our history."""
    observed = Snapshot.objects.known(source=data_source(), at=at).filter(observed_at__gt=at - YEAR)
    highest: float | None = observed.aggregate(highest=Max("system_load_mw"))["highest"]
    today = operating_day_of(at)
    earlier = [(day, mw) for day, mw in PUBLISHED_PEAKS_MW if day < today] or [PUBLISHED_PEAKS_MW[0]]
    recent = [mw for day, mw in earlier if day > today - YEAR] or [earlier[-1][1]]
    return max(highest or 0.0, *recent)
