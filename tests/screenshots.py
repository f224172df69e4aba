"""`make screenshots`: start a demo of its own, wait for the agent's plan, and let `manage.py screenshots` take them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from portal.processes import wait_until
from tests.running import PROJECT, RunningPortal, forget_database, start_portal

OUTPUT = PROJECT / "test-output" / "screenshots"
PLAN_WITHIN_S = 120.0


def has_plan(portal: RunningPortal) -> bool:
    """Whether the watch agent has proposed something by now."""
    token = portal.credentials["operator"]["api_token"]
    request = urllib.request.Request(
        f"{portal.base_url}/api/v1/plans?status=PENDING", headers={"Authorization": f"Token {token}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bool(json.load(answer)["results"])


def main() -> None:
    """Leave the pictures in test-output/screenshots, and nothing running."""
    with tempfile.TemporaryDirectory(prefix="shots-") as folder:
        portal = start_portal(Path(folder) / "data", "--demo")
        try:
            portal.wait_until_ready()
            if not wait_until(lambda: has_plan(portal), PLAN_WITHIN_S, 1.0):
                sys.exit("The watch agent proposed nothing; the pages would show an empty portal.")
            where = ["--url", portal.base_url, "--data-dir", str(portal.data_dir), "--out", str(OUTPUT)]
            subprocess.run([sys.executable, "manage.py", "screenshots", *where], cwd=PROJECT, check=True)
        finally:
            portal.stop()
            forget_database(portal.data_dir)


if __name__ == "__main__":
    main()
