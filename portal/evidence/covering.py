"""The signed checkpoint that covers a stream up to its last event, and whether it says what the stream says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q, Subquery

from portal.evidence.stream import Entry
from portal.ledger import signing
from portal.ledger.checkpointing import DOMAIN
from portal.ledger.core.checkpoints import Head, Statement, parse_body
from portal.ledger.models import Checkpoint

LOOKED_AFTER: Final = 10_000
"""Checkpoints: a week, at one a minute."""


@dataclass(frozen=True, slots=True)
class Covering:
    """A checkpoint made after the last event of a stream. `signed` None: the public key is not at hand here."""

    number: int
    made_at: datetime  # wall time
    key_id: str
    signed: bool | None
    findings: tuple[str, ...]


def covering(entries: Sequence[Entry]) -> Covering | None:
    """The first checkpoint below whose horizon the stream's last transaction lies; None: none yet. One query.

    Those after it that name the stream are looked at too: they would tell of a tail that is gone. The verification of
    the whole record looks at all of them.
    """
    if not entries:
        return None
    last = entries[-1]
    later = Checkpoint.objects.filter(horizon__gt=last.txid)
    first = Subquery(later.order_by("number").values("number")[:1])
    names = Q(body__contains=json.dumps([last.stream], separators=(",", ":"))[:-1] + ",")
    found = list(later.filter(Q(number=first) | names, number__lt=first + LOOKED_AFTER).order_by("number"))
    if not found:
        return None
    made, signed = found[0], _signed(found[0])
    findings = [] if signed is not False else [f"Checkpoint {made.number} is not signed with the record's key."]
    for each in found:
        findings += _findings(each, entries)
    return Covering(made.number, made.wall_at, made.key_id, signed, tuple(findings))


def _findings(made: Checkpoint, entries: Sequence[Entry]) -> list[str]:
    try:
        statement = parse_body(made.body)
    except ValueError as error:
        return [f"Checkpoint {made.number} {error}."]
    return _differences(statement, made.number, entries)


def _signed(made: Checkpoint) -> bool | None:
    try:
        public = signing.own_public()
    except signing.KeyUnusable:
        return None
    try:
        signature = bytes.fromhex(made.signature)
    except ValueError:
        return False
    return signing.verify(DOMAIN, made.body.encode(), signature, public)


def _differences(statement: Statement, number: int, entries: Sequence[Entry]) -> list[str]:
    """What the checkpoint says of the stream against what stands there. A later one may cover what came before it."""
    stream = entries[0].stream
    head: Head | None = next((each for each in statement.heads if each.stream == stream), None)
    if head is None:
        return []
    at = next((entry for entry in entries if entry.seq == head.seq), None)
    if at is None:
        return [f"Checkpoint {number} names no. {head.seq} of {stream}, which is gone."]
    return [] if at.hash.hex() == head.hash else [f"Checkpoint {number} names another event as no. {head.seq}."]
