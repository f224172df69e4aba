"""What has moved since a plan was proposed: pinned numbers against those of now, each ok, amber or red.

Limits are ours [A]: amber is what would move the planned MW or its value noticeably, red what would make it another
plan. A number that was known at the proposal and no longer is counts as amber.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final


class Level(StrEnum):
    """How far; `RED` closes approval and sending until the plan is made anew."""

    OK = "ok"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan rests on, None = not known.

    `forecast_peak_mw`: highest load forecast of the window's hours; `price_usd_per_mwh`: mean of the window;
    `reserves_mw`: as observed; `temp_f`: mean over window and cohorts; `accounts`: endpoints that may be called.
    """

    forecast_peak_mw: Decimal | None
    price_usd_per_mwh: Decimal | None
    reserves_mw: Decimal | None
    temp_f: Decimal | None
    accounts: int | None


@dataclass(frozen=True, slots=True)
class Moved:
    """One number, then and now. `change` is in `unit`: percent, or degrees."""

    name: str
    unit: str
    then: Decimal | None
    now: Decimal | None
    change: Decimal | None
    change_unit: str
    level: Level


@dataclass(frozen=True, slots=True)
class CalledElsewhere:
    """A cohort of the plan that another plan, decided meanwhile, calls then or within its rest."""

    cohort: str
    plan_id: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Drift:
    """All numbers, the cohorts that are no longer free, and the worst of them all."""

    items: tuple[Moved, ...]
    called_elsewhere: tuple[CalledElsewhere, ...] = ()

    @property
    def level(self) -> Level:
        """Red before amber before ok."""
        if self.called_elsewhere:
            return Level.RED
        found = {item.level for item in self.items}
        return next((level for level in (Level.RED, Level.AMBER) if level in found), Level.OK)


@dataclass(frozen=True, slots=True)
class Gauge:
    """How one field of the basis is looked at: from which change on it is amber, from which red (None: never).

    Reserves fall every afternoon: their change is told, and closes nothing.
    """

    field: str
    name: str
    unit: str
    amber: Decimal
    red: Decimal | None
    change: Callable[[Decimal, Decimal], Decimal | None]
    change_unit: str


def _pct(then: Decimal, now: Decimal) -> Decimal | None:
    return None if then == 0 else (now - then) / abs(then) * 100


def _difference(then: Decimal, now: Decimal) -> Decimal | None:
    return now - then


GAUGES: Final = (
    Gauge("forecast_peak_mw", "Load forecast, peak of the window", "MW", Decimal(2), Decimal(5), _pct, "%"),
    Gauge("price_usd_per_mwh", "Expected price, mean of the window", "$/MWh", Decimal(30), Decimal(60), _pct, "%"),
    Gauge("reserves_mw", "Reserves", "MW", Decimal(50), None, _pct, "%"),
    Gauge("temp_f", "Temperature, mean of window and cohorts", "°F", Decimal(3), Decimal(7), _difference, "°F"),
    Gauge("accounts", "Endpoints that may be called", "", Decimal(5), Decimal(20), _pct, "%"),
)


def drift_between(then: Basis, now: Basis) -> Drift:
    """What has moved. What was not known then cannot have moved."""
    return Drift(tuple(_moved(gauge, then, now) for gauge in GAUGES))


def _moved(gauge: Gauge, then: Basis, now: Basis) -> Moved:
    before, after = _number(getattr(then, gauge.field)), _number(getattr(now, gauge.field))
    change = None if before is None or after is None else gauge.change(before, after)
    return Moved(gauge.name, gauge.unit, before, after, change, gauge.change_unit, _level(gauge, before, after, change))


def _level(gauge: Gauge, then: Decimal | None, now: Decimal | None, change: Decimal | None) -> Level:
    if then is None:
        return Level.OK
    if now is None:
        return Level.AMBER
    if change is None:
        return Level.OK if then == now else Level.AMBER
    if gauge.red is not None and abs(change) >= gauge.red:
        return Level.RED
    return Level.AMBER if abs(change) >= gauge.amber else Level.OK


def _number(value: Decimal | int | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def as_json(drift: Drift) -> dict[str, object]:
    """What is kept beside a vote."""
    numbers = {
        item.name: {
            "then": None if item.then is None else str(item.then),
            "now": None if item.now is None else str(item.now),
            "level": item.level.value,
        }
        for item in drift.items
    }
    return {"level": drift.level.value, "items": numbers}
