"""Search over the whole record, newest first, by what PostgreSQL has indexes for.

Note [what is searched in how much of it]
    A stream is read by (stream, seq), a span of time by `at`. Words, person, kind, login and request have no index of
    their own: one on the text of every body would cost each decision more than the record itself (docs/evidence.md has
    the numbers), so they are looked for within a stream or a span of time, and the search gives up rather than hold up
    who decides.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from portal.evidence.stream import COLUMNS, Entry, read_entries

LONGEST_MS: Final = 4000
PAGE_SIZE: Final = 50
NO_VOTE_OF: Final = (
    "e.source <> 'planning_stepupchallenge' OR e.body::jsonb ->> 'content_hash' NOT IN"
    " (SELECT v.content_hash FROM planning_planversion v WHERE 'plan:' || v.plan_id = ANY(%s))"
)
"""A passkey challenge stands in the stream of people; it tells who is voting on which content, and how."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; empty: anything. `since` and `until` are wall time; `older` is where the next page begins."""

    words: str = ""
    person_id: int | None = None
    source: str = ""
    stream: str = ""
    since: datetime | None = None
    until: datetime | None = None
    login: str = ""
    request: str = ""
    older: tuple[int, int] | None = None  # (at in microseconds, event id); of a stream (seq, 0)


class TooMuch(Exception):
    """The search would take too long: the span has to be narrower."""


@dataclass(frozen=True, slots=True)
class Found:
    """One page, and where the next begins; None: nothing is left."""

    entries: tuple[Entry, ...]
    older: tuple[int, int] | None


def search(wanted: Wanted, *, closed: Collection[str]) -> Found:
    """Events as wanted, but none of the `closed` streams, nor challenges of votes on their plans. Raises TooMuch."""
    conditions, values = _conditions(wanted)
    if closed:
        conditions += ["l.stream <> ALL(%s)", f"({NO_VOTE_OF})"]
        values += [list(closed), list(closed)]
    order = "l.seq DESC" if wanted.stream else "e.at DESC, e.id DESC"
    sql = (
        f"SELECT {COLUMNS} FROM ledger_event e JOIN ledger_link l ON l.event_id = e.id"  # noqa: S608 (constants)
        f" WHERE {' AND '.join(conditions) or 'true'} ORDER BY {order} LIMIT {PAGE_SIZE + 1}"
    )
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = {LONGEST_MS}")
            entries = read_entries(sql, values)
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooMuch from error
        raise
    shown = entries[:PAGE_SIZE]
    return Found(shown, _place(shown[-1], wanted) if len(entries) > PAGE_SIZE else None)


def _place(last: Entry, wanted: Wanted) -> tuple[int, int]:
    return (last.seq, 0) if wanted.stream else (last.sealed.at_us, last.event_id)


def _conditions(wanted: Wanted) -> tuple[list[str], list[Any]]:
    """SQL and its values. Each filter is a constant text; what is looked for is passed as a value."""
    escaped = wanted.words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    told = f'%"request": "{wanted.request}"%'
    possible: list[tuple[object, str, list[Any]]] = [
        (wanted.stream, "l.stream = %s", [wanted.stream]),
        (wanted.since, "e.at >= %s", [wanted.since]),
        (wanted.until, "e.at < %s", [wanted.until]),
        (wanted.person_id is not None, "e.actor = %s", [str(wanted.person_id)]),
        (wanted.source, "e.source = %s", [wanted.source]),
        (wanted.login, "e.db_role = %s", [wanted.login]),
        (wanted.request, "e.context LIKE %s", [told]),
        (wanted.words, "e.body ILIKE %s", [f"%{escaped}%"]),
    ]
    if wanted.older is not None:
        place, event_id = wanted.older
        if wanted.stream:
            possible.append((True, "l.seq < %s", [place]))
        else:
            earlier = "(e.at, e.id) < (timestamptz 'epoch' + %s * interval '1 microsecond', %s)"
            possible.append((True, earlier, [place, event_id]))
    asked = [(sql, values) for given, sql, values in possible if given]
    return [sql for sql, _values in asked], [value for _sql, values in asked for value in values]
