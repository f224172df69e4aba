"""History: totals, filters, who decided, and how often the stated MW came."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from cohorts.models import Cohort
from dispatch.models import Claim, EventResult
from dispatch.operations import run_once
from grid.operations import step_clock
from planning.core.lifecycle import Status
from planning.models import Decision, Plan, Vote
from portal.models import User
from tests import factories
from tests.factories import PROPOSED_AT, WINDOW_END, WINDOW_START, Called
from tests.portal.pages.browsing import as_, person, text_of

DAY = timedelta(days=1)


@pytest.fixture
def sam(surroundings: None) -> User:
    return person("sam", "supervisor")


def ended(
    plan: Plan, voter: User, *, delivered_share: float, status: Status = Status.COMPLETED, value: float | None = 500.0
) -> EventResult:
    """The plan approved, sent and over, with this share of its planned mean delivered through the window."""
    factories.approve(plan, voter)
    factories.move(plan, Status.AUTHORISED, by=voter)
    run_once(at=PROPOSED_AT, wall_at=timezone.now())
    plan.refresh_from_db()
    factories.move(plan, status, at=WINDOW_END, actor="clock")
    planned = _planned_mw(plan)
    return EventResult.objects.create(
        claim=Claim.objects.get(plan=plan),
        planned_mw=[planned] * 8,
        delivered_mw=[planned * delivered_share] * 8,
        delivered_mwh=planned * delivered_share * 2,
        rebound_mwh=0.1,
        rebound_until=WINDOW_END,
        cost_usd=40.0,
        value_usd=value,
        endpoints=100,
        opt_outs=3,
        offline=1,
        measured_at=WINDOW_END,
    )


def _planned_mw(plan: Plan) -> float:
    from planning.core.content import parse_content

    return float(parse_content(plan.current_version.content).planned_p50_mw)


@pytest.fixture
def completed(plan: Plan, sam: User) -> EventResult:
    return ended(plan, sam, delivered_share=1.05)


@pytest.fixture
def rejected(thermostats: Cohort, asker: User) -> Plan:
    """Of the day after, by Rita: too dear."""
    plan = factories.plan_of(
        {thermostats: [Called(50)]}, requested_by=asker, start=WINDOW_START + DAY, end=WINDOW_END + DAY
    )
    rita = person("rita", "supervisor")
    version = plan.current_version
    Vote.objects.create(
        version=version,
        content_hash=version.content_hash,
        voter=rita,
        decision=Decision.REJECT,
        reason="too dear",
        at=PROPOSED_AT,
    )
    factories.move(plan, Status.REJECTED, by=rita)
    return plan


class TestLines:
    def test_what_was_stated_what_came_and_who_decided(self, completed: EventResult, plan: Plan) -> None:
        answer = as_("auditor").get("/history/")
        text, planned = text_of(answer), _planned_mw(plan)
        assert f"Plan {plan.pk} , balanced Wed 6 Sep 16:00–18:00 CDT, drill run 1" in text
        assert "within band" in text
        assert f"{planned:.1f} {0.9 * planned:.1f} {1.05 * planned:.1f} {2.1 * planned:.1f} MWh" in text
        assert "olivia asked sam approved" in text
        assert "Wed 6 Sep 18:00 CDT completed, by clock" in text
        assert f'href="/events/{plan.pk}/"' in answer.content.decode()

    @pytest.mark.parametrize(("share", "words"), [(0.89, "below firm"), (0.9, "within band"), (1.2, "above band")])
    def test_the_band_in_shape_and_word(self, share: float, words: str, plan: Plan, sam: User) -> None:
        ended(plan, sam, delivered_share=share)
        assert words in text_of(as_("auditor").get("/history/"))

    def test_what_was_stopped_is_not_compared(self, plan: Plan, sam: User) -> None:
        ended(plan, sam, delivered_share=0.5, status=Status.ABORTED)
        text = text_of(as_("auditor").get("/history/"))
        assert "aborted, not compared" in text
        assert "0 completed, 1 aborted" in text
        assert "nothing can be said yet" in text

    def test_a_rejected_plan_says_by_whom_and_why(self, rejected: Plan) -> None:
        text = text_of(as_("auditor").get("/history/"))
        assert "rita rejected: too dear" in text
        assert "nothing sent" in text

    def test_open_plans_are_not_history(self, plan: Plan) -> None:
        assert "No plan has ended yet." in text_of(as_("auditor").get("/history/"))

    def test_one_that_never_got_a_version(self, asker: User) -> None:
        Plan.objects.create(
            origin="OPERATOR", requested_by=asker, requested_at=PROPOSED_AT, mode="DRILL", status="FAILED", failure="no"
        )
        text = text_of(as_("auditor").get("/history/"))
        assert "asked Wed 6 Sep 14:00 CDT" in text
        assert "no plan found no" in text


class TestTotals:
    def test_are_of_the_filter(self, completed: EventResult, rejected: Plan) -> None:
        client, mwh = as_("auditor"), completed.delivered_mwh
        assert f"Plans ended 2 all runs Events measured 1 1 completed Delivered {mwh:.1f} MWh" in (
            text := text_of(client.get("/history/"))
        )
        assert "Paid $40" in text
        assert "Worth $500" in text
        assert "Plans ended 1 of this filter Events measured 0" in text_of(client.get("/history/?status=REJECTED"))

    def test_an_unknown_value_is_said_not_guessed(self, plan: Plan, sam: User) -> None:
        ended(plan, sam, delivered_share=1.0, value=None)
        text = text_of(as_("auditor").get("/history/"))
        assert (
            "Worth not known at each hour's highest zone price. 1 of 1 event left out: an hour of the window has no"
            " real-time price." in text
        )

    def test_one_event_is_too_few_to_judge(self, completed: EventResult) -> None:
        text = text_of(as_("auditor").get("/history/"))
        assert "Firm MW or more 1 of 1 100 90" in text
        assert "Target MW or more 1 of 1 100 50" in text
        assert "too few to judge interval 21 to 100 %" in text


class TestFilters:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("status=COMPLETED", [True, False]),
            ("strategy=balanced", [True, True]),
            ("strategy=emergency", [False, False]),
            ("from=2023-09-07", [False, True]),
            ("to=2023-09-06", [True, False]),
            ("from=2023-09-06&to=2023-09-07", [True, True]),
            ("from=nonsense&status=LOST&person=%C2%B2", [True, True]),
        ],
    )
    def test_by_the_address(self, query: str, found: list[bool], completed: EventResult, rejected: Plan) -> None:
        body = as_("auditor").get(f"/history/?{query}").content.decode()
        assert [f'id="past-{pk}"' in body for pk in (completed.claim.plan_id, rejected.pk)] == found

    def test_by_person_whatever_they_did(self, completed: EventResult, rejected: Plan, asker: User, sam: User) -> None:
        client = as_("auditor")
        rita = User.objects.get(username="rita")
        plans = (completed.claim.plan_id, rejected.pk)
        for who, found in ((asker, [True, True]), (sam, [True, False]), (rita, [False, True])):
            body = client.get(f"/history/?person={who.pk}").content.decode()
            assert [f'id="past-{pk}"' in body for pk in plans] == found

    def test_by_cohort(self, completed: EventResult, thermostats: Cohort) -> None:
        client = as_("auditor")
        assert "Plans ended 1" in text_of(client.get(f"/history/?cohort={thermostats.pk}"))
        assert "No ended plan matches." in text_of(client.get("/history/?cohort=999999"))

    def test_older_ones_go_on_from_the_cursor(self, completed: EventResult, rejected: Plan) -> None:
        body = as_("auditor").get(f"/history/?before={rejected.pk}").content.decode()
        assert [f'id="past-{pk}"' in body for pk in (completed.claim.plan_id, rejected.pk)] == [True, False]


def test_changes_of_the_clock_stand_there_too(asker: User) -> None:
    step_clock(minutes=15, by=asker, wall_at=PROPOSED_AT + DAY)
    assert "stepped by 15 min olivia" in text_of(as_("auditor").get("/history/"))


def test_as_a_file(completed: EventResult, rejected: Plan, plan: Plan) -> None:
    lines = as_("auditor").get("/history/?csv=history").content.decode().split("\r\n")
    assert len(lines) == 4
    header, first, second = (line.split(",") for line in lines[:3])
    of_rejected, of_completed = dict(zip(header, first, strict=True)), dict(zip(header, second, strict=True))
    assert (of_rejected["plan"], of_rejected["votes"], of_rejected["delivered_mw"]) == (
        str(rejected.pk),
        "rita rejected: too dear",
        "",
    )
    planned = _planned_mw(plan)
    assert of_completed["window_start"] == "2023-09-06T16:00:00-05:00"
    assert of_completed["planned_p50_mw"] == str(round(planned, 3))
    assert of_completed["delivered_mw"] == str(round(1.05 * planned, 3))
    assert (of_completed["band"], of_completed["cost_usd"], of_completed["votes"]) == (
        "within band",
        "40.0",
        "sam approved",
    )
