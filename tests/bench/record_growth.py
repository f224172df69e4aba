"""The record's own work as it grows: appends and checkpoints at two sizes, and how fast it is verified."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from portal.embedded import DATABASE, EmbeddedPostgres
from portal.environment import parse_database_url
from portal.ledger.core.chain import ORIGIN, Sealed, link_hash
from tests.bench.costs import Cost, backend_ns, cost, medians

if TYPE_CHECKING:
    from portal.ledger.signing import SigningKey

EACH = 60  # appends a round
SMALL = 10_000
PER_STREAM = 500  # events of one stream
AT_A_TIME = 50_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LOAD = """
    WITH made AS (
        SELECT 1000000 + g AS id, 'bulk:' || (g - 1) / %(per)s AS stream, (g - 1) %% %(per)s + 1 AS seq,
               3 + g * 500 / %(rows)s AS txid
          FROM generate_series(%(first)s::bigint, %(last)s::bigint) g),
    events AS (
        INSERT INTO ledger_event (id, stream, txid, at, source, op, row_key, actor, db_role, context, body)
        SELECT id, stream, txid, '2026-01-01'::timestamptz + id * interval '1 second', 'bulk', 'INSERT', id::text, '7',
               'portal_web', '', jsonb_build_object('id', id, 'note', repeat('x', 120))::text
          FROM made)
    INSERT INTO ledger_link (event_id, stream, seq, txid, algorithm, prev, hash)
    SELECT id, stream, seq, txid, 1, sha256(convert_to(stream || (seq - 1), 'UTF8')),
           sha256(convert_to(stream || seq, 'UTF8'))
      FROM made
"""
APPEND = (
    "INSERT INTO ledger_event (stream, source, op, row_key, actor, context, body)"
    " VALUES (%s, 'bulk', 'INSERT', '1', '7', '', '{}')"
)


def bulk_load(dsn: str, rows: int) -> float:
    """Events and links in streams of PER_STREAM, all constraints in force. Seconds it took."""
    began = time.perf_counter()
    with psycopg.connect(dsn, autocommit=True) as session:
        for trigger in ("stamped", "sealed"):
            session.execute(f"ALTER TABLE ledger_event DISABLE TRIGGER {trigger}")
        for first in range(1, rows + 1, AT_A_TIME):
            last = min(rows, first + AT_A_TIME - 1)
            session.execute(LOAD, {"per": PER_STREAM, "rows": rows, "first": first, "last": last})
        session.execute(
            "SELECT setval(pg_get_serial_sequence('ledger_event', 'id'), (SELECT max(id) FROM ledger_event))"
        )
        for trigger in ("stamped", "sealed"):
            session.execute(f"ALTER TABLE ledger_event ENABLE ALWAYS TRIGGER {trigger}")
        session.execute("VACUUM (ANALYZE) ledger_event, ledger_link")
    return time.perf_counter() - began


@dataclass
class Grown:
    """A database with a record of some size."""

    name: str
    rows: int
    loaded_s: float
    appends: list[Cost] = field(default_factory=list)
    checkpoints: list[Cost] = field(default_factory=list)

    def append(self, rng: random.Random) -> Cost:
        """One event in a transaction of its own, to streams all over the record."""
        return cost(lambda: self._append([rng.randrange(self.rows // PER_STREAM)]), EACH)

    def checkpoint(self, rng: random.Random, key: SigningKey) -> Cost:
        """A checkpoint of 1,000 events of as many streams as the small record has, from all over this one."""
        from django.utils import timezone

        from portal.ledger import checkpointing

        streams = rng.sample(range(self.rows // PER_STREAM), SMALL // PER_STREAM)
        self._append([rng.choice(streams) for _ in range(1000)])
        return cost(lambda: checkpointing.checkpoint(wall_at=timezone.now(), key=key), 1)

    def _append(self, streams: list[int]) -> None:
        from django.db import connection, transaction

        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(APPEND, [(f"bulk:{number}",) for number in streams])


def point_at(server: EmbeddedPostgres, name: str) -> None:
    """Let Django use this database, as owner."""
    from django.db import DEFAULT_DB_ALIAS, connections

    connections.close_all()
    connections.settings[DEFAULT_DB_ALIAS].update(parse_database_url(server.dsn("owner", name)))
    connections[DEFAULT_DB_ALIAS].settings_dict.update(parse_database_url(server.dsn("owner", name)))


def growth(server: EmbeddedPostgres, rows: int, rounds: int) -> list[str]:
    """The table of appends and checkpoints, small against large."""
    from django.db import connections
    from django.utils import timezone

    from portal.ledger import checkpointing
    from portal.ledger.signing import own_or_new_key

    connections.close_all()
    grown = []
    for name, size in (("small", SMALL), ("large", rows)):
        server.clone_database(DATABASE, name)
        grown.append(Grown(name, size, bulk_load(server.dsn("owner", name), size)))
    key, rng = own_or_new_key(Path(os.environ["PORTAL_DATA_DIR"]) / "checkpoint.key"), random.Random(1)
    for one in grown:
        point_at(server, one.name)
        checkpointing.checkpoint(wall_at=timezone.now(), key=key)
    for number in range(rounds + 1):
        for one in grown if number % 2 else reversed(grown):
            point_at(server, one.name)
            one.append(rng)  # a new connection plans its statements
            measured = one.append(rng), one.checkpoint(rng, key)
            if number:
                one.appends.append(measured[0])
                one.checkpoints.append(measured[1])
    return _growth_rows(*grown)


def _growth_rows(small: Grown, large: Grown) -> list[str]:
    head = f"| what | CPU ms at {small.rows:,} | at {large.rows:,} | ratio | wall ms | wall ms | ratio |"
    rows = [head, "|---|---|---|---|---|---|---|"]
    kinds = {
        "append one event": (small.appends, large.appends),
        "checkpoint of 1,000 events": (small.checkpoints, large.checkpoints),
    }
    for name, sides in kinds.items():
        (cpu, wall), (large_cpu, large_wall) = map(medians, sides)
        ratios = f"**{large_cpu / cpu:.2f}** | {wall:.2f} | {large_wall:.2f} | {large_wall / wall:.2f}"
        rows.append(f"| {name} | {cpu:.2f} | {large_cpu:.2f} | {ratios} |")
    return [*rows, "", f"{large.rows:,} events were loaded in {large.loaded_s:.0f} s, with all constraints."]


# Verification


def sealed_rows(rows: int) -> Iterator[tuple[Sealed, bytes]]:
    """Events with their true hashes."""
    sealed = ORIGIN
    for number in range(rows):
        seq = number % PER_STREAM + 1
        prev = ORIGIN if seq == 1 else sealed
        body = f'{{"id": {number}, "note": "{"x" * 120}"}}'
        stream = f"bulk:{number // PER_STREAM}"
        at_us = 1_767_225_600_000_000 + number
        event = Sealed(stream, seq, prev, at_us, "bulk", "INSERT", str(number), "7", "portal_web", "", body)
        sealed = link_hash(event)
        yield event, sealed


def load_sealed(dsn: str, rows: int) -> None:
    """Copy a true record in."""
    with psycopg.connect(dsn) as session, session.cursor() as cursor:
        for trigger in ("stamped", "sealed"):
            cursor.execute(f"ALTER TABLE ledger_event DISABLE TRIGGER {trigger}")
        hashes = []
        names = "id, stream, txid, at, source, op, row_key, actor, db_role, context, body"
        with cursor.copy(f"COPY ledger_event ({names}) FROM STDIN") as copy:
            for number, (event, sealed) in enumerate(sealed_rows(rows), 1_000_001):
                at = EPOCH + timedelta(microseconds=event.at_us)
                copy.write_row((number, event.stream, 3, at, *event[4:]))
                hashes.append((number, event.stream, event.seq, 3, 1, event.prev, sealed))
        with cursor.copy("COPY ledger_link (event_id, stream, seq, txid, algorithm, prev, hash) FROM STDIN") as copy:
            for row in hashes:
                copy.write_row(row)
        for trigger in ("stamped", "sealed"):
            cursor.execute(f"ALTER TABLE ledger_event ENABLE ALWAYS TRIGGER {trigger}")


def verification(server: EmbeddedPostgres, rows: int) -> list[str]:
    """How fast a record is verified."""
    from portal.ledger.verifying import verify

    server.clone_database(DATABASE, "verified")
    load_sealed(server.dsn("owner", "verified"), rows)
    point_at(server, "verified")
    before, client = backend_ns(), time.process_time()
    report = verify()
    cpu_s = (backend_ns() - before) / 1e9 + time.process_time() - client
    verdict = "sound" if report.sound else f"NOT sound: {report.findings[:3]}"
    return [
        f"{report.events:,} events verified in {report.took_s:.1f} s: {report.events / report.took_s:,.0f} a second"
        f" ({cpu_s:.1f} s CPU of both processes); {verdict}."
    ]
