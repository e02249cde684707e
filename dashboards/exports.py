"""The CSV of a card: the same page is made anew, for the same reader and release, and one table of it written out."""

from flask import Flask, Response, request

from dashboards.access import Denied, current_scope
from dashboards.cards import as_csv
from dashboards.filters import UnknownFilter
from dashboards.limits import new_limiter
from dashboards.pages import Site
from dashboards.pages.site import logged_denied


def install(flask: Flask, site: Site) -> None:
    """Add the route /export/<page>?card=<name>&release=<id>, with the filters of the page."""

    limiter = new_limiter(flask)

    @flask.get("/export/")
    @flask.get("/export/<path:path>")
    @limiter.limit(f"{site.dashboard_settings.exports_per_minute} per minute")
    def export(path: str = "") -> Response:
        return _export(site, f"/{path}")


def _export(site: Site, path: str) -> Response:
    scope, release_id = current_scope(), request.args.get("release")
    reader = site.releases.read(scope, release_id)
    if reader is None or (release_id and reader.release_id != release_id):
        return _refusal("This release is no longer kept. Reload the page for the current one.", 410)
    if f"{path}/".startswith("/cases/"):
        site.audit.record(scope, f"denied export {logged_denied(path)}", reader.release_id, 0)
        return _refusal("Single patients do not leave as a file.", 403)
    query = request.query_string.decode()
    try:
        view, page = site.build(reader, path, query)
    except Denied:
        site.audit.record(scope, f"denied export {logged_denied(path)}", reader.release_id, 0)
        return _refusal("This is another site's page.", 403)
    except UnknownFilter:
        return _refusal("The release has no such year, group or peers.", 400)
    wanted = [card for card in page.cards if card.name == request.args.get("card")] if page else []
    if not wanted or wanted[0].table is None:
        return _refusal("There is no such table.", 404)
    card, table = wanted[0], wanted[0].table
    site.audit.record(scope, f"export {view.href(path)} {card.name}", reader.release_id, len(table.rows))
    facts = (("of", view.who), ("release", reader.release_id), ("data to", view.info.data_to))
    return Response(
        as_csv(table, *facts),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{card.name}-{reader.release_id}.csv"'},
    )


def _refusal(sentence: str, status: int) -> Response:
    return Response(f"{sentence}\n", status=status, mimetype="text/plain")
