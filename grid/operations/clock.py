"""Start, pause, resume, speed up and step the portal's clock.

Note [a second start]
    A scenario goes on where it was left when the portal is started again with the same mode, source (a replay file's
    content included) and start, and its time is not over: at the last scenario instant a process was seen at, so that
    the hours the portal was off do not pass in the scenario. Speed and hold-for-votes are the new start's; a person's
    pause stays. A scenario lasts until the end of the operating day after the one it starts in; after that, or with
    another mode, source or start, it begins anew at its start.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

from django.db import transaction
from django.db.models import Max

from grid.clock import ClockState, at_wall, state_of
from grid.core.intervals import CENTRAL, operating_day, operating_day_of
from grid.core.refusals import Conflict, Invalid, NotAllowed
from grid.feeds import SYNTHETIC, open_feed, scenarios
from grid.models import MAX_SPEED, MIN_SPEED, Clock, ClockChange, ProcessHeartbeat

CONTROL: Final = "grid.control_clock"
LIVE_SEED: Final = 1
LONGEST_STEP: Final = timedelta(days=1)


CHANGEABLE: Final = ("speed", "paused", "scenario_anchor", "wall_anchor")
"""What a person may change of the clock: web's database role may write these columns and no other."""


class Person(Protocol):
    """Whoever acts: a user as Django knows one."""

    pk: int | None

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Whether they hold a right."""


class ClockRightMissing(NotAllowed):
    """This person may not control the clock."""

    def __init__(self) -> None:
        super().__init__("Controlling the clock needs the right grid.control_clock")


class ClockNotControllable(Conflict):
    """Live time cannot be paused, stepped or sped up."""

    field = "action"

    def __init__(self, action: str) -> None:
        self.action = action
        super().__init__(f"The portal is live: time cannot be {action}")


class SpeedOutOfRange(Invalid):
    """Not between 1x and 600x."""

    field = "speed"

    def __init__(self, speed: float) -> None:
        self.speed = speed
        super().__init__(f"A speed of {speed:g} is not between {MIN_SPEED:g} and {MAX_SPEED:g}")


class StepNotPositive(Invalid):
    """A step must go ahead, by a day at most."""

    field = "minutes"

    def __init__(self, minutes: float) -> None:
        self.minutes = minutes
        super().__init__(f"A step of {minutes:g} minutes is not between 1 minute and a day")


class ScenarioIncomplete(Invalid):
    """A replay or drill needs a start, and a mode must be one of the three."""

    field = "scenario_start"

    def __init__(self, mode: str) -> None:
        self.mode = mode
        super().__init__(f"Mode {mode} needs a scenario start, or is none of LIVE, REPLAY and DRILL")


class SourceWithoutFile(Invalid):
    """A replay needs a file; only a drill and the live portal run on simulated data."""

    field = "source"

    def __init__(self, mode: str, source: str) -> None:
        self.mode, self.source = mode, source
        super().__init__(f"Mode {mode} cannot run on {source}")


class ScenarioOutsideReplay(Invalid):
    """The replay file does not hold the scenario's start."""

    field = "scenario_start"

    def __init__(self, start: datetime, first: datetime, last: datetime) -> None:
        self.start, self.first, self.last = start, first, last
        super().__init__(
            f"The replay file holds {first.astimezone(CENTRAL):%Y-%m-%d} to {last.astimezone(CENTRAL):%Y-%m-%d}, "
            f"not {start.astimezone(CENTRAL):%Y-%m-%d}"
        )


def start_clock(
    *,
    mode: str,
    source: str,
    scenario_start: datetime | None,
    speed: float,
    hold_for_votes: bool,
    by: Person | None,
    wall_at: datetime,
    random_seed: int = LIVE_SEED,
) -> ClockState:
    """Set how this run of the portal keeps time; see Note [a second start]. `by` is None at the start of the portal.

    Raises ClockRightMissing, ScenarioIncomplete, SpeedOutOfRange, SourceWithoutFile, ScenarioOutsideReplay,
    ReplayFileInvalid or ReplayFileMissing; nothing is changed then.
    """
    _check_right(by)
    if mode not in Clock.Mode.values or (mode != Clock.Mode.LIVE and scenario_start is None):
        raise ScenarioIncomplete(mode)
    if (source == SYNTHETIC) is (mode == Clock.Mode.REPLAY):
        raise SourceWithoutFile(mode, source)
    wanted = Clock(pk=Clock.SINGLE_ID, mode=mode, source=source, random_seed=random_seed, hold_for_votes=hold_for_votes)
    wanted.data_source = open_feed(source, random_seed=random_seed).source
    if scenario_start is None or mode == Clock.Mode.LIVE:
        wanted.label = "SIMULATED GRID"
    else:
        _check_speed(speed)
        _check_inside(source, random_seed, scenario_start)
        _lay_out(wanted, scenario_start, speed, wall_at)
    with transaction.atomic():
        before = Clock.objects.select_for_update().filter(pk=Clock.SINGLE_ID).first()
        action = _continue_or_begin(before, wanted, wall_at)
        wanted.save(force_insert=before is None, force_update=before is not None)
        _record(action, wanted, by=by, wall_at=wall_at, before=at_wall(before, wall_at) if before else None)
    return state_of(wanted, at=at_wall(wanted, wall_at))


def _check_inside(source: str, random_seed: int, scenario_start: datetime) -> None:
    feed = open_feed(source, random_seed=random_seed)
    first, last = feed.history_start, feed.history_end
    if (first and scenario_start < first) or (last and scenario_start >= last):
        raise ScenarioOutsideReplay(scenario_start, first or scenario_start, last or scenario_start)


def _lay_out(clock: Clock, scenario_start: datetime, speed: float, wall_at: datetime) -> None:
    day = operating_day_of(scenario_start)
    known = next((scenario for scenario in scenarios().values() if scenario.day == day), None)
    replayed = known.title if known else f"{day:%A} {day.day} {day:%B %Y}"
    clock.label = replayed if clock.mode == Clock.Mode.REPLAY else f"simulated {day:%A} in {day:%B}"
    clock.scenario_start = clock.scenario_anchor = scenario_start
    clock.scenario_end = operating_day(day + timedelta(days=1))[1]
    clock.wall_anchor = wall_at
    clock.speed = speed


def _continue_or_begin(before: Clock | None, wanted: Clock, wall_at: datetime) -> ClockChange.Action:
    """Carry over from the row before what lasts; returns what this start was."""
    wanted.run = 0 if wanted.mode == Clock.Mode.LIVE else _next_run()
    if before is None:
        return ClockChange.Action.STARTED
    identity = ("mode", "source", "data_source", "scenario_start")
    same = all(getattr(before, name) == getattr(wanted, name) for name in identity)
    if wanted.mode == Clock.Mode.LIVE:
        wanted.vote_pending = same and before.vote_pending
        return ClockChange.Action.CONTINUED if same else ClockChange.Action.STARTED
    left_at = _left_at(before, wall_at)
    if not same or left_at is None or wanted.scenario_end is None or left_at >= wanted.scenario_end:
        return ClockChange.Action.STARTED
    wanted.scenario_anchor = left_at
    wanted.paused = before.paused
    wanted.vote_pending = before.vote_pending
    wanted.run = before.run
    return ClockChange.Action.CONTINUED


def _next_run() -> int:
    """A scenario begun anew is another run: plans of the runs before it neither use up its budgets nor hold it."""
    newest: int | None = ClockChange.objects.aggregate(newest=Max("run"))["newest"]
    return (newest or 0) + 1


def _left_at(clock: Clock, wall_at: datetime) -> datetime | None:
    """The last scenario instant any process was seen at since the clock last changed; else the clock's anchor."""
    if clock.scenario_anchor is None or clock.wall_anchor is None:
        return None
    since = ProcessHeartbeat.objects.filter(wall_at__gte=clock.wall_anchor, wall_at__lte=wall_at)
    seen_at: datetime | None = since.aggregate(newest=Max("portal_at"))["newest"]
    newest = max(clock.scenario_anchor, seen_at or clock.scenario_anchor)
    return min(newest, at_wall(clock, wall_at))


def pause_clock(*, by: Person, wall_at: datetime) -> ClockState:
    """Stop scenario time; pausing twice changes nothing. Raises ClockRightMissing or ClockNotControllable."""
    return _change("paused", ClockChange.Action.PAUSED, _pause, by=by, wall_at=wall_at)


def resume_clock(*, by: Person, wall_at: datetime) -> ClockState:
    """Let scenario time run on from where it stands. Raises ClockRightMissing or ClockNotControllable."""
    return _change("resumed", ClockChange.Action.RESUMED, _resume, by=by, wall_at=wall_at)


def set_speed(*, speed: float, by: Person, wall_at: datetime) -> ClockState:
    """Scenario seconds per wall second from now on. Raises SpeedOutOfRange, ClockRightMissing, ClockNotControllable."""
    _check_right(by)
    _check_speed(speed)

    def change(clock: Clock) -> bool:
        changed, clock.speed = clock.speed != speed, speed
        return changed

    return _change("sped up", ClockChange.Action.SPEED_SET, change, by=by, wall_at=wall_at)


def step_clock(*, minutes: float, by: Person, wall_at: datetime) -> ClockState:
    """Move scenario time ahead, also while it is paused or waits for a vote.

    Raises StepNotPositive, ClockRightMissing or ClockNotControllable.
    """
    _check_right(by)
    if not 1 <= minutes <= LONGEST_STEP / timedelta(minutes=1):
        raise StepNotPositive(minutes)

    def change(clock: Clock) -> bool:
        assert clock.scenario_anchor is not None
        clock.scenario_anchor += timedelta(minutes=minutes)
        return True

    return _change("stepped", ClockChange.Action.STEPPED, change, by=by, wall_at=wall_at)


def _pause(clock: Clock) -> bool:
    changed, clock.paused = not clock.paused, True
    return changed


def _resume(clock: Clock) -> bool:
    changed, clock.paused = clock.paused, False
    return changed


def _change(
    what: str, action: ClockChange.Action, change: Callable[[Clock], bool], *, by: Person, wall_at: datetime
) -> ClockState:
    _check_right(by)
    with transaction.atomic():
        clock = Clock.objects.select_for_update().filter(pk=Clock.SINGLE_ID).first()
        if clock is None or clock.mode == Clock.Mode.LIVE:
            raise ClockNotControllable(what)
        before = at_wall(clock, wall_at)
        clock.scenario_anchor, clock.wall_anchor = before, max(wall_at, clock.wall_anchor or wall_at)
        if change(clock):
            clock.save(update_fields=CHANGEABLE)
            _record(action, clock, by=by, wall_at=wall_at, before=before)
    return state_of(clock, at=at_wall(clock, wall_at))


def _record(
    action: ClockChange.Action, clock: Clock, *, by: Person | None, wall_at: datetime, before: datetime | None
) -> None:
    ClockChange.objects.create(
        action=action,
        mode=clock.mode,
        source=clock.source,
        speed=clock.speed,
        hold_for_votes=clock.hold_for_votes,
        run=clock.run,
        by_id=by.pk if by else None,
        wall_at=wall_at,
        before_at=before,
        after_at=at_wall(clock, wall_at),
    )


def _check_right(by: Person | None) -> None:
    if by is not None and not by.has_perm(CONTROL):
        raise ClockRightMissing


def _check_speed(speed: float) -> None:
    if not MIN_SPEED <= speed <= MAX_SPEED:
        raise SpeedOutOfRange(speed)


def beat(*, name: str, wall_at: datetime) -> None:
    """Note that a process was seen, in wall and portal time."""
    clock = Clock.objects.filter(pk=Clock.SINGLE_ID).first() or Clock()
    row = ProcessHeartbeat(name=name, wall_at=wall_at, portal_at=at_wall(clock, wall_at))
    ProcessHeartbeat.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["name"], update_fields=["wall_at", "portal_at"]
    )
