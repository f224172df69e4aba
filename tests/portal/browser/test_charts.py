"""Charts as people meet them: drawn by the script or by the server, read by mouse, key and finger, kept while live."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from grid.core.intervals import CENTRAL, HOUR, hours_of
from portal.views.charts import hour_words
from portal.views.charts.data import milliseconds
from tests.driving import Drill, Shown, patiently
from tests.portal.browser.looking import DESKTOP, PHONE
from tests.portal.browser.walking import WATCH

pytestmark = pytest.mark.browser

Open = Callable[..., Any]
Stage = tuple[Drill, Shown]
PLOT = ".chart-plot"
DRAWN = ".chart-drawing svg path"
ID = "() => echarts.getInstanceByDom(document.querySelector('.chart-drawing')).id"
VIEW = """() => { const axis = echarts.getInstanceByDom(document.querySelector('.chart-drawing')).getOption().xAxis[0];
  return [axis.min, axis.max]; }"""
STROKES = "all => all.map(path => path.getAttribute('stroke')).filter(Boolean)"


def charts_of(shown: Shown) -> dict[str, str]:
    """Pages with a chart, and what the chart is called in addresses."""
    return {
        "/": "ahead",
        "/grid/": "load",
        f"/plans/{shown.pending}/": "mw",
        f"/events/{shown.running}/": "delivered",
        f"/events/{shown.finished}/": "delivered",
        f"/cohorts/{shown.cohort}/": "flexibility",
    }


def go(page: Any, path: str) -> Any:
    page.goto(path)
    page.wait_for_selector(DRAWN, state="attached")
    return page.locator(PLOT).first


def said(page: Any) -> str:
    return str(page.locator(f"{PLOT} [aria-live]").first.text_content())


def words(at: datetime) -> str:
    return f"{at.astimezone(CENTRAL):%a %-d %b %H:%M %Z}"


def rows_of(page: Any, address: str) -> list[dict[str, str]]:
    """The chart's table as the server gives it away."""
    return list(csv.DictReader(io.StringIO(page.request.get(address).text())))


def announced(row: dict[str, str], places: int) -> str:
    """What the cursor must say at a row of the file."""
    parts = [words(datetime.fromisoformat(row["from"])) + ":"]
    for name, value in list(row.items())[1:]:
        if value:
            what, unit = name.removesuffix(")").rsplit(" (", 1)
            parts.append(f"{what} {float(value):,.{places}f} {unit},")
    return " ".join(parts).removesuffix(",")


@pytest.fixture
def overview(stage: Stage, open_page: Open) -> Any:
    """The overview, its chart drawn."""
    page = open_page(stage[0], "operator")
    go(page, "/")
    return page


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browser finds fault with; nothing is expected."""
    found: list[str] = []
    yield found
    assert found == []


class TestDrawing:
    def test_every_chart_takes_the_place_of_the_servers_drawing(self, stage: Stage, open_page: Open) -> None:
        plain, scripted = (open_page(stage[0], "operator", java_script_enabled=on) for on in (False, True))
        for path in charts_of(stage[1]):
            plain.goto(path)
            go(scripted, path)
            boxes = [p.locator(".chart-box").first.bounding_box() for p in (plain, scripted)]
            heights = {round(box["height"], 1) for box in boxes}
            assert (path, len(heights)) == (path, 1)
            assert scripted.locator(".chart-box > svg:visible").count() == 0
            assert scripted.locator(DRAWN).count() > 5

    def test_without_scripts_drawing_table_and_file_are_there(self, stage: Stage, open_page: Open) -> None:
        page = open_page(stage[0], "operator", java_script_enabled=False)
        for path, key in charts_of(stage[1]).items():
            page.goto(path)
            assert page.locator(".chart-box > svg:visible path").count() > 0
            frame = page.locator(f"#chart-{key}")
            frame.locator("summary").click()
            shown = frame.locator(".chart-rows tbody tr")
            assert shown.first.is_visible()
            rows = rows_of(page, path + frame.locator("a.csv").get_attribute("href"))
            assert (key, len(rows)) == (key, shown.count())

    def test_pages_without_charts_do_not_load_what_draws_them(self, stage: Stage, open_page: Open) -> None:
        page = open_page(stage[0], "operator")
        page.goto("/plans/")
        assert page.evaluate("typeof window.echarts") == "undefined"

    def test_hours_on_the_axis_are_those_of_the_server(self, overview: Any) -> None:
        days = ["2026-03-08", "2026-08-12", "2026-11-01", "2027-03-14"]
        hours = [at for day in days for at in hours_of(datetime.fromisoformat(day).date())]
        assert len(hours) == 23 + 24 + 25 + 23
        script = """async all => { const { hourWords } = await import('/static/portal/js/charts/central.js');
          return all.map(hourWords); }"""
        assert overview.evaluate(script, [milliseconds(at) for at in hours]) == [hour_words(at) for at in hours]

    def test_the_hour_that_is_there_twice_has_two_ticks(self, overview: Any) -> None:
        start = datetime.fromisoformat("2026-11-01T00:00-05:00")
        script = """async ([from, to]) => {
          const { hourWords, ticks } = await import('/static/portal/js/charts/central.js');
          return ticks(from, to, 8).map(hourWords); }"""
        found = overview.evaluate(script, [milliseconds(start), milliseconds(start + 4 * HOUR)])
        halves = ["00:30", "01:00 CDT", "01:30 CDT", "01:00 CST", "01:30 CST", "02:00", "02:30", "03:00"]
        assert found == ["Sun 1", *halves]

    def test_a_theme_chosen_or_the_systems_recolours_it(self, overview: Any) -> None:
        def colours() -> tuple[str, set[str]]:
            ink = overview.evaluate("getComputedStyle(document.body).color")
            return ink, set(overview.eval_on_selector_all(DRAWN, STROKES))

        light, strokes = colours()
        assert light in strokes
        overview.emulate_media(color_scheme="dark")

        def is_drawn_in_dark() -> bool:
            dark, strokes = colours()
            return dark != light and dark in strokes and light not in strokes

        patiently(is_drawn_in_dark, "charts are drawn in the dark theme's ink")
        overview.evaluate("document.documentElement.dataset.theme = 'light'")
        patiently(lambda: light in colours()[1], "charts are drawn in the light theme's ink again")

    def test_forced_colors_are_taken_over(self, stage: Stage, open_page: Open) -> None:
        page = open_page(stage[0], "operator", forced_colors="active")
        go(page, "/")
        ink = page.evaluate("getComputedStyle(document.body).color")
        assert ink in page.eval_on_selector_all(DRAWN, STROKES)


class TestCursor:
    def test_keys_step_through_the_table_and_say_each_row(self, overview: Any) -> None:
        rows = rows_of(overview, "/?csv=ahead")
        overview.locator(PLOT).focus()
        for key, row in [("Home", rows[0]), ("ArrowRight", rows[1]), ("End", rows[-1]), ("ArrowLeft", rows[-2])]:
            overview.keyboard.press(key)
            assert said(overview) == announced(row, places=0)
        overview.keyboard.press("Escape")
        assert overview.evaluate("document.activeElement === document.body")
        assert overview.locator(".chart-tip").is_hidden()

    @pytest.mark.parametrize("kind", ["plan", "event", "cohort"])
    def test_values_are_said_with_unit_and_zone(self, kind: str, stage: Stage, open_page: Open) -> None:
        shown = stage[1]
        path, key = {
            "plan": (f"/plans/{shown.pending}/", "mw"),
            "event": (f"/events/{shown.finished}/", "delivered"),
            "cohort": (f"/cohorts/{shown.cohort}/", "flexibility"),
        }[kind]
        page = open_page(stage[0], "operator")
        go(page, path).focus()
        page.keyboard.press("Home")
        first = rows_of(page, f"{path}?csv={key}")[0]
        assert first["from"].endswith("-05:00")
        assert said(page) == announced(first, places=1)

    def test_the_first_step_starts_at_now(self, overview: Any) -> None:
        overview.locator(PLOT).focus()
        overview.keyboard.press("ArrowRight")
        now = datetime.fromisoformat(overview.get_attribute("#frame-clock time", "datetime"))
        at = datetime.fromtimestamp(int(overview.get_attribute(".chart-rows tr.is-at", "data-at")) / 1000, now.tzinfo)
        assert abs(at - now) < timedelta(minutes=15)

    def test_a_pointer_shows_what_the_table_says_without_breaking_the_policy(
        self, stage: Stage, open_page: Open, complaints: list[str]
    ) -> None:
        page = open_page(stage[0], "operator")
        page.add_init_script(WATCH)
        page.on("console", lambda line: complaints.append(line.text) if "CSP" in line.text else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for path in charts_of(stage[1]):
            box = go(page, path).bounding_box()
            page.mouse.move(box["x"] + 60, box["y"] + 60)
            for x in range(60, int(box["width"]) - 30, 40):
                page.mouse.move(box["x"] + x, box["y"] + 60)
            tip = page.locator(".chart-tip").first
            row = page.locator(".chart-rows tr.is-at").first
            assert tip.is_visible()
            assert tip.locator(".chart-at").text_content() == row.locator("th").text_content()
            cells = [text for text in row.locator("td").all_text_contents() if text]
            assert [v.split(" ")[0] for v in tip.locator("b").all_text_contents()] == [c.split(" ")[0] for c in cells]
        page.mouse.move(5, 5)
        assert page.locator(".chart-tip").first.is_hidden()

    def test_charts_of_a_page_share_it(self, stage: Stage, open_page: Open) -> None:
        page = open_page(stage[0], "operator")
        go(page, "/grid/")
        frames = page.locator(".chart:has(> .chart-box)")
        assert frames.count() >= 3
        # Now everybody has values; at the end only forecasts, and a chart of the past says nothing of the future.
        for key, everybody in (("ArrowRight", True), ("End", False)):
            page.locator(PLOT).first.focus()
            page.keyboard.press(key)
            lit = [frame.locator("tr.is-at").count() for frame in frames.all()]
            shown = [frame.locator(".chart-tip:visible").count() for frame in frames.all()]
            lines = [frame.locator(".chart-cursor:visible").count() for frame in frames.all()]
            assert (lines, lit) == ([1] * frames.count(), shown)
            assert (0 not in shown) is everybody
        times = page.locator("tr.is-at > th").all_text_contents()
        assert times == page.locator(".chart-tip:visible .chart-at").all_text_contents()

    def test_the_row_of_the_cursor_is_brought_into_sight(self, overview: Any) -> None:
        overview.click(".chart-table > summary")
        overview.locator(PLOT).focus()
        overview.keyboard.press("End")
        inside = """() => { const row = document.querySelector('tr.is-at').getBoundingClientRect();
          const box = document.querySelector('.chart-rows').getBoundingClientRect();
          return row.top >= box.top && row.bottom <= box.bottom + 1; }"""
        assert overview.evaluate(inside)

    def test_zoom_by_key_and_back(self, overview: Any) -> None:
        whole = overview.evaluate(VIEW)
        overview.locator(PLOT).focus()
        overview.keyboard.press("+")
        start, end = overview.evaluate(VIEW)
        assert end - start == pytest.approx((whole[1] - whole[0]) / 2)
        overview.keyboard.press("Home")
        start, end = overview.evaluate(VIEW)
        assert start == whole[0]
        overview.click(".chart-all")
        assert overview.evaluate(VIEW) == whole


class TestLive:
    def test_a_new_answer_updates_the_same_chart_and_takes_nothing_away(self, workshop: Drill, open_page: Open) -> None:
        page = open_page(workshop, "operator")
        plot = go(page, "/")
        page.click(".chart-table > summary")
        plot.focus()
        page.keyboard.press("End")
        page.keyboard.press("+")
        before = page.evaluate(ID), page.locator(".chart-at").text_content()
        length = page.evaluate(VIEW)
        data = page.locator("#chart-ahead-data").text_content()
        workshop.clock("step")
        page.wait_for_function("was => document.querySelector('#chart-ahead-data').textContent !== was", arg=data)
        assert (page.evaluate(ID), page.locator(".chart-at").text_content()) == before
        cells = [text for text in page.locator("tr.is-at td").all_text_contents() if text]
        assert [value.split(" ")[0] for value in page.locator(".chart-tip b").all_text_contents()] == cells
        now = page.evaluate(VIEW)
        assert now[1] - now[0] == pytest.approx(length[1] - length[0])
        assert page.evaluate("document.activeElement.className") == "chart-plot"
        assert page.locator(".chart-rows").is_visible()
        assert page.locator(PLOT).count() == 1

    def test_a_chart_swapped_whole_keeps_its_instance_too(self, overview: Any) -> None:
        before = overview.evaluate(ID)
        overview.locator(PLOT).focus()
        overview.keyboard.press("End")
        swap = """() => { const old = document.querySelector('#ahead'); const copy = old.cloneNode(true);
          copy.querySelector('.chart-plot').remove(); old.replaceWith(copy); }"""
        overview.evaluate(swap)
        assert overview.evaluate(ID) == before
        assert overview.evaluate("document.activeElement.className") == "chart-plot"
        assert overview.locator(".chart-tip").is_visible()

    def test_what_left_the_page_is_disposed_of(self, overview: Any) -> None:
        overview.evaluate("window.kept = echarts.getInstanceByDom(document.querySelector('.chart-drawing'))")
        overview.evaluate("document.querySelector('#ahead').remove()")
        overview.wait_for_function("window.kept.isDisposed()")


class TestPhone:
    def test_a_tap_shows_values_and_nothing_is_cut_off(self, stage: Stage, open_page: Open) -> None:
        page = open_page(stage[0], "operator", viewport=PHONE, has_touch=True)
        for path in charts_of(stage[1]):
            plot = go(page, path)
            plot.scroll_into_view_if_needed()
            box = plot.bounding_box()
            assert box["height"] >= 200
            for share in (0.2, 0.95):
                page.touchscreen.tap(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
                tip = page.locator(".chart-tip").first.bounding_box()
                assert tip["x"] >= 0
                assert tip["x"] + tip["width"] <= PHONE["width"]
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert (path, wide) == (path, 0)
            page.touchscreen.tap(5, 5)
            assert page.locator(".chart-tip").first.is_hidden()

    def test_text_keeps_its_size(self, stage: Stage, open_page: Open) -> None:
        sizes = []
        for viewport in (DESKTOP, PHONE):
            page = open_page(stage[0], "operator", viewport=viewport)
            go(page, "/")
            texts = "all => all.map(text => getComputedStyle(text).fontSize)"
            sizes.append(page.eval_on_selector_all(".chart-drawing svg text", texts))
        assert {size for found in sizes for size in found} <= {"9px", "12px"}
