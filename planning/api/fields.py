"""Fields that take what JSON means and nothing near it: no text for numbers, no numbers for text, no local times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
MAX_MW = 1_000_000
KILOWATT = Decimal("0.001")  # in MW
MAX_ID = 2**63 - 1
MAX_NAMED = 10


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses members it does not know: a misspelt `target` must not become a plan without one."""

    def to_internal_value(self, data: Any) -> Any:
        """The validated members, or a ValidationError naming every unknown one."""
        if isinstance(data, Mapping):
            unknown = [str(name)[:60] for name in data if name not in self.fields]
            if unknown:
                message = f"There is no such member; known are {', '.join(self.fields)}."
                raise serializers.ValidationError({name or "(empty name)": message for name in unknown[:MAX_NAMED]})
        return super().to_internal_value(data)


@extend_schema_field(OpenApiTypes.DATETIME)
class InstantField(serializers.Field[Any, Any, Any, Any]):
    """An RFC 3339 instant with its offset, as aware UTC."""

    default_error_messages = {
        "invalid": "Give an RFC 3339 instant with its offset, e.g. 2026-08-18T16:00:00-05:00.",
        "naive": "The UTC offset is missing: write e.g. 2026-08-18T16:00:00-05:00 or 2026-08-18T21:00:00Z.",
        "impossible": "There is no such instant.",
    }

    def to_internal_value(self, data: Any) -> datetime:
        """Raises ValidationError saying whether the form, the offset or the date itself is wrong."""
        if not isinstance(data, str):
            self.fail("invalid")
        if not RFC_3339.fullmatch(data):
            self.fail("naive" if RFC_3339.fullmatch(f"{data}Z") else "invalid")
        try:
            return datetime.fromisoformat(data.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("impossible")

    def to_representation(self, value: datetime) -> datetime:
        """Left to the renderer."""
        return value


@extend_schema_field({"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": MAX_MW})
class MegawattField(serializers.Field[Any, Any, Any, Any]):
    """A JSON number of MW, rounded to the kilowatt."""

    default_error_messages = {
        "not_a_number": "Give a JSON number of MW, e.g. 15.0.",
        "too_large": f"Give less than {MAX_MW} MW.",
    }

    def to_internal_value(self, data: Any) -> Decimal:
        """Raises ValidationError for what is not a number or is beyond any plan."""
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("not_a_number")
        if not abs(data) < MAX_MW:  # also NaN; an int of any size compares without becoming a float
            self.fail("too_large")
        return Decimal(str(data)).quantize(KILOWATT)

    def to_representation(self, value: Decimal) -> float:
        """MW as a JSON number."""
        return float(value)


@extend_schema_field({"type": "array", "items": {"type": "integer"}, "minItems": 1})
class CohortIdsField(serializers.Field[Any, Any, Any, Any]):
    """Ids of cohorts, each once. An empty list is refused: it may be a filter that found nothing."""

    default_error_messages = {
        "not_a_list": "Give a list of cohort ids, e.g. [1, 2].",
        "empty": "Name at least one cohort, or leave the member out and let the planner choose.",
        "too_many": "Name 1000 cohorts at most.",
        "not_an_id": "{value} is not a cohort id: give whole numbers.",
        "twice": "Cohort {value} is named twice.",
    }
    max_length = 1000

    def to_internal_value(self, data: Any) -> tuple[int, ...]:
        """Raises ValidationError for the first entry that is no id."""
        if not isinstance(data, list):
            self.fail("not_a_list")
        if not data:
            self.fail("empty")
        if len(data) > self.max_length:
            self.fail("too_many")
        for value in data:
            if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MAX_ID:
                self.fail("not_an_id", value=repr(value)[:40])
            if data.count(value) > 1:
                self.fail("twice", value=value)
        return tuple(data)

    def to_representation(self, value: tuple[int, ...]) -> list[int]:
        """The ids."""
        return list(value)


class TextField(serializers.CharField):
    """A JSON string; numbers and booleans are not taken for text."""

    default_error_messages = {"invalid": "Give a JSON string."}

    def to_internal_value(self, data: Any) -> str:
        """Raises ValidationError for what is not a string."""
        if not isinstance(data, str):
            self.fail("invalid")
        text: str = super().to_internal_value(data)
        return text


@extend_schema_field(OpenApiTypes.OBJECT)
class CredentialField(serializers.Field[Any, Any, Any, Any]):
    """A PublicKeyCredential as `toJSON()` writes it."""

    default_error_messages = {"invalid": "Give the credential as an object (PublicKeyCredential.toJSON())."}

    def to_internal_value(self, data: Any) -> Mapping[str, Any]:
        """Raises ValidationError for what is no object; what it says is checked with the signature."""
        if not isinstance(data, Mapping):
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        """As it is."""
        return value
