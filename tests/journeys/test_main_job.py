"""The loop on a real day, in one process, each step with the database rights of the process that would do it.

An operator asks, may not approve, a second person approves, signals go out, endpoints answer, the result is measured.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from dispatch.models import Claim, CohortTelemetry, EndpointOutcome, EventResult, Signal
from dispatch.operations import measure_events, run_once, simulate_responses
from grid.core.intervals import CENTRAL, QUARTER, operating_day
from grid.feeds.replay import open_replay
from grid.operations import ingest, start_clock
from planning.core.event import read_event
from planning.core.plan_content import parse_content
from planning.models import Plan, PlanRefusal, Vote
from planning.operations import OwnPlan, PermissionNeeded, StaleContent, Wish, approve_plan, propose_plan
from planning.proposal import solve_request
from portal.acting import acting_as
from portal.models import User
from portal.seeding import seed
from tests.conftest import DATABASE, TEMPLATE, _point_django_at

pytestmark = pytest.mark.shared_data

HISTORY = "data/ercot_history/ercot_hourly_joined_2023_2025.csv"
NOON = datetime(2023, 9, 6, 12, 0, tzinfo=CENTRAL)
TARGET_MW = Decimal(15)


@dataclass(frozen=True)
class Attempt:
    """What was tried before the approval, and what it left behind."""

    error: type[Exception] | None
    votes: int
    claims: int
    signals: int
    status: str


@dataclass
class Walk:
    """The loop once through; `before` are the attempts made while the plan was pending."""

    plan: Plan
    before: dict[str, Attempt]


@pytest.fixture(scope="module")
def walk(
    shared_dir: Path,
    django_db_setup: None,
    django_db_blocker: Any,
    postgres: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Walk]:
    """One walk for the whole module: the tests only read what it left."""
    postgres.clone_database(TEMPLATE, "main_job")
    with django_db_blocker.unblock():
        _point_django_at(postgres, "main_job")
        try:
            yield walk_through(shared_dir / HISTORY, tmp_path_factory.mktemp("main_job"))
        finally:
            _point_django_at(postgres, DATABASE)
            postgres.drop_database("main_job")


def walk_through(history: Path, folder: Path) -> Walk:
    feed = open_replay(str(history))
    wall_at = timezone.now()
    with acting_as("owner"):
        call_command("migrate", verbosity=0)
        start_clock(
            mode="REPLAY",
            source=str(history),
            scenario_start=operating_day(NOON.date())[0],
            speed=60.0,
            hold_for_votes=True,
            by=None,
            wall_at=wall_at,
        )
        seed(data_dir=folder, at=NOON)
    with acting_as("worker"):
        ingest(feed=feed, at=NOON, wall_at=wall_at)
    with acting_as("web"):
        plan = propose_plan(
            wish=Wish("balanced", target_mw=TARGET_MW), by=User.objects.get(username="operator"), at=NOON, mode="REPLAY"
        )
    with acting_as("worker"):
        assert solve_request(plan_id=plan.pk, number=1, at=NOON) is not None
    walked = Walk(plan, {who: attempt(plan, who) for who in ("operator", "auditor", "admin")})
    walked.before["stale"] = attempt(plan, "operator2", content_hash="0" * 64)
    walked.before["dispatch"] = attempt(plan, None)
    approve_and_run(plan, feed)
    return walked


def attempt(plan: Plan, username: str | None, *, content_hash: str | None = None) -> Attempt:
    """Somebody tries to approve (None: dispatch tries to send) while the plan is pending."""
    error: type[Exception] | None = None
    if username is None:
        with acting_as("dispatch"):
            run_once(at=NOON, wall_at=timezone.now())
    else:
        with acting_as("web"):
            plan.refresh_from_db()
            assert plan.current_version is not None
            named = content_hash or plan.current_version.content_hash
            person = User.objects.get(username=username)
            try:
                approve_plan(plan_id=plan.pk, content_hash=named, by=person, at=NOON)
            except (OwnPlan, PermissionNeeded, StaleContent) as refusal:
                error = type(refusal)
    with acting_as("web"):
        plan.refresh_from_db()
        return Attempt(error, Vote.objects.count(), Claim.objects.count(), Signal.objects.count(), plan.status)


def approve_and_run(plan: Plan, feed: Any) -> None:
    with acting_as("web"):
        plan.refresh_from_db()
        version = plan.current_version
        assert version is not None
        second = User.objects.get(username="operator2")
        approve_plan(plan_id=plan.pk, content_hash=version.content_hash, by=second, at=NOON + QUARTER)
    at = NOON + QUARTER
    while at <= version.window_end + timedelta(hours=6):
        with acting_as("worker"):
            ingest(feed=feed, at=at, wall_at=timezone.now())
        with acting_as("dispatch"):
            run_once(at=at, wall_at=timezone.now())
        with acting_as("worker"):
            simulate_responses(at=at, wall_at=timezone.now(), seed=1)
            measure_events(at=at, wall_at=timezone.now())
        at += QUARTER


@pytest.fixture
def web(walk: Walk) -> Iterator[Walk]:
    with acting_as("web"):
        walk.plan.refresh_from_db()
        yield walk


class TestBeforeApproval:
    @pytest.mark.parametrize(
        ("who", "error"),
        [("operator", OwnPlan), ("auditor", PermissionNeeded), ("admin", PermissionNeeded), ("stale", StaleContent)],
    )
    def test_refuses_and_changes_nothing(self, web: Walk, who: str, error: type[Exception]) -> None:
        assert web.before[who] == Attempt(error, votes=0, claims=0, signals=0, status="PENDING")

    def test_puts_the_refusals_on_record(self, web: Walk) -> None:
        tried = PlanRefusal.objects.filter(plan=web.plan, attempted="approve").order_by("pk")
        assert [each.by.username for each in tried if each.by] == ["operator", "auditor", "admin", "operator2"]

    def test_sends_nothing(self, web: Walk) -> None:
        assert web.before["dispatch"] == Attempt(None, votes=0, claims=0, signals=0, status="PENDING")


class TestWhatWasSent:
    def test_is_byte_for_byte_what_was_approved(self, web: Walk) -> None:
        content = parse_content(version_of(web).content)
        approved = {each.event_name: each.payload_sha256 for each in content.payloads}
        sent = {s.planned_event.event_name: hashlib.sha256(s.payload).hexdigest() for s in signals_of(web)}
        assert sent == approved

    def test_went_out_after_the_approval_and_within_the_notice(self, web: Walk) -> None:
        vote = Vote.objects.get(version=version_of(web))
        for signal in signals_of(web):
            assert signal.sent_at is not None
            assert vote.at <= signal.sent_at
            notice = timedelta(minutes=signal.planned_event.cohort.notice_min)
            assert signal.starts_at - signal.sent_at >= notice

    def test_goes_once_to_each_cohort_and_is_received(self, web: Walk) -> None:
        cohorts = [signal.planned_event.cohort_id for signal in signals_of(web)]
        assert len(cohorts) == len(set(cohorts))
        assert {signal.status for signal in signals_of(web)} == {"RECEIVED"}


class TestProgrammeLimits:
    def test_hours_length_and_accounts_are_kept(self, web: Walk) -> None:
        content = parse_content(version_of(web).content)
        rules = {s.planned_event.cohort.slug: s.planned_event.cohort.rules for s in signals_of(web)}
        for cohort in content.cohorts:
            rule = rules[cohort.slug]
            assert 0 < cohort.accounts_called <= cohort.accounts_eligible
            for run in cohort.runs:
                first, last = run.starts_at.astimezone(CENTRAL), run.ends_at.astimezone(CENTRAL)
                assert rule.earliest_hour <= first.hour
                assert last.hour + last.minute / 60 <= rule.latest_hour
                assert first.month in rule.season_months
                assert first.weekday() < 5 or not rule.weekdays_only
                minutes = (run.ends_at - run.starts_at).total_seconds() / 60
                assert rule.min_event_min <= minutes <= rule.max_event_min

    def test_no_endpoint_is_in_two_runs(self, web: Walk) -> None:
        for cohort in parse_content(version_of(web).content).cohorts:
            called = [n for run in cohort.runs for text in run.endpoints for n in numbers_of(text)]
            assert len(called) == len(set(called)) == cohort.accounts_called

    def test_the_target_is_met_without_calling_for_much_more(self, web: Walk) -> None:
        content = parse_content(version_of(web).content)
        assert content.shortfall_mw == 0
        assert TARGET_MW <= content.planned_p50_mw <= TARGET_MW * Decimal("1.2")


class TestEnergyBalance:
    def test_intervals_of_the_cohorts_add_up_to_the_bytes(self, web: Walk) -> None:
        content = parse_content(version_of(web).content)
        for signal in signals_of(web):
            cohort = next(c for c in content.cohorts if c.slug == signal.planned_event.cohort.slug)
            told_kwh = sum(interval.shed_kw for interval in read_event(bytes(signal.payload)).intervals) / 4
            planned_kwh = float(sum(interval.shed_mw for interval in cohort.intervals)) * 1000 / 4
            assert told_kwh == pytest.approx(planned_kwh, abs=0.5 * len(cohort.intervals))

    def test_delivered_energy_is_the_sum_of_the_telemetry(self, web: Walk) -> None:
        result, version = result_of(web), version_of(web)
        inside = CohortTelemetry.objects.filter(
            signal__version=version, starts_at__gte=version.window_start, starts_at__lt=version.window_end
        )
        five_minute_mwh = sum(inside.values_list("curtailed_mw", flat=True)) / 12
        assert result.delivered_mwh == pytest.approx(five_minute_mwh, rel=1e-6)
        assert result.delivered_mwh == pytest.approx(sum(result.delivered_mw) / 4, rel=1e-9)

    def test_all_telemetry_is_what_endpoints_shed_less_what_came_back(self, web: Walk) -> None:
        shed_mwh = sum(EndpointOutcome.objects.values_list("curtailed_kwh", flat=True)) / 1000
        net_mwh = sum(CohortTelemetry.objects.values_list("curtailed_mw", flat=True)) / 12
        result = result_of(web)
        assert shed_mwh > net_mwh
        assert shed_mwh - net_mwh >= result.rebound_mwh - 1e-6
        assert result.rebound_mwh > 0

    def test_every_endpoint_called_has_one_outcome(self, web: Walk) -> None:
        content = parse_content(version_of(web).content)
        result = result_of(web)
        assert EndpointOutcome.objects.count() == sum(c.accounts_called for c in content.cohorts) == result.endpoints
        assert EndpointOutcome.objects.filter(outcome="OPTED_OUT").count() == result.opt_outs

    def test_says_that_it_is_simulated(self, web: Walk) -> None:
        assert result_of(web).source == "simulated telemetry"
        assert set(CohortTelemetry.objects.values_list("source", flat=True)) == {"simulated telemetry"}


class TestTheEnd:
    def test_the_plan_is_completed_with_its_whole_history(self, web: Walk) -> None:
        moves = list(web.plan.transitions.order_by("pk").values_list("to_status", flat=True))
        assert moves == ["PLANNING", "PENDING", "AUTHORISED", "DISPATCHING", "ACTIVE", "COMPLETED"]
        assert web.plan.status == "COMPLETED"


def version_of(walk: Walk) -> Any:
    assert walk.plan.current_version is not None
    return walk.plan.current_version


def signals_of(walk: Walk) -> list[Signal]:
    return list(Signal.objects.filter(version=version_of(walk)).select_related("planned_event__cohort").order_by("pk"))


def result_of(walk: Walk) -> EventResult:
    return EventResult.objects.get(claim__plan=walk.plan)


def numbers_of(text: str) -> range:
    first, last = text.split("-")
    return range(int(first), int(last) + 1)
