"""The numbers of a card, as CSV or as a table: its page is made anew, for the same reader, release and filters."""

from dataclasses import dataclass, replace

from flask import Flask, Response, request

from dashboards import wording
from dashboards.access.limits import new_limiter
from dashboards.access.scope import Denied, current_scope
from dashboards.cards import Card, Table, as_csv
from dashboards.filters import UnknownFilter
from dashboards.pages import Site
from dashboards.pages.frame import View
from dashboards.pages.site import logged, logged_denied
from dashboards.rendering import render


def install(flask: Flask, site: Site) -> None:
    """Add the routes /export/<page> and /table/<page>, each with ?card=<name>&release=<id> and the page's filters."""

    limiter = new_limiter(flask)

    @flask.get("/export/")
    @flask.get("/export/<path:path>")
    @limiter.limit(f"{site.dashboard_settings.exports_per_minute} per minute")
    def export(path: str = "") -> Response:
        found = _found(site, "export", f"/{path}")
        return found if isinstance(found, Response) else _csv(found)

    @flask.get("/table/")
    @flask.get("/table/<path:path>")
    @limiter.limit(f"{_TABLES_FOR_AN_EXPORT * site.dashboard_settings.exports_per_minute} per minute")
    def table(path: str = "") -> Response:
        found = _found(site, "table", f"/{path}")
        return found if isinstance(found, Response) else Response(render("table.html", table=_first_rows(found.table)))


_TABLES_FOR_AN_EXPORT = 4
"""How many tables may be looked at where one file may be taken."""
_ROWS_OF_A_TABLE = 2_000
"""No card has so many; a browser could not show many more."""


def _first_rows(table: Table) -> Table:
    if len(table.rows) <= _ROWS_OF_A_TABLE:
        return table
    caption = f"{table.caption}, the first {_ROWS_OF_A_TABLE:,} rows of {len(table.rows):,}"
    return replace(table, caption=caption, rows=table.rows[:_ROWS_OF_A_TABLE])


@dataclass(frozen=True)
class _Found:
    view: View
    card: Card
    table: Table


def _found(site: Site, kind: str, path: str) -> _Found | Response:
    """The table that is asked for, written into the access log; or why there is none."""
    scope, release_id = current_scope(), request.args.get("release")
    reader = site.releases.read(scope, release_id)
    if reader is None or (release_id and reader.release_id != release_id):
        return _refusal("This release is no longer kept. Reload the page for the current one.", 410)
    if kind == "export" and f"{path}/".startswith("/cases/"):
        site.log.record(scope, f"denied export {logged_denied(path)}", reader.release_id, 0)
        return _refusal("Single patients do not leave as a file.", 403)
    try:
        view, page = site.build(reader, path, request.query_string.decode(errors="replace"))
    except Denied as refused:
        site.log.record(scope, f"denied {kind} {logged_denied(path)}", reader.release_id, 0)
        return _refusal(f"No access: {refused}.", 403)
    except UnknownFilter as unknown:
        title, said, _ = wording.UNKNOWN_FILTERS[unknown.parameter]
        return _refusal(f"{title}: {unknown.parameter} in the address. {said}", 400)
    wanted = [card for card in page.cards if card.name == request.args.get("card")] if page else []
    if not wanted or wanted[0].table is None:
        return _refusal("There is no such table.", 404)
    card, table = wanted[0], wanted[0].table
    site.log.record(scope, f"{kind} {logged(path)}{view.query} {card.name}", reader.release_id, len(table.rows))
    return _Found(view, card, table)


def _csv(found: _Found) -> Response:
    release_id = found.view.reader.release_id
    facts = (("of", found.view.who), ("release", release_id), ("data to", found.view.info.data_to))
    return Response(
        as_csv(found.table, *facts),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{found.card.name}-{release_id}.csv"'},
    )


def _refusal(sentence: str, status: int) -> Response:
    return Response(f"{sentence}\n", status=status, mimetype="text/plain")
