"""Who may see what: the sites of a user, and whether that user may see single patients.

A `Scope` is made once per request, when the user is known (`access.login`), and only from what this server holds:
nothing that a browser sends can widen it. What reads data asks the scope first.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from flask import g, has_request_context

from outcomes.errors import OutcomesError
from outcomes.site_files import Access, Role, read_site_file


class Denied(Exception):  # noqa: N818 - denied is the word of the domain
    """Who asks may not see this. Its text names neither the user nor the site."""


class UnknownUser(Exception):  # noqa: N818 - as Denied
    """Who asks has logged in as `user`, whom the register of users does not hold."""

    def __init__(self, user: str) -> None:
        super().__init__("the user is not in the register")
        self.user = user


class PatientsDenied(Denied):
    """Who asks may see the site's numbers, and not its patients."""


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
            raise PatientsDenied("single patients are for the clinical role")


def load_register(path: Path) -> dict[str, Scope]:
    """The scope of every user of access.csv (user, site_id, role), which holds a line per user and site.

    Raises:
        OutcomesError: `access_malformed` - there is no such file, it cannot be used, or a user has two roles.
    """
    scopes: dict[str, Scope] = {}
    for line, row in read_site_file(path, Access, "access_malformed").items():
        earlier = scopes.get(row.user, Scope(row.user, frozenset(), row.role))
        if row.role != earlier.role:
            raise OutcomesError("access_malformed", f"{path.name}, line {line}, role: not the user's in earlier lines")
        scopes[row.user] = replace(earlier, sites=earlier.sites | {row.site_id})
    return scopes


def current_scope() -> Scope:
    """The scope of the request being answered.

    Raises:
        Denied: no request is being answered, or nobody was admitted to it.
    """
    scope = g.get("scope") if has_request_context() else None
    if not isinstance(scope, Scope):
        raise Denied("nobody was admitted to this request")
    return scope
