"""The grid page's tables: zones, places, reserve levels, the stress rule, forecast errors, ages of data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from grid.core.forecast_error import ForecastScore, score_of
from grid.core.intervals import operating_day_of
from grid.core.records import LOAD_ZONES
from grid.core.reserves import ReserveLevel, reserve_levels
from grid.core.stress import LOAD_SHARE, PRICE_USD_PER_MWH, PRICED_LOAD_SHARE, Stress
from grid.places import Place, places
from grid.queries import Weather, WeatherHour
from portal.signs_of_life import STALE_AFTER
from portal.templatetags.pages import Chip, source_words
from portal.views import charts
from portal.views.grid_board import GridBoard, Outlook
from portal.views.overview import ZONE_WORDS

LEVEL_CHIPS: Final = {
    "normal": Chip("check", "normal"),
    "watch": Chip("diamond", "watch", "ours"),
    "tight": Chip("triangle-alert", "tight: worth a call", "warn"),
    "emergency": Chip("octagon-alert", "emergency declared", "alarm"),
}
FORECAST_STALE_AFTER: Final = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class ZoneLine:
    """One load zone: price now, highest today and expected highest of the next 24 h, USD/MWh, each with its time."""

    zone: str
    name: str
    now: float | None
    highest: tuple[float, datetime] | None
    expected: tuple[float, datetime] | None
    spark: charts.Spark | None


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """One place: its weather now and the warmest of the next 24 hours."""

    place: Place
    weather: Weather
    warmest: WeatherHour | None


@dataclass(frozen=True, slots=True)
class LevelLine:
    """One level of ERCOT's reserves, and how far above it (below: negative) the reserves stand, in MW."""

    level: ReserveLevel
    margin_mw: float | None


@dataclass(frozen=True, slots=True)
class OutlookLine:
    """The rule's word on a span of hours; `reasons` are left out where the span before has the same."""

    name: str
    stress: Stress
    chip: Chip
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True)
class Condition:
    """What a condition sees in one span, and whether it is met (None: not known)."""

    value: str
    met: bool | None


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One condition of the stress rule, from where it calls, and how it stands today and over 24 hours."""

    name: str
    threshold: str
    conditions: Sequence[Condition]


@dataclass(frozen=True, slots=True)
class ScoreLines:
    """How one forecast did today."""

    name: str
    score: ForecastScore | None
    words: str


@dataclass(frozen=True, slots=True)
class DataAge:
    """When something was last said, by which source, and whether that is long ago."""

    what: str
    source: str
    observed_at: datetime | None
    late: bool


def zone_lines(board: GridBoard) -> list[ZoneLine]:
    """The eight load zones, in their usual order."""
    return [_zone_line(zone, board) for zone in LOAD_ZONES]


def _zone_line(zone: str, board: GridBoard) -> ZoneLine:
    seen = [(row.prices_usd_per_mwh.get(zone), row.observed_at) for row in board.recent]
    today = [(price, at) for price, at in seen if price is not None and at > board.midnight]
    expected = [(price, at) for at, price in board.expected_prices.get(zone, ())]
    return ZoneLine(
        zone=zone,
        name=ZONE_WORDS[zone],
        now=board.snapshot.prices_usd_per_mwh.get(zone) if board.snapshot else None,
        highest=max(today, default=None),
        expected=max(expected, default=None),
        spark=charts.spark(
            (price for price, at in seen if at > board.midnight),
            what=f"{ZONE_WORDS[zone]} since midnight",
            unit="$/MWh",
        ),
    )


def place_lines(board: GridBoard) -> list[PlaceLine]:
    """The eight cities, one per weather zone."""
    by_name = {weather.place: weather for weather in board.weather}
    return [
        PlaceLine(place, found, max(found.forecast, key=lambda hour: hour.temp_f, default=None))
        for place in places()
        if (found := by_name.get(place.name))
    ]


def level_lines(board: GridBoard, at: datetime) -> list[LevelLine]:
    """ERCOT's levels of the day with the distance to each."""
    reserves = board.snapshot.reserves_mw if board.snapshot else None
    return [
        LevelLine(level, None if reserves is None else reserves - level.below_mw)
        for level in reserve_levels(operating_day_of(at))
    ]


def outlook_lines(board: GridBoard) -> list[OutlookLine]:
    """The rule's word on the rest of the day, and on 24 hours."""
    today, ahead = board.today.stress, board.ahead.stress
    return [
        OutlookLine("Rest of today", today, LEVEL_CHIPS[today.level], today.reasons),
        OutlookLine("Next 24 hours", ahead, LEVEL_CHIPS[ahead.level], () if ahead == today else ahead.reasons),
    ]


def rule_lines(board: GridBoard) -> list[RuleLine]:
    """The three conditions of grid/core/stress.py; any one of them calls."""
    spans = (board.today, board.ahead)
    eea = board.snapshot.eea_level if board.snapshot else None
    declared = Condition("not known", None) if eea is None else Condition(f"EEA {eea}" if eea else "none", eea > 0)
    dear = f"from {PRICE_USD_PER_MWH:,.0f} $/MWh, load from {100 * PRICED_LOAD_SHARE:.0f} %"
    return [
        RuleLine(
            "Highest load",
            f"from {100 * LOAD_SHARE:.0f} % of the past year's",
            [_load_condition(each) for each in spans],
        ),
        RuleLine("Dearest two hours", dear, [_price_condition(each) for each in spans]),
        RuleLine("ERCOT has declared", "any emergency", [declared, declared]),
    ]


def _load_condition(outlook: Outlook) -> Condition:
    share = outlook.share
    return Condition("not known", None) if share is None else Condition(f"{100 * share:.1f} %", share >= LOAD_SHARE)


def _price_condition(outlook: Outlook) -> Condition:
    pair, share = outlook.dearest_pair_usd_per_mwh, outlook.share
    if pair is None or share is None:
        return Condition("not known", None)
    return Condition(f"{pair:,.0f} $/MWh", pair >= PRICE_USD_PER_MWH and share >= PRICED_LOAD_SHARE)


def score_lines(board: GridBoard) -> list[ScoreLines]:
    """Today's errors of the portal's own forecast and, where one is published, of the day-ahead one."""
    today, published = ([h for h in hours if h.starts_at >= board.midnight] for hours in (board.own, board.published))
    own, day_ahead = score_of(today), score_of(published)
    found = [ScoreLines("The portal's forecast", own, _score_words(own))]
    if day_ahead:
        found.append(ScoreLines(_titled(published[-1].label), day_ahead, _score_words(day_ahead)))
    return found


def _titled(label: str) -> str:
    return label[:1].upper() + label[1:]


def _score_words(score: ForecastScore | None) -> str:
    if score is None:
        return "No hour of today that is over had been forecast before it began, so nothing can be compared yet."
    counted = "Over the one hour" if score.hours == 1 else f"Over the {score.hours} hours"
    way = "more" if score.bias_mw > 0 else "less"
    band = f" {score.inside} of {score.banded} came within P10 to P90." if score.banded else ""
    return (
        f"{counted} of today it was off by {score.mape_pct:.1f} % on average (MAPE), {score.mean_abs_mw:,.0f} MW; "
        f"on balance {abs(score.bias_mw):,.0f} MW {way} load came. Largest miss: {score.worst.error_pct:+.1f} % "
        f"in the hour {charts.hour_span(score.worst.starts_at)}.{band}"
    ).replace("-", "−")


def data_ages(board: GridBoard, at: datetime) -> list[DataAge]:
    """What each number rests on. Price, wind and the like come with the load's reading, where the source has them."""
    seen, forecast = board.snapshot, board.forecast
    found = []
    for what, value in (
        ("System load", seen and seen.system_load_mw),
        ("Reserves", seen and seen.reserves_mw),
        ("Zone prices", seen and seen.highest_price_usd_per_mwh),
        ("Wind", seen and seen.wind_mw),
        ("Solar", seen and seen.solar_mw),
        ("ERCOT's declaration", seen and seen.eea_level),
    ):
        found.append(_reading_age(what, None if value is None or seen is None else seen.observed_at, seen, at))
    oldest = min((w for w in board.weather if w.observed_at), key=lambda w: w.observed_at or at, default=None)
    source = source_words(oldest.source) if oldest and oldest.source else ""
    found.append(_age("Weather, oldest of 8 places", source, oldest.observed_at if oldest else None, at, STALE_AFTER))
    issued = forecast.issued_at if forecast else None
    found.append(_age("Load forecast", forecast.label if forecast else "", issued, at, FORECAST_STALE_AFTER))
    return found


def _reading_age(what: str, observed_at: datetime | None, seen: Any, at: datetime) -> DataAge:
    return _age(what, source_words(seen.source) if seen else "", observed_at, at, STALE_AFTER)


def _age(what: str, source: str, observed_at: datetime | None, at: datetime, stale_after: timedelta) -> DataAge:
    return DataAge(what, source, observed_at, observed_at is not None and at - observed_at > stale_after)
