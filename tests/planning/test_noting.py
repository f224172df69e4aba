"""Estimates, time spent, and time that runs out: noted, told, and never a decision."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from cohorts.models import Cohort
from planning.core.lifecycle import Status
from planning.models import Escalation, Estimate, Plan, PlanRequest, PlanViewing, Vote
from planning.operations import (
    AlreadyEstimated,
    EstimateInvalid,
    NotAwaitingVote,
    PermissionNeeded,
    StaleContent,
    TooLate,
    escalate_due,
    expire_due,
    give_estimate,
    note_viewing,
)
from portal.models import User
from tests.keys import Keyring
from tests.planning.ballots import approve
from tests.planning.builders import (
    APPROVE_BY,
    AT,
    Wanted,
    add_version,
    cohort,
    hash_of,
    pending_plan,
    person,
    refused,
)
from tests.planning.sql import AsRole, assert_refused, value_of

MOMENT = timedelta(microseconds=1)


def estimate(plan: Plan, by: User, mw: Any = "12.5", **changes: Any) -> Estimate:
    usual = {"plan_id": plan.pk, "content_hash": hash_of(plan), "by": by, "at": AT, "mw": Decimal(mw)}
    return give_estimate(**usual | changes)


class TestEstimate:
    def test_is_kept(self, plan: Plan, omar: User, as_web: None) -> None:
        estimate(plan, omar)
        kept = Estimate.objects.get()
        assert (kept.version_id, kept.by, kept.mw, kept.at) == (plan.current_version_id, omar, Decimal("12.5"), AT)

    def test_the_first_one_counts(self, plan: Plan, omar: User, oda: User, as_web: None) -> None:
        estimate(plan, omar)
        with refused(AlreadyEstimated, plan, omar, "estimate"):
            estimate(plan, omar, "15")
        assert estimate(plan, oda, "0").mw == 0

    def test_of_another_version_anew(self, plan: Plan, operator: User, omar: User, pearland: Cohort) -> None:
        estimate(plan, omar)
        asked = PlanRequest.objects.create(plan=plan, number=2, by=operator, at=AT, strategy="balanced")
        add_version(plan, asked, pearland)
        assert estimate(plan, omar, "3").version.number == 2

    @pytest.mark.parametrize("mw", ["-0.001", "NaN", "Infinity", "1000000"])
    def test_is_a_number_of_mw(self, mw: str, plan: Plan, omar: User, as_web: None) -> None:
        with refused(EstimateInvalid, plan, omar, "estimate"):
            estimate(plan, omar, mw)

    @pytest.mark.parametrize("roles", [[], ["auditor"], ["admin"]])
    def test_of_who_votes(self, roles: list[str], plan: Plan, as_role: AsRole) -> None:
        by = person("petra", *roles)
        with as_role("web"), refused(PermissionNeeded, plan, by, "estimate"):
            estimate(plan, by)

    def test_of_what_was_read_and_in_time(self, plan: Plan, omar: User, oda: User, keys: Keyring) -> None:
        with refused(StaleContent, plan, omar, "estimate"):
            estimate(plan, omar, content_hash="0" * 64)
        with refused(TooLate, plan, omar, "estimate"):
            estimate(plan, omar, at=APPROVE_BY)
        approve(plan, oda, keys)
        with refused(NotAwaitingVote, plan, omar, "estimate"):
            estimate(plan, omar)


class TestViewing:
    def note(self, plan: Plan, by: User, seconds: int, content_hash: str | None = None) -> PlanViewing | None:
        return note_viewing(plan_id=plan.pk, content_hash=content_hash or hash_of(plan), by=by, seconds=seconds)

    @pytest.mark.parametrize(("seconds", "kept"), [(1, 1), (90, 90), (3600, 3600), (3601, 3600), (10**9, 3600)])
    def test_up_to_an_hour_at_a_time(self, seconds: int, kept: int, plan: Plan, auditor: User, as_web: None) -> None:
        self.note(plan, auditor, seconds)
        row = PlanViewing.objects.get()
        assert (row.version_id, row.by, row.seconds) == (plan.current_version_id, auditor, kept)

    @pytest.mark.parametrize("seconds", [0, -5])
    def test_no_time_is_not_noted(self, seconds: int, plan: Plan, omar: User, as_web: None) -> None:
        assert self.note(plan, omar, seconds) is None
        assert not PlanViewing.objects.exists()

    def test_of_a_content_that_is_not_there(self, plan: Plan, omar: User, as_web: None) -> None:
        assert self.note(plan, omar, 5, "0" * 64) is None
        assert not PlanViewing.objects.exists()

    def test_of_an_earlier_version_too(self, plan: Plan, operator: User, omar: User, pearland: Cohort) -> None:
        """The page was open while it moved on."""
        old = hash_of(plan)
        asked = PlanRequest.objects.create(plan=plan, number=2, by=operator, at=AT, strategy="balanced")
        add_version(plan, asked, pearland)
        noted = self.note(plan, omar, 5, old)
        assert noted
        assert noted.version.number == 1

    def test_by_who_may_see_plans(self, plan: Plan, as_role: AsRole) -> None:
        by = person("petra")
        with as_role("web"), pytest.raises(PermissionNeeded):
            self.note(plan, by, 5)
        assert not PlanViewing.objects.exists()


def steps(plan: Plan) -> list[int]:
    found = Escalation.objects.filter(version=plan.current_version_id).order_by("share_pct")
    return list(found.values_list("share_pct", flat=True))


class TestEscalation:
    """30 minutes to decide: half is over after 15, three quarters after 22½, nine tenths after 27."""

    @pytest.mark.parametrize(
        ("minutes", "expected"),
        [
            ("14.99", []),
            ("15", [50]),
            ("22.49", [50]),
            ("22.5", [50, 75]),
            ("26.99", [50, 75]),
            ("27", [50, 75, 90]),
            ("29.99", [50, 75, 90]),
            ("30", []),
            ("60", []),
        ],
    )
    def test_of_the_time_to_decide(self, minutes: str, expected: list[int], plan: Plan, as_role: AsRole) -> None:
        with as_role("worker"):
            made = escalate_due(at=AT + timedelta(minutes=float(minutes)))
        assert [row.share_pct for row in made] == steps(plan) == expected
        assert {row.at for row in made} <= {AT + timedelta(minutes=float(minutes))}

    def test_each_step_once(self, plan: Plan, as_role: AsRole) -> None:
        with as_role("worker"):
            rounds = [
                [row.share_pct for row in escalate_due(at=AT + timedelta(minutes=minute))]
                for minute in (15, 15, 16, 23, 23, 28, 28)
            ]
        assert rounds == [[50], [], [], [75], [], [90], []]

    def test_of_what_waits_for_a_vote_alone(
        self, plan: Plan, operator: User, omar: User, sybil: User, keys: Keyring
    ) -> None:
        partial = pending_plan(operator, cohort("Another"), required=2)
        rejected = pending_plan(operator, cohort("A third"), status=Status.REJECTED)
        approve(partial, sybil, keys)
        approve(plan, omar, keys)
        escalate_due(at=AT + timedelta(minutes=20))
        assert (steps(partial), steps(plan), steps(rejected)) == ([50], [], [])

    def test_of_another_version_anew(self, plan: Plan, operator: User, pearland: Cohort) -> None:
        escalate_due(at=AT + timedelta(minutes=20))
        asked = PlanRequest.objects.create(plan=plan, number=2, by=operator, at=AT, strategy="balanced")
        add_version(plan, asked, pearland, Wanted())
        escalate_due(at=AT + timedelta(minutes=28))
        assert steps(plan) == [50, 75, 90]
        assert Escalation.objects.count() == 4

    def test_steps_are_known(self, plan: Plan, as_role: AsRole) -> None:
        sql = (
            "INSERT INTO planning_escalation (version_id, share_pct, told, at, wall_at)"
            " VALUES (%s, %s, '[]', now(), now())"
        )
        with as_role("worker"):
            for share_pct in (0, 49, 100):
                assert_refused("escalation_step_is_known", sql, [plan.current_version_id, share_pct])

    def test_nothing_is_ever_approved_by_a_timeout(
        self, plan: Plan, operator: User, sybil: User, keys: Keyring, as_role: AsRole
    ) -> None:
        """Every minute of two hours, the worker does all it does about time; a vote short of two is not enough."""
        partial = pending_plan(operator, cohort("Another"), required=2)
        approve(partial, sybil, keys)
        with as_role("worker"):
            for minute in range(120):
                at = AT + timedelta(minutes=minute)
                escalate_due(at=at)
                expire_due(at=at)
        plan.refresh_from_db()
        partial.refresh_from_db()
        assert (plan.status, partial.status) == ("EXPIRED", "EXPIRED")
        assert (steps(plan), steps(partial)) == ([50, 75, 90], [50, 75, 90])
        assert Vote.objects.get().voter == sybil
        assert value_of("SELECT planning_send_objection(%s)", plan.current_version_id) == "the plan was stopped"

    def test_the_last_instant_is_not_yet_too_late(self, plan: Plan) -> None:
        assert expire_due(at=APPROVE_BY - MOMENT) == []
        assert [each.pk for each in expire_due(at=APPROVE_BY)] == [plan.pk]
