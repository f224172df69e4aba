"""The overview: numbers with unit, source and age; what awaits; what is silent."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from grid.models import Clock, ProcessHeartbeat
from planning.models import Plan
from portal.models import User
from tests.portal.pages.browsing import as_, signed_in, text_of


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

    def test_nothing_read_yet(self) -> None:
        Clock.objects.update(data_source="synthetic:99")
        text = text_of(as_("operator").get("/"))
        assert "Nothing has been read from the grid yet" in text
        assert "System load not known" in text

    def test_asks_those_who_may_vote(self, plan: Plan, asker: User) -> None:
        text = text_of(as_("supervisor").get("/"))
        assert "Waiting for you" in text
        assert f"Review plan {plan.pk}" in text
        assert "Nothing awaits your vote" in text_of(signed_in(asker).get("/"))

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
