"""Whatever is asked, the dashboards answer in words: never with a traceback, never with a failure of the server."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from dashboards.server import create_app
from dashboards.settings import DashboardSettings
from outcomes.settings import Settings
from tests.support.dashboard_client import CLINICAL, REGISTER, Client
from tests.support.dashboard_release import SITES
from tests.support.examples import examples

OWN_PAGE = {"X-Forwarded-User": CLINICAL, "Sec-Fetch-Site": "same-origin"}
TELLS = ("Traceback", 'File "', ".py", "Error:", "duckdb", "Internal Server Error")


@pytest.fixture(scope="module")
def client(home: Path) -> FlaskClient:
    (home / "access.csv").write_text(REGISTER, encoding="utf-8")
    chosen = DashboardSettings(
        login="proxy", proxy_address="127.0.0.1", public_url="http://localhost", cases=True, exports_per_minute=100_000
    )
    return create_app(Settings(home=home), chosen).test_client()


def calm(answer: TestResponse) -> TestResponse:
    said = answer.get_data().decode(errors="replace")
    assert answer.status_code < 500, said[:500]
    if answer.mimetype != "text/javascript":
        assert not [word for word in TELLS if word in said and answer.status_code != 200]
    return answer


PATHS = (
    *("/", "/pain", "/signals", "/cases", "/cases/of/pain_12_months", "/cases/x", "/measure/pain_12_months"),
    *("/measure/", "/measure/%00", "/measure/..%2f..%2fetc%2fpasswd", "/export/", "/export/pain", "/export/cases/x"),
    *("/table/", "/table/pain", "/table/data-quality", "/table/cases/x", "/reviews", "/logout", "/login", "/healthz"),
    *("/offer", "/offer/x", "/favicon.ico", "/assets/", "/assets/nothing.js", "/assets/..%2fserver.py", "/assets/%00"),
    *("/assets/..%2f..%2f..%2fetc%2fpasswd", "/templates/page.html", "/_mcp", "/mcp", "/no/such/page", "//", "///x//"),
    *("/" + "x" * 5000, "/%ff%fe", "/\u738b", "/;drop table labels", "/cases/%ed%a0%80", "/cases/%25zz", "/static/x"),
)
QUERIES = (
    *("", "?", "?card=", "?card=pain&release=nothing", "?release=..%2f..", "?site=north", "?site=%00", "?site=all"),
    *("?period=9999", "?period=2023%27--", "?group=approach", "?group=:", "?group=a:b:c", "?peers=x", "?card=%ff"),
    *("?site=%ed%a0%80", "?release=%00&release=x", "?site[]=a", "?=", "?&&&", "?site", "?%00=%00", "?site=\x81"),
    *("?site=ashworth&site=calder", "?" + "a=1&" * 2000, "?card=" + "x" * 10_000, "?signal=x&after=-1", "?after=1e9"),
)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:40])
def test_no_address_and_no_method_brings_the_server_down(client: FlaskClient, path: str) -> None:
    for method in METHODS:
        calm(client.open(path, method=method, headers=OWN_PAGE))


@pytest.mark.parametrize(
    "path", ["/table/definitions", "/export/definitions", "/table/cases/x", "/reviews", "/offer", "/"]
)
def test_no_query_brings_the_server_down(client: FlaskClient, path: str) -> None:
    for query in QUERIES:
        calm(client.get(path + query, headers=OWN_PAGE))


BODIES = (b"", b"{", b"null", b'{"output": "page.children"}', b"\xff\xfe", b"[" * 10_000, b"to=reviewing&to=closed")


@pytest.mark.parametrize("body", BODIES, ids=lambda body: str(body[:20]))
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data", ""])
@pytest.mark.parametrize("path", ["/", "/pain", "/offer", "/table/pain", "/reviews", "/reviews?signal=a/b/c/d&after=0"])
def test_a_body_that_no_form_sends_is_refused(client: FlaskClient, path: str, body: bytes, content_type: str) -> None:
    answer = calm(client.post(path, data=body, content_type=content_type, headers=OWN_PAGE))
    assert 400 <= answer.status_code < 500


def test_what_cannot_be_written_into_the_access_log_is_not_shown_and_that_is_said(home: Path, tmp_path: Path) -> None:
    (tmp_path / "releases").symlink_to(home / "releases")
    (tmp_path / "logs" / "access.jsonl").mkdir(parents=True)
    client = Client(tmp_path, CLINICAL)
    for address in ("/", "/?site=calder", "/table/?card=headlines", "/export/?card=headlines", "/export/cases/x"):
        answer = client.get(address)
        assert (answer.status_code, "access log" in answer.text) == (503, True), address
        assert not any(name in answer.text for name in SITES.values())


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@settings(
    max_examples=examples(30),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(path=words, query=words, release=words)
def test_anything_at_all_is_answered(client: FlaskClient, path: str, query: str, release: str) -> None:
    asked = {"card": query, "site": path, "release": release, "group": query, "period": release}
    for start in ("", "/measure", "/cases", "/cases/of", "/table", "/export"):
        calm(client.get(f"{start}/{quote(path)}", query_string=asked, headers=OWN_PAGE))
    calm(client.get("/offer", query_string=asked, headers=OWN_PAGE))


@pytest.mark.parametrize(
    "form",
    [{}, {"to": "explained"}, {"to": "x" * 10_000}, {"to": "\u0000", "finding": "\uffff"}, {"to": ["a", "b"]}],
)
@pytest.mark.parametrize("query", QUERIES[:8])
def test_a_move_that_is_none_is_refused(client: FlaskClient, form: dict[str, Any], query: str) -> None:
    assert 400 <= calm(client.post(f"/reviews{query}", data=form, headers=OWN_PAGE)).status_code < 500
