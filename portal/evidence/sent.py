"""What exactly went out, and to whom: the bytes previewed, approved and sent, compared; receivers with their times."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Final

from portal.evidence.material import Material
from portal.evidence.parts import (
    NOT_KNOWN,
    Column,
    Detail,
    Row,
    Section,
    Table,
    amount,
    instant_words,
    listed,
    row,
    span_words,
)
from portal.evidence.stream import Entry, read_object

SENT_KEY: Final = "sent"
SENT_QUESTION: Final = "What exactly went out?"
WHOM_KEY: Final = "whom"
WHOM_QUESTION: Final = "To whom?"


def sent(found: Material) -> Section:
    """What went out, byte by byte."""
    return Section(SENT_KEY, SENT_QUESTION, tuple(_answer(found)), (_previewed(found), _sent(found)))


def whom(found: Material) -> Section:
    """Who it went to, and when."""
    return Section(WHOM_KEY, WHOM_QUESTION, tuple(_receivers_answer(found)), (_receivers(found), _claims(found)))


def _signals(found: Material) -> list[Entry]:
    return found.first_rows("dispatch_signal")


def _history(found: Material, signal: Entry) -> list[Entry]:
    """The signal and every later state of it."""
    return [entry for entry in found.rows("dispatch_signal") if entry.row_key == signal.row_key]


def _out_at(found: Material, signal: Entry) -> str | None:
    """When it went out, portal time as the row has it; None: it never did."""
    return next((str(entry.row["sent_at"]) for entry in _history(found, signal) if entry.row["sent_at"]), None)


def _answer(found: Material) -> Iterable[str]:
    signals = _signals(found)
    out = [entry for entry in signals if _out_at(found, entry)]
    if not signals:
        yield "Nothing went out."
        return
    events = [entry for entry in out if entry.row["kind"] == "EVENT"]
    cancels = len(out) - len(events)
    also = f" and {cancels} cancellations" if cancels else ""
    yield f"{len(events)} OpenADR events{also} went out; {len(signals) - len(out)} were written and not sent."
    same = all(_as_approved(found, entry) for entry in events)
    yield (
        "Each event's bytes hash to the SHA-256 that stands in the approved content."
        if same
        else "▲ At least one event's bytes are NOT those of the approved content."
    )


def _as_approved(found: Material, signal: Entry) -> bool:
    """Whether the signal's bytes hash to what the content that its version's votes name says."""
    version = next((each for each in found.versions if each.key == signal.row["version_id"]), None)
    approved = {each.payload_sha256 for each in version.content.payloads} if version else set()
    return hashlib.sha256(signal.data("payload")).hexdigest() in approved


def _bytes(entry: Entry, name: str) -> Detail:
    payload = entry.data("payload")
    exact = payload.decode(errors="replace")
    content = read_object(exact)
    text = json.dumps(content, indent=1, ensure_ascii=False) if content else exact
    return Detail(f"{name}: {len(payload):,} bytes, with line breaks", text, entry.seq, exact)


def _previewed(found: Material) -> Table:
    columns = (Column("Version"), Column("OpenADR event", code=True), Column("Window"), Column("MW", number=True))
    lines = [
        row(
            (
                found.number_of(entry.row["version_id"]).removeprefix("version "),
                entry.row["event_name"],
                _window(entry),
                amount(entry.row["mean_mw"]),
                amount(entry.row["endpoints"], "", 0),
                entry.row["payload_sha256"],
            ),
            entry,
            detail=_bytes(entry, entry.row["event_name"]),
        )
        for entry in found.rows("planning_plannedevent")
    ]
    return Table(
        "previewed",
        "What was shown as what would be sent",
        (*columns, Column("Endpoints", number=True), Column("SHA-256 of the bytes", code=True)),
        tuple(lines),
        "No event was prepared.",
    )


def _window(entry: Entry) -> str:
    start, end = entry.instant("starts_at"), entry.instant("ends_at")
    return span_words(start, end) if start and end else NOT_KNOWN


def _sent(found: Material) -> Table:
    lines = []
    for entry in _signals(found):
        name, payload = _name(found, entry), entry.data("payload")
        computed = hashlib.sha256(payload).hexdigest()
        lines.append(
            row(
                (
                    "cancellation" if entry.row["kind"] == "CANCEL" else "event",
                    name,
                    amount(len(payload), "bytes", 0),
                    "went out" if _out_at(found, entry) else "not sent",
                    f"{computed} ({_compared(found, entry, computed)})",
                ),
                *_history(found, entry),
                detail=_bytes(entry, name),
            )
        )
    columns = (Column("Kind"), Column("OpenADR event", code=True), Column("Size", number=True), Column("Sent"))
    return Table(
        "bytes",
        "The bytes that went out",
        (*columns, Column("SHA-256 of the bytes, computed now", code=True)),
        tuple(lines),
        "Nothing went out.",
    )


def _compared(found: Material, entry: Entry, computed: str) -> str:
    if entry.row["payload_sha256"] != computed:
        return "NOT what the row says"
    if entry.row["kind"] == "CANCEL":
        return "a cancellation, made when it was stopped"
    return "as approved" if _as_approved(found, entry) else "NOT as approved"


def _name(found: Material, signal: Entry) -> str:
    planned = (x for x in found.rows("planning_plannedevent") if x.row["id"] == signal.row["planned_event_id"])
    return next((str(entry.row["event_name"]) for entry in planned), f"event {signal.row['planned_event_id']}")


def _ven(found: Material, signal: Entry) -> Entry | None:
    return next((x for x in found.beside_rows("dispatch_ven") if x.row["id"] == signal.row["ven_id"]), None)


def ven_name(found: Material, signal: Entry) -> str:
    """The receiver of a signal; simulated ones say so."""
    ven = _ven(found, signal)
    if ven is None:
        return f"receiver {signal.row['ven_id']}"
    return f"{ven.row['name']}{' (simulated)' if ven.row['simulated'] else ''}"


def _receivers_answer(found: Material) -> Iterable[str]:
    out = [entry for entry in _signals(found) if _out_at(found, entry)]
    if not out:
        yield "To nobody."
        return
    reached = {entry.row["signal_id"] for entry in found.rows("dispatch_receipt")}
    taken = sum(entry.row["id"] in reached for entry in out)
    yield f"To {listed(ven_name(found, entry) for entry in out)}; {taken} of {len(out)} were received."
    endpoints = sum(
        entry.row["endpoints"]
        for entry in found.rows("planning_plannedevent")
        if any(x.row["planned_event_id"] == entry.row["id"] and x.row["kind"] == "EVENT" for x in out)
    )
    yield f"Behind them {endpoints:,} endpoints were called; their numbers stand in the bytes above."


def _receivers(found: Material) -> Table:
    receipts = {entry.row["signal_id"]: entry for entry in found.rows("dispatch_receipt")}
    columns = (
        Column("Receiver"),
        Column("Kind"),
        Column("Window"),
        Column("MW", number=True),
        Column("Written (portal time)"),
        Column("Sent (portal time)"),
        Column("Received (portal time)"),
        Column("Database login"),
    )
    lines = [_receiver(found, entry, receipts.get(entry.row["id"])) for entry in _signals(found)]
    return Table("receivers", "Receivers", columns, tuple(lines), "Nobody was sent anything.")


def _receiver(found: Material, entry: Entry, receipt: Entry | None) -> Row:
    history = _history(found, entry)
    sent_entry = next((each for each in history if each.row["sent_at"]), None)
    return row(
        (
            ven_name(found, entry),
            entry.row["kind"].lower(),
            _window(entry),
            amount(entry.row["mw"]),
            instant_words(entry.instant("queued_at")),
            instant_words(sent_entry.instant("sent_at")) if sent_entry else "never",
            instant_words(receipt.instant("at")) if receipt else "no receipt",
            entry.db_role,
        ),
        *history,
        *([receipt] if receipt else []),
    )


def _claims(found: Material) -> Table:
    return Table(
        "claims",
        "Who took it for sending",
        (Column("Process's database login"), Column("Version"), Column("When (portal time)")),
        tuple(
            row((entry.db_role, found.number_of(entry.row["version_id"]), instant_words(entry.instant("at"))), entry)
            for entry in found.rows("dispatch_claim")
        ),
        "Dispatch never took it.",
    )
