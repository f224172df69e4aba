"""One id per request: on every error page, in the answer's X-Request-ID, and in each log line about the request."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

from django.http import HttpRequest, HttpResponse

HEADER: Final = "X-Request-ID"
NONE: Final = "-"
_current: ContextVar[str] = ContextVar("request_id", default=NONE)


def request_id(request: HttpRequest | None) -> str:
    """The id of a request; empty when it has none."""
    return str(getattr(request, "request_id", ""))


class RequestIds:
    """Middleware, the outermost: each request gets an id. None is taken from outside: it would be anybody's text."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        found = request.request_id = secrets.token_hex(4)  # type: ignore[attr-defined]
        token = _current.set(found)
        try:
            response = self._get_response(request)
        finally:
            _current.reset(token)
        response[HEADER] = found
        return response


class RequestIdFilter(logging.Filter):
    """Puts `request_id` on every record. Django logs refusals after the middleware; its records carry the request."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id(getattr(record, "request", None)) or _current.get()
        return True
