"""The main job in a real browser: the grid, a plan, somebody else's vote, the event, what it delivered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from grid.core.intervals import CENTRAL, QUARTER, ceil_to
from tests.running import RunningPortal, start_portal

pytestmark = pytest.mark.browser

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
TARGET_MW = "15"
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPortal]:
    """A portal of this story's own: it moves the clock, which others would feel."""
    running = start_portal(tmp_path_factory.mktemp("loop") / "data", "--demo")
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.stop()


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What browsers wrote to their consoles (a refused inline script or style among it); nothing is expected."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def sign_in(portal: RunningPortal, browser: Any, complaints: list[str]) -> Iterator[Callable[..., Any]]:
    """A page of somebody signed in, in a browser context of their own."""
    contexts = []

    def open_page(who: str, **options: Any) -> Any:
        context = browser.new_context(**({"viewport": DESKTOP} | options))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        page.on("console", lambda line: complaints.append(line.text) if is_complaint(line) else None)
        page.goto(portal.base_url + "/")
        person = portal.credentials[who]
        page.fill("input[name=username]", person["username"])
        page.fill("input[name=password]", person["password"])
        page.click("main button[type=submit]")
        page.click("main a:has-text('Later, go on')")  # the passkey
        page.wait_for_url(portal.base_url + "/")
        return page

    yield open_page
    for context in contexts:
        context.close()


def is_complaint(line: Any) -> bool:
    """Whether a browser found fault with a page; that an answer was a refusal is a matter of the test itself."""
    return line.type == "error" and not line.text.startswith("Failed to load resource")


def portal_time(page: Any) -> datetime:
    return datetime.fromisoformat(page.get_attribute("#frame-clock time", "datetime"))


def local_input(at: datetime) -> str:
    return f"{at.astimezone(CENTRAL):%Y-%m-%dT%H:%M}"


def set_speed(page: Any, speed: int) -> None:
    page.click(".controls > summary")
    page.select_option("#speed", str(speed))
    page.click("text=Set speed")
    page.wait_for_selector(f"#frame-mode:has-text('{speed}x')")


def decide(page: Any, plan_id: int, action: str, reason: str = "") -> None:
    page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/", 3)[2] + f"/plans/{plan_id}/{action}/")
    page.fill("textarea[name=reason]", reason)
    page.click("main button[type=submit]")


def refused_all_the_same(page: Any, portal: RunningPortal, plan_id: int) -> int:
    """What the portal answers to the form sent without its page."""
    [token] = [cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "csrftoken"]
    status = page.request.get(f"{portal.base_url}/api/v1/plans/{plan_id}/status").json()
    form = {"csrfmiddlewaretoken": token, "content_hash": status["content_hash"], "reason": "it is mine"}
    answer = page.request.post(f"{portal.base_url}/plans/{plan_id}/approve/", form=form)
    return int(answer.status)


def others_waiting(page: Any, besides: int) -> list[int]:
    """Plans on the overview that wait for this person's vote, but for one."""
    hrefs = page.eval_on_selector_all("#waiting a[href^='/plans/']", "links => links.map(a => a.getAttribute('href'))")
    numbers = {int(href.split("/")[2]) for href in hrefs if href.split("/")[2].isdecimal()}
    return sorted(numbers - {besides})


def in_sight(page: Any, selector: str) -> bool:
    box = page.locator(selector).first.bounding_box()
    return box is not None and box["y"] < page.viewport_size["height"] and box["height"] > 0


def test_the_whole_loop(portal: RunningPortal, sign_in: Callable[..., Any]) -> None:
    operator = sign_in("operator")

    # The grid, the mode, and the six answers without scrolling.
    assert "DRILL: simulated" in operator.inner_text("#frame-mode")
    assert "CDT" in operator.inner_text("#frame-clock")
    assert operator.locator("#now .v").first.inner_text().endswith("MW")
    for answer in ("#now", "#waiting", "#doing", "#frame-health", "#ahead svg"):
        assert in_sight(operator, answer), answer
    assert "Worker ok" in operator.inner_text("#frame-health").replace("\n", " ")

    # Ask for a plan; the page moves on by itself when the worker has solved it.
    operator.goto(portal.base_url + "/plans/new/")
    start = ceil_to(portal_time(operator) + timedelta(minutes=75), QUARTER)
    operator.fill("#id_window_start", local_input(start))
    operator.fill("#id_window_end", local_input(start + timedelta(hours=1)))
    operator.fill("#id_target_mw", TARGET_MW)
    operator.click("text=Generate plan")
    operator.wait_for_url("**/plans/*/")
    plan_id = int(operator.url.rstrip("/").rsplit("/", 1)[1])
    operator.wait_for_selector("#state [data-status=PENDING]")
    operator.wait_for_selector("h1:has-text('less')")

    # Whoever asked cannot decide: not offered, and refused when tried all the same.
    assert operator.locator("a:has-text('Approve')").count() == 0
    operator.goto(f"{portal.base_url}/plans/{plan_id}/approve/")
    assert "whoever asked for a plan or for a change of it cannot vote on it" in operator.inner_text("main")
    assert operator.locator("main form").count() == 0
    assert refused_all_the_same(operator, portal, plan_id) == 403

    # The supervisor decides in a second browser, without JavaScript.
    supervisor = sign_in("supervisor", java_script_enabled=False)
    for other in others_waiting(supervisor, plan_id):
        decide(supervisor, other, "reject", "one at a time")
    supervisor.goto(portal.base_url + f"/plans/{plan_id}/")
    assert "endpoints" in supervisor.inner_text("h1")
    supervisor.click("a:has-text('Approve...')")
    assert f"Approve plan {plan_id}?" in supervisor.inner_text("h1")
    supervisor.click("main button[type=submit]")
    assert f"Plan {plan_id} is approved and will be sent" in supervisor.inner_text("#said")

    # It is sent, starts, and delivers; the operator watches.
    operator.goto(portal.base_url + f"/plans/{plan_id}/")
    set_speed(operator, 600)
    _run_until(operator, supervisor, plan_id, lambda: _follow(operator, portal, plan_id))
    set_speed(operator, 120)
    operator.wait_for_selector("#live :text('MW')")
    assert "simulated telemetry" in operator.inner_text("#live")
    operator.wait_for_function(
        "() => /Delivered so far\\s+(?!0\\.0)[0-9.]+ MWh/.test(document.querySelector('#live').innerText)"
    )
    set_speed(operator, 600)

    # The result.
    operator.wait_for_selector("h2:has-text('Rebound') + .big")
    result = operator.inner_text("#live")
    assert "MW delivered on average" in result
    assert "incentives paid" in result.lower()
    operator.goto(portal.base_url + "/events/")
    assert f"Plan {plan_id}" in operator.inner_text("#list section:last-child")
    operator.goto(portal.base_url + f"/signals/?plan={plan_id}")
    assert "received" in operator.inner_text("#rows")


def _follow(operator: Any, portal: RunningPortal, plan_id: int) -> bool:
    """Whether the event runs; looks at its page."""
    answer = operator.goto(portal.base_url + f"/events/{plan_id}/")
    if answer.status != 200:
        return False
    return bool(operator.locator("#live [data-status=ACTIVE]").count())


def _run_until(operator: Any, supervisor: Any, plan_id: int, done: Callable[[], bool]) -> None:
    """Let scenario time run; what the watch agent proposes meanwhile is turned down, so that nothing holds it."""
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, operator.inner_text("body")
        supervisor.goto(operator.url.split("/events/")[0] + "/")
        for other in others_waiting(supervisor, plan_id):
            decide(supervisor, other, "reject", "one at a time")
        time.sleep(0.3)


def test_nothing_is_cut_off_on_a_phone(portal: RunningPortal, sign_in: Callable[..., Any]) -> None:
    page = sign_in("supervisor", viewport=PHONE, has_touch=True)
    for path in ("/", "/plans/", "/plans/1/", "/events/", "/cohorts/", "/cohorts/1/", "/signals/", "/plans/new/"):
        page.goto(portal.base_url + path)
        page.click(".menu summary")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert (path, wide) == (path, 0)
        small = page.eval_on_selector_all(
            "main .btn, .menu summary, .menu nav a",
            "all => all.filter(e => e.getBoundingClientRect().height < 40).map(e => e.innerText)",
        )
        assert (path, small) == (path, [])
