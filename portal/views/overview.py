"""The first page: the grid now and ahead, what awaits this person, what is running, what came of the last events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

from django.http import HttpRequest, HttpResponse

from dispatch.queries import EventProgress, recent_results, running_events
from grid.core.intervals import CENTRAL, HOUR, QUARTER, floor_to
from grid.core.records import ForecastInterval
from grid.core.stress import PRICE_USD_PER_MWH
from grid.queries import CurrentSnapshot
from planning.queries import PlanCard, by_urgency, plan_cards
from portal.frame import Frame, frame_of, portal_now
from portal.signs_of_life import STALE_AFTER
from portal.templatetags.pages import in_hour, source_words
from portal.templatetags.quantities import clock_time, instant
from portal.views import charts
from portal.views.cohort_budgets import budget_lines, tightest_first
from portal.views.first_steps import first_steps
from portal.views.grid_reading import GridReading, fleet_reading, grid_reading
from portal.views.guard import page, show

CHART_TITLE: Final = "Today and the next 24 hours"
MW_PER_GW: Final = 1000.0
BUDGETS_SHOWN: Final = 6
RESULTS_SHOWN: Final = 4
LABEL_ROOM: Final = 7 * HOUR  # what a window's words take on the chart of about 36 hours
ZONE_WORDS: Final = {
    "LZ_HOUSTON": "Houston",
    "LZ_NORTH": "North",
    "LZ_SOUTH": "South",
    "LZ_WEST": "West",
    "LZ_AEN": "Austin Energy",
    "LZ_CPS": "CPS Energy",
    "LZ_LCRA": "LCRA",
    "LZ_RAYBN": "Rayburn",
}


@dataclass(frozen=True, slots=True)
class Sparks:
    """Trends since midnight; None where too little is known."""

    load: charts.Spark | None
    reserves: charts.Spark | None
    price: charts.Spark | None


@dataclass(frozen=True, slots=True)
class ZonePrice:
    """One load zone's price; None: not known."""

    name: str
    usd_per_mwh: float | None


@dataclass(frozen=True, slots=True)
class RunningLine:
    """One running event; `planned_mw` of this quarter-hour, None before and after the window."""

    event: EventProgress
    planned_mw: float | None
    bar: charts.MwBar | None


class Observed(Protocol):
    """Something read from the grid or the weather."""

    @property
    def observed_at(self) -> datetime | None:
        """When it was true."""


@page("grid.view_snapshot")
def overview(request: HttpRequest) -> HttpResponse:
    """The page; its three parts are also fetched alone as things change."""
    at = portal_now(request)
    frame = frame_of(request)
    grid = grid_reading(frame, at=at)
    cards = by_urgency(_awaiting_cards(frame), at=at)
    running = running_events(at=at)
    context = {
        "at": at,
        **grid_now(grid),
        "stale": {"grid": _is_stale(grid.snapshot, at), "weather": _is_stale(grid.weather, at)},
        "fleet": (fleet := fleet_reading(frame, at=at)),
        "budgets": tightest_first(budget_lines((item.cohort for item in fleet.cohorts), at=at))[:BUDGETS_SHOWN],
        "chart": (chart := _chart(at, grid, cards, running)),
        "first": next((card for card in cards if _is_mine(frame, card)), None),
        "others": [card for card in cards if not _is_mine(frame, card)],
        "mine": [card for card in cards if _is_mine(frame, card)][1:],
        "running": [_running_line(event, at) for event in running],
        "results": recent_results()[:RESULTS_SHOWN],
        "steps": first_steps(frame, has_cohorts=bool(fleet.cohorts)),
        "may_propose": "planning.propose_plan" in frame.rights,
    }
    fragments = ("now", "ahead", "doing", "waiting", "recent", "budgets", "prices")
    return show(request, "portal/pages/overview.html", context, fragments=fragments, sheets=charts.sheets(chart))


def _is_stale(reading: Observed | None, at: datetime) -> bool:
    """Whether a reading is too old to pass for now; there is nothing to be stale where nothing is known."""
    return reading is not None and reading.observed_at is not None and at - reading.observed_at > STALE_AFTER


def grid_now(grid: GridReading) -> dict[str, Any]:
    """What the numbers at the top need, the fleet's apart."""
    snapshot, weather = grid.snapshot, grid.weather
    hours = grid.forecast.intervals if grid.forecast else ()
    return {
        "snapshot": snapshot,
        "weather": weather,
        "forecast": grid.forecast,
        "peak": max(hours, key=lambda hour: hour.load_mw, default=None),
        "price_peak": max(
            (hour for hour in hours if hour.price_usd_per_mwh is not None),
            key=lambda hour: hour.price_usd_per_mwh or 0.0,
            default=None,
        ),
        "peak_over": any(hour.load_mw >= grid.call_load_mw for hour in hours),
        "warmest": max(weather.forecast, key=lambda hour: hour.temp_f, default=None),
        "prices": (prices := _zone_prices(snapshot)),
        "dearest": _dearest(prices),
        "sparks": _sparks(grid),
    }


def _sparks(grid: GridReading) -> Sparks:
    since = f"since {grid.since.astimezone(CENTRAL):%H:%M}"
    return Sparks(
        load=charts.spark(
            (row.system_load_mw for row in grid.recent),
            what=f"System load {since}",
            unit="MW",
            limit=grid.call_load_mw,
            limit_words=_call_words(grid),
        ),
        reserves=charts.spark((row.reserves_mw for row in grid.recent), what=f"Reserves {since}", unit="MW"),
        price=charts.spark(
            (row.highest_price_usd_per_mwh for row in grid.recent),
            what=f"Highest zone price {since}",
            unit="$/MWh",
            limit=PRICE_USD_PER_MWH,
            limit_words=f"watch rule: {PRICE_USD_PER_MWH:,.0f} $/MWh",
        ),
    )


def _call_words(grid: GridReading) -> str:
    return f"watch rule: {grid.call_load_mw:,.0f} MW"


def _zone_prices(snapshot: CurrentSnapshot | None) -> list[ZonePrice]:
    """The highest first; unknown ones last."""
    prices = snapshot.prices_usd_per_mwh if snapshot else {}
    rows = [ZonePrice(ZONE_WORDS.get(zone, zone), price) for zone, price in prices.items()]
    return sorted(rows, key=lambda row: (row.usd_per_mwh is None, -(row.usd_per_mwh or 0.0), row.name))


def _dearest(prices: Sequence[ZonePrice]) -> ZonePrice | None:
    """The highest price and where; `all zones` when none is lower."""
    if not prices or prices[0].usd_per_mwh is None:
        return None
    same = all(row.usd_per_mwh == prices[0].usd_per_mwh for row in prices)
    return ZonePrice("all zones", prices[0].usd_per_mwh) if same and len(prices) > 1 else prices[0]


def _awaiting_cards(frame: Frame) -> list[PlanCard]:
    return plan_cards(item.plan for item in frame.awaiting)


def _is_mine(frame: Frame, card: PlanCard) -> bool:
    return any(item.plan.pk == card.plan.pk for item in frame.awaiting_me)


def _running_line(event: EventProgress, at: datetime) -> RunningLine:
    planned = event.planned_mw_at(at)
    most = max((quarter.planned_mw for quarter in event.quarters), default=0.0)
    if planned is None or event.latest_mw is None:
        return RunningLine(event, planned, None)
    words = f"Plan {event.plan.pk}: {event.latest_mw:,.1f} MW delivered, {planned:,.1f} MW planned now"
    bar = charts.mw_bar(low=None, mark=planned, high=None, most=1.15 * most, done=event.latest_mw, words=words)
    return RunningLine(event, planned, bar)


def _chart(
    at: datetime, grid: GridReading, cards: Sequence[PlanCard], running: Sequence[EventProgress]
) -> charts.ChartFrame:
    """Load measured and forecast on one axis, the expected price under it, proposed and sent windows marked."""
    hours = grid.forecast.intervals if grid.forecast else ()
    if not hours and len(grid.recent) < 2:
        words = "No readings and no forecast yet. The worker fills this within a minute of its start."
        return charts.nothing(key="ahead", title=CHART_TITLE, words=words)
    # The forecast takes over where the measured line ends; an hour's mean stands in the middle of its hour.
    measured = [(row.observed_at, row.system_load_mw) for row in grid.recent]
    ahead = [hour for hour in hours if hour.starts_at + HOUR / 2 > at]
    picture = charts.Picture(
        start=grid.since,
        end=hours[-1].starts_at + HOUR if hours else at + HOUR,
        words=_chart_words(measured, hours, at),
        unit="GW",
        scale=MW_PER_GW,
        value_unit="MW",
        places=0,
        lines=[
            charts.Line("me", _quarterly(measured), name="Load measured"),
            charts.Line(
                "fc",
                [(hour.starts_at, hour.load_mw) for hour in ahead],
                HOUR,
                name="Load forecast",
                middles=True,
                lead=measured[-1] if measured and ahead else None,
            ),
        ],
        bands=[
            charts.Band(
                [(hour.starts_at, hour.p10_mw, hour.p90_mw) for hour in ahead], HOUR, name="Load forecast", middles=True
            )
        ],
        windows=_windows(cards, running),
        limits=[charts.Limit(grid.call_load_mw, _call_words(grid))],
        strip=charts.Strip(
            points=[(hour.starts_at, hour.price_usd_per_mwh) for hour in hours],
            step=HOUR,
            unit="$/MWh",
            hot_from=PRICE_USD_PER_MWH,
            name="Expected price",
            hot_words=f"{PRICE_USD_PER_MWH:,.0f} $/MWh and above, where the watch rule calls",
        ),
        now=at,
    )
    return charts.framed(picture, key="ahead", title=CHART_TITLE, source=_source(grid))


def _quarterly(points: Sequence[charts.Point]) -> list[charts.Point]:
    """The first value of each quarter-hour, and the newest: as fine as the picture can show."""
    firsts = {floor_to(at, QUARTER): (at, value) for at, value in reversed(points)}
    return sorted({*firsts.values(), *points[-1:]})


def _windows(cards: Sequence[PlanCard], running: Sequence[EventProgress]) -> list[charts.Window]:
    proposed = [
        charts.Window(card.content.window_start, card.content.window_end, f"plan {card.plan.pk}, proposed")
        for card in cards
        if card.content
    ]
    sent = [
        charts.Window(event.window_start, event.window_end, f"plan {event.plan.pk}, sent", "sent") for event in running
    ]
    return _labelled_once(proposed + sent)


def _labelled_once(windows: Sequence[charts.Window]) -> list[charts.Window]:
    """Where windows stand so close that their words would meet, the first says how many there are."""
    found: list[charts.Window] = []
    groups: list[list[charts.Window]] = []
    for window in sorted(windows, key=lambda each: (each.start, each.words)):
        if groups and window.start - groups[-1][0].start < LABEL_ROOM:
            groups[-1].append(window)
        else:
            groups.append([window])
    for first, *others in groups:
        more = f" and {len(others)} more" if others else ""
        found += [replace(first, words=first.words + more), *(replace(each, words="") for each in others)]
    return found


def _source(grid: GridReading) -> str:
    said = []
    if grid.recent:
        said.append(f"load: {source_words(grid.recent[-1].source)} up to {clock_time(grid.recent[-1].observed_at)}")
    if grid.forecast:
        said.append(f"{grid.forecast.label}, issued {instant(grid.forecast.issued_at)}")
    return "; ".join(said)


def _chart_words(measured: Sequence[charts.Point], hours: Sequence[ForecastInterval], at: datetime) -> str:
    """What the picture says, in a sentence or two."""
    said = []
    if measured and measured[-1][1] is not None:
        said.append(f"Load is {measured[-1][1]:,.0f} MW.")
    if hours:
        peak = max(hours, key=lambda hour: hour.load_mw)
        said.append(f"It is forecast to peak at {peak.load_mw:,.0f} MW in the hour {in_hour(peak.starts_at, at)}.")
    priced = [(hour.price_usd_per_mwh, hour.starts_at) for hour in hours if hour.price_usd_per_mwh is not None]
    if priced:
        price, dearest_at = max(priced)
        said.append(f"The dearest hour is expected at {price:,.0f} $/MWh, {in_hour(dearest_at, at)}.")
    return " ".join(said)
