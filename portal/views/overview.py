"""The first page: the grid now and ahead, what awaits this person, what is running, what came of the last events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from dispatch.queries import EventProgress, recent_results, running_events
from grid.core.intervals import HOUR
from grid.queries import CurrentSnapshot
from planning.queries import PlanCard, plan_cards
from portal.frame import Frame, frame_of, portal_now
from portal.views import charts
from portal.views.grid_reading import GridReading, fleet_reading, grid_reading
from portal.views.guard import page, show

HOT_USD_PER_MWH: Final = 1000.0
MW_PER_GW: Final = 1000.0
RESULTS_SHOWN: Final = 4
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


@page("grid.view_snapshot")
def overview(request: HttpRequest) -> HttpResponse:
    """The page; its three parts are also fetched alone as things change."""
    at = portal_now(request)
    frame = frame_of(request)
    grid = grid_reading(frame, at=at)
    cards = _awaiting_cards(frame)
    running = running_events(at=at)
    context = {
        "at": at,
        **grid_now(grid),
        "fleet": fleet_reading(frame, at=at),
        "chart": _chart(at, grid, cards, running),
        "first": next((card for card in cards if _is_mine(frame, card)), None),
        "others": [card for card in cards if not _is_mine(frame, card)],
        "mine": [card for card in cards if _is_mine(frame, card)][1:],
        "running": [(event, _planned_now(event, at)) for event in running],
        "results": recent_results()[:RESULTS_SHOWN],
        "may_propose": "planning.propose_plan" in frame.rights,
    }
    return show(request, "portal/pages/overview.html", context, fragments=("now", "ahead", "doing", "waiting"))


def grid_now(grid: GridReading) -> dict[str, Any]:
    """What the numbers at the top need, the fleet's apart."""
    snapshot, weather, recent = grid.snapshot, grid.weather, grid.recent
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
        "warmest": max(weather.forecast, key=lambda hour: hour.temp_f, default=None),
        "prices": (prices := _zone_prices(snapshot)),
        "dearest": _dearest(prices),
        "sparks": Sparks(
            load=charts.spark(row.system_load_mw for row in recent),
            reserves=charts.spark(row.reserves_mw for row in recent),
            price=charts.spark(row.highest_price_usd_per_mwh for row in recent),
        ),
    }


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


def _planned_now(event: EventProgress, at: datetime) -> float | None:
    """Planned MW of the quarter-hour that runs; None before and after the window."""
    return next((q.planned_mw for q in reversed(event.quarters) if q.starts_at <= at < event.window_end), None)


def _chart(
    at: datetime, grid: GridReading, cards: Sequence[PlanCard], running: Sequence[EventProgress]
) -> charts.Chart | None:
    """Load measured and forecast on one axis, the expected price under it, proposed and sent windows marked."""
    recent = grid.recent
    hours = grid.forecast.intervals if grid.forecast else ()
    if not hours and len(recent) < 2:
        return None
    measured = [(row.observed_at, row.system_load_mw) for row in recent]
    # An hour's mean stands in the middle of its hour; the forecast takes over where the measured line ends.
    ahead = [(h.starts_at + HOUR / 2, h.load_mw, h.p10_mw, h.p90_mw) for h in hours if h.starts_at + HOUR / 2 > at]
    joint = [(measured[-1][0], measured[-1][1])] if measured and ahead else []
    end = hours[-1].starts_at + HOUR if hours else at + HOUR
    windows = [
        charts.Window(card.content.window_start, card.content.window_end, f"plan {card.plan.pk}, proposed")
        for card in cards
        if card.content
    ] + [charts.Window(event.window_start, event.window_end, f"plan {event.plan.pk}, sent") for event in running]
    return charts.draw(
        charts.Picture(
            start=grid.since,
            end=end,
            words=_chart_words(measured, hours),
            unit="GW",
            scale=MW_PER_GW,
            lines=[
                charts.Line("me", measured),
                charts.Line("fc", [*joint, *((middle, load) for middle, load, _low, _high in ahead)]),
            ],
            bands=[charts.Band([(middle, low, high) for middle, _load, low, high in ahead])],
            windows=windows,
            strip=charts.Strip(
                points=[(h.starts_at, h.price_usd_per_mwh) for h in hours],
                step=HOUR,
                unit="$/MWh",
                hot_from=HOT_USD_PER_MWH,
            ),
            now=at,
        )
    )


def _chart_words(measured: Sequence[charts.Point], hours: Sequence[Any]) -> str:
    parts = []
    if measured and measured[-1][1] is not None:
        parts.append(f"measured up to now, {measured[-1][1]:,.0f} MW")
    if hours:
        peak = max(hours, key=lambda hour: hour.load_mw)
        parts.append(f"forecast to peak at {peak.load_mw:,.0f} MW")
    return f"System load, {' and '.join(parts)}; expected price below"
