"""Login by a proxy in front: it asks who somebody is and says so in a header."""

from collections.abc import Callable
from ipaddress import ip_address

from flask import Response, request

from dashboards.access.login import answers
from dashboards.access.login.register import Register
from dashboards.access.scope import Scope


def admission(register: Register, address: str, header: str) -> Callable[[], Scope | Response]:
    """Let in whom the proxy names, to what the register opens to that user.

    Args:
        register: of users.
        address: from which the proxy connects; the header of anybody else is not believed.
        header: that names the user.
    """
    proxy = ip_address(address)

    def admit() -> Scope | Response:
        user = _user(header)
        if user is None or not _is_from(request.remote_addr or "", str(proxy)):
            return answers.refused()
        return register.scope(user)

    return admit


def _user(header: str) -> str | None:
    """The one user whom the header names; None when it names none, or more than one.

    A server joins headers of the same name with commas. Two of them mean that the proxy lets a header of the browser's
    own through, so the request is refused rather than one of them believed.
    """
    values = [value.strip() for value in request.headers.get(header, "").split(",")]
    return values[0] if len(values) == 1 and values[0] else None


def _is_from(address: str, proxy: str) -> bool:
    try:
        return str(ip_address(address)) == proxy
    except ValueError:
        return False
