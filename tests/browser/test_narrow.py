"""What a narrow screen shows: the latest months with all names, five tiles in whole rows, and rows of words."""

from collections import Counter

import pytest

from tests.browser.conftest import Visitor
from tests.support.browser import wait_until

CHART = "/measure/pain_12_months"
_WIDTH = """(width) => window.innerWidth === width && (() => {
    const graph = document.querySelector("#trend .graph");
    const drawn = graph.querySelector(".main-svg").getBoundingClientRect().width;
    return Math.abs(drawn - graph.clientWidth) <= 1
        && (graph._fullLayout.margin.r < 20) === matchMedia("screen and (max-width: 700px)").matches;
})()"""
"""Whether the chart is drawn for a width."""
_RANGE = "() => document.querySelector('#trend .graph')._fullLayout.xaxis.range.map((at) => String(at).slice(0, 7))"
_CUT = """() => {
    const graph = document.querySelector("#trend .graph");
    const box = graph.getBoundingClientRect();
    return [...graph.querySelectorAll(".main-svg text")].filter((text) => {
        const { left, right, width } = text.getBoundingClientRect();
        return width && (left < box.left - 1 || right > box.right + 1);
    }).map((text) => text.textContent);
}"""
"""Texts of the chart that reach out of it."""
_TOPS = "(tiles) => tiles.map((tile) => Math.round(tile.getBoundingClientRect().top))"
_SIDEWAYS = """(tables) => tables.filter((table) => table.scrollWidth > table.clientWidth + 1)
    .map((table) => table.getAttribute("aria-label"))"""


def _at(visitor: Visitor, width: int) -> list[str]:
    """The first and the last month of the chart, once it is drawn at a width."""
    visitor.page.set_viewport_size({"width": width, "height": 900})
    wait_until(visitor.page, _WIDTH, width)
    return list(visitor.page.evaluate(_RANGE))


def test_a_control_chart_shows_its_latest_months_and_every_name_without_scrolling(visitor: Visitor) -> None:
    visitor.open(CHART)
    note = visitor.page.locator("#trend .narrow")
    first, last = _at(visitor, 1440)
    assert not note.is_visible()
    latest, still_last = _at(visitor, 360)
    assert first < latest
    assert last == still_last
    assert visitor.page.evaluate(_CUT) == []
    assert note.inner_text().startswith("On this narrow screen: the latest 24 of ")
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert _at(visitor, 1440) == [first, last]


def test_on_paper_a_chart_that_a_narrow_screen_shortens_is_whole(visitor: Visitor) -> None:
    visitor.open(CHART)
    whole = _at(visitor, 1440)
    assert _at(visitor, 360) != whole
    visitor.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert visitor.page.evaluate(_RANGE) == whole
    visitor.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert visitor.page.evaluate(_RANGE) != whole


@pytest.mark.parametrize(
    ("width", "rows"), [(1440, [5]), (1280, [5]), (1024, [3, 2]), (720, [3, 2]), (360, [1, 1, 1, 1, 1])]
)
def test_five_tiles_fall_into_rows_of_alike_width(visitor: Visitor, width: int, rows: list[int]) -> None:
    visitor.open("/")
    visitor.page.set_viewport_size({"width": width, "height": 900})
    tops = visitor.page.locator(".tile").evaluate_all(_TOPS)
    assert [*Counter(tops).values()] == rows


@pytest.mark.parametrize(
    "path", ["/signals", "/data-quality", "/data-quality?site=brackenridge", "/revision", "/asd", CHART]
)
def test_rows_of_words_are_read_without_scrolling_sideways(visitor: Visitor, path: str) -> None:
    visitor.open(path)
    tables = visitor.page.locator(".table:has(> .stacked)")
    assert tables.count() > 0
    for width in (720, 360):
        visitor.page.set_viewport_size({"width": width, "height": 900})
        assert tables.evaluate_all(_SIDEWAYS) == []
