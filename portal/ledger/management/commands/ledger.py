"""`manage.py ledger ACTION`: the record from the command line; the actions are in portal/ledger/management/actions."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from portal.ledger.management.actions import ACTIONS


class Command(BaseCommand):
    """Translates the line into one action and its result into the exit status."""

    help = "The tamper-evident record of every decision: " + ", ".join(ACTIONS) + "."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for name, action in ACTIONS.items():
            action.add_arguments(actions.add_parser(name, help=action.HELP, description=action.HELP))

    def handle(self, *args: Any, **options: Any) -> None:
        status = ACTIONS[options["action"]].handle(self.stdout, options)
        if status:
            sys.exit(status)
