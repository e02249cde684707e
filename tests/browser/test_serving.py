"""What the server says and sends, without a browser."""

import gzip
import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from dashboards.server import server
from tests.support.dashboard_client import MEASURES, PAGES, QUALITY, Client, content_of, nodes, parsed, text
from tests.support.dashboard_rows import HIDDEN_YEAR

_BUDGET = 25_000
"""Bytes of a callback's answer, compressed."""


@pytest.fixture(scope="module")
def asked(home: Path) -> Client:
    return Client(home, QUALITY)


@pytest.fixture(scope="module")
def client(home: Path) -> FlaskClient:
    return server(str(home)).test_client()


def test_it_is_healthy_and_calm_before_the_first_release(tmp_path: Path) -> None:
    assert server(str(tmp_path)).test_client().get("/healthz").status_code == 200
    assert "No release yet" in Client(tmp_path, QUALITY).page("/")


def test_the_layout_holds_no_page(client: FlaskClient) -> None:
    assert "Pain past 3 months" not in client.get("/_dash-layout").get_data(as_text=True)


@pytest.mark.parametrize("path", ["/", MEASURES[0], "/_dash-layout", "/assets/style.css", "/export/?card=measures"])
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


def test_a_post_from_another_site_is_refused(client: FlaskClient) -> None:
    answer = client.post("/_dash-update-component", json={}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_a_suppressed_year_is_sent_without_a_number(asked: Client) -> None:
    sections = {node["props"].get("id"): node for node in nodes(asked.content(f"{MEASURES[0]}?site=all"), "Section")}
    (graph,) = nodes(sections["years"], "Graph")
    years = graph["props"]["figure"]["data"][0]
    hidden = [place for place, share in enumerate(years["y"]) if share is None]
    assert [years["x"][place] for place in hidden] == [HIDDEN_YEAR]
    said = [years["text"][place] for place in hidden]
    assert [re.findall(r"\d+", each) for each in said] == [[HIDDEN_YEAR]]
    (asks,) = (node["props"]["data-table"] for node in nodes(sections["years"], "Div") if "data-table" in node["props"])
    rows = [text(row) for row in nodes(parsed(asked.get(asks).get_data(as_text=True)), "Tr")]
    assert f"{HIDDEN_YEAR}{'– suppressed' * 5}" in rows


def test_every_page_is_within_its_budget(asked: Client) -> None:
    sizes = {path: len(gzip.compress(asked.page(path).encode())) for path in (*PAGES, *MEASURES)}
    assert {path: size for path, size in sizes.items() if size > _BUDGET} == {}


def test_a_page_holds_no_number_that_is_none(asked: Client) -> None:
    for address, answer in asked.everything("/").items():
        shown = re.sub(r"<pre>.*?</pre>", "", text(list(nodes(content_of(answer), "Td"))))
        assert not re.search(r"\b(nan|None|undefined|inf)\b", shown), address


def test_answers_are_json_that_a_browser_can_read(asked: Client) -> None:
    for path in (*PAGES, *MEASURES):
        json.loads(asked.page(path), parse_constant=pytest.fail)
