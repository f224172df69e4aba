"""`make screenshots`: two demos of its own, one empty and one with a plan that waits, an event that runs and one that
has ended; `manage.py screenshots` takes the pictures, and docs/screenshots.md shows them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from PIL import Image

from tests.driving import Drill, set_the_stage
from tests.running import PROJECT, RunningPortal, forget_database, start_portal

PICTURES = PROJECT / "docs" / "screenshots"
WHOLE = PROJECT / "test-output" / "screenshots"
GALLERY = PROJECT / "docs" / "screenshots.md"
EMPTY = ("overview", "plans", "events", "history")
HEAD = """# Every page

Made by `make screenshots` from a demo (a hot August weekday, simulated data): what a screen of 1440 by 900 and a phone
of 390 by 844 show without scrolling, light and dark. `-empty` is a portal in which nothing has happened yet. Whole
pages, however long, are in `test-output/screenshots` afterwards.
"""


def take(portal: RunningPortal, *options: str) -> None:
    """Pictures of a running demo."""
    where = [
        "--url",
        portal.base_url,
        "--data-dir",
        str(portal.data_dir),
        "--out",
        str(PICTURES),
        "--whole",
        str(WHOLE),
    ]
    subprocess.run([sys.executable, "manage.py", "screenshots", *where, *options], cwd=PROJECT, check=True)


def demo_of(folder: str, *options: str) -> RunningPortal:
    """A demo that answers."""
    portal = start_portal(Path(folder) / "data", "--demo", *options)
    portal.wait_until_ready()
    return portal


def stop(portal: RunningPortal) -> None:
    portal.stop()
    forget_database(portal.data_dir)


def with_everything() -> None:
    """The pictures of a portal at work."""
    with tempfile.TemporaryDirectory(prefix="shots-") as folder:
        portal = demo_of(folder)
        try:
            with closing(Drill(portal)) as drill:
                set_the_stage(drill)
                take(portal)
        finally:
            stop(portal)


def with_nothing() -> None:
    """The pictures of a portal nobody has asked for anything yet: live, on the simulated grid."""
    with tempfile.TemporaryDirectory(prefix="shots-") as folder:
        portal = demo_of(folder, "--mode", "live")
        try:
            take(portal, "--pages", ",".join(EMPTY), "--suffix", "empty")
        finally:
            stop(portal)


def shrink() -> None:
    """A third of the bytes: these pages have few colours, and a palette of 128 shows them as they are."""
    for path in PICTURES.glob("*.png"):
        with Image.open(path) as picture:
            few = picture.convert("RGB").quantize(128, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(path, optimize=True)


def gallery(names: list[str]) -> str:
    """The page that shows the pictures, one row of four for each name."""
    rows = [HEAD]
    for name in names:
        pictures = [
            f"screenshots/{name}-{size}-{scheme}.png" for size in ("desk", "phone") for scheme in ("light", "dark")
        ]
        widths = (400, 400, 130, 130)
        shown = " ".join(
            f'<a href="{file}"><img src="{file}" width="{width}" alt="{alt(file)}" /></a>'
            for file, width in zip(pictures, widths, strict=True)
        )
        rows.append(f"## {name}\n\n{shown}\n")
    return "\n".join(rows)


def alt(file: str) -> str:
    """`screenshots/admin-plan-desk-light.png` in words."""
    name, size, scheme = Path(file).stem.rsplit("-", 2)
    return f"{name.replace('-', ' ')}, {size}, {scheme}"


def names_taken() -> list[str]:
    """The pages there are pictures of."""
    return sorted(path.name.removesuffix("-desk-light.png") for path in PICTURES.glob("*-desk-light.png"))


def main() -> None:
    """Replace the pictures in docs/screenshots and the page that shows them; leave nothing running."""
    for folder in (PICTURES, WHOLE):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.png"):
            old.unlink()
    with_nothing()
    with_everything()
    shrink()
    GALLERY.write_text(gallery(names_taken()))


if __name__ == "__main__":
    main()
