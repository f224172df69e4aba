"""The pages, as each role sees them: frame, nothing inline, forms that keep what was typed, no JavaScript needed."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cohorts.models import Cohort
from dispatch.operations import run_once
from grid.models import Clock, ClockChange, ForecastPoint, ForecastVintage, ProcessHeartbeat
from grid.queries import data_source
from planning.core.lifecycle import Status
from planning.models import Plan, PlanRefusal, PlanRequest, Vote
from portal.models import User
from tests import factories
from tests.factories import PROPOSED_AT, WINDOW_END, WINDOW_START

ROLES = ("operator", "supervisor", "auditor", "admin")
PAGES = ("/", "/plans/", "/plans/{plan}/", "/events/", "/cohorts/", "/cohorts/{cohort}/", "/signals/")
INLINE = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>|<style[\s>]|<[^>]*\sstyle\s*=|<[^>]*\son[a-z]+\s*=|hx-on", re.I)
MOST_QUERIES = 12


def person(username: str, *roles: str) -> User:
    """Somebody who never types a password: hashing one takes long."""
    found = User.objects.create(username=username)
    found.groups.set(Group.objects.filter(name__in=roles))
    return found


@pytest.fixture(autouse=True)
def surroundings(db: None) -> None:
    """A paused drill at 14:00 Central that knows load, price, temperature and a forecast."""
    cache.clear()
    factories.drill()
    factories.observe_temperature()
    factories.observe_prices({hour: 40.0 + hour for hour in range(6)}, start=PROPOSED_AT - timedelta(hours=6))
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
            price_usd_per_mwh=100.0,
        )
        for hour in range(24)
    )
    for name in ("worker", "dispatch"):
        ProcessHeartbeat.objects.create(name=name, wall_at=timezone.now(), portal_at=PROPOSED_AT)


@pytest.fixture
def thermostats(surroundings: None) -> Cohort:
    return factories.cohort()


@pytest.fixture
def asker(surroundings: None) -> User:
    return person("olivia", "operator")


@pytest.fixture
def plan(thermostats: Cohort, asker: User) -> Plan:
    return factories.plan_of({thermostats: [factories.Called(100)]}, requested_by=asker)


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def as_(role: str) -> Client:
    return signed_in(person(f"one-{role}", role))


def text_of(answer: Any) -> str:
    """The page as read: no tags, entities and white space resolved."""
    body = html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode()))
    return re.sub(r"\s+", " ", body.replace("\N{NO-BREAK SPACE}", " "))


def hidden(answer: Any, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', answer.content.decode())
    assert found is not None
    return found.group(1)


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
        assert [q["sql"] for q in seen if not q["sql"].startswith("SELECT")] == []

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
        answer = Client().post("/sign-in/", {"username": "olivia", "password": "olivia", "next": "/plans/"})
        assert (answer.status_code, answer["Location"]) == (302, "/plans/")

    def test_says_what_is_wrong_and_keeps_the_name(self, asker: User) -> None:
        answer = Client().post("/sign-in/", {"username": "olivia", "password": "guess"})
        assert answer.status_code == 200
        assert 'value="olivia"' in answer.content.decode()
        assert "correct username and password" in text_of(answer)

    def test_leads_nowhere_else(self, asker: User) -> None:
        answer = Client().post(
            "/sign-in/", {"username": "olivia", "password": "olivia", "next": "https://elsewhere.example/"}
        )
        assert answer["Location"] == "/"

    def test_out_again_by_post_alone(self, asker: User) -> None:
        client = signed_in(asker)
        assert client.get("/sign-out/").status_code == 405
        assert client.post("/sign-out/")["Location"] == "/sign-in/"
        assert client.get("/").status_code == 302


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
            mode="LIVE", scenario_start=None, scenario_anchor=None, wall_anchor=None, scenario_end=None, paused=False
        )
        assert "SIMULATED GRID" in text_of(as_("operator").get("/"))


class TestGenerate:
    FORM = {"strategy": "balanced", "window_start": "2023-09-06T16:00", "window_end": "2023-09-06T18:00"}

    def test_a_wish_becomes_a_plan_that_is_being_made(self, thermostats: Cohort, asker: User) -> None:
        client = signed_in(asker)
        answer = client.post("/plans/new/", self.FORM | {"target_mw": "0.3", "cohorts": [thermostats.pk]}, follow=True)
        asked = PlanRequest.objects.get()
        assert answer.redirect_chain == [(f"/plans/{asked.plan_id}/", 302)]
        assert (asked.window_start, asked.window_end, asked.by) == (WINDOW_START, WINDOW_END, asker)
        assert asked.cohort_ids == [thermostats.pk]
        assert "The plan is being made" in text_of(answer)
        assert "<noscript><meta http-equiv=" in answer.content.decode()

    def test_everything_but_the_strategy_may_be_left_to_the_planner(self, thermostats: Cohort, asker: User) -> None:
        assert signed_in(asker).post("/plans/new/", {"strategy": "emergency"}).status_code == 302
        asked = PlanRequest.objects.get()
        assert (asked.strategy, asked.window_start, asked.target_mw, asked.cohort_ids) == ("emergency", None, None, [])

    def test_the_same_form_sent_twice_asks_once(self, thermostats: Cohort, asker: User) -> None:
        client = signed_in(asker)
        form = self.FORM | {"key": hidden(client.get("/plans/new/"), "key")}
        assert client.post("/plans/new/", form)["Location"] == client.post("/plans/new/", form)["Location"]
        assert Plan.objects.count() == 1

    @pytest.mark.parametrize(
        ("changes", "field", "words"),
        [
            ({"strategy": "best"}, None, "Select a valid choice"),
            ({"cohorts": ["999999"]}, None, "Select a valid choice"),
            ({"window_start": "2023-09-06T10:00"}, "window_start", "must start in the future"),
            ({"window_end": "2023-09-06T15:00"}, "window_end", "must end after it starts"),
            ({"window_end": ""}, "window_end", "needs its start and its end"),
            ({"window_start": "2023-09-06T16:05"}, "window_start", "quarter of an hour"),
            ({"window_start": "tomorrow"}, "window_start", "Give day and time"),
            ({"window_start": "2024-03-10T02:30"}, "window_start", "does not exist that night"),
            ({"window_start": "2023-11-05T01:30"}, "window_start", "comes twice that night"),
            ({"target_mw": "500"}, "target_mw", "more than the 0.6 MW enrolled"),
            ({"target_mw": "much"}, "target_mw", "Enter a number"),
            ({"target_mw": "-1"}, "target_mw", "more than 0 MW"),
        ],
    )
    def test_what_cannot_be_comes_back_beside_its_field(
        self, changes: dict[str, Any], field: str | None, words: str, thermostats: Cohort, asker: User
    ) -> None:
        answer = signed_in(asker).post("/plans/new/", self.FORM | {"target_mw": "0.3"} | changes)
        body = answer.content.decode()
        assert answer.status_code == 422
        assert words in text_of(answer)
        if field:
            assert f'id="id_{field}_error"' in body
            assert re.search(rf'<input[^>]*name="{field}"[^>]*aria-invalid="true"', body)
        for name, value in (self.FORM | {"target_mw": "0.3"} | changes).items():
            if name in ("window_start", "window_end", "target_mw") and value:
                assert f'value="{value}"' in body
        assert not Plan.objects.exists()

    @pytest.mark.parametrize("role", ["auditor", "admin"])
    def test_is_not_for_those_who_only_look(self, role: str, thermostats: Cohort) -> None:
        client = as_(role)
        assert client.get("/plans/new/").status_code == 403
        assert client.post("/plans/new/", self.FORM).status_code == 403
        assert "Generate" not in text_of(client.get("/plans/"))
        assert not Plan.objects.exists()


class TestPlan:
    def test_the_title_is_the_question_with_its_numbers(self, plan: Plan) -> None:
        text = text_of(as_("supervisor").get(f"/plans/{plan.pk}/"))
        assert re.search(r"Send 0\.\d MW to 100 endpoints, Wed 6 Sep 16:00–18:00 CDT\?", text)
        assert "decide by 15:25 CDT (in 1 h 25 min)" in text
        assert "9 in 10 for at least" in text
        assert f"plan-{plan.pk}-v1-residential-standard-dallas" in text

    def test_shows_the_bytes_that_will_be_sent(self, plan: Plan) -> None:
        event = plan.current_version.events.get()
        text = text_of(as_("auditor").get(f"/plans/{plan.pk}/"))
        assert event.payload_sha256 in text
        assert '"eventName": "plan-' in text
        assert f"{len(bytes(event.payload)):,} bytes" in text

    def test_offers_what_each_may_do(self, plan: Plan, asker: User) -> None:
        path = f"/plans/{plan.pk}/"

        def offers(client: Client) -> set[str]:
            body = client.get(path).content.decode()
            return {a for a in ("approve", "reject", "edit", "abort") if f"{path}{a}/" in body}

        assert offers(as_("supervisor")) == {"approve", "reject", "edit", "abort"}
        assert offers(signed_in(asker)) == {"edit", "abort"}
        assert offers(as_("auditor")) == offers(as_("admin")) == set()

    def test_tells_the_requester_why_not(self, plan: Plan, asker: User) -> None:
        text = text_of(signed_in(asker).get(f"/plans/{plan.pk}/"))
        assert "You cannot approve it: whoever asked for a plan or for a change of it cannot vote on it." in text

    def test_reject_is_as_large_as_approve_and_neither_has_the_focus(self, plan: Plan) -> None:
        body = as_("supervisor").get(f"/plans/{plan.pk}/").content.decode()
        assert re.search(r'<a class="btn"[^>]*>Reject\.\.\.</a>\s*<a class="btn primary"[^>]*>Approve\.\.\.</a>', body)
        assert "autofocus" not in body

    def test_says_that_it_changed_since_it_was_opened(self, plan: Plan) -> None:
        client = as_("supervisor")
        polls = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "state"}
        path, seen = f"/plans/{plan.pk}/", f"PENDING.{plan.current_version_id}"
        assert "Changed since" not in text_of(client.get(path, {"seen": seen}, **polls))
        factories.move(plan, Status.REJECTED)
        assert "Changed since you opened this page" in text_of(client.get(path, {"seen": seen}, **polls))
        assert client.get(path, {"seen": "PLANNING.0"}, **polls)["HX-Refresh"] == "true"

    def test_a_failed_plan_says_why(self, asker: User, surroundings: None) -> None:
        failed = Plan.objects.create(
            origin="OPERATOR",
            requested_by=asker,
            requested_at=PROPOSED_AT,
            mode="DRILL",
            status="FAILED",
            failure="Too hot.",
        )
        PlanRequest.objects.create(plan=failed, number=1, by=asker, at=PROPOSED_AT, strategy="balanced")
        text = text_of(signed_in(asker).get(f"/plans/{failed.pk}/"))
        assert "No plan was found. Too hot." in text

    def test_compares_with_the_version_before(self, plan: Plan, thermostats: Cohort) -> None:
        factories.add_version(plan, {thermostats: [factories.Called(50)]})
        text = text_of(as_("supervisor").get(f"/plans/{plan.pk}/"))
        assert "Changed since version 1" in text
        assert "Accounts called 100 50" in text

    def test_lists_are_filtered_and_paged_by_their_address(self, plan: Plan, thermostats: Cohort, asker: User) -> None:
        client = as_("auditor")
        assert f"Plan {plan.pk}" in text_of(client.get("/plans/?show=open"))
        assert "No plan here" in text_of(client.get("/plans/?show=ended"))
        assert f"Plan {plan.pk}" not in text_of(client.get(f"/plans/?before={plan.pk}"))
        assert client.get("/plans/?show=nonsense&before=x").status_code == 200


class TestDecide:
    """All of it by plain forms: no JavaScript runs here."""

    def test_approve_by_a_second_look_and_a_form(self, plan: Plan) -> None:
        client = as_("supervisor")
        look = client.get(f"/plans/{plan.pk}/approve/")
        assert re.search(r"This sends 0\.\d MW to 100 endpoints, Wed 6 Sep 16:00–18:00 CDT\.", text_of(look))
        form = {"content_hash": hidden(look, "content_hash"), "reason": "tight evening"}
        answer = client.post(f"/plans/{plan.pk}/approve/", form, follow=True)
        assert f"Your vote is recorded. Plan {plan.pk} is approved" in text_of(answer)
        assert Plan.objects.get().status == "AUTHORISED"
        vote = Vote.objects.get()
        assert (vote.reason, vote.at, vote.decision) == ("tight evening", PROPOSED_AT, "APPROVE")

    def test_reject_says_why(self, plan: Plan) -> None:
        client = as_("supervisor")
        form = {"content_hash": plan.current_version.content_hash, "reason": " "}
        answer = client.post(f"/plans/{plan.pk}/reject/", form)
        assert (answer.status_code, Vote.objects.exists()) == (422, False)
        assert 'id="id_reason_error"' in answer.content.decode()
        answer = client.post(f"/plans/{plan.pk}/reject/", form | {"reason": "not today"}, follow=True)
        assert "is rejected. Nothing is sent." in text_of(answer)
        assert Plan.objects.get().status == "REJECTED"

    def test_the_requester_is_refused(self, plan: Plan, asker: User) -> None:
        form = {"content_hash": plan.current_version.content_hash, "reason": "mine"}
        for action in ("approve", "reject"):
            answer = signed_in(asker).post(f"/plans/{plan.pk}/{action}/", form)
            assert answer.status_code == 403
            assert "somebody else has to decide" in text_of(answer)
            assert "mine" in answer.content.decode()
        assert not Vote.objects.exists()
        assert Plan.objects.get().status == "PENDING"
        assert PlanRefusal.objects.count() == 2

    @pytest.mark.parametrize("action", ["approve", "reject", "edit", "abort"])
    @pytest.mark.parametrize("role", ["auditor", "admin"])
    def test_those_who_only_look_are_refused(self, role: str, action: str, plan: Plan) -> None:
        form = {"content_hash": plan.current_version.content_hash, "reason": "x", "strategy": "balanced"}
        assert as_(role).post(f"/plans/{plan.pk}/{action}/", form).status_code == 403
        assert Plan.objects.get().status == "PENDING"

    def test_a_newer_version_is_explained_and_the_words_are_kept(self, plan: Plan, thermostats: Cohort) -> None:
        old = plan.current_version.content_hash
        factories.add_version(plan, {thermostats: [factories.Called(50)]})
        answer = as_("supervisor").post(f"/plans/{plan.pk}/approve/", {"content_hash": old, "reason": "fine by me"})
        assert answer.status_code == 409
        text = text_of(answer)
        assert f"Plan {plan.pk} has moved on to version 2" in text
        assert "The numbers below are those of version 2" in text
        assert "to 50 endpoints" in text
        assert "fine by me" in answer.content.decode()
        assert hidden(answer, "content_hash") == Plan.objects.get().current_version.content_hash
        assert not Vote.objects.exists()

    def test_somebody_was_first(self, plan: Plan) -> None:
        form = {"content_hash": plan.current_version.content_hash, "reason": "late"}
        as_("supervisor").post(f"/plans/{plan.pk}/reject/", form)
        answer = signed_in(person("sue", "supervisor")).post(f"/plans/{plan.pk}/approve/", form)
        assert answer.status_code == 409
        assert re.search(r"is REJECTED \(by one-supervisor, 2023-09-06 \d\d:00", text_of(answer))
        assert Vote.objects.count() == 1

    def test_too_late(self, plan: Plan) -> None:
        Clock.objects.update(scenario_anchor=plan.approve_by)
        form = {"content_hash": plan.current_version.content_hash, "reason": ""}
        answer = as_("supervisor").post(f"/plans/{plan.pk}/approve/", form)
        assert (answer.status_code, Vote.objects.exists()) == (409, False)

    def test_edit_asks_for_another_version(self, plan: Plan, thermostats: Cohort) -> None:
        client = as_("supervisor")
        look = client.get(f"/plans/{plan.pk}/edit/")
        form = {
            "content_hash": hidden(look, "content_hash"),
            "strategy": "reliability",
            "target_mw": "0.2",
            "cohorts": [thermostats.pk],
            "reason": "less",
        }
        assert client.post(f"/plans/{plan.pk}/edit/", form).status_code == 302
        asked = PlanRequest.objects.get(number=2)
        assert (asked.strategy, str(asked.target_mw), asked.reason) == ("reliability", "0.200", "less")
        assert asked.cohort_ids == [thermostats.pk]

    def test_edit_without_a_reason_keeps_what_was_typed(self, plan: Plan) -> None:
        form = {"content_hash": plan.current_version.content_hash, "strategy": "reliability", "target_mw": "0.2"}
        answer = as_("supervisor").post(f"/plans/{plan.pk}/edit/", form)
        assert answer.status_code == 422
        assert 'value="0.2"' in answer.content.decode()
        assert Plan.objects.get().status == "PENDING"

    def test_abort_needs_one_person_and_one_form(self, plan: Plan, asker: User) -> None:
        client = signed_in(asker)
        assert "Withdraw plan" in text_of(client.get(f"/plans/{plan.pk}/abort/"))
        answer = client.post(f"/plans/{plan.pk}/abort/", {"reason": ""}, follow=True)
        assert f"Plan {plan.pk} is withdrawn. Nothing was sent." in text_of(answer)
        assert client.post(f"/plans/{plan.pk}/abort/", {"reason": ""}).status_code == 409

    def test_forms_need_their_token(self, plan: Plan) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(person("sue", "supervisor"))
        form = {"content_hash": plan.current_version.content_hash}
        answer = strict.post(f"/plans/{plan.pk}/approve/", form)
        assert (answer.status_code, Vote.objects.exists()) == (403, False)
        assert "The form was too old" in text_of(answer)


class TestEvents:
    @pytest.fixture
    def sent(self, plan: Plan) -> Plan:
        factories.approve(plan, person("sam", "supervisor"))
        factories.move(plan, Status.AUTHORISED)
        run_once(at=PROPOSED_AT, wall_at=timezone.now())
        return plan

    def test_an_event_shows_plan_and_that_nothing_is_measured_yet(self, sent: Plan) -> None:
        text = text_of(as_("auditor").get(f"/events/{sent.pk}/"))
        assert "simulated telemetry" in text
        assert "nothing measured yet" in text
        assert "of 100 called" in text
        assert "Abort" not in text

    def test_a_running_event_can_be_aborted(self, sent: Plan) -> None:
        client = as_("operator")
        assert f"/plans/{sent.pk}/abort/" in client.get(f"/events/{sent.pk}/").content.decode()
        assert f"Abort plan {sent.pk} now?" in text_of(client.get(f"/plans/{sent.pk}/abort/"))
        client.post(f"/plans/{sent.pk}/abort/", {"reason": "storm"})
        assert Plan.objects.get().status == "ABORTING"

    def test_a_plan_that_was_not_sent_has_no_event(self, plan: Plan) -> None:
        answer = as_("operator").get(f"/events/{plan.pk}/")
        assert answer.status_code == 404
        assert "nothing was sent" in text_of(answer)

    def test_signals_name_receiver_and_bytes(self, sent: Plan) -> None:
        text = text_of(as_("auditor").get(f"/signals/?plan={sent.pk}"))
        assert f"plan-{sent.pk}-v1-residential-standard-dallas" in text
        assert "(simulated)" in text
        assert "No signal has gone out" in text_of(as_("admin").get("/signals/?plan=999999"))


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
