"""What each page weighs over the wire, at the first visit and when the browser knows the site; see `make bench`."""

from __future__ import annotations

import pytest

from tests.portal.browser.walking import Visit

pytestmark = pytest.mark.browser

COLD_BYTES, WARM_BYTES = 700_000, 50_000


def test_no_page_is_heavy(walk: dict[str, Visit]) -> None:
    weights = {name: (seen.cold_bytes, seen.warm_bytes) for name, seen in walk.items() if name != "api docs"}
    assert {name: each for name, each in weights.items() if not 0 < each[0] < COLD_BYTES} == {}
    assert {name: each for name, each in weights.items() if not 0 < each[1] < WARM_BYTES} == {}
