"""A name that somebody wrote is text: on pages, in charts, tables, files and reports, whatever it looks like."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from dashboards.rendering import figure_json
from dashboards.reports import write_report
from outcomes.settings import Settings
from tests.support import dashboard_release
from tests.support.dashboard_client import PAGES, QUALITY, Client
from tests.support.html_tree import Element, figures, parsed

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


def _elements(tree: Element) -> list[Element]:
    inside = [each for each in tree.inside if isinstance(each, Element)]
    return inside + [found for each in inside for found in _elements(each)]


def _assert_no_markup(html: str) -> None:
    found = _elements(parsed(html))
    assert "img" not in {element.tag for element in found}
    assert not [element for element in found if any(name.startswith("on") for name in element.attributes)]
    assert not [element for element in found if element.get("href").startswith("javascript")]
    scripts = [element for element in found if element.tag == "script"]
    assert not [script for script in scripts if "evil" in script.text and script.get("type") != "application/json"]
    for figure in figures(parsed(html)):
        assert not re.search(r"<(?!br>|/?extra>)", json.dumps(figure))


def test_a_report_holds_names_as_text(home: Path) -> None:
    html = write_report(Settings(home=home), "ashworth").read_text(encoding="utf-8")
    assert "&lt;img src=x onerror=evil()&gt;" in html
    _assert_no_markup(html)
    tags = [element for element in _elements(parsed(html)) if element.tag == "script"]
    assert len([script for script in tags if script.get("type") != "application/json"]) == 2
    assert "evil" in json.dumps(figures(parsed(html)))


@pytest.mark.parametrize("path", PAGES)
def test_pages_and_charts_hold_names_as_text(home: Path, path: str) -> None:
    html = Client(home, QUALITY).page(f"{path}?site=ashworth", 403 if path == "/cases" else 200)
    assert "&lt;img src=x onerror=evil()&gt;" in html
    _assert_no_markup(html)


def test_a_chart_draws_no_tag_but_its_own_breaks() -> None:
    figure = {"data": [{"text": ["a<br>b", "<b>c</b>", "p<0.05"], "hovertemplate": "%{text}<extra></extra>"}]}
    drawn = json.loads(figure_json(figure))
    assert drawn["data"][0]["text"] == ["a<br>b", "&lt;b>c&lt;/b>", "p&lt;0.05"]
    assert drawn["data"][0]["hovertemplate"] == "%{text}<extra></extra>"


def test_no_file_holds_a_formula(home: Path) -> None:
    client = Client(home, QUALITY)
    files = [
        link.get("href")
        for path in ("/data-quality", "/measure/revision_2_years", "/signals")
        for link in client.content(path).all("a")
        if link.get("href").startswith("/export")
    ]
    assert files
    for address in files:
        answer = client.get(address)
        assert answer.status_code == 200, address
        for row in csv.reader(io.StringIO(answer.get_data(as_text=True))):
            assert not [cell for cell in row if cell.startswith(("=", "+", "@", "\t", "\r"))]
