"""The pictures in docs: every page in each size and look, shown on one page, and no link without its picture."""

from __future__ import annotations

import re
from pathlib import Path

from portal.management.commands.screenshots import PAGES, SCHEMES, SIZES
from tests.screenshots import EMPTY, GALLERY, PICTURES, gallery, names_taken

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 7_000_000


def test_every_page_is_there_in_each_size_and_look() -> None:
    names = {*PAGES, *(f"{name}-empty" for name in EMPTY)}
    expected = {f"{name}-{size}-{scheme}.png" for name in names for size in SIZES for scheme in SCHEMES}
    assert {path.name for path in PICTURES.iterdir()} == expected
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) < MOST_BYTES


def test_the_page_of_pictures_shows_them_all() -> None:
    assert GALLERY.read_text() == gallery(names_taken())


def test_no_document_shows_a_picture_that_is_not_there() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        shown = re.findall(r'(?:!\[[^\]]*\]\(|<img src=")([^)"]+\.png)', document.read_text())
        assert [name for name in shown if not (document.parent / name).exists()] == [], document
