"""Results: measured after the window, completed by the rebound; with the worker's rights."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import pytest

from cohorts.core.response import Technology
from cohorts.models import Cohort
from dispatch.models import CohortTelemetry, EndpointOutcome, EventResult
from dispatch.operations import measure_events, run_once, simulate_responses
from dispatch.queries import event_progress, recent_results, result_of, running_events
from planning.core.content import parse_content
from planning.core.lifecycle import Status
from planning.models import Plan
from portal.models import User
from tests import factories
from tests.factories import PROPOSED_AT, WINDOW_END, WINDOW_START, Called

AT = PROPOSED_AT + timedelta(minutes=10)
HOUR = timedelta(hours=1)
ALL_OVER = WINDOW_END + 6 * HOUR
Role = Callable[[str], AbstractContextManager[None]]
Pass = Callable[..., list[EventResult]]


@pytest.fixture
def sent(authorised: Plan, as_role: Role) -> Plan:
    factories.observe_temperature()
    factories.observe_prices({0: 100.0, 1: 2_000.0})
    with as_role("dispatch"):
        run_once(at=AT, wall_at=AT)
    return authorised


@pytest.fixture
def let_pass(as_role: Role) -> Pass:
    """Dispatch's round, the endpoints and the measurement, as they come at `at`."""

    def run(at: datetime) -> list[EventResult]:
        with as_role("dispatch"):
            run_once(at=at, wall_at=at)
        with as_role("worker"):
            simulate_responses(at=at, wall_at=at)
            return measure_events(at=at, wall_at=at)

    return run


class TestMeasure:
    def test_not_before_the_window_has_ended(self, sent: Plan, let_pass: Pass) -> None:
        assert let_pass(WINDOW_END - timedelta(minutes=5)) == []
        assert not EventResult.objects.exists()

    def test_not_before_the_telemetry_has(self, sent: Plan, let_pass: Pass, as_role: Role) -> None:
        let_pass(WINDOW_END - timedelta(minutes=5))
        with as_role("worker"):
            assert measure_events(at=WINDOW_END, wall_at=AT) == []
        assert not EventResult.objects.exists()

    def test_the_means_are_those_of_the_telemetry(self, sent: Plan, let_pass: Pass) -> None:
        [result] = let_pass(WINDOW_END)
        steps = list(CohortTelemetry.objects.order_by("starts_at").values_list("curtailed_mw", flat=True))
        assert result.delivered_mw == pytest.approx([sum(steps[i : i + 3]) / 3 for i in range(0, 24, 3)])
        assert result.delivered_mwh == pytest.approx(sum(result.delivered_mw) / 4)
        assert result.delivered_mwh == pytest.approx(sum(steps) / 12)
        content = parse_content(sent.current_version.content)
        assert result.planned_mw == [float(each.p50_mw) for each in content.window_band]
        assert result.source == "simulated telemetry"

    def test_counts_by_outcome(self, sent: Plan, let_pass: Pass) -> None:
        [result] = let_pass(WINDOW_END)
        assert result.endpoints == 200
        assert result.opt_outs == EndpointOutcome.objects.filter(outcome="OPTED_OUT").count()
        assert result.offline == EndpointOutcome.objects.filter(outcome="OFFLINE").count()

    def test_pays_what_the_accounts_shed(self, sent: Plan, thermostats: Cohort, let_pass: Pass) -> None:
        [result] = let_pass(WINDOW_END)
        shed_mwh = sum(EndpointOutcome.objects.values_list("curtailed_kwh", flat=True)) / 1000
        assert result.cost_usd == pytest.approx(shed_mwh * float(thermostats.incentive_usd_per_mwh))
        assert result.cost_usd > 0

    def test_is_worth_each_hours_energy_at_its_price(self, sent: Plan, let_pass: Pass) -> None:
        [result] = let_pass(WINDOW_END)
        first, second = sum(result.delivered_mw[:4]) / 4, sum(result.delivered_mw[4:]) / 4
        assert result.value_usd == pytest.approx(first * 100.0 + second * 2_000.0)

    def test_worth_is_unknown_while_a_price_is(self, authorised: Plan, let_pass: Pass) -> None:
        factories.observe_prices({0: 100.0})
        let_pass(AT)
        [result] = let_pass(WINDOW_END)
        assert result.value_usd is None
        factories.observe_prices({1: 2_000.0})
        [result] = let_pass(WINDOW_END + HOUR)
        assert result.value_usd is not None

    def test_the_rebound_grows_for_six_hours_and_then_stands(self, sent: Plan, let_pass: Pass) -> None:
        found = [let_pass(WINDOW_END + hours * HOUR)[0] for hours in range(7)]
        rebounds = [result.rebound_mwh for result in found]
        assert rebounds[0] == 0.0
        assert rebounds == sorted(rebounds)
        assert found[-1].rebound_until == ALL_OVER
        assert len({result.pk for result in found}) == 1
        assert len({tuple(result.delivered_mw) for result in found}) == 1
        assert let_pass(ALL_OVER + HOUR) == []
        after = CohortTelemetry.objects.filter(starts_at__gte=WINDOW_END).values_list("curtailed_mw", flat=True)
        assert rebounds[-1] == pytest.approx(-sum(after) / 12)

    def test_one_look_at_the_end_finds_the_same(self, sent: Plan, let_pass: Pass) -> None:
        for minutes in range(0, 8 * 60 + 1, 15):
            let_pass(WINDOW_START + timedelta(minutes=minutes))
        by_ticks = EventResult.objects.values("delivered_mw", "rebound_mwh", "cost_usd", "value_usd").get()
        EventResult.objects.all().delete()
        CohortTelemetry.objects.all().delete()
        EndpointOutcome.objects.all().delete()
        let_pass(ALL_OVER)
        assert EventResult.objects.values("delivered_mw", "rebound_mwh", "cost_usd", "value_usd").get() == by_ticks

    def test_an_aborted_event_that_had_begun_is_measured(self, sent: Plan, operator: User, let_pass: Pass) -> None:
        stop = WINDOW_START + HOUR / 2
        let_pass(stop)
        factories.move(Plan.objects.get(), Status.ABORTING, by=operator, at=stop)
        let_pass(stop)
        [result] = let_pass(WINDOW_END)
        assert result.endpoints == 100
        assert all(mw > 0 for mw in result.delivered_mw[:2])
        assert all(mw <= 0 for mw in result.delivered_mw[2:])

    def test_one_cancelled_before_it_began_has_no_result(self, sent: Plan, operator: User, let_pass: Pass) -> None:
        factories.move(Plan.objects.get(), Status.ABORTING, by=operator)
        let_pass(AT)
        assert let_pass(ALL_OVER) == []
        assert not EventResult.objects.exists()


class TestProgress:
    def test_none_before_the_claim(self, authorised: Plan) -> None:
        assert event_progress(plan_id=authorised.pk, at=AT) is None

    def test_before_it_begins(self, sent: Plan) -> None:
        progress = event_progress(plan_id=sent.pk, at=AT)
        assert progress is not None
        assert [quarter.delivered_mw for quarter in progress.quarters] == [None] * 8
        assert (progress.counts.called, progress.counts.responding, progress.latest_mw) == (200, 0, None)
        assert (progress.measured_until, progress.age) == (None, None)

    def test_in_the_middle(self, sent: Plan, let_pass: Pass) -> None:
        now = WINDOW_START + timedelta(minutes=52)
        let_pass(now)
        progress = event_progress(plan_id=sent.pk, at=now)
        assert progress is not None
        steps = list(CohortTelemetry.objects.order_by("starts_at"))
        assert progress.measured_until == WINDOW_START + timedelta(minutes=50)
        assert progress.age == timedelta(minutes=2)
        delivered = [quarter.delivered_mw for quarter in progress.quarters]
        assert delivered[3:] == [None] * 5
        assert delivered[0] == pytest.approx(sum(s.curtailed_mw for s in steps[:3]) / 3)
        assert progress.latest_mw == pytest.approx(steps[-1].curtailed_mw)
        assert progress.counts.opt_outs == steps[-1].opt_outs
        assert progress.counts.responding == steps[-1].responding > 0
        assert progress.source == "simulated telemetry"
        [cohort] = progress.cohorts
        assert (cohort.slug, cohort.signal_status) == ("residential-standard-dallas", "SENT")
        assert [quarter.delivered_mw for quarter in cohort.quarters] == delivered
        assert [running.plan.pk for running in running_events(at=now)] == [sent.pk]

    def test_what_is_written_later_is_not_seen_earlier(self, sent: Plan, let_pass: Pass) -> None:
        let_pass(WINDOW_END)
        progress = event_progress(plan_id=sent.pk, at=WINDOW_START + timedelta(minutes=20))
        assert progress is not None
        assert [quarter.delivered_mw is not None for quarter in progress.quarters] == [True] + [False] * 7

    def test_after_the_window(self, sent: Plan, let_pass: Pass) -> None:
        let_pass(WINDOW_END + HOUR)
        progress = event_progress(plan_id=sent.pk, at=WINDOW_END + HOUR)
        assert progress is not None
        assert all(quarter.delivered_mw is not None for quarter in progress.quarters)
        assert [at for at, _mw in progress.rebound] == [WINDOW_END + timedelta(minutes=15 * i) for i in range(4)]
        assert all(mw > 0 for _at, mw in progress.rebound)
        assert running_events(at=WINDOW_END + HOUR) == []
        result = result_of(sent)
        assert result is not None
        assert list(recent_results()) == [result]
        assert [quarter.delivered_mw for quarter in progress.quarters] == pytest.approx(result.delivered_mw)

    def test_a_cohort_that_begins_later_holds_nothing_up(
        self, operator: User, supervisor: User, let_pass: Pass, django_assert_max_num_queries: Callable[..., object]
    ) -> None:
        early = factories.cohort("early", accounts=50)
        late = factories.cohort("late", technology=Technology.LIGHTING, accounts=50)
        plan = factories.authorised_plan(
            {early: [Called(50, 0, 4)], late: [Called(50, 4, 4)]}, requested_by=operator, voter=supervisor
        )
        let_pass(AT)
        now = WINDOW_START + HOUR / 2
        let_pass(now)
        with django_assert_max_num_queries(3):
            progress = event_progress(plan_id=plan.pk, at=now)
        assert progress is not None
        assert [quarter.delivered_mw is not None for quarter in progress.quarters] == [True] * 2 + [False] * 6
        let_pass(WINDOW_END)
        result = result_of(plan)
        assert result is not None
        assert len(result.delivered_mw) == len(result.planned_mw) == 8
