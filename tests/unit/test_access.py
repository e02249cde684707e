"""Who may see what: the scope, the register that it comes from, and the limit on exports."""

from pathlib import Path

import pytest
from flask import Flask, g, request
from flask.testing import FlaskClient

from dashboards.access.limits import new_limiter
from dashboards.access.scope import Denied, Scope, current_scope, load_register
from dashboards.settings import DashboardSettings
from outcomes.errors import OutcomesError

_QUALITY = Scope("bob", frozenset({"north", "south"}), "quality")
_OIDC = {
    **{"login": "oidc", "oidc_issuer": "https://login.example/realm", "oidc_client_id": "dashboards"},
    **{"oidc_client_secret": "secret", "public_url": "https://outcomes.example"},
    "secret_key": "0123456789abcdef0123456789abcdef",
}
_PROXY = {"login": "proxy", "proxy_address": "10.0.0.7", "public_url": "https://outcomes.example"}


def _register(folder: Path, text: str) -> Path:
    path = folder / "access.csv"
    path.write_bytes(text.encode())
    return path


def test_a_scope_opens_its_own_sites_only() -> None:
    _QUALITY.require("north")
    with pytest.raises(Denied):
        _QUALITY.require("east")


def test_single_patients_are_for_the_clinical_role_of_the_site() -> None:
    clinical = Scope("alice", frozenset({"north"}), "clinical")
    clinical.require_clinical("north")
    with pytest.raises(Denied):
        clinical.require_clinical("south")
    with pytest.raises(Denied):
        _QUALITY.require_clinical("north")


def test_a_denial_names_neither_user_nor_site() -> None:
    for ask in (_QUALITY.require, _QUALITY.require_clinical):
        with pytest.raises(Denied) as denied:
            ask("east")
        assert not {"bob", "north", "south", "east"} & set(str(denied.value).split())


def test_a_register_gives_each_user_all_their_sites(tmp_path: Path) -> None:
    text = "\ufeffuser,site_id,role\r\nalice,north,clinical\r\n\r\nbob, north ,quality\r\nbob,south,quality\r\n"
    assert load_register(_register(tmp_path, text)) == {
        "alice": Scope("alice", frozenset({"north"}), "clinical"),
        "bob": Scope("bob", frozenset({"north", "south"}), "quality"),
    }


def test_a_register_of_nobody_opens_nothing(tmp_path: Path) -> None:
    assert load_register(_register(tmp_path, "user,site_id,role\n")) == {}


def test_a_user_has_one_role(tmp_path: Path) -> None:
    text = "user,site_id,role\nalice,north,clinical\n\nalice,south,quality\n"
    with pytest.raises(OutcomesError, match="access_malformed") as refused:
        load_register(_register(tmp_path, text))
    assert refused.value.where == "access.csv, line 4, role: not the user's in earlier lines"


def test_there_is_a_scope_only_in_a_request_that_was_admitted() -> None:
    flask = Flask("tiny")
    with pytest.raises(Denied):
        current_scope()
    with flask.app_context(), pytest.raises(Denied):
        current_scope()
    with flask.test_request_context():
        with pytest.raises(Denied):
            current_scope()
        g.scope = _QUALITY
        assert current_scope() is _QUALITY


def test_nobody_has_to_log_in_until_a_login_is_chosen() -> None:
    settings = DashboardSettings()
    assert (settings.login, settings.cases, settings.is_https) == ("none", False, False)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _OIDC.items():
        monkeypatch.setenv(f"OUTCOMES_DASHBOARDS_{name}".upper(), value)
    settings = DashboardSettings()
    assert (settings.login, settings.oidc_client_id, settings.is_https) == ("oidc", "dashboards", True)
    assert "0123456789abcdef" not in repr(settings)


@pytest.mark.parametrize(
    ("given", "changed", "named"),
    [
        *[(_OIDC, {name: ""}, name) for name in _OIDC if name != "login"],
        (_OIDC, {"secret_key": "0123456789abcdef0123456789abcde"}, "secret_key"),
        (_OIDC, {"oidc_issuer": "http://login.example"}, "oidc_issuer"),
        (_OIDC, {"public_url": "http://outcomes.example"}, "public_url"),
        (_OIDC, {"public_url": "https://outcomes.example/path"}, "public_url"),
        (_OIDC, {"public_url": "https://outcomes.example:x"}, "public_url"),
        (_OIDC, {"public_url": "outcomes.example"}, "public_url"),
        (_PROXY, {"proxy_address": ""}, "proxy_address"),
        (_PROXY, {"proxy_address": "proxy.example"}, "proxy_address"),
        (_PROXY, {"public_url": ""}, "public_url"),
        (_PROXY, {"proxy_header": "X User"}, "proxy_header"),
        ({}, {"login": "password"}, "login"),
        ({}, {"session_hours": "0"}, "session_hours"),
        ({}, {"exports_per_minute": "many"}, "exports_per_minute"),
    ],
)
def test_a_login_without_what_it_needs_is_refused_by_name_without_values(
    given: dict[str, str], changed: dict[str, str], named: str
) -> None:
    with pytest.raises(OutcomesError) as refused:
        DashboardSettings(**{**given, **changed})
    assert (refused.value.code, refused.value.exit_status) == ("login_malformed", 55)
    assert refused.value.where == f"OUTCOMES_DASHBOARDS_{named}".upper()


def test_what_a_login_needs_is_enough_for_it() -> None:
    assert DashboardSettings(**_PROXY).is_https
    assert not DashboardSettings(**{**_OIDC, "public_url": "http://127.0.0.1:8050/"}).is_https


def test_a_user_who_exports_too_often_waits_and_nobody_else_does() -> None:
    client = _exporting()
    assert [client.get("/export?user=alice").status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = client.get("/export?user=alice")
    assert refused.text == "You can do this 3 times a minute. Wait a minute, then try again.\n"
    assert refused.headers["Retry-After"] == "60"
    assert client.get("/export?user=bob").status_code == 200


def test_the_limit_of_one_application_is_not_that_of_another() -> None:
    _exporting("1 per minute")
    client = _exporting("3 per minute")
    assert [client.get("/export?user=carol").status_code for _ in range(2)] == [200, 200]


def _exporting(limit: str = "3 per minute") -> FlaskClient:
    flask = Flask("tiny")
    limiter = new_limiter(flask)

    @flask.before_request
    def admit() -> None:
        g.scope = Scope(request.args["user"], frozenset(), "quality")

    @flask.get("/export")
    @limiter.limit(limit)
    def export() -> str:
        return "exported"

    return flask.test_client()
