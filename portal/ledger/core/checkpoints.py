"""What a checkpoint says and how its parts hang together; no framework.

A checkpoint states the heads of the streams that changed since the one before, as a Merkle tree (RFC 6962: leaves are
hashed after a zero byte, nodes after a one), and names the hash of the one before. Its body is canonical JSON.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from portal.ledger.core.chain import framed

DOMAIN: Final = b"utility-hitl-portal ledger checkpoint 1\n"
FIRST: Final = "0" * 64


@dataclass(frozen=True, order=True)
class Head:
    """The last link of a stream when the checkpoint was made."""

    stream: str
    seq: int
    hash: str  # 64 lower-case hex digits


@dataclass(frozen=True)
class Statement:
    """The content of a checkpoint. Transactions below `horizon` had all ended when it was made."""

    number: int
    previous: str
    made_at: str  # RFC 3339, UTC
    horizon: int
    events: int  # sealed since the one before
    heads: tuple[Head, ...]

    @property
    def root(self) -> str:
        return merkle_root([leaf(head) for head in self.heads]).hex()

    def body(self) -> str:
        """Canonical JSON: sorted names, no spaces."""
        heads = [[head.stream, head.seq, head.hash] for head in self.heads]
        return json.dumps(
            {
                "events": self.events,
                "heads": heads,
                "horizon": self.horizon,
                "made_at": self.made_at,
                "number": self.number,
                "previous": self.previous,
                "root": self.root,
            },
            separators=(",", ":"),
            sort_keys=True,
        )


def parse_body(body: str) -> Statement:
    """The statement of a body. Raises ValueError when it is no body this module made, to the byte."""
    try:
        given = json.loads(body)
        statement = Statement(
            number=given["number"],
            previous=given["previous"],
            made_at=given["made_at"],
            horizon=given["horizon"],
            events=given["events"],
            heads=tuple(Head(*head) for head in given["heads"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError("is not the body of a checkpoint") from error
    if statement.body() != body:
        raise ValueError("does not say what its own heads add up to")
    return statement


def checkpoint_hash(body: str, signature: str) -> str:
    """What the next checkpoint names as the one before it."""
    return hashlib.sha256(DOMAIN + framed([body.encode(), signature.encode()])).hexdigest()


def leaf(head: Head) -> bytes:
    fields = (head.stream.encode(), str(head.seq).encode(), bytes.fromhex(head.hash))
    return hashlib.sha256(b"\x00" + framed(fields)).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962: the left part is the largest power of two smaller than the whole; the hash of nothing for no leaf."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    middle = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + merkle_root(leaves[:middle]) + merkle_root(leaves[middle:])).digest()
