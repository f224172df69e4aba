"""When a sign-in ends: a fixed time after it began or was extended, so that a page can say so before it does."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

WARNED: Final = timedelta(minutes=10)


def begin(request: HttpRequest) -> None:
    """Let the session end SESSION_COOKIE_AGE from now, whatever happens in it meanwhile."""
    request.session.set_expiry(timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE))


def ends_soon(request: HttpRequest | None) -> timedelta | None:
    """How long the session lasts (wall time) once that is ten minutes or less; None before, and for nobody."""
    session = getattr(request, "session", None)
    ends_at = session.get("_session_expiry") if session is not None else None
    if not isinstance(ends_at, str):  # a session that never was given its end
        return None
    left = datetime.fromisoformat(ends_at) - timezone.now()
    return left if left <= WARNED else None
