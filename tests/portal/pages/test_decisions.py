"""Deciding by plain forms (no JavaScript runs here), and following the event."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils import timezone

from cohorts.models import Cohort
from dispatch.operations import run_once
from grid.models import Clock
from planning.core.lifecycle import Status
from planning.models import Plan, PlanRefusal, PlanRequest, Vote
from portal.models import User
from tests import factories
from tests.factories import PROPOSED_AT
from tests.portal.pages.browsing import as_, hidden, person, signed_in, text_of


class TestDecide:
    """All of it by plain forms: no JavaScript runs here."""

    def test_approve_by_a_second_look_and_a_form(self, plan: Plan) -> None:
        client = as_("supervisor")
        look = client.get(f"/plans/{plan.pk}/approve/")
        assert re.search(
            r"Ask Residential Standard Dallas \(100 endpoints\) for 0\.\d MW less, Wed 6 Sep 16:00–18:00 CDT\.",
            text_of(look),
        )
        form = {"content_hash": hidden(look, "content_hash"), "reason": "tight evening"}
        answer = client.post(f"/plans/{plan.pk}/approve/", form, follow=True)
        hash_start = plan.current_version.content_hash[:8]
        assert (
            f"Recorded: your vote on version 1 (content {hash_start}…). Plan {plan.pk} is approved and will be sent:"
            " dispatch sends it to 100 endpoints within seconds, at the latest by 15:30 CDT;"
            " it starts Wed 6 Sep 16:00 CDT." in text_of(answer)
        )
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
        hash_start = plan.current_version.content_hash[:8]
        assert (
            f"Recorded: your vote on version 1 (content {hash_start}…). Plan {plan.pk} is rejected. Nothing is sent."
            in text_of(answer)
        )
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

    @pytest.mark.parametrize("action", ["approve", "reject"])
    def test_the_requester_is_told_before(self, action: str, plan: Plan, asker: User) -> None:
        look = signed_in(asker).get(f"/plans/{plan.pk}/{action}/")
        assert f"You cannot {action} it: whoever asked for a plan or for a change of it cannot vote on it" in text_of(
            look
        )
        assert 'name="content_hash"' not in look.content.decode()

    def test_somebody_else_gets_the_form(self, plan: Plan) -> None:
        look = signed_in(person("omar", "operator")).get(f"/plans/{plan.pk}/reject/")
        assert hidden(look, "content_hash") == plan.current_version.content_hash
        assert "You cannot" not in text_of(look)

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
        assert "(50 endpoints)" in text
        assert "Changed Version 1 Version 2" in text
        assert "Accounts called 100 50" in text
        assert "fine by me" in answer.content.decode()
        assert hidden(answer, "content_hash") == Plan.objects.get().current_version.content_hash
        assert not Vote.objects.exists()

    def test_somebody_was_first(self, plan: Plan) -> None:
        form = {"content_hash": plan.current_version.content_hash, "reason": "late"}
        as_("supervisor").post(f"/plans/{plan.pk}/reject/", form)
        answer = signed_in(person("sue", "supervisor")).post(f"/plans/{plan.pk}/approve/", form)
        assert answer.status_code == 409
        text = text_of(answer)
        assert f"Plan {plan.pk} is REJECTED (by one-supervisor, Wed 6 Sep 2023 14:00 CDT); no decision is open." in text
        assert "It is rejected (by one-supervisor, Wed 6 Sep 14:00 CDT): nothing is left to approve." in text
        assert Vote.objects.count() == 1

    def test_too_late(self, plan: Plan) -> None:
        Clock.objects.update(scenario_anchor=plan.approve_by)
        form = {"content_hash": plan.current_version.content_hash, "reason": ""}
        answer = as_("supervisor").post(f"/plans/{plan.pk}/approve/", form)
        assert (answer.status_code, Vote.objects.exists()) == (409, False)
        assert f"Plan {plan.pk} had to be decided by Wed 6 Sep 2023 15:25 CDT; that time has passed." in text_of(answer)

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
        assert "No signal matches" in text_of(as_("admin").get("/signals/?plan=999999"))
