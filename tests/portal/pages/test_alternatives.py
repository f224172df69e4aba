"""What stands beside a plan on its page: alternatives, track record, what is active, the planner at work."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cohorts.models import Cohort
from dispatch.models import Claim, EventResult
from planning.core.content import parse_content
from planning.core.lifecycle import Status
from planning.core.solution import Alternative
from planning.models import Plan, PlanAlternative, PlanRequest, Stage
from portal.models import User
from portal.views.option_reading import consequence, option_lines
from tests import factories
from tests.factories import PROPOSED_AT, WINDOW_END, WINDOW_START
from tests.portal.pages.browsing import as_, person, signed_in, text_of

THIS = Alternative("balanced", planned_p50_mw=45.8, firm_p90_mw=41.5, cost_usd=32_586.0, value_usd=91_495.0)
NOTHING: dict[str, Any] = {
    "target_mw": 0.0,
    "planned_p50_mw": 0.0,
    "firm_p90_mw": 0.0,
    "shortfall_mw": 0.0,
    "confidence": 0.0,
    "endpoints": 0,
    "cost_usd": 0.0,
    "value_usd": 0.0,
    "rebound_mwh": 0.0,
    "rebound_peak_mw": 0.0,
}


class TestConsequence:
    def test_of_doing_nothing_is_the_energy_that_has_to_be_bought(self) -> None:
        nothing = Alternative(
            "do_nothing",
            exposed_usd=91_494.6,
            exposed_mwh=91.2,
            highest_usd_per_mwh=1_034.4,
            highest_at=WINDOW_START + timedelta(hours=1),
        )
        said = "91 MWh more are bought for about $91,495"
        assert consequence(nothing, THIS) == f"{said}, at up to 1,034 $/MWh (from 17:00)."
        assert consequence(replace(nothing, highest_at=None), THIS) == f"{said}."

    def test_of_another_strategy_is_what_differs(self) -> None:
        cheaper = Alternative("cost_minimize", firm_p90_mw=32.6, cost_usd=23_711.0, rebound_mwh=2.0)
        assert consequence(cheaper, THIS) == "8.9 MW less firm, $8,875 less paid, 2.0 MWh more rebound."
        assert consequence(replace(THIS, option="reliability"), THIS) == "Comes to the same."

    def test_of_one_that_does_not_exist_is_why(self) -> None:
        none = Alternative("cost_minimize", why_not="it would call nobody")
        assert consequence(none, THIS) == "Not possible: it would call nobody."

    def test_the_plan_itself_is_named(self) -> None:
        lines = option_lines([Alternative("do_nothing"), THIS], strategy="balanced")
        assert [(line.name, line.is_this, line.consequence) for line in lines] == [
            ("Do nothing", False, "Nothing is called."),
            ("Balanced", True, "this plan"),
        ]


class TestAlternatives:
    @pytest.fixture
    def compared(self, plan: Plan) -> Plan:
        PlanAlternative.objects.create(
            version=plan.current_version,
            option="do_nothing",
            **NOTHING
            | {
                "exposed_usd": 240.0,
                "exposed_mwh": 0.8,
                "highest_usd_per_mwh": 300.0,
                "highest_at": WINDOW_START,
            },
        )
        PlanAlternative.objects.create(
            version=plan.current_version,
            option="emergency",
            **NOTHING | {"planned_p50_mw": 0.6, "firm_p90_mw": 0.5, "cost_usd": 900.0, "value_usd": 300.0},
        )
        return plan

    def test_the_table_has_doing_nothing_the_plan_and_the_others(self, compared: Plan) -> None:
        text = text_of(as_("supervisor").get(f"/plans/{compared.pk}/"))
        table = text[text.index("Alternatives") : text.index("MW by quarter-hour")]
        assert "1 MWh more are bought for about $240, at up to 300 $/MWh (from 16:00)." in table
        assert "0.0 0.0 0 0 0 0.0" in table
        assert "Balanced this plan" in table
        assert "0.6 0.5 900 300 −600" in table
        assert "No other strategy was solved" not in table

    def test_without_stored_ones_doing_nothing_is_still_told(self, plan: Plan) -> None:
        text = text_of(as_("supervisor").get(f"/plans/{plan.pk}/"))
        assert f"MWh more are bought for about ${plan_value(plan):,.0f}." in text
        assert "No other strategy was solved beside this version." in text

    def test_are_a_file_too(self, compared: Plan) -> None:
        answer = as_("auditor").get(f"/plans/{compared.pk}/?csv=alternatives")
        lines = answer.content.decode().splitlines()
        assert answer["Content-Disposition"] == f'attachment; filename="plan-{compared.pk}-alternatives.csv"'
        assert lines[0].startswith("option,this_plan,target_mw,planned_p50_mw,firm_p90_mw,confidence")
        assert [line.split(",")[:2] for line in lines[1:]] == [
            ["Do nothing", "False"],
            ["Balanced", "True"],
            ["Emergency", "False"],
        ]

    def test_the_cohorts_are_a_file(self, plan: Plan, thermostats: Cohort) -> None:
        lines = as_("auditor").get(f"/plans/{plan.pk}/?csv=cohorts").content.decode().splitlines()
        assert (
            lines[0] == "cohort,place,mean_mw,enrolled_mw,accounts_called,accounts_eligible,starts_at,ends_at,cost_usd"
        )
        cells = lines[1].split(",")
        assert (cells[0], cells[4], cells[6]) == (thermostats.name, "100", "2023-09-06T16:00:00-05:00")


def plan_value(plan: Plan) -> float:
    return float(parse_content(plan.current_version.content).value_usd)


def measured(plan: Plan, *, of_firm: float) -> EventResult:
    """The plan's event, completed, with this share of its firm MW delivered."""
    content = parse_content(plan.current_version.content)
    mean_mw = float(content.firm_p90_mw) * of_firm
    return EventResult.objects.create(
        claim=Claim.objects.create(plan=plan, version=plan.current_version, at=PROPOSED_AT),
        planned_mw=[mean_mw] * 8,
        delivered_mw=[mean_mw] * 8,
        delivered_mwh=mean_mw * 2,
        rebound_mwh=0.0,
        rebound_until=WINDOW_END,
        cost_usd=0.0,
        endpoints=100,
        opt_outs=0,
        offline=0,
        measured_at=WINDOW_END,
    )


class TestTrackRecord:
    def test_is_honest_before_anything_was_measured(self, plan: Plan) -> None:
        text = text_of(as_("supervisor").get(f"/plans/{plan.pk}/"))
        assert "or more, 9 times in 10. No event has been measured yet." in text

    def test_counts_completed_events_that_delivered_the_firm_mw(self, plan: Plan, asker: User) -> None:
        sam = person("sam", "supervisor")
        for number, of_firm in enumerate((1.2, 0.8, 1.0001)):
            cohort = factories.cohort(f"cohort-{number}")
            past = factories.authorised_plan({cohort: [factories.Called(5)]}, requested_by=asker, voter=sam)
            measured(past, of_firm=of_firm)
            factories.move(past, Status.COMPLETED)
        text = text_of(as_("supervisor").get(f"/plans/{plan.pk}/"))
        assert "2 of the last 3 measured events delivered it (simulated)." in text


class TestBeside:
    def test_nothing_else_is_active(self, plan: Plan) -> None:
        assert "Nothing else is approved or running then" in text_of(as_("auditor").get(f"/plans/{plan.pk}/"))

    def test_names_what_is_approved_in_the_window(self, plan: Plan, asker: User) -> None:
        lights = factories.cohort("lights")
        sam = person("sam", "supervisor")
        other = factories.authorised_plan({lights: [factories.Called(10)]}, requested_by=asker, voter=sam)
        text = text_of(as_("auditor").get(f"/plans/{plan.pk}/"))
        assert f"Plan {other.pk} (approved, not sent yet) calls {lights.name}: " in text
        assert "Wed 6 Sep 16:00–18:00 CDT. This plan comes on top." in text


class TestProgress:
    @pytest.fixture
    def asked(self, asker: User, surroundings: None) -> Plan:
        found = Plan.objects.create(origin="OPERATOR", requested_by=asker, requested_at=PROPOSED_AT, mode="DRILL")
        PlanRequest.objects.create(plan=found, number=1, by=asker, at=PROPOSED_AT, strategy="balanced")
        return found

    @pytest.mark.parametrize(
        ("stage", "words"),
        [
            (Stage.QUEUED, "● Queued waits for the worker ○ Solving"),
            (Stage.SOLVING, "✓ Queued waits for the worker ● Solving"),
            (
                Stage.COMPARING,
                "how sure it is in 20,000 draws ● Comparing solves the other strategies",
            ),
        ],
    )
    def test_says_where_the_worker_is(self, stage: Stage, words: str, asked: Plan, asker: User) -> None:
        Plan.objects.update(stage=stage)
        polls = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "progress"}
        client = signed_in(asker)
        for answer in (client.get(f"/plans/{asked.pk}/"), client.get(f"/plans/{asked.pk}/", **polls)):
            assert words in text_of(answer)
            assert "This page moves on by itself." in text_of(answer)

    def test_says_what_to_do_when_it_takes_long(
        self, asked: Plan, asker: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked_at = PlanRequest.objects.get().wall_at
        monkeypatch.setattr("portal.views.plans.timezone.now", lambda: asked_at + timedelta(seconds=45))
        text = text_of(signed_in(asker).get(f"/plans/{asked.pk}/"))
        assert "asked 45 s ago" in text
        assert "▲ It takes longer than usual." in text

    def test_leads_to_the_plan_by_itself(self, plan: Plan) -> None:
        polls = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "progress"}
        assert as_("supervisor").get(f"/plans/{plan.pk}/", **polls)["HX-Refresh"] == "true"
