"""Editing, aborting and expiring."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django_q.models import OrmQ

from cohorts.models import Cohort
from planning.core.lifecycle import MOVES, TERMINAL, Status, abort_target
from planning.models import Plan, PlanRequest, Transition
from planning.operations import (
    Change,
    NotAwaitingVote,
    NothingToStop,
    OwnPlan,
    PermissionNeeded,
    ReasonMissing,
    RequestInvalid,
    StaleContent,
    StepUpNeeded,
    TooLate,
    abort_plan,
    approve_plan,
    edit_plan,
    expire_due,
)
from planning.queries import vote_counts
from portal.models import User
from tests.planning.builders import (
    APPROVE_BY,
    AT,
    END,
    START,
    add_version,
    everything,
    hash_of,
    pending_plan,
    person,
    refused,
)

TO_10_MW = Change({"target_mw": Decimal(10)})


def edit(plan: Plan, by: User, **changes: Any) -> Plan:
    usual = {
        "plan_id": plan.pk,
        "content_hash": hash_of(plan),
        "change": TO_10_MW,
        "by": by,
        "at": AT,
        "reason": "less",
    }
    return edit_plan(**usual | changes)


def approve(plan: Plan, by: User, content_hash: str) -> Plan:
    return approve_plan(plan_id=plan.pk, content_hash=content_hash, by=by, at=AT)


class TestEditPlan:
    def test_asks_for_another_version(self, plan: Plan, operator2: User, as_web: None) -> None:
        assert edit(plan, operator2).status == "PLANNING"
        request = PlanRequest.objects.get(plan=plan, number=2)
        assert (request.by, request.reason, request.based_on_hash) == (operator2, "less", hash_of(plan))
        assert (request.strategy, request.target_mw) == ("balanced", Decimal(10))
        assert [task.args() for task in OrmQ.objects.all()] == [(plan.pk, 2)]
        assert Transition.objects.latest("pk").to_status == "PLANNING"

    def test_keeps_what_it_does_not_name(self, plan: Plan, operator2: User, pearland: Cohort) -> None:
        edit(plan, operator2, change=Change({"window_start": START, "window_end": END, "cohort_ids": (pearland.pk,)}))
        add_version(plan, PlanRequest.objects.get(plan=plan, number=2), pearland)
        edit(Plan.objects.get(pk=plan.pk), operator2, change=Change({"strategy": "reliability"}))
        third = PlanRequest.objects.get(plan=plan, number=3)
        assert (third.strategy, third.window_start, third.window_end) == ("reliability", START, END)
        assert (third.cohort_ids, third.target_mw) == ([pearland.pk], None)

    def test_the_old_version_is_useless(self, plan: Plan, operator2: User, supervisor: User, pearland: Cohort) -> None:
        old_hash = hash_of(plan)
        edit(plan, operator2)
        with refused(NotAwaitingVote, plan, supervisor, "approve"):
            approve(plan, supervisor, old_hash)
        add_version(plan, PlanRequest.objects.get(plan=plan, number=2), pearland)
        with refused(StaleContent, plan, supervisor, "approve") as caught:
            approve(plan, supervisor, old_hash)
        assert caught.value.problem_extra["current_version"] == 2
        with refused(StepUpNeeded, plan, supervisor, "approve"):
            approve(plan, supervisor, hash_of(plan))

    def test_votes_on_the_old_version_lead_nowhere(
        self, operator: User, operator2: User, supervisor: User, supervisor2: User, pearland: Cohort
    ) -> None:
        plan = pending_plan(operator, pearland, required=2)
        approve(plan, supervisor, hash_of(plan))
        edit(plan, operator2)
        again = PlanRequest.objects.get(plan=plan, number=2)
        add_version(plan, again, pearland)
        assert approve(plan, supervisor2, hash_of(plan)).status == "PARTIAL"
        assert vote_counts([plan.current_version_id])[plan.current_version_id].approvals == 1

    def test_the_editor_can_no_longer_vote(self, plan: Plan, operator2: User, pearland: Cohort) -> None:
        edit(plan, operator2)
        add_version(plan, PlanRequest.objects.get(plan=plan, number=2), pearland)
        with refused(OwnPlan, plan, operator2, "approve"):
            approve(plan, operator2, hash_of(plan))

    def test_the_requester_may_edit(self, plan: Plan, operator: User) -> None:
        assert edit(plan, operator).status == "PLANNING"

    def test_refuses_without_a_reason(self, plan: Plan, operator2: User) -> None:
        with refused(ReasonMissing, plan, operator2, "edit"):
            edit(plan, operator2, reason=" ")

    def test_refuses_what_cannot_be(self, plan: Plan, operator2: User) -> None:
        with refused(RequestInvalid, plan, operator2, "edit") as caught:
            edit(plan, operator2, change=Change({"target_mw": Decimal(31)}))
        assert caught.value.field == "target_mw"

    def test_refuses_another_hash(self, plan: Plan, operator2: User) -> None:
        with refused(StaleContent, plan, operator2, "edit"):
            edit(plan, operator2, content_hash="0" * 64)

    def test_refuses_when_too_late(self, plan: Plan, operator2: User) -> None:
        with refused(TooLate, plan, operator2, "edit"):
            edit(plan, operator2, at=APPROVE_BY)

    @pytest.mark.parametrize("role", ["auditor", "admin"])
    def test_refuses_other_roles(self, role: str, plan: Plan) -> None:
        by = person("petra", role)
        with refused(PermissionNeeded, plan, by, "edit"):
            edit(plan, by)

    @pytest.mark.parametrize("status", sorted(set(Status) - {Status.PENDING, Status.PARTIAL}))
    def test_refuses_unless_undecided(self, status: Status, operator: User, operator2: User, pearland: Cohort) -> None:
        plan = pending_plan(operator, pearland, status=status)
        with refused(NotAwaitingVote, plan, operator2, "edit"):
            edit(plan, operator2)


class TestAbortPlan:
    @pytest.mark.parametrize("status", sorted(s for s in Status if abort_target(s)))
    def test_from_each_state(self, status: Status, operator: User, pearland: Cohort, as_role: Any) -> None:
        plan = pending_plan(operator, pearland, status=status)
        with as_role("web"):
            abort_plan(plan_id=plan.pk, by=operator, at=AT)
        plan.refresh_from_db()
        assert plan.status == abort_target(status)
        last = Transition.objects.latest("pk")
        assert (last.from_status, last.to_status, last.by) == (status, abort_target(status), operator)

    def test_every_state_that_has_not_ended_can_be_stopped(self) -> None:
        assert {s for s in Status if not abort_target(s)} == TERMINAL | {Status.ABORTING}
        assert all(abort_target(s) in MOVES[s] for s in Status if abort_target(s))

    @pytest.mark.parametrize("status", sorted(s for s in Status if not abort_target(s)))
    def test_refuses_what_has_ended(self, status: Status, operator: User, pearland: Cohort) -> None:
        plan = pending_plan(operator, pearland, status=status)
        with refused(NothingToStop, plan, operator, "abort"):
            abort_plan(plan_id=plan.pk, by=operator, at=AT)

    @pytest.mark.parametrize("role", ["auditor", "admin"])
    def test_refuses_other_roles(self, role: str, plan: Plan) -> None:
        by = person("petra", role)
        with refused(PermissionNeeded, plan, by, "abort"):
            abort_plan(plan_id=plan.pk, by=by, at=AT)


class TestExpireDue:
    def test_expires_what_nobody_decided(self, plan: Plan, as_role: Any) -> None:
        with as_role("worker"):
            assert expire_due(at=APPROVE_BY) == [plan]
        plan.refresh_from_db()
        assert plan.status == "EXPIRED"
        last = Transition.objects.latest("pk")
        assert (last.by, last.actor, last.at) == (None, "clock", APPROVE_BY)

    def test_a_partial_one_too(self, operator: User, pearland: Cohort) -> None:
        plan = pending_plan(operator, pearland, status=Status.PARTIAL)
        assert expire_due(at=APPROVE_BY) == [plan]

    def test_leaves_what_has_time(self, plan: Plan) -> None:
        before = everything()
        assert expire_due(at=APPROVE_BY - timedelta(seconds=1)) == []
        assert everything() == before

    @pytest.mark.parametrize("status", sorted(set(Status) - {Status.PENDING, Status.PARTIAL}))
    def test_leaves_what_is_decided(self, status: Status, operator: User, pearland: Cohort) -> None:
        pending_plan(operator, pearland, status=status)
        before = everything()
        assert expire_due(at=END) == []
        assert everything() == before

    def test_twice_is_once(self, plan: Plan) -> None:
        expire_due(at=APPROVE_BY)
        before = everything()
        assert expire_due(at=APPROVE_BY) == []
        assert everything() == before
