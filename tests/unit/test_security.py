"""What every answer forbids the browser, and which requests are refused whoever sends them."""

import pytest
from flask import Flask, Response, request
from flask.testing import FlaskClient

from dashboards.access import security


def _client(public_url: str = "") -> FlaskClient:
    flask = Flask("tiny")
    security.install(flask, public_url)

    @flask.route("/", methods=["GET", "POST", "PUT", "DELETE"])
    def echo() -> str:
        return str(len(request.get_data()))

    @flask.get("/kept")
    def kept() -> Response:
        return Response("", headers={"Cache-Control": "max-age=60"})

    return flask.test_client()


@pytest.mark.parametrize("path", ["/", "/no-such-page"])
def test_every_answer_forbids_other_hosts(path: str) -> None:
    headers = _client().get(path).headers
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; "
        "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "geolocation=()" in headers["Permissions-Policy"]


def test_no_page_stays_on_the_disk_of_a_browser_unless_it_says_so() -> None:
    assert _client().get("/").headers["Cache-Control"] == "no-store"
    assert _client().get("/kept").headers["Cache-Control"] == "max-age=60"


@pytest.mark.parametrize(
    ("public_url", "is_sent"), [("https://outcomes.example", True), ("http://127.0.0.1:8050", False), ("", False)]
)
def test_browsers_are_held_to_https_where_it_is_used(public_url: str, is_sent: bool) -> None:
    assert ("Strict-Transport-Security" in _client(public_url).get("/").headers) is is_sent


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": ""},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "https://localhost"},
        {"Referer": "http://localhost/"},
    ],
)
def test_a_write_that_no_own_page_sent_is_refused(method: str, headers: dict[str, str]) -> None:
    answer = _client().open("/", method=method, headers=headers)
    assert answer.status_code == 403
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}])
def test_a_write_of_an_own_page_is_let_through(headers: dict[str, str]) -> None:
    assert _client().post("/", headers=headers).status_code == 200


def test_reading_needs_no_proof_of_where_it_comes_from() -> None:
    assert _client().get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200
    assert _client().head("/").status_code == 200


def test_behind_a_proxy_the_origin_is_the_public_one() -> None:
    client = _client("https://Outcomes.example/")
    assert client.post("/", headers={"Origin": "https://outcomes.example"}).status_code == 200
    assert client.post("/", headers={"Origin": "http://localhost"}).status_code == 403


@pytest.mark.parametrize(("size", "status"), [(16 * 1024, 200), (16 * 1024 + 1, 413)])
def test_a_body_larger_than_any_form_is_refused(size: int, status: int) -> None:
    own = {"Sec-Fetch-Site": "same-origin"}
    assert _client().post("/", data=b"x" * size, headers=own).status_code == status
