"""What browsers get from npm: the files named, and no others; icons as shapes alone."""

from __future__ import annotations

import pytest
from django.contrib.staticfiles import finders

from portal.npm_files import SERVED, PackageFileMissing, icon_shapes
from portal.templatetags.pages import icon


def test_each_named_file_is_found_under_its_address() -> None:
    for name, folder in SERVED.items():
        assert str(finders.find(f"npm/{name}")).endswith(f"node_modules/{folder}/{name}")


@pytest.mark.parametrize("path", ["npm/echarts.js", "npm/../package.json", "npm/", "echarts.common.min.js"])
def test_nothing_else_is(path: str) -> None:
    assert finders.find(path) is None


def test_an_icon_is_hidden_from_screen_readers_and_carries_no_style() -> None:
    drawn = str(icon("triangle-alert"))
    assert drawn.startswith('<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"')
    assert drawn.count("<path") == 3
    assert "style" not in drawn
    assert "xmlns" not in drawn


def test_a_file_that_is_not_installed_says_what_to_do() -> None:
    with pytest.raises(PackageFileMissing, match="make setup"):
        icon_shapes("no-such-icon")
