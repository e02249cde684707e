"""The dashboards as a web application: `gunicorn 'dashboards.app:server()'`, with OUTCOMES_HOME set."""

from pathlib import Path

from dash import Dash, Input, Output, dcc, html
from flask import Flask, Response

from dashboards.charts.style import Component
from dashboards.pages import frame
from dashboards.pages.data_quality import data_quality, site_path, site_quality
from dashboards.pages.frame import View
from dashboards.pages.label import label
from dashboards.pages.overview import overview
from dashboards.pages.states import no_release, not_found
from dashboards.queries import Releases
from outcomes.settings import Settings

_INDEX = """<!DOCTYPE html>
<html lang="en">
    <head>{%metas%}<title>{%title%}</title>{%favicon%}{%css%}</head>
    <body>{%app_entry%}<footer>{%config%}{%scripts%}{%renderer%}</footer></body>
</html>
"""
_SET_TITLE = "function(title) { document.title = title; return window.dash_clientside.no_update; }"


def server(home: str | None = None) -> Flask:
    """The WSGI application.

    Args:
        home: the folder that holds all data; OUTCOMES_HOME when left out.
    """
    settings = Settings() if home is None else Settings(home=Path(home))
    flask: Flask = create_app(settings).server
    return flask


def create_app(settings: Settings | None = None) -> Dash:
    """The dashboards over `settings.releases`; the address is the only state."""
    releases = Releases((settings or Settings()).releases)
    app = Dash(
        "dashboards",
        title=frame.PRODUCT,
        update_title=None,
        index_string=_INDEX,
        assets_folder=str(Path(__file__).parent / "assets"),
        suppress_callback_exceptions=True,
        health_endpoint="healthz",
        enable_mcp=False,
        use_async=False,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    app.layout = _layout

    def render(pathname: str | None) -> tuple[Component, str]:
        release = releases.current()
        if release is None:
            return no_release(), frame.PRODUCT
        return _page(View(release), pathname or "/")

    app.callback(Output("page", "children"), Output("title", "data"), Input("address", "pathname"))(render)
    app.clientside_callback(_SET_TITLE, Output("title", "modified_timestamp"), Input("title", "data"))
    _harden(app)
    return app


def _layout() -> Component:
    return html.Div([dcc.Location(id="address"), dcc.Store(id="title"), html.Div(id="page")])


def _page(view: View, pathname: str) -> tuple[Component, str]:
    """The page at an address, and its title."""
    if pathname == "/":
        return overview(view), frame.PRODUCT
    if pathname == frame.DATA_QUALITY:
        return data_quality(view), f"Data quality – {frame.PRODUCT}"
    for site in view.release.sites():
        if pathname == site_path(site.site_id):
            return site_quality(view, site), f"Data quality of {site.name} – {frame.PRODUCT}"
    for definition in view.definitions:
        if pathname == frame.label_path(definition.label):
            return label(view, definition), f"{definition.title} – {frame.PRODUCT}"
    return not_found(view, pathname), f"No such page – {frame.PRODUCT}"


def _harden(app: Dash) -> None:
    """Let the browser load nothing from, and send nothing to, any other host."""
    scripts = " ".join(["'self'", *app.csp_hashes()])
    headers = {
        "Content-Security-Policy": (
            f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }

    def add_headers(response: Response) -> Response:
        response.headers.update(headers)
        return response

    app.server.after_request(add_headers)
