"""Asking the dashboards what a browser would ask, without one, and the list of their pages."""

from pathlib import Path
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dashboards.pages.frame import NAVIGATION
from dashboards.pages.site import _PAGES, _PAGES_OF_ONE
from dashboards.server import create_app
from dashboards.settings import DashboardSettings
from outcomes.settings import Settings
from tests.support.html_tree import Element, parsed

QUALITY, CLINICAL, STRANGER = "quinn", "carol", "nobody"
"""Of `ashworth`, of `brackenridge` with the clinical role, and of no site of the release."""
REGISTER = f"user,site_id,role\n{QUALITY},ashworth,quality\n{CLINICAL},brackenridge,clinical\n{STRANGER},gone,quality\n"
PAGES = tuple(path for path in NAVIGATION if path in _PAGES)
"""Pages that the navigation leads to, as far as they stand."""
MEASURES = ("/measure/pain_12_months", "/measure/revision_2_years")
_FEW = 3
"""Pages of one thing that are alike, and so not all asked for."""


def client_of(home: Path) -> FlaskClient:
    """The dashboards over a home behind a proxy, as its test client; who asks stands in each request."""
    settings = DashboardSettings(login="proxy", proxy_address="127.0.0.1", public_url="http://localhost")
    found: FlaskClient = create_app(Settings(home=home), settings).test_client()
    return found


class Client:
    """The dashboards over a home, as one user of its register sees them.

    Args:
        home: the folder that holds all data.
        user: whom the proxy names.
    """

    def __init__(self, home: Path, user: str) -> None:
        (home / "access.csv").write_text(REGISTER, encoding="utf-8")
        settings = DashboardSettings(
            login="proxy",
            proxy_address="127.0.0.1",
            public_url="http://localhost",
            cases=True,
            exports_per_minute=100_000,
        )
        self._client: FlaskClient = create_app(Settings(home=home), settings).test_client()
        self._headers = {"X-Forwarded-User": user, "Sec-Fetch-Site": "same-origin"}

    def get(self, address: str, **headers: str) -> TestResponse:
        """What is at an address."""
        return self._client.get(address, headers=self._headers | headers)

    def page(self, address: str, status: int = 200) -> str:
        """The page at an address, with query string, as HTML.

        Args:
            address: path and query string.
            status: of the answer, if it is another than that of a page that there is.
        """
        response = self.get(address)
        assert (response.status_code, response.mimetype) == (status, "text/html"), address
        return response.get_data(as_text=True)

    def content(self, address: str) -> Element:
        """The elements of a page."""
        return parsed(self.page(address))

    def everything(self, start: str) -> dict[str, str]:
        """Every kind of page that one gets to by links; of pages that are alike only a few.

        Args:
            start: the address to begin at; the pages of the navigation are asked for with its query string.
        """
        _, mark, query = start.partition("?")
        found: dict[str, str] = {}
        waiting = [start, *(f"{path}{mark}{query}" for path in PAGES)]
        while waiting:
            address = waiting.pop(0)
            if not _is_known(address, found):
                answer = self.get(address)
                # Pages of single patients are not everybody's.
                assert answer.status_code == 200 or (answer.status_code in {403, 404} and "/cases" in address), address
                found[address] = answer.get_data(as_text=True)
                links = (link.get("href") for link in parsed(found[address]).all("a"))
                waiting += [link.partition("#")[0] for link in links if _is_page(link)]
        return found


def _is_page(link: str) -> bool:
    return link.startswith("/") and not link.startswith(("/export/", "/table/"))


def _is_known(address: str, found: dict[str, str]) -> bool:
    """Whether the page was asked for, or enough of its kind."""
    path, paths = urlsplit(address).path, [urlsplit(other).path for other in found]
    kind = _kind(path)
    return path in paths or (kind is not None and [_kind(other) for other in paths].count(kind) >= _FEW)


def _kind(path: str) -> str | None:
    """The most exact prefix of pages of one thing."""
    return max((prefix for prefix in _PAGES_OF_ONE if path.startswith(prefix)), key=len, default=None)
