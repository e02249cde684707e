"""The dashboards as a web application: `gunicorn 'dashboards.server:server()'`, with OUTCOMES_HOME set."""

import gc
from pathlib import Path
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update
from flask import Flask
from flask_compress import Compress

from dashboards import exports, pages
from dashboards.access import callbacks, login, security
from dashboards.access.log import AccessLog
from dashboards.access.scope import current_scope
from dashboards.charts.style import Component
from dashboards.data.reader import Releases
from dashboards.pages.frame import PRODUCT
from dashboards.reviews import moves
from dashboards.settings import DashboardSettings
from outcomes.settings import Settings

_INDEX = """<!DOCTYPE html>
<html lang="en">
    <head>{%metas%}<title>{%title%}</title>{%favicon%}{%css%}</head>
    <body>{%app_entry%}<footer>{%config%}{%scripts%}{%renderer%}</footer></body>
</html>
"""
_A_YEAR = 365 * 24 * 3600
"""Seconds."""
_LOOKS_FOR_A_NEW_RELEASE_EVERY = 60_000
"""Milliseconds."""


def server(home: str | None = None) -> Flask:
    """The WSGI application.

    Args:
        home: the folder that holds all data; OUTCOMES_HOME when left out.

    Raises:
        OutcomesError: login_needed, login_malformed, access_malformed.
    """
    settings = Settings() if home is None else Settings(home=Path(home))
    flask: Flask = create_app(settings).server
    # What the libraries have made by now stays: to look at it again with each collection would hold up pages.
    gc.collect()
    gc.freeze()
    return flask


def create_app(settings: Settings, dashboard_settings: DashboardSettings | None = None) -> Dash:
    """The dashboards over `settings.releases`; the address is the only state but the release that a page shows.

    Raises:
        OutcomesError: login_needed, login_malformed, access_malformed.
    """
    chosen = dashboard_settings or DashboardSettings()
    releases = Releases(settings.releases)
    site = pages.Site(settings, chosen, releases, AccessLog(settings.access_log))
    app = Dash(
        "dashboards",
        title=PRODUCT,
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
    _add_callbacks(app, site)
    exports.install(app.server, site)
    moves.install(app.server, releases, site.reviews, site.log)
    security.install(app.server, app.csp_hashes(), chosen.public_url)
    login.install(app.server, settings, chosen, releases.is_synthetic, releases.sites)
    callbacks.install(app.server, app.callback_map)
    # Names of scripts and styles change with their content.
    app.server.config["SEND_FILE_MAX_AGE_DEFAULT"] = _A_YEAR
    app.server.config["COMPRESS_MIMETYPES"] = [
        "application/json",
        "application/javascript",
        "text/javascript",
        "text/css",
        "text/html",
    ]
    Compress(app.server)
    return app


def _layout() -> Component:
    return html.Div(
        [
            dcc.Location(id="address"),
            dcc.Interval(id="clock", interval=_LOOKS_FOR_A_NEW_RELEASE_EVERY),
            dcc.Store(id="title"),
            dcc.Store(id="release"),
            html.Div(id="offer", role="status"),
            html.Div(id="page"),
        ]
    )


def _text(sent: object) -> str:
    """What a browser sent as text: empty if it is none, as anybody can post anything; halves of characters replaced."""
    return sent.encode(errors="replace").decode() if isinstance(sent, str) else ""


def _add_callbacks(app: Dash, site: "pages.Site") -> None:
    def render(pathname: object, search: object, release: object) -> tuple[Component, str, Any]:
        shown = site.show(current_scope(), _text(pathname) or "/", _text(search), _text(release) or None)
        return shown.content, shown.title, shown.release_id or no_update

    def offer(_: int, __: str, release: object) -> Component:
        current, shown = site.releases.current_id(), _text(release)
        if not shown or current in {None, shown}:
            return None
        return [f"Release {current} has been published. This page shows {shown}. ", html.A("Show the new one", href="")]

    app.callback(
        Output("page", "children"),
        Output("title", "data"),
        Output("release", "data"),
        Input("address", "pathname"),
        Input("address", "search"),
        State("release", "data"),
    )(render)
    app.callback(
        Output("offer", "children"), Input("clock", "n_intervals"), Input("title", "data"), State("release", "data")
    )(offer)
    app.clientside_callback(
        ClientsideFunction("page", "settle"),
        Output("title", "modified_timestamp"),
        Input("title", "data"),
        Input("page", "children"),
    )
