"""Enrolment as pages: the way past it after a sign-in, what proves it, what a person is told of their keys."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from planning.models import Passkey, PlanRefusal
from planning.operations import end_passkey
from portal.models import User
from portal.software_authenticator import SoftwareAuthenticator
from tests import factories
from tests.keys import PARTY, Keyring, lose_all, some_key
from tests.planning.builders import everything
from tests.portal.pages.browsing import as_, signed_in, text_of


@pytest.fixture
def sam(surroundings: None) -> User:
    """A supervisor whose password is the name."""
    return factories.person("sam", "supervisor")


def asked(client: Client, **proof: Any) -> Any:
    return client.post("/passkeys/challenge/", proof)


class TestAfterSigningIn:
    def test_there_is_a_way_past_it(self, sam: User) -> None:
        answer = signed_in(sam).get("/passkeys/?next=/plans/%3Fstatus%3DPENDING")
        body = answer.content.decode()
        assert 'href="/plans/?status=PENDING">Later, go on</a>' in body
        assert "Scripts are off." in text_of(answer)  # said in <noscript>, beside the way past it
        assert 'type="password"' in body

    @pytest.mark.parametrize("onward", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)"])
    def test_not_to_elsewhere(self, onward: str, sam: User) -> None:
        body = signed_in(sam).get("/passkeys/", {"next": onward}).content.decode()
        assert "Later, go on" not in body
        assert f'href="{onward}' not in body

    def test_enrolling_leads_on(self, sam: User) -> None:
        client = signed_in(sam)
        options = asked(client, password="sam").json()["public_key"]
        made = json.dumps(SoftwareAuthenticator(PARTY).create(options))
        answer = client.post("/passkeys/?next=/plans/", {"credential": made, "label": "phone"})
        assert (answer.status_code, answer["Location"]) == (302, "/plans/")
        assert Passkey.objects.get().label == "phone"


class TestProof:
    def test_a_session_alone_enrols_nothing(self, sam: User) -> None:
        before = everything()
        answers = [asked(signed_in(sam)), asked(signed_in(sam), password="guess")]
        assert [answer.status_code for answer in answers] == [403, 403]
        assert [answer.json()["detail"] for answer in answers] == [
            "Enrolling a passkey needs your password.",
            "The password is not right.",
        ]
        assert everything() == before
        assert list(PlanRefusal.objects.values_list("by", "attempted")) == [(sam.pk, "enrol")] * 2

    def test_what_did_not_arrive_whole(self, sam: User) -> None:
        before = everything()
        assert asked(signed_in(sam), assertion="{").status_code == 422
        assert everything() == before

    def test_a_further_key_with_one_there_is(self, sam: User) -> None:
        client, key = signed_in(sam), Keyring().of(sam)
        page = client.get("/passkeys/").content.decode()
        assert 'data-proof="/passkeys/proof/"' in page
        assert 'type="password"' not in page
        assert asked(client, password="sam").status_code == 403
        signed = json.dumps(key.get(client.post("/passkeys/proof/").json()["public_key"]))
        made = json.dumps(SoftwareAuthenticator(PARTY).create(asked(client, assertion=signed).json()["public_key"]))
        assert client.post("/passkeys/", {"credential": made, "label": "second"}).status_code == 302
        assert [each.label for each in Passkey.objects.order_by("pk")] == ["test", "second"]

    def test_who_withdrew_the_last_one_is_told_what_to_do(self, sam: User) -> None:
        end_passkey(passkey_id=some_key(sam).pk, by=sam)
        answer = signed_in(sam).get("/passkeys/")
        assert "Ask an administrator to reset your passkeys" in text_of(answer)
        assert "data-passkey=" not in answer.content.decode()
        assert signed_in(sam).post("/passkeys/proof/").status_code == 409


class TestOverview:
    def test_says_that_there_is_none(self, sam: User) -> None:
        assert "You have no passkey yet." in text_of(signed_in(sam).get("/"))

    def test_says_that_one_was_enrolled_and_that_all_were_reset(self, sam: User) -> None:
        some_key(sam)
        told = text_of(signed_in(sam).get("/"))
        assert "A passkey was enrolled on" in told
        assert "“test”. Not by you? Withdraw it" in told
        lose_all(sam)
        assert "locksmith reset your passkeys on" in text_of(signed_in(sam).get("/"))
        assert "locksmith reset your passkeys" in text_of(signed_in(sam).get("/passkeys/"))

    def test_says_nothing_to_who_never_votes(self, surroundings: None) -> None:
        assert "passkey" not in text_of(as_("auditor").get("/"))
