"""`manage.py up`: the whole portal in the foreground, from an empty folder to pages that answer."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.embedded import EmbeddedPostgresFailed
from portal.postgres_binaries import PostgresNotFound
from portal.postgres_home import HomeUnusable
from portal.processes import AlreadyLocked
from portal.provision import Start, StartRefused, plan_start
from portal.startup import (
    HostUnusable,
    Portal,
    PortBusy,
    PreparationFailed,
    UpOptions,
)
from portal.supervisor import ServiceKeepsFailing

USAGE_ERRORS = (StartRefused, PortBusy, HostUnusable)
FAILURES = (
    AlreadyLocked,
    HomeUnusable,
    PostgresNotFound,
    EmbeddedPostgresFailed,
    PreparationFailed,
    ServiceKeepsFailing,
)


def add_clock_options(parser: ArgumentParser) -> None:
    """The options of `up` that `prepare` understands too."""
    parser.add_argument(
        "--demo", action="store_true", help="demo users and cohorts; starts a drill unless told otherwise"
    )
    parser.add_argument("--mode", choices=["live", "drill"], help="default: live, with --demo drill")
    parser.add_argument("--replay", type=Path, metavar="PATH", help="replay an hourly ERCOT history file")
    parser.add_argument("--scenario", metavar="ID|YYYY-MM-DD", help="the operating day to replay or drill")
    parser.add_argument("--speed", type=float, metavar="N", help="scenario seconds per second, 1 to 600 (default 60)")
    parser.add_argument("--no-pause", action="store_true", help="do not hold scenario time while a plan awaits a vote")


class Command(BaseCommand):
    help = "Start the portal: database, web server, worker and dispatch. TERM or Ctrl-C ends all of it."
    requires_system_checks: list[str] = []  # `prepare` runs them, in a process that has a database

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="localhost", help="name or address to serve on (default localhost)")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--data-dir", type=Path, default=Path(".data"))
        add_clock_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["port"] <= 65_535:
            raise CommandError(f"--port {options['port']}: not a port, which is 1 to 65535.", returncode=2)
        up = UpOptions(options["host"], options["port"], options["data_dir"], prepare_options(options))
        try:
            start_from(options)  # `prepare` reads the same options; contradictions are refused before anything starts
            Portal(up, self._say).run()
        except USAGE_ERRORS as error:
            raise CommandError(str(error), returncode=2) from error
        except FAILURES as error:
            refused = isinstance(error, PreparationFailed) and error.exit_code == 2
            raise CommandError(_with_log(error), returncode=2 if refused else 1) from error
        except PermissionError as error:
            raise CommandError(f"No permission for {error.filename}; name another --data-dir.") from error
        except (FileNotFoundError, NotADirectoryError, FileExistsError) as error:
            raise CommandError(f"{error.strerror}: {error.filename}; name another --data-dir.") from error

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def start_from(options: dict[str, Any]) -> Start:
    """How to start, as these options say. Raises StartRefused."""
    return plan_start(
        demo=options["demo"],
        mode=options["mode"],
        replay=options["replay"],
        scenario=options["scenario"],
        speed=options["speed"],
        no_pause=options["no_pause"],
    )


def prepare_options(options: dict[str, Any]) -> tuple[str, ...]:
    """The same options as words for `manage.py prepare`; a relative path is made absolute."""
    words: list[str] = []
    for name in ("demo", "no_pause"):
        words += [f"--{name.replace('_', '-')}"] if options[name] else []
    if options["replay"]:
        words += ["--replay", str(options["replay"].absolute())]
    for name in ("mode", "scenario", "speed"):
        words += [f"--{name}", str(options[name])] if options[name] is not None else []
    return tuple(words)


def _with_log(error: Exception) -> str:
    if not isinstance(error, ServiceKeepsFailing):
        return str(error)
    tail = error.log_path.read_text(errors="replace")[-1500:].strip()
    return f"{error} All processes were stopped. The end of {error.log_path}:\n{tail}"
