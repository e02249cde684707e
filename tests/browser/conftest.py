from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request

from tests.support.browser import browser, serving, wait_until_drawn
from tests.support.dashboard_release import write_release


@dataclass
class Visitor:
    """A reader of the dashboards, who remembers all that the browser was told and asked."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    answers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.on("requestfinished", self._hear)

    def open(self, path: str) -> str:
        """Open an address, wait until its charts are drawn, and give the text of the page."""
        self.page.goto(self.address + path)
        return self.read()

    def read(self) -> str:
        """The text of the page, once drawn; folded tables included."""
        wait_until_drawn(self.page)
        return (self.page.locator("#page").text_content() or "").replace("\u00a0", " ")

    def _hear(self, request: Request) -> None:
        response = request.response()
        if "_dash-update-component" in request.url and response is not None:
            self.answers.append(response.text())


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with browser() as launched:
        yield launched


@pytest.fixture(scope="session")
def dashboards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the dashboards over a release with hidden years, sites and kinds."""
    home = tmp_path_factory.mktemp("home")
    write_release(home)
    with serving(home) as address:
        yield address


@pytest.fixture
def visitor(chromium: Browser, dashboards: str) -> Iterator[Visitor]:
    yield from _visiting(chromium, dashboards)


@pytest.fixture
def empty_home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def early_visitor(chromium: Browser, empty_home: Path) -> Iterator[Visitor]:
    """Who comes before the first release."""
    with serving(empty_home) as address:
        yield from _visiting(chromium, address)


def _visiting(chromium: Browser, address: str) -> Iterator[Visitor]:
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    visitor = Visitor(page, address)
    yield visitor
    page.close()
    assert visitor.complaints == []
    assert visitor.hosts == {urlsplit(address).netloc}
