"""Canonical JSON: one text for one content, so that its SHA-256 names it.

Sorted keys, no whitespace, UTF-8 as is; whole numbers as JSON integers, every other number a decimal string. Floats are
refused, since their text depends on who prints them. Frozen dataclasses are written and read back by their annotations.
"""

from __future__ import annotations

import hashlib
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any

Json = None | bool | int | str | list[Any] | dict[str, Any]


class NotCanonical(TypeError):
    """A value that has no canonical form, with where it stands."""

    def __init__(self, *, path: str, value: object) -> None:
        self.path, self.value = path, value
        super().__init__(f"{path or 'content'}: {type(value).__name__} {value!r} has no canonical form")


class NotReadable(ValueError):
    """A text that is not the content it should be, with where it differs."""

    def __init__(self, *, path: str, wanted: str) -> None:
        self.path, self.wanted = path, wanted
        super().__init__(f"{path or 'content'}: {wanted} expected")


def canonical_json(value: object) -> str:
    """The canonical text of None, booleans, integers, strings, sequences and string-keyed mappings of them.

    Raises NotCanonical for anything else, floats before all.
    """
    return json.dumps(_plain(value, ""), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def content_hash(text: str) -> str:
    """Lower-case hexadecimal SHA-256 of the text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def decimal_of(number: float, places: int = 3) -> Decimal:
    """The number to so many decimal places, without a negative zero."""
    rounded = Decimal(format(float(number), f".{places}f"))
    return abs(rounded) if rounded == 0 else rounded


def rfc3339(at: datetime) -> str:
    """UTC with `Z`, seconds only when whole: 2023-09-06T22:00:00Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _plain(value: object, path: str) -> Json:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return _text(value, path)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise NotCanonical(path=path, value=value)
        return {_text(key, path): _plain(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
    raise NotCanonical(path=path, value=value)


def _text(value: str, path: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate has no UTF-8 bytes to hash
        raise NotCanonical(path=path, value=value) from None
    return str(value)


def encode(value: object) -> Any:
    """A frozen dataclass (or part of one) as what `canonical_json` takes."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    return value


def decode(kind: Any, raw: Any, path: str = "") -> Any:
    """The value of an annotation from parsed JSON. Raises NotReadable, naming the place."""
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        inner = next(option for option in typing.get_args(kind) if option is not type(None))
        return None if raw is None else decode(inner, raw, path)
    if origin is tuple:
        _expect(isinstance(raw, list), path, "a list")
        item = typing.get_args(kind)[0]
        return tuple(decode(item, each, f"{path}[{index}]") for index, each in enumerate(raw))
    if is_dataclass(kind):
        return _decode_record(kind, raw, path)
    return _decode_scalar(kind, raw, path)


def _decode_record(kind: Any, raw: Any, path: str) -> Any:
    hints = _hints(kind)
    _expect(isinstance(raw, dict), path, "an object")
    _expect(set(raw) == set(hints), path, f"exactly {sorted(hints)}")
    return kind(**{name: decode(hint, raw[name], f"{path}.{name}") for name, hint in hints.items()})


def _decode_scalar(kind: Any, raw: Any, path: str) -> Any:
    if kind is Decimal or kind is datetime or issubclass(kind, StrEnum):
        _expect(isinstance(raw, str), path, "a string")
        reader = datetime.fromisoformat if kind is datetime else kind
        try:
            return reader(raw)
        except (ValueError, ArithmeticError):
            raise NotReadable(path=path, wanted=kind.__name__) from None
    _expect(type(raw) is kind, path, kind.__name__)
    return raw


def _expect(holds: bool, path: str, wanted: str) -> None:
    if not holds:
        raise NotReadable(path=path, wanted=wanted)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)
