"""`manage.py scenario`: the main job on one operating day of an ERCOT history file, in a database of its own."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from grid.core.refusals import Refusal
from grid.feeds.replay import open_replay
from portal.acting import close_all, use_databases
from portal.embedded import temporary_postgres
from portal.provision import StartRefused, scenario_date
from portal.scenario import Scenario


class Command(BaseCommand):
    help = "Play one operating day headless in a temporary database and print the result as JSON."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("scenario", help="an id from fixtures/scenarios, or a day as YYYY-MM-DD")
        parser.add_argument("--replay", required=True, type=Path, metavar="PATH", help="ERCOT history file (CSV)")
        parser.add_argument("--seed", type=int, default=1, help="seed of the endpoints' truth (default 1)")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there as well")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["json"]:
            check_writable(options["json"])
        try:
            day = scenario_date(options["scenario"])
            story = play(day, options["replay"].absolute(), options["seed"])
        except (StartRefused, Refusal) as refusal:
            raise CommandError(str(refusal)) from refusal
        text = json.dumps(story, indent=2)
        if options["json"]:
            options["json"].write_text(text + "\n")
        self.stdout.write(text)


def check_writable(path: Path) -> None:
    """Before the day is played, not after. Raises CommandError."""
    try:
        path.open("a").close()
    except OSError as error:
        raise CommandError(f"--json {path}: {error.strerror}") from error


def play(day: date, path: Path, seed: int) -> dict[str, Any]:
    """Bring up a temporary server, play the day in it, and take it down again."""
    feed = open_replay(str(path))
    with temporary_postgres() as server, TemporaryDirectory(prefix="hitl-scenario-") as folder:
        use_databases(server.urls())
        try:
            return Scenario(day=day, path=path, feed=feed, seed=seed, work_dir=Path(folder)).play()
        finally:
            close_all()
