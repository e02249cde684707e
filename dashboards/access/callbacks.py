"""What no page of the dashboards sends is refused before Dash reads it: Dash takes every part of a request for granted.

A callback names its outputs, and every input and state by id and property, as they were declared. Their values may be
anything: each callback judges its own.
"""

import json
from collections.abc import Mapping
from typing import Any

from dash.exceptions import DependencyException
from flask import Flask, Response, request

_CALLBACK = "/_dash-update-component"


def install(flask: Flask, declared: Mapping[str, Any]) -> None:
    """Refuse requests that fit no callback, and files that are none of Dash's.

    Args:
        flask: the application.
        declared: by their outputs the callbacks, as `Dash.callback_map` holds them.
    """

    def refuse_what_fits_no_callback() -> Response | None:
        if request.path != _CALLBACK or request.method != "POST" or _is_declared(_body(), declared):
            return None
        return Response("This is no request of a page.\n", 400, mimetype="text/plain")

    flask.before_request(refuse_what_fits_no_callback)
    flask.register_error_handler(
        DependencyException, lambda _: Response("There is no such file.\n", 404, mimetype="text/plain")
    )


def _body() -> Any:
    try:
        return json.loads(request.get_data())
    except (ValueError, RecursionError):
        return None


def _is_declared(body: Any, declared: Mapping[str, Any]) -> bool:
    """Whether a body asks one of the declared callbacks, with all parts that it has and no others."""
    if not isinstance(body, dict) or not isinstance(body.get("output"), str):
        return False
    callback = declared.get(body["output"])
    changed = body.get("changedPropIds", [])
    return (
        callback is not None
        and _parts(body.get("inputs")) == _parts(callback["inputs"])
        and _parts(body.get("state", [])) == _parts(callback["state"])
        and _name(body.get("outputs")) == body["output"]
        and isinstance(changed, list)
        and all(isinstance(one, str) for one in changed)
    )


def _parts(named: Any) -> list[str] | None:
    """Id and property of each part; None where it is none."""
    if not isinstance(named, list) or not all(isinstance(one, dict) for one in named):
        return None
    pairs = [(one.get("id"), one.get("property")) for one in named]
    if not all(isinstance(part, str) for pair in pairs for part in pair):
        return None
    return [f"{owner}.{name}" for owner, name in pairs]


def _name(outputs: Any) -> str | None:
    """What Dash calls a callback with these outputs."""
    several = isinstance(outputs, list)
    parts = _parts(outputs if several else [outputs])
    if not parts:
        return None
    return f"..{'...'.join(parts)}.." if several else parts[0]
