"""A page's table as a file."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from portal.views.csv_answer import Sheet, csv_answer


def test_rows_as_the_page_has_them_with_offset_and_three_decimals() -> None:
    at = datetime(2026, 8, 18, 22, 0, tzinfo=UTC)
    answer = csv_answer(
        Sheet("hours", ["starts_at", "load_mw", "called"], [[at, 81_902.12345, True], [at, None, False]])
    )
    assert answer["Content-Disposition"] == 'attachment; filename="hours.csv"'
    assert answer.content.decode().split("\r\n") == [
        "starts_at,load_mw,called",
        "2026-08-18T17:00:00-05:00,81902.123,True",
        "2026-08-18T17:00:00-05:00,,False",
        "",
    ]


def test_text_cannot_become_a_formula_and_numbers_stay_numbers() -> None:
    answer = csv_answer(Sheet("x", ["a"], [["=1+1"], ["@cmd"], [-3.5], [Decimal("-2.5")], ['say "so", please']]))
    assert answer.content.decode() == 'a\r\n\'=1+1\r\n\'@cmd\r\n-3.5\r\n-2.5\r\n"say ""so"", please"\r\n'
