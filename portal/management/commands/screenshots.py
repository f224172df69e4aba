"""`manage.py screenshots`: every page of a running demo, light and dark, as wide as a desk's screen and a phone's."""

from __future__ import annotations

import json
import shutil
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

SIZES: Final = {"desk": (1440, 900), "phone": (390, 844)}
SCHEMES: Final = ("light", "dark")
PAGES: Final = {
    "sign-in": "/sign-in/",
    "overview": "/",
    "grid": "/grid/",
    "generate": "/plans/new/",
    "plans": "/plans/",
    "plan": "/plans/{pending}/",
    "approve": "/plans/{pending}/approve/",
    "reject": "/plans/{pending}/reject/",
    "edit": "/plans/{pending}/edit/",
    "events": "/events/",
    "event": "/events/{running}/",
    "abort": "/plans/{running}/abort/",
    "result": "/events/{finished}/",
    "evidence": "/plans/{finished}/evidence/",
    "history": "/history/",
    "cohorts": "/cohorts/",
    "cohort": "/cohorts/1/",
    "signals": "/signals/",
    "clock": "/clock/",
    "rules": "/rules/",
    "policy": "/rules/policy/",
    "force": "/plans/{pending}/force/",
    "break-glass": "/break-glass/",
    "record": "/record/",
    "record-state": "/record/state/",
    "record-export": "/record/export/",
    "access-review": "/record/access/",
    "break-glass-report": "/record/break-glass/",
    "oversight": "/oversight/",
    "passkeys": "/passkeys/",
    "keys": "/keys/",
    "styleguide": "/styleguide/",
    "error": "/nowhere/",
    "admin": "/admin/",
    "admin-plan": "/admin/planning/plan/{pending}/change/",
}
SIGNED_OUT: Final = {"sign-in"}
SHOWN: Final = {"pending": "PENDING", "running": "ACTIVE", "finished": "COMPLETED"}
SETTLE_MS: Final = 400


class Command(BaseCommand):
    help = "Take pictures of the pages of a portal that was started with --demo. Pages it has nothing for are left out."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default="http://localhost:8000", help="where the portal answers")
        parser.add_argument("--data-dir", type=Path, default=Path(".data"), help="its data directory (passwords)")
        parser.add_argument(
            "--out", type=Path, default=Path("docs/screenshots"), help="pictures of what a screen shows"
        )
        parser.add_argument("--whole", type=Path, help="pictures of whole pages, however long, go here")
        parser.add_argument("--role", default="supervisor", help="whose eyes")
        parser.add_argument("--pages", default=",".join(PAGES), help="which, with commas between")
        parser.add_argument("--suffix", default="", help="goes behind the page's name, as in overview-empty")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = options["pages"].split(",")
        if unknown := sorted(set(wanted) - PAGES.keys()):
            raise CommandError(f"No such page: {', '.join(unknown)}. There are {', '.join(PAGES)}.")
        try:
            person = json.loads((options["data_dir"] / "credentials.json").read_text())["users"][options["role"]]
        except (OSError, KeyError, ValueError) as error:
            raise CommandError(f"No demo passwords in {options['data_dir']}: {error}") from error
        with chromium() as browser:
            state = sign_in(browser, options["url"], person)
            shown = plans_to_show(browser, options["url"], state)
            paths = {
                name: PAGES[name] for name in wanted if all(f"{{{k}}}" not in PAGES[name] for k in SHOWN.keys() - shown)
            }
            for size, (width, height) in SIZES.items():
                for scheme in SCHEMES:
                    look = {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
                    for name, page in opened(browser, options["url"], state, paths, shown, look):
                        label = f"{name}-{options['suffix']}" if options["suffix"] else name
                        self._take(page, f"{label}-{size}-{scheme}.png", options)

    def _take(self, page: Any, file: str, options: Mapping[str, Any]) -> None:
        for folder, whole in ((options["out"], False), (options["whole"], True)):
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
                page.screenshot(path=folder / file, full_page=whole)
                self.stdout.write(str(folder / file))


@contextmanager
def chromium() -> Iterator[Any]:
    """The distribution's browser, driven by playwright (a development dependency). Raises CommandError without one."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise CommandError("No Chromium was found; install the package `chromium`.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


def sign_in(browser: Any, url: str, person: Mapping[str, str]) -> Any:
    """The cookies of somebody signed in."""
    page = browser.new_page()
    page.goto(f"{url}/sign-in/")
    page.fill("input[name=username]", person["username"])
    page.fill("input[name=password]", person["password"])
    page.click("main button[type=submit]")
    page.wait_for_url(lambda where: "/sign-in/" not in where)
    state = page.context.storage_state()
    page.close()
    return state


def plans_to_show(browser: Any, url: str, state: Any) -> dict[str, int]:
    """The newest plan of each kind the pages are about, as far as there is one."""
    context = browser.new_context(storage_state=state)
    found: dict[str, int] = {}
    for kind, status in SHOWN.items():
        results = context.request.get(f"{url}/api/v1/plans?status={status}").json()["results"]
        found |= {kind: max(plan["id"] for plan in results)} if results else {}
    context.close()
    return found


def opened(
    browser: Any, url: str, state: Any, paths: Mapping[str, str], shown: Mapping[str, int], look: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    """Each page's name with the page once it stands still."""
    known, stranger = browser.new_context(storage_state=state, **look), browser.new_context(**look)
    for name, path in paths.items():
        page = (stranger if name in SIGNED_OUT else known).new_page()
        answer = page.goto(url + path.format(**shown))
        page.wait_for_timeout(SETTLE_MS)
        if answer.ok or name == "error":
            yield name, page
        page.close()
    known.close()
    stranger.close()
