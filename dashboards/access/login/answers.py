"""What somebody reads who is not let in: one calm page that needs nothing from this server."""

from html import escape

from flask import Response

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 36rem; margin: 12vh auto; padding: 0 16px; font: 16px/1.5 system-ui, sans-serif; }}
h1 {{ font-size: 28px; line-height: 1.3; }}
</style>
</head>
<body><main><h1>{title}</h1>{paragraphs}{below}</main></body>
</html>
"""
LOG_OUT = '<form method="post" action="/logout"><button>Log out</button></form>'
"""A button, for where somebody may want to be another user."""
LOG_IN = '<p><a href="/">Log in</a></p>'
"""A link to the first page, which leads to the login."""


def page(status: int, title: str, *sentences: str, below: str = "") -> Response:
    """A page of a title and a few sentences.

    Args:
        status: of the answer.
        title: in plain words.
        sentences: a paragraph each, as text.
        below: `LOG_OUT` or `LOG_IN`, if wanted.
    """
    paragraphs = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    return Response(_PAGE.format(title=escape(title), paragraphs=paragraphs, below=below), status)


def refused() -> Response:
    """To a request that came another way than it should; it does not tell which way that is."""
    return page(
        403, "Wrong address", "The dashboards cannot be reached this way. Ask their administrator for the address."
    )


def denied() -> Response:
    """To a user who asked for what is not theirs."""
    return page(403, "No access", "You have no access to what you asked for.")


def unknown_user(user: str, below: str = "") -> Response:
    """To a user who is not in the register, with the name that has to be added."""
    return page(
        403,
        "You have no access yet",
        f"You are logged in as {user}, who has access to no site.",
        "Ask the administrator of these dashboards to add you under this name.",
        below=below,
    )


def unreadable_register() -> Response:
    """To everybody while nobody can say who may see what."""
    return page(
        503,
        "Access cannot be checked at the moment",
        "The list of who may see what cannot be read. Ask the administrator of these dashboards to correct access.csv.",
    )


def real_patients() -> Response:
    """To everybody once real patients' data is served without a login."""
    return page(
        403,
        "A login is needed",
        "The dashboards now hold real patients' data, and nobody has to log in here, so nothing is shown.",
        "Ask their administrator to set up a login: docs/access.md says how.",
    )


def login_failed() -> Response:
    """When what came back from the provider does not prove who somebody is."""
    return page(403, "The login did not work", "Nothing is wrong with your account. Please try again.", below=LOG_IN)


def provider_silent() -> Response:
    """When the provider cannot be reached, or does not speak as it should."""
    return page(
        503,
        "The login cannot be reached",
        "Your organisation's login does not answer. Try again in a few minutes.",
        below=LOG_IN,
    )


def still_open() -> Response:
    """After logging out in this browser alone: the server could not note that the session is over."""
    return page(
        503,
        "You are logged out in this browser",
        "A copy of its cookie may still be taken. Tell the administrator of these dashboards.",
        below=LOG_IN,
    )


def logged_out() -> Response:
    """After logging out."""
    return page(
        200,
        "You are logged out",
        "Your organisation's login may still know you. On a computer that others use, close the browser.",
        below=LOG_IN,
    )
