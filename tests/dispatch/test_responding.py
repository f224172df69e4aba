"""Simulated endpoints answer: receipts, five-minute totals, one outcome per endpoint; with the worker's rights."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import numpy as np
import pytest

from cohorts.core.response import Technology
from cohorts.demo import seed_demo_cohorts
from cohorts.models import Account, Cohort, Endpoint
from dispatch.models import CohortTelemetry, EndpointOutcome, Receipt, Signal
from dispatch.operations import run_once, simulate_responses
from planning.core.lifecycle import Status
from planning.models import Plan
from portal.models import User
from tests import factories
from tests.factories import PROPOSED_AT, WINDOW_END, WINDOW_START, Called

AT = PROPOSED_AT + timedelta(minutes=10)
STEP = timedelta(minutes=5)
ALL_OVER = WINDOW_END + timedelta(hours=6)
Role = Callable[[str], AbstractContextManager[None]]


@pytest.fixture
def sent(authorised: Plan, as_role: Role) -> Plan:
    """Sent an hour and fifty minutes before it begins, on a day of 100 F."""
    factories.observe_temperature()
    with as_role("dispatch"):
        run_once(at=AT, wall_at=AT)
    return authorised


@pytest.fixture
def simulate(as_role: Role) -> Callable[..., list[Signal]]:
    def run(at: datetime, *, seed: int | None = None) -> list[Signal]:
        with as_role("worker"):
            return simulate_responses(at=at, wall_at=at, seed=seed)

    return run


Simulate = Callable[..., list[Signal]]


def telemetry() -> list[tuple[object, ...]]:
    rows = CohortTelemetry.objects.order_by("signal__ven__name", "starts_at")
    return list(rows.values_list("signal__ven__name", "starts_at", "curtailed_mw", "responding", "opt_outs", "offline"))


def outcomes() -> list[tuple[object, ...]]:
    rows = EndpointOutcome.objects.order_by("endpoint__ven_resource")
    return list(rows.values_list("endpoint__ven_resource", "outcome", "opted_out_at", "curtailed_kwh"))


class TestReceipts:
    def test_once_per_signal(self, sent: Plan, simulate: Simulate) -> None:
        simulate(AT)
        simulate(AT + STEP)
        assert Receipt.objects.get().at == AT

    def test_none_before_it_was_sent(self, authorised: Plan, simulate: Simulate) -> None:
        simulate(AT)
        assert not Receipt.objects.exists()

    def test_none_from_a_receiver_that_is_not_simulated(
        self, authorised: Plan, thermostats: Cohort, as_role: Role, simulate: Simulate
    ) -> None:
        from dispatch.models import Ven

        Ven.objects.create(name="a meter in a house", cohort=thermostats, simulated=False)
        with as_role("dispatch"):
            run_once(at=AT, wall_at=AT)
        assert simulate(WINDOW_END) == []
        assert not Receipt.objects.exists()
        assert not CohortTelemetry.objects.exists()


class TestSteps:
    def test_nothing_before_the_first_step_has_ended(self, sent: Plan, simulate: Simulate) -> None:
        assert simulate(WINDOW_START + STEP - timedelta(seconds=1)) == []
        assert not CohortTelemetry.objects.exists()

    def test_only_what_has_happened(self, sent: Plan, simulate: Simulate) -> None:
        simulate(WINDOW_START + timedelta(minutes=17))
        starts = list(CohortTelemetry.objects.order_by("starts_at").values_list("starts_at", flat=True))
        assert starts == [WINDOW_START, WINDOW_START + STEP, WINDOW_START + 2 * STEP]
        assert not EndpointOutcome.objects.exists()

    def test_the_same_numbers_however_often_it_ticks(self, sent: Plan, simulate: Simulate) -> None:
        for minutes in range(5, 8 * 60 + 5, 5):
            simulate(WINDOW_START + timedelta(minutes=minutes))
        by_ticks, told = telemetry(), outcomes()
        CohortTelemetry.objects.all().delete()
        EndpointOutcome.objects.all().delete()
        simulate(ALL_OVER)
        assert telemetry() == by_ticks
        assert outcomes() == told

    def test_a_second_tick_writes_nothing(self, sent: Plan, simulate: Simulate) -> None:
        simulate(WINDOW_END)
        before = telemetry(), outcomes()
        assert simulate(WINDOW_END) == []
        assert (telemetry(), outcomes()) == before

    def test_ends_six_hours_after_the_window(self, sent: Plan, simulate: Simulate) -> None:
        simulate(ALL_OVER + timedelta(days=1))
        assert CohortTelemetry.objects.count() == (2 + 6) * 12
        assert simulate(ALL_OVER + timedelta(days=2)) == []

    def test_later_weather_does_not_change_the_past(self, sent: Plan, simulate: Simulate) -> None:
        simulate(WINDOW_START + timedelta(hours=1))
        before = telemetry()
        CohortTelemetry.objects.all().delete()
        factories.observe_temperature(temp_f=60.0, start=WINDOW_START + timedelta(hours=13), hours=3)
        simulate(WINDOW_START + timedelta(hours=1))
        assert telemetry() == before

    def test_without_any_temperature_it_still_answers(
        self, authorised: Plan, as_role: Role, simulate: Simulate
    ) -> None:
        with as_role("dispatch"):
            run_once(at=AT, wall_at=AT)
        simulate(WINDOW_END)
        assert CohortTelemetry.objects.filter(curtailed_mw__gt=0).exists()

    def test_energy_balances_between_endpoints_and_totals(self, sent: Plan, simulate: Simulate) -> None:
        simulate(ALL_OVER)
        net_mwh = sum(CohortTelemetry.objects.values_list("curtailed_mw", flat=True)) / 12
        shed_mwh = sum(EndpointOutcome.objects.values_list("curtailed_kwh", flat=True)) / 1000
        # Thermostats give back about half of what they shed, most of it after the window.
        assert shed_mwh > 0
        assert 0.3 * shed_mwh < shed_mwh - net_mwh < 0.8 * shed_mwh

    def test_only_the_endpoints_named_in_the_bytes_respond(
        self, thermostats: Cohort, operator: User, supervisor: User, as_role: Role, simulate: Simulate
    ) -> None:
        factories.authorised_plan({thermostats: [Called(30, 2, 4)]}, requested_by=operator, voter=supervisor)
        with as_role("dispatch"):
            run_once(at=AT, wall_at=AT)
        simulate(WINDOW_END)
        numbers = set(EndpointOutcome.objects.values_list("endpoint__account__number", flat=True))
        assert numbers == set(range(1, 31))
        assert CohortTelemetry.objects.order_by("starts_at")[0].starts_at == WINDOW_START + timedelta(minutes=30)
        assert max(CohortTelemetry.objects.values_list("responding", flat=True)) <= 30


class TestOutcomes:
    def test_one_row_per_endpoint_called(self, sent: Plan, simulate: Simulate) -> None:
        simulate(WINDOW_END)
        assert EndpointOutcome.objects.count() == 200
        for row in EndpointOutcome.objects.all():
            assert (row.opted_out_at is not None) == (row.outcome == "OPTED_OUT")
            assert row.curtailed_kwh == 0 or row.outcome != "OFFLINE"

    def test_totals_and_rows_agree(self, sent: Plan, simulate: Simulate) -> None:
        simulate(WINDOW_END)
        last = CohortTelemetry.objects.order_by("-starts_at")[0]
        assert EndpointOutcome.objects.filter(outcome="OPTED_OUT").count() == last.opt_outs
        assert EndpointOutcome.objects.filter(outcome="OFFLINE").count() == last.offline

    def test_an_endpoint_out_of_contact_or_gone_is_offline(
        self, sent: Plan, thermostats: Cohort, simulate: Simulate
    ) -> None:
        Endpoint.objects.filter(account__number__lte=10).update(online=False)
        Account.objects.filter(number__range=(11, 20)).update(status="UNENROLLED")
        simulate(WINDOW_END)
        gone = EndpointOutcome.objects.filter(endpoint__account__number__lte=20)
        assert set(gone.values_list("outcome", "curtailed_kwh")) == {("OFFLINE", 0.0)}


class TestSeeds:
    def test_another_seed_another_delivery_the_same_seed_the_same(self, sent: Plan, simulate: Simulate) -> None:
        found = []
        for seed in (1, 2, 1):
            CohortTelemetry.objects.all().delete()
            EndpointOutcome.objects.all().delete()
            simulate(WINDOW_END, seed=seed)
            found.append(np.array(CohortTelemetry.objects.order_by("starts_at").values_list("curtailed_mw", flat=True)))
        assert np.array_equal(found[0], found[2])
        assert abs(found[0].mean() - found[1].mean()) > 1e-4

    def test_database_keys_do_not_matter(
        self, operator: User, supervisor: User, as_role: Role, simulate: Simulate
    ) -> None:
        """The same event as the second row of its tables delivers the same as if it were the first."""
        delivered = []
        for round_ in range(2):
            cohort = Cohort.objects.filter(slug="homes").first() or factories.cohort("homes", accounts=40)
            plan = factories.authorised_plan({cohort: [Called(40)]}, requested_by=operator, voter=supervisor)
            with as_role("dispatch"):
                run_once(at=AT, wall_at=AT)
            simulate(WINDOW_END)
            delivered.append(
                list(
                    CohortTelemetry.objects.filter(signal__claim__plan=plan)
                    .order_by("starts_at")
                    .values_list("curtailed_mw", flat=True)
                )
            )
            if round_ == 0:
                factories.move(Plan.objects.get(pk=plan.pk), Status.ABORTING, by=operator)
                with as_role("dispatch"):
                    run_once(at=WINDOW_END, wall_at=AT)
        assert delivered[0] == delivered[1]


class TestAbort:
    def test_release_when_the_cancellation_was_sent(
        self, sent: Plan, operator: User, as_role: Role, simulate: Simulate
    ) -> None:
        stop = WINDOW_START + timedelta(minutes=30)
        simulate(stop)
        before = telemetry()
        factories.move(Plan.objects.get(), Status.ABORTING, by=operator, at=stop)
        with as_role("dispatch"):
            run_once(at=stop, wall_at=stop)
        simulate(stop + STEP)
        assert telemetry()[: len(before)] == before
        assert EndpointOutcome.objects.count() == 100  # the second hundred was never called
        simulate(ALL_OVER)
        after = CohortTelemetry.objects.filter(starts_at__gte=stop)
        assert set(after.values_list("responding", flat=True)) == {0}
        assert all(mw <= 0 for mw in after.values_list("curtailed_mw", flat=True))
        assert any(mw < 0 for mw in after.values_list("curtailed_mw", flat=True))

    def test_cancelled_before_it_began_nobody_does_anything(
        self, sent: Plan, operator: User, as_role: Role, simulate: Simulate
    ) -> None:
        factories.move(Plan.objects.get(), Status.ABORTING, by=operator)
        with as_role("dispatch"):
            run_once(at=AT + STEP, wall_at=AT)
        simulate(ALL_OVER)
        assert set(CohortTelemetry.objects.values_list("curtailed_mw", "responding", "opt_outs", "offline")) == {
            (0.0, 0, 0, 0)
        }
        assert not EndpointOutcome.objects.exists()


class TestThirteenThousand:
    def test_are_simulated_and_stored(
        self, operator: User, supervisor: User, as_role: Role, simulate: Simulate
    ) -> None:
        cohorts = seed_demo_cohorts(at=PROPOSED_AT)
        calls = {cohort: [Called(cohort.account_count)] for cohort in cohorts}
        factories.authorised_plan(calls, requested_by=operator, voter=supervisor)
        for place in ("austin", "houston", "dallas"):
            factories.observe_temperature(place)
        with as_role("dispatch"):
            run_once(at=AT, wall_at=AT)
        simulate(WINDOW_END)
        assert EndpointOutcome.objects.count() == 13_000
        shares = np.mean(
            [
                outcome == "OPTED_OUT"
                for outcome in EndpointOutcome.objects.filter(
                    signal__ven__cohort__technology=Technology.THERMOSTAT
                ).values_list("outcome", flat=True)
            ]
        )
        assert 0.10 <= shares <= 0.35
