"""What a database needs before the portal serves: migrations, rights, demo data, the clock. Runs as owner.

Everything here may be done again: a second start finds most of it done and says nothing.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from grid import clock
from grid.core.intervals import CENTRAL
from grid.feeds import SYNTHETIC, scenarios
from grid.models import MAX_SPEED, MIN_SPEED
from grid.operations import start_clock
from planning.operations import close_earlier_runs
from portal import fence, roles

LIVE, REPLAY = "LIVE", "REPLAY"
DRILL_DATE: Final = dt.date(2026, 8, 12)  # a Wednesday in the hottest weeks
DRILL_TIME: Final = dt.time(14, 0)
DEFAULT_SPEED: Final = 60.0
_LOCK_KEY: Final = 4_118_002  # advisory lock: two starts on one outside database prepare it one after the other


class StartRefused(Exception):
    """The options of a start contradict each other or name nothing; the message names the option."""


@dataclass(frozen=True)
class Start:
    """How the portal is to start. `scenario_start` is aware UTC, None when live."""

    demo: bool
    mode: str
    source: str
    scenario_start: dt.datetime | None
    speed: float
    hold_for_votes: bool


def plan_start(
    *, demo: bool, mode: str | None, replay: Path | None, scenario: str | None, speed: float | None, no_pause: bool
) -> Start:
    """Make sense of the options of `up`. Raises StartRefused."""
    if replay and mode:
        raise StartRefused("--replay is a mode of its own; leave --mode out.")
    if replay and not replay.is_file():
        raise StartRefused(f"--replay: there is no file {replay}.")
    chosen = REPLAY if replay else (mode or ("drill" if demo else "live")).upper()
    if chosen == LIVE:
        if scenario or speed not in {None, 1.0} or no_pause:
            raise StartRefused(
                "--scenario, --speed and --no-pause need a drill or a --replay; live time cannot be set."
            )
        return Start(demo, LIVE, SYNTHETIC, None, 1.0, hold_for_votes=False)
    if scenario in scenarios() and not replay:
        raise StartRefused(f"--scenario {scenario} is a day of history: name the file with --replay PATH.")
    chosen_speed = DEFAULT_SPEED if speed is None else speed
    if not MIN_SPEED <= chosen_speed <= MAX_SPEED:
        raise StartRefused(f"--speed must be between {MIN_SPEED:g} and {MAX_SPEED:g}.")
    if replay and not scenario:
        raise StartRefused(f"--replay needs --scenario: a day YYYY-MM-DD or one of {', '.join(scenarios())}.")
    day = scenario_date(scenario) if scenario else DRILL_DATE
    # A replayed day is watched from its beginning; a drill goes straight to the afternoon.
    begins = dt.datetime.combine(day, dt.time() if replay else DRILL_TIME, CENTRAL).astimezone(dt.UTC)
    source = str(replay.absolute()) if replay else SYNTHETIC
    return Start(demo, chosen, source, begins, chosen_speed, hold_for_votes=not no_pause)


def scenario_date(text: str) -> dt.date:
    """The operating day (Central) of a scenario id or of YYYY-MM-DD. Raises StartRefused."""
    known = scenarios()
    if text in known:
        return known[text].day
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise StartRefused(f"--scenario {text}: not a day YYYY-MM-DD, and not one of {', '.join(known)}.") from None


def prepare(*, start: Start, wall_at: dt.datetime) -> None:
    """Bring the database to where the portal can serve."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK_KEY])
    try:
        migrate_if_needed()
        set_clock(start=start, wall_at=wall_at)  # first: demo data is written at portal time
        close_earlier_runs(at=clock.now())
        if start.demo:
            call_command("seed")
        collect_static_if_stale()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK_KEY])


def migrate_if_needed() -> bool:
    """Run migrations unless all are applied; in both cases apply roles and rights. True when something was migrated."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)  # applies roles and rights at its end
        return True
    roles.apply_roles()
    fence.apply_rights()
    return False


def set_clock(*, start: Start, wall_at: dt.datetime) -> None:
    """Tell the one clock how this run keeps time; a scenario that was running before goes on where it was left.

    Raises a Refusal where the replay file cannot serve.
    """
    start_clock(
        mode=start.mode,
        source=start.source,
        scenario_start=start.scenario_start,
        speed=start.speed,
        hold_for_votes=start.hold_for_votes,
        by=None,
        wall_at=wall_at,
    )


def collect_static_if_stale() -> None:
    """Static files are gathered by `make setup`; a start after a change of ours, or without it, gathers them anew."""
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    sources = (settings.BASE_DIR / "portal" / "static").rglob("*")
    newest = max((source.stat().st_mtime for source in sources if source.is_file()), default=0.0)
    if not manifest.exists() or manifest.stat().st_mtime < newest:
        call_command("collectstatic", interactive=False, verbosity=0)
