"""Plans as rows, without the solver: one cohort, one run, flat.

Times are those of one drill: asked at 14:00 Central, window 16:00 to 18:00, to be decided by 14:30.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django_q.models import OrmQ

from cohorts.models import Cohort
from grid.core.refusals import Refusal
from planning.core.drift import Basis
from planning.core.lifecycle import Status
from planning.core.plan_content import (
    SCHEMA,
    BandInterval,
    ContentCohort,
    ContentInterval,
    ContentPayload,
    ContentRun,
    ForecastSource,
    GridSource,
    PlanContent,
    content_text,
)
from planning.core.strategy import Strategy
from planning.models import Plan, PlannedEvent, PlanRefusal, PlanRequest, PlanVersion, Transition
from planning.queries import policy_in_force
from portal.models import User
from tests.policies import every_plan_needs

AT = datetime(2026, 8, 12, 19, 0, tzinfo=UTC)
START = AT + timedelta(hours=2)
END = AT + timedelta(hours=4)
APPROVE_BY = AT + timedelta(minutes=30)
NOTHING_KNOWN = Basis(None, None, None, None, None)
RECORDED = tuple(model for model in apps.get_app_config("planning").get_models() if model is not PlanRefusal)


def person(username: str, *roles: str, password: str | None = None, **flags: Any) -> User:
    """A person in these roles. Hashing takes long, so only who needs a password gets one."""
    found = User(username=username, **flags)
    found.set_password(password)
    found.save()
    found.groups.set(Group.objects.filter(name__in=roles))
    return found


def cohort(name: str = "Residential Pearland", enrolled_mw: str = "30", **fields: Any) -> Cohort:
    """A cohort without accounts: enough to ask for."""
    usual: dict[str, Any] = {
        "slug": name.lower().replace(" ", "-"),
        "name": name,
        "segment": "RESIDENTIAL",
        "technology": "THERMOSTAT",
        "place": "Pearland",
        "weather_place": "houston",
        "zip": "77581",
        "load_zone": "LZ_HOUSTON",
        "enrolled_mw": Decimal(enrolled_mw),
        "account_count": 100,
        "season_first_month": 6,
        "season_last_month": 9,
        "weekdays_only": True,
        "earliest_hour": 12,
        "latest_hour": 21,
        "min_event_min": 60,
        "max_event_min": 240,
        "notice_min": 30,
        "max_events_per_day": 1,
        "max_events_per_season": 20,
        "rest_h": Decimal(12),
        "incentive_usd_per_mwh": Decimal(300),
    }
    return Cohort.objects.create(**usual | fields)


@dataclass(frozen=True)
class Wanted:
    """How a version is to be; MW as PostgreSQL's functions read them from the content."""

    largest_mw: str = "15.000"
    required: int = 1
    status: Status = Status.PENDING
    approve_by: datetime = APPROVE_BY
    strategy: Strategy = Strategy.BALANCED
    basis: Basis = NOTHING_KNOWN


def sha256(data: bytes) -> str:
    """Lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def pending_plan(requested_by: User | None, of: Cohort, **wanted: Any) -> Plan:
    """A plan whose first version waits for its votes (or stands in another `status`)."""
    want = Wanted(**wanted)
    if want.required > 1:
        every_plan_needs(want.required)
    origin = "OPERATOR" if requested_by else "AGENT"
    plan = Plan.objects.create(origin=origin, requested_by=requested_by, requested_at=AT, mode="DRILL")
    Transition.objects.create(plan=plan, to_status=Status.PLANNING, by=requested_by, actor="person", at=AT)
    request = PlanRequest.objects.create(plan=plan, number=1, by=requested_by, at=AT, strategy=want.strategy.value)
    add_version(plan, request, of, want)
    return plan


def event_name_of(plan: Plan, request: PlanRequest, of: Cohort) -> str:
    """As the planner names events, near enough."""
    return f"plan-{plan.pk}-v{request.number}-{of.slug}"


def content_of(plan: Plan, request: PlanRequest, of: Cohort, want: Wanted, payload_sha256: str) -> str:
    """The canonical text of a whole content; one cohort, one run, flat at `want.largest_mw`."""
    mean_mw, policy = Decimal(want.largest_mw), policy_in_force()
    steps = [START + timedelta(minutes=15) * n for n in range(8)]
    part = ContentCohort(
        slug=of.slug,
        cohort_id=of.pk,
        name=of.name,
        technology=of.technology,
        accounts_called=100,
        accounts_eligible=100,
        enrolled_mw=of.enrolled_mw,
        mean_mw=mean_mw,
        cost_usd=Decimal("9000.00"),
        starts_at=START,
        ends_at=END,
        runs=(ContentRun(START, END, 100, ("1-100",)),),
        intervals=tuple(ContentInterval(at, mean_mw, mean_mw) for at in steps),
    )
    content = PlanContent(
        schema=SCHEMA,
        plan_number=plan.pk,
        version=request.number,
        mode=plan.mode,
        strategy=want.strategy,
        window_start=START,
        window_end=END,
        proposed_at=AT,
        target_mw=mean_mw,
        target_chosen=False,
        planned_p50_mw=mean_mw,
        firm_p90_mw=mean_mw - 1,
        p90_mw=mean_mw + 1,
        largest_interval_p50_mw=mean_mw,
        sustainable_mw=mean_mw,
        shortfall_mw=Decimal("0.000"),
        worst_shortfall_mw=Decimal("0.000"),
        confidence=Decimal("0.8300"),
        confidence_each=Decimal("0.7900"),
        cost_usd=Decimal("9000.00"),
        value_usd=Decimal("12000.00"),
        rebound_mwh=Decimal("4.500"),
        rebound_peak_mw=Decimal("3.000"),
        required_approvals=want.required,
        policy_version=policy.number,
        policy_sha256=policy.sha256,
        grid_state="tight",
        season_calls_left=12,
        basis=want.basis,
        band=tuple(BandInterval(at, mean_mw - 1, mean_mw, mean_mw + 1) for at in steps),
        cohorts=(part,),
        not_called=(),
        limits=(),
        rationale=("Tight evening.",),
        grid=GridSource(None, None, "synthetic"),
        forecast=ForecastSource(None, None, "synthetic"),
        planner_build="test",
        renderer_version="test",
        solver_status="optimal",
        solver_gap=Decimal("0.000000"),
        payloads=(ContentPayload(of.slug, event_name_of(plan, request, of), payload_sha256),),
    )
    return content_text(content)


def add_version(plan: Plan, request: PlanRequest, of: Cohort, want: Wanted | None = None) -> PlanVersion:
    """The planner's answer to `request`, made current."""
    want = want or Wanted()
    name = event_name_of(plan, request, of)
    payload = json.dumps({"eventName": name}).encode()
    content = content_of(plan, request, of, want, sha256(payload))
    version = PlanVersion.objects.create(
        plan=plan,
        number=request.number,
        request=request,
        content=content,
        content_hash=sha256(content.encode()),
        window_start=START,
        window_end=END,
        proposed_at=AT,
    )
    PlannedEvent.objects.create(
        version=version,
        cohort=of,
        event_name=name,
        payload=payload,
        payload_sha256=sha256(payload),
        starts_at=START,
        ends_at=END,
        mean_mw=Decimal(want.largest_mw),
        endpoints=100,
    )
    old = plan.status
    plan.status, plan.current_version, plan.approve_by = want.status, version, want.approve_by
    plan.dispatch_by = max(START, want.approve_by)
    plan.save()
    Transition.objects.create(plan=plan, from_status=old, to_status=want.status, actor="planner", at=AT)
    return version


def hash_of(plan: Plan) -> str:
    """The content hash of the current version."""
    assert plan.current_version
    return plan.current_version.content_hash


def everything() -> dict[str, list[Any]]:
    """Every row of planning, and the tasks that wait, as they are."""
    rows: dict[str, list[Any]] = {
        model.__name__: list(model.objects.order_by("pk").values_list()) for model in RECORDED
    }
    rows["tasks"] = list(OrmQ.objects.order_by("pk").values_list("pk"))
    return rows


@contextmanager
def refused(
    kind: type[Refusal], plan: Plan | None, by: User | None, attempted: str
) -> Iterator[pytest.ExceptionInfo[Any]]:
    """The block is refused, changes nothing, and the refusal is on record (`plan` None: it is about no one plan)."""
    before = everything()
    written = set(PlanRefusal.objects.values_list("pk", flat=True))
    with pytest.raises(kind) as caught:
        yield caught
    assert everything() == before
    [row] = PlanRefusal.objects.exclude(pk__in=written)
    assert (row.plan_id, row.by_id, row.attempted) == (plan.pk if plan else None, by.pk if by else None, attempted)
    assert row.why == str(caught.value)
