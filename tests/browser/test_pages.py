"""What pages do in a real browser, over a release of invented numbers.

Each visit also fails when the console complains or when anything is asked of another host (see conftest).
"""

import csv
import io

import pytest
from playwright.sync_api import Locator

from tests.browser.conftest import Visitor
from tests.support.browser import wait_until, wait_until_in_view_drawn
from tests.support.dashboard_client import MEASURES


def test_header_says_what_is_looked_at(visitor: Visitor) -> None:
    visitor.open("/")
    status = visitor.page.locator(".status")
    assert status.inner_text().replace("\u00a0", " ") == (
        "Ashworth General · data to March 2026 · release 2026-03-1f0c9a77d2be · 3 submissions accepted, 1 refused"
        " · counts of 1–10 patients at other sites are suppressed · invented patients"
    )
    visitor.open("/?site=all")
    assert (
        status.inner_text().replace("\u00a0", " ").startswith("All 6 sites, about 3,200 patients · data to March 2026")
    )


def test_a_chart_shows_its_numbers_as_a_table_by_keyboard_alone(visitor: Visitor) -> None:
    visitor.open(MEASURES[0])
    card = visitor.page.locator("#trend")
    summary, table = card.locator(".card-menu summary"), card.locator("table")
    assert not table.is_visible()
    summary.focus()
    visitor.page.keyboard.press("Enter")
    visitor.page.keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.textContent") == "View as table"
    visitor.page.keyboard.press("Enter")
    table.wait_for()
    assert table.locator("caption").count() == 1
    assert card.locator("[data-action=table]").get_attribute("aria-expanded") == "true"


def test_a_menu_closes_by_escape_and_gives_the_focus_back(visitor: Visitor) -> None:
    visitor.open(MEASURES[0])
    menu = visitor.page.locator("#trend .card-menu")
    menu.locator("summary").click()
    assert menu.get_attribute("open") is not None
    visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.press("Escape")
    assert menu.get_attribute("open") is None
    assert visitor.page.evaluate("document.activeElement.closest('section').id") == "trend"
    menu.locator("summary").click()
    visitor.page.locator("h1").click()
    assert menu.get_attribute("open") is None


def test_a_chart_is_saved_as_a_png(visitor: Visitor) -> None:
    visitor.open(MEASURES[0])
    card = visitor.page.locator("#trend")
    card.locator(".card-menu summary").click()
    with visitor.page.expect_download() as download:
        card.get_by_role("button", name="Save as PNG").click()
    assert download.value.suggested_filename == "trend.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_a_csv_is_downloaded_with_the_numbers_of_the_table(visitor: Visitor) -> None:
    visitor.open(MEASURES[0])
    card = visitor.page.locator("#years")
    card.locator(".card-menu summary").click()
    with visitor.page.expect_download() as download:
        card.get_by_role("link", name="Download CSV").click()
    card.get_by_role("link", name="View as table").click()
    card.locator("table").wait_for()
    text = download.value.path().read_text(encoding="utf-8")
    lines = [line for line in csv.reader(io.StringIO(text)) if not line[0].startswith("# ")]
    assert lines[0] == ["Year of fusion", "Value", "95 % interval", "With the outcome", "Assessed", "Not assessed"]
    shown = [[cell.text_content() for cell in cells_of(row)] for row in card.locator("tbody tr").all()]
    assert [(line[0], line[3:]) for line in lines[1:]] == [(row[0], row[3:]) for row in shown]


def cells_of(row: Locator) -> list[Locator]:
    """The cells of a row of a table."""
    return row.locator("th, td").all()


def test_measures_are_found_by_a_word_in_their_names(visitor: Visitor) -> None:
    visitor.open("/")
    card = visitor.page.locator("#measures")
    everything = card.locator("tr[data-key]:visible").count()
    card.get_by_role("searchbox").fill("Revision")
    found = card.locator("tr[data-key]:visible th").all_inner_texts()
    assert 0 < len(found) < everything
    assert all("revision" in name.lower() for name in found)
    assert card.locator("tbody:visible").count() == card.locator("tbody:visible .group").count() < 6
    said = card.locator(".search output")
    assert said.inner_text() == f"{len(found)} of {everything} rows"
    card.get_by_role("searchbox").fill("no such measure")
    assert (said.inner_text(), card.locator("tr[data-key]:visible").count()) == ("Nothing found", 0)
    card.get_by_role("searchbox").fill("")
    assert card.locator("tr[data-key]:visible").count() == everything
    assert said.inner_text() == ""


def test_a_pinned_measure_stands_first_while_the_search_and_the_focus_stay(visitor: Visitor) -> None:
    visitor.open("/")
    card = visitor.page.locator("#measures")
    rows = card.locator("tr[data-key]")
    key = rows.nth(20).get_attribute("data-key")
    word = rows.nth(20).locator("a").first.inner_text()
    card.get_by_role("searchbox").fill(word)
    visitor.page.evaluate("window.stays = true")
    card.locator(f".pin[value='{key}']").press("Enter")
    card.locator(".group", has_text="Pinned").wait_for()
    assert rows.nth(0).get_attribute("data-key") == key
    assert card.get_by_role("searchbox").input_value() == word
    assert visitor.page.evaluate("[document.activeElement.value, window.stays]") == [key, True]
    visitor.open("/pain")
    visitor.open("/")
    assert rows.nth(0).get_attribute("data-key") == key
    rows.nth(0).locator(".pin").click()
    card.locator(".group", has_text="Pinned").wait_for(state="detached")
    assert rows.nth(20).get_attribute("data-key") == key


_HEARS = """document.addEventListener("DOMContentLoaded", () => {
    window.heard = [];
    const hear = () => window.heard.push(document.getElementById("said").textContent);
    hear();
    new MutationObserver(hear).observe(document.documentElement, { childList: true, subtree: true });
})"""


def test_what_a_move_did_is_read_out_and_said_once_also_where_a_page_takes_the_place_of_another(
    visitor: Visitor,
) -> None:
    page = visitor.page
    page.add_init_script(_HEARS)
    visitor.open("/signals?site=dunmore")
    page.locator("#queue").get_by_role("button", name="Start review").first.click()
    wait_until(page, "() => (window.heard ?? []).at(-1)?.startsWith('Recorded.')")
    said = page.get_by_role("status").filter(has_text="Recorded.")
    assert said.inner_text().endswith("is now: Under review.")
    assert said.is_visible()
    assert "moved" not in page.url
    # It comes into an empty place, after the page was there.
    assert "" in page.evaluate("window.heard")
    signal = "dunmore%2Fpain_12_months%2Ffunnel%2F2026"
    page.evaluate(
        "(href) => document.querySelector('main').insertAdjacentHTML('afterbegin', `<a href='${href}'>again</a>`)",
        f"/signals?site=dunmore&moved={signal}",
    )
    # The words of the page before are not to be taken for those of the next.
    page.evaluate("document.getElementById('said').textContent = ''")
    page.evaluate("window.heard = []")
    page.get_by_role("link", name="again").click()
    # The page that takes the place brings the words; they are heard when they come anew.
    wait_until(page, "() => window.heard.includes('') && window.heard.at(-1).startsWith('Recorded.')")
    assert "moved" not in page.url


def test_name_signal_and_value_of_a_measure_are_seen_on_a_narrow_screen(visitor: Visitor) -> None:
    visitor.page.set_viewport_size({"width": 360, "height": 800})
    visitor.open("/")
    row = visitor.page.locator("#measures tr[data-key]").first
    for place in range(3):
        box = row.locator("th, td").nth(place).bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 360


def test_what_a_click_on_a_point_shows_stays_below_the_chart(visitor: Visitor) -> None:
    visitor.open(MEASURES[0])
    card = visitor.page.locator("#trend")
    card.scroll_into_view_if_needed()
    wait_until_in_view_drawn(visitor.page)
    point = card.locator(".points path").nth(3).bounding_box()
    assert point is not None
    visitor.page.mouse.move(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
    card.locator(".hovertext").first.wait_for()
    visitor.page.mouse.click(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
    visitor.page.mouse.move(0, 0)
    assert "20" in card.locator(".picked").inner_text()


def test_the_points_of_a_chart_are_reached_by_keyboard(visitor: Visitor) -> None:
    visitor.open(MEASURES[0])
    card, keyboard = visitor.page.locator("#trend"), visitor.page.keyboard
    chart, status, hover = card.get_by_role("application"), card.get_by_role("status"), card.locator(".hovertext")
    chart.focus()
    said = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight", "Home"):
        keyboard.press(key)
        # A hover settles by a timer of the page, before which the point before is still said; this one ends after it.
        visitor.page.evaluate("() => new Promise((settled) => setTimeout(settled, 200))")
        said.append(status.inner_text().replace("\u00a0", " "))
        assert hover.text_content() == said[-1].replace("; ", "").replace(" ", "\u00a0", 1)
    assert said[0].startswith("October 2023: 18.0 %, ")
    assert said[0].endswith(" patients; average 20.0, limits 12.0 to 28.0 %")
    assert said[2] == said[5] == said[0] != said[1]
    assert said[3] == said[4]
    assert said[3].startswith("March 2026: ")
    keyboard.press("Escape")
    assert status.text_content() == ""
    assert hover.count() == 0
    keyboard.press("ArrowRight")
    wait_until(visitor.page, "() => document.querySelector('#trend .picked').textContent.startsWith('October')")
    keyboard.press("Tab")
    assert hover.count() == 0
    assert visitor.page.evaluate("document.activeElement.closest('section').id") == "trend"


def test_the_link_of_a_card_leads_to_it(visitor: Visitor) -> None:
    visitor.open(f"{MEASURES[0]}?peers=similar")
    menu = visitor.page.locator("#groups .card-menu")
    menu.locator("summary").click()
    href = menu.get_by_role("link", name="Link to this card").get_attribute("href")
    assert href == f"{MEASURES[0]}?peers=similar#groups"
    visitor.open("/")
    visitor.open(href)
    wait_until(
        visitor.page,
        "() => Math.abs(document.getElementById('groups').getBoundingClientRect().top) < 24"
        " || window.innerHeight + window.scrollY >= document.body.scrollHeight - 2",
    )
    assert visitor.page.evaluate("window.scrollY") > 200


def test_rows_stand_at_the_height_of_their_marks(visitor: Visitor) -> None:
    visitor.open(MEASURES[0])
    names = [row.bounding_box() for row in visitor.page.locator("#groups .rows li").all()]
    marks = [mark.bounding_box() for mark in visitor.page.locator("#groups .points path").all()]
    middles = {round(name["y"] + name["height"] / 2) for name in names if name}
    assert len(middles) == 14
    assert len(marks) >= 14
    for mark in marks:
        assert mark is not None
        assert any(abs(mark["y"] + mark["height"] / 2 - middle) <= 2 for middle in middles)


def test_kinds_and_reasons_are_in_words_and_hidden_ones_have_no_number(visitor: Visitor) -> None:
    text = visitor.open("/measure/revision_performed?site=all")
    assert "Fusion again, level not recorded" in text
    card = visitor.page.locator("#kinds")
    card.locator(".card-menu summary").click()
    card.get_by_role("link", name="View as table").click()
    assert "– suppressed" in (card.locator("table").text_content() or "").replace("\u00a0", " ")


_DRAWN = "[...document.querySelectorAll('.graph')].map((graph) => !!graph.querySelector('.main-svg'))"


def test_charts_out_of_view_are_drawn_when_they_come_into_view_or_to_paper(visitor: Visitor) -> None:
    page = visitor.page
    page.add_init_script("window.requestIdleCallback = () => 0;")
    page.goto(f"{visitor.address}/pain")
    wait_until_in_view_drawn(page)
    assert page.evaluate(_DRAWN)[0], "in view"
    assert not page.evaluate(_DRAWN)[-1], "at the end of the page, while the browser is never idle"
    page.locator(".graph").last.scroll_into_view_if_needed()
    wait_until_in_view_drawn(page)
    assert page.evaluate(_DRAWN)[-1], "scrolled to"
    assert not all(page.evaluate(_DRAWN)), "between"
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    wait_until(page, f"() => {_DRAWN}.every((drawn) => drawn)")


@pytest.mark.parametrize("path", ["/measure/nothing", "/elsewhere", "/measure/", "/label/pain_past_3_months"])
def test_an_unknown_address_leads_back(visitor: Visitor, path: str) -> None:
    assert "No such page" in visitor.open(path)
    visitor.page.get_by_role("link", name="overview", exact=True).click()
    visitor.wait_for_heading("Overview")


def test_paper_has_neither_navigation_nor_menus(visitor: Visitor) -> None:
    visitor.open(MEASURES[0])
    visitor.page.emulate_media(media="print")
    for hidden in (".nav ul", ".filters", ".card-menu", ".skip"):
        assert not any(part.is_visible() for part in visitor.page.locator(hidden).all()), hidden
    assert visitor.page.locator("#trend .main-svg").first.is_visible()
    assert visitor.page.locator("h1").is_visible()


def test_paper_has_no_column_for_what_can_be_done_and_shows_what_is_folded_on_a_screen(visitor: Visitor) -> None:
    visitor.open("/signals")
    head = visitor.page.locator("#queue thead th")
    visitor.page.emulate_media(media="print")
    assert [head.nth(-2).is_visible(), head.last.is_visible()] == [True, False]
    visitor.page.evaluate(
        """() => {
            const folded = document.createElement("details");
            folded.className = "further";
            folded.innerHTML = "<summary>2 more</summary><p>Further rows</p>";
            document.querySelector(".card").append(folded);
        }"""
    )
    assert visitor.page.get_by_text("Further rows").is_visible()
    assert not visitor.page.get_by_text("2 more").is_visible()


def test_whoever_sees_no_single_patient_has_no_way_there(quality_visitor: Visitor, clinical_visitor: Visitor) -> None:
    quality_visitor.open("/")
    assert quality_visitor.page.get_by_role("link", name="Cases", exact=True).count() == 0
    clinical_visitor.open("/")
    assert clinical_visitor.page.get_by_role("link", name="Cases", exact=True).count() == 1
