"""A site's report: one file that opens without a network, holds the site's own numbers, and prints."""

import hashlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from dashboards.reports import write_report
from outcomes.errors import OutcomesError
from outcomes.settings import Settings
from tests.support.dashboard_release import write_release

SITE = "ashworth"


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
    assert not list(report.parent.glob("*.part"))


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
