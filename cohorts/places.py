"""Texan ZIPs: which town one names, which ZIPs a town has, and the weather city that stands for each. Offline."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import zipcodes

from grid.core.refusals import Invalid, NotFound
from grid.places import place_of_zip


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
    return TexanZip(zip_code=zip_code, town=row["city"], weather_place=place_of_zip(zip_code).name)


@lru_cache(maxsize=256)
def zips_of_town(town: str) -> tuple[str, ...]:
    """Delivery ZIPs of a town in Texas, ascending. Raises TownUnknown when there is none."""
    rows = zipcodes.filter_by(city=town.strip().title(), state="TX", zip_code_type="STANDARD", active=True)
    if not rows:
        raise TownUnknown(town)
    return tuple(sorted(row["zip_code"] for row in rows))
