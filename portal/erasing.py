"""Erase what names a person who has left. What they decided stays, under their number, and the record still verifies.

The record speaks of people by number (portal/ledger/sources.py leaves names out), so nothing sealed has to change. Free
text that others wrote, such as a comment that names somebody, is not searched.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from grid.core.refusals import Conflict, Invalid, NotAllowed, NotFound
from portal.models import Erasure, SignIn, User

RIGHT: Final = "portal.change_user"


class PersonUnknown(NotFound):
    """Nobody has this name."""

    def __init__(self, username: str) -> None:
        self.username = username

    def __str__(self) -> str:
        return f"There is no person {self.username!r}."


class StillActive(Conflict):
    """The person can still sign in."""

    def __init__(self, username: str) -> None:
        self.username = username

    def __str__(self) -> str:
        return f"{self.username} is active; untick `active` first, so that nobody who decides becomes nameless."


class ErasureRightMissing(NotAllowed):
    """The person's role does not carry the right."""

    def __str__(self) -> str:
        return f"Your role does not allow this (it needs {RIGHT})."


class ReasonNeeded(Invalid):
    """An erasure says why."""

    field = "reason"

    def __str__(self) -> str:
        return "Say why, such as: asked for it on 3 March."


def erase_person(*, username: str, by: User | None, wall_at: datetime, reason: str) -> Erasure:
    """Replace the names and the e-mail of an inactive person; their sign-ins and the admin's log forget them too.

    As owner. `by` None: whoever administers the machine. Raises PersonUnknown, StillActive, ErasureRightMissing,
    ReasonNeeded.
    """
    if by is not None and not by.has_perm(RIGHT):
        raise ErasureRightMissing
    if not reason.strip():
        raise ReasonNeeded
    with transaction.atomic():
        person = User.objects.select_for_update().filter(username=username).first()
        if person is None:
            raise PersonUnknown(username)
        if person.is_active:
            raise StillActive(username)
        nameless = f"erased-{person.pk}"
        person.username, person.first_name, person.last_name, person.email = nameless, "", "", ""
        person.set_unusable_password()
        person.save()
        SignIn.objects.filter(user=person).update(tried_name="", address=None)
        SignIn.objects.filter(tried_name=username).update(tried_name="")
        kind = ContentType.objects.get_for_model(User)
        LogEntry.objects.filter(content_type=kind, object_id=str(person.pk)).update(object_repr=nameless)
        return Erasure.objects.create(person=person, by=by, reason=reason.strip(), wall_at=wall_at)
