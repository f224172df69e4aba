"""An evidence pack on paper: A4 across, page numbers, tables that go on over pages with their heads."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

import reportlab
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer
from reportlab.platypus import Table as PdfTable

from portal.evidence.pack import Pack
from portal.evidence.parts import Column, Detail, Row, Section, Table, real_time

FONT: Final = "Vera"
BOLD: Final = "VeraBd"
MARGIN: Final = 14 * mm
PAGE: Final = landscape(A4)
ROOM: Final = PAGE[0] - 2 * MARGIN
LINE: Final = colors.HexColor("#b5bbc2")
SHADE: Final = colors.HexColor("#eef0f2")
DIM: Final = colors.HexColor("#525a63")
PIECE: Final = 1500
"""Letters of a payload in one paragraph: short enough to fit on a page."""
LEAST_SHARE: Final = 16
MOST_SHARE: Final = 46
RECORD: Final = "In the record"


def _style(name: str, size: float, **more: Any) -> ParagraphStyle:
    return ParagraphStyle(
        name, **{"fontName": FONT, "fontSize": size, "leading": size * 1.35, "splitLongWords": 1} | more
    )


TITLE: Final = _style("title", 15, fontName=BOLD, spaceAfter=4)
HEADING: Final = _style("heading", 12, fontName=BOLD, spaceBefore=12, spaceAfter=3, keepWithNext=1)
SUBHEADING: Final = _style("subheading", 8.5, fontName=BOLD, spaceBefore=8, spaceAfter=2, keepWithNext=1)
TEXT: Final = _style("text", 8.5, spaceAfter=2)
STATE: Final = _style("state", 10, fontName=BOLD, spaceAfter=2)
CELL: Final = _style("cell", 6.4)
NUMBER: Final = _style("number", 6.4, alignment=2)
HEAD: Final = _style("head", 6.4, fontName=BOLD)
NUMBER_HEAD: Final = _style("number head", 6.4, fontName=BOLD, alignment=2)
SMALL: Final = _style("small", 6.4, textColor=DIM)
LOOK: Final = [
    ("GRID", (0, 0), (-1, -1), 0.4, LINE),
    ("BACKGROUND", (0, 0), (-1, 0), SHADE),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 3),
    ("RIGHTPADDING", (0, 0), (-1, -1), 3),
    ("TOPPADDING", (0, 0), (-1, -1), 2),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
]


def pack_pdf(pack: Pack) -> bytes:
    """The whole pack as a PDF."""
    _fonts()
    made, out = real_time(pack.made_at), io.BytesIO()
    title = f"Evidence of plan {pack.plan_id}"
    document = SimpleDocTemplate(
        out,
        pagesize=PAGE,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN + 4 * mm,
        title=f"{title}, {pack.material.plan.mode}, made {made}",
        author="Utility HITL Portal",
        subject=pack.verified.words,
        lang="en",
    )
    document.build(list(_story(pack)), canvasmaker=_numbered(f"{title} · {pack.material.plan.mode} · made {made}"))
    return out.getvalue()


def _story(pack: Pack) -> Iterator[Any]:
    version = pack.material.current
    yield _said(f"Evidence of plan {pack.plan_id}", TITLE)
    yield from _state(pack)
    if version is not None:
        yield _said(f"Content SHA-256 {version.entry.row['content_hash']} (version {version.number})", TEXT)
    for section in pack.sections:
        yield from _section(section)
    yield Spacer(1, 8)
    yield _said(
        f"“{RECORD}” names the event's place in {pack.verified.stream}, or in the stream named before it, and the first"
        " digits of its hash. The pack as JSON holds the events with all that their hashes are over.",
        SMALL,
    )


def _state(pack: Pack) -> Iterator[Any]:
    verified, checkpoint = pack.verified, pack.verified.checkpoint
    yield _said(f"{'' if verified.holds else '▲ '}{verified.words}", STATE)
    for finding in verified.findings:
        yield _said(f"▲ {finding}", TEXT)
    yield _said(f"Stream {verified.stream}, mode {pack.material.plan.mode}, looked at {real_time(pack.made_at)}.", TEXT)
    if verified.events:
        yield _said(f"Last event no. {pack.last_seq} of {real_time(verified.last_at)}, SHA-256 {verified.head}.", TEXT)
    if checkpoint is None:
        yield _said("No signed checkpoint covers the last event yet.", TEXT)
    else:
        signature = {True: "holds", False: "DOES NOT HOLD", None: "was not checked: no public key at hand"}
        yield _said(
            f"Checkpoint {checkpoint.number} of {real_time(checkpoint.made_at)} covers all of them; its signature by"
            f" key {checkpoint.key_id} {signature[checkpoint.signed]}.",
            TEXT,
        )


def _section(section: Section) -> Iterator[Any]:
    yield _said(section.question, HEADING)
    for sentence in section.answer:
        yield _said(sentence, TEXT)
    for table in section.tables:
        yield _said(table.title, SUBHEADING)
        if not table.rows:
            yield _said(table.empty, SMALL)
            continue
        yield _table(table)
        yield Spacer(1, 3)
        if table.note:
            yield _said(table.note, SMALL)
        for row in table.rows:
            if row.detail is not None:
                yield from _detail(row.detail)


def _table(table: Table) -> Any:
    columns = (*table.columns, Column(RECORD))
    heads = [_said(each.name, NUMBER_HEAD if each.number else HEAD) for each in columns]
    cells = [
        [_said(text, NUMBER if column.number else CELL) for column, text in zip(columns, _texts(row), strict=True)]
        for row in table.rows
    ]
    return PdfTable(
        [heads, *cells], colWidths=_widths(table, columns), repeatRows=1, style=LOOK, hAlign="LEFT", splitInRow=1
    )


def _texts(row: Row) -> tuple[str, ...]:
    seals = ", ".join(f"{seal.stream} {seal.seq} {seal.short}" for seal in row.seals)
    return (*row.cells, seals)


def _widths(table: Table, columns: tuple[Column, ...]) -> list[float]:
    """Room by the longest text of a column, within reason."""
    texts = [_texts(row) for row in table.rows]
    shares = []
    for place, column in enumerate(columns):
        longest = max(len(column.name), *(len(row[place]) for row in texts))
        shares.append(min(max(longest, LEAST_SHARE), MOST_SHARE))
    return [ROOM * share / sum(shares) for share in shares]


def _detail(detail: Detail) -> Iterator[Any]:
    """Its lines as they are; a payload as the very text that was sent, in pieces without a break between them."""
    yield _said(detail.title.removesuffix(", with line breaks"), SUBHEADING)
    if detail.exact:
        for start in range(0, len(detail.exact), PIECE):
            yield _said(detail.exact[start : start + PIECE], CELL)
        return
    for line in detail.text.splitlines():
        yield _said(line, CELL) if line.strip() else Spacer(1, 4)


def _said(text: str, style: ParagraphStyle) -> Any:
    """A paragraph. What the font cannot draw stands as its code point, so that nothing is lost without a trace."""
    known = pdfmetrics.getFont(style.fontName).face.charToGlyph
    drawn = "".join(letter if ord(letter) in known else f"\\u{ord(letter):04x}" for letter in text.replace("▲", "!"))
    return Paragraph(escape(drawn), style)


def _fonts() -> None:
    folder = Path(reportlab.__file__).parent / "fonts"
    for name in (FONT, BOLD):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, folder / f"{name}.ttf"))


def _numbered(words: str) -> type[Canvas]:
    """A canvas that writes `words` and `Page 2 of 5` under each page once all are known."""

    class Numbered(Canvas):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 (reportlab's name)
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self._pages, 1):
                self.__dict__.update(page)
                self.setFont(FONT, 7)
                self.drawString(MARGIN, 9 * mm, words)
                self.drawRightString(PAGE[0] - MARGIN, 9 * mm, f"Page {number} of {len(self._pages)}")
                super().showPage()
            super().save()

    return Numbered
