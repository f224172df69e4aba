"""Who is meant, and what they signed, read from a request."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone
from rest_framework.exceptions import ValidationError

from planning.passkeys import RelyingParty, Signed


def party_of(request: Any) -> RelyingParty:
    """The page passkeys are bound to, as this request was addressed (ALLOWED_HOSTS has checked the name)."""
    host = request.get_host()
    return RelyingParty(host=host.rsplit(":", 1)[0].strip("[]"), origin=f"{request.scheme}://{host}")


def signed_of(request: Any, credential: Any) -> Signed | None:
    """What was signed, if anything was."""
    return None if credential is None else Signed(credential, party_of(request), timezone.now())


def person_named(username: str, field: str) -> int:
    """The id of a person. Raises ValidationError (422)."""
    found = get_user_model().objects.filter(username=username).values_list("pk", flat=True).first()
    if found is None:
        raise ValidationError({field: f"There is nobody called {username[:60]!r}."})
    return int(found)


def lender_named(username: str | None) -> int | None:
    """In whose name a vote is given, None for one's own; 0 for nobody of this name: no delegation covers that."""
    if not username:
        return None
    found = get_user_model().objects.filter(username=username).values_list("pk", flat=True).first()
    return int(found or 0)
