"""Single keys follow links and move the focus; they decide nothing, stay out of typing, and can be turned off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.driving import Drill, Shown

pytestmark = pytest.mark.browser


@pytest.fixture
def page(stage: tuple[Drill, Shown], open_page: Callable[..., Any]) -> Any:
    opened = open_page(stage[0], "supervisor")
    opened.goto("/")
    return opened


def path(page: Any) -> str:
    return "/" + page.url.split("/", 3)[3]


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


class TestKeys:
    @pytest.mark.parametrize(
        ("key", "where"), [("p", "/plans/"), ("e", "/events/"), ("c", "/cohorts/"), ("g", "/grid/")]
    )
    def test_go_to_pages(self, key: str, where: str, page: Any) -> None:
        press(page, "g", key)
        page.wait_for_url(f"**{where}")

    def test_open_the_question_of_a_plan_and_no_more(self, page: Any, stage: tuple[Drill, Shown]) -> None:
        plan = stage[1].pending
        for key, action in (("a", "approve"), ("r", "reject"), ("x", "abort")):
            page.goto(f"/plans/{plan}/")
            press(page, key)
            page.wait_for_url(f"**/plans/{plan}/{action}/")
            assert page.evaluate("document.activeElement.matches('button')") is False
            press(page, key, "Enter")
            assert path(page) == f"/plans/{plan}/{action}/"

    def test_walk_a_list(self, page: Any) -> None:
        page.goto("/plans/?show=all")
        rows = page.locator("main tbody th a")
        press(page, "j")
        assert rows.nth(0).evaluate("row => row === document.activeElement")
        press(page, "j", "k")
        assert rows.nth(0).evaluate("row => row === document.activeElement")
        target = rows.nth(0).get_attribute("href")
        press(page, "Enter")
        page.wait_for_url(f"**{target}")

    def test_stay_out_of_typing_and_of_the_browsers_own_keys(self, page: Any) -> None:
        page.goto("/plans/new/")
        page.focus("#id_target_mw")
        press(page, "g", "o", "?")
        page.focus("main a, main button")
        press(page, "Control+g", "o")
        assert path(page) == "/plans/new/"
        assert page.locator("dialog").count() == 0

    def test_help_opens_and_closes(self, page: Any) -> None:
        press(page, "?")
        page.wait_for_selector("dialog[open] kbd:text-is('g o')")
        press(page, "Escape")
        page.wait_for_selector("dialog", state="detached")

    def test_can_be_turned_off(self, page: Any) -> None:
        page.goto("/keys/")
        page.click("text=Turn them off")
        page.wait_for_selector("text=Turn them on")
        press(page, "g", "o")
        page.wait_for_timeout(300)
        assert path(page) == "/keys/"


COUNT_SUBMITS = """() => {
  let sent = 0;
  addEventListener('submit', event => { if (!event.defaultPrevented) { sent += 1; event.preventDefault(); } });
  const button = document.querySelector('main button[name=shortcuts]');
  for (let press = 0; press < 3; press++) button.click();
  return [sent, button.getAttribute('aria-busy')];
}"""


def test_a_form_is_sent_once(page: Any) -> None:
    page.goto("/keys/")
    assert page.evaluate(COUNT_SUBMITS) == [1, "true"]
