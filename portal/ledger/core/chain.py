"""How an event is hashed and chained. The same bytes as `ledger_seal` in migrations/0002 makes; no framework.

A link's hash is SHA-256 over DOMAIN and then, each preceded by its length in bytes as a big-endian 32-bit number:
stream, seq, the hash before it (raw), at (microseconds since the epoch), source, op, row_key, actor, db_role, context,
body. Numbers are decimal text, all text is UTF-8. The first link of a stream has 32 zero bytes before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, NamedTuple

ALGORITHM: Final = 1
DOMAIN: Final = b"utility-hitl-portal ledger link 1\n"
ORIGIN: Final = bytes(32)


class Sealed(NamedTuple):
    """One event with its place in its stream."""

    stream: str
    seq: int
    prev: bytes
    at_us: int  # microseconds since the epoch, UTC
    source: str  # table
    op: str  # INSERT, UPDATE or DELETE
    row_key: str
    actor: str  # id of the person the row names; empty: none
    db_role: str  # the login that wrote it
    context: str  # what the process said of the request it served, JSON or empty
    body: str  # the row's canonical text


def framed(fields: Iterable[bytes]) -> bytes:
    """Fields with their lengths before them, so that no two lists of fields give the same bytes."""
    return b"".join(part for field in fields for part in (len(field).to_bytes(4, "big"), field))


def link_hash(event: Sealed) -> bytes:
    """The 32 bytes that seal an event and all before it in its stream."""
    texts = (str(value).encode() for value in event[3:])
    fields = (event.stream.encode(), str(event.seq).encode(), event.prev, *texts)
    return hashlib.sha256(DOMAIN + framed(fields)).digest()
