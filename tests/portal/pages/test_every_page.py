"""Every page, as each role sees it: framed, nothing inline, few queries, no writes; and when things go wrong."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cohorts.models import Cohort
from grid.models import Clock, ClockChange
from planning.models import Plan
from portal.models import User
from tests import factories
from tests.factories import PROPOSED_AT
from tests.keys import some_key
from tests.portal.pages.browsing import as_, person, signed_in, text_of

ROLES = ("operator", "supervisor", "auditor", "admin")
PAGES = (
    "/",
    "/grid/",
    "/plans/",
    "/plans/{plan}/",
    "/events/",
    "/cohorts/",
    "/cohorts/{cohort}/",
    "/signals/",
    "/clock/",
    "/history/",
)
INLINE = re.compile(
    r"<script(?![^>]*\b(?:src=|type=\"application/json\"))[^>]*>|<style[\s>]|<[^>]*\sstyle\s*=|<[^>]*\son[a-z]+\s*=|hx-on",
    re.I,
)
MOST_QUERIES = 12


class TestEveryPage:
    @pytest.mark.parametrize("role", ROLES)
    @pytest.mark.parametrize("page", PAGES)
    def test_answers_each_role_framed_and_without_anything_inline(
        self, page: str, role: str, plan: Plan, thermostats: Cohort
    ) -> None:
        answer = as_(role).get(page.format(plan=plan.pk, cohort=thermostats.pk))
        body, text = answer.content.decode(), text_of(answer)
        assert answer.status_code == 200
        assert "DRILL: a drill" in text
        assert "Wed 6 Sep 14:00 CDT" in text
        assert "UTC−5" in text
        assert "Worker ok" in text
        assert INLINE.findall(body) == []
        assert answer["Content-Security-Policy"].count("'self'") >= 3
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert "no-store" in answer["Cache-Control"]

    @pytest.mark.parametrize("page", [*PAGES, "/plans/new/", "/plans/{plan}/approve/", "/plans/{plan}/abort/"])
    def test_sends_anonymous_people_to_sign_in(self, page: str, plan: Plan, thermostats: Cohort) -> None:
        path = page.format(plan=plan.pk, cohort=thermostats.pk)
        answer = Client().get(path)
        assert (answer.status_code, answer["Location"]) == (302, f"/sign-in/?next={path}")

    @pytest.mark.parametrize("page", [*PAGES, "/plans/new/", "/plans/{plan}/approve/", "/plans/{plan}/reject/"])
    def test_a_get_writes_nothing(self, page: str, plan: Plan, thermostats: Cohort) -> None:
        client = as_("supervisor")
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert client.get(page.format(plan=plan.pk, cohort=thermostats.pk)).status_code == 200
        assert [q["sql"] for q in seen if not q["sql"].lstrip("(").startswith("SELECT")] == []

    @pytest.mark.parametrize("page", PAGES)
    def test_asks_the_database_few_times(self, page: str, plan: Plan, thermostats: Cohort) -> None:
        client = as_("supervisor")
        path = page.format(plan=plan.pk, cohort=thermostats.pk)
        client.get(path)
        with CaptureQueriesContext(connection) as seen:
            client.get(path)
        assert len(seen) <= MOST_QUERIES, "\n".join(q["sql"][:160] for q in seen)

    def test_a_role_without_rights_is_told_so(self, plan: Plan) -> None:
        answer = signed_in(person("nobody")).get("/plans/")
        assert answer.status_code == 403
        assert "planning.view_plan" in text_of(answer)

    def test_unknown_pages_and_plans_are_404_with_the_frame(self, plan: Plan) -> None:
        client = as_("operator")
        for path in ("/nowhere/", "/plans/999999/", "/events/999999/", "/cohorts/999999/", "/plans/999999/approve/"):
            answer = client.get(path)
            assert answer.status_code == 404
            assert "DRILL: a drill" in text_of(answer)

    def test_a_poll_of_somebody_signed_out_does_not_take_their_page_away(self) -> None:
        polls = {"HTTP_HX_REQUEST": "true"}
        assert Client().get("/", HTTP_HX_TARGET="now", **polls).status_code == 204
        answer = Client().get("/frame/", HTTP_HX_TARGET="frame-clock", **polls)
        assert (answer.status_code, "Signed out" in text_of(answer)) == (286, True)

    def test_a_fragment_is_a_part_of_its_page(self, plan: Plan) -> None:
        answer = as_("operator").get("/", HTTP_HX_REQUEST="true", HTTP_HX_TARGET="now")
        assert answer.content.decode().strip().startswith('<section class="kpis')
        assert "Utility HITL Portal" not in text_of(answer)


class TestSignIn:
    @pytest.fixture
    def asker(self, surroundings: None) -> User:
        """With a password that is the name."""
        return factories.person("olivia", "operator")

    def test_opens_with_the_password_and_leads_on(self, asker: User) -> None:
        """Somebody who votes and has no passkey comes by the page that enrols one."""
        given = {"username": "olivia", "password": "olivia", "next": "/plans/"}
        answer = Client().post("/sign-in/", given)
        assert (answer.status_code, answer["Location"]) == (302, "/passkeys/?next=/plans/")
        some_key(asker)
        assert Client().post("/sign-in/", given)["Location"] == "/plans/"

    def test_who_never_votes_goes_straight_on(self, surroundings: None) -> None:
        factories.person("ada", "auditor")
        answer = Client().post("/sign-in/", {"username": "ada", "password": "ada", "next": "/plans/"})
        assert answer["Location"] == "/plans/"

    def test_says_what_is_wrong_and_keeps_the_name(self, asker: User) -> None:
        answer = Client().post("/sign-in/", {"username": "olivia", "password": "guess"})
        assert answer.status_code == 200
        assert 'value="olivia"' in answer.content.decode()
        assert "correct username and password" in text_of(answer)

    def test_leads_nowhere_else(self, asker: User) -> None:
        answer = Client().post(
            "/sign-in/", {"username": "olivia", "password": "olivia", "next": "https://elsewhere.example/"}
        )
        assert answer["Location"] == "/passkeys/?next=/"

    def test_out_again_by_post_alone(self, asker: User) -> None:
        client = signed_in(asker)
        assert client.get("/sign-out/").status_code == 405
        assert client.post("/sign-out/")["Location"] == "/sign-in/"
        assert client.get("/").status_code == 302


class TestClock:
    def test_controls_move_scenario_time_and_lead_back(self, asker: User) -> None:
        client = signed_in(asker)
        assert client.post("/clock/step/", {"next": "/plans/"})["Location"] == "/plans/"
        assert Clock.objects.get().scenario_anchor == PROPOSED_AT + timedelta(minutes=15)
        client.post("/clock/speed/", {"speed": "300"})
        client.post("/clock/resume/", {})
        clock = Clock.objects.get()
        assert (clock.speed, clock.paused) == (300, False)
        client.post("/clock/pause/", {})
        assert [c.by for c in ClockChange.objects.all()] == [asker] * 4

    def test_lead_nowhere_else(self, asker: User) -> None:
        assert signed_in(asker).post("/clock/step/", {"next": "//elsewhere.example/"})["Location"] == "/"

    @pytest.mark.parametrize("speed", ["0", "601", "fast"])
    def test_a_speed_out_of_range_is_explained(self, speed: str, asker: User) -> None:
        answer = signed_in(asker).post("/clock/speed/", {"speed": speed}, follow=True)
        assert "Speed:" in text_of(answer)
        assert Clock.objects.get().speed == 1.0

    @pytest.mark.parametrize("role", ["auditor", "admin"])
    def test_are_not_for_those_who_only_look(self, role: str) -> None:
        client = as_(role)
        assert client.post("/clock/step/").status_code == 403
        assert "Set speed" not in text_of(client.get("/"))
        assert not ClockChange.objects.exists()

    def test_are_posts(self, asker: User) -> None:
        assert signed_in(asker).get("/clock/step/").status_code == 405


class TestErrors:
    def test_the_page_for_our_own_failure_renders_without_a_database(
        self, asker: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = signed_in(asker)
        client.raise_request_exception = False

        def gone(*args: Any, **kwargs: Any) -> Any:
            raise DatabaseError("the server closed the connection")

        with monkeypatch.context() as broken:
            broken.setattr("django.db.backends.utils.CursorWrapper.execute", gone)
            answer = client.get("/")
        text = text_of(answer)
        assert answer.status_code == 500
        assert "The portal could not answer" in text
        assert "▲ Database does not answer" in text
        assert "Time not known" in text
