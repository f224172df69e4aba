"""Claiming, sending, starting, ending and aborting, with the rights of the dispatch process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest

from cohorts.core.response import Technology
from cohorts.models import Cohort
from dispatch.models import Claim, Receipt, Signal, Ven
from dispatch.operations import (
    carry_out_aborts,
    claim_authorised,
    complete_due,
    run_once,
    send_queued,
    simulate_responses,
    start_due,
)
from planning.core.event import read_event, render_cancel
from planning.core.lifecycle import Status
from planning.models import Plan, PlannedEvent, Transition
from portal.models import User
from tests import factories
from tests.factories import PROPOSED_AT, WINDOW_END, WINDOW_START, Called

AT = PROPOSED_AT + timedelta(minutes=10)
Role = Callable[[str], AbstractContextManager[None]]
Calls = dict[Cohort, list[Called]]


@pytest.fixture
def as_dispatch(authorised: Plan, as_role: Role) -> Any:
    """The test, once its rows are made, with the rights of the dispatch process."""
    with as_role("dispatch"):
        yield


def status_of(plan: Plan) -> str:
    return Plan.objects.values_list("status", flat=True).get(pk=plan.pk)


def last_move(plan: Plan) -> tuple[str, str, str, str]:
    row = Transition.objects.filter(plan=plan).order_by("-pk")[0]
    return row.from_status, row.to_status, row.actor, row.reason


def fail_only(plan: Plan, reason: str) -> None:
    assert status_of(plan) == Status.DISPATCH_FAILED
    assert last_move(plan)[1:] == (Status.DISPATCH_FAILED, "dispatch", reason)
    assert not Claim.objects.filter(plan=plan).exists()
    assert not Signal.objects.filter(version__plan=plan).exists()


@pytest.mark.usefixtures("as_dispatch")
class TestClaim:
    def test_writes_the_approved_bytes_once_per_cohort(self, authorised: Plan) -> None:
        [claim] = claim_authorised(at=AT, wall_at=AT)
        event = PlannedEvent.objects.get(version=authorised.current_version)
        [signal] = Signal.objects.all()
        assert (claim.plan_id, claim.version_id, claim.at) == (authorised.pk, authorised.current_version_id, AT)
        assert bytes(signal.payload) == bytes(event.payload)
        assert signal.payload_sha256 == hashlib.sha256(bytes(event.payload)).hexdigest()
        assert signal.content_hash == authorised.current_version.content_hash
        assert (signal.starts_at, signal.ends_at, signal.mw) == (event.starts_at, event.ends_at, event.mean_mw)
        assert (signal.status, signal.sent_at, signal.queued_at) == ("QUEUED", None, AT)
        assert status_of(authorised) == Status.DISPATCHING
        assert last_move(authorised) == ("AUTHORISED", "DISPATCHING", "dispatch", "")

    def test_a_receiver_is_made_once_per_cohort_and_is_simulated(self, thermostats: Cohort) -> None:
        claim_authorised(at=AT, wall_at=AT)
        ven = Ven.objects.get()
        assert (ven.name, ven.cohort_id, ven.simulated) == ("ven-residential-standard-dallas", thermostats.pk, True)

    def test_twice_is_once(self, authorised: Plan) -> None:
        claim_authorised(at=AT, wall_at=AT)
        assert claim_authorised(at=AT, wall_at=AT) == []
        assert Signal.objects.count() == 1

    def test_too_late_is_expired_and_nothing_is_sent(self, authorised: Plan) -> None:
        assert claim_authorised(at=authorised.dispatch_by, wall_at=AT) == []
        assert status_of(authorised) == Status.EXPIRED
        assert last_move(authorised) == ("AUTHORISED", "EXPIRED", "clock", "the time to send it has passed")
        assert not Claim.objects.exists()
        assert not Signal.objects.exists()


class TestRefusedByTheFence:
    def test_without_votes(self, calls: Calls, operator: User, as_role: Role) -> None:
        plan = factories.plan_of(calls, requested_by=operator, status=Status.AUTHORISED)
        with as_role("dispatch"):
            assert claim_authorised(at=AT, wall_at=AT) == []
            fail_only(plan, "0 of 1 votes")

    def test_one_refused_plan_does_not_hold_up_the_next(self, operator: User, supervisor: User, as_role: Role) -> None:
        one, two = factories.cohort("one"), factories.cohort("two")
        bad = factories.plan_of({one: [Called(10)]}, requested_by=operator, status=Status.AUTHORISED)
        good = factories.authorised_plan({two: [Called(10)]}, requested_by=operator, voter=supervisor)
        with as_role("dispatch"):
            [claim] = claim_authorised(at=AT, wall_at=AT)
            assert claim.plan_id == good.pk
            fail_only(bad, "0 of 1 votes")

    def test_a_second_event_of_a_cohort_at_the_same_time(
        self, authorised: Plan, calls: Calls, operator: User, supervisor: User, as_role: Role
    ) -> None:
        second = factories.authorised_plan(calls, requested_by=operator, voter=supervisor)
        with as_role("dispatch"):
            [claim] = claim_authorised(at=AT, wall_at=AT)
            assert claim.plan_id == authorised.pk
            fail_only(second, "a cohort of this plan already has an event at that time")

    def test_a_voter_who_lost_the_role_before_sending(self, authorised: Plan, supervisor: User, as_role: Role) -> None:
        with as_role("dispatch"):
            claim_authorised(at=AT, wall_at=AT)
        supervisor.groups.clear()
        with as_role("dispatch"):
            assert send_queued(at=AT, wall_at=AT) == []
            assert status_of(authorised) == Status.DISPATCH_FAILED
            assert last_move(authorised)[3] == "0 of 1 votes"
            assert Signal.objects.get().status == "CANCELLED"
            assert Signal.objects.get().sent_at is None

    @pytest.mark.parametrize(("simulated", "sent"), [(True, True), (False, False)])
    def test_only_simulated_receivers_hear_anything_in_a_drill(
        self, authorised: Plan, thermostats: Cohort, as_role: Role, simulated: bool, sent: bool
    ) -> None:
        factories.drill()
        Ven.objects.create(name="a meter in a house", cohort=thermostats, simulated=simulated)
        with as_role("dispatch"):
            run_once(at=AT, wall_at=AT)
            assert Signal.objects.filter(status="SENT").exists() is sent
            if not sent:
                fail_only(authorised, "a receiver that is not simulated gets nothing in a replay or a drill")

    def test_a_drill_that_begins_between_claim_and_sending_stops_a_real_receiver(
        self, authorised: Plan, thermostats: Cohort, as_role: Role
    ) -> None:
        Ven.objects.create(name="a meter in a house", cohort=thermostats, simulated=False)
        with as_role("dispatch"):
            assert len(claim_authorised(at=AT, wall_at=AT)) == 1
        factories.drill()
        with as_role("dispatch"):
            assert send_queued(at=AT, wall_at=AT) == []
            assert status_of(authorised) == Status.DISPATCH_FAILED


@pytest.mark.usefixtures("as_dispatch")
class TestSend:
    def test_sends_what_is_queued(self, authorised: Plan) -> None:
        claim_authorised(at=AT, wall_at=AT)
        [signal] = send_queued(at=AT, wall_at=AT + timedelta(seconds=1))
        stored = Signal.objects.get()
        assert signal.pk == stored.pk
        assert (stored.status, stored.sent_at, stored.wall_sent_at) == ("SENT", AT, AT + timedelta(seconds=1))

    def test_a_second_run_sends_nothing_and_keeps_the_time(self, authorised: Plan) -> None:
        run_once(at=AT, wall_at=AT)
        again = run_once(at=AT + timedelta(minutes=1), wall_at=AT)
        assert not again
        assert Signal.objects.get().sent_at == AT

    def test_what_a_crash_left_queued_is_not_sent_after_its_time(self, authorised: Plan) -> None:
        claim_authorised(at=AT, wall_at=AT)
        assert send_queued(at=authorised.dispatch_by, wall_at=AT) == []
        assert Signal.objects.get().status == "CANCELLED"
        assert last_move(authorised) == ("DISPATCHING", "DISPATCH_FAILED", "clock", "the time to send it has passed")

    def test_nothing_is_sent_before_the_claim(self, authorised: Plan) -> None:
        assert send_queued(at=AT, wall_at=AT) == []
        assert status_of(authorised) == Status.AUTHORISED


@pytest.mark.usefixtures("as_dispatch")
class TestWindow:
    def test_active_through_the_window_then_completed(self, authorised: Plan) -> None:
        run_once(at=AT, wall_at=AT)
        assert start_due(at=WINDOW_START - timedelta(seconds=1)) == []
        assert [plan.pk for plan in start_due(at=WINDOW_START)] == [authorised.pk]
        assert last_move(authorised) == ("DISPATCHING", "ACTIVE", "clock", "")
        assert complete_due(at=WINDOW_END - timedelta(seconds=1)) == []
        assert [plan.pk for plan in complete_due(at=WINDOW_END)] == [authorised.pk]
        assert last_move(authorised) == ("ACTIVE", "COMPLETED", "clock", "")

    def test_does_not_start_what_was_not_sent(self, authorised: Plan) -> None:
        claim_authorised(at=AT, wall_at=AT)
        assert start_due(at=WINDOW_START) == []
        assert status_of(authorised) == Status.DISPATCHING

    def test_one_round_after_a_long_sleep_catches_up(self, authorised: Plan) -> None:
        run_once(at=AT, wall_at=AT)
        done = run_once(at=WINDOW_END, wall_at=AT)
        assert done.started == done.completed == (authorised.pk,)


class TestAbort:
    def test_cancels_what_was_sent(self, authorised: Plan, operator: User, as_role: Role) -> None:
        with as_role("dispatch"):
            run_once(at=AT, wall_at=AT)
        factories.move(Plan.objects.get(), Status.ABORTING, by=operator, at=AT)
        later = AT + timedelta(minutes=5)
        with as_role("dispatch"):
            assert run_once(at=later, wall_at=later).aborted == (authorised.pk,)
            event, cancel = Signal.objects.order_by("pk")
        assert (event.kind, event.status, event.sent_at) == ("EVENT", "CANCELLED", AT)
        assert (cancel.kind, cancel.status, cancel.sent_at) == ("CANCEL", "SENT", later)
        assert bytes(cancel.payload) == render_cancel(bytes(event.payload))
        assert read_event(bytes(cancel.payload)).intervals == ()
        assert cancel.ven_id == event.ven_id
        assert last_move(authorised) == ("ABORTING", "ABORTED", "dispatch", "")

    def test_withdraws_what_was_still_queued(self, authorised: Plan, operator: User, as_role: Role) -> None:
        with as_role("dispatch"):
            claim_authorised(at=AT, wall_at=AT)
        factories.move(Plan.objects.get(), Status.ABORTING, by=operator, at=AT)
        with as_role("dispatch"):
            run_once(at=AT, wall_at=AT)
        signal = Signal.objects.get()
        assert (signal.status, signal.sent_at) == ("CANCELLED", None)
        assert status_of(authorised) == Status.ABORTED

    def test_twice_cancels_once(self, authorised: Plan, operator: User, as_role: Role) -> None:
        with as_role("dispatch"):
            run_once(at=AT, wall_at=AT)
        factories.move(Plan.objects.get(), Status.ABORTING, by=operator, at=AT)
        with as_role("dispatch"):
            carry_out_aborts(at=AT, wall_at=AT)
            assert carry_out_aborts(at=AT, wall_at=AT) == []
        assert Signal.objects.filter(kind="CANCEL").count() == 1

    def test_frees_the_cohort_for_another_plan(
        self, authorised: Plan, calls: Calls, operator: User, supervisor: User, as_role: Role
    ) -> None:
        with as_role("dispatch"):
            run_once(at=AT, wall_at=AT)
        factories.move(Plan.objects.get(), Status.ABORTING, by=operator, at=AT)
        second = factories.authorised_plan(calls, requested_by=operator, voter=supervisor)
        with as_role("dispatch"):
            run_once(at=AT, wall_at=AT)  # the claim comes first and is refused
            assert status_of(second) == Status.DISPATCH_FAILED
        third = factories.authorised_plan(calls, requested_by=operator, voter=supervisor)
        with as_role("dispatch"):
            assert run_once(at=AT, wall_at=AT).sent == (third.pk,)


class TestSeveralCohorts:
    def test_one_event_each_in_one_claim(self, operator: User, supervisor: User, as_role: Role) -> None:
        homes = factories.cohort("homes")
        sites = factories.cohort("sites", technology=Technology.INDUSTRIAL, accounts=4, kw_per_account=1000.0)
        factories.authorised_plan({homes: [Called(50)], sites: [Called(4)]}, requested_by=operator, voter=supervisor)
        with as_role("dispatch"):
            done = run_once(at=AT, wall_at=AT)
        assert len(done.claimed) == len(done.sent) == 1
        told = {json.loads(bytes(signal.payload))["eventName"] for signal in Signal.objects.all()}
        assert told == set(PlannedEvent.objects.values_list("event_name", flat=True))
        assert Claim.objects.count() == 1

    def test_receipts_make_signals_received(self, authorised: Plan, as_role: Role) -> None:
        with as_role("dispatch"):
            run_once(at=AT, wall_at=AT)
        with as_role("worker"):
            simulate_responses(at=AT, wall_at=AT)
            simulate_responses(at=AT + timedelta(minutes=1), wall_at=AT)
        with as_role("dispatch"):
            run_once(at=AT, wall_at=AT)
        assert Receipt.objects.get().at == AT
        assert Signal.objects.get().status == "RECEIVED"
