"""A table of a page as a CSV file: `?csv=NAME` on the page's own address, same rows, same filter."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.http import HttpResponse

from grid.core.intervals import CENTRAL

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
PLACES: Final = 3


@dataclass(frozen=True, slots=True)
class Sheet:
    """What goes into the file. `name` without the ending; a header carries its unit, as the API's fields do.

    Cells: text, numbers (at most three decimals), instants (written in Central time with offset), bool, None (empty).
    """

    name: str
    header: Sequence[str]
    rows: Iterable[Sequence[Any]]


def csv_answer(sheet: Sheet) -> HttpResponse:
    """The file, as an attachment."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(sheet.header)
    writer.writerows([_cell(value) for value in row] for row in sheet.rows)
    answer = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{sheet.name}.csv"'
    return answer


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(CENTRAL).isoformat(timespec="seconds")
    if isinstance(value, float | Decimal):
        return round(float(value), PLACES)
    # A spreadsheet would run text that begins like a formula.
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
