"""`manage.py reset_passkeys`: where a person lost their key and nobody can open the supervisors' site."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from grid import clock
from grid.core.refusals import Refusal
from planning.operations import reset_passkeys
from portal.models import User


class Command(BaseCommand):
    help = "Withdraw all passkeys of a person, on record; their password enrols the next one."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Who, by which administrator, why."""
        parser.add_argument("username")
        parser.add_argument("--by", required=True, help="username of the administrator who answers for it")
        parser.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """Reset and say so."""
        person, by = (self._person(options[name]) for name in ("username", "by"))
        try:
            reset_passkeys(user_id=person.pk, by=by, reason=options["reason"], at=clock.now())
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"The passkeys of {person.username} are reset; their password enrols the next one.")

    def _person(self, username: str) -> User:
        found = User.objects.filter(username=username).first()
        if found is None:
            raise CommandError(f"There is nobody called {username!r}.")
        return found
