"""How often one user may export or ask for a table: enough for work, too slow to copy everything.

Decorate a route with `new_limiter(flask).limit("30 per minute")`. Each server process counts for itself, in memory:
with several workers a user gets at most as many times more.
"""

from flask import Flask, Response
from flask_limiter import Limiter, RequestLimit

from dashboards.access.scope import current_scope


def _user() -> str:
    return current_scope().user


def _too_many(reached: RequestLimit) -> Response:
    sentence = f"You can do this {reached.limit.amount} times a minute. Wait a minute, then try again.\n"
    return Response(sentence, 429, {"Retry-After": "60"}, mimetype="text/plain")


def new_limiter(flask: Flask) -> Limiter:
    """Counts per user of the scope, so login comes first; its limits are this application's alone."""
    limiter = Limiter(_user, storage_uri="memory://", on_breach=_too_many)
    limiter.init_app(flask)
    return limiter
