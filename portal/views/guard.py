"""Who may open a page, and how a refusal of an operation becomes an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, cast

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from portal.frame import frame_of
from portal.models import User
from portal.views.csv_answer import Sheet, csv_answer

FRAME_TARGET = "frame-clock"
SEE_PLANS = "planning.view_plan"
STOP_POLLING = 286  # htmx's status for "swap this and do not ask again"
View = Callable[..., HttpResponse]


def page(
    right: str, *, methods: tuple[str, ...] = ("GET", "HEAD"), operation_refuses: bool = False
) -> Callable[[View], View]:
    """A page for people who are signed in and whose role carries `right`; never cached.

    `operation_refuses`: what somebody without the right posts here goes to the operation all the same, which refuses it
    and puts that on record, as for the API.
    """

    def decorate(view: View) -> View:
        @never_cache
        @require_http_methods(list(methods))
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                signed_in = request.user.is_authenticated
            except (DatabaseError, InterfaceError):
                if htmx_target(request) != FRAME_TARGET:
                    raise
                return render(request, "portal/frame_fragment.html", status=503)  # says what does not answer
            if not signed_in:
                return _asks_to_sign_in(request)
            rights = frame_of(request).rights
            if right not in rights and not (operation_refuses and request.method == "POST" and SEE_PLANS in rights):
                raise PermissionDenied(f"Your role does not carry the right for this page (it needs {right}).")
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def person(request: HttpRequest) -> User:
    """Who asks; only for views behind `page`."""
    return cast("User", request.user)


def htmx_target(request: HttpRequest) -> str | None:
    """The id of the element htmx will swap (empty: it has none); None when a browser asks for the page."""
    details = getattr(request, "htmx", None)
    return (details.target or "") if details else None


def _asks_to_sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page; to a polling page only a word in its clock, so that what was typed there is not lost."""
    target = htmx_target(request)
    if target is None:
        return redirect_to_login(request.get_full_path())
    if target != FRAME_TARGET:
        return HttpResponse(status=204)
    return render(request, "portal/components/signed_out.html", status=STOP_POLLING)


def show(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    *,
    fragments: tuple[str, ...] = (),
    sheets: Mapping[str, Callable[[], Sheet]] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page; the fragment of it that htmx asks for; or, for `?csv=NAME`, that one of its tables as a file."""
    sheet = (sheets or {}).get(request.GET.get("csv", ""))
    if sheet is not None:
        return csv_answer(sheet())
    wanted = htmx_target(request)
    name = f"{template}#{wanted}" if wanted in fragments else template
    response = render(request, name, context, status=status)
    patch_vary_headers(response, ("HX-Request", "HX-Target"))
    return response
