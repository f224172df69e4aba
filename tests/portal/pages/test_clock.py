"""The clock's own page: what runs, what holds it, who changed it, and controls only for those who may."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from grid.models import Clock, ClockChange
from grid.operations import set_speed, step_clock
from planning.models import Plan
from portal.models import User
from tests.factories import PROPOSED_AT
from tests.portal.pages.browsing import as_, signed_in, text_of


def go_live() -> None:
    Clock.objects.update(
        mode="LIVE",
        run=0,
        scenario_start=None,
        scenario_anchor=None,
        wall_anchor=None,
        scenario_end=None,
        paused=False,
    )


class TestState:
    def test_says_what_runs_and_how_far_it_has_come(self) -> None:
        Clock.objects.update(scenario_anchor=PROPOSED_AT + timedelta(hours=12), random_seed=7)
        text = text_of(as_("operator").get("/clock/"))
        assert "Thursday 7 September 2023" in text
        assert "Mode Drill a drill" in text
        assert "Wednesday 6 September 2023, run 1" in text
        assert "25 % passed" in text
        assert "Seed 7: the same seed gives the same days" in text

    def test_paused_by_a_person(self) -> None:
        assert "❚❚ paused Scenario time is paused." in text_of(as_("operator").get("/clock/"))

    def test_waits_for_a_vote_and_links_to_it(self, plan: Plan) -> None:
        Clock.objects.update(paused=False, vote_pending=True)
        answer = as_("operator").get("/clock/")
        assert f"Scenario time waits for the vote on plan {plan.pk}. Go to plan {plan.pk}" in text_of(answer)
        assert re.search(rf'id="state-plan"\s+href="/plans/{plan.pk}/"', answer.content.decode())

    def test_runs(self) -> None:
        Clock.objects.update(paused=False, speed=60.0, wall_anchor=timezone.now())
        text = text_of(as_("operator").get("/clock/"))
        assert "Nothing: it runs at 60x." in text
        assert "one real second is 60 s here" in text

    def test_live_has_nothing_to_control(self) -> None:
        go_live()
        text = text_of(as_("operator").get("/clock/"))
        assert "Nothing: live time always runs." in text
        assert "Live time cannot be paused, stepped or sped up." in text
        assert "Set speed" not in text
        assert "--replay HISTORY.csv --scenario eea2_2023" in text

    def test_a_fragment_is_the_state_alone(self) -> None:
        answer = as_("operator").get("/clock/", HTTP_HX_REQUEST="true", HTTP_HX_TARGET="state")
        assert answer.content.decode().strip().startswith('<section class="panel"')
        assert "Who changed it" not in text_of(answer)


class TestControls:
    def test_lead_back_to_the_page(self, asker: User) -> None:
        client = signed_in(asker)
        assert 'name="next" value="/clock/"' in client.get("/clock/").content.decode()
        assert client.post("/clock/step/", {"next": "/clock/"})["Location"] == "/clock/"

    @pytest.mark.parametrize("role", ["auditor", "admin"])
    def test_are_not_for_those_who_only_look(self, role: str) -> None:
        answer = as_(role).get("/clock/")
        assert "Your role may read the clock, not move it." in text_of(answer)
        assert 'action="/clock/' not in answer.content.decode()


class TestChanges:
    @pytest.fixture
    def changed(self, asker: User) -> None:
        wall_at = PROPOSED_AT + timedelta(days=1)
        step_clock(minutes=15, by=asker, wall_at=wall_at)
        set_speed(speed=300, by=asker, wall_at=wall_at + timedelta(minutes=2))

    def test_newest_first_with_who_and_when(self, changed: None) -> None:
        text = text_of(as_("auditor").get("/clock/"))
        speed_set = text.index("7 Sep 14:02:00 CDT speed set olivia")
        stepped = text.index("7 Sep 14:00:00 CDT stepped by 15 min olivia")
        assert speed_set < stepped

    def test_nobody_yet(self) -> None:
        assert "Nobody has changed the clock yet." in text_of(as_("auditor").get("/clock/"))

    def test_as_a_file(self, changed: None) -> None:
        lines = as_("auditor").get("/clock/?csv=changes").content.decode().split("\r\n")
        assert lines[0].startswith("wall_at,action,by,mode,run,speed,portal_time_before,portal_time_after")
        assert lines[1] == (
            "2023-09-07T14:02:00-05:00,speed set,olivia,DRILL,1,300.0,"
            "2023-09-06T14:15:00-05:00,2023-09-06T14:15:00-05:00,synthetic"
        )
        assert len(lines) == 4
        assert ClockChange.objects.count() == 2
