"""Approving and rejecting: what moves, and every guard."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cohorts.models import Cohort
from planning.models import Plan, PlanRefusal, Transition, Vote
from planning.operations import (
    AlreadyVoted,
    NotAwaitingVote,
    OwnPlan,
    PasswordWrong,
    PermissionNeeded,
    PlanUnknown,
    ReasonMissing,
    StaleContent,
    StepUpNeeded,
    TooLate,
    VoteRefused,
    approve_plan,
    reject_plan,
)
from portal.models import User
from tests.planning.builders import APPROVE_BY, AT, everything, hash_of, pending_plan, person, refused


def approve(plan: Plan, by: User, **changes: Any) -> Plan:
    return approve_plan(**{"plan_id": plan.pk, "content_hash": hash_of(plan), "by": by, "at": AT} | changes)


def reject(plan: Plan, by: User, **changes: Any) -> Plan:
    usual = {"plan_id": plan.pk, "content_hash": hash_of(plan), "by": by, "at": AT, "reason": "too hot"}
    return reject_plan(**usual | changes)


class TestApprovePlan:
    def test_the_last_vote_needed_authorises(self, plan: Plan, operator2: User, as_web: None) -> None:
        approve(plan, operator2, reason="tight evening")
        plan.refresh_from_db()
        assert plan.status == "AUTHORISED"
        vote = Vote.objects.get()
        assert (vote.voter, vote.decision, vote.content_hash) == (operator2, "APPROVE", hash_of(plan))
        assert (vote.at, vote.reason) == (AT, "tight evening")
        last = Transition.objects.latest("pk")
        assert (last.from_status, last.to_status, last.by, last.at) == ("PENDING", "AUTHORISED", operator2, AT)
        assert not PlanRefusal.objects.exists()

    def test_the_first_of_two_makes_it_partial(
        self, operator: User, supervisor: User, supervisor2: User, pearland: Cohort, as_role: Any
    ) -> None:
        plan = pending_plan(operator, pearland, required=2)
        with as_role("web"):
            assert approve(plan, supervisor).status == "PARTIAL"
            assert approve(plan, supervisor2).status == "AUTHORISED"
        moves = list(Transition.objects.order_by("pk").values_list("from_status", "to_status"))
        assert moves[-2:] == [("PENDING", "PARTIAL"), ("PARTIAL", "AUTHORISED")]

    def test_until_just_before_approve_by(self, plan: Plan, operator2: User) -> None:
        assert approve(plan, operator2, at=APPROVE_BY - timedelta(microseconds=1)).status == "AUTHORISED"

    def test_an_agents_plan_may_be_approved_by_any_operator(self, pearland: Cohort, operator: User) -> None:
        assert approve(pending_plan(None, pearland), operator).status == "AUTHORISED"

    def test_takes_the_password_as_a_second_factor(self, plan: Plan, operator2: User, as_web: None) -> None:
        assert approve(plan, operator2, password="omar").status == "AUTHORISED"

    def test_a_supervisor_may_approve_20_mw_with_the_password(self, large_plan: Plan) -> None:
        supervisor = person("sybil", "supervisor", password="sybil")
        with refused(StepUpNeeded, large_plan, supervisor, "approve"):
            approve(large_plan, supervisor)
        assert approve(large_plan, supervisor, password="sybil").status == "AUTHORISED"
        assert Vote.objects.get().step_up == "PASSWORD"


class TestApproveRefuses:
    def test_own_plan(self, plan: Plan, operator: User, as_web: None) -> None:
        with refused(OwnPlan, plan, operator, "approve"):
            approve(plan, operator)

    def test_own_plan_of_a_supervisor_too(self, supervisor: User, pearland: Cohort) -> None:
        plan = pending_plan(supervisor, pearland)
        with refused(OwnPlan, plan, supervisor, "approve"):
            approve(plan, supervisor)

    @pytest.mark.parametrize("role", ["auditor", "admin", None])
    def test_other_roles(self, role: str | None, plan: Plan) -> None:
        by = person("petra", *([role] if role else []))
        with refused(PermissionNeeded, plan, by, "approve"):
            approve(plan, by)

    def test_a_superuser_flag(self, plan: Plan) -> None:
        root = person("root", is_superuser=True, is_staff=True)
        with refused(PermissionNeeded, plan, root, "approve"):
            approve(plan, root)

    def test_an_inactive_operator(self, plan: Plan) -> None:
        gone = person("gina", "operator", is_active=False)
        with refused(PermissionNeeded, plan, gone, "approve"):
            approve(plan, gone)

    def test_an_operator_at_20_mw(self, large_plan: Plan, operator2: User, as_web: None) -> None:
        with refused(VoteRefused, large_plan, operator2, "approve") as caught:
            approve(large_plan, operator2)
        assert "the vote that is missing is a supervisor's" in str(caught.value)

    def test_an_operator_just_below_20_mw_is_enough(self, operator: User, operator2: User, pearland: Cohort) -> None:
        plan = pending_plan(operator, pearland, largest_mw="19.999")
        assert approve(plan, operator2).status == "AUTHORISED"

    def test_another_hash(self, plan: Plan, operator2: User) -> None:
        with refused(StaleContent, plan, operator2, "approve") as caught:
            approve(plan, operator2, content_hash="0" * 64)
        assert caught.value.problem_extra == {"current_content_hash": hash_of(plan), "current_version": 1}

    @pytest.mark.parametrize("content_hash", ["", "ABC", "é" * 64])
    def test_what_is_no_hash(self, content_hash: str, plan: Plan, operator2: User) -> None:
        with refused(StaleContent, plan, operator2, "approve"):
            approve(plan, operator2, content_hash=content_hash)

    @pytest.mark.parametrize("late", [timedelta(), timedelta(hours=1)])
    def test_from_approve_by_on(self, late: timedelta, plan: Plan, operator2: User) -> None:
        with refused(TooLate, plan, operator2, "approve"):
            approve(plan, operator2, at=APPROVE_BY + late)

    def test_a_second_vote_of_the_same_person(self, operator: User, supervisor: User, pearland: Cohort) -> None:
        plan = pending_plan(operator, pearland, required=2)
        approve(plan, supervisor)
        with refused(AlreadyVoted, plan, supervisor, "approve"):
            approve(plan, supervisor)

    def test_after_the_decision(self, plan: Plan, operator2: User, supervisor: User) -> None:
        approve(plan, operator2)
        with refused(NotAwaitingVote, plan, supervisor, "approve") as caught:
            approve(plan, supervisor)
        assert "AUTHORISED (by omar" in str(caught.value)

    def test_a_wrong_password(self, plan: Plan, operator2: User) -> None:
        with refused(PasswordWrong, plan, operator2, "approve"):
            approve(plan, operator2, password="olivia")

    def test_an_empty_password(self, plan: Plan, operator2: User) -> None:
        with refused(PasswordWrong, plan, operator2, "approve"):
            approve(plan, operator2, password="")

    def test_an_unknown_plan(self, plan: Plan, operator2: User) -> None:
        before = everything()
        with pytest.raises(PlanUnknown):
            approve(plan, operator2, plan_id=plan.pk + 1)
        assert everything() == before
        assert not PlanRefusal.objects.exists()

    def test_a_voter_who_lost_the_role_no_longer_counts(
        self, operator: User, supervisor: User, supervisor2: User, pearland: Cohort
    ) -> None:
        plan = pending_plan(operator, pearland, required=2)
        approve(plan, supervisor)
        supervisor.groups.clear()
        assert approve(plan, supervisor2).status == "PARTIAL"


class TestRejectPlan:
    def test_one_veto_ends_it(self, plan: Plan, operator2: User, as_web: None) -> None:
        reject(plan, operator2)
        plan.refresh_from_db()
        assert plan.status == "REJECTED"
        vote = Vote.objects.get()
        assert (vote.voter, vote.decision, vote.reason) == (operator2, "REJECT", "too hot")
        assert Transition.objects.latest("pk").reason == "too hot"

    def test_ends_a_partial_one_too(self, operator: User, operator2: User, supervisor: User, pearland: Cohort) -> None:
        plan = pending_plan(operator, pearland, required=2)
        approve(plan, supervisor)
        assert reject(plan, operator2).status == "REJECTED"

    def test_an_operator_may_reject_a_large_plan(self, large_plan: Plan, operator2: User) -> None:
        assert reject(large_plan, operator2).status == "REJECTED"

    @pytest.mark.parametrize("reason", ["", "  \n"])
    def test_refuses_without_a_reason(self, reason: str, plan: Plan, operator2: User) -> None:
        with refused(ReasonMissing, plan, operator2, "reject"):
            reject(plan, operator2, reason=reason)

    def test_refuses_own_plan(self, plan: Plan, operator: User) -> None:
        with refused(OwnPlan, plan, operator, "reject"):
            reject(plan, operator)

    @pytest.mark.parametrize("role", ["auditor", "admin"])
    def test_refuses_other_roles(self, role: str, plan: Plan) -> None:
        by = person("petra", role)
        with refused(PermissionNeeded, plan, by, "reject"):
            reject(plan, by)

    def test_refuses_another_hash(self, plan: Plan, operator2: User) -> None:
        with refused(StaleContent, plan, operator2, "reject"):
            reject(plan, operator2, content_hash="f" * 64)

    def test_refuses_whoever_has_approved(self, operator: User, supervisor: User, pearland: Cohort) -> None:
        plan = pending_plan(operator, pearland, required=2)
        approve(plan, supervisor)
        with refused(AlreadyVoted, plan, supervisor, "reject"):
            reject(plan, supervisor)

    def test_refuses_when_too_late(self, plan: Plan, operator2: User) -> None:
        with refused(TooLate, plan, operator2, "reject"):
            reject(plan, operator2, at=APPROVE_BY)
