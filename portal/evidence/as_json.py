"""An evidence pack as JSON: the answers, and the raw events with every field their hashes are over."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from portal.evidence.pack import Pack
from portal.evidence.parts import Row, Section, Table
from portal.evidence.stream import Entry
from portal.ledger.core import chain

FORMAT = "utility-hitl-portal evidence 1"


def pack_json(pack: Pack) -> dict[str, Any]:
    """The whole pack. `events` in the order of their places; `at_us` are microseconds since the epoch, UTC."""
    verified, checkpoint = pack.verified, pack.verified.checkpoint
    return {
        "format": FORMAT,
        "plan": pack.plan_id,
        "status": pack.material.plan.status,
        "mode": pack.material.plan.mode,
        "made_at": _utc(pack.made_at),
        "verified": {
            "stream": verified.stream,
            "events": verified.events,
            "unbroken": verified.holds,
            "findings": list(verified.findings),
            "head": verified.head,
            "last_event_at": _utc(verified.last_at),
            "checkpoint": checkpoint
            and {
                "number": checkpoint.number,
                "made_at": _utc(checkpoint.made_at),
                "key_id": checkpoint.key_id,
                "signature_holds": checkpoint.signed,
            },
        },
        "chain": {
            "algorithm": chain.ALGORITHM,
            "domain": chain.DOMAIN.decode(),
            "hash": (
                "SHA-256 over domain and then, each preceded by its length in bytes as a big-endian 32-bit number:"
                " stream, seq, prev (raw bytes), at_us, source, op, row_key, actor, db_role, context, body;"
                " numbers are decimal text, text is UTF-8; the first prev of a stream is 32 zero bytes"
            ),
        },
        "sections": [_section(section) for section in pack.sections],
        "events": event_list(pack.entries),
        "beside": event_list(pack.material.beside),
    }


def event_list(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Events with all that their hashes are over."""
    return [_event(entry) for entry in entries]


def _event(entry: Entry) -> dict[str, Any]:
    sealed = entry.sealed
    return {
        **sealed._asdict(),
        "prev": sealed.prev.hex(),
        "hash": entry.hash.hex(),
        "algorithm": entry.algorithm,
        "txid": entry.txid,
        "event_id": entry.event_id,
        "at": _utc(entry.at),
    }


def _section(section: Section) -> dict[str, Any]:
    return {
        "key": section.key,
        "question": section.question,
        "answer": list(section.answer),
        "tables": [_table(table) for table in section.tables],
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "key": table.key,
        "title": table.title,
        "columns": [column.name for column in table.columns],
        "rows": [_row(row) for row in table.rows],
        "empty": "" if table.rows else table.empty,
        "note": table.note,
    }


def _row(row: Row) -> dict[str, Any]:
    seals = [{"stream": seal.stream, "seq": seal.seq, "hash": seal.hash} for seal in row.seals]
    detail = row.detail and {"title": row.detail.title, "text": row.detail.text}
    return {"cells": list(row.cells), "sealed_as": seals, "detail": detail}


def _utc(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()
