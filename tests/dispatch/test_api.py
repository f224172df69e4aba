"""`GET /api/v1/signals`, and the record in the admin site."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dispatch.models import Signal
from dispatch.operations import run_once
from planning.models import Plan
from portal.models import ApiToken, User
from tests import factories
from tests.factories import PROPOSED_AT

AT = PROPOSED_AT + timedelta(minutes=10)
Role = Callable[[str], AbstractContextManager[None]]


@pytest.fixture
def sent(authorised: Plan, as_role: Role) -> Plan:
    with as_role("dispatch"):
        run_once(at=AT, wall_at=AT)
    return authorised


def get(person: User | None, as_role: Role, **query: Any) -> Any:
    headers = {}
    if person is not None:
        key = ApiToken.new_key()
        ApiToken.objects.create(user=person, digest=ApiToken.digest_of(key))
        headers = {"Authorization": f"Token {key}"}
    with as_role("web"):
        return Client(headers=headers).get("/api/v1/signals", query)


class TestSignals:
    def test_one_event_as_the_interface_has_it(self, sent: Plan, operator: User, as_role: Role) -> None:
        answer = get(operator, as_role, plan=sent.pk)
        assert answer.status_code == 200
        signal = Signal.objects.get()
        body = answer.json()
        assert body["next"] is None
        [found] = body["results"]
        wanted = {
            "id": signal.pk,
            "plan": sent.pk,
            "cohort": signal.planned_event.cohort_id,
            "event_id": f"plan-{sent.pk}-v1-residential-standard-dallas",
            "kind": "EVENT",
            "mw": float(signal.mw),
            "status": "SENT",
            "content_hash": signal.content_hash,
            "payload_sha256": signal.payload_sha256,
        }
        assert {name: found[name] for name in wanted} == wanted
        assert isinstance(found["mw"], float)
        assert found["sent_at"].startswith("2023-09-06T14:10:00-05:00")
        assert found["starts_at"].startswith("2023-09-06T16:00:00-05:00")
        assert found["ends_at"].startswith("2023-09-06T18:00:00-05:00")

    def test_all_plans_without_a_filter(self, sent: Plan, operator: User, as_role: Role) -> None:
        assert len(get(operator, as_role).json()["results"]) == 1

    def test_none_yet(self, authorised: Plan, operator: User, as_role: Role) -> None:
        assert get(operator, as_role, plan=authorised.pk).json() == {"results": [], "next": None}

    @pytest.mark.parametrize("plan", [987654, 10**20])
    def test_an_unknown_plan_is_404(self, plan: int, operator: User, as_role: Role) -> None:
        answer = get(operator, as_role, plan=plan)
        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["errors"][0]["field"] == "plan"

    @pytest.mark.parametrize("plan", ["seven", "0", "-1", "1.5"])
    def test_no_number_of_a_plan_is_422(self, plan: str, operator: User, as_role: Role) -> None:
        answer = get(operator, as_role, plan=plan)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "plan")

    def test_anonymous_is_401(self, sent: Plan, as_role: Role) -> None:
        assert get(None, as_role, plan=sent.pk).status_code == 401

    def test_without_the_right_is_403(self, sent: Plan, as_role: Role) -> None:
        assert get(factories.person("guest"), as_role, plan=sent.pk).status_code == 403

    def test_nothing_can_be_posted(self, sent: Plan, operator: User, as_role: Role) -> None:
        client = Client()
        client.force_login(operator)
        assert client.post("/api/v1/signals", {}, content_type="application/json").status_code == 405
        assert Signal.objects.count() == 1


class TestAdmin:
    @pytest.mark.parametrize("model", ["signal", "claim", "receipt", "eventresult", "ven"])
    def test_lists_for_reading_only(self, model: str, sent: Plan, supervisor: User) -> None:
        client = Client()
        client.force_login(supervisor)
        assert client.get(reverse(f"admin:dispatch_{model}_changelist")).status_code == 200
        assert client.get(reverse(f"admin:dispatch_{model}_add")).status_code == 403

    def test_shows_the_bytes_and_takes_no_change(self, sent: Plan, supervisor: User) -> None:
        signal = Signal.objects.get()
        client = Client()
        client.force_login(supervisor)
        change = reverse("admin:dispatch_signal_change", args=[signal.pk])
        page = client.get(change)
        assert page.status_code == 200
        assert "X_ENDPOINT_RANGES" in page.content.decode()
        assert client.post(change, {"status": "QUEUED"}).status_code == 403
        assert client.post(reverse("admin:dispatch_signal_delete", args=[signal.pk])).status_code == 403
        assert Signal.objects.get().status == "SENT"
