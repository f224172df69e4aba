"""Tables that `make prove` writes into docs/, each between its own two marks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

CELLS = re.compile(r"(?<!\\)\|")
DOCS = Path(__file__).resolve().parent.parent / "docs"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def read_table(page: str, mark: str) -> list[tuple[str, ...]]:
    """The rows of the table between the two marks, without its head."""
    _before, _begin, rest = (DOCS / page).read_text().partition(f"<!-- {mark} -->")
    lines = [line for line in rest.partition(f"<!-- end of {mark} -->")[0].splitlines() if line.startswith("|")]
    return [tuple(cell.strip().replace("\\|", "|") for cell in CELLS.split(line)[1:-1]) for line in lines[2:]]


def write_table(page: str, mark: str, text: str) -> None:
    """Put `text` between `<!-- mark -->` and `<!-- end of mark -->` of docs/`page`."""
    path = DOCS / page
    begin, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    before, _begin, rest = path.read_text().partition(begin)
    _old, _end, after = rest.partition(end)
    assert _begin and _end, f"{page} has no marks for {mark}"
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")
