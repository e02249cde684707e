"""Which measures a user has pinned to the top of the table of all measures: kept here, so that they follow the user.

POST /pins?<filters of the page> with `pin` or `unpin`, the name of a measure. Where nobody logs in, all are the one
user `local` and share one set.
"""

from pathlib import Path

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from dashboards.access.login import answers
from dashboards.access.scope import Scope, current_scope
from dashboards.data import measures
from dashboards.data.reader import Releases
from dashboards.filters import UnknownFilter, parse
from dashboards.reviews.store import Store
from outcomes.errors import OutcomesError


class Pins:
    """The pinned measures of all users.

    Args:
        path: the database (`store.Store`).
    """

    def __init__(self, path: Path) -> None:
        self._store = Store(path)

    def of(self, scope: Scope) -> frozenset[str]:
        """The measures that the scope's user has pinned.

        Raises:
            OutcomesError: `reviews_malformed` - the database cannot be used.
        """
        if not self._store.exists:
            return frozenset()
        with self._store.open() as database:
            found = database.execute("select measure from pins where user = ?", (scope.user,)).fetchall()
        return frozenset(measure for (measure,) in found)

    def pin(self, scope: Scope, measure: str, *, is_pinned: bool) -> None:
        """Pin a measure for the scope's user, or take its pin away; either may be so already.

        Raises:
            OutcomesError: `reviews_malformed` - the database cannot be used.
        """
        said = (
            "insert or ignore into pins (user, measure) values (?, ?)"
            if is_pinned
            else "delete from pins where user = ? and measure = ?"
        )
        with self._store.open() as database:
            database.execute(said, (scope.user, measure))


def install(flask: Flask, releases: Releases, pins: Pins) -> None:
    """Add the route /pins."""

    @flask.post("/pins")
    def pin() -> AnyResponse:
        return _answer(releases, pins)


def _answer(releases: Releases, pins: Pins) -> AnyResponse:
    reader = releases.read(current_scope())
    asked = [(name, request.form.get(name)) for name in ("pin", "unpin") if name in request.form]
    if reader is None or len(asked) != 1:
        return _refused()
    ((name, measure),) = asked
    choices = measures.choices(reader)
    try:
        filters = parse(request.query_string.decode(errors="replace"), choices)
    except UnknownFilter:
        return _refused()
    if measure is None or measure not in {one.measure for one in measures.measures(reader)}:
        return _refused()
    try:
        pins.pin(reader.scope, measure, is_pinned=name == "pin")
    except OutcomesError as error:
        return answers.page(503, "Nothing can be pinned at the moment", f"Nothing was changed. {error}")
    return redirect(f"/{filters.query(choices)}#measures", 303)


def _refused() -> Response:
    return answers.page(400, "No such pin", "A measure cannot be pinned in this way. Nothing was changed.")
