"""ZIPs and the city whose weather stands for them."""

from __future__ import annotations

import pytest

from grid.core.records import PLACE_WEIGHTS, WEATHER_ZONES
from grid.places import UnknownZip, place_of_zip, places


def test_one_city_per_weather_zone() -> None:
    assert {place.weather_zone for place in places()} == set(WEATHER_ZONES)
    assert {place.name for place in places()} == set(PLACE_WEIGHTS)


@pytest.mark.parametrize(
    ("zip_code", "name"),
    [
        ("77002", "houston"),
        ("75201", "dallas"),
        ("78701", "austin"),
        ("78401", "corpus_christi"),
        ("79701", "midland"),
        ("75701", "tyler"),
        ("76301", "wichita_falls"),
        ("79601", "abilene"),
        ("79901", "midland"),  # El Paso
        ("78520", "corpus_christi"),  # Brownsville
    ],
)
def test_nearest_city(zip_code: str, name: str) -> None:
    assert place_of_zip(zip_code).name == name


@pytest.mark.parametrize("zip_code", ["10001", "00000", "99999", "7700", "770021", "abcde", "77002-1234", "", "٧٧٠٠٢"])
def test_anything_else_is_unknown(zip_code: str) -> None:
    with pytest.raises(UnknownZip) as unknown:
        place_of_zip(zip_code)
    assert unknown.value.zip_code == zip_code
    assert unknown.value.field == "zip"
