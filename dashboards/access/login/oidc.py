"""Login at the organisation's OpenID provider: the code flow with PKCE, `state` and `nonce`.

The browser's cookie holds, signed, who logged in, since and until when, and the session's id. With every request the
scope is looked up anew, so a user who is taken out of the register is out at once, and so is whether the session was
ended: by logging out, or by the operator. While a login is under way it holds that login's `state`, `nonce`,
code verifier and the page to come back to.
"""

import re
import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import Flask, Response, redirect, request, session
from joserfc.errors import JoseError
from requests import RequestException
from werkzeug.wrappers import Response as AnyResponse

from dashboards.access.login import answers
from dashboards.access.login.ended import EndedSessions
from dashboards.access.login.register import Register
from dashboards.access.scope import Scope
from dashboards.settings import DashboardSettings
from outcomes.errors import OutcomesError

_LOGIN, _CALLBACK, _LOGOUT = "/login", "/login/callback", "/logout"
_OWN_PATH = re.compile(r"/(?!/)[^\\\x00-\x20\x7f]{0,500}")
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
"""How an ID token may be signed: with the provider's private key. A provider may also offer `none`."""
_AT_ONCE = 4  # logins under way in one browser; each takes 300 to 900 bytes of a cookie that holds 4 kB
_TIMEOUT = 10  # seconds to wait for the provider


def admission(
    flask: Flask, register: Register, ended: EndedSessions, settings: DashboardSettings
) -> Callable[[], Scope | AnyResponse | None]:
    """Let in who has logged in, to what the register opens to that user; send everybody else to log in.

    Adds the routes /login, /login/callback and /logout (POST) to the application, and sets how its session cookie is
    kept. What `admit` gives for those three is None: they ask for themselves.
    """
    _keep_sessions(flask, settings)
    _add_routes(flask, ended, settings)

    def admit() -> Scope | AnyResponse | None:
        if request.path in (_LOGIN, _CALLBACK, _LOGOUT):
            return None
        user = _user(ended)
        if user is None:
            return _send_to_login()
        return register.scope(user)

    return admit


def _keep_sessions(flask: Flask, settings: DashboardSettings) -> None:
    flask.secret_key = settings.secret_key.get_secret_value()
    flask.config.update(
        # the prefix makes browsers refuse such a cookie from another host of the same domain
        SESSION_COOKIE_NAME="__Host-outcomes" if settings.is_https else "outcomes",
        SESSION_COOKIE_SECURE=settings.is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=settings.session_hours),
    )


def _add_routes(flask: Flask, ended: EndedSessions, settings: DashboardSettings) -> None:
    provider = _provider(flask, settings)
    callback = settings.public_url.rstrip("/") + _CALLBACK

    def log_in() -> AnyResponse:
        if len(session) >= _AT_ONCE:
            session.clear()
        begun = provider.create_authorization_url(callback)
        url = begun.pop("url")
        provider.save_authorize_data(redirect_uri=callback, next=_own_path(request.args.get("next", "")), **begun)
        return redirect(url)

    def come_back() -> AnyResponse:
        begun = provider.framework.get_state_data(session, request.args.get("state")) or {}
        provider.load_server_metadata()["id_token_signing_alg_values_supported"] = _ALGORITHMS
        claims = provider.authorize_access_token(claims_options=_claims(settings)).get("userinfo") or {}
        user = _named(claims, settings.user_claim)
        session.clear()
        if user is None:
            return answers.login_failed()
        now = time.time()
        session.update(user=user, id=secrets.token_urlsafe(16), since=now, until=now + settings.session_hours * 3600)
        return redirect(begun["next"])

    def log_out() -> Response:
        session_id = session.get("id")
        session.clear()
        try:
            if isinstance(session_id, str):
                ended.end(session_id)
        except (OutcomesError, OSError) as error:
            flask.logger.error("a session could not be ended: %s", error)
            return answers.still_open()
        return answers.logged_out()

    flask.add_url_rule(_LOGIN, "log_in", _calmly(flask, log_in), methods=["GET"])
    flask.add_url_rule(_CALLBACK, "come_back", _calmly(flask, come_back), methods=["GET"])
    flask.add_url_rule(_LOGOUT, "log_out", log_out, methods=["POST"])


def _provider(flask: Flask, settings: DashboardSettings) -> Any:
    """Authlib's client of the provider, which reads the provider's discovery document when first needed."""
    return OAuth(flask).register(
        "provider",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        server_metadata_url=settings.oidc_issuer.rstrip("/") + "/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid" if settings.user_claim == "sub" else "openid profile email",
            "code_challenge_method": "S256",
            "default_timeout": _TIMEOUT,
        },
    )


def _claims(settings: DashboardSettings) -> dict[str, dict[str, Any]]:
    """What an ID token must say beside its signature, its times and the nonce: from this provider, for this client."""
    return {
        "iss": {"essential": True, "value": settings.oidc_issuer},
        "aud": {"essential": True, "value": settings.oidc_client_id},
    }


def _named(claims: dict[str, Any], claim: str) -> str | None:
    """The user's name in the ID token; None without one, or with an address that nobody has checked."""
    user = claims.get(claim)
    is_unchecked = claim == "email" and claims.get("email_verified") is not True
    return user if isinstance(user, str) and user and not is_unchecked else None


def _calmly(flask: Flask, answer: Callable[[], AnyResponse]) -> Callable[[], AnyResponse]:
    """A step of the login that fails with a page; the log gets the kind of failure only."""

    def answer_calmly() -> AnyResponse:
        try:
            return answer()
        except RequestException as error:
            flask.logger.error("the login provider does not answer: %s", type(error).__name__)
            return answers.provider_silent()
        except (AuthlibBaseError, JoseError, ValueError) as error:
            flask.logger.warning("a login was refused: %s", type(error).__name__)
            return answers.login_failed()

    return answer_calmly


def _user(ended: EndedSessions) -> str | None:
    """Who has logged in with this browser; None when nobody has, too long ago, or in a session that was ended."""
    user, session_id = session.get("user"), session.get("id")
    since, until = session.get("since", 0), session.get("until", 0)
    if not isinstance(user, str) or not isinstance(session_id, str) or time.time() >= until:
        return None
    return None if ended.covers(session_id, user, since) else user


def _send_to_login() -> AnyResponse:
    """A page leads to the login and back; what a page asks for by itself gets a plain 401."""
    is_page = request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
    if request.method not in ("GET", "HEAD") or not is_page:
        return Response("Log in first.\n", 401, mimetype="text/plain")
    query = request.query_string.decode("latin-1")
    here = quote(request.path) + (f"?{query}" if query else "")
    return redirect(f"{_LOGIN}?{urlencode({'next': here})}")


def _own_path(text: str) -> str:
    """The page to come back to: a path of this server, else the first page. `//host` and `/\\host` lead elsewhere."""
    return text if _OWN_PATH.fullmatch(text) else "/"
