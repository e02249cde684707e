"""The dashboards as a web application: `gunicorn 'dashboards.server:server()'`, with OUTCOMES_HOME set."""

import gc
from pathlib import Path

from flask import Flask, Response, request
from flask_compress import Compress

from dashboards import annotations, exports, pages
from dashboards.access import login, security
from dashboards.access.log import AccessLog, NotLogged
from dashboards.access.login import answers
from dashboards.access.scope import current_scope
from dashboards.data.reader import Releases
from dashboards.rendering import ASSETS, render
from dashboards.reviews import moves, pins
from dashboards.settings import DashboardSettings
from outcomes.settings import Settings

_A_YEAR = 365 * 24 * 3600
"""Seconds."""


def server(home: str | None = None) -> Flask:
    """The WSGI application.

    Args:
        home: the folder that holds all data; OUTCOMES_HOME when left out.

    Raises:
        OutcomesError: login_needed, login_malformed, access_malformed.
    """
    flask = create_app(Settings() if home is None else Settings(home=Path(home)))
    # What the libraries have made by now stays: to look at it again with each collection would hold up pages.
    gc.collect()
    gc.freeze()
    return flask


def create_app(settings: Settings, dashboard_settings: DashboardSettings | None = None) -> Flask:
    """The dashboards over `settings.releases`; the address is the only state.

    Raises:
        OutcomesError: login_needed, login_malformed, access_malformed.
    """
    chosen = dashboard_settings or DashboardSettings()
    releases = Releases.of(settings)
    site = pages.Site(settings, chosen, releases, AccessLog(settings.access_log))
    flask = Flask("dashboards", static_folder=ASSETS, static_url_path="/assets")
    # The addresses that pages name change with the content.
    flask.config["SEND_FILE_MAX_AGE_DEFAULT"] = _A_YEAR
    _add_pages(flask, site)
    exports.install(flask, site)
    moves.install(flask, releases, site.reviews, site.log)
    pins.install(flask, releases, site.pins)
    annotations.install(flask, settings, releases, site.log)
    security.install(flask, chosen.public_url)
    login.install(flask, settings, chosen, releases.is_synthetic, releases.sites)
    flask.register_error_handler(NotLogged, lambda error: _not_logged(flask, error))
    Compress(flask)
    return flask


def _not_logged(flask: Flask, error: NotLogged) -> Response:
    flask.logger.error("nothing is shown: %s", error)
    return answers.not_logged()


def _add_pages(flask: Flask, site: pages.Site) -> None:
    @flask.get("/healthz")
    def healthy() -> str:
        return "OK"

    @flask.get("/")
    @flask.get("/<path:path>")
    def page(path: str = "") -> Response:
        shown = site.show(current_scope(), f"/{path}", request.query_string.decode(errors="replace"))
        return Response(shown.html, shown.status)

    @flask.get("/offer")
    def offer() -> str:
        """For a page of an older release: that there is a newer one; empty for others."""
        shown, current = request.args.get("release"), site.releases.current_id()
        return render("offer.html", shown=shown, current=current) if shown and current not in (None, shown) else ""
