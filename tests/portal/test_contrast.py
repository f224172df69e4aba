"""Contrast of every pair of colours that stands on a page, computed from tokens.css (WCAG 2.2: 1.4.3 and 1.4.11)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

CSS = Path(__file__).resolve().parents[2] / "portal" / "static" / "portal" / "css"
COLOUR = re.compile(r"--([a-z-]+):\s*(light-dark\((#\w+),\s*(#\w+)\)|#\w+);")
NAMED_COLOUR = re.compile(r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch|light-dark)\(", re.I)
THEMES = ("light", "dark")
GROUNDS = ("bg", "panel", "sunk")
TEXT, GRAPHIC = 4.5, 3.0

TEXTS = (
    *((ink, ground) for ink in ("ink", "dim", "ours") for ground in GROUNDS),
    *((ink, ground) for ink in ("warn", "alarm") for ground in ("bg", "panel")),
    ("ink", "field"),
    ("dim", "field"),
    ("accent-ink", "accent-bg"),
    *((ink, f"{tone}-bg") for tone in ("warn", "alarm") for ink in (tone, "ink", "ours")),
    # over the shaded band of a chart
    *((ink, "panel+band") for ink in ("ink", "dim", "ours", "warn")),
)
GRAPHICS = (
    # the focus ring, on whatever it may lie
    *(("ours", ground) for ground in (*GROUNDS, "field", "warn-bg", "alarm-bg")),
    # the edges of what can be typed into or pressed
    *(("control-line", ground) for ground in (*GROUNDS, "field")),
    ("accent-bg", "bg"),
    ("accent-bg", "panel"),
    # lines and bars that carry data
    *((line, ground) for line in ("ink", "dim", "ours", "warn", "alarm") for ground in ("panel", "panel+band")),
    ("bar", "panel"),
    ("ours", "bar-ground"),
    ("ink", "bar-ground"),
)


class Rgb(NamedTuple):
    """Channels 0..1."""

    red: float
    green: float
    blue: float
    alpha: float


def parsed(colour: str) -> Rgb:
    digits = colour.removeprefix("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) <= 4 else digits
    channels = [int(digits[i : i + 2], 16) / 255 for i in range(0, len(digits), 2)]
    return Rgb(*channels, *([1.0] if len(channels) == 3 else []))


def tokens(theme: str) -> dict[str, Rgb]:
    """Colour tokens of a theme, by name."""
    text = (CSS / "tokens.css").read_text().split("@media (forced-colors")[0]
    found = {}
    for name, both, light, dark in COLOUR.findall(text):
        found[name] = parsed({"light": light, "dark": dark}[theme] or both)
    return found


def over(top: Rgb, ground: Rgb) -> Rgb:
    mixed = (top.alpha * a + (1 - top.alpha) * b for a, b in zip(top[:3], ground[:3], strict=True))
    return Rgb(*mixed, 1.0)


def resolved(name: str, theme: str) -> Rgb:
    """`panel+band` is the band laid over the panel."""
    known = tokens(theme)
    colour = known[name.split("+")[0]]
    for layer in name.split("+")[1:]:
        colour = over(known[layer], colour)
    return colour


def luminance(colour: Rgb) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Rgb, other: Rgb) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def too_faint(pairs: tuple[tuple[str, str], ...], theme: str, least: float) -> dict[str, float]:
    measured = {f"{a} on {b}": contrast(resolved(a, theme), resolved(b, theme)) for a, b in pairs}
    return {pair: round(ratio, 2) for pair, ratio in measured.items() if ratio < least}


class TestTokens:
    def test_the_measure_itself(self) -> None:
        assert round(contrast(parsed("#fff"), parsed("#000000")), 2) == 21.0
        assert round(contrast(parsed("#767676"), parsed("#ffffff")), 2) == 4.54  # the grey everybody quotes
        assert over(parsed("#ffffff80"), parsed("#000"))[0] == pytest.approx(128 / 255)

    @pytest.mark.parametrize("theme", THEMES)
    def test_text_can_be_read(self, theme: str) -> None:
        assert too_faint(TEXTS, theme, TEXT) == {}

    @pytest.mark.parametrize("theme", THEMES)
    def test_lines_edges_and_the_focus_ring_can_be_seen(self, theme: str) -> None:
        assert too_faint(GRAPHICS, theme, GRAPHIC) == {}

    def test_forced_colours_replace_every_colour(self) -> None:
        forced = (CSS / "tokens.css").read_text().split("@media (forced-colors")[1]
        assert set(re.findall(r"--([a-z-]+):", forced)) - {"ring"} == set(tokens("light"))

    def test_no_other_file_names_a_colour(self) -> None:
        # The API's reader is swagger-ui in its own dress.
        others = [path for path in CSS.rglob("*.css") if path.name not in {"tokens.css", "api_docs.css"}]
        named = {path.name: NAMED_COLOUR.findall(path.read_text()) for path in others}
        assert {name: found for name, found in named.items() if found} == {}
