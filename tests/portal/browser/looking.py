"""Open pages of a running demo in a browser as somebody signed in, and measure what is on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.driving import Drill

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
NARROW = {"width": 320, "height": 640}
PATIENCE_MS = 60_000
MEASURE = (Path(__file__).parent / "measure.js").read_text()
_cookies: dict[tuple[int, str], Any] = {}


def open_as(browser: Any, drill: Drill, who: str, **options: Any) -> Any:
    """An empty page in a context of its own, signed in (once per demo and person; the session is kept)."""
    key = (drill.portal.port, who)
    if key not in _cookies:
        _cookies[key] = _sign_in(browser, drill, who)
    given = {"viewport": DESKTOP, "base_url": drill.portal.base_url, "storage_state": _cookies[key]}
    page = browser.new_context(**(given | options)).new_page()
    page.set_default_timeout(PATIENCE_MS)
    return page


def open_anonymous(browser: Any, drill: Drill, **options: Any) -> Any:
    """An empty page of somebody the portal does not know."""
    return browser.new_context(**({"viewport": DESKTOP, "base_url": drill.portal.base_url} | options)).new_page()


def _sign_in(browser: Any, drill: Drill, who: str) -> Any:
    page = open_anonymous(browser, drill)
    person = drill.portal.credentials[who]
    page.goto("/sign-in/")
    page.fill("input[name=username]", person["username"])
    page.fill("input[name=password]", person["password"])
    page.click("main button[type=submit]")
    page.wait_for_url(lambda url: "/sign-in/" not in url)
    state = page.context.storage_state()
    page.context.close()
    return state


def measured(page: Any, what: str) -> Any:
    """The answer of one of the functions of measure.js on the page as it stands."""
    return page.evaluate(f"() => {{ {MEASURE}; return {what}; }}")
