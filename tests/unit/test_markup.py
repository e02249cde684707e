"""A name that somebody wrote is text: on pages, in charts, tables, files and reports, whatever it looks like."""

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from dashboards.charts.style import graph
from dashboards.reports import write_report
from outcomes.settings import Settings
from tests.support import dashboard_release
from tests.support.dashboard_client import PAGES, QUALITY, Client

NAME = "</script><script>evil()</script><!--<script><img src=x onerror=evil()>\"'><a href='javascript:evil()'>x</a>"
FORMULA = '=HYPERLINK("https://evil.example")'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a release whose sites are named by somebody evil."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(dashboard_release.SITES, "ashworth", NAME)
        patch.setitem(dashboard_release.SITES, "calder", FORMULA)
        dashboard_release.write_release(folder)
    return folder


class _Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag begins."""
        self.found.append((tag, dict(attrs)))


def _assert_no_markup(html: str, scripts: int = 0) -> None:
    tags = _Tags(html).found
    assert sum(tag == "script" for tag, _ in tags) == scripts
    assert not [tag for tag, attributes in tags if any(name.startswith("on") for name in attributes)]
    assert all((attributes["src"] or "").startswith("data:image/") for tag, attributes in tags if tag == "img")
    assert not [tag for tag, attributes in tags if (attributes.get("href") or "").startswith("javascript")]


def test_a_report_holds_names_as_text(home: Path) -> None:
    html = write_report(Settings(home=home), "ashworth").read_text(encoding="utf-8")
    assert "&lt;img src=x onerror=evil()&gt;" in html
    _assert_no_markup(html, scripts=2)
    (figures,) = re.findall(r"const figures = (.*?);\n", html)
    assert "<" not in figures
    assert json.loads(figures)


def _within(tree: Any) -> list[tuple[str, str]]:
    """Every text of a tree, with the name under which it stands."""
    if isinstance(tree, dict):
        return [found for name, branch in tree.items() for found in _named(name, branch)]
    return [found for branch in tree for found in _within(branch)] if isinstance(tree, list) else []


def _named(name: str, branch: Any) -> list[tuple[str, str]]:
    if isinstance(branch, list):
        return [found for each in branch for found in _named(name, each)]
    return [(name, branch)] if isinstance(branch, str) else _within(branch)


@pytest.mark.parametrize("path", PAGES)
def test_pages_and_charts_hold_names_as_text(home: Path, path: str) -> None:
    tree = json.loads(Client(home, QUALITY).page(f"{path}?site=ashworth"))
    for name, text in _within(tree):
        if name == "data-html":
            _assert_no_markup(text)
        assert name != "dangerously_allow_html"
    for figure in _figures(tree):
        assert not re.search(r"<(?!br>|/?extra>)", json.dumps(figure))


def _figures(tree: Any) -> list[Any]:
    if isinstance(tree, list):
        return [found for branch in tree for found in _figures(branch)]
    if isinstance(tree, dict):
        own = [tree["figure"]] if "figure" in tree else []
        return own + [found for branch in tree.values() for found in _figures(branch)]
    return []


def test_a_chart_draws_no_tag_but_its_own_breaks() -> None:
    figure = {"data": [{"text": ["a<br>b", "<b>c</b>", "p<0.05"], "hovertemplate": "%{text}<extra></extra>"}]}
    drawn = graph(figure, "", "chart").to_plotly_json()["props"]["children"].figure
    assert drawn["data"][0]["text"] == ["a<br>b", "&lt;b>c&lt;/b>", "p&lt;0.05"]
    assert drawn["data"][0]["hovertemplate"] == "%{text}<extra></extra>"


def test_no_file_holds_a_formula(home: Path) -> None:
    client = Client(home, QUALITY)
    cards = [
        props["href"]
        for path in ("/data-quality", "/measure/revision_2_years", "/signals")
        for props in _links(json.loads(client.page(path)))
    ]
    assert cards
    for address in cards:
        answer = client.get(address)
        assert answer.status_code == 200, address
        for row in csv.reader(io.StringIO(answer.get_data(as_text=True))):
            assert not [cell for cell in row if cell.startswith(("=", "+", "@", "\t", "\r"))]


def _links(tree: Any) -> list[dict[str, Any]]:
    if isinstance(tree, list):
        return [found for branch in tree for found in _links(branch)]
    if isinstance(tree, dict):
        own = [tree] if str(tree.get("href", "")).startswith("/export") else []
        return own + [found for branch in tree.values() for found in _links(branch)]
    return []
