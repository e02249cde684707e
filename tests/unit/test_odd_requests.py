"""Whatever is asked, the dashboards answer in words: never with a traceback, never with a failure of the server."""

import json
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
from tests.support.dashboard_client import CLINICAL, REGISTER, asking
from tests.support.examples import examples

OWN_PAGE = {"X-Forwarded-User": CLINICAL, "Sec-Fetch-Site": "same-origin"}
TELLS = ("Traceback", 'File "', ".py", "Error:", "duckdb", "Internal Server Error")
CALLBACK = "/_dash-update-component"


@pytest.fixture(scope="module")
def client(home: Path) -> FlaskClient:
    (home / "access.csv").write_text(REGISTER, encoding="utf-8")
    chosen = DashboardSettings(
        login="proxy", proxy_address="127.0.0.1", public_url="http://localhost", cases=True, exports_per_minute=100_000
    )
    made: FlaskClient = create_app(Settings(home=home), chosen).server.test_client()
    return made


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
    *("/_dash-layout", "/_dash-dependencies", "/_reload-hash", "/_favicon.ico", "/assets/", "/assets/..%2fserver.py"),
    *("/_dash-component-suites/", "/_dash-component-suites/dash/nothing.js", "/_dash-component-suites/os/path"),
    *("/_dash-component-suites/dash/..%2f..%2f..%2fetc%2fpasswd", "/_alive_x", "/_mcp", "/mcp", "/no/such/page"),
    *("/" + "x" * 5000, "/%ff%fe", "/\u738b", "/;drop table labels"),
)
QUERIES = (
    *("", "?", "?card=", "?card=pain&release=nothing", "?release=..%2f..", "?site=north", "?site=%00", "?site=all"),
    *("?period=9999", "?period=2023%27--", "?group=approach", "?group=:", "?group=a:b:c", "?peers=x", "?card=%ff"),
    *("?site=ashworth&site=calder", "?" + "a=1&" * 2000, "?card=" + "x" * 10_000, "?signal=x&after=-1", "?after=1e9"),
)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:40])
def test_no_address_and_no_method_brings_the_server_down(client: FlaskClient, path: str) -> None:
    for method in METHODS:
        calm(client.open(path, method=method, headers=OWN_PAGE))


@pytest.mark.parametrize("path", ["/table/definitions", "/export/definitions", "/table/cases/x", "/reviews", "/"])
def test_no_query_brings_the_server_down(client: FlaskClient, path: str) -> None:
    for query in QUERIES:
        calm(client.get(path + query, headers=OWN_PAGE))


def _post(client: FlaskClient, body: bytes, content_type: str = "application/json") -> TestResponse:
    return calm(client.post(CALLBACK, data=body, content_type=content_type, headers=OWN_PAGE))


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"null", b"[]", b"1", b'"text"', b"{}", b"\xff\xfe", b"[" * 100_000, b'{"output": 1}'),
        *(b'{"a":' * 50_000, b"NaN", b'{"output": "page.children"}', b"1" * 5000),
    ],
    ids=lambda body: str(body[:20]),
)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data", ""])
def test_a_body_that_is_no_callback_is_refused(client: FlaskClient, body: bytes, content_type: str) -> None:
    assert 400 <= _post(client, body, content_type).status_code < 500


def _places(tree: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [place, *(found for key, branch in inside for found in _places(branch, (*place, key)))]


def _with(tree: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[place[0]] = _with(tree[place[0]], place[1:], value)
    return copy


def _without(tree: Any, place: tuple[Any, ...]) -> Any:
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    if len(place) > 1:
        copy[place[0]] = _without(tree[place[0]], place[1:])
    else:
        del copy[place[0]]
    return copy


ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 10**400, 1.5, "", "x", "\u0000", "\ud800", "..page.children...title.data..", [], [None], {}),
    *({"a": 1}, [[]], "x" * 50_000, {"id": 1, "property": None}, "__class__"),
)


@pytest.mark.parametrize("place", _places(asking("/definitions?site=brackenridge")), ids=str)
def test_a_callback_with_an_odd_part_is_answered(client: FlaskClient, place: tuple[Any, ...]) -> None:
    sound = asking("/definitions?site=brackenridge")
    for value in ODD:
        _post(client, json.dumps(_with(sound, place, value)).encode())
    if place:
        _post(client, json.dumps(_without(sound, place)).encode())


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@settings(
    max_examples=examples(30),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(path=words, query=words, release=anything, pathname=anything)
def test_anything_at_all_is_answered(client: FlaskClient, path: str, query: str, release: Any, pathname: Any) -> None:
    asked = asking("/")
    asked["inputs"][0]["value"], asked["inputs"][1]["value"] = pathname, query
    asked["state"][0]["value"] = release
    _post(client, json.dumps(asked).encode())
    for kind in ("table", "export"):
        calm(client.get(f"/{kind}/{quote(path)}", query_string={"card": query, "site": path}, headers=OWN_PAGE))


@pytest.mark.parametrize(
    "form",
    [{}, {"to": "explained"}, {"to": "x" * 10_000}, {"to": "\u0000", "explanation": "\uffff"}, {"to": ["a", "b"]}],
)
@pytest.mark.parametrize("query", QUERIES[:8])
def test_a_move_that_is_none_is_refused(client: FlaskClient, form: dict[str, Any], query: str) -> None:
    assert 400 <= calm(client.post(f"/reviews{query}", data=form, headers=OWN_PAGE)).status_code < 500
