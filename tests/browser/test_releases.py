"""Releases that come while somebody looks on, and releases with little in them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Visitor, assert_nothing_sticks_out, visiting
from tests.support.browser import serving
from tests.support.dashboard_client import CLINICAL, MEASURES, PAGES, Client
from tests.support.dashboard_release import EMPTY, leaked, write_release

MEASURE = MEASURES[0]
FIRST, SECOND = "2026-01-aaaaaaaaaaaa", "2026-02-bbbbbbbbbbbb"
OF_FIRST, OF_SECOND = "147 of 544 assessed patients", "230 of 850 assessed patients"
"""What the measure's page says of Ashworth General."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the dashboards over a release of one site."""
    home = tmp_path_factory.mktemp("alone")
    write_release(home, sites=1)
    with serving(home) as address:
        yield address


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the dashboards over a release of 120 sites."""
    home = tmp_path_factory.mktemp("crowded")
    write_release(home, sites=120)
    with serving(home) as address:
        yield address


def test_before_the_first_release_a_calm_page_says_what_to_run(early_visitor: Visitor, changing_home: Path) -> None:
    assert not (changing_home / "releases" / "current").exists()
    text = early_visitor.open(MEASURE)
    assert "No release yet" in text
    assert "outcomes release" in text
    write_release(changing_home, "2025-12-000000000000", sites=1)
    assert "release 2025-12-000000000000" in early_visitor.open("/")


def test_an_open_page_stays_with_its_release_and_the_next_one_is_wholly_of_the_new(
    early_visitor: Visitor, changing_home: Path
) -> None:
    write_release(changing_home, FIRST)
    page = early_visitor.page
    assert OF_FIRST in early_visitor.open(MEASURE)
    file = page.locator("#value .card-menu a[download]").get_attribute("href")
    write_release(changing_home, SECOND, sites=5, patients=1000)

    page.locator("#years .card-menu summary").click()
    page.locator("#years [data-action=table]").click()
    page.locator("#years table").wait_for()
    text = early_visitor.read()
    assert OF_FIRST in text
    assert SECOND not in text
    assert "850" not in page.locator("#years table").inner_text()
    response = page.request.get(f"{early_visitor.address}{file}")
    assert f"# release: {FIRST}" in response.text()
    assert ",147,544,96" in response.text()
    assert "230,850,150" not in response.text()

    page.get_by_role("link", name="Overview").click()
    text = early_visitor.wait_for_heading("Overview")
    assert OF_SECOND in text
    assert f"release {SECOND}" in text
    assert FIRST not in text
    assert FIRST not in page.content()


def test_a_page_that_nobody_touches_offers_the_new_release_within_a_minute(
    early_visitor: Visitor, changing_home: Path
) -> None:
    write_release(changing_home, "2026-03-cccccccccccc", sites=1)
    early_visitor.page.clock.install()
    early_visitor.open("/")
    write_release(changing_home, "2026-04-dddddddddddd", sites=1)
    early_visitor.page.clock.fast_forward(61_000)
    offer = early_visitor.page.locator("#offer")
    offer.get_by_text(
        "Release 2026-04-dddddddddddd has been published. This page shows 2026-03-cccccccccccc."
    ).wait_for()
    assert "release 2026-03-cccccccccccc" in early_visitor.read()
    offer.get_by_role("link", name="Show the new one").click()
    early_visitor.page.locator(".status", has_text="2026-04-dddddddddddd").wait_for()
    assert (offer.text_content() or "") == ""


def test_one_site_alone_has_its_pages(chromium: Browser, alone: str) -> None:
    with visiting(chromium, alone) as visitor:
        for path in ("/", MEASURE, f"{MEASURE}?site=all"):
            visitor.open(path)
            assert_nothing_sticks_out(visitor.page)


def test_one_hundred_and_twenty_sites_fit(chromium: Browser, crowded: str) -> None:
    with visiting(chromium, crowded) as visitor:
        visitor.open(MEASURE)
        visitor.page.locator("#funnel .card-menu summary").click()
        visitor.page.locator("#funnel [data-action=table]").click()
        visitor.page.locator("#funnel table").wait_for()
        assert visitor.page.locator("#funnel table tbody tr").count() == 120
        assert visitor.page.locator("#funnel .points path").count() > 80
        assert_nothing_sticks_out(visitor.page)
        visitor.open("/data-quality?site=all")
        assert_nothing_sticks_out(visitor.page)


@pytest.mark.parametrize("path", [*PAGES, MEASURE])
def test_a_site_without_data_has_every_page(visitor: Visitor, path: str) -> None:
    text = visitor.open(f"{path}?site={EMPTY}")
    assert "Eastfield" in text
    text = re.sub("|".join(map(re.escape, visitor.page.locator("pre").all_text_contents())) or "^$", "", text)
    assert not re.search(r"\b(nan|None(?! of these)|null|undefined|inf)\b", text)


def test_when_all_is_suppressed_every_page_stands(tmp_path: Path) -> None:
    write_release(tmp_path, all_hidden=True)
    client = Client(tmp_path, CLINICAL)
    for address, answer in client.everything("/?site=all").items():
        assert "Internal Server Error" not in answer, address
        assert not leaked(answer), address
