"""The supervisors' site: the queue first, two buttons that call the operations, and nothing else that writes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from cohorts.models import Cohort
from grid import clock
from planning.models import Plan, PlanRefusal, PlanRequest, Vote
from portal.models import User
from tests.planning import builders
from tests.planning.builders import AT, Wanted, add_version, hash_of, pending_plan
from tests.portal.api import row_counts


def signed_in(person: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(person)
    return client


@pytest.fixture
def supervisor(db: None) -> User:
    return builders.person("sam", "supervisor", is_staff=True)


def decide(client: Client, plan: Plan, action: str, **form: str) -> Any:
    given = {"content_hash": hash_of(plan)} | form
    return client.post(f"/admin/planning/plan/{plan.pk}/{action}/", given, follow=True)


def said(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


class TestQueue:
    def test_is_the_first_thing_a_supervisor_sees(self, plan: Plan, supervisor: User) -> None:
        page = signed_in(supervisor).get("/admin/").content.decode()
        assert page.index("Awaiting a vote: 1") < page.index(f'href="/admin/planning/plan/{plan.pk}/change/"')
        assert page.index(f"/admin/planning/plan/{plan.pk}/change/") < page.index("/admin/cohorts/cohort/")
        assert "15.0" in page
        assert "14.0" in page
        assert "83 %" in page

    def test_the_list_opens_with_what_waits(
        self, plan: Plan, operator: User, pearland: Cohort, supervisor: User
    ) -> None:
        done = pending_plan(operator, pearland, status="REJECTED")
        client = signed_in(supervisor)
        waiting = client.get("/admin/planning/plan/").content.decode()
        assert f"Plan {plan.pk}</a>" in waiting
        assert f"Plan {done.pk}</a>" not in waiting
        everything = client.get("/admin/planning/plan/?queue=all").content.decode()
        assert everything.index(f"Plan {plan.pk}</a>") < everything.index(f"Plan {done.pk}</a>")

    def test_query_count_does_not_grow(
        self, operator: User, pearland: Cohort, supervisor: User, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(6):
            pending_plan(operator, pearland)
        client = signed_in(supervisor)
        with django_assert_max_num_queries(14):
            client.get("/admin/planning/plan/")

    def test_the_question_has_the_numbers_and_names_the_content(self, plan: Plan, supervisor: User) -> None:
        page = signed_in(supervisor).get(f"/admin/planning/plan/{plan.pk}/change/").content.decode()
        assert "(Firm 14.0 MW; chance to meet the target of" in page
        assert "100 endpoints" in page
        assert page.count(f'value="{hash_of(plan)}"') == 2
        assert "Approve 15.0 MW less" in page
        assert 'name="_save"' not in page


class TestDecide:
    def test_approve(self, plan: Plan, supervisor: User) -> None:
        answer = decide(signed_in(supervisor), plan, "approve", reason="tight")
        assert said(answer) == [f"Your vote for plan {plan.pk} is recorded; it is approved, not sent yet."]
        vote = Vote.objects.get()
        assert (vote.voter, vote.decision, vote.reason) == (supervisor, "APPROVE", "tight")

    def test_reject(self, plan: Plan, supervisor: User) -> None:
        decide(signed_in(supervisor), plan, "reject", reason="too hot")
        assert Plan.objects.get().status == "REJECTED"

    def test_reject_needs_a_reason(self, plan: Plan, supervisor: User) -> None:
        answer = decide(signed_in(supervisor), plan, "reject", reason="")
        assert said(answer) == ["Say why: a reason is needed here."]
        assert Plan.objects.get().status == "PENDING"

    def test_a_content_that_moved_on(self, plan: Plan, operator: User, pearland: Cohort, supervisor: User) -> None:
        old = hash_of(plan)
        request = PlanRequest.objects.create(plan=plan, number=2, by=operator, at=AT, strategy="balanced")
        add_version(plan, request, pearland, Wanted(approve_by=plan.approve_by))
        answer = decide(signed_in(supervisor), plan, "approve", content_hash=old)
        assert "has moved on to version 2" in said(answer)[0]
        assert not Vote.objects.exists()
        assert PlanRefusal.objects.get().by == supervisor

    def test_ones_own_plan(self, supervisor: User, pearland: Cohort) -> None:
        plan = pending_plan(supervisor, pearland, approve_by=clock.now() + timedelta(minutes=30))
        client = signed_in(supervisor)
        page = client.get(f"/admin/planning/plan/{plan.pk}/change/").content.decode()
        assert "somebody else has to decide" in page
        assert 'MW less"' not in page
        assert "somebody else has to decide" in said(decide(client, plan, "approve"))[0]
        assert not Vote.objects.exists()

    def test_the_admin_role_has_no_vote(self, plan: Plan) -> None:
        client = signed_in(builders.person("adam", "admin", is_staff=True))
        assert 'MW less"' not in client.get(f"/admin/planning/plan/{plan.pk}/change/").content.decode()
        assert "Your role does not allow this" in said(decide(client, plan, "approve"))[0]
        assert not Vote.objects.exists()

    def test_a_superuser_flag_is_no_vote(self, plan: Plan) -> None:
        client = signed_in(builders.person("root", is_staff=True, is_superuser=True))
        before = Vote.objects.count()
        client.post(f"/admin/planning/plan/{plan.pk}/approve/", {"content_hash": hash_of(plan)})
        assert (Vote.objects.count(), Plan.objects.get().status) == (before, "PENDING")

    def test_an_operator_who_is_no_staff_stays_outside(self, plan: Plan, other: User) -> None:
        answer = decide(signed_in(other), plan, "approve")
        assert answer.status_code == 403
        assert not Vote.objects.exists()

    def test_needs_its_csrf_token(self, plan: Plan, supervisor: User) -> None:
        client = signed_in(supervisor, enforce_csrf_checks=True)
        answer = client.post(f"/admin/planning/plan/{plan.pk}/approve/", {"content_hash": hash_of(plan)})
        assert answer.status_code == 403
        assert not Vote.objects.exists()

    def test_looking_is_no_vote(self, plan: Plan, supervisor: User) -> None:
        client = signed_in(supervisor)
        assert client.get(f"/admin/planning/plan/{plan.pk}/approve/").status_code == 405
        assert not Vote.objects.exists()

    @pytest.mark.parametrize("action", ["approve", "reject"])
    def test_a_plan_that_does_not_exist(self, action: str, plan: Plan, supervisor: User) -> None:
        path = f"/admin/planning/plan/{plan.pk + 1}/{action}/"
        assert signed_in(supervisor).post(path, {"reason": "x"}).status_code == 404


MODELS = ("plan", "planversion", "planrequest", "plannedevent", "vote", "transition", "planrefusal")


class TestReadOnly:
    @pytest.mark.parametrize("model", MODELS)
    def test_nothing_can_be_added_changed_or_deleted(self, model: str, plan: Plan, supervisor: User) -> None:
        approver = builders.person("sue", "supervisor")
        Vote.objects.create(
            version=plan.current_version, content_hash=hash_of(plan), voter=approver, decision="APPROVE", at=AT
        )
        refusal = plan.refusals.create(attempted="approve", why="test", at=AT)
        rows = {"plan": plan.pk, "vote": Vote.objects.get().pk, "planrefusal": refusal.pk}
        rows |= {"planversion": plan.current_version_id, "planrequest": plan.requests.get().pk}
        rows |= {"plannedevent": plan.current_version.events.get().pk, "transition": plan.transitions.first().pk}
        client, base = signed_in(supervisor), f"/admin/planning/{model}/"
        before = row_counts()
        assert client.get(base).status_code == 200
        assert client.get(f"{base}{rows[model]}/change/").status_code == 200
        assert client.get(f"{base}add/").status_code == 403
        assert client.post(f"{base}add/", {}).status_code == 403
        assert client.post(f"{base}{rows[model]}/change/", {"status": "AUTHORISED"}).status_code == 403
        assert client.post(f"{base}{rows[model]}/delete/", {"post": "yes"}).status_code == 403
        chosen = {"action": "delete_selected", "_selected_action": rows[model], "post": "yes"}
        assert client.post(base, chosen).status_code in {200, 302, 403}
        assert row_counts() == before
        assert Plan.objects.get().status == "PENDING"

    @pytest.mark.parametrize("model", MODELS)
    def test_whoever_may_not_view_plans_sees_none(self, model: str, plan: Plan) -> None:
        client = signed_in(builders.person("norm", is_staff=True))
        assert client.get(f"/admin/planning/{model}/").status_code == 403
        assert "Awaiting a vote" not in client.get("/admin/").content.decode()


class TestSignIn:
    def test_is_the_portals_own(self, db: None) -> None:
        answer = Client().get("/admin/planning/plan/", follow=True)
        assert answer.redirect_chain[-1][0].startswith("/sign-in/?next=")

    def test_whoever_is_no_staff_is_told_so(self, other: User) -> None:
        assert signed_in(other).get("/admin/", follow=True).status_code == 403
