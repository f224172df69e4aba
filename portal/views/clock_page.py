"""The clock's own page: what runs, how fast, what holds it, who changed it; and its controls for who may use them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from grid.core.intervals import operating_day, operating_day_of
from grid.models import Clock, ClockChange
from grid.queries import clock_changes
from portal.frame import Frame, frame_of, portal_now
from portal.views.csv_answer import Sheet
from portal.views.guard import page, show

CHANGES_SHOWN: Final = 30
MODE_MEANING: Final = {
    Clock.Mode.LIVE: "The portal's time is the wall's. It cannot be paused, stepped or sped up, and what is approved "
    "is sent.",
    Clock.Mode.REPLAY: "A day that has happened is played again from its file. Nothing leaves the portal; receivers "
    "are simulated.",
    Clock.Mode.DRILL: "An invented day for training. Nothing leaves the portal; receivers are simulated.",
}
COMMANDS: Final = (
    ("Live", "manage.py up"),
    ("Drill", "manage.py up --demo --mode drill --speed 60"),
    ("Replay", "manage.py up --demo --replay HISTORY.csv --scenario eea2_2023 --speed 60"),
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """The replay or drill that runs: its operating day, and how far it has come (0 to 100)."""

    day: datetime
    starts_at: datetime
    ends_at: datetime
    run: int
    passed_pct: int
    left: timedelta


@page("grid.view_snapshot")
def clock_page(request: HttpRequest) -> HttpResponse:
    """State, controls and history of the clock. Without the right: the same, to read."""
    at, frame = portal_now(request), frame_of(request)
    row = Clock.objects.filter(pk=Clock.SINGLE_ID).first() or Clock()
    changes = list(clock_changes()[: CHANGES_SHOWN + 1])
    context = {
        "at": at,
        "clock": row,
        "facts": clock_facts(row),
        "scenario": _scenario(row, at),
        "meaning": MODE_MEANING[Clock.Mode(row.mode)],
        "holding": _holding(row, frame),
        "changes": changes[:CHANGES_SHOWN],
        "more_changes": len(changes) > CHANGES_SHOWN,
        "commands": COMMANDS,
        "speeds": frame.speeds,
    }
    return show(
        request,
        "portal/pages/clock.html",
        context,
        fragments=("state",),
        sheets={"changes": lambda: changes_sheet(clock_changes())},
    )


def clock_facts(row: Clock) -> list[tuple[str, str]]:
    """What runs, as (name, words)."""
    synthetic = row.data_source.startswith("synthetic:")
    facts = [("Data", "synthetic feed" if synthetic else f"replay file {PurePath(row.source).name}")]
    if synthetic:
        facts.append(("Seed", f"{row.random_seed}: the same seed gives the same days"))
    else:
        facts.append(("Source", row.data_source))
    if row.mode != Clock.Mode.LIVE:
        facts.append(
            ("Votes", "scenario time waits for votes" if row.hold_for_votes else "scenario time does not wait")
        )
    return facts


def changes_sheet(changes: Iterable[ClockChange]) -> Sheet:
    """All changes of the clock as a file."""
    header = ("wall_at", "action", "by", "mode", "run", "speed", "portal_time_before", "portal_time_after", "source")
    return Sheet("clock-changes", header, (_changes_row(change) for change in changes))


def _changes_row(change: ClockChange) -> tuple[Any, ...]:
    who = change.by.get_username() if change.by else "the start"
    times = change.before_at, change.after_at
    return (
        change.wall_at,
        change.get_action_display(),
        who,
        change.mode,
        change.run,
        change.speed,
        *times,
        change.source,
    )


def _scenario(row: Clock, at: datetime) -> Scenario | None:
    start, end = row.scenario_start, row.scenario_end
    if start is None or end is None:
        return None
    share = min(max((at - start) / (end - start), 0.0), 1.0)
    day, _midnight = operating_day(operating_day_of(start))
    return Scenario(day, start, end, row.run, round(share * 100), max(end - at, timedelta()))


def _holding(row: Clock, frame: Frame) -> str:
    """Why scenario time stands or runs, in words."""
    if row.mode == Clock.Mode.LIVE:
        return "Nothing: live time always runs."
    return frame.held_words or f"Nothing: it runs at {frame.speed_words}."
