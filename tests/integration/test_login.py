"""The ways to log in, through real processes on loopback: a provider, an application, browsers made of requests."""

import http.client
import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from requests.adapters import HTTPAdapter
from typer.testing import CliRunner

from dashboards.access import login
from dashboards.access.login.ended import EndedSessions
from dashboards.settings import DashboardSettings
from outcomes.cli import app
from outcomes.errors import OutcomesError
from outcomes.settings import Settings
from tests.support import login_app
from tests.support.openid_provider import CLIENT_ID, CLIENT_SECRET, FAULTS

_KEY = "a key of the tests, long enough to be one"
_REGISTER = "user,site_id,role\nalice,north,clinical\nbob,south,quality\n"
_OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
_REFUSED = "The login did not work"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with login_app.providing() as address:
        yield address


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    (folder / "access.csv").write_text(_REGISTER, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def address(home: Path, issuer: str) -> Iterator[str]:
    """Of an application behind the provider's login."""
    port = login_app.free_port()
    settings = _oidc(issuer, f"http://127.0.0.1:{port}")
    with login_app.serving(home, port, settings) as found:
        yield found


def _oidc(issuer: str, public_url: str) -> dict[str, str]:
    return {
        "login": "oidc",
        "oidc_issuer": issuer,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
        "public_url": public_url,
        "secret_key": _KEY,
    }


def _browser() -> requests.Session:
    browser = requests.Session()
    browser.trust_env = False
    return browser


def _begin(browser: requests.Session, address: str, **asked: str) -> str:
    """Ask for the login; gives the address at the provider."""
    answer = browser.get(f"{address}/login", params=asked, allow_redirects=False)
    assert answer.status_code == 302
    return answer.headers["Location"]


def _consent(browser: requests.Session, authorize: str, user: str = "alice", fault: str = "") -> str:
    """Let the provider know the user; gives the address that it sends the browser back to."""
    answer = browser.get(f"{authorize}&{urlencode({'user': user, 'fault': fault})}", allow_redirects=False)
    assert answer.status_code == 302
    return answer.headers["Location"]


def _logged_in(address: str, user: str = "alice") -> requests.Session:
    browser = _browser()
    answer = browser.get(_consent(browser, _begin(browser, address), user), allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    return browser


def test_a_login_leads_to_the_page_that_was_asked_for_with_the_scope_of_the_register(address: str) -> None:
    browser = _browser()
    asked = browser.get(f"{address}/measure/pain?period=2026-01&site=a%20b", allow_redirects=False)
    assert asked.status_code == 302
    authorize = browser.get(f"{address}{asked.headers['Location']}", allow_redirects=False).headers["Location"]
    answer = browser.get(_consent(browser, authorize))
    assert answer.url == f"{address}/measure/pain?period=2026-01&site=a%20b"
    assert answer.json() == {"user": "alice", "sites": ["north"], "role": "clinical", "name": "pain"}


def test_the_provider_is_asked_with_pkce_state_and_nonce(address: str) -> None:
    asked = parse_qs(urlsplit(_begin(_browser(), address)).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["scope"] == ["openid"]
    assert asked["redirect_uri"] == [f"{address}/login/callback"]
    assert all(len(asked[name][0]) >= 20 for name in ("state", "nonce", "code_challenge"))


def test_the_session_cookie_is_for_the_server_alone_and_ends_with_the_browser(address: str) -> None:
    browser = _browser()
    answer = browser.get(_consent(browser, _begin(browser, address)), allow_redirects=False)
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("outcomes=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Expires" not in cookie


def test_over_https_the_session_cookie_is_secure_and_of_this_host_only(home: Path) -> None:
    flask = Flask("tiny")
    settings = DashboardSettings(**_oidc("https://login.example", "https://outcomes.example"))
    login.install(flask, Settings(home=home), settings, lambda: False, frozenset)
    assert (flask.config["SESSION_COOKIE_NAME"], flask.config["SESSION_COOKIE_SECURE"]) == ("__Host-outcomes", True)


def test_nothing_but_the_sign_of_life_is_open_without_a_login(address: str) -> None:
    browser = _browser()
    assert browser.get(f"{address}/healthz").text == "OK"
    page = browser.get(f"{address}/", allow_redirects=False)
    assert (page.status_code, page.headers["Location"]) == (302, "/login?next=%2F")
    assert browser.get(f"{address}/healthz/", allow_redirects=False).status_code == 302
    for path in ("/", "/offer"):
        fetched = browser.get(f"{address}{path}", headers={"Sec-Fetch-Mode": "cors"}, allow_redirects=False)
        assert fetched.status_code == 401


def test_a_write_without_a_session_is_refused_and_with_one_answers_for_its_user(address: str) -> None:
    path = f"{address}/reviews"
    widened = {"user": "bob", "sites": ["north", "south"], "role": "clinical"}
    assert _browser().post(path, json=widened, headers=_OWN_PAGE).status_code == 401
    answer = _logged_in(address, "bob").post(path, json=widened, headers=_OWN_PAGE)
    assert answer.json() == {"user": "bob", "sites": ["south"], "role": "quality", "name": ""}


def test_a_foreign_site_is_denied_with_a_page_that_does_not_name_it(address: str) -> None:
    answer = _logged_in(address, "bob").get(f"{address}/north")
    assert answer.status_code == 403
    assert "north" not in answer.text
    assert _logged_in(address, "alice").get(f"{address}/north").text == "north"


def test_a_wrong_state_logs_nobody_in(address: str) -> None:
    browser = _browser()
    back = urlsplit(_consent(browser, _begin(browser, address)))
    code = parse_qs(back.query)["code"][0]
    answer = browser.get(f"{address}/login/callback", params={"code": code, "state": "another"}, allow_redirects=False)
    _assert_not_in(browser, address, answer)


def test_a_login_begun_in_another_browser_logs_nobody_in(address: str) -> None:
    back = _consent(attacker := _browser(), _begin(attacker, address))
    victim = _browser()
    _assert_not_in(victim, address, victim.get(back, allow_redirects=False))


def test_a_code_is_good_once(address: str) -> None:
    browser = _browser()
    authorize = _begin(browser, address)
    before = browser.cookies.copy()
    back = _consent(browser, authorize)
    assert browser.get(back, allow_redirects=False).status_code == 302
    assert browser.get(back, allow_redirects=False).status_code == 403
    again = _browser()
    again.cookies.update(before)
    _assert_not_in(again, address, again.get(back, allow_redirects=False))


def test_a_code_of_another_login_does_not_fit_the_verifier(address: str) -> None:
    attacker, victim = _browser(), _browser()
    stolen = parse_qs(urlsplit(_consent(victim, _begin(victim, address))).query)["code"][0]
    state = parse_qs(urlsplit(_begin(attacker, address)).query)["state"][0]
    answer = attacker.get(f"{address}/login/callback", params={"code": stolen, "state": state}, allow_redirects=False)
    _assert_not_in(attacker, address, answer)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "unchecked"])
def test_a_token_that_proves_nothing_logs_nobody_in(address: str, fault: str) -> None:
    browser = _browser()
    back = _consent(browser, _begin(browser, address), fault=fault)
    _assert_not_in(browser, address, browser.get(back, allow_redirects=False))


def test_a_refusal_of_the_provider_is_not_repeated_on_the_page(address: str) -> None:
    told = {"error": "access_denied", "error_description": "<script>alert(1)</script>", "state": "x"}
    answer = _browser().get(f"{address}/login/callback", params=told, allow_redirects=False)
    assert answer.status_code == 403
    assert "alert" not in answer.text


def _assert_not_in(browser: requests.Session, address: str, answer: requests.Response) -> None:
    assert answer.status_code == 403
    assert _REFUSED in answer.text
    assert browser.get(f"{address}/", allow_redirects=False).status_code == 302


@pytest.mark.parametrize(("hours_left", "status"), [(-0.01, 302), (1, 200)])
def test_a_session_ends_at_its_hour(address: str, hours_left: float, status: int) -> None:
    browser = _browser()
    browser.cookies.set("outcomes", _signed(_KEY, hours_left))
    assert browser.get(f"{address}/", allow_redirects=False).status_code == status


def test_a_session_signed_with_another_key_is_none(address: str) -> None:
    browser = _browser()
    browser.cookies.set("outcomes", _signed("another key of the tests, as long as it", 1))
    assert browser.get(f"{address}/", allow_redirects=False).status_code == 302


def _signed(key: str, hours_left: float) -> str:
    """A session cookie of alice that ends in so many hours."""
    flask = Flask("signer")
    flask.secret_key = key
    signer = SecureCookieSessionInterface().get_signing_serializer(flask)
    assert signer is not None
    now = time.time()
    return str(signer.dumps({"user": "alice", "id": "own", "since": now, "until": now + 3600 * hours_left}))


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "evil", ""],
)
def test_a_login_leads_to_no_other_host(address: str, elsewhere: str) -> None:
    browser = _browser()
    back = _consent(browser, _begin(browser, address, next=elsewhere))
    answer = browser.get(back, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


def test_many_logins_begun_in_one_browser_fit_its_cookie(address: str) -> None:
    browser = _browser()
    for _ in range(12):
        authorize = _begin(browser, address, next="/" + secrets.token_urlsafe(370))
        assert len(browser.cookies["outcomes"] or "") < 4000
    assert browser.get(_consent(browser, authorize), allow_redirects=False).status_code == 302


def test_a_page_with_too_long_an_address_is_not_come_back_to(address: str) -> None:
    browser = _browser()
    back = _consent(browser, _begin(browser, address, next="/" + "x" * 501))
    assert browser.get(back, allow_redirects=False).headers["Location"] == "/"


def test_a_login_leaves_nothing_of_what_the_browser_had_before(address: str) -> None:
    browser = _browser()
    another = _begin(browser, address)
    assert browser.get(_consent(browser, _begin(browser, address)), allow_redirects=False).status_code == 302
    assert browser.get(_consent(browser, another, "bob"), allow_redirects=False).status_code == 403
    assert browser.get(f"{address}/").json()["user"] == "alice"


def test_a_user_who_is_not_in_the_register_reads_whom_to_ask(address: str) -> None:
    browser = _logged_in(address, "<b>carol</b>")
    answer = browser.get(f"{address}/")
    assert answer.status_code == 403
    assert "Ask the administrator of these dashboards" in answer.text
    assert "&lt;b&gt;carol&lt;/b&gt;" in answer.text
    assert browser.post(f"{address}/reviews", headers=_OWN_PAGE).status_code == 403


def test_a_change_of_the_register_counts_at_once_and_an_unreadable_one_lets_nobody_in(address: str, home: Path) -> None:
    browser, register = _logged_in(address, "bob"), home / "access.csv"
    try:
        register.write_text("user,site_id,role\nbob,south,clinical\nbob,north,clinical\n", encoding="utf-8")
        assert browser.get(f"{address}/").json()["sites"] == ["north", "south"]
        register.write_text("user,site_id,role\nalice,north,clinical\n", encoding="utf-8")
        assert browser.get(f"{address}/").status_code == 403
        register.write_text("user,site_id,role\nbob,south\n", encoding="utf-8")
        assert browser.get(f"{address}/").status_code == 503
        register.unlink()
        assert browser.get(f"{address}/").status_code == 503
    finally:
        register.write_text(_REGISTER, encoding="utf-8")
    assert browser.get(f"{address}/").json()["sites"] == ["south"]


def test_logging_out_needs_a_post_from_an_own_page_and_ends_the_session(address: str) -> None:
    browser = _logged_in(address)
    assert browser.get(f"{address}/logout", allow_redirects=False).status_code == 405
    assert browser.post(f"{address}/logout", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert browser.get(f"{address}/").status_code == 200
    assert "You are logged out" in browser.post(f"{address}/logout", headers=_OWN_PAGE).text
    assert browser.get(f"{address}/", allow_redirects=False).status_code == 302


def _copy_of(browser: requests.Session) -> requests.Session:
    """Another browser with the same cookie."""
    copy = _browser()
    copy.cookies.update(browser.cookies.copy())
    return copy


def _is_in(browser: requests.Session, address: str) -> bool:
    return browser.get(f"{address}/", allow_redirects=False).status_code == 200


def test_a_copied_cookie_is_worth_nothing_after_logging_out_and_other_sessions_stay(address: str, home: Path) -> None:
    browser, other = _logged_in(address), _logged_in(address)
    copy = _copy_of(browser)
    assert _is_in(copy, address)
    browser.post(f"{address}/logout", headers=_OWN_PAGE)
    assert not _is_in(copy, address)
    assert copy.post(f"{address}/reviews", headers=_OWN_PAGE).status_code == 401
    assert _is_in(other, address)
    told = (home / "ended_sessions.jsonl").read_text(encoding="utf-8")
    assert "alice" not in told
    assert (home / "ended_sessions.jsonl").stat().st_mode & 0o777 == 0o600


def test_the_operator_ends_the_sessions_of_a_user_or_of_everybody(address: str, home: Path) -> None:
    def run(*arguments: str) -> int:
        return CliRunner().invoke(app, ["--home", str(home), "end-sessions", *arguments]).exit_code

    (home / "landing").mkdir(exist_ok=True)  # which makes it a home
    alice, bob = _logged_in(address, "alice"), _logged_in(address, "bob")
    assert run("alice") == 0
    assert [_is_in(browser, address) for browser in (alice, bob)] == [False, True]
    assert _is_in(_logged_in(address, "alice"), address)
    assert run("--all") == 0
    assert not _is_in(bob, address)
    assert [run(), run("alice", "--all")] == [2, 2]


def test_nobody_is_let_in_while_nobody_can_say_which_sessions_are_over(address: str, home: Path) -> None:
    browser, ended = _logged_in(address), home / "ended_sessions.jsonl"
    try:
        for text in ("{", "[]", '{"at": "soon"}', '{"at": 1, "foreign": 2}'):
            ended.write_text(text + "\n", encoding="utf-8")
            assert browser.get(f"{address}/").status_code == 503
        answer = _copy_of(browser).post(f"{address}/logout", headers=_OWN_PAGE)
        assert (answer.status_code, "may still be taken" in answer.text) == (503, True)
    finally:
        ended.unlink()
    assert _is_in(browser, address)


def test_what_was_ended_is_forgotten_once_no_session_can_be_as_old(tmp_path: Path) -> None:
    file = tmp_path / "ended_sessions.jsonl"
    old = {"at": time.time() - 25 * 3600, "session": "0" * 64, "user": None}
    file.write_text(json.dumps(old) + "\n", encoding="utf-8")
    EndedSessions(file).end("one")
    assert len(file.read_text(encoding="utf-8").splitlines()) == 1
    assert EndedSessions(file).covers("one", "alice", time.time())
    assert not EndedSessions(file).covers("two", "alice", time.time())


def test_a_provider_that_does_not_answer_is_said_so(home: Path) -> None:
    port = login_app.free_port()
    silent = f"http://127.0.0.1:{login_app.free_port()}"
    with login_app.serving(home, port, _oidc(silent, f"http://127.0.0.1:{port}")) as address:
        answer = _browser().get(f"{address}/login")
    assert answer.status_code == 503
    assert "does not answer" in answer.text


def test_a_user_is_known_by_a_checked_address_only(home: Path, issuer: str) -> None:
    port = login_app.free_port()
    settings = {**_oidc(issuer, f"http://127.0.0.1:{port}"), "user_claim": "email"}
    with login_app.serving(home, port, settings) as address:
        browser = _logged_in(address)
        assert "alice@clinic.example" in browser.get(f"{address}/").text
        browser = _browser()
        back = _consent(browser, _begin(browser, address), fault="unchecked")
        _assert_not_in(browser, address, browser.get(back, allow_redirects=False))


# a proxy in front


@pytest.fixture(scope="module")
def behind_proxy(home: Path) -> Iterator[str]:
    """Of an application that believes 127.0.0.2 only."""
    settings = {"login": "proxy", "proxy_address": "127.0.0.2", "public_url": "https://outcomes.example"}
    with login_app.serving(home, login_app.free_port(), settings) as found:
        yield found


class _From(HTTPAdapter):
    """Connects from an address of choice."""

    def __init__(self, address: str) -> None:
        self._from = (address, 0)
        super().__init__()

    def init_poolmanager(self, *args: Any, **keywords: Any) -> None:
        super().init_poolmanager(*args, source_address=self._from, **keywords)


def _from(address: str) -> requests.Session:
    browser = _browser()
    browser.mount("http://", _From(address))
    return browser


def test_the_proxy_names_the_user(behind_proxy: str) -> None:
    proxy = _from("127.0.0.2")
    answer = proxy.get(behind_proxy, headers={"X-Forwarded-User": "bob"})
    assert answer.json() == {"user": "bob", "sites": ["south"], "role": "quality", "name": ""}
    assert answer.headers["Strict-Transport-Security"]
    unknown = proxy.get(behind_proxy, headers={"X-Forwarded-User": "carol"})
    assert unknown.status_code == 403
    assert "Log out" not in unknown.text


def test_nobody_but_the_proxy_names_a_user(behind_proxy: str) -> None:
    answer = _from("127.0.0.1").get(behind_proxy, headers={"X-Forwarded-User": "bob"})
    assert answer.status_code == 403
    assert "bob" not in answer.text


@pytest.mark.parametrize(
    "values", [[], [""], [" "], ["alice", "bob"], ["alice", "alice"], ["alice,bob"], ["alice", ""]]
)
def test_the_proxy_must_name_exactly_one_user(behind_proxy: str, values: list[str]) -> None:
    url = urlsplit(behind_proxy)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, source_address=("127.0.0.2", 0))
    connection.putrequest("GET", "/")
    for value in values:
        connection.putheader("X-Forwarded-User", value)
    connection.endheaders()
    assert connection.getresponse().status == 403
    connection.close()


def test_behind_the_proxy_the_sign_of_life_is_open(behind_proxy: str) -> None:
    assert _from("127.0.0.1").get(f"{behind_proxy}/healthz").text == "OK"


# no login


@pytest.fixture
def local(tmp_path: Path) -> Iterator[str]:
    """Of an application that asks nobody to log in, over invented patients."""
    (tmp_path / "synthetic").write_text("yes")
    with login_app.serving(tmp_path, login_app.free_port(), {"login": "none"}) as found:
        yield found


def test_without_a_login_this_machine_sees_invented_patients_of_all_sites(local: str, tmp_path: Path) -> None:
    port = urlsplit(local).port
    everything = {"user": "local", "sites": ["north", "south"], "role": "clinical", "name": ""}
    assert _browser().get(local).json() == everything
    for host in ("localhost", f"LOCALHOST:{port}", "[::1]:8050"):
        assert _browser().get(local, headers={"Host": host}).json() == everything
    for host in (
        "evil.example",
        f"evil.example:{port}",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
    ):
        assert _browser().get(local, headers={"Host": host}).status_code == 403
    for header in ("X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "X-Real-IP"):
        assert _browser().get(local, headers={header: "127.0.0.1"}).status_code == 403
    (tmp_path / "synthetic").unlink()
    assert _browser().get(local).status_code == 200


def test_without_a_login_nothing_is_shown_once_real_patients_are_released(local: str, tmp_path: Path) -> None:
    (tmp_path / "synthetic").write_text("no")
    answer = _browser().get(local)
    assert answer.status_code == 403
    assert "real patients" in answer.text
    assert _browser().post(f"{local}/reviews", headers=_OWN_PAGE).status_code == 403
    assert _browser().get(f"{local}/healthz").status_code == 200


def test_a_server_without_a_login_refuses_to_start_over_real_patients(tmp_path: Path) -> None:
    with pytest.raises(OutcomesError, match="login_needed"):
        login.install(Flask("tiny"), Settings(home=tmp_path), DashboardSettings(), lambda: False, frozenset)


@pytest.mark.parametrize("remote", ["10.1.2.3", "::ffff:10.1.2.3", "", "unix"])
def test_without_a_login_no_other_machine_is_answered(tmp_path: Path, remote: str) -> None:
    flask = Flask("tiny")
    login.install(flask, Settings(home=tmp_path), DashboardSettings(), lambda: True, frozenset)
    flask.get("/")(lambda: "shown")
    assert flask.test_client().get("/", environ_base={"REMOTE_ADDR": "127.0.0.1"}).text == "shown"
    assert flask.test_client().get("/", environ_base={"REMOTE_ADDR": remote}).status_code == 403


def test_a_server_with_a_login_refuses_to_start_without_a_register(tmp_path: Path) -> None:
    settings = DashboardSettings(login="proxy", proxy_address="10.0.0.1", public_url="https://outcomes.example")
    with pytest.raises(OutcomesError, match="access_malformed"):
        login.install(Flask("tiny"), Settings(home=tmp_path), settings, lambda: None, frozenset)


def test_a_cross_site_write_is_refused_although_it_carries_a_session(address: str) -> None:
    browser = _logged_in(address)
    path = f"{address}/reviews"
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil"}):
        assert browser.post(path, headers=headers).status_code == 403
    assert browser.post(path, headers={"Origin": address}).status_code == 200
