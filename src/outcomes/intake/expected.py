"""Which deliveries are due, which of them are late, and which folders have come that nobody has taken up yet."""

import datetime
import errno
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from outcomes.intake.landing import Delivery, deliveries
from outcomes.intake.manifest import submission_id
from outcomes.lake import Lake
from outcomes.periods import add_months, first_day
from outcomes.places import stat_of
from outcomes.settings import Settings
from outcomes.site_files import ExpectedDeliveries, read_site_file
from outcomes.working_copy import landing_copy

AT_ONCE = 100
"""So many new deliveries are named at a time, the oldest months first; the others have their turn the next time."""


@dataclass(frozen=True, order=True)
class DueDelivery:
    """A month that a site delivers, and the last day on which it may come."""

    period: str
    site_id: str
    due: datetime.date


@dataclass(frozen=True)
class NewDelivery:
    """A delivery to take in; the name differs for each state of its folder."""

    name: str
    site_id: str
    period: str


def due_deliveries(settings: Settings, periods: Sequence[str]) -> list[DueDelivery]:
    """What deliveries.csv expects for these months, by month and site; nothing without the file.

    Raises:
        OutcomesError: deliveries_malformed.
    """
    return sorted(
        DueDelivery(period, line.site_id, _due(line, period))
        for line in _register(settings)
        for period in periods
        if _delivers(line, period)
    )


def late_deliveries(settings: Settings, today: datetime.date) -> list[DueDelivery]:
    """The deliveries whose day has passed, by month and site: none has come, or it was refused as it stands.

    Args:
        settings: where deliveries.csv, the landing folder and the lake are.
        today: a delivery may still come on its day.

    Raises:
        OutcomesError: deliveries_malformed.
    """
    register = _register(settings)
    if not register:
        return []
    delivered = _delivered(settings)
    due = due_deliveries(settings, _months(min(line.first_period for line in register), today))
    return [each for each in due if each.due < today and (each.site_id, each.period) not in delivered]


def in_words(late: Iterable[DueDelivery]) -> str:
    """Late deliveries by site: how many months, from which on, and when that one was due."""
    by_site = groupby(sorted(late, key=lambda each: (each.site_id, each.period)), key=lambda each: each.site_id)
    return "; ".join(
        f"{site_id}: {len(months)} month{'s' * (len(months) > 1)}, from {months[0].period} on, due {months[0].due}"
        for site_id, months in ((site_id, list(group)) for site_id, group in by_site)
    )


def new_deliveries(
    settings: Settings,
    waiting: Iterable[Delivery],
    today: datetime.date,
    state_of: Callable[[str], str | None],
) -> list[NewDelivery]:
    """The waiting deliveries that nobody has taken up as they stand.

    One that was refused comes again when a file of its folder changes. One that was neither accepted nor refused has
    failed for a technical reason: it comes again, once a day.

    Args:
        settings: where the lake is.
        waiting: the deliveries that are not in the lake as they stand.
        today: the day of a further try.
        state_of: the state of the run of this name (`success` or `failed` when it has ended), None when there is none.

    Raises:
        FileNotFoundError: there is no landing folder, as when what holds it is not mounted.
    """
    if not settings.landing_url and not settings.landing.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no landing folder", str(settings.landing))
    refused = _attempts(settings).refused
    found = []
    for delivery in sorted(waiting, key=lambda each: (each.period, each.site_id)):
        name = _name(settings, delivery)
        names = [name] if submission_id(delivery.folder) in refused else [name, f"{name}_{today}"]
        if untaken := _first_untaken(names, state_of):
            found.append(NewDelivery(untaken, delivery.site_id, delivery.period))
        if len(found) == AT_ONCE:
            break
    return found


def _first_untaken(names: Iterable[str], state_of: Callable[[str], str | None]) -> str | None:
    """The first name without a run, unless a run of an earlier name is still under way."""
    for name in names:
        state = state_of(name)
        if state is None:
            return name
        if state not in ("success", "failed"):
            return None
    return None


def _name(settings: Settings, delivery: Delivery) -> str:
    """Site and month, and a digest that changes whenever a file of the folder is written, replaced or taken away."""
    copy = landing_copy(settings)
    state = copy.versions(delivery.folder) if copy else _as_written(delivery.folder)
    digest = hashlib.sha256(repr(state).encode()).hexdigest()
    return f"delivery_{delivery.site_id}_{delivery.period}_{digest[:12]}"


def _as_written(folder: Path) -> list[tuple[str, int, int, int]]:
    return sorted(
        (file.name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        for file in folder.iterdir()
        if (stat := stat_of(file))
    )


def _register(settings: Settings) -> list[ExpectedDeliveries]:
    if not settings.deliveries_file.exists():
        return []
    return list(read_site_file(settings.deliveries_file, ExpectedDeliveries, "deliveries_malformed").values())


def _delivers(line: ExpectedDeliveries, period: str) -> bool:
    return line.first_period <= period and (not line.last_period or period <= line.last_period)


def _due(line: ExpectedDeliveries, period: str) -> datetime.date:
    return first_day(add_months(period, 1)).replace(day=line.due_day)


def _months(first: str, today: datetime.date) -> list[str]:
    """The months from the first on that have ended."""
    months = []
    month = first
    while month < f"{today:%Y-%m}":
        months.append(month)
        month = add_months(month, 1)
    return months


def _delivered(settings: Settings) -> set[tuple[str, str]]:
    """Of which (site_id, period) the lake holds something, or a complete folder waits that was not refused."""
    attempts = _attempts(settings)
    landed = {
        (delivery.site_id, delivery.period)
        for delivery in deliveries(settings)
        if delivery.is_complete and submission_id(delivery.folder) not in attempts.refused
    }
    return landed | attempts.accepted


@dataclass(frozen=True)
class _Attempts:
    """What the lake has recorded: the (site_id, period) accepted, and the newest submissions that were refused."""

    accepted: set[tuple[str, str]]
    refused: set[str]


def _attempts(settings: Settings) -> _Attempts:
    recorded = Lake.of(settings).attempts()
    newest = {(each.site_id, each.period): each for each in recorded}
    return _Attempts(
        {(each.site_id, each.period) for each in recorded if each.outcome == "accepted"},
        {each.submission_id for each in newest.values() if each.outcome == "refused"},
    )
