"""Where everything stands, in the text format of Prometheus: counts, times and ages, for monitoring."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping

from outcomes.lake import Lake
from outcomes.release.folders import CURRENT
from outcomes.release.origin import refresh
from outcomes.release.status import status
from outcomes.settings import Settings

_Samples = Mapping[str, float]
"""A value by its labels, written as `name="value"`; without labels the key is empty."""


def metrics(settings: Settings) -> str:
    """All metrics now. What is not there yet, as the age of a release before the first, is left out."""
    now = status(settings)
    attempts = Counter(each.status for each in now.submissions)
    in_force = [each for each in now.submissions if each.status == "accepted"]
    rows = {
        "accepted": sum(each.rows_accepted for each in in_force),
        "quarantined": sum(each.rows_quarantined for each in in_force),
        "pending": sum(each.rows_pending for each in in_force),
        "refused": sum(each.rows_in for each in now.submissions if each.status == "refused"),
    }
    waiting = Counter("complete" if each.is_complete else "without_manifest" for each in now.waiting)
    groups = (
        _gauge(
            "submissions",
            "Attempts to deliver a month, by what became of them.",
            {f'status="{word}"': attempts[word] for word in ("accepted", "superseded", "refused", "withdrawn")},
        ),
        _gauge(
            "rows",
            "Rows of the submissions in force, accepted, quarantined or pending, and of the refused ones.",
            {f'outcome="{word}"': count for word, count in rows.items()},
        ),
        _gauge(
            "waiting_deliveries",
            "Deliveries that the lake does not know as they stand.",
            {f'state="{word}"': waiting[word] for word in ("complete", "without_manifest")},
        ),
        _gauge("release_age_seconds", "Seconds since the current release was published.", _release_age(settings)),
        _gauge(
            "last_ingest_timestamp_seconds",
            "When a submission was last accepted or refused, in seconds since 1970.",
            _last_ingest(settings),
        ),
    )
    return "".join(f"{line}\n" for group in groups for line in group)


def _gauge(name: str, help_text: str, samples: _Samples) -> Iterable[str]:
    if not samples:
        return ()
    values = (f"outcomes_{name}{f'{{{labels}}}' if labels else ''} {round(value)}" for labels, value in samples.items())
    return (f"# HELP outcomes_{name} {help_text}", f"# TYPE outcomes_{name} gauge", *values)


def _release_age(settings: Settings) -> _Samples:
    """The pointer is made anew with each release that is published."""
    refresh(settings)
    pointer = settings.releases / CURRENT
    return {"": time.time() - pointer.lstat().st_mtime} if pointer.is_symlink() else {}


def _last_ingest(settings: Settings) -> _Samples:
    times = [one.recorded_at.timestamp() for one in Lake.of(settings).attempts() if one.recorded_at]
    return {"": max(times)} if times else {}
