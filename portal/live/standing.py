"""Who may listen: the rules of a page (`portal.views.guard.page`), asked for many sessions at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Final

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, load_backend
from django.contrib.sessions.backends.db import SessionStore
from django.db import close_old_connections
from django.utils.crypto import constant_time_compare

RIGHT: Final = "grid.view_snapshot"


class Standing(Enum):
    """What a session is worth here, as the status of an answer."""

    SIGNED_OUT = 401
    NO_RIGHT = 403
    ALLOWED = 200


def standings(keys: Collection[str], *, at: datetime) -> Mapping[str, Standing]:
    """The standing of each session key at a wall instant. Raises DatabaseError."""
    close_old_connections()
    try:
        found = SessionStore.get_model_class().objects.filter(session_key__in=set(keys), expire_date__gt=at)
        people: dict[str, Any] = {}
        known = {row.session_key: _standing(row.get_decoded(), people) for row in found}
    finally:
        close_old_connections()
    return {key: known.get(key, Standing.SIGNED_OUT) for key in keys}


def _standing(session: Mapping[str, Any], people: dict[str, Any]) -> Standing:
    person_id = session.get(SESSION_KEY)
    if person_id is None:
        return Standing.SIGNED_OUT
    if person_id not in people:
        people[person_id] = load_backend(session[BACKEND_SESSION_KEY]).get_user(person_id)
    person = people[person_id]  # None also when they are not active any more
    # A new password signs every other session out.
    if person is None or not constant_time_compare(session.get(HASH_SESSION_KEY, ""), person.get_session_auth_hash()):
        return Standing.SIGNED_OUT
    return Standing.ALLOWED if RIGHT in person.get_group_permissions() else Standing.NO_RIGHT
