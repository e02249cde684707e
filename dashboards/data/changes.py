"""What changed at a site from the release before to the one that is shown."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.data import alarms, deliveries, measures
from dashboards.data.measures import Measure, Value
from dashboards.data.reader import Reader
from dashboards.filters import Filters


@dataclass(frozen=True)
class Moved:
    """A headline outcome whose value is another one; None where there was none, or is none."""

    measure: Measure
    before: Value | None
    now: Value | None
    is_redefined: bool
    """Whether its definition has another version: then the number may differ though no patient does."""


@dataclass(frozen=True)
class Changes:
    """What changed at a site.

    `named` and `no_longer_named` are measures of the first screen, `accepted` and `refused` months delivered, and
    `redefined` all measures whose definition has another version.
    """

    moved: Sequence[Moved]
    named: Sequence[str]
    no_longer_named: Sequence[str]
    accepted: Sequence[str]
    refused: Sequence[str]
    redefined: Sequence[str]

    @property
    def any(self) -> bool:
        """Whether anything did."""
        return any((self.moved, self.named, self.no_longer_named, self.accepted, self.refused, self.redefined))


def changes(before: Reader, now: Reader, site_id: str) -> Changes:
    """Compare two releases for one site.

    Raises:
        Denied: the site is not one of the scope's.
    """
    versions = {one.measure: one.version for one in measures.measures(before)}
    defined = measures.measures(now)
    redefined = [one.measure for one in defined if versions.get(one.measure, one.version) != one.version]
    named_before, named_now = alarms.own(before, site_id), alarms.own(now, site_id)
    status_before, status_now = _status(before, site_id), _status(now, site_id)
    new = [one for one in sorted(status_now) if one not in status_before]
    return Changes(
        moved=_moved(before, now, site_id, redefined),
        named=[measure for measure in named_now if measure not in named_before],
        no_longer_named=[measure for measure in named_before if measure not in named_now],
        accepted=[period for period, attempt in new if status_now[period, attempt] == "accepted"],
        refused=[period for period, attempt in new if status_now[period, attempt] == "refused"],
        redefined=redefined,
    )


def _moved(before: Reader, now: Reader, site_id: str, redefined: Sequence[str]) -> list[Moved]:
    values_before, values_now = (measures.values(reader, Filters(site_id)) for reader in (before, now))
    return [
        Moved(one, values_before.get(one.measure), values_now.get(one.measure), one.measure in redefined)
        for one in measures.headlines(now)
        if _number(values_before.get(one.measure)) != _number(values_now.get(one.measure))
    ]


def _number(value: Value | None) -> tuple[float | None, int | None, int | None] | None:
    """What is said of a value: where it is the same, nothing has moved."""
    return None if value is None or value.estimate is None else (value.estimate, value.numerator, value.patients)


def _status(reader: Reader, site_id: str) -> dict[tuple[str, int], str]:
    """What became of each attempt, by the month delivered and its number."""
    return {(one.submission_period, one.attempt): one.status for one in deliveries.own_submissions(reader, site_id)}
