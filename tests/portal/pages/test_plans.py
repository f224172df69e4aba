"""Asking for a plan, and reading one."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from cohorts.models import Cohort
from planning.choices import reach
from planning.core.lifecycle import Status
from planning.models import Plan, PlanRequest
from portal.models import User
from tests import factories
from tests.factories import PROPOSED_AT, WINDOW_END, WINDOW_START
from tests.portal.pages.browsing import as_, hidden, person, signed_in, text_of


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
        assert re.search(r'<noscript>\s*<meta http-equiv="refresh"', answer.content.decode())

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

    def test_shows_what_is_possible_in_the_window_before_asking(self, thermostats: Cohort, asker: User) -> None:
        factories.observe_temperature(start=PROPOSED_AT - timedelta(hours=58), hours=48)
        everyone, _asked = reach(chosen=(), start=WINDOW_START, end=WINDOW_END, at=PROPOSED_AT)
        answer = signed_in(asker).get("/plans/new/", self.FORM)
        text = text_of(answer)
        assert "What is possible Wed 6 Sep 16:00–18:00 CDT" in text
        available = f"{everyone.available_p50_mw:.1f}"
        assert (
            f"Enrolled, MW {everyone.enrolled_mw:.1f} Available, MW {available} expected, on average"
            f" Firm, MW {everyone.firm_p90_mw:.1f} or more, 9 times in 10" in text
        )
        assert f"{thermostats.name} {everyone.enrolled_mw:.1f} {available}" in text
        assert "25 of 25" in text
        assert not Plan.objects.exists()

    def test_says_how_many_calls_a_programme_has_left(self, thermostats: Cohort, asker: User) -> None:
        factories.authorised_plan(
            {thermostats: [factories.Called(100)]}, requested_by=asker, voter=person("sam", "supervisor")
        )
        assert "24 of 25" in text_of(signed_in(asker).get("/plans/new/", self.FORM))

    def test_a_quick_choice_fills_the_window_and_keeps_the_rest(self, thermostats: Cohort, asker: User) -> None:
        client = signed_in(asker)
        typed = {"strategy": "reliability", "target_mw": "0.25", "cohorts": [thermostats.pk], "key": "k1"}
        for fill, start, end in (
            ("next", "2023-09-06T15:00", "2023-09-06T17:00"),
            ("evening", "2023-09-06T18:00", "2023-09-06T21:00"),
        ):
            body = client.get("/plans/new/", typed | {"fill": fill}).content.decode()
            assert f'name="window_start" value="{start}"' in body
            assert f'name="window_end" value="{end}"' in body
            assert 'name="target_mw" value="0.25"' in body
            assert 'name="key" value="k1"' in body
            assert re.search(r'value="reliability"[^>]*checked', body)
            assert re.search(rf'name="cohorts" value="{thermostats.pk}"[^>]*checked', body)
        assert not Plan.objects.exists()

    def test_the_fragment_brings_the_numbers_of_the_cohorts_along(self, thermostats: Cohort, asker: User) -> None:
        polls = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "possible"}
        body = signed_in(asker).get("/plans/new/", self.FORM, **polls).content.decode()
        assert body.strip().startswith('<section class="panel possible"')
        assert re.search(rf'<span id="firm-{thermostats.pk}"\s+hx-swap-oob="true">', body)

    @pytest.mark.parametrize(
        ("window", "words"),
        [
            ({"window_end": ""}, "A window needs its start and its end."),
            ({"window_start": "tomorrow"}, "Give day and time as"),
            ({"window_start": "2023-09-06T19:00"}, "end must be later than start"),
        ],
    )
    def test_a_window_that_is_not_one_yet_is_said_to_be(
        self, window: dict[str, str], words: str, thermostats: Cohort, asker: User
    ) -> None:
        answer = signed_in(asker).get("/plans/new/", self.FORM | window)
        assert answer.status_code == 200
        assert words in text_of(answer)

    def test_no_token_stands_in_an_address(self, thermostats: Cohort, asker: User) -> None:
        """Only the button that generates carries it; the others send the form by GET."""
        body = signed_in(asker).get("/plans/new/").content.decode()
        wish = body[body.index('<form method="get"') :]
        assert re.findall(r'<(\w+)[^>]*name="csrfmiddlewaretoken"', wish[: wish.index("</form>")]) == ["button"]

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
        assert re.search(
            r"Ask Residential Standard Dallas \(100 endpoints\) for 0\.\d MW less, Wed 6 Sep 16:00–18:00 CDT\?", text
        )
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

    def test_the_list_tells_deadlines_on_a_phone_too(self, plan: Plan) -> None:
        body = as_("auditor").get("/plans/").content.decode()
        assert re.search(r'<small class="block only-s">decide by 15:25 CDT', body)

    def test_to_decide_stands_most_mw_soonest_first(self, plan: Plan, asker: User) -> None:
        larger = factories.plan_of({factories.cohort("larger"): [factories.Called(200)]}, requested_by=asker)
        smaller = factories.plan_of({factories.cohort("smaller"): [factories.Called(10)]}, requested_by=asker)
        client = as_("auditor")

        def order(show: str) -> list[int]:
            body = client.get(f"/plans/?show={show}").content.decode()
            return [int(pk) for pk in re.findall(r'id="plan-(\d+)"', body)]

        assert order("open") == [larger.pk, plan.pk, smaller.pk]
        assert order("all") == [smaller.pk, larger.pk, plan.pk]

    def test_the_list_is_a_file(self, plan: Plan) -> None:
        lines = as_("auditor").get("/plans/?show=open&csv=plans").content.decode().splitlines()
        assert lines[0].startswith("plan,status,version,strategy,window_start,window_end,planned_p50_mw,firm_p90_mw")
        assert lines[1].startswith(f"{plan.pk},PENDING,1,balanced,2023-09-06T16:00:00-05:00,2023-09-06T18:00:00-05:00,")
        assert lines[1].endswith(",2023-09-06T15:25:00-05:00,olivia,2023-09-06T14:00:00-05:00")
