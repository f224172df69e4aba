"""The evidence pack of a plan: its verified state, and the auditor's five questions answered from the record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from portal.evidence.back import back
from portal.evidence.covering import Covering, covering
from portal.evidence.decided import decided
from portal.evidence.knew import knew
from portal.evidence.material import Material, gather
from portal.evidence.parts import Column, Detail, Section, Table, real_time, row, shortened
from portal.evidence.sent import sent, whom
from portal.evidence.sentences import kind_of
from portal.evidence.stream import Entry, broken_at
from portal.templatetags.pages import status_words


@dataclass(frozen=True)
class Verified:
    """What was found when the plan's stream was walked, just now."""

    stream: str
    events: int
    findings: tuple[str, ...]
    head: str  # hash of the last event, hexadecimal
    last_at: datetime | None  # wall time
    checkpoint: Covering | None

    @property
    def holds(self) -> bool:
        """Whether there is a stream and nothing is wrong with it."""
        return self.events > 0 and not self.findings

    @property
    def words(self) -> str:
        """The state in one sentence."""
        if not self.events:
            return "Nothing of this plan is in the record: it was made before the record began."
        if self.findings:
            return f"{self.events:,} events; the record of this plan is NOT what was sealed."
        return (
            f"{self.events:,} events, unbroken: each hash was computed again just now and follows from the one before."
        )


@dataclass(frozen=True)
class Pack:
    """The whole of it."""

    material: Material
    verified: Verified
    sections: tuple[Section, ...]
    made_at: datetime  # wall time

    @property
    def plan_id(self) -> int:
        """Which plan."""
        return self.material.plan.pk

    @property
    def last_seq(self) -> int:
        """The place of the last event; 0: there is none."""
        return self.entries[-1].seq if self.entries else 0

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The raw events of the plan's stream."""
        return self.material.entries


def pack_of(plan_id: int, *, made_at: datetime) -> Pack | None:
    """The pack as it stands now; None when there is no such plan. Six queries, and those of the verification."""
    found = gather(plan_id)
    if found is None:
        return None
    sections = (*_odd(found), knew(found), decided(found), sent(found), whom(found), back(found))
    state = verified(f"plan:{plan_id}", found.entries)
    return Pack(found, replace(state, findings=(*state.findings, *_otherwise(found))), sections, made_at)


def _odd(found: Material) -> list[Section]:
    """Before the answers what no operation of the portal writes; nothing, as a rule."""
    entries = found.odd
    if not entries:
        return []
    columns = ("What it claims to be", "What is wrong with it", "Database login", "Recorded (real time)")
    lines = [
        row(
            (kind_of(entry.source), entry.fault or entry.misdated, entry.db_role, real_time(entry.at)),
            entry,
            detail=Detail(f"Its text, no. {entry.seq}", shortened(entry.body)),
        )
        for entry in entries
    ]
    title = "Rows that are not as the portal writes them"
    table = Table("odd", title, tuple(map(Column, columns)), tuple(lines), "")
    left_out = sum(bool(entry.fault) for entry in entries)
    answer = (
        f"▲ {len(entries):,} of its events {'is' if len(entries) == 1 else 'are'} sealed as written, but not as the"
        " portal writes: somebody used a database login by hand.",
        f"The answers below leave out the {left_out:,} of them that cannot be read.",
    )
    return [Section("odd", "What is not as it should be?", answer, (table,))]


def _otherwise(found: Material) -> list[str]:
    """Whether the plan's own row says otherwise than the record last saw it: then an event is missing, or the row was
    changed past the record."""
    rows = found.rows("planning_plan")
    if not rows or rows[-1].row["status"] == found.plan.status:
        return []
    recorded, now = rows[-1].row["status"], found.plan.status
    return [f"The plan's row says {status_words(now)}; the record last saw {status_words(recorded)}."]


def verified(stream: str, entries: tuple[Entry, ...]) -> Verified:
    """Walks the stream; one query, for the checkpoint that covers it."""
    last, covered = entries[-1] if entries else None, covering(entries)
    return Verified(
        stream=stream,
        events=len(entries),
        findings=(*broken_at(entries), *(covered.findings if covered else ())),
        head=last.hash.hex() if last else "",
        last_at=last.at if last else None,
        checkpoint=covered,
    )
