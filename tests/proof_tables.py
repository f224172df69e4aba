"""Tables that `make prove` writes into docs/, each between its own two marks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def write_table(page: str, mark: str, text: str) -> None:
    """Put `text` between `<!-- mark -->` and `<!-- end of mark -->` of docs/`page`."""
    path = DOCS / page
    begin, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    before, _begin, rest = path.read_text().partition(begin)
    _old, _end, after = rest.partition(end)
    assert _begin and _end, f"{page} has no marks for {mark}"
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")
