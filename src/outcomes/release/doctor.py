"""Is this installation well? Small checks, each a function that says ok, warning or failure, and what to do."""

import importlib
import importlib.metadata
import shutil
import stat
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from outcomes.errors import OutcomesError
from outcomes.home import check_home, check_writable, open_to_others
from outcomes.intake.expected import late_deliveries
from outcomes.lake import Lake
from outcomes.locks import is_held
from outcomes.release.status import status
from outcomes.settings import Settings
from outcomes.shared_locks import look_into_landing, look_into_quarantine
from outcomes.site_files import site_names
from outcomes.sql.engine import connect

_PACKAGES = {
    "deltalake": "deltalake",
    "duckdb": "duckdb",
    "great-expectations": "great_expectations",
    "numpy": "numpy",
    "pandas": "pandas",
    "pyarrow": "pyarrow",
    "pydantic": "pydantic",
    "scipy": "scipy",
    "sqlglot": "sqlglot",
    "statsmodels": "statsmodels",
}
"""By the name under which a package is installed, the one under which it is imported."""
_GIGABYTE = 10**9
_TOO_LITTLE, _LITTLE = 1 * _GIGABYTE, 5 * _GIGABYTE
"""Free space in bytes: below the first a release may fail, below the second it soon will."""
_LONG = 60 * 60
"""Seconds for which a lock may be held: no submission takes as long."""
_SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """What one check found: its level, what it says, and what to do where that is not ok."""

    check: str
    level: Literal["ok", "warning", "failure"]
    says: str
    to_do: str = ""


def examine(settings: Settings) -> list[Finding]:
    """The findings of all checks, in order; a check that fails itself is a failure, and stops no other."""
    return [_run(check, settings) for check in CHECKS]


def _run(check: "Check", settings: Settings) -> Finding:
    name = check.__name__.removeprefix("_")
    try:
        level, says, *to_do = check(settings)
    except OutcomesError as error:
        return Finding(name, "failure", f"{error.what} ({error.where})", error.remedy)
    except Exception as error:
        # The text of the error may quote a record.
        return Finding(name, "failure", f"could not be checked: {type(error).__name__}", "see to the other lines first")
    return Finding(name, level, says, *to_do)


_Told = tuple[Literal["ok"], str] | tuple[Literal["warning", "failure"], str, str]
Check = Callable[[Settings], _Told]


def _python(_: Settings) -> _Told:
    return "ok", ".".join(map(str, sys.version_info[:3]))


def _packages(_: Settings) -> _Told:
    missing = []
    for name, module in _PACKAGES.items():
        try:
            importlib.import_module(module)
        except ImportError:
            missing.append(name)
    if missing:
        return (
            "failure",
            f"cannot be imported: {', '.join(missing)}",
            "install the package anew, with its locked versions",
        )
    return "ok", ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)


def _home(settings: Settings) -> _Told:
    check_home(settings)
    check_writable(settings)
    return "ok", str(settings.home.resolve())


def _space(settings: Settings) -> _Told:
    free = shutil.disk_usage(settings.home).free
    says = f"{free / _GIGABYTE:.1f} GB free"
    if free < _LITTLE:
        to_do = "make room: remove old scratch releases (tmp/), or lower OUTCOMES_RELEASES_KEPT"
        return ("failure" if free < _TOO_LITTLE else "warning"), says, to_do
    return "ok", says


def _privacy(settings: Settings) -> _Told:
    paths = open_to_others(settings)
    if not paths:
        return "ok", "only its own user can reach what it holds"
    to_all = [path for path in paths if path.lstat().st_mode & stat.S_IRWXO & ~stat.S_IXOTH]
    if to_all:
        return "failure", f"open to every user of this machine: {_some(to_all)}", f"chmod -R go-rwx {settings.home}"
    return "warning", f"open to a group: {_some(paths)}", "see that the group may see patients' rows, or chmod g-rwx"


def _site_files(settings: Settings) -> _Told:
    names = site_names(settings.sites_file)
    return "ok", "no register of sites: every landing folder is a site" if names is None else f"{len(names)} sites"


def _locks(settings: Settings) -> _Told:
    held = [lock for lock in _lock_files(settings) if is_held(lock) and time.time() - lock.stat().st_mtime > _LONG]
    if held:
        return (
            "warning",
            f"held for more than an hour: {_some(held)}",
            "see whether its process still works; end it if not",
        )
    return "ok", "none is held for long"


def _leftovers(settings: Settings) -> _Told:
    """What a crash leaves; what a running process is about to finish looks alike, so that a held lock excuses it."""
    look_into_landing(settings)
    look_into_quarantine(settings)
    found = [path for path in _unfinished(settings) if time.time() - path.lstat().st_mtime > _LONG]
    if found and not any(is_held(lock) for lock in _lock_files(settings)):
        return "warning", f"left unfinished: {_some(found)}", "remove it; nothing reads it"
    return "ok", "none"


def _deliveries(settings: Settings) -> _Told:
    waiting = Counter("for ingest" if each.is_complete else "for a manifest" for each in status(settings).waiting)
    if waiting:
        says = ", ".join(f"{count} waiting {what}" for what, count in sorted(waiting.items()))
        return "warning", says, "run `outcomes ingest`; ask the sites for the manifests"
    return "ok", "none is waiting"


def _late_deliveries(settings: Settings) -> _Told:
    late = [f"{each.site_id}/{each.period}" for each in late_deliveries(settings, datetime.now(UTC).date())]
    if late:
        return "warning", f"late by deliveries.csv: {_some(late)}", "ask the sites"
    return "ok", "none that deliveries.csv expects is late"


def _refused(settings: Settings) -> _Told:
    newest = {(each.site_id, each.period): each for each in status(settings).submissions}
    refused = [f"{each.site_id}/{each.period} {each.code}" for each in newest.values() if each.status == "refused"]
    if refused:
        return (
            "warning",
            f"refused at the last attempt: {_some(refused)}",
            "see quarantine/ for why, and docs/exit-codes.md",
        )
    return "ok", "none at its last attempt"


def _lake(settings: Settings) -> _Told:
    """All rows in force compared with what was committed."""
    with connect(settings) as con:
        damaged = Lake.of(settings).attach_sound(con)
    if damaged:
        return "failure", f"rows are not as they were committed: {_some(list(map(str, damaged)))}", "outcomes repair"
    return "ok", "holds what was committed to it"


def _unsettled(settings: Settings) -> _Told:
    """What an intake that was broken off left to be judged again."""
    stale = [f"{each.site_id}/{each.period}" for each in Lake.of(settings).stale()]
    if stale:
        return "warning", f"rests on what has changed since: {_some(stale)}", "outcomes ingest"
    return "ok", "every judgement rests on what is in force"


def _rules(settings: Settings) -> _Told:
    old = sum(each.status == "accepted" and each.rules_are_old for each in status(settings).submissions)
    if old:
        return (
            "warning",
            f"{old} submissions were judged by other rules than the present",
            "outcomes reprocess --dry-run",
        )
    return "ok", "every submission was judged by the present ones"


CHECKS: tuple[Check, ...] = (
    _python,
    _packages,
    _home,
    _space,
    _privacy,
    _site_files,
    _locks,
    _leftovers,
    _deliveries,
    _late_deliveries,
    _refused,
    _lake,
    _unsettled,
    _rules,
)


def _lock_files(settings: Settings) -> list[Path]:
    return [*sorted(settings.locks.glob("*")), *settings.releases.glob(".lock")]


def _unfinished(settings: Settings) -> Iterator[Path]:
    yield from settings.releases.glob(".building*")
    yield from sorted(settings.quarantine.glob("*/*/.*"))
    yield from sorted(settings.landing.glob("*/*/.manifest.json"))
    yield from sorted(settings.crosswalks.glob("*.unfinished"))
    yield from sorted(settings.scratch.glob("duckdb_temp*"))
    yield from (folder for folder in sorted(settings.scratch.glob("import-*")) if not is_held(folder))


def _some(what: list[Path] | list[str]) -> str:
    """The first ones, and how many more there are."""
    more = f" and {len(what) - _SHOWN} more" if len(what) > _SHOWN else ""
    return ", ".join(map(str, what[:_SHOWN])) + more
