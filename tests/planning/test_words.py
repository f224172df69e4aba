"""What counts as having said something."""

from __future__ import annotations

import pytest

from planning.operations.opening import in_words


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b", " \u2060\ufeff\u00ad ", "\u00a0\u3000", "\u202e"])
def test_what_cannot_be_read_is_nothing(text: str) -> None:
    assert in_words(text) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [("  line down\n", "line down"), ("é", "é"), ("a\u200db", "a\u200db"), ("停電", "停電"), ("-", "-")],
)
def test_words_stay_as_they_are(text: str, said: str) -> None:
    assert in_words(text) == said
