"""Every page of the stage opened once cold and once warm, with what was seen: the tests beside this read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.portal.browser.looking import DESKTOP, NARROW, PHONE, measured

SIZES = {"desk": DESKTOP, "phone": PHONE, "narrow": NARROW}
LAYOUT = "[...tooWide(), ...overlaps(), ...tooSmall()]"
SETTLE_MS = 200
WATCH = """document.addEventListener(
  'securitypolicyviolation', e => console.error(`CSP ${e.violatedDirective} ${e.blockedURI}`))"""


@dataclass
class Visit:
    """One page: its answer, what the browser complained of, its bytes over the wire, its faults of layout by size."""

    status: int
    policy: str
    source: str
    complaints: list[str]
    cold_bytes: int = 0
    warm_bytes: int = 0
    faults: dict[str, list[str]] = field(default_factory=dict)


class Wire:
    """Counts what comes over the wire, headers included, as Chromium's network log has it."""

    def __init__(self, page: Any) -> None:
        self._bytes: dict[str, int] = {}
        self._log = page.context.new_cdp_session(page)
        self._log.send("Network.enable")
        self._log.on("Network.dataReceived", self._data)
        self._log.on("Network.responseReceived", self._headers)
        self._log.on("Network.loadingFinished", self._finished)

    def _data(self, event: Any) -> None:
        self._add(event["requestId"], event["encodedDataLength"])

    def _headers(self, event: Any) -> None:
        self._add(event["requestId"], int(event["response"]["encodedDataLength"]))

    def _finished(self, event: Any) -> None:
        self._bytes[event["requestId"]] = max(
            int(event["encodedDataLength"]), 0
        )  # the whole of it; a stream never gets here

    def _add(self, request: str, more: int) -> None:
        self._bytes[request] = self._bytes.get(request, 0) + max(more, 0)

    def forget_cache(self) -> None:
        """As if nothing had ever been loaded."""
        self._log.send("Network.clearBrowserCache")

    @contextmanager
    def counting(self) -> Iterator[list[int]]:
        """Yields a list that holds the sum once the block has ended."""
        self._bytes.clear()
        sums: list[int] = []
        yield sums
        sums.append(sum(self._bytes.values()))


def is_complaint(line: Any) -> bool:
    """Whether the browser found fault with the page; what could not be loaded is named by `refused`."""
    return line.type == "error" and not line.text.startswith("Failed to load resource")


def refused(answer: Any) -> str:
    """Something a page asked for and did not get; empty when it did."""
    return (
        f"{answer.status} {answer.url}" if answer.status >= 400 and not answer.request.is_navigation_request() else ""
    )


class Walker:
    """Goes from page to page with one browser window."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._complaints: list[str] = []
        page.add_init_script(WATCH)
        page.on("console", lambda line: self._complaints.append(line.text) if is_complaint(line) else None)
        page.on("response", lambda answer: self._complaints.append(refused(answer)) if refused(answer) else None)
        page.on("pageerror", lambda error: self._complaints.append(str(error)))
        self._wire = Wire(page)

    def visit(self, path: str) -> Visit:
        """Open a page as at the very first visit, look at it in each size, open it again."""
        self._complaints.clear()
        self._wire.forget_cache()
        with self._wire.counting() as cold:
            answer = self._open(path)
        seen = Visit(answer.status, answer.headers.get("content-security-policy", ""), answer.text(), [])
        seen.faults = {size: self._faults(viewport) for size, viewport in SIZES.items()}
        with self._wire.counting() as warm:
            self._open(path)
        seen.complaints = list(self._complaints)
        [seen.cold_bytes], [seen.warm_bytes] = cold, warm
        return seen

    def _open(self, path: str) -> Any:
        answer = self._page.goto(path)
        self._page.wait_for_timeout(SETTLE_MS)
        return answer

    def _faults(self, viewport: dict[str, int]) -> list[str]:
        self._page.set_viewport_size(viewport)
        self._page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        found: list[str] = measured(self._page, LAYOUT)
        return found
