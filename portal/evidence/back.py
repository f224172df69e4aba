"""What came back: receipts, what was delivered against the plan, opt-outs, aborts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from grid.core.intervals import CENTRAL, QUARTER
from planning.core.lifecycle import Status
from portal.evidence.material import Material
from portal.evidence.parts import Column, Section, Table, amount, instant_words, real_time, row
from portal.evidence.sent import ven_name
from portal.evidence.stream import Entry
from portal.templatetags.pages import status_words
from portal.templatetags.quantities import usd

KEY: Final = "back"
QUESTION: Final = "What came back?"
STOPPED: Final = frozenset({Status.ABORTING, Status.ABORTED, Status.CANCELLED, Status.WITHDRAWN})


def back(found: Material) -> Section:
    """The section."""
    tables = (_result(found), _quarters(found), _receipts(found), _stops(found))
    return Section(KEY, QUESTION, tuple(_answer(found)), tables)


def _last(found: Material) -> Entry | None:
    """The newest result: its rebound is added as it happens."""
    return next(reversed(found.rows("dispatch_eventresult")), None)


def _answer(found: Material) -> Iterable[str]:
    last = _last(found)
    stopped = [entry for entry in found.rows("planning_transition") if entry.row["to_status"] in STOPPED]
    if stopped:
        yield f"It was stopped: {_stop_words(found, stopped[0])}."
    if last is None:
        yield "Nothing is measured."
        return
    given = last.row
    yield (
        f"{amount(_mean(given['delivered_mw']), 'MW')} delivered on average, {amount(_mean(given['planned_mw']), 'MW')}"
        f" planned; {amount(given['delivered_mwh'], 'MWh')} in all, by {given['source']}."
    )
    yield (
        f"Of {given['endpoints']:,} endpoints {given['opt_outs']:,} opted out and {given['offline']:,} did not answer;"
        f" {amount(given['rebound_mwh'], 'MWh')} came back as rebound until"
        f" {instant_words(last.instant('rebound_until'))}."
    )


def _mean(values: list[float | str]) -> float | None:
    return sum(map(float, values)) / len(values) if values else None


def _result(found: Material) -> Table:
    last = _last(found)
    lines = []
    if last is not None:
        given, everything = last.row, found.rows("dispatch_eventresult")
        said = [
            ("Planned, mean of the window", amount(_mean(given["planned_mw"]), "MW")),
            ("Delivered, mean of the window", amount(_mean(given["delivered_mw"]), "MW")),
            ("Delivered in all", amount(given["delivered_mwh"], "MWh")),
            ("Rebound", amount(given["rebound_mwh"], "MWh")),
            ("Endpoints called", amount(given["endpoints"], "", 0)),
            ("Opted out", amount(given["opt_outs"], "", 0)),
            ("Did not answer", amount(given["offline"], "", 0)),
            ("Incentives paid", usd(given["cost_usd"])),
            ("Value of the energy", usd(given["value_usd"])),
        ]
        until = f"{given['source']}, measured {instant_words(last.instant('measured_at'))}"
        lines = [row((what, value, until), everything[0], *everything[1:][-1:]) for what, value in said]
    columns = (Column("What"), Column("Value", number=True), Column("Source"))
    return Table("result", "The result", columns, tuple(lines), "No result is in the record.")


def _quarters(found: Material) -> Table:
    last, version = _last(found), found.current
    lines = []
    if last is not None and version is not None:
        at = version.content.window_start
        for planned, delivered in zip(last.row["planned_mw"], last.row["delivered_mw"], strict=False):
            lines.append(row((_quarter(at.astimezone(CENTRAL)), amount(planned), amount(delivered)), last))
            at += QUARTER
    columns = (Column("Quarter-hour from"), Column("Planned, MW", number=True), Column("Delivered, MW", number=True))
    return Table("quarters", "By quarter-hour", columns, tuple(lines), "No quarter-hour is measured.")


def _quarter(at: object) -> str:
    return f"{at:%H:%M %Z}"


def _receipts(found: Material) -> Table:
    signals = {entry.row["id"]: entry for entry in found.first_rows("dispatch_signal")}
    lines = []
    for entry in found.rows("dispatch_receipt"):
        signal = signals.get(entry.row["signal_id"])
        sent = [x for x in found.rows("dispatch_signal") if x.row["id"] == entry.row["signal_id"] and x.row["sent_at"]]
        at, out = entry.instant("at"), sent[0].instant("sent_at") if sent else None
        later = f"{max((at - out) // timedelta(seconds=1), 0):,} s" if at and out else "–"
        name = ven_name(found, signal) if signal else f"signal {entry.row['signal_id']}"
        lines.append(row((name, instant_words(at), later, real_time(entry.at)), entry))
    columns = (
        Column("Receiver"),
        Column("Received (portal time)"),
        Column("After sending", number=True),
        Column("Recorded (real time)"),
    )
    return Table("receipts", "Receipts", columns, tuple(lines), "No receiver told that it took anything.")


def _stops(found: Material) -> Table:
    lines = [
        row(
            (
                status_words(entry.row["to_status"]),
                found.who(entry.row["by_id"], entry.row["actor"]),
                f"“{entry.row['reason']}”" if entry.row["reason"] else "–",
                instant_words(entry.instant("at")),
            ),
            entry,
        )
        for entry in found.rows("planning_transition")
        if entry.row["to_status"] in STOPPED
    ]
    columns = tuple(map(Column, ("State", "By", "Words", "When (portal time)")))
    return Table("stops", "Aborts and withdrawals", columns, tuple(lines), "It was not stopped.")


def _stop_words(found: Material, entry: Entry) -> str:
    who = found.who(entry.row["by_id"], entry.row["actor"])
    return f"{status_words(entry.row['to_status'])} by {who}"
