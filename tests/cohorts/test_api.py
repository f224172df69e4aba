"""`/api/v1/cohorts` as a client sees it, with the web role's rights."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from cohorts.models import Account, Cohort, CohortChange
from portal.models import User

URL = "/api/v1/cohorts"
BODY: dict[str, Any] = {
    "name": "Residential Pearland South",
    "segment": "residential",
    "technology": "EV",
    "zip": "77584",
    "load_zone": "LZ_HOUSTON",
    "accounts": 40,
    "enrolled_mw": 0.2,
}


@pytest.fixture(autouse=True)
def as_web(as_role: Callable[[str], AbstractContextManager[None]], pearland: Cohort) -> Iterator[None]:
    """Everything below runs with the rights of the process that serves it; `pearland` exists already."""
    with as_role("web"):
        yield


@pytest.fixture
def api(operator: User, key_of: Callable[[User], str]) -> Client:
    return Client(headers={"authorization": f"Token {key_of(operator)}"})


@pytest.fixture
def auditors_api(auditor: User, key_of: Callable[[User], str]) -> Client:
    return Client(headers={"authorization": f"Token {key_of(auditor)}"})


def send(client: Client, method: str, url: str, body: Any) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return getattr(client, method)(url, text, content_type="application/json")


def assert_problem(response: Any, status: int, *fields: str) -> None:
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    assert [error["field"] for error in response.json()["errors"]] == list(fields)


class TestList:
    def test_has_the_three_numbers_and_the_programme(self, api: Client, pearland: Cohort) -> None:
        body = api.get(URL).json()
        assert body["next"] is None
        (row,) = body["results"]
        assert row == {
            "id": pearland.pk,
            "slug": "residential-pearland",
            "name": "Residential Pearland",
            "segment": "RESIDENTIAL",
            "technology": "THERMOSTAT",
            "place": "Pearland",
            "weather_place": "houston",
            "zip": "77581",
            "load_zone": "LZ_HOUSTON",
            "accounts": 500,
            "kw_per_account": 3.0,
            "enrolled_mw": 1.5,
            "available_p50_mw": None,
            "firm_p90_mw": None,
            "active": True,
            "season_first_month": 6,
            "season_last_month": 9,
            "weekdays_only": True,
            "earliest_hour": 12,
            "latest_hour": 21,
            "min_event_min": 30,
            "max_event_min": 120,
            "notice_min": 30,
            "max_events_per_day": 1,
            "max_events_per_season": 25,
            "rest_h": 16.0,
            "incentive_usd_per_mwh": pearland.rules.incentive_usd_per_mwh,
            "call_fee_usd": 0.0,
        }

    def test_pages(self, api: Client) -> None:
        assert send(api, "post", URL, BODY).status_code == 201
        first = api.get(f"{URL}?limit=1").json()
        second = api.get(first["next"]).json()
        names = [page["results"][0]["name"] for page in (first, second)]
        assert names == ["Residential Pearland", "Residential Pearland South"]
        assert second["next"] is None

    def test_anonymous_is_asked_who_they_are(self) -> None:
        assert_problem(Client().get(URL), 401)

    def test_a_person_without_a_role_sees_nothing(self, key_of: Callable[[User], str]) -> None:
        stranger = User.objects.create(username="stranger")
        assert_problem(Client(headers={"authorization": f"Token {key_of(stranger)}"}).get(URL), 403)

    def test_an_auditor_may_look(self, auditors_api: Client) -> None:
        assert auditors_api.get(URL).status_code == 200


class TestCreate:
    def test_answers_with_what_was_made(self, api: Client, operator: User) -> None:
        response = send(api, "post", URL, {**BODY, "latest_hour": 23})
        assert response.status_code == 201
        row = response.json()
        assert (row["slug"], row["place"], row["segment"]) == ("residential-pearland-south", "Pearland", "RESIDENTIAL")
        assert (row["accounts"], row["enrolled_mw"], row["latest_hour"]) == (40, 0.2, 23)
        assert response.headers["Location"].endswith(f"{URL}/{row['id']}")
        assert Account.objects.filter(cohort=row["id"]).count() == 40
        assert CohortChange.objects.get(cohort=row["id"]).by == operator
        assert api.get(response.headers["Location"]).json() == row

    def test_place_alone_is_enough(self, api: Client) -> None:
        response = send(api, "post", URL, {**{k: v for k, v in BODY.items() if k != "zip"}, "place": "Tyler"})
        assert (response.status_code, response.json()["weather_place"]) == (201, "tyler")

    @pytest.mark.parametrize(
        ("status", "field", "change"),
        [
            (404, "zip", {"zip": "99999"}),
            (422, "zip", {"zip": "10001"}),
            (422, "zip", {"zip": "7758"}),
            (422, "zip", {"zip": 77584.5}),
            (422, "load_zone", {"load_zone": "LZ_MARS"}),
            (422, "segment", {"segment": "RURAL"}),
            (422, "technology", {"technology": ["EV"]}),
            (422, "accounts", {"accounts": 0}),
            (422, "accounts", {"accounts": 10**9}),
            (422, "accounts", {"accounts": "many"}),
            (422, "enrolled_mw", {"enrolled_mw": 0}),
            (422, "enrolled_mw", {"enrolled_mw": -1}),
            (422, "enrolled_mw", {"enrolled_mw": None}),
            (422, "enrolled_mw", {"enrolled_mw": 1e12}),
            (422, "name", {"name": ""}),
            (422, "name", {"name": "a\u0000b"}),
            (409, "name", {"name": "Residential Pearland"}),
            (409, "slug", {"slug": "residential-pearland"}),
            (422, "latest_hour", {"earliest_hour": 19, "latest_hour": 13}),
            (422, "max_event_min", {"min_event_min": 120, "max_event_min": 60}),
            (422, "notice_minutes", {"notice_minutes": 10}),
        ],
    )
    def test_refuses_naming_the_field(self, api: Client, status: int, field: str, change: dict[str, Any]) -> None:
        assert_problem(send(api, "post", URL, {**BODY, **change}), status, field)
        assert (Cohort.objects.count(), Account.objects.count(), CohortChange.objects.count()) == (1, 500, 1)

    def test_names_every_missing_field(self, api: Client) -> None:
        assert_problem(send(api, "post", URL, {}), 422, "name", "segment", "load_zone", "accounts", "enrolled_mw")
        assert Cohort.objects.count() == 1

    @pytest.mark.parametrize(
        ("status", "text"),
        [(400, '{"name": '), (400, '{"enrolled_mw": NaN}'), (400, '{"name": "A", "name": "B"}'), (422, "[1, 2]")],
    )
    def test_refuses_what_is_no_object(self, api: Client, status: int, text: str) -> None:
        assert send(api, "post", URL, text).status_code == status
        assert Cohort.objects.count() == 1

    def test_an_auditor_may_not(self, auditors_api: Client) -> None:
        assert_problem(send(auditors_api, "post", URL, BODY), 403)
        assert Cohort.objects.count() == 1


class TestOne:
    def test_changes_what_was_sent(self, api: Client, pearland: Cohort) -> None:
        response = send(api, "patch", f"{URL}/{pearland.pk}", {"enrolled_mw": 2.5, "active": False})
        assert response.status_code == 200
        assert (response.json()["enrolled_mw"], response.json()["active"]) == (2.5, False)
        assert (response.json()["available_p50_mw"], response.json()["firm_p90_mw"]) == (0.0, 0.0)
        pearland.refresh_from_db()
        assert (pearland.enrolled_mw, pearland.active) == (Decimal("2.500"), False)

    def test_takes_its_own_answer_back(self, api: Client, pearland: Cohort) -> None:
        row = api.get(f"{URL}/{pearland.pk}").json()
        assert send(api, "patch", f"{URL}/{pearland.pk}", row).json() == row
        assert CohortChange.objects.count() == 1

    @pytest.mark.parametrize(
        ("status", "field", "change"),
        [
            (422, "accounts", {"accounts": 501}),
            (422, "slug", {"slug": "other"}),
            (422, "enrolled_mw", {"enrolled_mw": 0}),
            (422, "latest_hour", {"latest_hour": 12}),
            (404, "zip", {"zip": "99999"}),
            (422, "colour", {"colour": "red"}),
        ],
    )
    def test_refuses_naming_the_field(
        self, api: Client, pearland: Cohort, status: int, field: str, change: dict[str, Any]
    ) -> None:
        before = Cohort.objects.values().get(pk=pearland.pk)
        assert_problem(send(api, "patch", f"{URL}/{pearland.pk}", {"notice_min": 5, **change}), status, field)
        assert Cohort.objects.values().get(pk=pearland.pk) == before
        assert CohortChange.objects.count() == 1

    def test_an_auditor_may_not_change(self, auditors_api: Client, pearland: Cohort) -> None:
        assert_problem(send(auditors_api, "patch", f"{URL}/{pearland.pk}", {"notice_min": 5}), 403)
        assert Cohort.objects.get(pk=pearland.pk).notice_min == 30

    @pytest.mark.parametrize("cohort_id", [0, 999_999, 10**30])
    def test_unknown_is_404(self, api: Client, cohort_id: int) -> None:
        assert_problem(api.get(f"{URL}/{cohort_id}"), 404)
        assert_problem(send(api, "patch", f"{URL}/{cohort_id}", {"notice_min": 5}), 404)
        assert_problem(api.get(f"{URL}/{cohort_id}/flexibility"), 404)

    def test_cannot_be_deleted(self, api: Client, pearland: Cohort) -> None:
        assert api.delete(f"{URL}/{pearland.pk}").status_code == 405
        assert Cohort.objects.filter(pk=pearland.pk).exists()


class TestFlexibilitySpan:
    @pytest.mark.parametrize(
        ("fields", "query"),
        [
            (["start", "end"], ""),
            (["end"], "start=2023-09-06T20:00:00Z"),
            (["start"], "start=yesterday&end=2023-09-06T20:00:00Z"),
            (["start"], "start=2023-09-06T20:00:00&end=2023-09-06T23:00:00Z"),
            (["start"], "start=2023-13-06T20:00:00Z&end=2023-09-06T23:00:00Z"),
            (["start"], "start=2023-09-06&end=2023-09-06T23:00:00Z"),
            (["end"], "start=2023-09-06T20:00:00Z&end=2023-09-06T20:00:00Z"),
            (["end"], "start=2023-09-06T20:00:00Z&end=2023-09-06T19:00:00Z"),
            (["end"], "start=2023-09-06T20:00:00Z&end=2023-09-13T20:00:01Z"),
            (["end"], "start=9999-12-31T22:00:00Z&end=9999-12-31T23:59:59Z"),
            (["end"], "start=9999-12-31T22:00:00-14:00&end=9999-12-31T23:59:59-14:00"),
            (["start"], "start=0001-01-01T00:00:00%2B14:00&end=0001-01-01T03:00:00%2B14:00"),
        ],
    )
    def test_refuses_naming_the_field(self, api: Client, pearland: Cohort, fields: list[str], query: str) -> None:
        assert_problem(api.get(f"{URL}/{pearland.pk}/flexibility?{query}"), 422, *fields)
