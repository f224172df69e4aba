"""`manage.py screenshots`: every page of a running demo, light and dark, as wide as a desk's screen and a phone's."""

from __future__ import annotations

import json
import shutil
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

SIZES: Final = {"desk": (1440, 900), "phone": (390, 844)}
SCHEMES: Final = ("light", "dark")
NAVIGATION: Final = {
    "overview": "/",
    "plans": "/plans/",
    "generate": "/plans/new/",
    "events": "/events/",
    "cohorts": "/cohorts/",
    "cohort": "/cohorts/1/",
    "signals": "/signals/",
}
OF_A_PLAN: Final = {"plan": "/plans/{}/", "approve": "/plans/{}/approve/", "event": "/events/{}/"}
AS_SEEN: Final = {("overview", "desk"), ("plan", "phone"), ("approve", "phone")}  # what fits without scrolling
SETTLE_MS: Final = 300


class Command(BaseCommand):
    help = "Take pictures of the pages of a portal that was started with --demo."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default="http://localhost:8000", help="where the portal answers")
        parser.add_argument("--data-dir", type=Path, default=Path(".data"), help="its data directory (passwords)")
        parser.add_argument("--out", type=Path, default=Path("docs/screenshots"), help="where the pictures go")
        parser.add_argument("--role", default="supervisor", help="whose eyes")
        parser.add_argument("--plan", type=int, help="the plan to show; otherwise the newest")

    def handle(self, *args: Any, **options: Any) -> None:
        from playwright.sync_api import sync_playwright

        program = shutil.which("chromium") or shutil.which("google-chrome")
        if program is None:
            raise CommandError("No Chromium was found; install the package `chromium`.")
        try:
            person = json.loads((options["data_dir"] / "credentials.json").read_text())["users"][options["role"]]
        except (OSError, KeyError, ValueError) as error:
            raise CommandError(f"No demo passwords in {options['data_dir']}: {error}") from error
        options["out"].mkdir(parents=True, exist_ok=True)
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(
                executable_path=program, args=["--no-sandbox", "--disable-background-networking"]
            )
            for size, (width, height) in SIZES.items():
                for scheme in SCHEMES:
                    page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                    for name in self._take(page, person, options):
                        file = options["out"] / f"{name}-{size}-{scheme}.png"
                        page.screenshot(path=file, full_page=(name, size) not in AS_SEEN)
                        self.stdout.write(str(file))
                    page.close()
            chromium.close()

    def _take(self, page: Any, person: dict[str, str], options: dict[str, Any]) -> Iterator[str]:
        """Go from page to page; yields the name of each once it stands still."""
        url = options["url"]
        page.goto(f"{url}/sign-in/")
        yield "sign-in"
        page.fill("input[name=username]", person["username"])
        page.fill("input[name=password]", person["password"])
        page.click("main button[type=submit]")
        plan = options["plan"] or self._newest_plan(page, url)
        paths = NAVIGATION | ({name: path.format(plan) for name, path in OF_A_PLAN.items()} if plan else {})
        for name, path in paths.items():
            answer = page.goto(url + path)
            page.wait_for_timeout(SETTLE_MS)
            if answer.ok:
                yield name

    def _newest_plan(self, page: Any, url: str) -> int | None:
        page.goto(f"{url}/plans/")
        links = page.eval_on_selector_all("#rows th a", "all => all.map(a => a.getAttribute('href'))")
        return int(links[0].strip("/").split("/")[1]) if links else None
