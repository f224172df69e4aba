"""What a browser may choose: colours and shortcuts, by plain forms and cookies, before and after signing in."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.portal.pages.browsing import as_

pytestmark = pytest.mark.django_db


class TestTheme:
    def test_is_the_systems_until_chosen(self) -> None:
        body = Client().get("/sign-in/").content.decode()
        assert '<html lang="en">' in body
        assert 'content="light dark"' in body
        assert 'value="system" aria-pressed="true"' in " ".join(body.split())

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_stands_in_the_page_the_server_sends(self, theme: str) -> None:
        client = Client()
        answer = client.post("/preferences/", {"theme": theme, "next": "/sign-in/?next=/plans/"})
        assert (answer.status_code, answer["Location"]) == (302, "/sign-in/?next=/plans/")
        assert (client.cookies["theme"]["samesite"], client.cookies["theme"]["httponly"]) == ("Lax", True)
        body = client.get("/sign-in/").content.decode()
        assert f'<html lang="en" data-theme="{theme}">' in body
        assert f'<meta name="color-scheme" content="{theme}" />' in " ".join(body.split())
        client.post("/preferences/", {"theme": "system"})
        assert "data-theme" not in client.get("/sign-in/").content.decode()

    @pytest.mark.parametrize("theme", ['"><script>', "", "sepia"])
    def test_is_one_of_three(self, theme: str) -> None:
        client = Client()
        client.post("/preferences/", {"theme": theme})
        assert "theme" not in client.cookies
        client.cookies["theme"] = theme
        assert '<html lang="en">' in client.get("/sign-in/").content.decode()


class TestTheForm:
    def test_leads_nowhere_else(self) -> None:
        answer = Client().post("/preferences/", {"theme": "dark", "next": "https://elsewhere.example/"})
        assert answer["Location"] == "/"

    def test_is_a_post_with_its_token(self) -> None:
        assert Client().get("/preferences/").status_code == 405
        assert Client(enforce_csrf_checks=True).post("/preferences/", {"theme": "dark"}).status_code == 403

    def test_is_on_the_pages_of_people_signed_in(self) -> None:
        body = as_("auditor").get("/plans/").content.decode()
        assert 'action="/preferences/"' in body
        assert 'name="next" value="/plans/"' in " ".join(body.split())
