"""`manage.py prepare`: what the database needs before the portal serves. `up` runs it as owner, in a child."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from grid.core.refusals import Refusal
from portal.management.commands.up import add_clock_options, start_from
from portal.provision import StartRefused, prepare


class Command(BaseCommand):
    help = "Migrate, apply rights, seed demo data (--demo) and set the portal's clock. Idempotent."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_clock_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            prepare(start=start_from(options), wall_at=timezone.now())
        except (StartRefused, Refusal) as error:
            raise CommandError(str(error), returncode=2) from error
