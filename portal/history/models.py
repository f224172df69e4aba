"""Which models have a history. Each proxy here carries django-pghistory's triggers and gets an event model beside it.

Append-only models have none: each of their rows is its own history. Secrets, names (which may have to be erased) and
what changes at every sign-in are left out. The context of pghistory is not used: who did it stands in the record.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pghistory
from django.db import models

from cohorts.models import Cohort
from dispatch.models import EventResult, Signal, Ven
from planning.models import Plan
from portal.models import ApiToken, User

Model = TypeVar("Model", bound=type[models.Model])


def _tracked(*left_out: str) -> Callable[[Model], Model]:
    """Every insert, change and deletion of a row, without these columns."""
    options: dict[str, Any] = {"context_field": None, "meta": {"default_permissions": ()}}
    track: Any = pghistory.track(
        pghistory.InsertEvent(),
        pghistory.UpdateEvent(),
        pghistory.DeleteEvent(),
        exclude=list(left_out),
        **options,
    )
    return track  # type: ignore[no-any-return]


@_tracked("updated_at")
class TrackedCohort(Cohort):
    class Meta:
        proxy = True
        default_permissions = ()


@_tracked("wall_updated_at")
class TrackedPlan(Plan):
    class Meta:
        proxy = True
        default_permissions = ()


@_tracked("payload")
class TrackedSignal(Signal):
    class Meta:
        proxy = True
        default_permissions = ()


@_tracked()
class TrackedVen(Ven):
    class Meta:
        proxy = True
        default_permissions = ()


@_tracked()
class TrackedEventResult(EventResult):
    class Meta:
        proxy = True
        default_permissions = ()


@_tracked("password", "last_login", "username", "first_name", "last_name", "email")
class TrackedUser(User):
    class Meta:
        proxy = True
        default_permissions = ()


@_tracked("digest")
class TrackedApiToken(ApiToken):
    class Meta:
        proxy = True
        default_permissions = ()
