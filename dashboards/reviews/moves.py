"""POST /reviews?signal=<id>&after=<moves seen>&release=<id>: somebody moves a signal of the review queue.

The forms of the queue send `to`, the state that the signal gets, and what is decided with it: `finding`, `action`,
`owner`, `due` (YYYY-MM-DD) and `outcome`, as far as the state asks for them.
"""

from collections.abc import Sequence
from datetime import date
from typing import TypeVar
from urllib.parse import quote

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from dashboards.access.log import AccessLog
from dashboards.access.login import answers
from dashboards.access.scope import Denied, current_scope
from dashboards.data import measures
from dashboards.data.reader import Releases
from dashboards.data.signals import parsed_id, signals
from dashboards.filters import Filters
from dashboards.reviews.queue import (
    ACTIONS,
    FINDINGS,
    OUTCOMES,
    OWNERS,
    STATES,
    Decision,
    DoesNotFit,
    Move,
    Reviews,
)
from outcomes.errors import OutcomesError

Code = TypeVar("Code", bound=str)

_LARGEST = 9  # digits of a number of moves


def install(flask: Flask, releases: Releases, reviews: Reviews, log: AccessLog) -> None:
    """Add the route /reviews."""

    @flask.post("/reviews")
    def review() -> AnyResponse:
        return _answer(releases, reviews, log)


def _answer(releases: Releases, reviews: Reviews, log: AccessLog) -> AnyResponse:
    move = _asked()
    reader = releases.read(current_scope(), request.args.get("release"))
    if move is None or reader is None:
        return answers.page(400, "No such change", "A signal cannot be changed in this way. Nothing was changed.")
    try:
        reader.scope.require(move.site_id)
    except Denied:
        log.record(reader.scope, f"denied review {move.signal}", reader.release_id, 0)
        raise
    of_site = Filters(move.site_id).query(measures.choices(reader))
    queue = f"/signals{of_site}#queue"
    try:
        # What was taken up can be brought to its end, whatever later releases find.
        taken_up = reviews.of_site(reader.scope, move.site_id)
        if move.signal not in {signal.id for signal in signals(reader, move.site_id)} | taken_up.keys():
            said = "The release that is shown has no such signal. A newer one may have changed it. Nothing was changed."
            return _page(404, "No such signal", said, queue)
        reviews.move(
            reader.scope,
            move,
            audit=lambda: log.record(reader.scope, f"review {move.signal} {move.to}", reader.release_id, 1),
        )
    except DoesNotFit as refused:
        return _page(409, "The signal was not changed", str(refused), queue)
    except OutcomesError as error:
        return _page(503, "The review queue cannot be used at the moment", f"Nothing was changed. {error}", queue)
    except OSError:
        said = "The access log cannot be written, so nothing was changed. Ask the administrator of these dashboards."
        return _page(503, "Nothing can be changed at the moment", said, queue)
    return redirect(f"/signals{of_site}{'&' if of_site else '?'}moved={quote(move.signal, safe='')}#queue", 303)


def _asked() -> Move | None:
    """The move of the request being answered; None when it is none that the queue could have sent."""
    signal, after = request.args.get("signal", ""), request.args.get("after", "")
    to, decision = _one_of(STATES, "to"), _decided()
    is_number = after.isascii() and after.isdigit() and len(after) <= _LARGEST
    try:
        site_id = parsed_id(signal).site_id
    except ValueError:
        return None
    return Move(site_id, signal, to, int(after), decision) if to and decision and is_number else None


def _decided() -> Decision | None:
    """What the request decides; None when some of it is none of the lists, or no day."""
    due = request.form.get("due", "")
    try:
        day = date.fromisoformat(due) if due else None
    except ValueError:
        return None
    finding, action, owner, outcome = (
        _one_of(FINDINGS, "finding"),
        _one_of(ACTIONS, "action"),
        _one_of(OWNERS, "owner"),
        _one_of(OUTCOMES, "outcome"),
    )
    decision = Decision(finding, action, owner, day, outcome)
    said = {name for name in ("finding", "action", "owner", "due", "outcome") if request.form.get(name)}
    return decision if decision.given == said else None


def _one_of(known: Sequence[Code], field: str) -> Code | None:
    return next((code for code in known if code == request.form.get(field)), None)


def _page(status: int, title: str, sentence: str, queue: str) -> Response:
    return answers.page(status, title, sentence, way_on=("Back to the signals", queue))
