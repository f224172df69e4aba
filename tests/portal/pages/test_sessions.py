"""A sign-in ends at a known time; the page says so before, and it can be extended without leaving the page."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from portal.models import User
from tests import factories
from tests.portal.pages.browsing import as_, text_of

SHIFT = timedelta(seconds=settings.SESSION_COOKIE_AGE)
WORDS = "You will be signed out in"


@pytest.fixture
def olivia(surroundings: None) -> User:
    """With a password that is the name."""
    return factories.person("olivia", "operator")


@pytest.fixture
def client(olivia: User) -> Client:
    client = Client()
    client.post("/sign-in/", {"username": "olivia", "password": "olivia"})
    return client


def let_it_end(client: Client, left: timedelta) -> None:
    session = client.session
    session.set_expiry(timezone.now() + left)
    session.save()


def ends_at(client: Client) -> datetime:
    return Session.objects.get(pk=client.session.session_key).expire_date


class TestTheEnd:
    def test_is_a_shift_after_the_beginning_and_nothing_is_said_until_it_is_near(self, client: Client) -> None:
        left = ends_at(client) - timezone.now()
        assert SHIFT - timedelta(minutes=1) < left <= SHIFT
        assert WORDS not in text_of(client.get("/plans/"))

    @pytest.mark.parametrize(
        ("left", "words"),
        [
            (timedelta(minutes=8, seconds=30), f"{WORDS} 8 min."),
            (timedelta(seconds=40), f"{WORDS} less than a minute."),
        ],
    )
    def test_is_announced(self, left: timedelta, words: str, client: Client) -> None:
        let_it_end(client, left)
        assert words in text_of(client.get("/plans/"))
        assert words in text_of(client.get("/frame/", HTTP_HX_REQUEST="true", HTTP_HX_TARGET="frame-clock"))

    def test_is_moved_on_by_whoever_stays(self, client: Client) -> None:
        let_it_end(client, timedelta(minutes=5))
        answer = client.post("/sign-in/stay/", HTTP_HX_REQUEST="true", HTTP_HX_TARGET="frame-clock")
        assert answer.status_code == 200
        assert WORDS not in text_of(answer)
        assert ends_at(client) - timezone.now() > SHIFT - timedelta(minutes=1)

    def test_is_moved_on_without_scripts_too(self, client: Client) -> None:
        let_it_end(client, timedelta(minutes=5))
        assert client.post("/sign-in/stay/", {"next": "/plans/"})["Location"] == "/plans/"
        assert client.post("/sign-in/stay/", {"next": "https://elsewhere.example/"})["Location"] == "/"

    def test_comes(self, client: Client) -> None:
        let_it_end(client, timedelta(seconds=-1))
        assert client.get("/plans/").status_code == 302

    def test_a_session_without_one_is_not_announced(self) -> None:
        assert WORDS not in text_of(as_("auditor").get("/plans/"))


def test_signing_out_says_so(client: Client) -> None:
    assert "Done. You are signed out." in text_of(client.post("/sign-out/", follow=True))
