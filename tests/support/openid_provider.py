"""A small OpenID provider for tests: `python -m tests.support.openid_provider PORT`.

It asks nobody for a password. Whoever drives the login adds `user` to the address of /authorize, and may add `fault`,
which spoils the ID token in one way.
"""

import base64
import hashlib
import secrets
import sys
import time
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, jsonify, redirect, request
from joserfc import jws, jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server
from werkzeug.wrappers import Response as AnyResponse

CLIENT_ID = "dashboards"
CLIENT_SECRET = "a secret of the tests"
FAULTS = ["nonce", "no_nonce", "audience", "issuer", "expired", "unsigned", "foreign_key", "no_id_token", "unchecked"]


def provider(issuer: str) -> Flask:
    """The provider's application, with a key of its own."""
    app = Flask("provider")
    key = RSAKey.generate_key(2048, parameters={"kid": "1", "use": "sig", "alg": "RS256"})
    asked_by_code: dict[str, dict[str, str]] = {}

    @app.get("/.well-known/openid-configuration")
    def discovery() -> Response:
        return jsonify(
            issuer=issuer,
            authorization_endpoint=f"{issuer}/authorize",
            token_endpoint=f"{issuer}/token",
            jwks_uri=f"{issuer}/jwks",
            response_types_supported=["code"],
            subject_types_supported=["public"],
            id_token_signing_alg_values_supported=["RS256", "none"],
        )

    @app.get("/jwks")
    def jwks() -> Response:
        return jsonify(keys=[key.as_dict(private=False)])

    @app.get("/authorize")
    def authorize() -> AnyResponse:
        asked = request.args.to_dict()
        is_code_flow = asked.get("response_type") == "code" and "openid" in asked.get("scope", "").split()
        has_pkce = asked.get("code_challenge_method") == "S256" and asked.get("code_challenge")
        if asked.get("client_id") != CLIENT_ID or not (is_code_flow and has_pkce and asked.get("nonce")):
            return Response("invalid_request", 400)
        code = secrets.token_urlsafe()
        asked_by_code[code] = asked
        return redirect(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    @app.post("/token")
    def token() -> tuple[Response, int]:
        sent = request.form
        asked = asked_by_code.pop(sent.get("code", ""), None)
        who = request.authorization
        if who is None or (who.username, who.password) != (CLIENT_ID, CLIENT_SECRET):
            return jsonify(error="invalid_client"), 401
        if asked is None or asked["redirect_uri"] != sent.get("redirect_uri") or not _fits(asked, sent):
            return jsonify(error="invalid_grant"), 400
        answer = {"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "expires_in": 60}
        if asked.get("fault") != "no_id_token":
            answer["id_token"] = _id_token(issuer, key, asked)
        return jsonify(answer), 200

    return app


def _fits(asked: dict[str, str], sent: Any) -> bool:
    """Whether the code verifier is the one that the challenge was made of."""
    digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]


def _id_token(issuer: str, key: RSAKey, asked: dict[str, str]) -> str:
    now, fault = int(time.time()), asked.get("fault")
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": asked["user"],
        "aud": CLIENT_ID,
        "iat": now,
        "exp": now + 60,
        "nonce": asked["nonce"],
        "email": f"{asked['user']}@clinic.example",
        "email_verified": fault != "unchecked",
    }
    spoilt: dict[str, dict[str, Any]] = {
        "nonce": {"nonce": "of another login"},
        "audience": {"aud": "another client", "azp": CLIENT_ID},
        "issuer": {"iss": "https://another.example"},
        "expired": {"iat": now - 7200, "exp": now - 3600},
    }
    claims |= spoilt.get(fault or "", {})
    if fault == "no_nonce":
        del claims["nonce"]
    if fault == "unsigned":
        unsigned = jws.JWSRegistry(algorithms=["none"])
        return jwt.encode({"alg": "none", "kid": "1"}, claims, key, registry=unsigned)
    signing = RSAKey.generate_key(2048) if fault == "foreign_key" else key
    return jwt.encode({"alg": "RS256", "kid": "1"}, claims, signing)


def main(port: int) -> None:
    """Serve on loopback until killed."""
    make_server("127.0.0.1", port, provider(f"http://127.0.0.1:{port}"), threaded=True).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
