"""405 in the dress of the other error pages; Django's own answer is blank."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from django.http import HttpRequest, HttpResponse

from portal.problem import API_PREFIX
from portal.views.errors import wrong_method

FOR_MACHINES: Final = (API_PREFIX, "/healthz", "/readyz", "/live/")


class WrongMethodPages:
    """Middleware, the innermost: who follows an old link to what only a button may do is told so, and where to go."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED or request.path.startswith(FOR_MACHINES):
            return response
        page = wrong_method(request)
        page["Allow"] = response["Allow"]
        return page
