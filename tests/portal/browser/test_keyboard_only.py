"""Sign in, generate, approve and abort without a mouse; the focus is always somewhere, and always seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.driving import Drill
from tests.portal.browser.keyboard import Keyboard

pytestmark = pytest.mark.browser


def sign_in(keys: Keyboard, drill: Drill, who: str) -> None:
    person = drill.portal.credentials[who]
    keys.page.goto("/sign-in/")
    keys.type_into("input[name=username]", person["username"])
    keys.type_into("input[name=password]", person["password"])
    keys.page.keyboard.press("Enter")
    keys.page.wait_for_url(lambda url: "/sign-in/" not in url)
    if "/passkeys/" in keys.page.url:  # whoever has a key is not led there
        keys.press("main a:has-text('Later, go on')")
    keys.page.wait_for_url(drill.portal.base_url + "/")


def generate(keys: Keyboard) -> int:
    keys.press("nav a[href='/plans/']")
    keys.press("main a[href='/plans/new/']")
    keys.type_into("input[name=target_mw]", "8")
    keys.press("main button:has-text('Generate plan')", "Space")
    keys.page.wait_for_url(re.compile(r"/plans/\d+/$"))
    keys.page.wait_for_selector("#state [data-status=PENDING]")
    return int(keys.page.url.rstrip("/").rsplit("/", 1)[1])


def approve(keys: Keyboard, plan_id: int) -> None:
    keys.press(f"#waiting a[href='/plans/{plan_id}/']")
    keys.press(f"main a[href='/plans/{plan_id}/approve/']")
    keys.page.wait_for_url(f"**/plans/{plan_id}/approve/")
    keys.page.keyboard.press("Enter")  # out of habit: nothing may come of it
    assert "Approve" not in keys.where()
    assert keys.page.url.endswith("/approve/")
    keys.type_into("textarea[name=reason]", "read with the keyboard alone")
    keys.press("main button:has-text('Approve')", "Space")
    keys.page.wait_for_selector(f"#said :text('Plan {plan_id} is approved')")


def abort(keys: Keyboard, plan_id: int) -> None:
    keys.press(f"main a[href='/plans/{plan_id}/abort/']")
    keys.press("main button.stop", "Space")
    keys.page.wait_for_selector(f"#said :text('Plan {plan_id}')")


def test_the_main_job(workshop: Drill, open_page: Callable[..., Any]) -> None:
    operator = Keyboard(open_page(workshop, None))
    sign_in(operator, workshop, "operator")
    plan_id = generate(operator)

    supervisor = Keyboard(open_page(workshop, None))
    sign_in(supervisor, workshop, "supervisor")
    approve(supervisor, plan_id)
    assert supervisor.where() != ""
    abort(supervisor, plan_id)
    assert supervisor.where() != ""

    workshop.wait_for(plan_id, "ABORTED", "CANCELLED")
    assert operator.faults + supervisor.faults == []


def test_a_refusal_takes_the_focus_and_keeps_what_was_typed(workshop: Drill, open_page: Callable[..., Any]) -> None:
    plan_id = workshop.propose(target_mw=6)
    keys = Keyboard(open_page(workshop, "supervisor"))
    keys.page.goto(f"/plans/{plan_id}/reject/")
    keys.press("main button:has-text('Reject')", "Space")
    keys.page.wait_for_selector("main [role=alert]")
    assert "Not done" in keys.where()
    keys.type_into("textarea[name=reason]", "the grid is calm")
    keys.press("main button:has-text('Reject')", "Space")
    keys.page.wait_for_selector(f"#said :text('Plan {plan_id} is rejected')")
    assert "Done." in keys.where()
    assert keys.faults == []
