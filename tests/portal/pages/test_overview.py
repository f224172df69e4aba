"""The overview: numbers with unit, source and age; what awaits; what is silent."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.utils import timezone

from dispatch.operations import run_once
from grid.models import Clock, ProcessHeartbeat, Snapshot
from planning.core.lifecycle import Status
from planning.models import Plan
from portal.models import User
from tests import factories
from tests.factories import PROPOSED_AT
from tests.portal.pages.browsing import as_, person, plain, signed_in, text_of


class TestOverview:
    def test_shows_numbers_with_unit_source_and_age(self, plan: Plan) -> None:
        text = text_of(as_("operator").get("/"))
        assert "80,000 MW" in text
        assert "100.0 °F" in text
        assert "synthetic data, 14:00 CDT, 0 min old" in text

    def test_the_unknown_is_called_not_known(self) -> None:
        text = text_of(as_("operator").get("/"))
        assert "Reserves not known" in text
        assert "ERCOT state not known" in text

    def test_an_hour_is_no_instant(self) -> None:
        text = text_of(as_("operator").get("/"))
        assert "peak 80,000 forecast, 14:00–15:00" in text
        assert "expect 100, 14:00–15:00" in text
        assert "It is forecast to peak at 80,000 MW in the hour 14:00–15:00." in text

    def test_load_above_the_watch_rule_has_shape_and_word(self) -> None:
        Snapshot.objects.filter(observed_at=PROPOSED_AT).update(system_load_mw=90_000.0)
        text = text_of(as_("operator").get("/"))
        assert "▲ above the watch rule: " in text

    def test_windows_side_by_side_are_labelled_once(self, plan: Plan, asker: User) -> None:
        cohort = plan.current_version.events.get().cohort
        for _ in range(2):
            factories.plan_of({cohort: [factories.Called(100)]}, requested_by=asker)
        body = as_("supervisor").get("/").content.decode()
        assert f">plan {plan.pk}, proposed and 2 more</text>" in body
        assert body.count(", proposed") == body.count(f"plan {plan.pk}, proposed")

    def test_nothing_read_yet(self) -> None:
        Clock.objects.update(data_source="synthetic:99")
        text = text_of(as_("operator").get("/"))
        assert "Nothing has been read from the grid yet" in text
        assert "System load not known" in text

    def test_asks_those_who_may_vote(self, plan: Plan, asker: User) -> None:
        text = text_of(as_("supervisor").get("/"))
        assert "Waiting for you" in text
        assert f"Review plan {plan.pk}" in text
        text = text_of(signed_in(asker).get("/"))
        assert "Nothing waits for you." in text
        assert f"Somebody else decides on plan {plan.pk} by 15:25 CDT (in 1 h 25 min)." in text

    def test_says_that_scenario_time_waits(self, plan: Plan) -> None:
        Clock.objects.update(paused=False, vote_pending=True)
        assert f"Scenario time waits for the vote on plan {plan.pk}." in text_of(as_("operator").get("/"))

    def test_says_when_a_process_is_silent(self) -> None:
        ProcessHeartbeat.objects.filter(name="worker").update(wall_at=timezone.now() - timedelta(minutes=5))
        ProcessHeartbeat.objects.filter(name="dispatch").delete()
        text = text_of(as_("operator").get("/"))
        assert "▲ Worker silent for 5 min" in text
        assert "▲ Dispatch never seen" in text

    def test_live_on_synthetic_data_is_called_simulated(self) -> None:
        Clock.objects.update(
            mode="LIVE",
            run=0,
            scenario_start=None,
            scenario_anchor=None,
            wall_anchor=None,
            scenario_end=None,
            paused=False,
        )
        assert "SIMULATED GRID" in text_of(as_("operator").get("/"))


def answers(answer: Any) -> dict[str, str]:
    """What stands in each element that answers one of the six questions, up to the next such element."""
    body = answer.content.decode()
    pieces = re.split(r'<(?:\w+)[^>]*data-answers="([a-z-]+)"[^>]*>', body)
    return {name: plain(piece) for name, piece in zip(pieces[1::2], pieces[2::2], strict=True)}


class TestSixQuestions:
    def test_each_is_answered_by_one_element(self, plan: Plan) -> None:
        said = answers(as_("supervisor").get("/"))
        assert set(said) == {"grid", "waiting", "until", "how-much", "running", "health"}
        assert said["until"].startswith("decide by 15:25 CDT (in 1 h 25 min)")
        assert re.match(
            r"Ask Residential Standard Dallas \(100 endpoints\) for 0\.\d MW less, Wed 6 Sep 16:00–18:00 CDT\?",
            said["how-much"],
        )
        assert re.search(r"How sure 9 in 10 for at least 0\.\d MW", said["how-much"])
        assert said["running"].startswith("Running all events Nothing is running.")
        assert "Worker ok" in said["health"]

    def test_also_when_there_is_nothing(self) -> None:
        said = answers(as_("supervisor").get("/"))
        assert set(said) == {"grid", "waiting", "until", "how-much", "running", "health"}
        assert said["waiting"].endswith("Nothing waits for you.")
        assert said["until"] == "No deadline runs."

    def test_why_is_one_sentence(self, plan: Plan) -> None:
        assert "Why A test asked for it. Needs 1 person; 0 of 1 so far. You may vote." in text_of(
            as_("supervisor").get("/")
        )

    def test_most_mw_soonest_comes_first(self, plan: Plan, asker: User) -> None:
        """A larger plan with the same deadline goes before the older one."""
        larger = factories.plan_of({factories.cohort("larger"): [factories.Called(200)]}, requested_by=asker)
        body = as_("supervisor").get("/").content.decode()
        assert f"Review plan {larger.pk}" in body
        assert f'id="open-{plan.pk}"' in body

    def test_a_running_event_says_how_long_it_runs(self, plan: Plan) -> None:
        factories.approve(plan, person("sam", "supervisor"))
        factories.move(plan, Status.AUTHORISED)
        run_once(at=PROPOSED_AT, wall_at=timezone.now())
        said = answers(as_("operator").get("/"))["running"]
        assert re.search(
            rf"Plan {plan.pk} sent, not begun starts in 2 h 0\.\d MW planned, Wed 6 Sep 16:00–18:00 CDT", said
        )
