"""Which signals of a site arose in a month: those that a release published in it found, and the release before did not.

Only releases that are kept can tell.
"""

from dataclasses import dataclass
from itertools import pairwise

from dashboards.access.scope import Scope
from dashboards.data.reader import Releases
from dashboards.data.signals import signals
from outcomes.periods import add_months


@dataclass(frozen=True)
class Arisen:
    """Ids of signals, archived ones left out.

    Attributes:
        arose: in the month.
        standing: what the last release by the end of the month found.
        is_whole: whether every release that this takes is kept.
    """

    arose: frozenset[str] = frozenset()
    standing: frozenset[str] = frozenset()
    is_whole: bool = False


def arisen(releases: Releases, scope: Scope, site_id: str, month: str) -> Arisen:
    """The signals of a site that arose in a month.

    Args:
        releases: those that are kept, with the history of all.
        scope: of who asks.
        site_id: the site.
        month: YYYY-MM, in UTC.

    Raises:
        Denied: the site is not one of the scope's.
    """
    scope.require(site_id)
    end = add_months(month, 1)
    until = sorted((time, name) for name, time in releases.published().items() if time < end)
    of_month = sum(time >= month for time, _ in until)
    found = [_found(releases, scope, site_id, name) for _, name in until[-(of_month + 1) :]]
    if of_month == len(until):  # nothing stood before the first release
        found.insert(0, frozenset())
    arose = [now - before for before, now in pairwise(found) if before is not None and now is not None]
    return Arisen(frozenset().union(*arose), found[-1] or frozenset(), None not in found)


def _found(releases: Releases, scope: Scope, site_id: str, release_id: str) -> frozenset[str] | None:
    """The signals that a release found; None where it is not kept."""
    reader = releases.read(scope, release_id)
    if reader is None or reader.release_id != release_id:
        return None
    return frozenset(one.id for one in signals(reader, site_id) if not one.is_archived)
