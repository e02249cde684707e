"""Asking the dashboards what a browser would ask, without one, and the list of their pages."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dashboards.pages.frame import NAVIGATION
from dashboards.pages.site import _PAGES, _PAGES_OF_ONE
from dashboards.server import create_app
from dashboards.settings import DashboardSettings
from outcomes.settings import Settings

QUALITY, CLINICAL, STRANGER = "quinn", "carol", "nobody"
"""Of `ashworth`, of `brackenridge` with the clinical role, and of no site of the release."""
REGISTER = f"user,site_id,role\n{QUALITY},ashworth,quality\n{CLINICAL},brackenridge,clinical\n{STRANGER},gone,quality\n"
PAGES = tuple(path for path in NAVIGATION if path in _PAGES)
"""Pages that the navigation leads to, as far as they stand."""
MEASURES = ("/measure/pain_12_months", "/measure/revision_2_years")
_FEW = 3
"""Pages of one thing that are alike, and so not all asked for."""


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
        self._client: FlaskClient = create_app(Settings(home=home), settings).server.test_client()
        self._headers = {"X-Forwarded-User": user, "Sec-Fetch-Site": "same-origin"}

    def get(self, address: str) -> TestResponse:
        """What is at an address."""
        return self._client.get(address, headers=self._headers)

    def post(self, asked: object, address: str = "/_dash-update-component", **headers: str) -> TestResponse:
        """What a callback answers."""
        return self._client.post(address, json=asked, headers=self._headers | headers)

    def page(self, address: str, release: str | None = None) -> str:
        """The answer that holds the page at an address, with query string, as JSON."""
        response = self.post(asking(address, release))
        assert response.status_code == 200, address
        return response.get_data(as_text=True)

    def content(self, address: str) -> Any:
        """The components of a page."""
        return content_of(self.page(address))

    def everything(self, start: str) -> dict[str, str]:
        """The answers for every kind of page that one gets to by links; of pages that are alike only a few.

        Args:
            start: the address to begin at; the pages of the navigation are asked for with its query string.
        """
        _, mark, query = start.partition("?")
        found: dict[str, str] = {}
        waiting = [start, *(f"{path}{mark}{query}" for path in PAGES)]
        while waiting:
            address = waiting.pop(0)
            if not _is_known(address, found):
                found[address] = self.page(address)
                links = (node["props"].get("href", "") for node in nodes(content_of(found[address]), "Link"))
                waiting += [link.partition("#")[0] for link in links if link.startswith("/")]
        return found


def _is_known(address: str, found: dict[str, str]) -> bool:
    """Whether the page was asked for, or enough of its kind."""
    path, paths = urlsplit(address).path, [urlsplit(other).path for other in found]
    kind = _kind(path)
    return path in paths or (kind is not None and [_kind(other) for other in paths].count(kind) >= _FEW)


def _kind(path: str) -> str | None:
    """The most exact prefix of pages of one thing."""
    return max((prefix for prefix in _PAGES_OF_ONE if path.startswith(prefix)), key=len, default=None)


def content_of(answer: str) -> Any:
    """The components of a page in the answer to `asking`, the tables that come as text among them."""
    return _with_tables(json.loads(answer)["response"]["page"]["children"])


def _with_tables(tree: Any) -> Any:
    if isinstance(tree, list):
        return [_with_tables(branch) for branch in tree]
    if not isinstance(tree, dict):
        return tree
    props = tree.get("props", {})
    if "data-html" in props:
        return tree | {"props": props | {"children": parsed(props["data-html"])}}
    return {name: _with_tables(branch) for name, branch in tree.items()}


def parsed(html: str) -> list[Any]:
    """HTML as a tree of components."""
    parser = _Tree()
    parser.feed(html)
    return list(parser.root["props"]["children"])


class _Tree(HTMLParser):
    """Builds components of tags; a link is one of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.root: dict[str, Any] = {"type": "Root", "props": {"children": []}}
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A component begins."""
        node = {"type": "Link" if tag == "a" else tag.capitalize(), "props": {**dict(attrs), "children": []}}
        self._open[-1]["props"]["children"].append(node)
        if tag != "img":
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        """A component ends."""
        self._open.pop()

    def handle_data(self, data: str) -> None:
        """Text within a component."""
        self._open[-1]["props"]["children"].append(data)


def asking(address: str, release: str | None = None) -> dict[str, Any]:
    """What a browser posts to get the page at an address."""
    path, query = urlsplit(address).path, urlsplit(address).query
    inputs = [("address", "pathname", path), ("address", "search", f"?{query}" if query else "")]
    outputs = [("page", "children"), ("title", "data"), ("release", "data")]
    return {
        "output": "..page.children...title.data...release.data..",
        "outputs": [{"id": name, "property": part} for name, part in outputs],
        "inputs": [{"id": name, "property": part, "value": value} for name, part, value in inputs],
        "state": [{"id": "release", "property": "data", "value": release}],
        "changedPropIds": ["address.pathname"],
    }


def nodes(tree: object, kind: str) -> Iterator[dict[str, Any]]:
    """Every component of one type in a tree of components, in order."""
    if isinstance(tree, list):
        for branch in tree:
            yield from nodes(branch, kind)
    elif isinstance(tree, dict):
        if tree.get("type") == kind:
            yield tree
        for branch in tree.values():
            yield from nodes(branch, kind)


def text(tree: object) -> str:
    """The words of a tree of components."""
    if isinstance(tree, list):
        return "".join(text(branch) for branch in tree)
    if isinstance(tree, dict):
        return text(tree.get("props", {}).get("children"))
    return "" if tree is None else str(tree)
