"""Read a JSON body strictly: whoever decides about megawatts must not be misread."""

from __future__ import annotations

import codecs
import json
from typing import Any, NoReturn

from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

MAX_BODY_BYTES = 256 * 1024


class StrictJsonParser(BaseParser):
    """UTF-8 JSON of bounded size; NaN, Infinity and a member given twice are refused (400)."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:  # noqa: ARG002
        """The decoded body. Raises ParseError (400) or RequestDataTooBig (413)."""
        body = stream.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise RequestDataTooBig(f"The body is larger than {MAX_BODY_BYTES // 1024} KiB.")
        try:
            text = body.removeprefix(codecs.BOM_UTF8).decode("utf-8")
            return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_each_once)
        except ValueError as error:
            raise ParseError(f"The body is not JSON: {error}.") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the member {twice[:60]!r} is given twice")
    return found
