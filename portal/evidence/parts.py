"""What an evidence pack is made of: sections that answer a question, tables whose rows name their place in the record.

Page, PDF and JSON are three renderings of the same parts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from grid.core.intervals import CENTRAL
from portal.evidence.stream import Entry

NOT_KNOWN: Final = "not known"
LONGEST: Final = 4000
"""Letters of one text on a page: twice what the portal's own forms take."""


@dataclass(frozen=True, slots=True)
class Seal:
    """Where an event stands in the record: `no. 14 · a3f09c1b`."""

    stream: str
    seq: int
    hash: str  # hexadecimal, whole
    at: datetime  # wall time

    @classmethod
    def of(cls, entry: Entry) -> Seal:
        """The seal of an event."""
        return cls(entry.stream, entry.seq, entry.hash.hex(), entry.at)

    @property
    def short(self) -> str:
        """The hash as pages name it."""
        return self.hash[:8]

    @property
    def recorded(self) -> str:
        """When it was recorded, real time."""
        return real_time(self.at)


@dataclass(frozen=True, slots=True)
class Column:
    """`number`: aligned right; `code`: a hash or a name of the protocol."""

    name: str
    number: bool = False
    code: bool = False


@dataclass(frozen=True, slots=True)
class Detail:
    """Something long under a row: `text` readable; of a payload its bytes as text (`exact`), to download by `seq`."""

    title: str
    text: str
    seq: int | None = None
    exact: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: its cells, what in the record says so, something long below."""

    cells: tuple[str, ...]
    seals: tuple[Seal, ...] = ()
    detail: Detail | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell with its column."""

    column: Column
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """`empty` is said where there is no row: that nothing happened is an answer too."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    empty: str
    note: str = ""

    @property
    def lines(self) -> list[tuple[Row, list[Cell]]]:
        """Rows with their cells named."""
        return [(row, [Cell(*pair) for pair in zip(self.columns, row.cells, strict=True)]) for row in self.rows]

    @property
    def width(self) -> int:
        """Columns on the page: its own, and the one that names the record."""
        return len(self.columns) + 1


@dataclass(frozen=True, slots=True)
class Section:
    """One of the auditor's questions, its answer in a few sentences, and what shows it."""

    key: str
    question: str
    answer: tuple[str, ...]
    tables: tuple[Table, ...]


def row(cells: Iterable[object], *entries: Entry, detail: Detail | None = None) -> Row:
    """A row that these events say."""
    return Row(tuple(shortened(str(cell)) for cell in cells), tuple(Seal.of(entry) for entry in entries), detail)


def shortened(text: str, most: int = LONGEST) -> str:
    """The text; of one that no form of the portal took, its beginning, and that it goes on."""
    return text if len(text) <= most else f"{text[:most]}… (cut here; {len(text):,} letters in the record)"


def instant_words(at: datetime | None) -> str:
    """Portal time: `Tue 18 Aug 2026 15:36:02 CDT`."""
    return NOT_KNOWN if at is None else f"{at.astimezone(CENTRAL):%a %-d %b %Y %H:%M:%S %Z}"


def real_time(at: datetime | None) -> str:
    """Wall time: `2026-11-26 09:31:02 UTC`."""
    return NOT_KNOWN if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def span_words(start: datetime, end: datetime) -> str:
    """`Wed 12 Aug 2026 16:00 to 17:00 CDT`."""
    first, last = start.astimezone(CENTRAL), end.astimezone(CENTRAL)
    day = "" if first.date() == last.date() else f"{last:%a %-d %b} "
    return f"{first:%a %-d %b %Y %H:%M} to {day}{last:%H:%M %Z}"


def amount(value: object, unit: str = "", places: int = 1) -> str:
    """A number with its unit; what is not known is said."""
    if value is None:
        return NOT_KNOWN
    given = float(str(value))
    if not math.isfinite(given):
        return "no number"
    number = f"{given:,.{places}f}".replace("-", "−")
    return f"{number} {unit}" if unit else number


def listed(names: Iterable[str], otherwise: str = "nobody") -> str:
    """`olivia, sam and omar`, each once."""
    found = list(dict.fromkeys(names))
    if len(found) < 2:
        return found[0] if found else otherwise
    return f"{', '.join(found[:-1])} and {found[-1]}"
