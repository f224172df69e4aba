"""An event while it runs and afterwards, and the list of events."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from cohorts.models import Cohort
from dispatch.models import EventResult, Signal
from dispatch.operations import measure_events, run_once, simulate_responses
from dispatch.queries import event_progress
from grid.models import Clock
from planning.core.content import PlanContent, parse_content
from planning.core.lifecycle import Status
from planning.models import Plan
from tests import factories
from tests.factories import PROPOSED_AT, WINDOW_END, WINDOW_START
from tests.portal.pages.browsing import as_, person, text_of

HOUR = timedelta(hours=1)
Pass = Callable[[datetime], None]


@pytest.fixture
def sent(plan: Plan) -> Plan:
    factories.approve(plan, person("sam", "supervisor"))
    factories.move(plan, Status.AUTHORISED)
    run_once(at=PROPOSED_AT, wall_at=PROPOSED_AT)
    return plan


@pytest.fixture
def let_pass() -> Pass:
    """Put the portal's time to `at` and do what falls due by then."""

    def run(at: datetime) -> None:
        Clock.objects.update(scenario_anchor=at)
        run_once(at=at, wall_at=at)
        simulate_responses(at=at, wall_at=at)
        measure_events(at=at, wall_at=at)

    return run


def content_of(plan: Plan) -> PlanContent:
    return parse_content(plan.current_version.content)


class TestRunning:
    def test_says_mw_energy_endpoints_opt_outs_and_time_left(self, sent: Plan, let_pass: Pass) -> None:
        now = WINDOW_START + HOUR / 2
        let_pass(now)
        progress = event_progress(plan_id=sent.pk, at=now)
        text = text_of(as_("auditor").get(f"/events/{sent.pk}/"))
        counts = progress.counts
        assert f"Delivered now {progress.latest_mw:.1f} MW planned now {progress.planned_mw_at(now):.1f} MW" in text
        assert re.search(r"plan for the same time 0\.\d MWh; 2 of 8 quarter-hours", text)
        assert counts.responding + counts.waiting + counts.opt_outs + counts.offline == 100
        assert (
            f"Endpoints responding {counts.responding} of 100 called over the event; {counts.waiting} not due now"
            f" (their hours are to come, or over); {counts.offline} silent" in text
        )
        assert f"Opted out {counts.opt_outs} {counts.opt_outs:.1f} % of those called" in text
        assert "Ends in 1 h 30 min Wed 6 Sep 18:00 CDT" in text
        assert "simulated telemetry, measured up to 16:30 CDT (0 min old)" in text

    def test_a_signal_that_was_not_taken_is_said(self, sent: Plan, thermostats: Cohort) -> None:
        text = text_of(as_("auditor").get(f"/events/{sent.pk}/"))
        assert f"▲ Not everything went out. {thermostats.name}: its signal is sent, but was not taken yet" in text
        Signal.objects.update(status=Signal.Status.RECEIVED)
        assert "Not everything went out" not in text_of(as_("admin").get(f"/events/{sent.pk}/"))

    def test_abort_is_offered_to_those_who_may(self, sent: Plan, let_pass: Pass) -> None:
        let_pass(WINDOW_START + HOUR / 2)
        assert f"/plans/{sent.pk}/abort/" in as_("operator").get(f"/events/{sent.pk}/").content.decode()
        assert "Abort" not in text_of(as_("auditor").get(f"/events/{sent.pk}/"))


class TestResult:
    def test_stands_against_firm_target_and_plan(self, sent: Plan, let_pass: Pass) -> None:
        let_pass(WINDOW_END + HOUR)
        content, result = content_of(sent), EventResult.objects.get()
        mean = sum(result.delivered_mw) / 8
        text = text_of(as_("auditor").get(f"/events/{sent.pk}/"))
        firm = "✓ kept" if mean >= content.firm_p90_mw else "▲ not kept"
        target = "✓ met" if mean >= content.target_mw else "▲ not met"
        assert f"Delivered {mean:.1f} MW on average, {result.delivered_mwh:.1f} MWh; plan" in text
        assert f"Firm {content.firm_p90_mw:.1f} MW {firm} stated: 9 times in 10" in text
        assert f"Target {content.target_mw:.1f} MW {target} stated: 5 in 10" in text
        assert f"{result.opt_outs} opted out, {result.offline} silent. Simulated telemetry, measured" in text
        assert "What was learned" in text

    def test_a_part_of_the_rebound_is_compared_with_the_same_part_of_the_plan(self, sent: Plan, let_pass: Pass) -> None:
        let_pass(WINDOW_END + HOUR)
        content, result = content_of(sent), EventResult.objects.get()
        assert result.rebound_until == WINDOW_END + HOUR
        planned = content.rebound_mwh_until(result.rebound_until)
        assert 0.0 < planned < float(content.rebound_mwh)
        text = text_of(as_("auditor").get(f"/events/{sent.pk}/"))
        assert (
            f"Rebound {result.rebound_mwh:.1f} MWh so far, to 19:00 CDT; plan for the same time {planned:.1f}" in text
        )

    def test_all_of_it_is_compared_with_all_of_the_plan(self, sent: Plan, let_pass: Pass) -> None:
        let_pass(WINDOW_END + 6 * HOUR)
        content, result = content_of(sent), EventResult.objects.get()
        text = text_of(as_("admin").get(f"/events/{sent.pk}/"))
        said = f"Rebound {result.rebound_mwh:.1f} MWh above baseline in the six hours after"
        assert f"{said}; plan {content.rebound_mwh:.1f}" in text

    def test_one_stopped_early_is_not_held_against_its_plan(self, sent: Plan, let_pass: Pass) -> None:
        let_pass(WINDOW_START + HOUR / 2)
        as_("operator").post(f"/plans/{sent.pk}/abort/", {"reason": "storm"})
        let_pass(WINDOW_START + HOUR)
        let_pass(WINDOW_END + HOUR)
        text = text_of(as_("auditor").get(f"/events/{sent.pk}/"))
        assert "It was aborted before its end, so it is not held against its plan." in text
        assert text.count("not judged it was aborted") == 2
        assert "What was learned" not in text

    def test_its_tables_are_files(self, sent: Plan, let_pass: Pass, thermostats: Cohort) -> None:
        let_pass(WINDOW_END + HOUR)
        client, result = as_("auditor"), EventResult.objects.get()
        lines = client.get(f"/events/{sent.pk}/?csv=quarters").content.decode().splitlines()
        assert lines[0] == "starts_at,planned_mw,delivered_mw,difference_mw,source"
        assert len(lines) == 9
        assert lines[1].split(",")[0] == "2023-09-06T16:00:00-05:00"
        assert float(lines[1].split(",")[2]) == pytest.approx(result.delivered_mw[0], abs=0.001)
        assert lines[1].endswith("simulated telemetry")
        lines = client.get(f"/events/{sent.pk}/?csv=cohorts").content.decode().splitlines()
        assert lines[1].split(",")[0] == thermostats.name


class TestList:
    def test_running_then_ended_by_the_address(self, sent: Plan, let_pass: Pass) -> None:
        client = as_("auditor")
        let_pass(WINDOW_START + HOUR / 2)
        text = text_of(client.get("/events/"))
        assert re.search(rf"Plan {sent.pk} running .*ends in 1 h 30 min", text)
        assert "No event here has ended yet." in text
        let_pass(WINDOW_END + HOUR)
        assert "Nothing is running." in text_of(client.get("/events/?show=running"))
        assert f"Plan {sent.pk}" in text_of(client.get("/events/?show=completed"))
        assert f"Plan {sent.pk}" not in text_of(client.get("/events/?show=stopped"))
        assert client.get("/events/?show=nonsense&before=x").status_code == 200

    def test_is_a_file(self, sent: Plan, let_pass: Pass) -> None:
        let_pass(WINDOW_END + HOUR)
        lines = as_("auditor").get("/events/?csv=events").content.decode().splitlines()
        assert lines[0].startswith("plan,status,window_start,window_end,planned_mw,delivered_mw,delivered_mwh")
        assert lines[1].split(",")[:3] == [str(sent.pk), "COMPLETED", "2023-09-06T16:00:00-05:00"]
