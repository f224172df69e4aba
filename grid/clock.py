"""The portal's one clock: live, replay (scenario time) or drill.

Only entry points ask it; everything below them takes `at`. PostgreSQL's portal_now() does the arithmetic, so that web,
worker, dispatch and the database agree; `at_wall` repeats it for a row already at hand.

Note [what moves scenario time]
    It runs at `speed` from an anchor (one scenario instant, one wall instant). It stands still while a person has
    paused it, and while a plan awaits a vote and no event runs (unless the start said otherwise). Each change sets a
    new anchor at the instant of the change, so time neither jumps nor runs on. A step moves the anchor ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import DateTimeField, Func

from grid.models import Clock


@dataclass(frozen=True, slots=True)
class ClockState:
    """What the clock says. `at` is portal time; `held` means it waits for a vote, `paused` that a person stopped it."""

    mode: str
    source: str
    data_source: str
    label: str
    speed: float
    paused: bool
    held: bool
    scenario_start: datetime | None
    scenario_end: datetime | None
    at: datetime

    @property
    def is_live(self) -> bool:
        """Whether portal time is wall time."""
        return self.mode == Clock.Mode.LIVE

    @property
    def is_running(self) -> bool:
        """Whether portal time moves."""
        return self.is_live or not (self.paused or self.held)


def now() -> datetime:
    """Portal time: wall time when live, scenario time otherwise."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT portal_now()")
        at: datetime = cursor.fetchone()[0]
    return at.astimezone(UTC)


def state() -> ClockState:
    """Mode, source and portal time in one look."""
    portal_now = Func(function="portal_now", output_field=DateTimeField())
    clock = Clock.objects.annotate(portal_now=portal_now).filter(pk=Clock.SINGLE_ID).first()
    if clock is None:
        return state_of(Clock(), at=now())
    return state_of(clock, at=clock.portal_now)


def state_of(clock: Clock, *, at: datetime) -> ClockState:
    """The read-model of a row at a portal instant."""
    return ClockState(
        mode=clock.mode,
        source=clock.source,
        data_source=clock.data_source,
        label=clock.label,
        speed=clock.speed,
        paused=clock.paused,
        held=clock.held,
        scenario_start=clock.scenario_start,
        scenario_end=clock.scenario_end,
        at=at,
    )


def at_wall(clock: Clock, wall_at: datetime) -> datetime:
    """Portal time of a clock row at a wall instant; the same arithmetic as SQL's grid_clock_at()."""
    if clock.scenario_anchor is None or clock.wall_anchor is None:
        return wall_at
    if clock.paused or clock.held:
        return clock.scenario_anchor
    return clock.scenario_anchor + max(wall_at - clock.wall_anchor, timedelta()) * clock.speed
