"""What the server says and sends, without a browser."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from dashboards.server import server
from tests.support.dashboard_client import MEASURES, PAGES, QUALITY, Client
from tests.support.dashboard_rows import HIDDEN_YEAR
from tests.support.html_tree import figures, parsed

_BUDGET = 25_000
"""Bytes of a page, compressed."""


@pytest.fixture(scope="module")
def asked(home: Path) -> Client:
    return Client(home, QUALITY)


@pytest.fixture(scope="module")
def client(home: Path) -> FlaskClient:
    return server(str(home)).test_client()


def test_it_is_healthy_and_calm_before_the_first_release(tmp_path: Path) -> None:
    assert server(str(tmp_path)).test_client().get("/healthz").status_code == 200
    assert "No release yet" in Client(tmp_path, QUALITY).page("/", 503)


@pytest.mark.parametrize(
    "path", ["/", MEASURES[0], "/nowhere", "/offer?release=x", "/assets/style.css", "/export/?card=measures"]
)
def test_every_answer_forbids_other_hosts_and_scripts_within_pages(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "unsafe-eval" not in policy
    assert not re.search(r"https?:|\*", policy)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_what_a_page_loads_changes_its_address_with_its_content_and_is_kept_for_a_year(client: FlaskClient) -> None:
    page = parsed(client.get("/pain").get_data(as_text=True))
    loads = [one.get("src") or one.get("href") for tag in ("script", "link") for one in page.all(tag)]
    assets = [address for address in loads if address.startswith("/assets/")]
    assert len(assets) == 6
    for address in assets:
        path, _, version = address.partition("?")
        answer = client.get(address)
        assert hashlib.sha256(answer.get_data()).hexdigest().startswith(version)
        assert len(version) == 12, path
        assert f"max-age={365 * 24 * 3600}" in answer.headers["Cache-Control"]
    assert client.get("/").headers["Cache-Control"] == "no-store"


def test_the_page_names_no_other_host_and_no_full_plotly(client: FlaskClient) -> None:
    sources = re.findall(r'(?:src|href)="([^"]+)"', client.get("/").get_data(as_text=True))
    assert sources
    assert all(re.match(r"#|/(?!/)|data:,$", source) for source in sources)
    assert [source for source in sources if "plotly" in source and "basic" not in source] == []


def test_a_post_from_another_site_is_refused(client: FlaskClient) -> None:
    assert client.post("/reviews", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_a_suppressed_year_is_sent_without_a_number(asked: Client) -> None:
    sections = {section.get("id"): section for section in asked.content(f"{MEASURES[0]}?site=all").all("section")}
    (figure,) = figures(sections["years"])
    years = figure["data"][0]
    hidden = [place for place, share in enumerate(years["y"]) if share is None]
    assert [years["x"][place] for place in hidden] == [HIDDEN_YEAR]
    said = [years["text"][place] for place in hidden]
    assert [re.findall(r"\d+", each) for each in said] == [[HIDDEN_YEAR]]
    (asks,) = (link.get("href") for link in sections["years"].all("a") if link.get("data-action") == "table")
    rows = [row.text for row in parsed(asked.get(asks).get_data(as_text=True)).all("tr")]
    assert f"{HIDDEN_YEAR}{'– suppressed' * 5}" in rows


def test_every_page_is_within_its_budget(asked: Client) -> None:
    sizes = {path: len(gzip.compress(asked.get(path).get_data())) for path in (*PAGES, *MEASURES)}
    assert {path: size for path, size in sizes.items() if size > _BUDGET} == {}


def test_a_page_holds_no_number_that_is_none(asked: Client) -> None:
    for address, answer in asked.everything("/").items():
        page = parsed(answer)
        assert not re.search(r"\b(nan|None|undefined|inf)\b", "".join(cell.text for cell in page.all("td"))), address
        assert all(figure["layout"] for figure in figures(page)), address
