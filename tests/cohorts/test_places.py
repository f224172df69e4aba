"""ZIPs of Texas."""

from __future__ import annotations

import pytest

from cohorts.places import TexanZip, TownUnknown, ZipMalformed, ZipOutsideTexas, ZipUnknown, texan_zip, zips_of_town


class TestTexanZip:
    @pytest.mark.parametrize(
        ("zip_code", "town", "weather_place"),
        [
            ("78701", "Austin", "austin"),
            ("77002", "Houston", "houston"),
            ("75201", "Dallas", "dallas"),
            ("79701", "Midland", "midland"),
            ("78401", "Corpus Christi", "corpus_christi"),
            ("75701", "Tyler", "tyler"),
            ("76301", "Wichita Falls", "wichita_falls"),
            ("79601", "Abilene", "abilene"),
            ("76102", "Fort Worth", "dallas"),
        ],
    )
    def test_town_and_nearest_weather_city(self, zip_code: str, town: str, weather_place: str) -> None:
        assert texan_zip(zip_code) == TexanZip(zip_code, town, weather_place)

    @pytest.mark.parametrize(
        ("zip_code", "refusal"),
        [
            ("00000", ZipUnknown),
            ("90210", ZipOutsideTexas),
            ("", ZipMalformed),
            ("787011", ZipMalformed),
            ("78701\n", ZipMalformed),
            ("７８７０１", ZipMalformed),
        ],
    )
    def test_refuses(self, zip_code: str, refusal: type[Exception]) -> None:
        with pytest.raises(refusal):
            texan_zip(zip_code)


class TestZipsOfTown:
    def test_ascending_and_texan(self) -> None:
        zips = zips_of_town("austin")
        assert list(zips) == sorted(zips)
        assert "78704" in zips

    def test_refuses_no_town(self) -> None:
        with pytest.raises(TownUnknown):
            zips_of_town("Gotham")
