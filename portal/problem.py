"""One problem format for every API error: RFC 9457, `application/problem+json`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import exception_handler

from grid.core.refusals import Conflict, Invalid, NotAllowed, NotFound, Refusal

STATUS_BY_KIND: tuple[tuple[type[Refusal], int], ...] = (
    (Invalid, 422),
    (NotAllowed, 403),
    (NotFound, 404),
    (Conflict, 409),
)


class ProblemRenderer(JSONRenderer):
    """JSON under the media type of RFC 9457."""

    media_type = "application/problem+json"


def status_of(refusal: Refusal) -> int:
    """The HTTP status of a domain refusal."""
    return next((status for kind, status in STATUS_BY_KIND if isinstance(refusal, kind)), 422)


def problem(
    *, status: int, detail: str, errors: list[dict[str, str]] | None = None, extra: dict[str, Any] | None = None
) -> Response:
    """A problem response. `errors` is a list of {field, message}; `extra` adds members (RFC 9457 section 3.2)."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "errors": errors or [],
    }
    body.update(extra or {})
    response = Response(body, status=status, content_type=ProblemRenderer.media_type)
    # Set here so that the answer does not depend on how far content negotiation had come when the error rose.
    response.accepted_renderer = ProblemRenderer()
    response.accepted_media_type = ProblemRenderer.media_type
    response.renderer_context = {}
    return response


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: anticipated refusals and DRF's own errors become problems, the rest propagates."""
    if isinstance(error, Refusal):
        errors = [{"field": error.field, "message": str(error)}] if error.field else []
        return problem(
            status=status_of(error), detail=str(error), errors=errors, extra=getattr(error, "problem_extra", None)
        )
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
