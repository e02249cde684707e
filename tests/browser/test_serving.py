"""What the server says and sends, without a browser."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from dashboards.app import server
from tests.support.dashboard_release import write_release


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return server(str(tmp_path)).test_client()


def ask(client: FlaskClient, pathname: str) -> str:
    """The page at an address, as the browser would ask for it."""
    inputs = [{"id": "address", "property": "pathname", "value": pathname}]
    outputs = [{"id": "page", "property": "children"}, {"id": "title", "property": "data"}]
    asked = {
        "output": "..page.children...title.data..",
        "outputs": outputs,
        "inputs": inputs,
        "changedPropIds": ["address.pathname"],
    }
    response = client.post("/_dash-update-component", json=asked)
    assert response.status_code == 200
    return response.get_data(as_text=True)


def test_it_is_healthy_and_calm_before_the_first_release(client: FlaskClient) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/").status_code == 200
    assert "Nothing has been released yet" in ask(client, "/")


def test_the_layout_holds_no_page(client: FlaskClient, tmp_path: Path) -> None:
    write_release(tmp_path)
    assert "Pain past 3 months" not in client.get("/_dash-layout").get_data(as_text=True)


@pytest.mark.parametrize("path", ["/", "/label/pain_past_3_months", "/_dash-layout", "/assets/style.css"])
def test_every_answer_forbids_other_hosts(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self' 'sha256-")
    assert "unsafe-eval" not in policy
    assert not re.search(r"https?:|\*", policy)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_the_page_names_no_other_host_and_no_full_plotly(client: FlaskClient) -> None:
    sources = re.findall(r'(?:src|href)="([^"]+)"', client.get("/").get_data(as_text=True))
    assert sources
    assert all(source.startswith("/") and not source.startswith("//") for source in sources)
    assert [source for source in sources if "plotly" in source and "basic" not in source] == []


def test_a_suppressed_row_is_sent_without_numbers(client: FlaskClient, tmp_path: Path) -> None:
    write_release(tmp_path)
    graphs = _nodes(json.loads(ask(client, "/label/pain_past_3_months")), "Graph")
    by_year, by_site, *_ = [graph["props"]["figure"] for graph in graphs]
    years = by_year["data"][0]
    assert [year for year, share in zip(years["x"], years["y"], strict=True) if share is None] == [2021]
    assert by_site["data"][1]["y"] == [1, 2, 4, 6]
    assert len(by_site["data"][1]["x"]) == len(by_site["data"][1]["text"]) == 4


def _nodes(tree: object, kind: str) -> list[dict[str, Any]]:
    """Every component of one type in a response, in order."""
    if isinstance(tree, list):
        return [node for branch in tree for node in _nodes(branch, kind)]
    if not isinstance(tree, dict):
        return []
    return ([tree] if tree.get("type") == kind else []) + [n for branch in tree.values() for n in _nodes(branch, kind)]
