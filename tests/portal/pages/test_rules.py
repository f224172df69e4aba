"""The page of rules: what changes who decides, or how, takes a password beside the session."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from grid.core.intervals import CENTRAL
from planning.core.policy import DEFAULT_POLICY
from planning.models import ApprovalPolicy, Delegation, PolicyConfirmation
from portal.models import User
from tests.factories import PROPOSED_AT
from tests.keys import password_of
from tests.portal.pages.browsing import person, signed_in, text_of

NEEDED = "This needs your password too: it changes who decides, or how."


@pytest.fixture
def sam(surroundings: None) -> User:
    return person("sam", "supervisor")


@pytest.fixture
def sue(surroundings: None) -> User:
    return person("sue", "supervisor")


def client_of(user: User) -> Client:
    password_of(user)
    return signed_in(user)


def loan(**more: Any) -> dict[str, Any]:
    until = (PROPOSED_AT + timedelta(hours=6)).astimezone(CENTRAL)
    return {"delegate": "sue", "ends_at": f"{until:%Y-%m-%dT%H:%M}", "max_mw": "30", "reason": "dentist", **more}


def change(**more: Any) -> dict[str, Any]:
    rules = json.loads(DEFAULT_POLICY)
    rules["rules"][1]["needs"]["step_up"] = "none"
    rules["break_glass"]["max_mw"] = "80"
    return {"rules": json.dumps(rules), "reason": "quicker", **more}


class TestLending:
    @pytest.mark.parametrize(("given", "says"), [({}, NEEDED), ({"password": "sue"}, "The password is not right.")])
    def test_a_session_alone_lends_nothing(self, given: dict[str, str], says: str, sam: User, sue: User) -> None:
        answer = client_of(sam).post("/rules/delegate/", loan(**given))
        assert (answer.status_code, says in text_of(answer)) == (403, True)
        assert not Delegation.objects.exists()

    def test_with_the_password(self, sam: User, sue: User) -> None:
        answer = client_of(sam).post("/rules/delegate/", loan(password="sam"))
        assert (answer.status_code, answer["Location"]) == (302, "/rules/")
        assert Delegation.objects.get().delegator == sam


class TestChanging:
    def test_two_sessions_alone_change_nothing(self, sam: User, sue: User) -> None:
        first, second = client_of(sam), client_of(sue)
        refused = first.post("/rules/policy/", change())
        assert (refused.status_code, NEEDED in text_of(refused)) == (403, True)
        assert first.post("/rules/policy/", change(password="sam")).status_code == 302
        refused = second.post("/rules/policy/2/confirm/", {})
        assert (refused.status_code, NEEDED in text_of(refused)) == (403, True)
        assert not PolicyConfirmation.objects.filter(policy__number=2).exists()
        assert second.post("/rules/policy/2/confirm/", {"password": "sue"}).status_code == 302
        assert ApprovalPolicy.objects.get(number=2).confirmation.by == sue

    def test_the_second_person_reads_what_changes(self, sam: User, sue: User) -> None:
        client_of(sam).post("/rules/policy/", change(password="sam"))
        page = text_of(client_of(sue).get("/rules/"))
        for said in (
            "New: 20 MW or more in the largest quarter-hour: 1 supervisor, signed in",
            "No longer: 20 MW or more in the largest quarter-hour: 1 supervisor, password",
            "All other rules stay as they are.",
            "New: Break-glass up to 80 MW, reviewed within 24 h (now 60 MW, 24 h)",
        ):
            assert said in page
        assert "New: every plan" not in page
