"""`make screenshots`: pictures of every page the navigation leads to, as the demo operator sees them."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.running import PROJECT, RunningPortal, forget_database, start_portal

OUTPUT = PROJECT / "test-output" / "screenshots"
WIDTHS = {"desktop": 1440, "phone": 390}


def sign_in(page: Any, portal: RunningPortal) -> None:
    """Through the form, as a person does."""
    person = portal.credentials["operator"]
    page.goto(portal.base_url + "/")
    page.fill("input[name=username]", person["username"])
    page.fill("input[name=password]", person["password"])
    page.click("form button[type=submit]")
    page.wait_for_load_state("networkidle")


def paths_of(page: Any) -> list[str]:
    """Where the navigation leads, in its order, the page itself first."""
    links = page.eval_on_selector_all("nav a[href^='/']", "links => links.map(link => link.getAttribute('href'))")
    return list(dict.fromkeys(["/", *links]))


def take(portal: RunningPortal) -> list[Path]:
    """Take the pictures; returns their files."""
    taken = []
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, width in WIDTHS.items():
            page = chromium.new_page(viewport={"width": width, "height": 900})
            sign_in(page, portal)
            for path in paths_of(page):
                page.goto(portal.base_url + path)
                file = OUTPUT / f"{name}-{re.sub(r'[^a-z0-9]+', '-', path.lower()).strip('-') or 'overview'}.png"
                page.screenshot(path=file, full_page=True)
                taken.append(file)
            page.close()
        chromium.close()
    return taken


def main() -> None:
    """Start a demo of its own, take the pictures, stop it."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="shots-") as folder:
        portal = start_portal(Path(folder) / "data", "--demo")
        try:
            portal.wait_until_ready()
            for file in take(portal):
                sys.stdout.write(f"{file.relative_to(PROJECT)}\n")
        finally:
            portal.stop()
            forget_database(portal.data_dir)


if __name__ == "__main__":
    main()
