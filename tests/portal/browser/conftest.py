"""Two demos for all browser tests: one that stands still with everything to see, one to do things in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from tests.driving import Drill, Shown, set_the_stage
from tests.portal.browser.looking import open_anonymous, open_as
from tests.portal.browser.walking import Visit, Walker
from tests.portal.every_page import MISSING, READER, STRANGERS, with_admin
from tests.running import forget_database, start_portal


@contextmanager
def a_demo(folder: Any) -> Iterator[Drill]:
    portal = start_portal(folder / "data", "--demo")
    try:
        portal.wait_until_ready()
        with closing(Drill(portal)) as drill:
            yield drill
    finally:
        portal.stop()
        forget_database(portal.data_dir)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Drill, Shown]]:
    """A demo whose clock is paused, with a plan that waits, an event that runs and one that has ended. Look only."""
    with a_demo(tmp_path_factory.mktemp("stage")) as drill:
        yield drill, set_the_stage(drill)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    """A demo to do things in: clock paused, nothing waiting. Tests leave no plan open behind them."""
    with a_demo(tmp_path_factory.mktemp("workshop")) as drill:
        drill.reject(drill.agents_plan())
        drill.clock("pause")
        yield drill


@pytest.fixture(scope="session")
def visits() -> dict[str, Visit]:
    """Filled by the first test that asks for `walk`."""
    return {}


@pytest.fixture
def walk(stage: tuple[Drill, Shown], visits: dict[str, Visit], request: pytest.FixtureRequest) -> dict[str, Visit]:
    """What a supervisor meets on every page of the stage, the reader of the API and a page that is not there too."""
    drill, shown = stage
    if not visits:
        browser = request.getfixturevalue("browser")
        page = open_as(browser, drill, "supervisor")
        walker = Walker(page)
        for name, path in (with_admin(shown) | READER | MISSING).items():
            visits[name] = walker.visit(path)
        page.context.close()
        page = open_anonymous(browser, drill)
        walker = Walker(page)
        for name, path in STRANGERS.items():
            visits[name] = walker.visit(path)
        page.context.close()
    return visits


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """`open_page(drill, "supervisor", viewport=PHONE)`: an empty page; `None` for somebody not signed in."""
    contexts: list[Any] = []

    def opened(drill: Drill, who: str | None, **options: Any) -> Any:
        page = open_as(browser, drill, who, **options) if who else open_anonymous(browser, drill, **options)
        contexts.append(page.context)
        return page

    yield opened
    for context in contexts:
        context.close()
