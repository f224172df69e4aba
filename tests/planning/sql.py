"""Direct SQL in tests: run it, see it refused with nothing changed, and the votes somebody might forge."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from planning.models import Plan
from portal.models import User
from tests.planning.builders import AT, everything, hash_of

AsRole = Callable[[str], AbstractContextManager[None]]
DENIED = "permission denied"
INSERT_VOTE = """
INSERT INTO planning_vote (version_id, content_hash, voter_id, decision, reason, at, wall_at, step_up, on_behalf_of_id)
VALUES (%s, %s, %s, %s, %s, %s, now(), %s, %s)
"""


def run(sql: str, params: Any = None) -> list[Any]:
    """The rows, if it gives any."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


def value_of(sql: str, *params: Any) -> Any:
    """The one value of the one row."""
    [(found,)] = run(sql, list(params))
    return found


def assert_refused(says: str, sql: str, params: Any = None) -> None:
    """PostgreSQL refuses it in these words, and nothing of planning has changed."""
    before = everything()
    with pytest.raises(DatabaseError, match=says), transaction.atomic():
        run(sql, params)
    assert everything() == before


def forge(plan: Plan, voter: User, **more: Any) -> list[Any]:
    """Parameters of INSERT_VOTE: a plain approval of the current version but for `more`."""
    usual = {
        "version": plan.current_version_id,
        "content_hash": more.pop("content_hash", None) or hash_of(plan),
        "voter": voter.pk,
        "decision": "APPROVE",
        "reason": "",
        "at": AT,
        "step_up": "NONE",
        "on_behalf_of": None,
    }
    assert more.keys() <= usual.keys()
    return list((usual | more).values())
