"""The dashboards in a real browser, over a release of invented numbers.

Each visit also fails when the console complains or when anything is asked of another host (see conftest).
"""

import re
from pathlib import Path

import pytest

from tests.browser.conftest import Visitor
from tests.support.dashboard_release import LABELS, SECRETS, write_release

PATHS = ["/", *(f"/label/{label}" for label in LABELS), "/data-quality", "/data-quality/site-001"]


def test_overview_says_each_headline_label_number_first(visitor: Visitor) -> None:
    text = visitor.open("/")
    assert "Pain past 3 months18.4 % (17.5–19.4) 6,322 of 7,481 assessed; 15.5 % could not be assessed" in text
    assert visitor.page.locator("main h2").all_text_contents() == [
        "Pain past 3 months",
        "Suspected adjacent segment disease",
        "Revision performed",
        "Recovery timeline",
        "Suspected causes",
    ]


def test_header_says_what_is_looked_at(visitor: Visitor) -> None:
    visitor.open("/")
    assert visitor.page.locator(".status").inner_text().replace("\u00a0", " ") == (
        "6 sites · about 16,370 patients · data to March 2026 · release 2026-03-1f0c9a77d2be"
        " · 25 submissions checked, 1 refused · counts of 1–10 patients are hidden"
    )


@pytest.mark.parametrize("path", PATHS)
def test_every_page_shows_each_chart_as_a_table_too_and_no_hidden_count(visitor: Visitor, path: str) -> None:
    text = visitor.open(path)
    charts = visitor.page.locator("[role=img] .graph").count()
    assert charts == visitor.page.locator(".as-table table").count()
    sent = " ".join([text, *visitor.answers])
    assert len(visitor.answers) > 0
    for secret in SECRETS:
        assert not re.search(rf"(?<![\d.,]){secret:,}(?![\d,])|(?<![\d.,]){secret}(?![\d])", sent), secret


def test_a_label_page_is_named_and_says_its_definition(visitor: Visitor) -> None:
    text = visitor.open("/label/clinical_asd")
    assert visitor.page.locator("h1").inner_text() == "Clinical adjacent segment disease"
    assert visitor.page.title() == "Clinical adjacent segment disease – Outcomes after cervical fusion"
    assert "clinical_asd, version 1.0.0" in text


def test_kinds_hidden_together_have_no_names(visitor: Visitor) -> None:
    visitor.open("/label/surgical_asd")
    assert "KindPatients and shareAll together– fewer than 11" in visitor.read()


def test_kinds_and_reasons_are_in_words(visitor: Visitor) -> None:
    text = visitor.open("/label/revision_performed")
    assert "Fusion again, level not recorded" in text
    assert "No usable assessment in the window" in text


def test_a_hidden_site_stands_in_its_place_without_a_number(visitor: Visitor) -> None:
    visitor.open("/label/pain_past_3_months")
    row = visitor.page.locator(".rows--sites li").nth(3)
    assert row.inner_text().split("\n") == ["Calder Valley", "– fewer than 11"]
    cells = visitor.page.locator(".as-table tr", has_text="Calder Valley").locator("td")
    assert cells.all_text_contents() == ["– fewer than 11"] * 5


def test_rows_stand_at_the_height_of_their_marks(visitor: Visitor) -> None:
    visitor.open("/label/pain_past_3_months")
    visitor.page.locator(".rows--sites .points path").first.wait_for()
    names = [visitor.page.locator(".rows--sites li").nth(place).bounding_box() for place in (0, 1, 2, 4, 6)]
    marks = [mark.bounding_box() for mark in visitor.page.locator(".rows--sites .points path").all()]
    assert len(marks) == len(names)
    for name, mark in zip(names, marks, strict=True):
        assert name is not None
        assert mark is not None
        assert name["y"] + name["height"] / 2 == pytest.approx(mark["y"] + mark["height"] / 2, abs=2)


def test_data_quality_adds_rows_up_and_says_what_to_do(visitor: Visitor) -> None:
    text = visitor.open("/data-quality")
    assert "317,267 in = 313,098 accepted + 4,169 quarantined, over the 19 submissions whose counts are shown" in text
    assert "identifier_foundA value looks like an identifier of a personDe-identify the extract" in text
    visitor.page.get_by_role("link", name="Dunmore University Hospital").click()
    visitor.page.get_by_role("heading", name="Data quality: Dunmore").wait_for()
    assert "PRO-006CriticalThe code is not in the format of its system702– fewer than 11" in visitor.read()


def test_links_back_and_forward_follow_the_address(visitor: Visitor) -> None:
    visitor.open("/")
    visitor.page.get_by_role("link", name="Revision performed").first.click()
    visitor.page.locator("h1", has_text="Revision performed").wait_for()
    assert visitor.page.url.endswith("/label/revision_performed")
    visitor.page.locator("summary", has_text="More labels").click()
    visitor.page.get_by_role("link", name="Surgical adjacent segment disease").click()
    visitor.page.locator("h1", has_text="Surgical adjacent segment disease").wait_for()
    visitor.page.go_back()
    visitor.page.locator("h1", has_text="Revision performed").wait_for()
    visitor.page.go_forward()
    visitor.page.locator("h1", has_text="Surgical adjacent segment disease").wait_for()


@pytest.mark.parametrize("width", [1440, 1024, 360])
def test_the_menu_of_labels_stays_on_the_page(visitor: Visitor, width: int) -> None:
    visitor.page.set_viewport_size({"width": width, "height": 800})
    visitor.open("/")
    visitor.page.locator("summary", has_text="More labels").click()
    for link in visitor.page.locator(".menu a").all():
        link.scroll_into_view_if_needed()
        box = link.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


@pytest.mark.parametrize("path", ["/label/nothing", "/elsewhere", "/data-quality/nowhere"])
def test_an_unknown_address_leads_back(visitor: Visitor, path: str) -> None:
    assert "No such page" in visitor.open(path)
    visitor.page.get_by_role("link", name="overview", exact=True).click()
    visitor.page.locator("h1", has_text="Overview").wait_for()


@pytest.mark.parametrize("path", ["/", "/label/revision_performed", "/data-quality"])
def test_nothing_sticks_out_and_no_chart_collapses(visitor: Visitor, path: str) -> None:
    visitor.open(path)
    for width in (1440, 1024, 360):
        visitor.page.set_viewport_size({"width": width, "height": 900})
        visitor.page.wait_for_timeout(500)
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width
        for graph in visitor.page.locator(".graph .main-svg:first-child").all():
            box = graph.bounding_box()
            assert box is not None
            assert box["height"] >= 64
            assert 230 <= box["width"] <= width or width == 360


def test_before_the_first_release_a_calm_page_says_what_to_run(early_visitor: Visitor) -> None:
    text = early_visitor.open("/label/revision_performed")
    assert "Nothing has been released yet" in text
    assert "outcomes release" in text


def test_a_release_published_meanwhile_is_shown_on_the_next_view(early_visitor: Visitor, empty_home: Path) -> None:
    early_visitor.open("/")
    write_release(empty_home, "2026-01-aaaaaaaaaaaa", sites=1)
    assert "release 2026-01-aaaaaaaaaaaa" in early_visitor.open("/")
    write_release(empty_home, "2026-02-bbbbbbbbbbbb", sites=5)
    early_visitor.page.get_by_role("link", name="Data quality").click()
    early_visitor.page.locator(".status", has_text="release 2026-02-bbbbbbbbbbbb").wait_for()
    assert "5 sites" in early_visitor.read()


def test_when_all_is_hidden_the_pages_still_stand(early_visitor: Visitor, empty_home: Path) -> None:
    write_release(empty_home, all_hidden=True)
    assert early_visitor.open("/").count("– fewer than 11: in every year a count is between 1 and 10") == 3
    assert early_visitor.open("/label/pain_past_3_months").count("– fewer than 11") > 50
    assert early_visitor.page.locator(".points path").count() == 0


def test_one_hundred_and_twenty_sites_fit(early_visitor: Visitor, empty_home: Path) -> None:
    write_release(empty_home, sites=120)
    early_visitor.open("/label/pain_past_3_months")
    assert early_visitor.page.locator(".rows--sites li").count() == 121
    early_visitor.page.locator(".rows--sites .points path").nth(118).wait_for()
