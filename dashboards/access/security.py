"""What every answer forbids the browser, and which requests are refused whoever sends them.

Cross-site writes. A request that can change or tell anything beyond a page (all but GET and HEAD) must come from a page
of these dashboards. The browser itself says where a request comes from, in `Sec-Fetch-Site`, and no script and no form
can set or drop that header; `same-origin` is the only value let through, so a page of another site, or of another host
of the same site, is refused. A browser too old for it names the page's origin in `Origin` with every write, which no
script can forge either; a write with neither header is refused. The session cookie is SameSite=Lax besides, so that a
cross-site write would not even carry the session. Two things that the browser guarantees, each enough, need no token in
the page, and nothing that a cached page could hold out of date. GET and HEAD change nothing but the login in progress,
which carries its own `state`.
"""

from urllib.parse import urlsplit

from flask import Flask, Response, request

_MAX_BODY = 16 * 1024  # bytes; a form sends a few hundred
_YEAR = 365 * 24 * 3600  # seconds


def install(flask: Flask, public_url: str = "") -> None:
    """Let the browser load nothing from, and send nothing to, any other host; refuse what other sites' pages send.

    Call it before `login.install`: what is refused here is refused before anybody is asked who they are.

    Args:
        flask: the application.
        public_url: the address under which people know the application, if it is another than the one that it
            listens on; https there adds HSTS.
    """
    headers = _headers(is_https=urlsplit(public_url).scheme == "https")
    origin = _origin(public_url)
    flask.config["MAX_CONTENT_LENGTH"] = _MAX_BODY

    def add_headers(response: Response) -> Response:
        response.headers.update(headers)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def refuse_cross_site_writes() -> Response | None:
        if request.method in ("GET", "HEAD") or _is_from_own_page(origin or f"{request.scheme}://{request.host}"):
            return None
        return Response("This request did not come from a page of these dashboards.\n", 403, mimetype="text/plain")

    flask.before_request(refuse_cross_site_writes)
    flask.after_request(add_headers)


def _headers(*, is_https: bool) -> dict[str, str]:
    # A chart becomes a PNG file through an image at a blob: address; only this page's own scripts can make one.
    headers = {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
            "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
    return headers | ({"Strict-Transport-Security": f"max-age={_YEAR}"} if is_https else {})


def _is_from_own_page(origin: str) -> bool:
    """Whether the browser says that one of this server's pages sent the request."""
    site = request.headers.get("Sec-Fetch-Site")
    return site == "same-origin" if site is not None else request.headers.get("Origin") == origin


def _origin(url: str) -> str:
    """The origin of an address, as browsers write it; nothing of nothing."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else ""
