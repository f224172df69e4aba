"""What a person sees of freshness, in real Chromium: words for what is late, nothing moving under the pointer."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from grid.models import Clock, ProcessHeartbeat
from planning.core.lifecycle import Status
from planning.models import Plan
from portal.models import User
from tests import factories
from tests.conftest import CommittedDatabase
from tests.factories import PROPOSED_AT, Called
from tests.portal.live.serving import PATIENCE_S, WebProcess, wait_for
from tests.portal.live.test_streams import LISTENERS
from tests.portal.pages.browsing import person

pytestmark = pytest.mark.browser

DOWN = "▲ Live updates down, asking every 5 s"
Open = Callable[..., Any]


@pytest.fixture
def drill(committed_db: CommittedDatabase) -> None:
    """A paused drill at 14:00 that knows the grid, and processes that were seen just now."""
    cache.clear()
    factories.drill()
    factories.observe_temperature()
    factories.observe_prices({hour: 40.0 + hour for hour in range(6)}, start=PROPOSED_AT - timedelta(hours=6))
    factories.forecast()
    for name in ("worker", "dispatch"):
        wall_at = timezone.now() + timedelta(hours=1)  # nobody beats here, and silence is another test's matter
        ProcessHeartbeat.objects.create(name=name, wall_at=wall_at, portal_at=PROPOSED_AT)


@pytest.fixture
def omar(committed_db: CommittedDatabase) -> User:
    return person("omar", "operator")


@pytest.fixture
def plans(drill: None, omar: User) -> list[Plan]:
    """Three plans that await a vote, the newest first; the clock does not wait for it, it was paused."""
    cohort = factories.cohort()
    made = [factories.plan_of({cohort: [Called(100)]}, requested_by=omar) for _number in range(3)]
    return made[::-1]


@pytest.fixture
def open_page(web: WebProcess, session_key: str, browser: Any, drill: None) -> Iterator[Open]:
    """Opens a page as Olivia; whatever the browser complains of fails the test."""
    contexts, complaints = [], []

    def begin(path: str, before: Callable[[Any], None] | None = None, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_S * 1000)
        context.add_cookies([{"name": "sessionid", "value": session_key, "url": web.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if before:
            before(page)
        page.goto(web.url + path)
        return page

    yield begin
    for context in contexts:
        context.close()
    assert complaints == []


def health_says(page: Any, words: str) -> None:
    page.wait_for_selector(f".health:has-text('{words}')")


def live(page: Any) -> Any:
    """The page once it hears of changes."""
    health_says(page, "Updates live")
    return page


def miss_nothing(page: Any) -> None:
    """Opens the stream without its past: of the time before a process listened, it says that all may have changed."""
    page.route("**/live/?since=*", lambda route: route.continue_(url=re.sub(r"since=.*", "since=0", route.request.url)))


def box(page: Any, selector: str) -> Any:
    return page.locator(selector).first.bounding_box()


def pause_between_looks(page: Any) -> None:
    """Long enough for a change to arrive, be asked for and be swapped in."""
    page.wait_for_timeout(1500)


class TestFresh:
    def test_a_change_comes_by_itself(self, open_page: Open, plans: list[Plan]) -> None:
        page = live(open_page("/plans/"))
        factories.move(plans[0], Status.WITHDRAWN)
        page.wait_for_selector(f"#rows tr:has(#plan-{plans[0].pk}) [data-status=WITHDRAWN]")

    def test_two_fragments_of_one_page_ask_for_themselves(self, open_page: Open, plans: list[Plan]) -> None:
        page = live(open_page("/", before=miss_nothing))
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.headers.get("hx-target", "")))
        factories.move(plans[0], Status.WITHDRAWN)
        wait_for(lambda: page.wait_for_timeout(50) or {"waiting", "frame-clock"} <= {*asked}, "not asked for")
        assert "now" not in asked  # does not depend on plans

    def test_the_clock_ticks_between_two_answers(self, open_page: Open) -> None:
        Clock.objects.update(paused=False, speed=120, wall_anchor=timezone.now(), hold_for_votes=False)
        page = open_page("/", before=lambda page: page.route("**/frame/", lambda route: route.abort()))
        first = page.inner_text("#frame-clock time")
        page.wait_for_function("first => document.querySelector('#frame-clock time').innerText !== first", arg=first)
        assert re.fullmatch(r"Wed 6 Sep 1\d:\d\d CDT", page.inner_text("#frame-clock time"))

    def test_a_countdown_runs_down(self, open_page: Open, plans: list[Plan]) -> None:
        Clock.objects.update(paused=False, speed=120, wall_anchor=timezone.now(), hold_for_votes=False)
        page = open_page("/", before=lambda page: page.route("**/live/*", lambda route: route.abort()))
        first = page.inner_text("#waiting time[data-until]")
        assert re.fullmatch(r"in 1 h \d+ min", first)
        page.wait_for_function(
            "first => document.querySelector('#waiting time[data-until]').innerText !== first", arg=first
        )

    def test_without_javascript_the_page_says_of_when_it_is(self, open_page: Open) -> None:
        page = open_page("/", java_script_enabled=False)
        assert "Not live: as it was at Wed 6 Sep 14:00 CDT. Reload for news." in page.inner_text(".health")


class TestSaysSo:
    def test_stream_down_then_asks_then_back_and_caught_up(self, open_page: Open, plans: list[Plan]) -> None:
        page = live(open_page("/plans/"))
        page.route("**/live/*", lambda route: route.abort())
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_terminate_backend(pid) FROM ({LISTENERS}) listening")
        health_says(page, DOWN)
        assert "Updates live" not in page.inner_text(".health")
        factories.move(plans[0], Status.WITHDRAWN)
        page.wait_for_selector(f"#rows tr:has(#plan-{plans[0].pk}) [data-status=WITHDRAWN]")
        page.unroute("**/live/*")
        live(page)
        assert "Live updates down" not in page.inner_text(".health")
        factories.move(plans[1], Status.WITHDRAWN)
        page.wait_for_selector(f"#rows tr:has(#plan-{plans[1].pk}) [data-status=WITHDRAWN]")

    def test_feed_stale(self, open_page: Open) -> None:
        page = live(open_page("/"))
        Clock.objects.update(scenario_anchor=PROPOSED_AT + timedelta(hours=3))
        health_says(page, "▲ Grid feed stale, 3 h old")

    def test_database_slow(self, open_page: Open, committed_db: CommittedDatabase) -> None:
        page = live(open_page("/"))
        with held_back(committed_db, page, seconds=2):
            page.wait_for_function(
                "() => /▲ Database slow, \\d+\\.\\d s to answer/.test(document.querySelector('.health').innerText)"
            )

    def test_an_answer_that_does_not_come(self, open_page: Open, committed_db: CommittedDatabase) -> None:
        page = live(open_page("/"))
        with held_back(committed_db, page, seconds=6):
            health_says(page, "▲ The portal is slow: no answer for")
        page.wait_for_selector("#live-state:not(:has-text('slow'))")

    def test_database_gone(self, open_page: Open, committed_db: CommittedDatabase) -> None:
        page = live(open_page("/"))
        with psycopg.connect(committed_db.server.dsn("superuser", "postgres"), autocommit=True) as session:
            shut = f"ALTER DATABASE {committed_db.name} ALLOW_CONNECTIONS false"
            session.execute(shut)
            end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            session.execute(end, [committed_db.name])
            health_says(page, "▲ Database does not answer")
            health_says(page, DOWN)
            assert "Time not known" in page.inner_text("#frame-clock")
            session.execute(shut.replace("false", "true"))
        live(page)
        page.wait_for_selector("#frame-clock:has-text('14:00 CDT')")
        connection.close()

    def test_portal_gone(self, open_page: Open, web: WebProcess) -> None:
        page = live(open_page("/"))
        web.process.terminate()
        health_says(page, DOWN)
        health_says(page, "▲ The portal does not answer")

    def test_signed_out_elsewhere(self, open_page: Open, client: Any) -> None:
        page = live(open_page("/plans/"))
        client.post("/sign-out/")
        page.wait_for_selector("#frame-clock:has-text('Signed out')")
        assert "Live updates down" not in page.inner_text(".health")

    def test_a_computer_whose_clock_is_wrong(self, open_page: Open) -> None:
        ahead = "Object.defineProperty(performance, 'timeOrigin', {value: performance.timeOrigin + 300000});"
        page = open_page("/", before=lambda page: page.add_init_script(ahead))
        health_says(page, "▲ This computer's clock is 5 min ahead of the portal's".replace("'", "\\'"))

    def test_a_page_that_slept(self, open_page: Open) -> None:
        shifted = "window.slept = 0; const now = Date.now; Date.now = () => now() + window.slept;"
        page = live(open_page("/", before=lambda page: page.add_init_script(shifted)))
        page.route("**/frame/", lambda route: route.abort())
        page.evaluate("window.slept = 240000")
        health_says(page, "▲ This page was asleep for 4 min; what you see is being asked for again")
        page.unroute("**/frame/")
        page.wait_for_selector("#live-state:not(:has-text('asleep'))")

    def test_a_bar_appears_by_itself_when_answers_stop(self, open_page: Open) -> None:
        """A style, not a script, so that it appears too when scripts have ended; each answer begins it anew."""
        page = live(open_page("/"))
        delay = "document.querySelector('.frozen').getAnimations()[0].effect.getTiming().delay"
        assert page.evaluate(delay) == 25_000
        page.evaluate("document.querySelector('.frozen').id = 'old-bar'")
        page.wait_for_selector(".frozen:not(#old-bar)", state="attached")
        assert not page.is_visible(".frozen")
        page.evaluate("document.querySelector('.frozen').getAnimations()[0].finish()")
        assert page.is_visible(".frozen")


class TestNothingMovesUnderThePointer:
    def test_a_new_row_waits_for_a_list_in_use(self, open_page: Open, plans: list[Plan], omar: User) -> None:
        page = live(open_page("/plans/"))
        selector = f"#plan-{plans[1].pk}"
        before = box(page, selector)
        page.hover(selector)
        new = factories.plan_of({plans_cohort(plans): [Called(50)]}, requested_by=omar)
        page.wait_for_selector(".held-bar:has-text('1 change since 14:00, show')")
        assert box(page, selector) == before
        assert page.locator(f"#plan-{new.pk}").count() == 0
        page.mouse.move(700, 5)
        page.wait_for_selector(f"#plan-{new.pk}")
        assert page.locator(".held-bar").count() == 0
        assert page.inner_text("#live-said") == "Plans: 1 change to show"

    def test_the_bar_shows_what_waits(self, open_page: Open, plans: list[Plan], omar: User) -> None:
        page = live(open_page("/plans/"))
        page.hover(f"#plan-{plans[1].pk}")
        for accounts in (50, 60):
            new = factories.plan_of({plans_cohort(plans): [Called(accounts)]}, requested_by=omar)
        page.click(".held-bar:has-text('2 changes since 14:00, show')")
        assert page.locator(f"#plan-{new.pk}").count() == 1
        assert page.locator(".held-bar").count() == 0

    def test_numbers_in_place_do_not_wait(self, open_page: Open, plans: list[Plan]) -> None:
        page = live(open_page("/plans/"))
        page.hover(f"#plan-{plans[1].pk}")
        factories.move(plans[0], Status.WITHDRAWN)
        page.wait_for_selector(f"#rows tr:has(#plan-{plans[0].pk}) [data-status=WITHDRAWN]")
        assert page.locator(".held-bar").count() == 0

    def test_the_focus_holds_too_and_stays(self, open_page: Open, plans: list[Plan], omar: User) -> None:
        page = live(open_page("/plans/"))
        page.focus(f"#plan-{plans[2].pk}")
        factories.plan_of({plans_cohort(plans): [Called(50)]}, requested_by=omar)
        page.wait_for_selector(".held-bar")
        assert page.evaluate("document.activeElement.id") == f"plan-{plans[2].pk}"

    def test_open_details_scroll_and_typed_text_survive(self, open_page: Open, plans: list[Plan]) -> None:
        page = live(open_page("/"))
        page.click("#ahead summary")
        page.evaluate(TYPED)
        Clock.objects.update(scenario_anchor=PROPOSED_AT + timedelta(minutes=5))
        page.evaluate("document.querySelector('#ahead').dispatchEvent(new CustomEvent('live'))")
        pause_between_looks(page)
        kept = "[document.querySelector('#ahead details').open, document.querySelector('#typed').value, box.scrollTop]"
        assert page.evaluate(f"(() => {{ const box = document.querySelector('.chart-rows'); return {kept} }})()") == [
            True,
            "half a thought",
            40,
        ]


# An input as a page may have one inside a fragment; the server's answer has it too, empty.
TYPED = """() => {
  document.querySelector('.chart-rows').scrollTop = 40;
  const field = () => Object.assign(document.createElement('input'), { id: 'typed' });
  document.querySelector('#ahead').append(field());
  document.querySelector('#typed').value = 'half a thought';
  document.body.addEventListener('htmx:beforeSwap', ({ detail }) => {
    if (detail.target.id !== 'ahead') return;
    const answer = new DOMParser().parseFromString(detail.serverResponse, 'text/html');
    answer.querySelector('#ahead').append(field());
    detail.serverResponse = answer.querySelector('#ahead').outerHTML;
  });
}"""


def plans_cohort(plans: list[Plan]) -> Any:
    version = plans[0].current_version
    assert version is not None
    return version.events.get().cohort


@contextmanager
def held_back(database: CommittedDatabase, page: Any, *, seconds: float) -> Iterator[None]:
    """Make the database slow for who reads the clock, and have the frame asked for meanwhile."""
    locked = Event()

    def lock() -> None:
        with psycopg.connect(database.dsn("superuser")) as session:
            session.execute("LOCK TABLE grid_clock IN ACCESS EXCLUSIVE MODE")
            locked.set()
            time.sleep(seconds)

    holding = Thread(target=lock)
    holding.start()
    assert locked.wait(PATIENCE_S)
    page.evaluate("document.querySelector('#frame-clock').dispatchEvent(new CustomEvent('live'))")
    try:
        yield
    finally:
        holding.join()
