"""The kill switch: nothing is approved, claimed or sent while a freeze is on; what was sent can still be aborted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dispatch.models import Claim, Signal
from dispatch.operations import carry_out_aborts, claim_authorised, send_queued
from planning.models import Freeze, FreezeLift, Plan, Transition
from planning.operations import (
    FreezeOver,
    FreezeRefused,
    FreezeSpanInvalid,
    FreezeUnknown,
    Frozen,
    PermissionNeeded,
    ReasonMissing,
    abort_plan,
    freeze,
    lift_freeze,
    reject_plan,
)
from portal.models import User
from tests import factories
from tests.factories import PROPOSED_AT
from tests.keys import Keyring
from tests.planning.ballots import approve
from tests.planning.builders import AT, hash_of, person, refused
from tests.planning.sql import INSERT_VOTE, AsRole, assert_refused, forge, value_of

HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)
LIFT = "INSERT INTO planning_freezelift (freeze_id, by_id, reason, at, wall_at) VALUES (%s, %s, 'on', now(), now())"
FREEZE = "INSERT INTO planning_freeze (by_id, reason, starts_at, wall_at) VALUES (%s, 'off', now(), now())"


def stop(by: User, **changes: Any) -> Freeze:
    return freeze(**{"by": by, "at": AT, "reason": "line down at Katy"} | changes)


def lift(found: Freeze, by: User, reason: str = "line is back") -> FreezeLift:
    return lift_freeze(freeze_id=found.pk, by=by, at=AT, reason=reason)


@pytest.fixture
def drilled(plan: Plan) -> Plan:
    """The plan, in a drill that stands at AT."""
    factories.drill(at=AT)
    plan.refresh_from_db()
    return plan


class TestApproval:
    def test_waits_until_it_is_lifted(
        self, drilled: Plan, omar: User, oda: User, sybil: User, keys: Keyring, as_web: None
    ) -> None:
        found = stop(oda)
        with refused(Frozen, drilled, omar, "approve") as caught:
            approve(drilled, omar, keys)
        assert str(caught.value) == (
            "Approvals and sending are frozen: line down at Katy. A supervisor can lift the freeze."
        )
        assert_refused("approvals are frozen: line down at Katy", INSERT_VOTE, forge(drilled, omar))
        lift(found, sybil)
        assert approve(drilled, omar, keys).status == "AUTHORISED"

    def test_as_long_as_one_is_on(self, drilled: Plan, omar: User, sybil: User, keys: Keyring) -> None:
        first, second = stop(omar, reason="first"), stop(sybil, reason="second")
        lift(first, sybil)
        with refused(Frozen, drilled, omar, "approve") as caught:
            approve(drilled, omar, keys)
        assert caught.value.why == "second"
        lift(second, sybil)
        assert approve(drilled, omar, keys).status == "AUTHORISED"

    def test_a_rejection_stands_free(self, drilled: Plan, omar: User, sybil: User) -> None:
        stop(sybil)
        named = {"plan_id": drilled.pk, "content_hash": hash_of(drilled)}
        assert reject_plan(**named, by=omar, at=AT, reason="no").status == "REJECTED"

    def test_an_abort_stands_free(self, drilled: Plan, omar: User, sybil: User) -> None:
        stop(sybil)
        assert abort_plan(plan_id=drilled.pk, by=omar, at=AT).status == "WITHDRAWN"


class TestSpan:
    @pytest.mark.parametrize(
        ("later", "on"),
        [(-MOMENT, False), (timedelta(), True), (HOUR - MOMENT, True), (HOUR, False), (2 * HOUR, False)],
    )
    def test_is_on_from_its_start_until_just_before_its_end(
        self, later: timedelta, on: bool, drilled: Plan, sybil: User
    ) -> None:
        """In portal time."""
        stop(sybil, starts_at=AT, ends_at=AT + HOUR)
        factories.drill(at=AT + later)
        assert value_of("SELECT planning_freeze_reason()") == ("line down at Katy" if on else None)

    def test_without_an_end_it_stays_on(self, drilled: Plan, sybil: User) -> None:
        stop(sybil)
        factories.drill(at=AT + timedelta(days=400))
        assert value_of("SELECT planning_freeze_reason()") == "line down at Katy"

    def test_one_that_is_to_come_holds_nothing_up(self, drilled: Plan, omar: User, sybil: User, keys: Keyring) -> None:
        stop(sybil, starts_at=AT + HOUR, ends_at=AT + 2 * HOUR)
        assert approve(drilled, omar, keys).status == "AUTHORISED"

    def test_is_kept(self, sybil: User, as_web: None) -> None:
        stop(sybil, reason=" line down ", starts_at=AT + HOUR, ends_at=AT + 2 * HOUR)
        kept = Freeze.objects.get()
        assert (kept.by, kept.reason) == (sybil, "line down")
        assert (kept.starts_at, kept.ends_at) == (AT + HOUR, AT + 2 * HOUR)

    @pytest.mark.parametrize(
        "span",
        [
            {"ends_at": AT},
            {"ends_at": AT - HOUR},
            {"starts_at": AT + HOUR, "ends_at": AT + HOUR},
            {"starts_at": AT - 2 * HOUR, "ends_at": AT - HOUR},
        ],
    )
    def test_that_cannot_be(self, span: dict[str, Any], sybil: User, as_web: None) -> None:
        with refused(FreezeSpanInvalid, None, sybil, "freeze"):
            stop(sybil, **span)


class TestWho:
    @pytest.mark.parametrize("role", ["operator", "supervisor"])
    def test_may_stop_it(self, role: str, as_role: AsRole) -> None:
        by = person("petra", role)
        with as_role("web"):
            assert stop(by).starts_at == AT

    @pytest.mark.parametrize("roles", [[], ["auditor"], ["admin"]])
    def test_may_not_stop_it(self, roles: list[str], as_role: AsRole) -> None:
        by = person("petra", *roles)
        with as_role("web"):
            with refused(PermissionNeeded, None, by, "freeze"):
                stop(by)
            assert_refused("this person may not", FREEZE, [by.pk])

    @pytest.mark.parametrize("roles", [[], ["operator"], ["auditor"], ["admin"]])
    def test_only_a_supervisor_lets_it_go_on(self, roles: list[str], omar: User, as_role: AsRole) -> None:
        """Not even who stopped it."""
        by = omar if roles == ["operator"] else person("petra", *roles)
        found = stop(omar)
        with as_role("web"):
            with refused(PermissionNeeded, None, by, "lift freeze"):
                lift(found, by)
            assert_refused("this person may not", LIFT, [found.pk, by.pk])
        assert value_of("SELECT planning_freeze_reason()") == "line down at Katy"

    @pytest.mark.parametrize("also", ["admin", "auditor"])
    def test_who_administers_or_audits_as_well_does_neither(self, also: str, omar: User, as_role: AsRole) -> None:
        by, found = person("petra", "supervisor", also), stop(omar)
        with as_role("web"):
            with refused(FreezeRefused, None, by, "lift freeze"):
                lift(found, by)
            with refused(FreezeRefused, None, by, "freeze"):
                stop(by)

    @pytest.mark.parametrize("flags", [{"is_active": False}, {"is_superuser": True}])
    def test_an_inactive_one_and_a_superuser_lift_nothing(
        self, flags: dict[str, bool], omar: User, as_role: AsRole
    ) -> None:
        by, found = person("petra", "supervisor", **flags), stop(omar)
        with as_role("web"):
            assert_refused("this person may not", LIFT, [found.pk, by.pk])


class TestLifting:
    def test_is_kept(self, omar: User, sybil: User, as_web: None) -> None:
        found = stop(omar)
        lift(found, sybil, " line is back ")
        kept = FreezeLift.objects.get()
        assert (kept.freeze, kept.by, kept.reason, kept.at) == (found, sybil, "line is back", AT)

    def test_once(self, omar: User, sybil: User, sven: User, as_web: None) -> None:
        found = stop(omar)
        lift(found, sybil)
        with refused(FreezeOver, None, sven, "lift freeze") as caught:
            lift(found, sven)
        assert str(caught.value) == "This freeze was lifted already, by sybil."

    @pytest.mark.parametrize("reason", ["", " \n"])
    def test_gives_a_reason(self, reason: str, omar: User, sybil: User, as_web: None) -> None:
        found = stop(omar)
        with refused(ReasonMissing, None, sybil, "lift freeze"):
            lift(found, sybil, reason)
        with refused(ReasonMissing, None, omar, "freeze"):
            stop(omar, reason=reason)

    def test_of_one_that_does_not_exist(self, sybil: User, as_web: None) -> None:
        with refused(FreezeUnknown, None, sybil, "lift freeze"):
            lift_freeze(freeze_id=1_000_000, by=sybil, at=AT, reason="x")


SOON = PROPOSED_AT + timedelta(minutes=10)


class TestSending:
    @pytest.fixture
    def authorised(self, operator: User, sybil: User) -> Plan:
        calls = {factories.cohort(): [factories.Called(100, 0, 4)]}
        plan = factories.authorised_plan(calls, requested_by=operator, voter=sybil)
        factories.drill(at=SOON)
        return plan

    def _ended(self, plan: Plan) -> tuple[str, str]:
        return Transition.objects.filter(plan=plan).order_by("pk").values_list("to_status", "reason").last()  # type: ignore[return-value]

    def test_nothing_is_claimed(self, authorised: Plan, omar: User, as_role: AsRole) -> None:
        stop(omar, at=SOON)
        with as_role("dispatch"):
            assert claim_authorised(at=SOON, wall_at=SOON) == []
        assert not Claim.objects.exists()
        authorised.refresh_from_db()
        assert authorised.status == "AUTHORISED"

    def test_what_waits_too_long_expires(self, authorised: Plan, omar: User, as_role: AsRole) -> None:
        stop(omar, at=SOON)
        late = authorised.dispatch_by
        with as_role("dispatch"):
            assert claim_authorised(at=late, wall_at=late) == []
        assert self._ended(authorised) == ("EXPIRED", "the time to send it has passed")

    def test_nothing_that_was_claimed_before_is_sent(self, authorised: Plan, omar: User, as_role: AsRole) -> None:
        with as_role("dispatch"):
            assert len(claim_authorised(at=SOON, wall_at=SOON)) == 1
        stop(omar, at=SOON)
        with as_role("dispatch"):
            assert send_queued(at=SOON, wall_at=SOON) == []
        assert list(Signal.objects.values_list("status", "sent_at")) == [("QUEUED", None)]
        authorised.refresh_from_db()
        assert authorised.status == "DISPATCHING"

    def test_lifted_in_time_it_goes_out(self, authorised: Plan, omar: User, sybil: User, as_role: AsRole) -> None:
        with as_role("dispatch"):
            claim_authorised(at=SOON, wall_at=SOON)
        lift_freeze(freeze_id=stop(omar, at=SOON).pk, by=sybil, at=SOON, reason="a mistake")
        with as_role("dispatch"):
            assert len(send_queued(at=SOON, wall_at=SOON)) == 1

    def test_what_was_sent_is_cancelled_by_an_abort(self, authorised: Plan, omar: User, as_role: AsRole) -> None:
        with as_role("dispatch"):
            claim_authorised(at=SOON, wall_at=SOON)
            send_queued(at=SOON, wall_at=SOON)
        stop(omar, at=SOON)
        assert abort_plan(plan_id=authorised.pk, by=omar, at=SOON).status == "ABORTING"
        with as_role("dispatch"):
            assert [plan.pk for plan in carry_out_aborts(at=SOON, wall_at=SOON)] == [authorised.pk]
        assert list(Signal.objects.order_by("pk").values_list("kind", "status")) == [
            ("EVENT", "CANCELLED"),
            ("CANCEL", "SENT"),
        ]
