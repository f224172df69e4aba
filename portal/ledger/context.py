"""What a web process says of the request it serves, for the record: request id, person, roles, how they were known.

It stands beside each event as the process's word; who wrote it, PostgreSQL says itself (the login).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse

from portal.incidents import request_id

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
SET: Final = """
    SELECT set_config('portal.context', jsonb_build_object(
        'request', %s::text, 'person', %s::bigint, 'known_by', %s::text,
        'roles', (SELECT coalesce(jsonb_agg(g.name ORDER BY g.name), '[]') FROM portal_user_groups m
                    JOIN auth_group g ON g.id = m.group_id WHERE m.user_id = %s))::text, false)
"""
CLEAR: Final = "SELECT set_config('portal.context', '', false)"


class RecordContext:
    """Middleware, behind authentication: tells PostgreSQL of requests that may write, and takes it back afterwards."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in SAFE:
            return self._get_response(request)
        person_id = request.user.pk if request.user.is_authenticated else None
        say(request, person_id=person_id, known_by="session" if person_id else "")
        try:
            return self._get_response(request)
        finally:
            _clear()


def say(request: HttpRequest, *, person_id: int | None, known_by: str) -> None:
    """Set the context of this request's writes; a token's owner is known later than a session's."""
    if request.method in SAFE:
        return
    with connection.cursor() as cursor:
        cursor.execute(SET, [request_id(request), person_id, known_by, person_id])


def _clear() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(CLEAR)
    except (DatabaseError, InterfaceError):
        connection.close()  # a connection that cannot forget is not used again
