"""Deciding over HTTP: every answer, and that what is refused is not written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cohorts.models import Cohort
from grid import clock
from planning.models import Plan, PlanRefusal, PlanRequest, Vote
from portal.models import User
from tests.planning import builders
from tests.planning.builders import AT, add_version, hash_of, pending_plan
from tests.portal.api import API, fields_of, post, row_counts, tokened

T = "2030-01-01T10:00:00Z"


class TestDecide:
    def test_approve(self, plan: Plan, other: User) -> None:
        body = {"content_hash": hash_of(plan), "reason": "tight evening", "password": "omar"}
        answer = post(tokened(other), f"plans/{plan.pk}/approve", body)
        assert answer.status_code == 200
        assert answer.json() | {"approve_by": None} == {
            "id": plan.pk,
            "status": "AUTHORISED",
            "version": 1,
            "content_hash": hash_of(plan),
            "required_approvals": 1,
            "approvals": 1,
            "approve_by": None,
            "supervisors_required": 0,
            "step_up": "NONE",
            "reason_required": False,
            "estimate_required": False,
            "policy_rules": ["every plan"],
            "failure": "",
        }
        assert Vote.objects.get().reason == "tight evening"

    def test_reject(self, plan: Plan, other: User) -> None:
        answer = post(tokened(other), f"plans/{plan.pk}/reject", {"content_hash": hash_of(plan), "reason": "not today"})
        assert (answer.status_code, answer.json()["status"]) == (200, "REJECTED")

    def test_edit(self, plan: Plan, other: User, pearland: Cohort) -> None:
        body = {"content_hash": hash_of(plan), "reason": "less", "target_mw": 10, "cohorts": [pearland.pk]}
        answer = post(tokened(other), f"plans/{plan.pk}/edit", body)
        url = f"http://testserver{API}/plans/{plan.pk}/status"
        assert (answer.status_code, answer.json()) == (202, {"id": plan.pk, "status": "PLANNING", "url": url})
        request = PlanRequest.objects.get(plan=plan, number=2)
        assert (request.target_mw, request.cohort_ids, request.reason) == (10, [pearland.pk], "less")

    def test_edit_with_null_leaves_it_to_the_planner(self, plan: Plan, other: User) -> None:
        body = {"content_hash": hash_of(plan), "reason": "any", "window": None, "target_mw": None, "cohorts": None}
        assert post(tokened(other), f"plans/{plan.pk}/edit", body).status_code == 202

    @pytest.mark.parametrize("body", ["", {}, {"reason": None}, {"reason": "enough"}])
    def test_abort(self, body: Any, plan: Plan, operator: User) -> None:
        answer = post(tokened(operator), f"plans/{plan.pk}/abort", body)
        assert (answer.status_code, answer.json()["status"]) == (200, "WITHDRAWN")

    @pytest.mark.parametrize("action", ["approve", "reject"])
    def test_not_ones_own_plan(self, action: str, plan: Plan, operator: User) -> None:
        client = tokened(operator)
        answer = post(client, f"plans/{plan.pk}/{action}", {"content_hash": hash_of(plan), "reason": "mine"})
        assert (answer.status_code, fields_of(answer)) == (403, [])
        assert "somebody else has to decide" in answer.json()["detail"]
        assert not Vote.objects.exists()
        assert PlanRefusal.objects.get().attempted == action

    @pytest.mark.parametrize("action", ["approve", "reject", "edit"])
    def test_a_stale_hash_is_told_the_current_one(self, action: str, plan: Plan, operator: User, other: User) -> None:
        old = hash_of(plan)
        request = PlanRequest.objects.create(plan=plan, number=2, by=operator, at=AT, strategy="balanced")
        add_version(plan, request, Cohort.objects.get(), builders.Wanted(approve_by=plan.approve_by))
        answer = post(tokened(other), f"plans/{plan.pk}/{action}", {"content_hash": old, "reason": "x"})
        assert (answer.status_code, fields_of(answer)) == (409, ["content_hash"])
        body = answer.json()
        assert (body["current_content_hash"], body["current_version"]) == (hash_of(plan), 2)
        assert not Vote.objects.exists()

    @pytest.mark.parametrize("content_hash", ["0" * 64, "deadbeef", "é", "0" * 200])
    def test_what_is_no_hash_is_stale(self, content_hash: str, plan: Plan, other: User) -> None:
        answer = post(tokened(other), f"plans/{plan.pk}/approve", {"content_hash": content_hash})
        assert (answer.status_code, fields_of(answer)) == (409, ["content_hash"])

    def test_a_second_vote(self, operator: User, pearland: Cohort) -> None:
        plan = pending_plan(operator, pearland, required=2, approve_by=clock.now() + timedelta(minutes=30))
        client = tokened(builders.person("sam", "supervisor"))
        first = post(client, f"plans/{plan.pk}/approve", {"content_hash": hash_of(plan)})
        assert (first.status_code, first.json()["status"], first.json()["approvals"]) == (200, "PARTIAL", 1)
        again = post(client, f"plans/{plan.pk}/approve", {"content_hash": hash_of(plan)})
        assert (again.status_code, fields_of(again)) == (409, [])
        assert Vote.objects.count() == 1

    def test_too_late(self, operator: User, other: User, pearland: Cohort) -> None:
        plan = pending_plan(operator, pearland, approve_by=clock.now() - timedelta(minutes=1))
        answer = post(tokened(other), f"plans/{plan.pk}/approve", {"content_hash": hash_of(plan)})
        assert (answer.status_code, fields_of(answer)) == (409, [])
        assert not Vote.objects.exists()

    def test_a_wrong_password(self, plan: Plan, other: User) -> None:
        body = {"content_hash": hash_of(plan), "password": "wrong"}
        answer = post(tokened(other), f"plans/{plan.pk}/approve", body)
        assert (answer.status_code, fields_of(answer)) == (403, ["password"])
        assert not Vote.objects.exists()

    @pytest.mark.parametrize(
        ("action", "body", "fields"),
        [
            ("approve", {}, ["content_hash"]),
            ("approve", {"content_hash": None}, ["content_hash"]),
            ("approve", {"content_hash": ""}, ["content_hash"]),
            ("approve", {"content_hash": 5}, ["content_hash"]),
            ("approve", {"content_hash": "0" * 201}, ["content_hash"]),
            ("approve", {"content_hash": "0" * 64, "force": True}, ["force"]),
            ("approve", {"content_hash": "0" * 64, "reason": 5}, ["reason"]),
            ("approve", {"content_hash": "0" * 64, "reason": "x" * 2001}, ["reason"]),
            ("approve", {"content_hash": "0" * 64, "password": ["omar"]}, ["password"]),
            ("reject", {"content_hash": "0" * 64}, ["reason"]),
            ("reject", {"content_hash": "0" * 64, "reason": "nul \0"}, ["reason"]),
            ("edit", {"content_hash": "0" * 64, "reason": "x", "target_mw": "10"}, ["target_mw"]),
            ("edit", {"content_hash": "0" * 64, "reason": "x", "target": 10}, ["target"]),
            ("edit", {"content_hash": "0" * 64, "reason": "x", "strategy": None}, ["strategy"]),
            ("edit", {"content_hash": "0" * 64, "reason": "x", "window": {"start": T}}, ["window.end"]),
            ("abort", {"reason": {}}, ["reason"]),
            ("abort", {"content_hash": "x"}, ["content_hash"]),
        ],
    )
    def test_wrong_shapes(self, action: str, body: Any, fields: list[str], plan: Plan, other: User) -> None:
        client = tokened(other)
        before = row_counts()
        answer = post(client, f"plans/{plan.pk}/{action}", body)
        assert (answer.status_code, fields_of(answer)) == (422, fields)
        assert row_counts() == before

    def test_reject_without_a_reason(self, plan: Plan, other: User) -> None:
        body = {"content_hash": hash_of(plan), "reason": "   "}
        answer = post(tokened(other), f"plans/{plan.pk}/reject", body)
        assert (answer.status_code, fields_of(answer)) == (422, ["reason"])
        assert Plan.objects.get().status == "PENDING"

    @pytest.mark.parametrize("action", ["approve", "reject", "edit", "abort"])
    def test_a_plan_that_does_not_exist(self, action: str, plan: Plan, other: User) -> None:
        client = tokened(other)
        before = row_counts()
        body = {} if action == "abort" else {"content_hash": "0" * 64, "reason": "x"}
        answer = post(client, f"plans/{plan.pk + 1}/{action}", body)
        assert (answer.status_code, fields_of(answer)) == (404, [])
        assert row_counts() == before

    @pytest.mark.parametrize("action", ["approve", "reject", "edit", "abort"])
    @pytest.mark.parametrize("body", [{}, {"content_hash": "0" * 64, "reason": "x"}])
    def test_an_auditor_may_not(self, action: str, body: dict[str, str], plan: Plan, auditor: User) -> None:
        if action == "abort":
            body = {"reason": "x"} if body else {}
        answer = post(tokened(auditor), f"plans/{plan.pk}/{action}", body)
        assert (answer.status_code, fields_of(answer)) == (403, [])
        assert not Vote.objects.exists()
        assert Plan.objects.get().status == "PENDING"
