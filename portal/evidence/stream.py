"""Events of the record with their seals, as they stand in PostgreSQL, and whether one stream of them is unbroken."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final

from django.db import connection

from planning.core.plan_content import parse_content
from portal.ledger.core.chain import ALGORITHM, ORIGIN, Sealed, link_hash
from portal.ledger.retention import anchors

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SHORT: Final = 8  # hexadecimal digits of a hash that stand on pages
MOST_DIGITS: Final = 40
"""Of a whole number; PostgreSQL's go on for a hundred thousand, and none of the portal's does."""
DATED_WITHIN: Final = timedelta(minutes=10)
"""Between a row's own wall time and PostgreSQL's: a long transaction, and clocks that differ."""
INSTANTS: Final = ("at", "window_start", "window_end")
COLUMNS: Final = (
    "e.id, e.stream, l.seq, l.prev, l.hash, l.algorithm, e.txid, e.at, e.source, e.op, e.row_key, e.actor, e.db_role,"
    " e.context, e.body"
)
OF_STREAMS: Final = (
    f"SELECT {COLUMNS} FROM ledger_link l JOIN ledger_event e ON e.id = l.event_id"  # noqa: S608 - constants
    " WHERE l.stream = ANY(%s)"
)
OF_ROWS: Final = (
    f"SELECT {COLUMNS} FROM ledger_event e JOIN ledger_link l ON l.event_id = e.id"  # noqa: S608 - constants
    " WHERE (e.source, e.row_key) IN (SELECT * FROM unnest(%s::text[], %s::text[]))"
)


@dataclass(frozen=True)
class Entry:
    """One sealed event: a decision row as it was written, with its place and hash."""

    event_id: int
    stream: str
    seq: int
    prev: bytes
    hash: bytes
    algorithm: int
    txid: int
    at: datetime  # wall time, PostgreSQL's word
    source: str
    op: str
    row_key: str
    actor: str
    db_role: str
    context: str
    body: str

    @cached_property
    def row(self) -> Mapping[str, Any]:
        """The row the body is the text of; empty where nobody could read it as one."""
        return read_object(self.body)

    @cached_property
    def told(self) -> Mapping[str, Any]:
        """What the process said of the request it served; empty when it said nothing readable."""
        return read_object(self.context or "{}")

    @cached_property
    def fault(self) -> str:
        """Why the row cannot be taken for what its table holds, though it is sealed as it is; empty: it can.

        Whoever holds a login may write such a row by hand; it must not keep others from being read.
        """
        if not self.row:
            return "its text cannot be read"
        for name, value in self.row.items():
            if value is not None and (name in INSTANTS or name.endswith("_at")) and not _is_instant(value):
                return f"“{name}” is no instant: {str(value)[:MOST_DIGITS]}"
        if self.source == "planning_planversion" and not _is_content(str(self.row.get("content"))):
            return "its content cannot be read"
        return ""

    @cached_property
    def misdated(self) -> str:
        """That the row says it was written at another time than it was; empty: it does not."""
        said = self.row.get("wall_at") if self.op == "INSERT" and not self.fault else None
        if not said or abs(datetime.fromisoformat(said) - self.at) < DATED_WITHIN:
            return ""
        return f"it says it was written at {said}"

    @property
    def short_hash(self) -> str:
        """How pages name the hash."""
        return self.hash.hex()[:SHORT]

    @property
    def sealed(self) -> Sealed:
        """What its hash is over."""
        return Sealed(
            self.stream,
            self.seq,
            self.prev,
            (self.at - EPOCH) // timedelta(microseconds=1),
            self.source,
            self.op,
            self.row_key,
            self.actor,
            self.db_role,
            self.context,
            self.body,
        )

    def instant(self, column: str) -> datetime | None:
        """An instant of the row; None where the row has none."""
        value = self.row.get(column)
        return datetime.fromisoformat(value) if value else None

    def data(self, column: str) -> bytes:
        """Bytes of the row (bytea as PostgreSQL writes it in JSON: \\x and hexadecimal digits)."""
        return bytes.fromhex(str(self.row.get(column) or "\\x")[2:])


def read_object(text: str) -> Mapping[str, Any]:
    """A JSON object somebody else wrote; empty where it is none, or holds letters that cannot be written down."""
    try:
        found = json.loads(text, parse_int=_whole)
        if "\\u" in text:
            json.dumps(found, ensure_ascii=False).encode()  # halves of a letter
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_content(text: str) -> bool:
    try:
        parse_content(text)
    except (ValueError, TypeError, LookupError, RecursionError):
        return False
    return True


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= MOST_DIGITS else digits


def _is_instant(value: object) -> bool:
    try:
        datetime.fromisoformat(str(value)).astimezone(UTC)
    except (ValueError, OverflowError):
        return False
    return True


def entries_of(streams: Iterable[str]) -> tuple[Entry, ...]:
    """All sealed events of these streams, each stream in its order; one query."""
    return read_entries(f"{OF_STREAMS} ORDER BY l.stream, l.seq", [list(streams)])


def entries_beside(streams: Iterable[str], rows: Iterable[tuple[str, object]]) -> tuple[Entry, ...]:
    """Events of whole streams and of single rows (table, key) in one query, in the order in which they were written."""
    pairs = sorted({(source, str(key)) for source, key in rows})
    arguments: list[Any] = [list(streams), [source for source, _key in pairs], [key for _source, key in pairs]]
    return read_entries(f"{OF_STREAMS} UNION {OF_ROWS} ORDER BY id", arguments)


def read_entries(sql: str, arguments: list[Any]) -> tuple[Entry, ...]:
    """Events that a query for COLUMNS gives."""
    with connection.cursor() as cursor:
        cursor.execute(sql, arguments)
        return tuple(
            Entry(pk, stream, seq, bytes(prev), bytes(sealed), *rest)
            for pk, stream, seq, prev, sealed, *rest in cursor.fetchall()
        )


def broken_at(entries: Sequence[Entry]) -> list[str]:
    """What is wrong with one stream, in sentences; empty: every hash is recomputed and follows from the one before.

    Of a stream that retention has cut, it begins where the recorded cut says; one query then, none otherwise.
    """
    if not entries:
        return []
    seq, before = 0, ORIGIN
    if entries[0].seq > 1:
        seq, before = anchors().get(entries[0].stream, (seq, before))
    found: list[str] = []
    expected = seq + 1
    for entry in entries:
        found += _faults(entry, expected, before)
        before, expected = entry.hash, entry.seq + 1
    return found


def _faults(entry: Entry, expected: int, before: bytes) -> list[str]:
    faults = []
    if entry.algorithm != ALGORITHM:
        faults.append(f"No. {entry.seq} is sealed by algorithm {entry.algorithm}, which is not known here.")
    if entry.seq != expected:
        faults.append(f"No. {expected} is missing: no. {entry.seq} comes next.")
    if entry.prev != before:
        faults.append(f"No. {entry.seq} does not follow from the event before it.")
    if link_hash(entry.sealed) != entry.hash:
        faults.append(f"No. {entry.seq} is not what was sealed: its hash is another.")
    return faults
