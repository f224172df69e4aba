"""Texan ZIPs: which town one names, and which of the eight weather cities stands for it. Offline (`zipcodes`)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import zipcodes

from grid.core.refusals import Invalid, NotFound

# Latitude and longitude in degrees of the cities with a temperature series.
WEATHER_PLACES: Mapping[str, tuple[float, float]] = {
    "houston": (29.76, -95.37),
    "dallas": (32.78, -96.80),
    "austin": (30.27, -97.74),
    "corpus_christi": (27.80, -97.40),
    "midland": (32.00, -102.08),
    "tyler": (32.35, -95.30),
    "wichita_falls": (33.91, -98.49),
    "abilene": (32.45, -99.73),
}


class ZipMalformed(Invalid):
    """Not five digits."""

    field = "zip"

    def __init__(self, zip_code: str) -> None:
        self.zip_code = zip_code

    def __str__(self) -> str:
        return f"{self.zip_code!r} is not a ZIP: give five digits."


class ZipUnknown(NotFound):
    """No such ZIP."""

    field = "zip"

    def __init__(self, zip_code: str) -> None:
        self.zip_code = zip_code

    def __str__(self) -> str:
        return f"There is no ZIP {self.zip_code}."


class ZipOutsideTexas(Invalid):
    """A ZIP, but not of ERCOT's state."""

    field = "zip"

    def __init__(self, zip_code: str, state: str) -> None:
        self.zip_code, self.state = zip_code, state

    def __str__(self) -> str:
        return f"ZIP {self.zip_code} is in {self.state}; cohorts are in Texas."


class TownUnknown(Invalid):
    """A place was given without a ZIP and is no town in Texas."""

    field = "place"

    def __init__(self, town: str) -> None:
        self.town = town

    def __str__(self) -> str:
        return f"No town in Texas is called {self.town!r}: give a ZIP as well."


@dataclass(frozen=True, slots=True)
class TexanZip:
    """One ZIP: its town, and the weather city nearest to it."""

    zip_code: str
    town: str
    weather_place: str


@lru_cache(maxsize=1024)
def texan_zip(zip_code: str) -> TexanZip:
    """Look one up. Raises ZipMalformed, ZipUnknown or ZipOutsideTexas."""
    if not re.fullmatch(r"[0-9]{5}", zip_code):
        raise ZipMalformed(zip_code)
    rows = zipcodes.matching(zip_code)
    if not rows:
        raise ZipUnknown(zip_code)
    row = rows[0]
    if row["state"] != "TX":
        raise ZipOutsideTexas(zip_code, row["state"])
    nearest = _nearest_weather_place(float(row["lat"]), float(row["long"]))
    return TexanZip(zip_code=zip_code, town=row["city"], weather_place=nearest)


@lru_cache(maxsize=256)
def zips_of_town(town: str) -> tuple[str, ...]:
    """Delivery ZIPs of a town in Texas, ascending. Raises TownUnknown when there is none."""
    rows = zipcodes.filter_by(city=town.strip().title(), state="TX", zip_code_type="STANDARD", active=True)
    if not rows:
        raise TownUnknown(town)
    return tuple(sorted(row["zip_code"] for row in rows))


def _nearest_weather_place(latitude: float, longitude: float) -> str:
    # Good enough within Texas: a degree of longitude is shortened by the cosine of the latitude.
    shrink = math.cos(math.radians(latitude))
    return min(
        WEATHER_PLACES,
        key=lambda name: math.hypot(WEATHER_PLACES[name][0] - latitude, (WEATHER_PLACES[name][1] - longitude) * shrink),
    )
