"""No login: for a look at invented patients, on the machine that serves them."""

import re
from collections.abc import Callable
from ipaddress import ip_address

from flask import Response, request

from dashboards.access.login import answers
from dashboards.access.scope import Scope
from outcomes.errors import OutcomesError

_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_FORWARDED = ("HTTP_X_FORWARDED", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")


def admission(
    is_synthetic: Callable[[], bool | None], sites: Callable[[], frozenset[str]]
) -> Callable[[], Scope | Response]:
    """Let in whoever sits at this machine, to every site, while the patients are invented.

    Args:
        is_synthetic: whether all kept releases' patients are invented; None before the first release.
        sites: those of the current release.

    Raises:
        OutcomesError: `login_needed` - a release holds real patients.
    """
    if is_synthetic() is False:
        raise OutcomesError("login_needed", "a release that is kept")

    def admit() -> Scope | Response:
        if not _is_from_this_machine():
            return answers.refused()
        if is_synthetic() is False:
            return answers.real_patients()
        return Scope("local", sites(), "clinical")

    return admit


def _is_from_this_machine() -> bool:
    """Whether a browser on this machine asked, for this machine, through nobody.

    The address alone does not tell: a proxy on this machine connects from loopback as well, for anybody; and the page
    of a foreign site whose name was pointed at 127.0.0.1 is opened by a browser on this machine.
    """
    is_forwarded = any(name.startswith(_FORWARDED) for name in request.environ)
    is_for_loopback = _HOST.fullmatch(request.headers.get("Host", "")) is not None
    return _is_loopback(request.remote_addr or "") and is_for_loopback and not is_forwarded


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
