"""Small replay files for tests: a plain daily shape, every value a function of the hour."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from pathlib import Path

from grid.core.intervals import CENTRAL, HOUR, hours_of
from grid.feeds.replay import DAY_AHEAD, INSTANT, LOAD, PRICES, TEMPERATURES, ZONE_LOADS

Row = dict[str, str]
COLUMNS = (INSTANT, LOAD, *ZONE_LOADS.values(), *PRICES.values(), DAY_AHEAD, *TEMPERATURES.values())
LOAD_BY_HOUR = [50, 48, 46, 45, 45, 46, 48, 50, 53, 57, 61, 65, 69, 72, 74, 76, 77, 77, 75, 73, 70, 66, 60, 55]  # GW
PRICE_BY_HOUR = [20, 18, 16, 15, 15, 18, 22, 20, 15, 12, 12, 15, 20, 25, 30, 35, 40, 45, 60, 120, 80, 45, 30, 25]


def hours_between(first: date, last: date) -> list[datetime]:
    """All hours of the operating days from `first` to `last`, both included."""
    days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    return [hour for day in days for hour in hours_of(day)]


def row(hour: datetime, *, day_ahead: bool = False) -> Row:
    """The row of one hour; days differ a little, weekends are lower."""
    local = hour.astimezone(CENTRAL)
    level = (1 + 0.01 * ((local.toordinal() * 7) % 5)) * (0.95 if local.weekday() >= 5 else 1.0)
    load_mw = LOAD_BY_HOUR[local.hour] * 1_000 * level
    price = PRICE_BY_HOUR[local.hour] * level
    found = {INSTANT: hour.strftime("%Y-%m-%dT%H:%M:%SZ"), LOAD: f"{load_mw:.1f}"}
    found |= dict.fromkeys(ZONE_LOADS.values(), f"{load_mw / 8:.1f}")
    found |= {column: f"{price + i:.2f}" for i, column in enumerate(PRICES.values())}
    found |= {column: f"{85 + i + 10 * level:.1f}" for i, column in enumerate(TEMPERATURES.values())}
    return found | {DAY_AHEAD: f"{load_mw * 1.01:.1f}" if day_ahead else ""}


def rows_between(first: date, last: date, *, day_ahead: bool = False) -> list[Row]:
    """Rows of all hours of these operating days."""
    return [row(hour, day_ahead=day_ahead) for hour in hours_between(first, last)]


def write(path: Path, rows: Iterable[Row], columns: Iterable[str] = COLUMNS) -> str:
    """Write a file of these rows; returns its path as the portal is given it."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(columns), extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def changed_after(rows: Iterable[Row], instant: datetime, change: Callable[[Row], Row]) -> list[Row]:
    """The rows with `change` applied to every hour that had not ended at `instant`."""
    return [change(r) if datetime.fromisoformat(r[INSTANT]) + HOUR > instant else r for r in rows]
