"""A site's report: one file that opens without a network, holds the site's own numbers, and prints."""

import hashlib
import json
import re
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from dashboards.pages.tiles import PICTURE_HEIGHT, PICTURE_WIDTH
from dashboards.printing import as_pdf, needed_browser
from dashboards.reports import write_pdf, write_report, write_tiles
from outcomes.errors import OutcomesError
from outcomes.settings import Settings
from tests.browser.conftest import CONTRAST, RULES, found_by_axe
from tests.support.browser import wait_until, wait_until_drawn
from tests.support.dashboard_release import OWN, write_release

SITE = "ashworth"
PAPER_WIDTH = 182 / 25.4 * 96
"""What lies between the margins, in pixels of CSS."""
_CHART_WIDTHS = "() => [...document.querySelectorAll('.graph .main-svg:first-child')].map((svg) => svg.clientWidth)"
_IS_PAPER_WIDE = """() => document.body.clientWidth < 700 && [...document.querySelectorAll(".graph")].every((graph) =>
    Math.abs(graph.querySelector(".main-svg").getBoundingClientRect().width - graph.clientWidth) <= 1)"""
_NAMES_BESIDE = """() => [...document.querySelectorAll(".rows")].map((rows) =>
    rows.querySelector("li span").getBoundingClientRect().width > 0
    && parseFloat(getComputedStyle(rows.querySelector(".rows-plot")).left) > 100)"""
_STICKING_OUT = """() => {
    const sheet = document.body.getBoundingClientRect();
    return [...document.querySelectorAll("body *")].filter((element) => {
        const box = element.getBoundingClientRect();
        const around = (element.closest("svg") ? element.closest(".card") : null)?.getBoundingClientRect() ?? sheet;
        const isSeen = box.width && box.height && !element.closest("caption, #js-plotly-tester");
        return isSeen && (box.right > around.right + 1 || box.left < around.left - 1);
    }).map((element) => `${element.closest(".card")?.id}: ${element.tagName} ${element.getAttribute("class")}`);
}"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("home")
    write_release(home)
    return Settings(home=home)


@pytest.fixture(scope="module")
def report(settings: Settings) -> Path:
    return write_report(settings, SITE)


def test_it_opens_offline_asks_for_nothing_and_draws_every_chart(chromium: Browser, report: Path) -> None:
    context = chromium.new_context(offline=True, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(report.as_uri())
    figures = page.locator(".graph")
    assert figures.count() >= 8
    for figure in figures.all():
        figure.locator(".main-svg").first.wait_for(state="attached")
    assert page.locator("h1").first.inner_text().startswith("Ashworth")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert complaints == []
    assert page.pdf(format="A4").startswith(b"%PDF")
    context.close()


def test_axe_finds_nothing_in_the_summary_and_the_long_part(chromium: Browser, report: Path) -> None:
    with reading(chromium, report) as page:
        assert page.locator(".summary, .summary ~ section").count() > 8
        assert found_by_axe(page, RULES) == []
        page.emulate_media(color_scheme="dark")
        assert found_by_axe(page, CONTRAST) == []


@pytest.mark.parametrize("site", OWN)
def test_the_summary_is_printed_on_two_pages(chromium: Browser, settings: Settings, site: str, tmp_path: Path) -> None:
    """It holds no chart, so no script is needed."""
    alone = tmp_path / "summary.html"
    text = write_report(settings, site).read_text(encoding="utf-8")
    alone.write_text(text.replace("</head>", "<style>.summary ~ section { display: none }</style></head>"))
    context = chromium.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(alone.as_uri())
    assert [pages_of(page.pdf(format=paper)) for paper in ("A4", "Letter")] == [2, 2]
    context.close()


def test_on_paper_nothing_is_cut_and_charts_are_as_wide_as_their_place(chromium: Browser, report: Path) -> None:
    with reading(chromium, report) as page:
        on_screen = page.evaluate(_CHART_WIDTHS)
        page.emulate_media(media="print")
        wait_until(page, _IS_PAPER_WIDE)
        assert page.evaluate(_STICKING_OUT) == []
        page.emulate_media(media="screen")
        wait_until(
            page, f"() => JSON.stringify(({_CHART_WIDTHS})()) === '{json.dumps(on_screen, separators=(',', ':'))}'"
        )


def test_on_every_paper_names_stand_beside_their_marks(chromium: Browser, report: Path) -> None:
    """What lies between the margins of A4 is narrower than what is laid out as a phone on a screen."""
    with reading(chromium, report) as page:
        page.emulate_media(media="print")
        for width in (688, 710):
            page.set_viewport_size({"width": width, "height": 900})
            names = page.evaluate(_NAMES_BESIDE)
            assert names
            assert all(names)


def test_before_it_is_printed_charts_are_drawn_for_paper(chromium: Browser, report: Path) -> None:
    """Browsers tell of paper before they lay the page out for it."""
    with reading(chromium, report) as page:
        on_screen = page.evaluate(_CHART_WIDTHS)
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert max(page.evaluate(_CHART_WIDTHS)) <= PAPER_WIDTH < max(on_screen)
        assert page.evaluate(_STICKING_OUT) == []
        page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        assert page.evaluate(_CHART_WIDTHS) == on_screen


@contextmanager
def reading(chromium: Browser, report: Path) -> Iterator[Page]:
    """A report in a window of a desktop."""
    context = chromium.new_context(offline=True, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(report.as_uri())
    wait_until_drawn(page)
    try:
        yield page
    finally:
        context.close()


def pages_of(pdf: bytes) -> int:
    """How many pages a PDF of Chromium has."""
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


@pytest.mark.parametrize(("paper", "box"), [("A4", b"594.95996 841.91998"), ("letter", b"612 792")])
def test_a_browser_prints_on_the_paper_that_is_named(settings: Settings, paper: str, box: bytes) -> None:
    browser = needed_browser(settings.browser)
    pdf = as_pdf(browser, f"<style>@page {{ size: {paper} }}</style><p>A page")
    assert pages_of(pdf) == 1
    assert b"/MediaBox [0 0 " + box + b"]" in pdf


def test_the_report_as_pdf(settings: Settings) -> None:
    written = write_pdf(settings, SITE)
    assert written.name == "2026-03.pdf"
    assert written.stat().st_mode & 0o777 == 0o600
    assert pages_of(written.read_bytes()) > 20


def test_tiles_come_as_png_too(settings: Settings) -> None:
    with zipfile.ZipFile(write_tiles(settings, SITE)) as bundle:
        pictures = [bundle.read(name) for name in bundle.namelist() if name.endswith(".png")]
    sizes = {struct.unpack(">II", picture[16:24]) for picture in pictures}
    assert (len(pictures), sizes) == (5, {(2 * PICTURE_WIDTH, 2 * PICTURE_HEIGHT)})


def test_only_who_wrote_it_may_read_it(report: Path) -> None:
    assert report.stat().st_mode & 0o777 == 0o600


def test_it_names_no_other_host(report: Path) -> None:
    text = re.sub(r"<script[^>]*>.*?</script>", "", report.read_text(encoding="utf-8"), flags=re.DOTALL)
    loads = re.findall(r"(?:src|href)=\"([^\"]+)\"", text)
    assert [address for address in loads if not address.startswith(("data:", "#"))] == []


def test_the_same_release_gives_the_same_bytes(settings: Settings, report: Path) -> None:
    before = hashlib.sha256(report.read_bytes()).hexdigest()
    assert write_report(settings, SITE) == report
    assert hashlib.sha256(report.read_bytes()).hexdigest() == before
    assert not list(report.parent.glob("*.unfinished"))


@pytest.mark.parametrize(("site", "period"), [("nowhere", None), (SITE, "1999-01"), ("../site-001", None)])
def test_an_unknown_site_or_month_is_named_and_nothing_is_written(
    settings: Settings, site: str, period: str | None
) -> None:
    before = sorted((settings.home / "reports").rglob("*"))
    with pytest.raises(OutcomesError) as refused:
        write_report(settings, site, period)
    assert refused.value.code == "report_unknown"
    assert sorted((settings.home / "reports").rglob("*")) == before


def test_without_a_release_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(OutcomesError) as refused:
        write_report(Settings(home=tmp_path), SITE)
    assert refused.value.code == "no_release"
