"""Nothing inline: `script-src 'self'; style-src 'self'` stays whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

PROJECT = Path(__file__).resolve().parents[2]
FORBIDDEN = {
    "inline script": re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[^>]*>", re.I),
    "style element": re.compile(r"<style[\s>]", re.I),
    "style attribute": re.compile(r"<[^>]*\sstyle\s*=", re.I),
    "event attribute": re.compile(r"<[^>]*\son[a-z]+\s*=", re.I),
    "htmx script attribute": re.compile(r"hx-on|hx-vals\s*=\s*[\"']js:|hx-vars", re.I),
    "javascript URL": re.compile(r"javascript:", re.I),
}


def templates() -> list[Path]:
    apps = ("portal", "dispatch", "planning", "cohorts", "grid")
    return sorted(path for app in apps for path in (PROJECT / app).rglob("templates/**/*.html"))


@pytest.mark.parametrize("path", templates(), ids=lambda path: str(path.relative_to(PROJECT)))
def test_nothing_inline(path: Path) -> None:
    text = path.read_text()
    found = {name: pattern.search(text) for name, pattern in FORBIDDEN.items()}
    assert {name: match.group()[:80] for name, match in found.items() if match} == {}


def test_domain_apps_hold_no_html() -> None:
    assert [p for p in templates() if p.relative_to(PROJECT).parts[0] != "portal"] == []


def test_policy_allows_no_inline_and_no_eval() -> None:
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    assert (directives["script-src"], directives["style-src"]) == (["'self'"], ["'self'"])
