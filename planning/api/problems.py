"""The problem bodies (RFC 9457) these endpoints answer with, for the schema; `portal.problem` makes them."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

MEANING: Final = {
    400: "the body is not JSON",
    401: "nobody is signed in, or the token is not valid",
    403: "this person may not do this",
    404: "there is no such thing",
    409: "someone was first, or the content moved on",
    413: "the body is too large",
    415: "the body is not application/json",
    422: "well-formed, but it cannot be; `errors` names the fields",
}


class FieldError(serializers.Serializer[Any]):
    """What is wrong with one field."""

    field = serializers.CharField()
    message = serializers.CharField()


class Problem(serializers.Serializer[Any]):
    """Every error's body."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = FieldError(many=True)  # type: ignore[assignment]


def problems(*statuses: int) -> dict[tuple[int, str], Any]:
    """Entries of extend_schema's `responses`."""
    return {
        (status, "application/problem+json"): OpenApiResponse(Problem, description=MEANING[status])
        for status in statuses
    }
