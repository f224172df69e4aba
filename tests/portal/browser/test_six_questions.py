"""Six questions answered on the overview without scrolling, at 1440 by 900, whatever there is to say.

What is the grid doing; is anything waiting for me; until when; how many MW and how sure; what is running; is the system
healthy. Elements name the question they answer in `data-answers`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.driving import Drill, Shown
from tests.portal.browser.looking import DESKTOP

pytestmark = pytest.mark.browser

MW, AT, SPAN = r"[\d,]+\.\d MW", r"\d\d:\d\d CDT", r"\w+ \d+ \w+ \d\d:\d\d–\d\d:\d\d CDT"
LEFT = r"\((?:in )?(?:\d+ h|(?:\d+ h )?\d+ min)\)"
SURE = rf"9 in 10 for at least {MW}"
GRID = (
    r"System load [\d,]+ ?MW .*Reserves [\d,]+ ?MW .*Price, \w+ [\d,]+ ?\$/MWh .*ERCOT state Normal .*"
    r"Temperature, \w+ [\d.]+ ?°F .*\d+ (?:s|min) old.*"
)
SEEN = r"ok, seen \d+ s ago"
HEALTH = rf"Worker {SEEN} Dispatch {SEEN} Record {SEEN} Grid feed \d+ (?:s|min) old.*"
NOTHING_RUNS = r"Running all events Nothing is running\."
RUNS = (
    rf"Running all events Plan {{running}} running ends in .+ {MW} delivered, {MW} planned now .*simulated telemetry\."
)


def answers(page: Any) -> dict[str, str]:
    """The text of each answer; fails for one that is not on the screen as a whole."""
    page.goto("/")
    floor = page.locator("[data-answers=health]").bounding_box()["y"]
    found = {}
    for element in page.locator("[data-answers]").all():
        question, box = element.get_attribute("data-answers"), element.bounding_box()
        assert box is not None, question
        inside = box["x"] >= 0 and box["y"] >= 0 and box["x"] + box["width"] <= DESKTOP["width"]
        lowest = DESKTOP["height"] if question == "health" else floor
        assert (question, inside, box["y"] + box["height"] <= lowest) == (question, True, True)
        found[question] = re.sub(r"\s+", " ", element.inner_text()).strip()
    return found


def check(found: dict[str, str], expected: dict[str, str]) -> None:
    wrong = {
        question: found.get(question)
        for question in expected
        if not re.fullmatch(expected[question], found.get(question, ""))
    }
    assert (wrong, found.keys()) == ({}, expected.keys())


def test_when_a_plan_waits_and_an_event_runs(stage: tuple[Drill, Shown], open_page: Callable[..., Any]) -> None:
    drill, shown = stage
    check(
        answers(open_page(drill, "supervisor")),
        {
            "grid": GRID,
            "waiting": rf"Waiting for you .*Review plan {shown.pending}",
            "until": rf"decide by {AT} {LEFT}",
            "how-much": rf"Ask .+ \([\d,]+ endpoints\) for {MW} less, {SPAN}\? How sure {SURE}",
            "running": RUNS.format(running=shown.running),
            "health": HEALTH,
        },
    )


def test_when_somebody_else_decides(stage: tuple[Drill, Shown], open_page: Callable[..., Any]) -> None:
    drill, shown = stage
    until = rf"Somebody else decides on plan {shown.pending} by {AT} {LEFT}\."
    how_much = rf"It is about {MW}, {SURE}\."
    check(
        answers(open_page(drill, "operator2")),
        {
            "grid": GRID,
            "waiting": rf"Waiting for you Nothing waits for you\. {until} {how_much}",
            "until": until,
            "how-much": how_much,
            "running": RUNS.format(running=shown.running),
            "health": HEALTH,
        },
    )


def test_when_nothing_waits_and_nothing_runs(workshop: Drill, open_page: Callable[..., Any]) -> None:
    until, how_much = r"No deadline runs\.", rf"{MW} could be had in the next 3 h, {SURE}\."
    check(
        answers(open_page(workshop, "supervisor")),
        {
            "grid": GRID,
            "waiting": rf"Waiting for you Nothing waits for you\. {until} {how_much} Generate a plan",
            "until": until,
            "how-much": how_much,
            "running": NOTHING_RUNS,
            "health": HEALTH,
        },
    )
