"""`manage.py erase_person`: names and e-mail of somebody who has left go; what they decided stays. As owner."""

from __future__ import annotations

from argparse import ArgumentParser
from contextlib import nullcontext
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from grid.core.refusals import Refusal
from portal.acting import acting_as
from portal.erasing import erase_person
from portal.models import User


class Command(BaseCommand):
    """Runs with the owner's rights: no process of the portal may change a log."""

    help = "Erase names and e-mail of an inactive person. It cannot be undone; the record still verifies."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--reason", required=True, help="stands in the record; name nobody in it")
        parser.add_argument("--by", metavar="USERNAME", help="the admin who asks for it")
        parser.add_argument("--confirm", action="store_true", help="do it")

    def handle(self, *args: Any, **options: Any) -> None:
        username = options["username"]
        if not options["confirm"]:
            raise CommandError(f"This cannot be undone. To erase who {username} is, add --confirm.")
        with nullcontext() if settings.PORTAL_ROLE == "owner" else acting_as("owner"):
            by = User.objects.filter(username=options["by"], is_active=True).first() if options["by"] else None
            if options["by"] and by is None:
                raise CommandError(f"There is no active person {options['by']!r}.")
            try:
                made = erase_person(username=username, by=by, wall_at=timezone.now(), reason=options["reason"])
            except Refusal as refusal:
                raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"Person {made.person_id} is now {made.person.username}. What they decided stays.")
