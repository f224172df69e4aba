"""Rows for tests that begin in the middle of the story: people, cohorts with accounts, plans with real content.

A plan made here has the same content, payload bytes and hashes the planner would write for the same runs; only the
choice of the runs is the test's. Everything is written on the current connection (a superuser's unless a test says
otherwise), so PostgreSQL's own guards on content, votes and hashes hold here too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
from django.contrib.auth.models import Group
from django.db import connection

from cohorts.core.response import DEFAULT_RULES, Technology, expected_run_kw, rebound_kw
from cohorts.models import Cohort, LoadZone, Segment, WeatherPlace
from cohorts.operations import rule_columns, write_new_cohort
from grid.core.intervals import QUARTER
from grid.models import Clock, ForecastPoint, ForecastVintage, Snapshot, WeatherObservation
from grid.queries import current_run, data_source
from planning.core.content import ContentInputs, ForecastSource, GridSource, Proposal, build_content
from planning.core.drift import Basis
from planning.core.lifecycle import Status
from planning.core.problem import REBOUND_HORIZON, CohortInput, PlanningProblem
from planning.core.solution import CohortPlan, FleetBand, PlanSolution, Run, SolverRecord
from planning.core.strategy import Strategy
from planning.models import Plan, PlannedEvent, PlanRequest, PlanVersion, Transition, Vote
from planning.queries import policy_in_force
from portal.models import User
from tests import policies

PROPOSED_AT = datetime(2023, 9, 6, 19, 0, tzinfo=UTC)  # 14:00 Central
WINDOW_START = datetime(2023, 9, 6, 21, 0, tzinfo=UTC)  # 16:00 Central
WINDOW_END = WINDOW_START + timedelta(hours=2)
TEMP_F = 100.0


@dataclass(frozen=True)
class Called:
    """`accounts` of a cohort called for the quarter-hours [first, first + quarters) of the window."""

    accounts: int
    first: int = 0
    quarters: int = 8


def person(username: str, *roles: str) -> User:
    """A person in these roles; the password is the name."""
    found = User(username=username, is_staff="supervisor" in roles)
    found.set_password(username)
    found.save()
    found.groups.set(Group.objects.filter(name__in=roles))
    return found


def cohort(
    slug: str = "residential-standard-dallas",
    *,
    technology: Technology = Technology.THERMOSTAT,
    accounts: int = 200,
    kw_per_account: float = 3.0,
    weather_place: WeatherPlace = WeatherPlace.DALLAS,
) -> Cohort:
    """A cohort with its accounts and endpoints, its programme the technology's usual one."""
    made = Cohort(
        slug=slug,
        name=slug.replace("-", " ").title(),
        segment=Segment.RESIDENTIAL,
        technology=technology,
        place="Dallas",
        weather_place=weather_place,
        zip="75206",
        load_zone=LoadZone.NORTH,
        enrolled_mw=Decimal(str(round(accounts * kw_per_account / 1000.0, 3))),
        account_count=accounts,
        **rule_columns(DEFAULT_RULES[technology]),
    )
    return write_new_cohort(made, by=None, at=PROPOSED_AT, account_zips=("75206",), random_seed=1)


def plan_of(
    calls: Mapping[Cohort, Sequence[Called]],
    *,
    requested_by: User | None,
    status: Status = Status.PENDING,
    required_approvals: int = 1,
    dispatch_by: datetime | None = None,
    start: datetime = WINDOW_START,
    end: datetime = WINDOW_END,
    mode: str = "DRILL",
) -> Plan:
    """A plan with one version of real content, in this state; the votes are yours to add (`authorised_plan`)."""
    plan = Plan.objects.create(
        origin="OPERATOR" if requested_by else "AGENT",
        requested_by=requested_by,
        requested_at=PROPOSED_AT,
        mode=mode,
        run=current_run(),
    )
    if required_approvals > 1:
        policies.every_plan_needs(required_approvals)
    add_version(plan, calls, start=start, end=end)
    plan.status = status
    plan.dispatch_by = dispatch_by or start - timedelta(minutes=30)
    plan.approve_by = plan.dispatch_by - timedelta(minutes=5)
    plan.save()
    Transition.objects.create(plan=plan, to_status=status, actor="planner", at=PROPOSED_AT)
    return plan


def add_version(
    plan: Plan,
    calls: Mapping[Cohort, Sequence[Called]],
    *,
    start: datetime = WINDOW_START,
    end: datetime = WINDOW_END,
) -> PlanVersion:
    """The next version of a plan and its events, made current."""
    number = plan.versions.count() + 1
    request = PlanRequest.objects.create(
        plan=plan, number=number, by=plan.requested_by, at=PROPOSED_AT, strategy="balanced"
    )
    made = proposal(calls, plan_number=plan.pk, version=number, start=start, end=end)
    version = PlanVersion.objects.create(
        plan=plan,
        number=number,
        request=request,
        content=made.text,
        content_hash=made.content_hash,
        window_start=start,
        window_end=end,
        proposed_at=PROPOSED_AT,
    )
    PlannedEvent.objects.bulk_create(
        PlannedEvent(
            version=version,
            cohort_id=event.cohort_id,
            event_name=event.event_name,
            payload=event.payload,
            payload_sha256=event.payload_sha256,
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            mean_mw=event.mean_mw,
            endpoints=event.endpoints,
        )
        for event in made.events
    )
    plan.current_version = version
    plan.save()
    return version


def approve(plan: Plan, by: User, *, at: datetime = PROPOSED_AT) -> Vote:
    """A vote for the current version, with all its policy asks for."""
    return policies.approve(plan, by, at=at)


def move(plan: Plan, to: Status, *, by: User | None = None, at: datetime = PROPOSED_AT, actor: str = "person") -> None:
    """Put the plan into a state, with its Transition and without asking the table of moves."""
    Transition.objects.create(plan=plan, from_status=plan.status, to_status=to, by=by, actor=actor, at=at)
    plan.status = to
    plan.save()


def authorised_plan(
    calls: Mapping[Cohort, Sequence[Called]], *, requested_by: User, voter: User, **more: object
) -> Plan:
    """A plan with its votes, ready to be dispatched: `voter`'s, and a second one where the policy asks for two."""
    plan = plan_of(calls, requested_by=requested_by, **more)  # type: ignore[arg-type]
    approve(plan, voter)
    if policies.requirement(plan.current_version_id)["approvals"] > 1:
        approve(plan, person("second-voter", "supervisor"))
    move(plan, Status.AUTHORISED, by=voter)
    return plan


def seal() -> None:
    """What a commit does to the record; tests that are rolled back never commit."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def drill(*, at: datetime = PROPOSED_AT) -> None:
    """Put the clock into a paused drill that stands at `at`; the plans made so far are the drill's."""
    Clock.objects.filter(pk=Clock.SINGLE_ID).update(
        mode=Clock.Mode.DRILL,
        scenario_start=at,
        scenario_anchor=at,
        scenario_end=at + timedelta(days=2),
        wall_anchor=at,
        paused=True,
        label="a drill",
        run=1,
    )
    Plan.objects.update(run=1)


def observe_temperature(
    place: str = "dallas",
    *,
    temp_f: float = TEMP_F,
    start: datetime = WINDOW_START - timedelta(hours=12),
    hours: int = 24,
) -> None:
    """Hours of one temperature, from `start` on, of the source the clock runs on."""
    WeatherObservation.objects.bulk_create(
        WeatherObservation(
            place=place, observed_at=start + timedelta(hours=hour + 1), source=data_source(), temp_f=temp_f
        )
        for hour in range(hours)
    )


def observe_prices(highest_usd_per_mwh: Mapping[int, float], *, start: datetime = WINDOW_START) -> None:
    """The highest load-zone price of the hours after `start`, by number of the hour from 0."""
    Snapshot.objects.bulk_create(
        Snapshot(
            observed_at=start + timedelta(hours=hour + 1),
            source=data_source(),
            system_load_mw=80_000.0,
            prices_usd_per_mwh={"LZ_NORTH": price},
            highest_price_usd_per_mwh=price,
        )
        for hour, price in highest_usd_per_mwh.items()
    )


def forecast(*, hours: int = 24, price_usd_per_mwh: float = 100.0) -> None:
    """Hours of one load and one expected price, issued at the proposal."""
    vintage = ForecastVintage.objects.create(
        source=data_source(), method="PORTAL", label="a forecast", issued_at=PROPOSED_AT, known_at=PROPOSED_AT
    )
    ForecastPoint.objects.bulk_create(
        ForecastPoint(
            vintage=vintage,
            starts_at=PROPOSED_AT + timedelta(hours=hour),
            method="PORTAL",
            load_mw=80_000.0,
            p10_mw=79_000.0,
            p90_mw=81_000.0,
            price_usd_per_mwh=price_usd_per_mwh,
        )
        for hour in range(hours)
    )


def proposal(
    calls: Mapping[Cohort, Sequence[Called]],
    *,
    plan_number: int,
    version: int,
    start: datetime = WINDOW_START,
    end: datetime = WINDOW_END,
) -> Proposal:
    """What the planner would write for these calls."""
    problem = _problem(calls, start=start, end=end)
    plans = tuple(_cohort_plan(problem, each, calls[each]) for each in sorted(calls, key=lambda c: c.slug))
    return build_content(
        ContentInputs(
            problem=problem,
            solution=_solution(problem, plans),
            plan_number=plan_number,
            version=version,
            proposed_at=PROPOSED_AT,
            mode="DRILL",
            policy=policy_in_force(),
            edited=version > 1,
            grid_state="normal",
            basis=Basis(None, None, None, None, None),
            endpoint_numbers={c.slug: range(1, c.account_count + 1) for c in calls},
            program_ids={c.slug: f"program-{c.slug}" for c in calls},
            rationale=("A test asked for it.",),
            grid=GridSource(None, None, "synthetic"),
            forecast=ForecastSource(None, None, "synthetic"),
            planner_build="test",
        )
    )


def _problem(calls: Mapping[Cohort, Sequence[Called]], *, start: datetime, end: datetime) -> PlanningProblem:
    steps = (end + REBOUND_HORIZON - start) // QUARTER
    cohorts = tuple(
        CohortInput(
            slug=each.slug,
            cohort_id=each.pk,
            technology=Technology(each.technology),
            accounts_eligible=each.account_count,
            kw_per_account=each.kw_per_account,
            rules=each.rules,
            temps_f=np.full(steps, TEMP_F),
            name=each.name,
        )
        for each in sorted(calls, key=lambda c: c.slug)
    )
    return PlanningProblem(
        now=PROPOSED_AT,
        window_start=start,
        window_end=end,
        target_mw=min(1.0, sum(c.enrolled_mw for c in cohorts)),
        strategy=Strategy.BALANCED,
        cohorts=cohorts,
        prices_usd_per_mwh=np.full(steps, 300.0),
    )


def _cohort_plan(problem: PlanningProblem, of: Cohort, calls: Sequence[Called]) -> CohortPlan:
    model, hours = of.response_model, problem.hours()
    shed_mw, net_mw = np.zeros(problem.window_steps), np.zeros(problem.n_steps)
    for call in calls:
        steps = slice(call.first, call.first + call.quarters)
        run_kw = call.accounts * expected_run_kw(model, of.kw_per_account, np.full(call.quarters, TEMP_F), hours[steps])
        shed_mw[steps] += run_kw / 1000.0
        net_mw[steps] += run_kw / 1000.0
        back = rebound_kw(model, run_kw)[: problem.n_steps - steps.stop] / 1000.0
        net_mw[steps.stop : steps.stop + len(back)] -= back
    starts = problem.steps()
    return CohortPlan(
        cohort_slug=of.slug,
        runs=tuple(Run(of.slug, starts[c.first], starts[c.first] + c.quarters * QUARTER, c.accounts) for c in calls),
        shed_mw=shed_mw,
        net_mw=net_mw,
        accounts_called=sum(call.accounts for call in calls),
        accounts_eligible=of.account_count,
        cost_usd=float(shed_mw.sum() / 4.0) * float(of.incentive_usd_per_mwh),
    )


def _solution(problem: PlanningProblem, plans: tuple[CohortPlan, ...]) -> PlanSolution:
    net_mw = np.sum([plan.net_mw for plan in plans], axis=0)
    window = net_mw[: problem.window_steps]
    mean_mw = float(window.mean())
    return PlanSolution(
        target_mw=mean_mw,
        target_chosen=True,
        cohorts=plans,
        not_eligible=(),
        fleet=FleetBand(0.9 * net_mw, net_mw, 1.1 * net_mw),
        expected_mw=net_mw,
        planned_p50_mw=mean_mw,
        firm_p90_mw=0.9 * mean_mw,
        p90_mw=1.1 * mean_mw,
        confidence=0.5,
        confidence_each=0.4,
        sustainable_mw=mean_mw,
        shortfall_mw=0.0,
        worst_shortfall_mw=0.0,
        rebound_mwh=float(np.maximum(-net_mw[problem.window_steps :], 0.0).sum()) / 4.0,
        rebound_peak_mw=float(np.maximum(-net_mw[problem.window_steps :], 0.0).max()),
        cost_usd=sum(plan.cost_usd for plan in plans),
        value_usd=float(window.sum()) / 4.0 * 300.0,
        binding=(),
        solver=SolverRecord("optimal", 0.0, 0.0, 0, 0),
    )
