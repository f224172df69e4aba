"""The eight cities whose weather the portal follows, and which of them stands for a Texas ZIP. Offline."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import zipcodes

from grid.core.refusals import NotFound

PLACES_FILE = Path(__file__).resolve().parent.parent / "fixtures" / "places.json"


class UnknownZip(NotFound):
    """Not a ZIP of Texas."""

    field = "zip"

    def __init__(self, zip_code: str) -> None:
        self.zip_code = zip_code
        super().__init__(f"{zip_code!r} is no ZIP of Texas")


@dataclass(frozen=True, slots=True)
class Place:
    """One city with a weather series; coordinates in degrees."""

    name: str
    town: str
    lat: float
    lon: float
    weather_zone: str
    load_zone: str


@lru_cache(maxsize=1)
def places() -> tuple[Place, ...]:
    """The eight cities, one per weather zone."""
    return tuple(Place(**entry) for entry in json.loads(PLACES_FILE.read_text()))


@lru_cache(maxsize=4096)
def place_of_zip(zip_code: str) -> Place:
    """The nearest of the eight cities. Raises UnknownZip for anything but a five-digit ZIP of Texas."""
    if not (len(zip_code) == 5 and zip_code.isascii() and zip_code.isdigit()):
        raise UnknownZip(zip_code)
    found = [entry for entry in zipcodes.matching(zip_code) if entry["state"] == "TX" and entry["lat"]]
    if not found:
        raise UnknownZip(zip_code)
    lat, lon = float(found[0]["lat"]), float(found[0]["long"])
    shrink = math.cos(math.radians(lat))  # a degree of longitude is shorter than one of latitude
    return min(places(), key=lambda place: math.hypot(place.lat - lat, (place.lon - lon) * shrink))


@lru_cache(maxsize=1)
def _centroids() -> Mapping[str, tuple[float, float]]:
    """(longitude, latitude) of every ZIP of Texas that has a place, in degrees."""
    known = (entry for entry in zipcodes.filter_by(state="TX") if entry["lat"] and entry["long"])
    return {entry["zip_code"]: (float(entry["long"]), float(entry["lat"])) for entry in known}


def zip_centroid(zip_code: str) -> tuple[float, float] | None:
    """Where a ZIP of Texas lies, (longitude, latitude) in degrees; None for one that has no place."""
    return _centroids().get(zip_code)
