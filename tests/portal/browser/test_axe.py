"""axe-core finds nothing serious or critical on any page: light, dark, on a desk, on a phone, in the admin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.driving import Drill, Shown
from tests.portal.browser.looking import DESKTOP, PHONE
from tests.portal.every_page import MISSING, STRANGERS, with_admin

pytestmark = pytest.mark.browser

GRAVE = {"serious", "critical"}
OF_THE_ADMIN = {
    "admin": "/admin/",
    "people": "/admin/portal/user/",
    "add a person": "/admin/portal/user/add/",
    "own password": "/admin/password_change/",
    "votes": "/admin/planning/vote/",
}
LOOKS = {
    "light": {"color_scheme": "light", "viewport": DESKTOP},
    "dark": {"color_scheme": "dark", "viewport": DESKTOP},
    "phone, dark": {"color_scheme": "dark", "viewport": PHONE, "has_touch": True},
}


def grave(page: Any, paths: Mapping[str, str]) -> dict[str, list[str]]:
    """By page: rule, and the elements that break it."""
    axe, found = Axe(), {}
    for name, path in paths.items():
        page.goto(path)
        broken = [rule for rule in axe.run(page).response["violations"] if rule["impact"] in GRAVE]
        if broken:
            found[name] = [f"{rule['id']}: {node['html'][:160]}" for rule in broken for node in rule["nodes"][:3]]
    return found


@pytest.mark.parametrize("look", LOOKS)
class TestNothingSerious:
    def test_for_a_supervisor(self, look: str, stage: tuple[Drill, Shown], open_page: Callable[..., Any]) -> None:
        drill, shown = stage
        page = open_page(drill, "supervisor", **LOOKS[look])
        assert grave(page, with_admin(shown) | MISSING) == {}

    def test_for_the_admin(self, look: str, stage: tuple[Drill, Shown], open_page: Callable[..., Any]) -> None:
        drill, _shown = stage
        assert grave(open_page(drill, "admin", **LOOKS[look]), OF_THE_ADMIN) == {}

    def test_for_somebody_not_signed_in(
        self, look: str, stage: tuple[Drill, Shown], open_page: Callable[..., Any]
    ) -> None:
        drill, _shown = stage
        assert grave(open_page(drill, None, **LOOKS[look]), STRANGERS) == {}
