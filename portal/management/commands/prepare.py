"""`manage.py prepare`: what the database needs before the portal serves. `up` runs it as owner, in a child."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portal.management.commands.up import add_clock_options
from portal.provision import StartRefused, plan_start, prepare


class Command(BaseCommand):
    help = "Migrate, apply rights, seed demo data (--demo) and set the portal's clock. Idempotent."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_clock_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            start = plan_start(
                demo=options["demo"],
                mode=options["mode"],
                replay=options["replay"],
                scenario=options["scenario"],
                speed=options["speed"],
                no_pause=options["no_pause"],
            )
            prepare(start=start, wall_at=timezone.now())
        except StartRefused as error:
            raise CommandError(str(error), returncode=2) from error
