"""Asking for a plan: what is written, and every wish that cannot be."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django_q.models import OrmQ

from cohorts.models import Cohort
from planning.models import Plan, PlanRequest, Transition
from planning.operations import PermissionNeeded, RequestInvalid, Wish, propose_plan
from portal.models import User
from tests.planning.builders import AT, END, START, cohort, everything, person

WISH = Wish(strategy="balanced", window_start=START, window_end=END, target_mw=Decimal(15))


def propose(by: User | None, wish: Wish = WISH, **more: Any) -> Plan:
    return propose_plan(wish=wish, by=by, at=AT, mode="DRILL", **more)


class TestProposePlan:
    def test_writes_plan_request_transition_and_task(self, operator: User, pearland: Cohort, as_web: None) -> None:
        plan = propose(operator, replace(WISH, cohort_ids=(pearland.pk,)))
        plan.refresh_from_db()
        assert (plan.status, plan.origin, plan.requested_by, plan.requested_at, plan.mode) == (
            "PLANNING",
            "OPERATOR",
            operator,
            AT,
            "DRILL",
        )
        assert plan.current_version is None
        request = PlanRequest.objects.get()
        assert (request.plan, request.number, request.by, request.at) == (plan, 1, operator, AT)
        assert (request.strategy, request.cohort_ids, request.target_mw) == ("balanced", [pearland.pk], Decimal(15))
        assert (request.window_start, request.window_end) == (START, END)
        transition = Transition.objects.get()
        assert (transition.from_status, transition.to_status, transition.by) == ("", "PLANNING", operator)
        [task] = OrmQ.objects.all()
        assert (task.func(), task.args()) == ("planning.tasks.solve", (plan.pk, 1))

    def test_leaves_everything_but_the_strategy_to_the_planner(
        self, operator: User, pearland: Cohort, as_web: None
    ) -> None:
        propose(operator, Wish(strategy="reliability"))
        request = PlanRequest.objects.get()
        assert (request.cohort_ids, request.window_start, request.window_end, request.target_mw) == (
            [],
            None,
            None,
            None,
        )

    def test_the_watch_agent_asks_as_nobody(self, pearland: Cohort, as_role: Any) -> None:
        with as_role("worker"):
            plan = propose(None)
        assert (plan.origin, plan.requested_by) == ("AGENT", None)
        assert Transition.objects.get().actor == "watch agent"

    def test_the_same_key_gives_the_same_plan(self, operator: User, pearland: Cohort, as_web: None) -> None:
        first = propose(operator, idempotency_key="k1")
        before = everything()
        assert propose(operator, idempotency_key="k1") == first
        assert everything() == before

    def test_another_persons_key_is_another_key(
        self, operator: User, operator2: User, pearland: Cohort, as_web: None
    ) -> None:
        assert propose(operator, idempotency_key="k1") != propose(operator2, idempotency_key="k1")

    @pytest.mark.parametrize("role", ["auditor", "admin", None])
    def test_needs_the_right(self, role: str | None, pearland: Cohort) -> None:
        by = person("petra", *([role] if role else []))
        with pytest.raises(PermissionNeeded):
            propose(by)
        assert not Plan.objects.exists()

    def test_a_superuser_flag_is_no_right(self, pearland: Cohort) -> None:
        with pytest.raises(PermissionNeeded):
            propose(person("root", is_superuser=True, is_staff=True))
        assert not Plan.objects.exists()

    def test_an_inactive_operator_has_no_right(self, pearland: Cohort) -> None:
        with pytest.raises(PermissionNeeded):
            propose(person("ivan", "operator", is_active=False))
        assert not Plan.objects.exists()


def window(start: datetime | None, end: datetime | None) -> dict[str, Any]:
    return {"window_start": start, "window_end": end}


QUARTER = timedelta(minutes=15)
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("strategy", {"strategy": "cheapest"}, "'cheapest' is not one of balanced, cost_minimize, reliability, emergency."),
    ("window.end", window(END, START), "The window must end after it starts."),
    ("window.end", window(START, START), "The window must end after it starts."),
    ("window.start", window(AT - QUARTER, END), "The window must start in the future (in the portal's clock)."),
    ("window.start", window(AT, END), "The window must start in the future (in the portal's clock)."),
    ("window.start", window(None, END), "A window needs its start and its end."),
    ("window.end", window(START, None), "A window needs its start and its end."),
    ("window.end", window(START, START + timedelta(hours=12, minutes=15)), "A window may last 12 hours at most."),
    ("window.start", window(AT + timedelta(days=7, minutes=15), AT + timedelta(days=7, hours=2)), "7 days ahead"),
    ("window.start", window(START + timedelta(minutes=5), END), "Windows begin and end on a quarter of an hour."),
    ("window.end", window(START, END + timedelta(seconds=1)), "Windows begin and end on a quarter of an hour."),
    ("cohorts", {"cohort_ids": (987654321,)}, "There is no active cohort 987654321."),
    ("target_mw", {"target_mw": Decimal(0)}, "The target must be more than 0 MW."),
    ("target_mw", {"target_mw": Decimal(-5)}, "The target must be more than 0 MW."),
    ("target_mw", {"target_mw": Decimal("NaN")}, "The target must be more than 0 MW."),
    ("target_mw", {"target_mw": Decimal("Infinity")}, "The target must be more than 0 MW."),
    ("target_mw", {"target_mw": Decimal("30.001")}, "30.0 MW is more than the 30.0 MW enrolled in the chosen cohorts."),
]


class TestCheckWish:
    @pytest.mark.parametrize(("field", "values", "says"), WRONG)
    def test_refuses(self, field: str, values: dict[str, Any], says: str, operator: User, pearland: Cohort) -> None:
        before = everything()
        with pytest.raises(RequestInvalid) as caught:
            propose(operator, replace(WISH, **values))
        assert caught.value.field == field
        assert says in str(caught.value)
        assert everything() == before

    def test_a_target_of_all_that_is_enrolled_is_asked(self, operator: User, pearland: Cohort) -> None:
        assert propose(operator, replace(WISH, target_mw=Decimal(30))).status == "PLANNING"

    def test_the_target_is_held_against_the_chosen_cohorts(self, operator: User, pearland: Cohort) -> None:
        small = cohort("Small", "5")
        with pytest.raises(RequestInvalid, match=r"more than the 5\.0 MW"):
            propose(operator, replace(WISH, cohort_ids=(small.pk,)))
        assert propose(operator, replace(WISH, cohort_ids=(small.pk, pearland.pk), target_mw=Decimal(35)))

    def test_an_inactive_cohort_is_unknown(self, operator: User, pearland: Cohort) -> None:
        gone = cohort("Gone", "5", active=False)
        with pytest.raises(RequestInvalid, match=f"no active cohort {gone.pk}"):
            propose(operator, replace(WISH, cohort_ids=(gone.pk,)))
        assert not Plan.objects.exists()

    def test_without_any_cohort_there_is_nothing_to_plan(self, operator: User) -> None:
        with pytest.raises(RequestInvalid, match="create one first") as caught:
            propose(operator, Wish(strategy="balanced"))
        assert caught.value.field == "cohorts"
        assert not Plan.objects.exists()


@pytest.mark.django_db
class TestConstraints:
    """What PostgreSQL refuses though the operation were bypassed."""

    def test_origin_names_the_person(self) -> None:
        with pytest.raises(IntegrityError, match="plan_operator_origin_names_the_person"), transaction.atomic():
            Plan.objects.create(origin="OPERATOR", requested_at=AT, mode="DRILL")

    def test_approve_by_not_after_dispatch_by(self) -> None:
        with pytest.raises(IntegrityError, match="plan_approve_by_not_after_dispatch_by"), transaction.atomic():
            Plan.objects.create(origin="AGENT", requested_at=AT, mode="DRILL", approve_by=END, dispatch_by=START)

    @pytest.mark.parametrize(
        ("name", "fields"),
        [
            ("plan_request_window_ends_after_start", window(END, START)),
            ("plan_request_target_positive", {"target_mw": Decimal(0)}),
            ("plan_request_number_once", {"number": 1}),
        ],
    )
    def test_requests(self, name: str, fields: dict[str, Any], plan: Plan) -> None:
        usual = {"plan": plan, "number": 2, "at": AT, "strategy": "balanced"}
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            PlanRequest.objects.create(**usual | fields)


class TestTimeToDecide:
    @pytest.mark.parametrize(("strategy", "minutes"), [("balanced", 30), ("emergency", 15)])
    def test_a_window_leaves_people_time(self, strategy: str, minutes: int, operator: User) -> None:
        cohort()
        start = AT + timedelta(minutes=minutes)
        wish = Wish(strategy, window_start=start, window_end=start + timedelta(hours=2))
        assert propose_plan(wish=wish, by=operator, at=AT, mode="DRILL").status == "PLANNING"

    @pytest.mark.parametrize("strategy", ["balanced", "emergency"])
    def test_one_that_starts_too_soon_is_refused(self, strategy: str, operator: User) -> None:
        cohort()
        at = AT + timedelta(minutes=14)
        wish = Wish(strategy, window_start=AT + timedelta(minutes=15), window_end=AT + timedelta(hours=2))
        with pytest.raises(RequestInvalid, match="time to decide") as refused:
            propose_plan(wish=wish, by=operator, at=at, mode="DRILL")
        assert refused.value.field == "window.start"
        assert not Plan.objects.exists()
