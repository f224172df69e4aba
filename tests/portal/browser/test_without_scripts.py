"""JavaScript is off: everything that decides still works, and every chart is a drawing with its numbers in a table."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.driving import Drill, Shown

pytestmark = pytest.mark.browser


def generate(page: Any, target_mw: str) -> int:
    page.goto("/plans/new/")
    page.fill("input[name=target_mw]", target_mw)
    page.click("main button:has-text('Generate plan')")
    page.wait_for_url(re.compile(r"/plans/\d+/$"))
    page.wait_for_selector("#state [data-status=PENDING]")  # the page asks again by itself, with a refresh
    return int(page.url.rstrip("/").rsplit("/", 1)[1])


def test_sign_in_generate_approve_abort_and_reject(workshop: Drill, open_page: Callable[..., Any]) -> None:
    supervisor = open_page(workshop, None, java_script_enabled=False)
    person = workshop.portal.credentials["supervisor"]
    supervisor.goto("/")
    supervisor.fill("input[name=username]", person["username"])
    supervisor.fill("input[name=password]", person["password"])
    supervisor.click("main button[type=submit]")
    if "/passkeys/" in supervisor.url:  # whoever has a key is not led there
        assert "Scripts are off." in supervisor.inner_text("main")
        supervisor.click("main a:has-text('Later, go on')")
    supervisor.wait_for_url(workshop.portal.base_url + "/")
    operator = open_page(workshop, "operator", java_script_enabled=False)

    first = generate(operator, "7")
    supervisor.goto(f"/plans/{first}/")
    supervisor.click(f"main a[href='/plans/{first}/approve/']")
    supervisor.click("main button:has-text('Approve')")
    assert f"Plan {first} is approved" in supervisor.inner_text("#said")
    supervisor.click(f"main a[href='/plans/{first}/abort/']")
    supervisor.click("main button.stop")
    assert f"Plan {first}" in supervisor.inner_text("#said")
    workshop.wait_for(first, "ABORTED", "CANCELLED")

    second = generate(operator, "5")
    supervisor.goto(f"/plans/{second}/reject/")
    supervisor.click("main button:has-text('Reject')")
    assert "Not done" in supervisor.inner_text("main [role=alert]")
    supervisor.fill("textarea[name=reason]", "the grid is calm")
    supervisor.click("main button:has-text('Reject')")
    assert f"Plan {second} is rejected" in supervisor.inner_text("#said")
    assert workshop.status(second)["status"] == "REJECTED"


def test_charts_are_drawings_with_their_numbers_beside(
    stage: tuple[Drill, Shown], open_page: Callable[..., Any]
) -> None:
    drill, shown = stage
    page = open_page(drill, "supervisor", java_script_enabled=False)
    for path in ("/", f"/plans/{shown.pending}/", f"/events/{shown.running}/", "/cohorts/1/"):
        page.goto(path)
        drawn = page.locator(".chart svg[role=img]")
        assert (path, drawn.count() >= 1) == (path, True)
        assert (path, drawn.first.is_visible(), drawn.first.get_attribute("aria-label") != "") == (path, True, True)
        assert (path, page.locator("main table tbody tr").count() >= 4) == (path, True)
