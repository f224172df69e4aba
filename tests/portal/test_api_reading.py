"""Reading plans and approvals over HTTP."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from cohorts.models import Cohort
from dispatch.models import Claim, EventResult
from grid import clock
from planning.core.plan_content import PlanContent
from planning.models import Plan
from portal.models import User
from tests.planning import builders
from tests.planning.builders import AT, END, hash_of, pending_plan
from tests.portal.api import API, fields_of, post, tokened


class TestRead:
    def test_the_whole_plan(self, plan: Plan, auditor: User, other: User) -> None:
        post(tokened(other), f"plans/{plan.pk}/approve", {"content_hash": hash_of(plan)})
        body = tokened(auditor).get(f"{API}/plans/{plan.pk}").json()
        assert body["status"] == "AUTHORISED"
        assert builders.sha256(body["content_text"].encode()) == body["content_hash"] == hash_of(plan)
        assert body["content"].keys() == set(PlanContent.__dataclass_fields__)
        stored = json.loads(body["content_text"])
        assert body["content"]["target_mw"] == float(stored["target_mw"]) == body["target_mw"] == 15.0
        assert body["content"]["cohorts"][0].keys() == stored["cohorts"][0].keys()
        assert body["window"]["start"] == body["content"]["window_start"]
        assert [vote["voter"] for vote in body["votes"]] == ["omar"]
        assert [asked["by"] for asked in body["requests"]] == ["olivia"]
        assert [move["to_status"] for move in body["transitions"]] == ["PLANNING", "PENDING", "AUTHORISED"]
        assert [version["number"] for version in body["versions"]] == [1]
        assert body["url"] == f"http://testserver{API}/plans/{plan.pk}"

    def test_a_plan_without_a_version(self, auditor: User) -> None:
        plan = Plan.objects.create(origin="AGENT", requested_at=AT, mode="DRILL")
        body = tokened(auditor).get(f"{API}/plans/{plan.pk}").json()
        assert (body["content"], body["content_text"], body["window"], body["requested_by"]) == (None, None, None, None)

    @pytest.mark.parametrize("suffix", ["", "/status"])
    @pytest.mark.parametrize("plan_id", ["987654321", "abc", "0", "-1", "1e3", "9" * 40, "١", "1.0", "%00"])
    def test_unknown_ids(self, plan_id: str, suffix: str, plan: Plan, auditor: User) -> None:
        answer = tokened(auditor).get(f"{API}/plans/{plan_id}{suffix}")
        assert (answer.status_code, fields_of(answer)) == (404, [])

    def test_list_in_pages_newest_first(self, plan: Plan, operator: User, pearland: Cohort, auditor: User) -> None:
        newer = pending_plan(operator, pearland)
        client = tokened(auditor)
        first = client.get(f"{API}/plans?limit=1").json()
        assert first.keys() == {"results", "next"}
        assert [row["id"] for row in first["results"]] == [newer.pk]
        second = client.get(first["next"]).json()
        assert ([row["id"] for row in second["results"]], second["next"]) == ([plan.pk], None)
        assert second["results"][0]["planned_p50_mw"] == 15.0
        assert "content" not in second["results"][0]

    def test_list_by_status(self, plan: Plan, auditor: User) -> None:
        client = tokened(auditor)
        assert [row["id"] for row in client.get(f"{API}/plans?status=PENDING,PARTIAL").json()["results"]] == [plan.pk]
        assert client.get(f"{API}/plans?status=ACTIVE").json() == {"results": [], "next": None}

    def test_list_by_an_unknown_status(self, plan: Plan, auditor: User) -> None:
        answer = tokened(auditor).get(f"{API}/plans?status=OPEN")
        assert (answer.status_code, fields_of(answer)) == (422, ["status"])

    def test_a_forged_cursor(self, plan: Plan, auditor: User) -> None:
        answer = tokened(auditor).get(f"{API}/plans?cursor=forged")
        assert (answer.status_code, fields_of(answer)) == (404, [])

    def test_query_count_does_not_grow(
        self, plan: Plan, operator: User, pearland: Cohort, auditor: User, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(5):
            pending_plan(operator, pearland)
        client = tokened(auditor)
        with django_assert_max_num_queries(8):
            client.get(f"{API}/plans")


class TestResult:
    def test_nothing_was_measured_yet(self, plan: Plan, auditor: User) -> None:
        answer = tokened(auditor).get(f"{API}/plans/{plan.pk}/result")
        assert (answer.status_code, fields_of(answer)) == (404, [])
        assert answer.json()["detail"] == f"Plan {plan.pk} is PENDING: nothing has been measured yet."

    @pytest.mark.parametrize("plan_id", ["987654321", "abc", "9" * 40])
    def test_unknown_ids(self, plan_id: str, auditor: User) -> None:
        answer = tokened(auditor).get(f"{API}/plans/{plan_id}/result")
        assert (answer.status_code, fields_of(answer)) == (404, [])

    def test_what_was_delivered(self, plan: Plan, other: User, auditor: User) -> None:
        post(tokened(other), f"plans/{plan.pk}/approve", {"content_hash": hash_of(plan)})
        claim = Claim.objects.create(plan=plan, version=plan.current_version, at=AT)
        numbers = {
            "delivered_mwh": 28.5,
            "rebound_mwh": 4.0,
            "cost_usd": 9000.0,
            "value_usd": None,
            "endpoints": 100,
            "opt_outs": 7,
            "offline": 2,
        }
        series = {"planned_mw": [15.0] * 8, "delivered_mw": [14.25] * 8}
        EventResult.objects.create(claim=claim, rebound_until=END, measured_at=END, **numbers, **series)
        body = tokened(auditor).get(f"{API}/plans/{plan.pk}/result").json()
        assert body == {
            **numbers,
            **series,
            "plan": plan.pk,
            "window_start": "2026-08-12T16:00:00-05:00",
            "window_end": "2026-08-12T18:00:00-05:00",
            "rebound_until": "2026-08-12T18:00:00-05:00",
            "measured_at": "2026-08-12T18:00:00-05:00",
            "telemetry": "simulated telemetry",
        }


class TestApprovals:
    def test_what_waits(self, plan: Plan, auditor: User) -> None:
        body = tokened(auditor).get(f"{API}/approvals").json()
        [row] = body["results"]
        assert (row["plan_id"], row["content_hash"], row["change"]) == (plan.pk, hash_of(plan), "create")
        assert (row["approvals"], row["required_approvals"], body["next"]) == (0, 1, None)

    def test_the_most_urgent_first(self, plan: Plan, operator: User, pearland: Cohort, auditor: User) -> None:
        urgent = pending_plan(operator, pearland, approve_by=clock.now() + timedelta(minutes=5))
        client = tokened(auditor)
        first = client.get(f"{API}/approvals?limit=1").json()
        assert [row["plan_id"] for row in first["results"]] == [urgent.pk]
        assert [row["plan_id"] for row in client.get(first["next"]).json()["results"]] == [plan.pk]

    def test_by_event(self, plan: Plan, operator: User, pearland: Cohort, auditor: User) -> None:
        pending_plan(operator, pearland)
        event = plan.current_version.events.get().event_name
        client = tokened(auditor)
        assert [row["plan_id"] for row in client.get(f"{API}/approvals?event_id={event}").json()["results"]] == [
            plan.pk
        ]
        for nobodys in ("none", "%00"):
            assert client.get(f"{API}/approvals?event_id={nobodys}").json() == {"results": [], "next": None}

    def test_not_what_is_decided(self, operator: User, pearland: Cohort, auditor: User) -> None:
        pending_plan(operator, pearland, status="AUTHORISED")
        assert tokened(auditor).get(f"{API}/approvals").json()["results"] == []
