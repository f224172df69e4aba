"""The error pages: what happened, why, what next, and an id that the log knows too. The mode stays framed."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string

from portal import problem
from portal.frame import frame_of
from portal.problem import API_PREFIX


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """400: nothing of what was sent is repeated."""
    return _bare(request, HTTPStatus.BAD_REQUEST)


def wrong_method(request: HttpRequest) -> HttpResponse:
    """405: something that only a button may do was opened like a page."""
    return _bare(request, HTTPStatus.METHOD_NOT_ALLOWED)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, to API callers as a problem; also when the database is gone: only the frame asks it, and is guarded."""
    if request.path.startswith(API_PREFIX):
        return problem.server_error(request)
    return _bare(request, HTTPStatus.INTERNAL_SERVER_ERROR)


def _bare(request: HttpRequest, status: HTTPStatus) -> HttpResponse:
    context = {"frame": frame_of(request), "csrf_token": get_token(request)}
    return HttpResponse(render_to_string(f"{status:d}.html", context), status=status)
