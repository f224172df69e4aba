"""The pages that help: keys, the style guide, and every kind of error with its id."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from django.core.exceptions import SuspiciousOperation
from django.test import Client

from planning.core.lifecycle import Status
from planning.models import Plan
from portal.incidents import RequestIdFilter
from tests.portal.pages.browsing import as_, text_of

ID = re.compile(r"\b[0-9a-f]{8}\b")


class TestStyleGuide:
    def test_shows_every_state_of_a_plan_in_both_themes(self) -> None:
        body = as_("auditor").get("/styleguide/").content.decode()
        shown = re.findall(r'data-status="(\w+)"', body)
        assert sorted(shown) == sorted(2 * [status.value for status in Status])
        assert 'class="side stack" data-theme="light"' in body
        assert 'class="side stack" data-theme="dark"' in body

    def test_no_id_stands_twice(self) -> None:
        ids = re.findall(r'\sid="([^"]+)"', as_("auditor").get("/styleguide/").content.decode())
        assert sorted(ids) == sorted(set(ids))

    def test_names_what_is_stale_and_tells_the_repeated_hour_apart(self) -> None:
        text = text_of(as_("auditor").get("/styleguide/"))
        assert "stale 47 min" in text
        assert re.search(r"Sun 1 Nov 01:30 CDT ?, and an hour later Sun 1 Nov 01:30 CST", text)
        assert "ERCOT does not say" in text

    def test_its_table_is_a_file_too(self) -> None:
        answer = as_("auditor").get("/styleguide/?csv=cohorts")
        assert answer["Content-Disposition"] == 'attachment; filename="sample-cohorts.csv"'
        assert answer.content.decode().splitlines()[0] == "cohort,mean_mw,p10_mw,p90_mw,enrolled_mw"


class TestKeys:
    def test_name_the_pages_of_the_navigation(self) -> None:
        answer = as_("operator").get("/keys/")
        assert "g o Overview" in text_of(answer)
        assert "g p Plans" in text_of(answer)

    def test_can_be_turned_off_for_a_browser(self) -> None:
        client = as_("operator")
        assert "portal/js/keys" in client.get("/keys/").content.decode()
        assert client.post("/preferences/", {"shortcuts": "off", "next": "/keys/"})["Location"] == "/keys/"
        answer = client.get("/keys/")
        assert "portal/js/keys" not in answer.content.decode()
        assert "Single keys are off in this browser." in text_of(answer)

    def test_no_two_pages_share_a_key(self) -> None:
        body = as_("supervisor").get("/").content.decode()
        keys = re.findall(r'data-keys="(g \w)"', body)
        assert keys
        assert len(keys) == len(set(keys))

    def test_a_plan_names_what_can_be_decided(self, plan: Plan) -> None:
        body = as_("supervisor").get(f"/plans/{plan.pk}/").content.decode()
        found = dict(re.findall(r'data-keys="(\w)"\s+aria-keyshortcuts="\w"\s+href="([^"]+)"', body))
        assert found == {
            key: f"/plans/{plan.pk}/{action}/"
            for key, action in {"a": "approve", "r": "reject", "e": "edit", "x": "abort"}.items()
        }


class TestErrors:
    @pytest.mark.parametrize(
        ("path", "status", "words"),
        [
            ("/nowhere/", 404, "There is no such page"),
            ("/plans/999999/", 404, "There is no plan 999999."),
            ("/plans/new/", 403, "You may not do this"),
        ],
    )
    def test_say_what_happened_why_and_what_now(
        self, path: str, status: int, words: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING, logger="django.request"):
            answer = as_("auditor").get(path)
        text = text_of(answer)
        assert answer.status_code == status
        assert words in text
        assert "Why " in text
        assert "What now " in text
        assert "DRILL: a drill" in text
        assert f"Id {answer['X-Request-ID']}" in text
        [record] = caplog.records
        assert RequestIdFilter().filter(record)
        assert record.request_id == answer["X-Request-ID"]  # type: ignore[attr-defined]

    def test_a_request_nobody_can_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def suspicious(*args: Any, **kwargs: Any) -> Any:
            raise SuspiciousOperation("too many fields")

        client = as_("auditor")
        monkeypatch.setattr("portal.views.keys.show", suspicious)
        answer = client.get("/keys/")
        assert (answer.status_code, "could not read this request" in text_of(answer)) == (400, True)
        assert "too many fields" not in text_of(answer)

    @pytest.mark.parametrize(
        ("path", "allowed"), [("/clock/step/", "POST"), ("/sign-out/", "POST"), ("/rules/freeze/", "POST")]
    )
    def test_what_only_a_button_does_says_so(self, path: str, allowed: str) -> None:
        answer = as_("supervisor").get(path)
        text = text_of(answer)
        assert answer.status_code == 405
        assert allowed in answer["Allow"]
        assert "This address only does something when its button is pressed" in text
        assert f"Id {answer['X-Request-ID']}" in text
        assert "DRILL: a drill" in text

    def test_machines_get_no_page(self) -> None:
        answer = Client().post("/healthz")
        assert (answer.status_code, answer.content) == (405, b"")

    def test_each_request_has_an_id_of_its_own(self) -> None:
        client = Client()
        ids = {client.get("/sign-in/")["X-Request-ID"] for _ in range(3)}
        assert len(ids) == 3
        assert all(ID.fullmatch(each) for each in ids)
        assert client.get("/sign-in/", HTTP_X_REQUEST_ID="mine")["X-Request-ID"] != "mine"
