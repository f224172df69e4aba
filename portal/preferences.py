"""What a browser may choose for itself; a cookie each. Set by portal/views/preferences.py, read by the frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.http import HttpRequest

# By the cookie's name; the first choice is what holds without one.
PREFERENCES: Final[Mapping[str, Mapping[str, str]]] = {
    "theme": {"system": "System", "light": "Light", "dark": "Dark"},
    "shortcuts": {"on": "On", "off": "Off"},
}


def chosen(request: HttpRequest | None, name: str) -> str:
    """The choice of this browser, one of those offered."""
    choices = PREFERENCES[name]
    wanted = request.COOKIES.get(name, "") if request is not None else ""
    return wanted if wanted in choices else next(iter(choices))
