"""Asking over HTTP: what it answers, and that what it refuses is not written."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from cohorts.models import Cohort
from grid import clock
from planning.models import Plan, PlanRequest
from portal.models import User
from tests.portal.api import API, fields_of, post, row_counts, tokened


def in_portal_time(hours: float) -> datetime:
    """A quarter-hour of the near future."""
    at = clock.now() + timedelta(hours=hours)
    return at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def window(start_h: float = 2, end_h: float = 4) -> dict[str, str]:
    return {"start": in_portal_time(start_h).isoformat(), "end": in_portal_time(end_h).isoformat()}


class TestPropose:
    def test_answers_202_with_id_status_and_url(self, operator: User, pearland: Cohort) -> None:
        client = tokened(operator)
        wish = {"cohorts": [pearland.pk], "strategy": "balanced", "window": window(), "target_mw": 15}
        answer = post(client, "plans/propose", wish)
        assert answer.status_code == 202
        plan = Plan.objects.get()
        url = f"http://testserver{API}/plans/{plan.pk}/status"
        assert answer.json() == {"id": plan.pk, "status": "PLANNING", "url": url}
        assert answer["Location"] == url
        request = PlanRequest.objects.get()
        assert (request.by, request.cohort_ids, request.strategy) == (operator, [pearland.pk], "balanced")
        assert (request.target_mw, request.window_start) == (15, in_portal_time(2))
        assert plan.mode == clock.state().mode
        status = client.get(url)
        assert status.json() == {
            "id": plan.pk,
            "status": "PLANNING",
            "version": None,
            "content_hash": None,
            "required_approvals": 1,
            "supervisors_required": 0,
            "step_up": "NONE",
            "reason_required": False,
            "estimate_required": False,
            "policy_rules": [],
            "approvals": 0,
            "approve_by": None,
            "failure": "",
        }

    def test_the_strategy_is_enough(self, operator: User, pearland: Cohort) -> None:
        assert post(tokened(operator), "plans/propose", {"strategy": "emergency"}).status_code == 202

    def test_null_is_as_good_as_left_out(self, operator: User, pearland: Cohort) -> None:
        wish = {"strategy": "balanced", "cohorts": None, "window": None, "target_mw": None}
        assert post(tokened(operator), "plans/propose", wish).status_code == 202
        request = PlanRequest.objects.get()
        assert (request.cohort_ids, request.window_start, request.target_mw) == ([], None, None)

    def test_rounds_to_the_kilowatt(self, operator: User, pearland: Cohort) -> None:
        post(tokened(operator), "plans/propose", {"strategy": "balanced", "target_mw": 15.1000000000000001})
        assert str(PlanRequest.objects.get().target_mw) == "15.100"

    def test_the_same_key_gives_the_same_plan(self, operator: User, other: User, pearland: Cohort) -> None:
        key = {"Idempotency-Key": "0b6e2c1e-9a3f"}
        first = post(tokened(operator), "plans/propose", {"strategy": "balanced"}, headers=key)
        again = post(tokened(operator), "plans/propose", {"strategy": "balanced"}, headers=key)
        assert (again.status_code, again.json()) == (202, first.json())
        assert Plan.objects.count() == 1
        assert post(tokened(other), "plans/propose", {"strategy": "balanced"}, headers=key).json() != first.json()

    def test_a_session_needs_its_csrf_token(self, operator: User, pearland: Cohort) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(operator)
        answer = post(client, "plans/propose", {"strategy": "balanced"})
        assert (answer.status_code, fields_of(answer)) == (403, [])
        assert "CSRF" in answer.json()["detail"]
        assert not Plan.objects.exists()


T = "2030-01-01T10:00:00Z"
DEEP = "[" * 100_000
BAD_BODIES: dict[str, tuple[Any, int, list[str]]] = {
    "cut off": ('{"strategy": "balanced"', 400, []),
    "no JSON": ("strategy=balanced", 400, []),
    "not UTF-8": (b'{"strategy": "\xff"}', 400, []),
    "NaN": ('{"strategy": "balanced", "target_mw": NaN}', 400, []),
    "Infinity": ('{"strategy": "balanced", "target_mw": -Infinity}', 400, []),
    "a member twice": ('{"strategy": "balanced", "target_mw": 5, "target_mw": 25}', 400, []),
    "too many digits": ('{"strategy": "balanced", "target_mw": ' + "9" * 5000 + "}", 400, []),
    "too deep": (DEEP, 400, []),
    "too large": ('{"strategy": "' + "x" * 300_000 + '"}', 413, []),
    "a list": ([], 422, ["body"]),
    "a string": ("null", 422, ["body"]),
    "empty": ({}, 422, ["strategy"]),
    "unknown strategy": ({"strategy": "cheapest"}, 422, ["strategy"]),
    "strategy a number": ({"strategy": 5}, 422, ["strategy"]),
    "strategy a list": ({"strategy": ["balanced"]}, 422, ["strategy"]),
    "strategy null": ({"strategy": None}, 422, ["strategy"]),
    "half a surrogate pair": ('{"strategy": "\\ud800"}', 422, ["strategy"]),
    "target misspelt": ({"strategy": "balanced", "target": 15}, 422, ["target"]),
    "two unknown members": ({"strategy": "balanced", "a": 1, "b": 2}, 422, ["a", "b"]),
    "unknown half a surrogate": ('{"strategy": "balanced", "\\udc00": 1}', 422, ["\\udc00"]),
    "target text": ({"strategy": "balanced", "target_mw": "15"}, 422, ["target_mw"]),
    "target true": ({"strategy": "balanced", "target_mw": True}, 422, ["target_mw"]),
    "target zero": ({"strategy": "balanced", "target_mw": 0}, 422, ["target_mw"]),
    "target below a kilowatt": ({"strategy": "balanced", "target_mw": 0.0001}, 422, ["target_mw"]),
    "target negative": ({"strategy": "balanced", "target_mw": -15.5}, 422, ["target_mw"]),
    "target above what is enrolled": ({"strategy": "balanced", "target_mw": 30.001}, 422, ["target_mw"]),
    "target beyond numbers": ('{"strategy": "balanced", "target_mw": 1e999}', 422, ["target_mw"]),
    "target huge": ({"strategy": "balanced", "target_mw": 10**300}, 422, ["target_mw"]),
    "target no float": ({"strategy": "balanced", "target_mw": 10**400}, 422, ["target_mw"]),
    "cohorts a number": ({"strategy": "balanced", "cohorts": 1}, 422, ["cohorts"]),
    "cohorts empty": ({"strategy": "balanced", "cohorts": []}, 422, ["cohorts"]),
    "cohorts names": ({"strategy": "balanced", "cohorts": ["residential"]}, 422, ["cohorts"]),
    "cohorts true": ({"strategy": "balanced", "cohorts": [True]}, 422, ["cohorts"]),
    "cohorts fractional": ({"strategy": "balanced", "cohorts": [1.5]}, 422, ["cohorts"]),
    "cohorts negative": ({"strategy": "balanced", "cohorts": [-1]}, 422, ["cohorts"]),
    "cohorts beyond ids": ({"strategy": "balanced", "cohorts": [2**63]}, 422, ["cohorts"]),
    "cohorts too many": ({"strategy": "balanced", "cohorts": list(range(1, 1002))}, 422, ["cohorts"]),
    "cohort unknown": ({"strategy": "balanced", "cohorts": [987654321]}, 422, ["cohorts"]),
    "cohort twice": ({"strategy": "balanced", "cohorts": [1, 1]}, 422, ["cohorts"]),
    "window text": ({"strategy": "balanced", "window": "now"}, 422, ["window"]),
    "window without end": ({"strategy": "balanced", "window": {"start": T}}, 422, ["window.end"]),
    "window with more": ({"strategy": "balanced", "window": {"start": T, "end": T, "tz": 1}}, 422, ["window.tz"]),
    "start null": ({"strategy": "balanced", "window": {"start": None, "end": T}}, 422, ["window.start"]),
    "start a number": ({"strategy": "balanced", "window": {"start": 1, "end": T}}, 422, ["window.start"]),
    "start naive": (
        {"strategy": "balanced", "window": {"start": "2030-01-01T10:00:00", "end": T}},
        422,
        ["window.start"],
    ),
    "start a date": ({"strategy": "balanced", "window": {"start": "2030-01-01", "end": T}}, 422, ["window.start"]),
    "start impossible": (
        {"strategy": "balanced", "window": {"start": "2030-02-30T10:00:00Z", "end": T}},
        422,
        ["window.start"],
    ),
    "start before time": (
        {"strategy": "balanced", "window": {"start": "0001-01-01T00:00:00+14:00", "end": T}},
        422,
        ["window.start"],
    ),
    "start in words": ({"strategy": "balanced", "window": {"start": "tomorrow", "end": T}}, 422, ["window.start"]),
    "start in the past": (
        {"strategy": "balanced", "window": {"start": "2020-01-01T10:00:00Z", "end": "2020-01-01T12:00:00Z"}},
        422,
        ["window.start"],
    ),
    "start too far ahead": (
        {"strategy": "balanced", "window": {"start": "9999-12-31T10:00:00Z", "end": "9999-12-31T12:00:00Z"}},
        422,
        ["window.start"],
    ),
    "reversed": (
        {"strategy": "balanced", "window": {"start": T, "end": "2030-01-01T09:00:00Z"}},
        422,
        ["window.end"],
    ),
    "no length": ({"strategy": "balanced", "window": {"start": T, "end": T}}, 422, ["window.end"]),
}


class TestBadBodies:
    @pytest.mark.parametrize("name", BAD_BODIES)
    def test_refused_and_nothing_written(self, name: str, operator: User, pearland: Cohort) -> None:
        body, status, fields = BAD_BODIES[name]
        client = tokened(operator)
        before = row_counts()
        answer = post(client, "plans/propose", body)
        assert (answer.status_code, fields_of(answer)) == (status, fields)
        assert row_counts() == before

    def test_a_naive_instant_is_told_what_is_missing(self, operator: User, pearland: Cohort) -> None:
        body, _status, _fields = BAD_BODIES["start naive"]
        [error] = post(tokened(operator), "plans/propose", body).json()["errors"]
        assert error["message"].startswith("The UTC offset is missing")

    def test_a_misspelt_member_is_told_what_is_known(self, operator: User, pearland: Cohort) -> None:
        [error] = post(tokened(operator), "plans/propose", {"strategy": "balanced", "target": 1}).json()["errors"]
        assert error["message"] == "There is no such member; known are cohorts, strategy, window, target_mw."

    def test_windows_on_quarter_hours_only(self, operator: User, pearland: Cohort) -> None:
        client = tokened(operator)
        before = row_counts()
        start, end = in_portal_time(2) + timedelta(minutes=7), in_portal_time(4)
        body = {"strategy": "balanced", "window": {"start": start.isoformat(), "end": end.isoformat()}}
        answer = post(client, "plans/propose", body)
        assert (answer.status_code, fields_of(answer)) == (422, ["window.start"])
        assert row_counts() == before

    @pytest.mark.parametrize("key", ["x" * 129, "with blank", "é"])
    def test_a_key_that_is_none(self, key: str, operator: User, pearland: Cohort) -> None:
        client = tokened(operator)
        before = row_counts()
        answer = post(client, "plans/propose", {"strategy": "balanced"}, headers={"Idempotency-Key": key})
        assert (answer.status_code, fields_of(answer)) == (422, ["Idempotency-Key"])
        assert row_counts() == before

    @pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain"])
    def test_another_media_type(self, kind: str, operator: User, pearland: Cohort) -> None:
        client = tokened(operator)
        before = row_counts()
        answer = client.post(f"{API}/plans/propose", data="strategy=balanced", content_type=kind)
        assert (answer.status_code, fields_of(answer)) == (415, [])
        assert row_counts() == before
