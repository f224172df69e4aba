"""The grid in full: charts on one time axis, prices by zone, weather by place, the forecast's errors, ages of data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse

from grid.core.forecast_error import ComparedHour
from portal.frame import frame_of, portal_now
from portal.views import charts
from portal.views.csv_answer import Sheet
from portal.views.grid_board import grid_board
from portal.views.grid_charts import grid_charts
from portal.views.grid_lines import (
    DataAge,
    PlaceLine,
    ZoneLine,
    data_ages,
    level_lines,
    outlook_lines,
    place_lines,
    rule_lines,
    score_lines,
    zone_lines,
)
from portal.views.guard import page, show


@page("grid.view_snapshot")
def grid(request: HttpRequest) -> HttpResponse:
    """The page; charts, tables and ages are fetched alone as readings arrive."""
    at = portal_now(request)
    board = grid_board(frame_of(request), at=at)
    frames = grid_charts(board, at=at)
    zones, weather, ages = zone_lines(board), place_lines(board), data_ages(board, at)
    today = [hour for hour in board.own if hour.starts_at >= board.midnight]
    context = {
        "at": at,
        "board": board,
        "snapshot": board.snapshot,
        "charts": frames,
        "zones": zones,
        "dearest": max(
            (line for line in zones if line.now is not None), key=lambda line: line.now or 0.0, default=None
        ),
        "places": weather,
        "levels": level_lines(board, at),
        "outlooks": outlook_lines(board),
        "rules": rule_lines(board),
        "scores": score_lines(board),
        "hours": today,
        "ages": ages,
    }
    sheets = charts.sheets(*(frame for frame in frames if frame.chart)) | {
        "zones": lambda: zones_sheet(zones),
        "weather": lambda: weather_sheet(weather),
        "errors": lambda: errors_sheet(board.own),
        "ages": lambda: ages_sheet(ages, at),
    }
    return show(
        request, "portal/pages/grid.html", context, fragments=("now", "ahead", "beside", "places"), sheets=sheets
    )


def zones_sheet(lines: Sequence[ZoneLine]) -> Sheet:
    """Prices by zone as a file."""
    header = (
        "zone",
        "price_usd_per_mwh",
        "highest_today_usd_per_mwh",
        "highest_today_at",
        "expected_highest_usd_per_mwh",
        "expected_highest_at",
    )
    none = (None, None)
    return Sheet(
        "zone-prices",
        header,
        ([line.zone, line.now, *(line.highest or none), *(line.expected or none)] for line in lines),
    )


def weather_sheet(lines: Sequence[PlaceLine]) -> Sheet:
    """The weather by place as a file."""
    header = ("place", "weather_zone", "observed_at", "temp_f", "humidity_pct", "wind_mph", "conditions")
    more = ("highest_temp_f_next_24_h", "highest_temp_at")
    return Sheet("weather", (*header, *more), (_weather_row(line) for line in lines))


def _weather_row(line: PlaceLine) -> tuple[Any, ...]:
    seen, warmest = line.weather, line.warmest
    now = (seen.observed_at, seen.temp_f, seen.humidity_pct, seen.wind_mph, seen.conditions)
    ahead = (warmest.temp_f, warmest.starts_at) if warmest else (None, None)
    return (line.place.town, line.place.weather_zone, *now, *ahead)


def errors_sheet(hours: Sequence[ComparedHour]) -> Sheet:
    """Forecast against actual, yesterday and today, as a file."""
    header = ("starts_at", "known_at", "forecast_mw", "p10_mw", "p90_mw", "actual_mw", "error_mw", "error_pct")
    return Sheet(
        "forecast-errors",
        header,
        (
            [h.starts_at, h.known_at, h.forecast_mw, h.p10_mw, h.p90_mw, h.actual_mw, h.error_mw, h.error_pct]
            for h in hours
        ),
    )


def ages_sheet(ages: Sequence[DataAge], at: datetime) -> Sheet:
    """Ages of data as a file."""
    rows = (
        [
            age.what,
            age.source,
            age.observed_at,
            None if age.observed_at is None else (at - age.observed_at).total_seconds(),
        ]
        for age in ages
    )
    return Sheet("data-ages", ("what", "source", "observed_at", "age_s"), rows)
