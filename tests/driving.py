"""Drive a running demo as its people do, over HTTP: ask, decide, move the clock, wait for what follows."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import httpx

from grid.core.intervals import CENTRAL, QUARTER, ceil_to
from tests.running import RunningPortal

logging.getLogger("httpx").setLevel(logging.WARNING)  # a line per request otherwise
PATIENCE_S = 90.0
LEAD = timedelta(minutes=75)
"""From asking to the window: the programmes' longest notice, and time to decide."""
FASTEST = 600
Answer = TypeVar("Answer")


def patiently(ask: Callable[[], Answer | None], what: str) -> Answer:
    """The first answer that is not None or False."""
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {PATIENCE_S:.0f} s: {what}")
        time.sleep(0.2)
    return answer


@dataclass(frozen=True)
class Shown:
    """Numbers of what pages are about; a plan of each kind, as far as there is one."""

    pending: int
    cohort: int
    running: int | None = None
    finished: int | None = None


class Drill:
    """A running demo, and what its people make happen in it."""

    def __init__(self, portal: RunningPortal) -> None:
        self.portal = portal
        self._client = httpx.Client(base_url=portal.base_url, timeout=20.0)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    # Asking and deciding, over the API

    def get(self, path: str, who: str = "operator") -> Any:
        """A resource of the API."""
        return self._send("GET", path, who)

    def post(self, path: str, who: str, body: dict[str, Any]) -> Any:
        """Do something over the API."""
        return self._send("POST", path, who, json=body)

    def _send(self, method: str, path: str, who: str, **more: Any) -> Any:
        token = self.portal.credentials[who]["api_token"]
        headers = {"Authorization": f"Token {token}"}
        answer = self._client.request(method, f"/api/v1/{path}", headers=headers, **more)
        if answer.is_error:
            raise AssertionError(f"{method} {path} as {who}: {answer.status_code} {answer.text}")
        return answer.json()

    def plans(self, *statuses: str) -> list[int]:
        """Numbers of the plans in one of these states."""
        return [plan["id"] for status in statuses for plan in self.get(f"plans?status={status}")["results"]]

    def status(self, plan_id: int) -> dict[str, Any]:
        """Where a plan stands."""
        found: dict[str, Any] = self.get(f"plans/{plan_id}/status")
        return found

    def propose(
        self,
        *cohorts: str,
        target_mw: float,
        start: datetime | None = None,
        quarters: int = 4,
        who: str = "operator",
        strategy: str = "balanced",
    ) -> int:
        """Ask for a plan of these cohorts (slugs; none: the planner's choice) and wait until it is open for a vote.

        Returns its number.
        """
        start = start or self.earliest_window()
        known = {cohort["slug"]: cohort["id"] for cohort in self.get("cohorts")["results"]}
        wish = {
            "strategy": strategy,
            "cohorts": [known[slug] for slug in cohorts] or None,
            "window": {"start": start.isoformat(), "end": (start + quarters * QUARTER).isoformat()},
            "target_mw": target_mw,
        }
        plan_id: int = self.post("plans/propose", who, wish)["id"]
        self.wait_for(plan_id, "PENDING")
        return plan_id

    def approve(self, plan_id: int, who: str = "supervisor") -> None:
        """Vote for what is there now."""
        vote = {"content_hash": self.status(plan_id)["content_hash"]}
        self.post(f"plans/{plan_id}/approve", who, vote | {"password": self.portal.credentials[who]["password"]})

    def reject(self, plan_id: int, who: str = "supervisor2", reason: str = "one at a time") -> None:
        """Veto what is there now."""
        content_hash = self.status(plan_id)["content_hash"]
        self.post(f"plans/{plan_id}/reject", who, {"content_hash": content_hash, "reason": reason})

    def abort(self, plan_id: int, who: str = "supervisor") -> None:
        """Stop a plan."""
        self.post(f"plans/{plan_id}/abort", who, {"reason": "the drill is over"})

    def wait_for(self, plan_id: int, *statuses: str) -> None:
        """Wait until a plan is in one of these states."""
        patiently(lambda: self.status(plan_id)["status"] in statuses, f"plan {plan_id} is {' or '.join(statuses)}")

    def agents_plan(self) -> int:
        """The number of the plan the watch agent proposes by itself."""
        return patiently(lambda: self.plans("PENDING"), "the watch agent proposed a plan")[0]

    # The clock, with the controls on every page

    def now(self) -> datetime:
        """The portal's time."""
        found = re.search(r'id="frame-clock".*?datetime="([^"]+)"', self._page("/"), re.S)
        assert found is not None
        return datetime.fromisoformat(found.group(1))

    def earliest_window(self) -> datetime:
        """The first quarter-hour a window may start at, Central time."""
        return ceil_to(self.now() + LEAD, QUARTER).astimezone(CENTRAL)

    def clock(self, action: str, **form: str) -> None:
        """pause, resume, step (15 minutes) or speed."""
        self._page("/")
        answer = self._client.post(f"/clock/{action}/", data=form | {"csrfmiddlewaretoken": self._csrf()})
        assert answer.status_code == 302, answer.text

    def _page(self, path: str) -> str:
        """A page as the operator reads it."""
        answer = self._client.get(path)
        if answer.has_redirect_location:
            self._sign_in()
            answer = self._client.get(path)
        answer.raise_for_status()
        return answer.text

    def _sign_in(self) -> None:
        person = self.portal.credentials["operator"]
        self._client.get("/sign-in/")
        form = {"username": person["username"], "password": person["password"], "csrfmiddlewaretoken": self._csrf()}
        assert self._client.post("/sign-in/", data=form).status_code == 302

    def _csrf(self) -> str:
        return self._client.cookies["csrftoken"]

    # A story in one call

    def run_until(self, plan_id: int, *statuses: str) -> None:
        """Let scenario time run until the plan is in one of these states, then stop the clock."""
        self._run(lambda: self.status(plan_id)["status"] in statuses, f"plan {plan_id} is {' or '.join(statuses)}")

    def run_to(self, at: datetime) -> None:
        """Let scenario time run to this instant (some minutes more on a slow machine), then stop the clock."""
        self._run(lambda: self.now() >= at, f"it is {at}")

    def _run(self, there: Callable[[], bool], what: str) -> None:
        """At full speed. What the watch agent proposes is turned down: scenario time would wait for a vote on it."""
        self.clock("speed", speed=str(FASTEST))
        self.clock("resume")

        def arrived() -> bool:
            for other in self.plans("PENDING"):
                self.reject(other)
            return there()

        patiently(arrived, what)
        self.clock("pause")


def set_the_stage(drill: Drill) -> Shown:
    """Make happen what pages can show; leaves the clock paused."""
    agents = drill.agents_plan()
    drill.clock("pause")
    drill.reject(agents)
    start = drill.earliest_window()
    finished = drill.propose("commercial-lighting-houston", target_mw=3, start=start, quarters=2)
    drill.approve(finished)
    homes, offices = "residential-standard-dallas", "commercial-hvac-austin-south"
    running = drill.propose(homes, offices, target_mw=6, start=start + 2 * QUARTER, quarters=8)
    drill.approve(running)
    drill.run_until(finished, "COMPLETED")
    drill.run_until(running, "ACTIVE")
    drill.run_to(start + 2 * QUARTER + timedelta(minutes=32))
    later = ("residential-ev-austin", "residential-solar-battery-houston", "industrial-manufacturing-dallas")
    evening = drill.now().astimezone(CENTRAL).replace(hour=19, minute=0, second=0, microsecond=0)
    pending = drill.propose(
        *later, target_mw=30, start=max(evening, drill.earliest_window()), quarters=8, who="operator2"
    )
    return Shown(pending=pending, cohort=1, running=running, finished=finished)
