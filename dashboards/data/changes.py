"""What changed at a site from the release before to the one that is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dashboards.data import alarms, deliveries, measures
from dashboards.data.alarms import Alarm
from dashboards.data.measures import Measure, Value
from dashboards.data.reader import Reader
from dashboards.filters import Filters

Towards = Literal["better", "worse", "neither"]
"""Where something moved, as far as a direction is good."""

_OF_NEW: dict[str, Towards] = {"special_concerning": "worse", "special_improving": "better"}
_OF_GONE: dict[str, Towards] = {"special_concerning": "better", "special_improving": "worse"}


def of_new(one: Alarm) -> Towards:
    """What it means that a measure is named."""
    return _OF_NEW.get(one.variation, "neither")


def of_gone(one: Alarm) -> Towards:
    """What it means that a measure is named no longer."""
    return _OF_GONE.get(one.variation, "neither")


@dataclass(frozen=True)
class Moved:
    """A headline outcome whose value is another one; None where there was none, or is none."""

    measure: Measure
    before: Value | None
    now: Value | None
    is_redefined: bool
    """Whether its definition has another version: then the number may differ though no patient does."""

    @property
    def towards(self) -> Towards:
        """Whether the number, exact, moved to the better or the worse; neither where that cannot be said."""
        before, now = (value.estimate if value else None for value in (self.before, self.now))
        if self.is_redefined or before is None or now is None or now == before or self.measure.direction == "neutral":
            return "neither"
        return "better" if (now > before) == (self.measure.direction == "higher_is_better") else "worse"


@dataclass(frozen=True)
class Changes:
    """What changed at a site.

    `named` and `no_longer_named` are alarms of the first screen, now and before, `accepted` and `refused` months
    delivered, and `redefined` all measures whose definition has another version.
    """

    moved: Sequence[Moved]
    named: Sequence[Alarm]
    no_longer_named: Sequence[Alarm]
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
        named=_only_in(named_now, named_before),
        no_longer_named=_only_in(named_before, named_now),
        accepted=[period for period, attempt in new if status_now[period, attempt] == "accepted"],
        refused=[period for period, attempt in new if status_now[period, attempt] == "refused"],
        redefined=redefined,
    )


def _only_in(these: Mapping[str, Alarm], others: Mapping[str, Alarm]) -> list[Alarm]:
    """The alarms that the others do not have, or have for the opposite."""
    said = {(one.measure, one.variation) for one in others.values()}
    return [one for one in these.values() if (one.measure, one.variation) not in said]


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
