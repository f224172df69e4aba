"""One problem format for every API error: RFC 9457, `application/problem+json`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from grid.core.refusals import Conflict, Invalid, NotAllowed, NotFound, Refusal
from portal.incidents import request_id

STATUS_BY_KIND: tuple[tuple[type[Refusal], int], ...] = (
    (Invalid, 422),
    (NotAllowed, 403),
    (NotFound, 404),
    (Conflict, 409),
)


MEDIA_TYPE = "application/problem+json"
API_PREFIX = "/api/"


class ProblemRenderer(JSONRenderer):
    """JSON under the media type of RFC 9457."""

    media_type = MEDIA_TYPE


class UnknownPath(APIView):
    """Whatever method, there is nothing here."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check who asks (401 for nobody), then refuse: 404."""
        super().initial(request, *args, **kwargs)
        raise exceptions.NotFound(f"There is nothing at {request.path[:200]}.")


def server_error(request: HttpRequest) -> HttpResponse:
    """The answer to an error nobody anticipated. Django has logged it."""
    named = f"id {request_id(request)}"
    detail = f"The portal failed to answer. Nothing more is known here; its log has the details ({named})."
    return JsonResponse(_body(status=500, detail=detail), status=500, content_type=MEDIA_TYPE)


def status_of(refusal: Refusal) -> int:
    """The HTTP status of a domain refusal."""
    return next((status for kind, status in STATUS_BY_KIND if isinstance(refusal, kind)), 422)


def problem(
    *, status: int, detail: str, errors: list[dict[str, str]] | None = None, extra: dict[str, Any] | None = None
) -> Response:
    """A problem response. `errors` is a list of {field, message}; `extra` adds members (RFC 9457 section 3.2)."""
    body = _body(status=status, detail=detail, errors=errors, extra=extra)
    response = Response(body, status=status, content_type=ProblemRenderer.media_type)
    # Set here so that the answer does not depend on how far content negotiation had come when the error rose.
    response.accepted_renderer = ProblemRenderer()
    response.accepted_media_type = ProblemRenderer.media_type
    response.renderer_context = {}  # type: ignore[attr-defined]
    return response


def _body(
    *, status: int, detail: str, errors: list[dict[str, str]] | None = None, extra: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _sayable(detail),
        "errors": [{name: _sayable(text) for name, text in error.items()} for error in errors or []],
        **(extra or {}),
    }


def _sayable(text: str) -> str:
    """A refusal may quote what UTF-8 cannot say (half of a surrogate pair from a JSON escape)."""
    return text.encode("utf-8", "backslashreplace").decode()


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: anticipated refusals and DRF's own errors become problems, the rest propagates."""
    if isinstance(error, Refusal):
        errors = [{"field": error.field, "message": str(error)}] if error.field else []
        return problem(
            status=status_of(error), detail=str(error), errors=errors, extra=getattr(error, "problem_extra", None)
        )
    if isinstance(error, RequestDataTooBig):
        return problem(status=413, detail=str(error))
    if isinstance(error, RecursionError):
        return problem(status=400, detail="The body nests too deeply.")
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if not isinstance(error, exceptions.APIException):
        return None
    standard = exception_handler(error, context)
    if standard is None:
        return None
    response = _of_api_exception(error)
    for header in ("WWW-Authenticate", "Retry-After"):
        if standard.has_header(header):
            response[header] = standard[header]
    return response


def _of_api_exception(error: exceptions.APIException) -> Response:
    if isinstance(error, exceptions.ValidationError):
        errors = _flatten(error.detail)
        detail = "; ".join(f"{e['field']}: {e['message']}" for e in errors)
        return problem(status=422, detail=detail, errors=errors)
    return problem(status=error.status_code, detail=str(error.detail))


def _flatten(detail: Any, prefix: str = "") -> list[dict[str, str]]:
    """[{field, message}] of DRF's nested error detail; nested fields are joined with dots."""
    if isinstance(detail, dict):
        found = []
        for key, value in detail.items():
            name = prefix if key == "non_field_errors" else f"{prefix}.{key}".lstrip(".")
            found += _flatten(value, name)
        return found
    if isinstance(detail, list):
        return [item for value in detail for item in _flatten(value, prefix)]
    return [{"field": prefix or "body", "message": str(detail)}]
