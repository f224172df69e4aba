"""Who signed in and out, and who failed to, as rows: pages and the admin alike, by Django's own signals."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.validators import validate_ipv46_address
from django.http import HttpRequest

from portal.models import SignIn, User

TOKEN_EVERY_S: Final = 10
"""A script with a wrong token asks again and again: one row per address in this time is enough to see it."""


def watch() -> None:
    """Connect to Django's signals. Once, when the apps are ready."""
    user_logged_in.connect(_signed_in, dispatch_uid="record sign-in")
    user_logged_out.connect(_signed_out, dispatch_uid="record sign-out")
    user_login_failed.connect(_failed, dispatch_uid="record failed sign-in")


def note_refused_token(request: HttpRequest) -> None:
    """An API token was wrong, revoked, or its owner is not active."""
    if cache.add(f"token-refused-{_address(request)}", True, TOKEN_EVERY_S):
        _note(SignIn.Outcome.TOKEN_REFUSED, request)


def _signed_in(request: HttpRequest, user: User, **_more: Any) -> None:
    _note(SignIn.Outcome.SIGNED_IN, request, user=user)


def _signed_out(request: HttpRequest, user: User | None, **_more: Any) -> None:
    if user is not None:
        _note(SignIn.Outcome.SIGNED_OUT, request, user=user)


def _failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_more: Any) -> None:
    name = str(credentials.get("username", ""))[:150]
    user = User.objects.filter(username=name).first()
    _note(SignIn.Outcome.FAILED, request, user=user, tried_name="" if user else name)


def _note(outcome: SignIn.Outcome, request: HttpRequest | None, user: User | None = None, tried_name: str = "") -> None:
    SignIn.objects.create(
        user=user, outcome=outcome, tried_name=tried_name.replace("\0", ""), address=_address(request)
    )


def _address(request: HttpRequest | None) -> str | None:
    """Where the connection came from, as the server saw it."""
    address = str(request.META.get("REMOTE_ADDR", "")) if request else ""
    try:
        validate_ipv46_address(address)
    except ValidationError:
        return None
    return address
