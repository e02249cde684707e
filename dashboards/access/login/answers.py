"""What somebody reads who is not let in: one calm page that needs nothing from this server."""

from flask import Response

from dashboards.rendering import render

LOG_IN = ("Log in", "/")
"""A link to the first page, which leads to the login."""


def page(
    status: int, title: str, *sentences: str, way_on: tuple[str, str] | None = None, has_log_out: bool = False
) -> Response:
    """A page of a title and a few sentences.

    Args:
        status: of the answer.
        title: in plain words.
        sentences: a paragraph each.
        way_on: text and address of a link below them.
        has_log_out: a button is below them, for where somebody may want to be another user.
    """
    return Response(
        render("answer.html", title=title, sentences=sentences, way_on=way_on, has_log_out=has_log_out), status
    )


def refused() -> Response:
    """To a request that came another way than it should; it does not tell which way that is."""
    return page(
        403, "Wrong address", "The dashboards cannot be reached this way. Ask their administrator for the address."
    )


def denied() -> Response:
    """To a user who asked for what is not theirs."""
    return page(403, "No access", "You have no access to what you asked for.")


def unknown_user(user: str, *, has_log_out: bool = False) -> Response:
    """To a user who is not in the register, with the name that has to be added."""
    return page(
        403,
        "You have no access yet",
        f"You are logged in as {user}, who has access to no site.",
        "Ask the administrator of these dashboards to add you under this name.",
        has_log_out=has_log_out,
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


def not_logged() -> Response:
    """To everybody while views cannot be recorded: then nothing is shown."""
    return page(
        503,
        "Nothing can be shown at the moment",
        "Every view is recorded, and the access log cannot be written. Ask the administrator of these dashboards to "
        "check it.",
    )


def login_failed() -> Response:
    """When what came back from the provider does not prove who somebody is."""
    return page(403, "The login did not work", "Nothing is wrong with your account. Please try again.", way_on=LOG_IN)


def provider_silent() -> Response:
    """When the provider cannot be reached, or does not speak as it should."""
    return page(
        503,
        "The login cannot be reached",
        "Your organisation's login does not answer. Try again in a few minutes.",
        way_on=LOG_IN,
    )


def still_open() -> Response:
    """After logging out in this browser alone: the server could not note that the session is over."""
    return page(
        503,
        "You are logged out in this browser",
        "A copy of its cookie may still be taken. Tell the administrator of these dashboards.",
        way_on=LOG_IN,
    )


def logged_out() -> Response:
    """After logging out."""
    return page(
        200,
        "You are logged out",
        "Your organisation's login may still know you. On a computer that others use, close the browser.",
        way_on=LOG_IN,
    )
