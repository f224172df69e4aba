"""`/api/v1/context/…` as a client sees it, with the web role's rights."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client

from grid.core.intervals import HOUR, central, operating_day
from grid.models import Clock, ClockChange
from grid.operations import current_feed, ingest, start_clock
from portal.models import User
from tests.grid.conftest import DAY, WALL
from tests.grid.replay_files import row

NOON = central(DAY, time(12))
CONTEXT = "/api/v1/context"


@pytest.fixture
def noon(replay: str, as_role: Callable[[str], AbstractContextManager[None]]) -> Iterator[None]:
    """The replay stands at 12:40; what follows runs with the web role's rights."""
    ingest(feed=current_feed(), at=NOON, wall_at=WALL)
    Clock.objects.update(scenario_anchor=NOON + timedelta(minutes=40), paused=True)
    with as_role("web"):
        yield


@pytest.fixture
def api(operator: User, key_of: Callable[[User], str]) -> Client:
    return Client(headers={"authorization": f"Token {key_of(operator)}"})


@pytest.fixture
def auditors_api(auditor: User, key_of: Callable[[User], str]) -> Client:
    return Client(headers={"authorization": f"Token {key_of(auditor)}"})


@pytest.fixture
def nobodys_api(nobody: User, key_of: Callable[[User], str]) -> Client:
    return Client(headers={"authorization": f"Token {key_of(nobody)}"})


def post(client: Client, body: Any) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return client.post(f"{CONTEXT}/clock", text, content_type="application/json")


def instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    assert found.tzinfo is not None
    return found


class TestCurrent:
    def test_body(self, api: Client, noon: None) -> None:
        body = api.get(f"{CONTEXT}/ercot/current").json()
        known = row(NOON - HOUR)
        assert instant(body.pop("observed_at")) == NOON
        assert body.pop("source").startswith("replay:june.csv@")
        assert body == {
            "age_s": 2_400.0,
            "mode": "replay",
            "system_load_mw": float(known["load_mw"]),
            "zone_load_mw": dict.fromkeys(body["zone_load_mw"], float(known["load_coast_mw"])),
            "prices_usd_per_mwh": {
                zone: float(known[f"rtm_{zone.lower()}"])
                for zone in ["LZ_HOUSTON", "LZ_NORTH", "LZ_SOUTH", "LZ_WEST", "LZ_AEN", "LZ_CPS", "LZ_LCRA", "LZ_RAYBN"]
            },
            "reserves_mw": None,
            "reserves_kind": None,
            "eea_level": None,
            "wind_mw": None,
            "solar_mw": None,
        }

    def test_measured_reserves_of_the_simulated_grid(self, api: Client, db: None) -> None:
        at = central(date(2026, 8, 12), time(14))
        start_clock(
            mode="DRILL", source="synthetic", scenario_start=at, speed=1, hold_for_votes=True, by=None, wall_at=WALL
        )
        ingest(feed=current_feed(), at=at, wall_at=WALL)
        Clock.objects.update(paused=True)
        body = api.get(f"{CONTEXT}/ercot/current").json()
        assert (body["mode"], body["reserves_kind"], body["eea_level"], body["age_s"]) == ("drill", "measured", 0, 0.0)
        assert 8_000 <= body["reserves_mw"] <= 18_000

    def test_with_nothing_known_everything_is_null(self, api: Client, db: None) -> None:
        body = api.get(f"{CONTEXT}/ercot/current").json()
        assert body.pop("mode") == "live"
        assert (body.pop("prices_usd_per_mwh"), body.pop("zone_load_mw")) == ({}, {})
        assert set(body.values()) == {None}


class TestForecast:
    def test_body(self, api: Client, noon: None) -> None:
        body = api.get(f"{CONTEXT}/ercot/forecast").json()
        assert instant(body["issued_at"]) == NOON
        assert body["source"].startswith("ERCOT day-ahead forecast, portal forecast from past loads beyond it (replay:")
        assert [instant(hour["starts_at"]) for hour in body["results"]] == [NOON + i * HOUR for i in range(24)]
        first = body["results"][0]
        assert set(first) == {"starts_at", "load_mw", "p10_mw", "p90_mw", "price_usd_per_mwh"}
        assert first["p10_mw"] <= first["load_mw"] <= first["p90_mw"]

    def test_with_nothing_known(self, api: Client, db: None) -> None:
        assert api.get(f"{CONTEXT}/ercot/forecast").json() == {"issued_at": None, "source": None, "results": []}


class TestWeather:
    def test_body(self, api: Client, noon: None) -> None:
        body = api.get(f"{CONTEXT}/weather/75201").json()
        assert instant(body["observed_at"]) == NOON
        assert (body["zip"], body["place"], body["age_s"]) == ("75201", "dallas", 2_400.0)
        assert body["temp_f"] == float(row(NOON - HOUR)["temp_dallas_f"])
        assert (body["humidity_pct"], body["wind_mph"], body["conditions"]) == (None, None, None)
        assert len(body["forecast"]) == 24
        assert set(body["forecast"][0]) == {"starts_at", "temp_f", "conditions"}

    @pytest.mark.parametrize("zip_code", ["00000", "10001", "abc", "7520"])
    def test_unknown_zip_is_404(self, api: Client, noon: None, zip_code: str) -> None:
        response = api.get(f"{CONTEXT}/weather/{zip_code}")
        assert response.status_code == 404
        assert response["Content-Type"] == "application/problem+json"
        assert response.json()["errors"][0]["field"] == "zip"


class TestClock:
    def test_body(self, api: Client, noon: None) -> None:
        body = api.get(f"{CONTEXT}/clock").json()
        assert instant(body.pop("at")) == NOON + timedelta(minutes=40)
        assert instant(body.pop("scenario_start")) == operating_day(DAY)[0]
        assert instant(body.pop("scenario_end")) == operating_day(DAY + timedelta(days=1))[1]
        assert body.pop("source").startswith("replay:june.csv@")
        assert body == {
            "mode": "replay",
            "label": "Tuesday 20 June 2023",
            "speed": 60.0,
            "paused": True,
            "held": False,
        }

    def test_step_resume_speed_pause(self, api: Client, noon: None) -> None:
        stepped = post(api, {"action": "step", "minutes": 15})
        assert instant(stepped.json()["at"]) == NOON + timedelta(minutes=55)
        assert not post(api, {"action": "resume"}).json()["paused"]
        assert post(api, {"action": "speed", "speed": 120}).json()["speed"] == 120
        assert post(api, {"action": "pause"}).json()["paused"]
        actions = ClockChange.objects.order_by("pk").values_list("action", "by__username")
        assert list(actions)[1:] == [(a, "olivia") for a in ("STEPPED", "RESUMED", "SPEED_SET", "PAUSED")]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "action"),
            ({"action": "rewind"}, "action"),
            ({"action": "step"}, "minutes"),
            ({"action": "step", "minutes": -1}, "minutes"),
            ({"action": "step", "minutes": "soon"}, "minutes"),
            ({"action": "speed"}, "speed"),
            ({"action": "speed", "speed": 1_000}, "speed"),
        ],
    )
    def test_refuses_and_changes_nothing(self, api: Client, noon: None, body: Any, field: str) -> None:
        response = post(api, body)
        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == field
        assert ClockChange.objects.count() == 1
        assert Clock.objects.get().scenario_anchor == NOON + timedelta(minutes=40)

    def test_refuses_malformed_json(self, api: Client, noon: None) -> None:
        assert post(api, "{").status_code == 400
        assert ClockChange.objects.count() == 1

    def test_live_cannot_be_controlled(self, api: Client, db: None) -> None:
        assert post(api, {"action": "pause"}).status_code == 409
        assert not ClockChange.objects.exists()


class TestRights:
    urls = ("ercot/current", "ercot/forecast", "weather/75201", "clock")

    def test_anonymous_is_401(self, noon: None) -> None:
        assert {Client().get(f"{CONTEXT}/{url}").status_code for url in self.urls} == {401}
        assert post(Client(), {"action": "pause"}).status_code == 401

    def test_a_person_without_a_role_is_403(self, nobodys_api: Client, noon: None) -> None:
        assert {nobodys_api.get(f"{CONTEXT}/{url}").status_code for url in self.urls} == {403}

    def test_an_auditor_looks_and_does_not_control(self, auditors_api: Client, noon: None) -> None:
        assert {auditors_api.get(f"{CONTEXT}/{url}").status_code for url in self.urls} == {200}
        assert post(auditors_api, {"action": "step", "minutes": 15}).status_code == 403
        assert Clock.objects.get().scenario_anchor == NOON + timedelta(minutes=40)
