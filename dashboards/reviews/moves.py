"""POST /reviews?signal=<id>&after=<moves seen>&release=<id>: somebody moves a signal of the review queue.

The form of the queue sends `to`, the state that the signal gets, and `explanation` with a move to explained.
"""

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from dashboards.access.log import AccessLog
from dashboards.access.login import answers
from dashboards.access.scope import Denied, current_scope
from dashboards.data import measures
from dashboards.data.reader import Reader, Releases
from dashboards.data.signals import signals, site_of
from dashboards.filters import Filters
from dashboards.reviews.queue import EXPLANATIONS, STATES, DoesNotFit, Move, Reviews
from outcomes.errors import OutcomesError

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
        known = {signal.id for signal in signals(reader, move.site_id)}
    except Denied:
        log.record(reader.scope, f"denied review {move.signal}", reader.release_id, 0)
        raise
    queue = f"/signals{Filters(move.site_id).query(measures.choices(reader))}#queue"
    if move.signal not in known:
        said = "The release that is shown has no such signal. A newer one may have changed it. Nothing was changed."
        return _page(404, "No such signal", said, queue)
    return _written(reviews, log, reader, move, queue)


def _asked() -> Move | None:
    """The move of the request being answered; None when it is none that the queue could have sent."""
    signal, after = request.args.get("signal", ""), request.args.get("after", "")
    explained = request.form.get("explanation", "")
    site_id = site_of(signal)
    to = next((state for state in STATES if state == request.form.get("to")), None)
    explanation = next((code for code in EXPLANATIONS if code == explained), None)
    is_number = after.isascii() and after.isdigit() and len(after) <= _LARGEST
    if site_id is None or to is None or not is_number or (explained and explanation is None):
        return None
    return Move(site_id, signal, to, explanation, int(after))


def _written(reviews: Reviews, log: AccessLog, reader: Reader, move: Move, queue: str) -> AnyResponse:
    """Write the move, and lead back to the queue."""
    try:
        reviews.move(reader.scope, move)
    except DoesNotFit as refused:
        return _page(409, "The signal was not changed", str(refused), queue)
    except OutcomesError as error:
        return _page(503, "The review queue cannot be used at the moment", f"Nothing was changed. {error}", queue)
    log.record(reader.scope, f"review {move.signal} {move.to}", reader.release_id, 1)
    return redirect(queue, 303)


def _page(status: int, title: str, sentence: str, queue: str) -> Response:
    return answers.page(status, title, sentence, way_on=("Back to the signals", queue))
