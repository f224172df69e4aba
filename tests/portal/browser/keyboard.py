"""Use a page with the keyboard alone, and see on the way whether one can see where one is."""

from __future__ import annotations

from typing import Any

from tests.portal.browser.looking import measured

MOST_STOPS = 150


class Keyboard:
    """Somebody who has no mouse. `faults` holds stops whose focus could not be seen, by page and name."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.faults: list[str] = []

    def tab_to(self, selector: str) -> None:
        """Press Tab until the first such element has the focus."""
        wanted = self.page.locator(selector).first
        wanted.wait_for()
        for _ in range(MOST_STOPS):
            self.page.keyboard.press("Tab")
            self._look()
            if wanted.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError(f"{self.page.url}: Tab never reached {selector}")

    def press(self, selector: str, key: str = "Enter") -> None:
        """Go there and press a key."""
        self.tab_to(selector)
        self.page.keyboard.press(key)

    def type_into(self, selector: str, text: str) -> None:
        """Go to a field and type."""
        self.tab_to(selector)
        self.page.keyboard.type(text)

    def where(self) -> str:
        """What has the focus now; empty for the page as a whole."""
        found = measured(self.page, "focused()")
        return found["name"] if found else ""

    def _look(self) -> None:
        found = measured(self.page, "focused()")
        if found is None:
            return  # between the last control and the first: the browser's own bar
        wrong = [name for name in ("ring", "shown", "free") if not found[name]]
        if wrong:
            self.faults.append(f"{self.page.url} {found['name']}: no {', no '.join(wrong)}")
