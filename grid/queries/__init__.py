"""What was known of the grid at an instant. Every read is bounded by `at`: a row observed later does not exist yet.

Hours are named by their start. An hour is known once it has ended, whatever the source's own rhythm.
"""

from grid.queries.ahead import (
    PUBLISHED_PEAKS_MW,
    expected_price_of,
    forecast_at,
    price_forecast,
    reference_peak_mw,
    stress_at,
)
from grid.queries.board import OWN, PUBLISHED, compared_hours, expected_zone_prices, weather_board
from grid.queries.observed import (
    HISTORY_DAYS,
    CurrentSnapshot,
    actual_prices,
    clock_changes,
    current_run,
    current_snapshot,
    data_source,
    grid_peak_mw,
    heartbeat_wall_at,
    latest_snapshot,
    load_history,
    price_history,
    price_peak,
    recent_snapshots,
    run_of_clock,
    temperature_history,
)
from grid.queries.weather import (
    TemperatureUnknown,
    Weather,
    WeatherHour,
    temperature_forecast,
    temperature_forecasts,
    weather_at,
)

__all__ = [
    "HISTORY_DAYS",
    "OWN",
    "PUBLISHED",
    "PUBLISHED_PEAKS_MW",
    "CurrentSnapshot",
    "TemperatureUnknown",
    "Weather",
    "WeatherHour",
    "actual_prices",
    "clock_changes",
    "compared_hours",
    "current_run",
    "current_snapshot",
    "data_source",
    "expected_price_of",
    "expected_zone_prices",
    "forecast_at",
    "grid_peak_mw",
    "heartbeat_wall_at",
    "latest_snapshot",
    "load_history",
    "price_forecast",
    "price_history",
    "price_peak",
    "recent_snapshots",
    "reference_peak_mw",
    "run_of_clock",
    "stress_at",
    "temperature_forecast",
    "temperature_forecasts",
    "temperature_history",
    "weather_at",
    "weather_board",
]
