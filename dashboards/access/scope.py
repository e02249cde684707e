"""Who may see what: the sites of a user, and whether that user may see single patients.

A `Scope` is made once per request, when the user is known (`access.login`), and only from what this server holds:
nothing that a browser sends can widen it. What reads data asks the scope first.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from flask import g, has_request_context

from outcomes.errors import OutcomesError

Role = Literal["quality", "clinical"]

_COLUMNS = ["user", "site_id", "role"]


class Denied(Exception):  # noqa: N818 - denied is the word of the domain
    """Who asks may not see this. Its text names neither the user nor the site."""


@dataclass(frozen=True)
class Scope:
    """What one user may see: the exact numbers of `sites`, and with the role `clinical` their patients too."""

    user: str
    sites: frozenset[str]
    role: Role

    def require(self, site_id: str) -> None:
        """Go on only if the exact numbers of this site may be seen.

        Raises:
            Denied: they may not.
        """
        if site_id not in self.sites:
            raise Denied("these numbers belong to a site that is not yours")

    def require_clinical(self, site_id: str) -> None:
        """Go on only if single patients of this site may be seen.

        Raises:
            Denied: they may not.
        """
        self.require(site_id)
        if self.role != "clinical":
            raise Denied("single patients are for the clinical role")


def load_register(path: Path) -> dict[str, Scope]:
    """The scope of every user of access.csv (user, site_id, role), which holds a line per user and site.

    Raises:
        OutcomesError: `access_malformed` - there is no such file, it is not UTF-8, its columns are others, or a line
            is incomplete, repeated, of an unknown role or of another role than the user's earlier lines.
    """
    sites: dict[str, set[str]] = {}
    roles: dict[str, Role] = {}
    for line, (user, site_id, role) in _lines(path):
        known = next((each for each in get_args(Role) if each == role), None)
        repeated = site_id in sites.get(user, ())
        if not user or not site_id or known is None or repeated or roles.setdefault(user, known) != known:
            raise OutcomesError("access_malformed", f"{path.name}, line {line}")
        sites.setdefault(user, set()).add(site_id)
    return {user: Scope(user, frozenset(found), roles[user]) for user, found in sites.items()}


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """The lines below the header, each with its number in the file; empty ones are left out."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, [field.strip() for field in fields]) for fields in reader if fields]
    except (OSError, ValueError, csv.Error):
        raise OutcomesError("access_malformed", path.name) from None
    if not lines or lines[0][1] != _COLUMNS:
        raise OutcomesError("access_malformed", f"{path.name}, line 1")
    for line, fields in lines:
        if len(fields) != len(_COLUMNS):
            raise OutcomesError("access_malformed", f"{path.name}, line {line}")
    return lines[1:]


def current_scope() -> Scope:
    """The scope of the request being answered.

    Raises:
        Denied: no request is being answered, or nobody was admitted to it.
    """
    scope = g.get("scope") if has_request_context() else None
    if not isinstance(scope, Scope):
        raise Denied("nobody was admitted to this request")
    return scope
