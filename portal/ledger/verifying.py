"""Look whether the record is sound: chains, checkpoints, their copies, and the rows the record speaks of.

Every look has a name (`Detector`), told with what it found. The bytes that are hashed are put together by PostgreSQL
from its own built-in functions and hashed here: the functions that seal are not asked.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from django.db import connection, transaction

from portal.ledger import signing
from portal.ledger.checkpointing import DOMAIN, copies_folder
from portal.ledger.core.chain import DOMAIN as LINK_DOMAIN
from portal.ledger.core.chain import ORIGIN
from portal.ledger.core.checkpoints import FIRST, Head, Statement, checkpoint_hash, parse_body
from portal.ledger.models import Checkpoint
from portal.ledger.retention import Anchor, anchors
from portal.ledger.sources import PLAIN_TEXT, SOURCES, Source

AT_A_TIME: Final = 20_000
LISTED: Final = 100
FIELDS: Final = (
    "e.stream",
    "l.seq::text",
    "l.prev",
    "(extract(epoch FROM e.at) * 1000000)::bigint::text",
    "e.source",
    "e.op",
    "e.row_key",
    "e.actor",
    "e.db_role",
    "e.context",
    "e.body",
)


def _framed_sql(name: str) -> str:
    data = name if name == "l.prev" else f"pg_catalog.convert_to({name}, 'UTF8')"
    return f"pg_catalog.int4send(pg_catalog.octet_length({data})) || {data}"


HASHED: Final = " || ".join(_framed_sql(name) for name in FIELDS)
LAST_KNOWN: Final = """
    SELECT DISTINCT ON (row_key) row_key, op, body FROM (
        SELECT row_key, op, body, 1 AS age, id FROM ledger_event WHERE source = %(table)s
        UNION ALL
        SELECT kept.key, 'CUT', kept.value, 0, c.id FROM ledger_cut c, jsonb_each_text(c.rows -> %(table)s) kept
    ) known ORDER BY row_key, age DESC, id DESC"""
"""Of each row of a table what the record last said: its text, or its SHA-256 where retention removed what said it."""


class Detector(StrEnum):
    """What noticed."""

    CHAIN = "chain"  # a link's hash is not that of its event, or does not follow the one before
    GAP = "gap"  # a place of a stream is empty
    UNSEALED = "unsealed"  # an event without a link
    CHECKPOINT = "checkpoint"  # a checkpoint is missing, not signed, or says what the record does not
    COPY = "copy"  # the copies outside the database say otherwise
    ROW = "row"  # a row is not as the record last saw it


@dataclass(frozen=True)
class Finding:
    detector: Detector
    where: str
    words: str


@dataclass
class Report:
    """What a verification looked at and what it found."""

    stream: str = ""
    since_checkpoint: bool = False
    events: int = 0
    streams: int = 0
    checkpoints: int = 0
    copies: int = 0
    rows: int = 0
    took_s: float = 0.0
    count: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not self.count

    def find(self, detector: Detector, where: str, words: str) -> None:
        """The first hundred are listed, all are counted."""
        self.count += 1
        if len(self.findings) < LISTED:
            self.findings.append(Finding(detector, where, words))


def verify(
    *, stream: str = "", since_checkpoint: bool = False, external: Path | None = None, public: bytes | None = None
) -> Report:
    """Look at all of it, at one stream, or at what came since the last checkpoint.

    `external`: the folder of copies, else this portal's own; `public`: the raw key that must have signed, else this
    portal's own. One snapshot of the database; reads only.
    """
    report = Report(stream, since_checkpoint)
    began = time.monotonic()
    with transaction.atomic():
        with connection.cursor() as cursor:
            if not connection.connection.info.transaction_status:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute(f"{PLAIN_TEXT}; SET LOCAL statement_timeout = 0")
        stated = _verify_checkpoints(report, public or _own_public(report))
        _verify_copies(report, external or copies_folder(), given=external is not None)
        _verify_chains(report, stated)
        if not since_checkpoint:
            _verify_heads(report, stated)
        _verify_sealed(report)
        if not stream and not since_checkpoint:
            for source in SOURCES:
                _verify_rows(report, source)
    report.took_s = time.monotonic() - began
    return report


# Chains


@dataclass
class _Stated:
    """What the checkpoints say, by stream."""

    heads: dict[str, dict[int, str]] = field(default_factory=dict)
    last: dict[str, Head] = field(default_factory=dict)

    def add(self, head: Head) -> None:
        self.heads.setdefault(head.stream, {})[head.seq] = head.hash
        known = self.last.get(head.stream)
        if known is None or known.seq <= head.seq:
            self.last[head.stream] = head


def _verify_chains(report: Report, stated: _Stated) -> None:
    """Every link is the hash of its event and of the link before it; places follow each other."""
    starts: Mapping[str, Head] = stated.last if report.since_checkpoint else {}
    cuts = anchors()
    name, seq, prev = "", 0, ORIGIN
    for stream, place, before, sealed, event, hashed in _links(report, starts):
        if stream != name:
            report.streams += 1
            name, seq, prev = stream, *_start_of(stream, starts, cuts)
        report.events += 1
        where = f"{stream} no. {place}"
        if place != seq + 1:
            report.find(Detector.GAP, where, f"nothing stands between no. {seq} and no. {place}")
        elif before != prev:
            report.find(Detector.CHAIN, where, f"does not follow the link that stands at no. {seq}")
        if event is None:
            report.find(Detector.CHAIN, where, "its event is gone")
        elif hashlib.sha256(LINK_DOMAIN + hashed).digest() != sealed:
            report.find(Detector.CHAIN, where, f"event {event} is not what was sealed")
        seq, prev = place, sealed


def _start_of(stream: str, starts: Mapping[str, Head], cuts: Mapping[str, Anchor]) -> tuple[int, bytes]:
    if stream in starts:
        return starts[stream].seq, bytes.fromhex(starts[stream].hash)
    return cuts.get(stream, Anchor(0, ORIGIN))


def _links(report: Report, starts: Mapping[str, Head]) -> Iterator[tuple[str, int, bytes, bytes, int | None, bytes]]:
    """Links in order with the bytes their events are hashed as: all, one stream's, or those after `starts`."""
    query = f"SELECT l.stream, l.seq, l.prev, l.hash, e.id, {HASHED} FROM ledger_link l"  # noqa: S608 (FIELDS)
    query += " LEFT JOIN ledger_event e ON e.id = l.event_id AND e.stream = l.stream"
    values: list[Any] = []
    if starts:
        query += " LEFT JOIN unnest(%s::text[], %s::bigint[]) AS s (stream, seq) ON s.stream = l.stream"
        values += [list(starts), [head.seq for head in starts.values()]]
    conditions = ["l.seq > coalesce(s.seq, 0)"] if starts else []
    if report.stream:
        conditions.append("l.stream = %s")
        values.append(report.stream)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    with connection.connection.cursor("ledger_verify", binary=True) as cursor:
        cursor.itersize = AT_A_TIME
        cursor.execute(query + where + " ORDER BY l.stream, l.seq", values or None)
        yield from cursor


def _verify_sealed(report: Report) -> None:
    """No event of an ended transaction is without a link."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.id, e.stream FROM ledger_event e LEFT JOIN ledger_link l ON l.event_id = e.id"
            " WHERE l.event_id IS NULL AND (%s = '' OR e.stream = %s)"
            " AND e.txid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint ORDER BY e.id",
            [report.stream, report.stream],
        )
        for event, stream in cursor.fetchall():
            report.find(Detector.UNSEALED, stream, f"event {event} was put in without being sealed")


# Checkpoints


def _own_public(report: Report) -> bytes | None:
    try:
        return signing.own_key().public
    except signing.KeyUnusable as error:
        if Checkpoint.objects.exists():
            report.find(Detector.CHECKPOINT, "key", f"no signature can be checked: {error}")
        return None


def _verify_checkpoints(report: Report, public: bytes | None) -> _Stated:
    """Numbers follow each other, each names the one before, each is signed and adds up."""
    stated = _Stated()
    number, previous = 0, FIRST
    for made in Checkpoint.objects.order_by("number").iterator():
        where = f"checkpoint {made.number}"
        report.checkpoints += 1
        statement = _statement_of(report, made, where)
        if statement is None:
            continue
        if (statement.number, made.horizon) != (made.number, statement.horizon):
            report.find(Detector.CHECKPOINT, where, "its row says otherwise than what was signed")
        if made.number != number + 1 or statement.previous != previous:
            report.find(Detector.CHECKPOINT, where, f"does not follow checkpoint {number}")
        if public and not _is_signed(made, public):
            report.find(Detector.CHECKPOINT, where, "is not signed with the record's key")
        number, previous = made.number, checkpoint_hash(made.body, made.signature)
        for head in statement.heads:
            stated.add(head)
    return stated


def _statement_of(report: Report, made: Checkpoint, where: str) -> Statement | None:
    try:
        return parse_body(made.body)
    except ValueError as error:
        report.find(Detector.CHECKPOINT, where, str(error))
        return None


def _is_signed(made: Checkpoint, public: bytes) -> bool:
    try:
        signature = bytes.fromhex(made.signature)
    except ValueError:
        return False
    return signing.verify(DOMAIN, made.body.encode(), signature, public)


def _verify_heads(report: Report, stated: _Stated) -> None:
    """What each checkpoint said of a stream still stands there."""
    streams = [report.stream] if report.stream else list(stated.heads)
    cuts = anchors()
    heads = [
        (stream, seq, sealed)
        for stream in streams
        for seq, sealed in stated.heads.get(stream, {}).items()
        if stream not in cuts or seq > cuts[stream].seq
    ]
    for stream, cut in cuts.items():
        if stated.heads.get(stream, {}).get(cut.seq, cut.hash.hex()) != cut.hash.hex():
            report.find(
                Detector.CHECKPOINT, f"{stream} no. {cut.seq}", "was cut at another link than a checkpoint names"
            )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT h.stream, h.seq, l.hash IS NULL"
            " FROM unnest(%s::text[], %s::bigint[], %s::text[]) AS h (stream, seq, hash)"
            " LEFT JOIN ledger_link l ON l.stream = h.stream AND l.seq = h.seq"
            " WHERE l.hash IS NULL OR encode(l.hash, 'hex') <> h.hash ORDER BY 1, 2",
            [[head[place] for head in heads] for place in range(3)],
        )
        for stream, seq, gone in cursor.fetchall():
            words = "is gone, and a checkpoint names it" if gone else "is another link than a checkpoint names"
            report.find(Detector.CHECKPOINT, f"{stream} no. {seq}", words)


def _verify_copies(report: Report, folder: Path, *, given: bool) -> None:
    """Copies and checkpoints are the same, as far as there are copies."""
    if not folder.is_dir():
        if given:
            report.find(Detector.COPY, str(folder), "there is no such folder")
        return
    rows = {made.number: made for made in Checkpoint.objects.iterator()}
    for path in sorted(folder.glob("*.json")):
        report.copies += 1
        try:
            copy = json.loads(path.read_text())
            number, content = copy["number"], (copy["body"], copy["signature"], copy["key_id"])
        except (ValueError, KeyError, TypeError):
            report.find(Detector.COPY, path.name, "cannot be read")
            continue
        made = rows.get(number)
        if made is None:
            report.find(Detector.COPY, f"checkpoint {number}", "was published and is gone from the record")
        elif (made.body, made.signature, made.key_id) != content:
            report.find(Detector.COPY, f"checkpoint {number}", "is another one than was published")


# Rows


def _recorded_columns(source: Source) -> str:
    """The columns that are in the record; the others may be secrets this process cannot even read."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attname <> ALL (%s)",
            [source.table, list(source.omitted)],
        )
        return str(cursor.fetchone()[0])


def _verify_rows(report: Report, source: Source) -> None:
    """Each row of a table is as the record last saw it; none is there, or gone, without its knowledge."""
    query = f"""
        SELECT coalesce(e.row_key, t.id::text), t.id IS NULL, e.row_key IS NULL
          FROM (SELECT {_recorded_columns(source)} FROM {source.table}) t
          FULL JOIN ({LAST_KNOWN}) e ON e.row_key = t.id::text
         WHERE CASE WHEN e.op = 'DELETE' THEN t.id IS NOT NULL
                    WHEN e.op = 'CUT'
                    THEN e.body IS DISTINCT FROM encode(sha256(convert_to(to_jsonb(t)::text, 'UTF8')), 'hex')
                    ELSE e.body IS DISTINCT FROM to_jsonb(t)::text END
         ORDER BY 1"""  # noqa: S608 (names from SOURCES)
    with connection.cursor() as cursor:
        cursor.execute(query, {"table": source.table})
        for key, gone, unknown in cursor.fetchall():
            words = "is gone" if gone else "was never recorded" if unknown else "is not as it was recorded"
            report.find(Detector.ROW, f"{source.table} {key}", words)
        cursor.execute(f"SELECT count(*) FROM {source.table}")  # noqa: S608
        report.rows += cursor.fetchone()[0]
