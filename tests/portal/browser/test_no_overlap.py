"""Nothing is cut off, covered or too small to press, on a desk's screen, a phone's and the narrowest there is."""

from __future__ import annotations

import pytest

from tests.portal.browser.walking import SIZES, Visit
from tests.portal.every_page import READER

pytestmark = pytest.mark.browser

NOT_OURS = {*READER}


@pytest.mark.parametrize("size", SIZES)
def test_every_page_fits(size: str, walk: dict[str, Visit]) -> None:
    faults = {name: seen.faults[size] for name, seen in walk.items() if name not in NOT_OURS}
    assert {name: found for name, found in faults.items() if found} == {}
