"""`manage.py seed`: demo people with their keys, and the six demo cohorts. Safe to run again."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cohorts.demo import DEMO_ACCOUNTS
from grid import clock
from grid.core.refusals import Refusal
from portal.acting import acting_as
from portal.seeding import Seeded, seed


class Command(BaseCommand):
    """Runs with the owner's rights, whatever role the process was started in."""

    help = "Write the demo people (credentials.json) and the six demo cohorts; what stands already is kept."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """`--accounts N` shares N accounts out over the cohorts, `--random-seed` decides their ZIPs."""
        parser.add_argument("--accounts", type=int, help=f"accounts in all cohorts together (default {DEMO_ACCOUNTS})")
        parser.add_argument("--random-seed", type=int, default=1, help="decides the accounts' ZIPs (default 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed and say what was written."""
        with nullcontext() if settings.PORTAL_ROLE == "owner" else acting_as("owner"):
            try:
                seeded = seed(
                    data_dir=settings.DATA_DIR,
                    at=clock.now(),
                    accounts=options["accounts"],
                    random_seed=options["random_seed"],
                )
            except Refusal as refusal:
                raise CommandError(str(refusal)) from refusal
        self.stdout.write(summary(seeded))


def summary(seeded: Seeded) -> str:
    """One line each on people and cohorts."""
    cohorts = seeded.cohorts_created
    accounts, enrolled_mw = sum(c.account_count for c in cohorts), sum(c.enrolled_mw for c in cohorts)
    return "\n".join(
        (
            f"Demo cohorts: {len(cohorts)} created, {accounts:,} accounts, {float(enrolled_mw):.1f} MW enrolled."
            if cohorts
            else "Demo cohorts: already there.",
            f"Demo people: new passwords for {', '.join(seeded.people_renewed)}."
            if seeded.people_renewed
            else "Demo people: already there.",
            f"Passwords and API tokens: {seeded.credentials_path}",
        )
    )
