"""A search of the record that would take long gives up."""

from __future__ import annotations

import psycopg
import pytest

from portal.evidence import searching
from portal.evidence.searching import TooMuch, Wanted, search
from tests.conftest import CommittedDatabase
from tests.portal.pages.browsing import person


def test_gives_up_rather_than_hold_up(committed_db: CommittedDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    person("omar", "operator")
    monkeypatch.setattr(searching, "LONGEST_MS", 50)
    with psycopg.connect(committed_db.dsn("superuser")) as other:
        other.execute("LOCK TABLE ledger_link")
        with pytest.raises(TooMuch):
            search(Wanted(words="omar"), closed=())
    monkeypatch.undo()
    assert search(Wanted(words="nowhere-at-all"), closed=()).entries == ()
    assert search(Wanted(stream="people"), closed=()).entries != ()
