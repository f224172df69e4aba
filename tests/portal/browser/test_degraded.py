"""When something does not work the page says so: no stream, a slow portal, a stale feed, a slow or absent database."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.driving import Drill, patiently
from tests.portal.browser.conftest import a_demo

pytestmark = pytest.mark.browser

STEPS_UNTIL_STALE = 9  # of 15 minutes: readings are called stale when older than two hours
SLOW_S = 2.0


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    """A demo whose parts are taken away; clock paused."""
    with a_demo(tmp_path_factory.mktemp("fragile")) as drill:
        drill.clock("pause")
        yield drill


def children(parent: int) -> dict[int, str]:
    """Command lines of a process's children by pid."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == parent:
                found[int(stat.parent.name)] = (stat.parent / "cmdline").read_text().replace("\0", " ").strip()
        except OSError:
            continue  # it ended meanwhile
    return found


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """Stop processes in their tracks for the block."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def locked(drill: Drill, table: str) -> Iterator[Callable[[], None]]:
    """Nobody can read the table until the function it yields is called, or the block ends."""
    urls = json.loads((drill.portal.data_dir / "database_urls.json").read_text())
    with psycopg.connect(urls["owner"]) as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield connection.rollback


def foot(page: Any) -> str:
    return re.sub(r"\s+", " ", page.inner_text(".foot"))


def test_without_a_stream_the_page_asks_for_itself(fragile: Drill, open_page: Callable[..., Any]) -> None:
    page = open_page(fragile, "operator")
    page.route("**/live/*", lambda route: route.abort())
    page.goto("/")
    page.wait_for_selector(".foot :text('Live updates down, asking every 5 s')")
    with page.expect_request(lambda request: request.headers.get("hx-target") == "now"):
        pass
    page.unroute("**/live/*")
    page.wait_for_selector(".foot :text('Updates live')")


def test_an_answer_that_does_not_come_is_missed(fragile: Drill, open_page: Callable[..., Any]) -> None:
    page = open_page(fragile, "operator")
    page.goto("/")
    page.wait_for_selector(".foot :text('Updates live')")
    held: list[Any] = []
    page.route("**/*", lambda route: held.append(route) if "hx-request" in route.request.headers else route.continue_())
    fragile.clock("step")
    page.wait_for_selector(".foot :text('The portal is slow: no answer for')")
    for route in held:
        route.continue_()


def test_a_slow_database_is_named(fragile: Drill, open_page: Callable[..., Any]) -> None:
    page = open_page(fragile, "operator")
    with locked(fragile, "grid_clock") as give_back:
        threading.Timer(SLOW_S, give_back).start()
        page.goto("/")
    assert re.search(r"▲ Database slow, \d+\.\d s to answer", foot(page))


def test_a_stale_feed_is_named_where_its_numbers_are(fragile: Drill, open_page: Callable[..., Any]) -> None:
    page = open_page(fragile, "operator")
    [worker] = [pid for pid, command in children(fragile.portal.process.pid).items() if command.endswith(" worker")]
    with frozen(worker, *children(worker)):
        for _ in range(STEPS_UNTIL_STALE):
            fragile.clock("step")
        page.goto("/")
        assert re.search(r"▲ Grid feed stale, 2 h \d+ min old", foot(page))
        assert re.search(r"2 h \d+ min old stale", re.sub(r"\s+", " ", page.inner_text("#now .source")))
        assert page.locator("#now .kpi.stale").count() == 5  # all but what is available, which is of now


@pytest.mark.prove
def test_a_database_that_does_not_answer_is_named(fragile: Drill, open_page: Callable[..., Any]) -> None:
    page = open_page(fragile, "operator")
    page.goto("/")
    with locked(fragile, "grid_clock"):
        answer = page.goto("/plans/")
        assert answer.status == 500
        assert "The portal could not answer" in page.inner_text("main")
        assert "▲ Database does not answer" in foot(page)
    assert page.goto("/plans/").status == 200


@pytest.mark.prove
def test_a_database_that_is_gone_is_named_until_it_is_back(fragile: Drill, open_page: Callable[..., Any]) -> None:
    page = open_page(fragile, "operator")
    page.goto("/plans/")
    up = fragile.portal.process.pid
    [postmaster] = [pid for pid, command in children(up).items() if "postgres" in command and " -D " in command]
    with frozen(up):
        os.kill(postmaster, signal.SIGINT)
        patiently(lambda: not (fragile.portal.readiness() or {}).get("ready"), "the database is gone")
        page.wait_for_selector(".foot :text('Live updates down')")
        assert page.goto("/plans/").status == 500
        assert "▲ Database does not answer" in foot(page)
    fragile.portal.wait_until_ready()
    assert page.goto("/plans/").status == 200
