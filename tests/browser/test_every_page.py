"""What holds of every page: it opens, fits every screen, and is usable by everybody (WCAG 2.2 AA).

Each page is opened once and looked at by several tests, as opening takes most of the time.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from dashboards.pages.frame import NAVIGATION, PRODUCT
from tests.browser.conftest import CONTRAST, RULES, Visitor, assert_nothing_sticks_out, found_by_axe, visiting
from tests.support.dashboard_client import MEASURES, PAGES
from tests.support.dashboard_release import OWN, SITES

LABEL = "/cases/of/pain_past_3_months"
_CONTROLS = "a[href], button, select, summary, input, textarea, [tabindex='0']"
_NUMBER_CONTROLS = f"""() => {{
    const controls = [...document.querySelectorAll("{_CONTROLS}")]
        .filter((one) => one.checkVisibility({{ visibilityProperty: true }}) && one.tabIndex >= 0);
    window.reached = [];
    document.addEventListener("focusin", (event) => {{
        const style = getComputedStyle(event.target);
        const box = event.target.getBoundingClientRect();
        const isSeen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
            && box.width * box.height > 0;
        window.reached.push([controls.indexOf(event.target), isSeen]);
    }});
    return controls.map((one) => one.outerHTML.slice(0, 120));
}}"""


_SAID_BY_KEYBOARD = """async () => {
    const charts = [...document.querySelectorAll("[role=application]")];
    const press = (key) => charts.forEach((chart) => chart.dispatchEvent(new KeyboardEvent("keydown", { key })));
    charts.forEach((chart) => chart.dispatchEvent(new FocusEvent("focus")));
    const said = [];
    for (const key of ["Home", "ArrowRight", "End"]) {
        press(key);
        await new Promise((settled) => setTimeout(settled, 300));
        said.push(charts.map((chart) => chart.nextElementSibling.textContent));
    }
    press("Escape");
    return charts.map((_, place) => [...new Set(said.map((texts) => texts[place]))]);
}"""
"""What is said at the first, the second and the last point of each chart."""
_SAVED = """() => {
    const plain = (text) => text.replace(/<br>/g, " ").replace(/&lt;/g, "<").replace(/&amp;/g, "&");
    const words = (of) => [...of].map((one) => one.textContent.trim().replace(/ +/g, " "));
    const ruler = document.createElement("canvas").getContext("2d");
    const download = window.Plotly.downloadImage;
    const saved = [...document.querySelectorAll("[data-action=png]")].map((button) => {
        const card = button.closest(".card");
        let texts, lines, width;
        window.Plotly.downloadImage = ({ layout }, file) => {
            texts = layout.annotations.map(({ text }) => plain(text));
            const titles = layout.annotations.filter(({ font }) => font?.size === 16);
            lines = titles.flatMap(({ text }) => text.split("<br>"));
            width = file.width;
        };
        button.click();
        ruler.font = '16px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif';
        return {
            texts, width,
            widest: Math.max(...lines.map((line) => ruler.measureText(plain(line)).width)),
            title: card.querySelector("h2").textContent,
            rows: words(card.querySelectorAll(".rows li span")),
            below: words(card.querySelectorAll(".below p, .below span")),
        };
    });
    window.Plotly.downloadImage = download;
    return saved;
}"""
"""Of each picture: its texts and width, its widest line of title, and what the page says around the chart."""


@pytest.fixture(scope="module", params=[*PAGES, *MEASURES, LABEL, "/nowhere"])
def opened(request: pytest.FixtureRequest, chromium: Browser, dashboards: str) -> Iterator[Visitor]:
    """A page, open."""
    with visiting(chromium, dashboards) as visitor:
        visitor.open(request.param)
        yield visitor


def path_of(visitor: Visitor) -> str:
    """Which page is open."""
    return visitor.page.url.removeprefix(visitor.address)


def test_it_has_one_heading_and_its_title(opened: Visitor) -> None:
    heading = opened.page.locator("h1")
    assert heading.count() == 1
    assert opened.page.title() == f"{heading.inner_text()} – {PRODUCT}"
    if path_of(opened) in NAVIGATION:
        assert opened.page.locator(".nav [aria-current]").inner_text() == NAVIGATION[path_of(opened)]


def test_each_chart_has_a_sentence_and_its_numbers_as_a_table(opened: Visitor) -> None:
    graphs = opened.page.locator(".graph")
    assert graphs.count() == opened.page.locator("[role][aria-label] > .graph").count()
    assert graphs.count() <= opened.page.locator("[data-action=table]").count()


def test_each_point_that_can_be_hovered_is_said_by_keyboard_too(opened: Visitor) -> None:
    for said in opened.page.evaluate(_SAID_BY_KEYBOARD):
        assert "" not in said
        assert len(said) > 1


def test_each_picture_says_what_it_shows_of_whom_and_of_which_release(opened: Visitor) -> None:
    heading, status = opened.page.locator("h1").inner_text(), opened.page.locator(".status").inner_text()
    site, data_to, release, *_ = status.split(" · ")
    for saved in opened.page.evaluate(_SAVED):
        assert f"{heading}: {saved['title']}" in saved["texts"]
        assert f"{site} · {data_to} · {release}" in saved["texts"]
        assert {*saved["rows"], *saved["below"]} - {""} <= {*saved["texts"]}
        assert saved["widest"] <= saved["width"]


def test_axe_finds_nothing(opened: Visitor) -> None:
    opened.page.set_viewport_size({"width": 1440, "height": 900})
    opened.page.emulate_media(color_scheme="light")
    assert found_by_axe(opened.page, RULES) == []


def test_axe_finds_no_weak_contrast_in_the_dark(opened: Visitor) -> None:
    opened.page.set_viewport_size({"width": 1440, "height": 900})
    opened.page.emulate_media(color_scheme="dark")
    assert found_by_axe(opened.page, CONTRAST) == []


def test_every_control_is_reached_by_tab_and_its_focus_is_seen(opened: Visitor) -> None:
    opened.page.set_viewport_size({"width": 1440, "height": 900})
    opened.page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    controls = opened.page.evaluate(_NUMBER_CONTROLS)
    for _ in controls:
        opened.page.keyboard.press("Tab")
    reached = {place: is_seen for place, is_seen in opened.page.evaluate("window.reached") if place >= 0}
    assert [control for place, control in enumerate(controls) if place not in reached] == []
    assert [controls[place] for place, is_seen in reached.items() if not is_seen] == []


def test_it_fits_every_screen(opened: Visitor) -> None:
    assert_nothing_sticks_out(opened.page)


@pytest.mark.parametrize("path", PAGES)
def test_it_fits_every_screen_for_all_sites_together(visitor: Visitor, path: str) -> None:
    visitor.open(f"{path}?site=all")
    assert_nothing_sticks_out(visitor.page, (1024, 360))


@pytest.mark.parametrize("path", ["/", MEASURES[0], "/revision", "/data-quality"])
def test_it_fits_every_screen_for_a_site_with_a_long_name(visitor: Visitor, path: str) -> None:
    assert SITES[OWN[1]] in visitor.open(f"{path}?site={OWN[1]}")
    assert_nothing_sticks_out(visitor.page, (1024, 360))


def test_the_skip_link_leads_past_the_header(visitor: Visitor) -> None:
    visitor.open("/")
    visitor.page.keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.className") == "skip"
    visitor.page.keyboard.press("Enter")
    visitor.page.keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.closest('main') !== null")
