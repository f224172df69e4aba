"""The grid page's charts: load, price, reserves, wind and solar on one time axis, from yesterday's midnight on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from grid.core.forecast_error import ComparedHour
from grid.core.intervals import HOUR, QUARTER, floor_to, operating_day_of
from grid.core.reserves import IN_FORCE_SINCE, RULE, reserve_levels
from grid.core.stress import PRICE_USD_PER_MWH
from grid.models import Snapshot
from portal.templatetags.quantities import duration_words
from portal.views import charts
from portal.views.grid_board import GridBoard

HALF_HOUR: Final = 2 * QUARTER
MW_PER_GW: Final = 1000.0
DRAWN_FROM_SHARE: Final = 0.5  # a threshold far above all prices would flatten them
Value = float | None


def grid_charts(board: GridBoard, *, at: datetime) -> list[charts.ChartFrame]:
    """All four, in the order of the page."""
    return [draw(board, at) for draw in (_load, _price, _reserves, _wind_and_solar)]


def thinned(
    rows: Iterable[Snapshot], value: Callable[[Snapshot], Value], pick: Callable[[Sequence[float]], float] | None = None
) -> list[charts.Point]:
    """One point each half-hour: its first known value, or what `pick` makes of its values; the newest row stays."""
    found = [(row.observed_at, value(row)) for row in rows]
    halves: dict[datetime, list[charts.Point]] = {}
    for point in found:
        halves.setdefault(floor_to(point[0], HALF_HOUR), []).append(point)
    points = [_one(members, pick) for members in halves.values()]
    return sorted({*points, *found[-1:]}, key=lambda point: point[0])


def _one(members: Sequence[charts.Point], pick: Callable[[Sequence[float]], float] | None) -> charts.Point:
    known = [value for _at, value in members if value is not None]
    at = members[0][0]
    return (at, None) if not known else (at, pick(known) if pick else known[0])


def _picture(board: GridBoard, at: datetime, **more: Any) -> charts.Picture:
    end = board.hours[-1].starts_at + HOUR if board.hours else at + HOUR
    return charts.Picture(start=board.since, end=end, now=at, **more)


def _age(board: GridBoard, at: datetime) -> str:
    return f", {duration_words(at - board.snapshot.observed_at)} old" if board.snapshot else ""


def _load(board: GridBoard, at: datetime) -> charts.ChartFrame:
    title = "System load, measured and forecast"
    measured = thinned(board.recent, lambda row: row.system_load_mw)
    if len(measured) < 2 and not board.hours:
        return charts.nothing(key="load", title=title, words="No reading and no forecast of the load is known yet.")
    ahead = [hour for hour in board.hours if hour.starts_at + HOUR / 2 > at]
    lines = [
        charts.Line("me", measured, name="Measured"),
        charts.Line(
            "fc",
            [(hour.starts_at, hour.load_mw) for hour in ahead],
            HOUR,
            name="Forecast",
            middles=True,
            lead=measured[-1] if measured and ahead else None,
        ),
    ]
    if board.own:
        lines.append(charts.Line("fc2", _with_gaps(board.own), HOUR, name="As forecast before", middles=True))
    picture = _picture(
        board,
        at,
        words=_load_words(board, at),
        unit="GW",
        scale=MW_PER_GW,
        value_unit="MW",
        places=0,
        lines=lines,
        bands=[charts.Band([(h.starts_at, h.p10_mw, h.p90_mw) for h in ahead], HOUR, name="Forecast", middles=True)],
    )
    label = board.forecast.label if board.forecast else "no forecast known"
    note = "As forecast before: the earliest forecast of the 24 hours before each hour." if board.own else ""
    return charts.framed(picture, key="load", title=title, source=f"{label}{_age(board, at)}", note=note)


def _with_gaps(hours: Sequence[ComparedHour]) -> list[charts.Point]:
    """Forecasts of past hours; a missing hour lifts the pen."""
    points: list[charts.Point] = []
    for hour in hours:
        if points and hour.starts_at - points[-1][0] > HOUR:
            points.append((points[-1][0] + HOUR, None))
        points.append((hour.starts_at, hour.forecast_mw))
    return points


def _load_words(board: GridBoard, at: datetime) -> str:
    said = []
    if board.snapshot and board.snapshot.system_load_mw is not None:
        said.append(f"Load is {board.snapshot.system_load_mw:,.0f} MW.")
    if board.hours:
        peak = max(board.hours, key=lambda hour: hour.load_mw)
        when = charts.hour_span(peak.starts_at)
        said.append(f"In the next 24 hours it is forecast to peak at {peak.load_mw:,.0f} MW in the hour {when}.")
    yesterday = [(row.system_load_mw, row.observed_at) for row in board.recent if row.observed_at <= board.midnight]
    highest = max(((mw, when) for mw, when in yesterday if mw is not None), default=None)
    if highest:
        said.append(f"Yesterday's highest was {highest[0]:,.0f} MW at {charts.hour_words(highest[1])}.")
    return " ".join(said) or f"Nothing of the load is known at {charts.hour_words(at)}."


def _price(board: GridBoard, at: datetime) -> charts.ChartFrame:
    title = "Real-time price of the load zones"
    highest = thinned(board.recent, lambda row: row.highest_price_usd_per_mwh, max)
    lowest = thinned(board.recent, _lowest_price, min)
    expected = [(hour.starts_at, hour.price_usd_per_mwh) for hour in board.hours]
    known = [price for _at, price in (*highest, *expected) if price is not None]
    if len(known) < 2:
        return charts.nothing(key="price", title=title, words="No price of the load zones is known yet.")
    near = max(known) >= DRAWN_FROM_SHARE * PRICE_USD_PER_MWH
    words = f"watch rule: {PRICE_USD_PER_MWH:,.0f} $/MWh"
    picture = _picture(
        board,
        at,
        words=_price_words(highest, expected, at),
        unit="$/MWh",
        places=0,
        lines=[
            charts.Line("me", highest, name="Highest zone"),
            charts.Line("me2", lowest, name="Lowest zone"),
            charts.Line("fc", expected, HOUR, name="Expected highest", middles=True),
        ],
        limits=[charts.Limit(PRICE_USD_PER_MWH, words)] if near else [],
        from_zero=True,
        height=220,
    )
    note = "Expected from the past 45 days at the same hour, weighed by how like their peak load was."
    return charts.framed(picture, key="price", title=title, source=f"half-hourly extremes{_age(board, at)}", note=note)


def _lowest_price(row: Snapshot) -> Value:
    return min((price for price in row.prices_usd_per_mwh.values() if price is not None), default=None)


def _price_words(highest: Sequence[charts.Point], expected: Sequence[charts.Point], at: datetime) -> str:
    said = []
    now = next((price for _at, price in reversed(highest) if price is not None), None)
    if now is not None:
        said.append(f"The dearest zone pays {now:,.0f} $/MWh.")
    ahead = [(price, when) for when, price in expected if price is not None and when + HOUR > at]
    if ahead:
        price, when = max(ahead)
        said.append(f"In the next 24 hours {price:,.0f} $/MWh is expected at most, {charts.hour_span(when)}.")
    return " ".join(said)


def _reserves(board: GridBoard, at: datetime) -> charts.ChartFrame:
    title = "Operating reserves"
    points = thinned(board.recent, lambda row: row.reserves_mw, min)
    if sum(value is not None for _at, value in points) < 2:
        words = "Reserves are not known: this source does not carry them."
        return charts.nothing(key="reserves", title=title, words=words)
    levels = reserve_levels(operating_day_of(at))
    kind = board.snapshot.reserves_kind if board.snapshot and board.snapshot.reserves_kind else "measured"
    picture = _picture(
        board,
        at,
        words=_reserve_words(points, [level.below_mw for level in levels[:1]]),
        unit="GW",
        scale=MW_PER_GW,
        value_unit="MW",
        places=0,
        lines=[charts.Line("me", points, name=f"Reserves, {kind}")],
        # The levels below it would stand on one another; the table beside the charts has them all.
        limits=[charts.Limit(level.below_mw, f"watch below {level.below_mw:,.0f} MW") for level in levels[:1]],
        from_zero=True,
        height=220,
    )
    note = f"Levels: {RULE}, in force since {IN_FORCE_SINCE:%-d %B %Y}. There is no forecast of reserves."
    source = f"half-hourly lowest{_age(board, at)}"
    return charts.framed(picture, key="reserves", title=title, source=source, note=note if levels else "")


def _reserve_words(points: Sequence[charts.Point], levels: Sequence[float]) -> str:
    known = [(value, when) for when, value in points if value is not None]
    lowest, when = min(known)
    above = f", {known[-1][0] - levels[0]:,.0f} MW above the watch level" if levels and known[-1][0] > levels[0] else ""
    return f"{known[-1][0]:,.0f} MW{above}; lowest since yesterday {lowest:,.0f} MW at {charts.hour_words(when)}."


def _wind_and_solar(board: GridBoard, at: datetime) -> charts.ChartFrame:
    title = "Wind and solar"
    wind, solar = thinned(board.recent, lambda row: row.wind_mw), thinned(board.recent, lambda row: row.solar_mw)
    if sum(value is not None for _at, value in (*wind, *solar)) < 2:
        words = "Wind and solar are not known: this source does not carry them."
        return charts.nothing(key="renewables", title=title, words=words)
    snapshot = board.snapshot
    said = [
        f"{name} gives {mw:,.0f} MW"
        for name, mw in (
            ("Wind", snapshot.wind_mw if snapshot else None),
            ("solar", snapshot.solar_mw if snapshot else None),
        )
        if mw is not None
    ]
    picture = _picture(
        board,
        at,
        words=f"{' and '.join(said)}." if said else "Neither is known now.",
        unit="GW",
        scale=MW_PER_GW,
        value_unit="MW",
        places=0,
        lines=[charts.Line("me", wind, name="Wind"), charts.Line("me2", solar, name="Solar")],
        from_zero=True,
        height=220,
    )
    note = "There is no forecast of wind and solar."
    return charts.framed(picture, key="renewables", title=title, source=f"half-hourly{_age(board, at)}", note=note)
