"""No page needs anything inline, none tries, and each says so in its header: seen by Chromium itself."""

from __future__ import annotations

import re

import pytest

from tests.portal.browser.walking import Visit

pytestmark = pytest.mark.browser

POLICY = {
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
}
# A data block is no script: <script type="application/json"> is never run.
INLINE = re.compile(
    r"<script(?![^>]*\b(?:src=|type=\"application/json\"))[^>]*>|<style[\s>]|<[^>]*\sstyle\s*="
    r"|<[^>]*\son[a-z]+\s*=|hx-on",
    re.I,
)


def test_every_page_says_so_in_its_header(walk: dict[str, Visit]) -> None:
    policies = {name: {part.strip() for part in seen.policy.split(";")} for name, seen in walk.items()}
    assert {name: policy ^ POLICY for name, policy in policies.items() if policy != POLICY} == {}


def test_no_page_holds_anything_inline(walk: dict[str, Visit]) -> None:
    found = {name: INLINE.findall(seen.source) for name, seen in walk.items()}
    assert {name: inline for name, inline in found.items() if inline} == {}


def test_no_page_makes_chromium_complain(walk: dict[str, Visit]) -> None:
    complaints = {name: seen.complaints for name, seen in walk.items()}
    assert {name: lines for name, lines in complaints.items() if lines} == {}


def test_every_page_answered(walk: dict[str, Visit]) -> None:
    assert {name: seen.status for name, seen in walk.items() if seen.status != 200} == {"no such page": 404}
