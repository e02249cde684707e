from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request

from tests.support.browser import browser, serving, wait_until, wait_until_drawn
from tests.support.dashboard_client import CLINICAL, QUALITY, REGISTER
from tests.support.dashboard_release import write_release


@dataclass
class Visitor:
    """A reader of the dashboards, who remembers all that the browser was told and asked."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    documents: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._note)

    def open(self, path: str) -> str:
        """Open an address, wait until its charts are drawn, and give the text of the page."""
        self.page.goto(self.address + path)
        return self.read()

    def read(self) -> str:
        """The text of the page, once drawn; folded tables included."""
        wait_until_drawn(self.page)
        return str(self.page.evaluate(_TEXT)).replace("\u00a0", " ")

    def wait_for_heading(self, text: str) -> str:
        """Wait for the page of this heading, and give its text."""
        self.page.locator("h1", has_text=text).wait_for()
        return self.read()

    def _note(self, request: Request) -> None:
        self.hosts.add(urlsplit(request.url).netloc)
        if request.is_navigation_request():
            self.documents.add(request.url)

    def _hear(self, message: ConsoleMessage) -> None:
        # Of a page that there is not, the browser itself says so.
        is_status = "the server responded with a status of" in message.text
        if not (is_status and message.location["url"] in self.documents):
            self.complaints.append(f"{message.type}: {message.text} {message.location['url']}")


_TEXT = """() => {
    const copy = document.body.cloneNode(true);
    copy.querySelectorAll("script").forEach((script) => script.remove());
    return copy.textContent;
}"""
WIDTHS = (1440, 1024, 720, 360)
"""Pixels of CSS; the third is what 1440 become at 200 % zoom."""
RULES: dict[str, Any] = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "resultTypes": ["violations"],
}
"""Of WCAG 2.2 AA, as far as axe can tell."""
CONTRAST: dict[str, Any] = {"runOnly": ["color-contrast"], "resultTypes": ["violations"]}
_ARE_DRAWN_ANEW = """(width) => window.innerWidth === width
    && [...document.querySelectorAll(".graph")].every((graph) => Math.abs(
        graph.querySelector(".main-svg").getBoundingClientRect().width - graph.getBoundingClientRect().width) <= 1)"""
_SIZES = """() => [...document.querySelectorAll(".graph .main-svg:first-child")]
    .map((plot) => plot.getBoundingClientRect()).map((box) => [box.width, box.height])"""


def assert_nothing_sticks_out(page: Page, widths: Sequence[int] = WIDTHS) -> None:
    """At each width the page does not scroll sideways, and no chart collapses."""
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        wait_until(page, _ARE_DRAWN_ANEW, width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width
        for found in page.evaluate(_SIZES):
            assert found[0] >= 150, (width, found)
            assert found[1] >= 64, (width, found)


def found_by_axe(page: Page, rules: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """What axe finds wrong with a page: each rule, and where it is broken first."""
    violations = Axe().run(page, options=rules).response["violations"]
    return [(one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in violations]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with browser() as launched:
        yield launched


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a release that stays as it is, and a register."""
    folder = tmp_path_factory.mktemp("home")
    write_release(folder)
    (folder / "access.csv").write_text(REGISTER, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def dashboards(home: Path) -> Iterator[str]:
    """Address of the dashboards that nobody has to log in to: every site is the reader's."""
    with serving(home, cases="true", exports_per_minute="1000") as address:
        yield address


@pytest.fixture(scope="session")
def behind_login(home: Path) -> Iterator[str]:
    """Address of the dashboards behind a proxy that says who somebody is."""
    with serving(home, login="proxy", proxy_address="127.0.0.1", cases="true") as address:
        yield address


@pytest.fixture
def visitor(chromium: Browser, dashboards: str) -> Iterator[Visitor]:
    """Who may see every site."""
    with visiting(chromium, dashboards) as found:
        yield found


@pytest.fixture
def quality_visitor(chromium: Browser, behind_login: str) -> Iterator[Visitor]:
    """Who is of one site, and sees no single patient."""
    with visiting(chromium, behind_login, extra_http_headers={"X-Forwarded-User": QUALITY}) as found:
        yield found


@pytest.fixture
def clinical_visitor(chromium: Browser, behind_login: str) -> Iterator[Visitor]:
    """Who is of another site, and sees its patients."""
    with visiting(chromium, behind_login, extra_http_headers={"X-Forwarded-User": CLINICAL}) as found:
        yield found


@pytest.fixture(scope="session")
def changing_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without a release at first; tests publish into it, each under a name of its own."""
    return tmp_path_factory.mktemp("changing")


@pytest.fixture(scope="session")
def changing_dashboards(changing_home: Path) -> Iterator[str]:
    with serving(changing_home, cases="true") as address:
        yield address


@pytest.fixture
def early_visitor(chromium: Browser, changing_dashboards: str) -> Iterator[Visitor]:
    """Who looks on while releases come."""
    with visiting(chromium, changing_dashboards) as found:
        yield found


@contextmanager
def visiting(chromium: Browser, address: str, **context: Any) -> Iterator[Visitor]:
    """A browser window of its own; at its end it fails if the console complained, or another host was asked."""
    window = chromium.new_context(**({"viewport": {"width": 1440, "height": 900}} | context))
    visitor = Visitor(window.new_page(), address)
    try:
        yield visitor
    finally:
        window.close()
    assert visitor.complaints == []
    assert visitor.hosts <= {urlsplit(address).netloc, ""}
