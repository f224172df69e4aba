"""What the map of the cohorts shows: a mark per cohort, a dot per ZIP, a label per zone; and the zones as a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cohorts.account_counts import ZipAccounts
from cohorts.models import LoadZone
from cohorts.queries import CohortAvailability
from grid.places import places, zip_centroid
from grid.queries import CurrentSnapshot
from portal.views import maps
from portal.views.csv_answer import Sheet
from portal.views.overview import ZONE_WORDS

SAN_ANTONIO: Final = (-98.49, 29.42)
INSET: Final = ("inset", 366.0, 372.0, 900.0)
WITHOUT_CITY: Final = "in several counties, no one city"


@dataclass(frozen=True, slots=True)
class ZoneLine:
    """One load zone: its shape, price, and the active cohorts in it; MW None: not known."""

    zone: str
    name: str
    shape: str
    city: str
    price_usd_per_mwh: float | None
    cohorts: Sequence[str]
    enrolled_mw: float
    available_p50_mw: float | None


def cohort_map(
    found: Sequence[CohortAvailability], spread: Iterable[ZipAccounts], snapshot: CurrentSnapshot | None
) -> maps.TexasMap | None:
    """The map of these cohorts, numbered in their order; None when the boundaries are not installed."""
    by_cohort = _by_cohort(spread)
    marks = [mark for number, item in enumerate(found, 1) if (mark := _mark(number, item, by_cohort))]
    shapes = {item.cohort.pk: maps.shape_of_zone(item.cohort.load_zone) for item in found}
    dots = [dot for pk, rows in by_cohort.items() if pk in shapes for dot in _dots(shapes[pk], rows)]
    words = (
        f"Map of Texas: {len(marks)} cohorts at their accounts' ZIP places, marks sized by enrolled MW and filled by "
        "what is available; the table beside it has the same numbers."
    )
    return maps.texas_map(marks, dots=list(dict.fromkeys(dots)), hubs=_hubs(snapshot), words=words)


def inset_map(item: CohortAvailability, spread: Iterable[ZipAccounts]) -> maps.TexasMap | None:
    """Where one cohort's accounts are."""
    by_cohort = _by_cohort(spread)
    mark = _mark(None, item, by_cohort)
    rows = by_cohort.get(item.cohort.pk, [])
    dots = _dots(maps.shape_of_zone(item.cohort.load_zone), rows)
    words = f"Map of Texas: the {len(dots)} ZIP places of {item.cohort.name}."
    return maps.texas_map([mark] if mark else [], dots=dots, words=words, only=INSET)


def _by_cohort(spread: Iterable[ZipAccounts]) -> Mapping[int, list[ZipAccounts]]:
    found: dict[int, list[ZipAccounts]] = {}
    for row in spread:
        found.setdefault(row.cohort_id, []).append(row)
    return found


def _mark(number: int | None, item: CohortAvailability, by_cohort: Mapping[int, list[ZipAccounts]]) -> maps.Mark | None:
    """At the mean of its accounts' ZIP places; None when none of them has a place."""
    rows = by_cohort.get(item.cohort.pk, [])
    known = [(row.accounts, place) for row in rows if (place := zip_centroid(row.zip_code))]
    total = sum(accounts for accounts, _place in known)
    if not total:
        return None
    return maps.Mark(
        number=number,
        name=item.cohort.name,
        shape=maps.shape_of_zone(item.cohort.load_zone),
        longitude=math.fsum(accounts * place[0] for accounts, place in known) / total,
        latitude=math.fsum(accounts * place[1] for accounts, place in known) / total,
        enrolled_mw=item.enrolled_mw,
        available_mw=item.available_p50_mw,
    )


def _dots(shape: str, rows: Sequence[ZipAccounts]) -> list[maps.Dot]:
    known = (place for row in rows if (place := zip_centroid(row.zip_code)))
    return [maps.Dot(shape, longitude, latitude) for longitude, latitude in known]


def zone_cities() -> Mapping[str, tuple[str, float, float]]:
    """The city that stands for a load zone: name, longitude, latitude. Cooperatives spread over counties have none."""
    cities = {LoadZone.CPS.value: ("San Antonio", *SAN_ANTONIO)}
    for place in places():
        cities.setdefault(place.load_zone, (place.town, place.lon, place.lat))
    return cities


def _hubs(snapshot: CurrentSnapshot | None) -> list[maps.Hub]:
    prices = snapshot.prices_usd_per_mwh if snapshot else {}
    return [
        maps.Hub(ZONE_WORDS[zone], _price_words(prices.get(zone)), longitude, latitude)
        for zone, (_city, longitude, latitude) in zone_cities().items()
    ]


def _price_words(price: float | None) -> str:
    return "price not known" if price is None else f"{price:,.0f} $/MWh"


def zone_lines(found: Sequence[CohortAvailability], snapshot: CurrentSnapshot | None) -> list[ZoneLine]:
    """All eight zones, with the cohorts that are active there."""
    return [_zone_line(zone, found, snapshot) for zone in LoadZone.values]


def _zone_line(zone: str, found: Sequence[CohortAvailability], snapshot: CurrentSnapshot | None) -> ZoneLine:
    there = [item for item in found if item.cohort.load_zone == zone and item.cohort.active]
    available = [item.available_p50_mw for item in there]
    known = [mw for mw in available if mw is not None]
    return ZoneLine(
        zone=zone,
        name=ZONE_WORDS[zone],
        shape=maps.shape_path(maps.shape_of_zone(zone), 8, 8, 90),
        city=zone_cities()[zone][0] if zone in zone_cities() else WITHOUT_CITY,
        price_usd_per_mwh=snapshot.prices_usd_per_mwh.get(zone) if snapshot else None,
        cohorts=[item.cohort.name for item in there],
        enrolled_mw=math.fsum(item.enrolled_mw for item in there),
        available_p50_mw=math.fsum(known) if len(known) == len(available) else None,
    )


def zones_sheet(lines: Sequence[ZoneLine]) -> Sheet:
    """Zones as a file."""
    header = ("zone", "price_usd_per_mwh", "cohorts", "enrolled_mw", "available_p50_mw")
    rows = (
        [line.zone, line.price_usd_per_mwh, "; ".join(line.cohorts), line.enrolled_mw, line.available_p50_mw]
        for line in lines
    )
    return Sheet("cohorts-by-zone", header, rows)
