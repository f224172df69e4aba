"""What each page weighs over the wire, as Chromium counts it: at the first visit, and once it knows the site."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import django

from tests.driving import Drill, set_the_stage
from tests.running import forget_database, start_portal


def table() -> list[str]:
    """The rows for the report; needs Chromium."""
    # The names of the pages come from Django's routes, which need settings and no database.
    os.environ |= {"DJANGO_SETTINGS_MODULE": "portal.settings", "PORTAL_DATA_DIR": "/nonexistent"}
    django.setup()
    lines = ["| page | first visit kB | further visits kB |", "|---|---|---|"]
    with tempfile.TemporaryDirectory(prefix="weights-") as folder:
        portal = start_portal(Path(folder) / "data", "--demo")
        try:
            portal.wait_until_ready()
            with closing(Drill(portal)) as drill:
                lines += [f"| {name} | {cold / 1000:.0f} | {warm / 1000:.1f} |" for name, cold, warm in _weights(drill)]
        finally:
            portal.stop()
            forget_database(portal.data_dir)
    return lines


def _weights(drill: Drill) -> Iterator[tuple[str, int, int]]:
    from portal.management.commands.screenshots import chromium
    from tests.portal.browser.looking import open_as
    from tests.portal.browser.walking import Walker
    from tests.portal.every_page import READER, with_admin

    shown = set_the_stage(drill)
    with chromium() as browser:
        walker = Walker(open_as(browser, drill, "supervisor"))
        for name, path in (with_admin(shown) | READER).items():
            seen = walker.visit(path)
            yield name, seen.cold_bytes, seen.warm_bytes
