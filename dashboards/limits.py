"""How often one user may export: enough for work, too slow to copy everything.

Decorate a route with `limiter.limit("30 per minute")` and call `limiter.init_app(flask)` once. Each server process
counts for itself, in memory: with several workers a user gets at most as many times more.
"""

from flask import Response
from flask_limiter import Limiter, RequestLimit

from dashboards.access import current_scope


def _user() -> str:
    return current_scope().user


def _too_many(reached: RequestLimit) -> Response:
    sentence = f"You can export {reached.limit.amount} times a minute. Wait a minute, then try again.\n"
    return Response(sentence, 429, {"Retry-After": "60"}, mimetype="text/plain")


limiter = Limiter(_user, storage_uri="memory://", on_breach=_too_many)
"""Counts per user of the scope, so login comes first."""
