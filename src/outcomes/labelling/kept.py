"""What the labelling of the last release made, kept for the next one: a patient without new records is as before.

The folder holds single patients, as the releases do. It is worth time alone: without it, or when it is damaged, the
next release labels all patients.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from outcomes.sql.quoting import literal

_DATABASE = "labelled.duckdb"
_ABOUT = "about.json"
_UNFINISHED = ".unfinished"
_log = logging.getLogger(__name__)

RestsOn = Mapping[str, str | None]
"""What all labels rest on beside the records, in words, with the version or digest of each."""


def why_not_usable(folder: Path, rests_on: RestsOn) -> str | None:
    """Why the labelling that is kept says nothing about the one to come; None when it does.

    Args:
        folder: where it is kept.
        rests_on: what the labelling to come rests on.
    """
    if not folder.is_dir():
        return "no labelling is kept"
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        changed = [name for name, version in rests_on.items() if about["rests_on"].get(name) != version]
        if changed:
            return f"changed since the last release: {', '.join(changed)}"
        is_sound = _sha256(folder / _DATABASE) == about["sha256"]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        is_sound = False
    return None if is_sound else "the labelling that was kept is damaged"


def attach(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Attach the labelling that is kept as `kept`."""
    con.execute(f"attach {literal(folder / _DATABASE)} as kept (read_only)")


def keep(con: duckdb.DuckDBPyConnection, folder: Path, rests_on: RestsOn, relations: Iterable[str]) -> None:
    """Keep relations in place of those of the last release.

    A crash leaves the former ones or none. Where they cannot be written none are kept, and a warning is logged: the
    release does not need them.

    Args:
        con: a connection that holds the relations.
        folder: where to keep them.
        rests_on: what they rest on beside the records.
        relations: their names.
    """
    _, unfinished = _places(folder)
    try:
        discard(folder)
        unfinished.mkdir(parents=True)
        con.execute(f"attach {literal(unfinished / _DATABASE)} as keeping")
        try:
            for name in relations:
                con.execute(f'create table keeping."{name}" as from "{name}"')
        finally:
            con.execute("detach keeping")
        about = {"rests_on": dict(rests_on), "sha256": _sha256(unfinished / _DATABASE)}
        (unfinished / _ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        unfinished.rename(folder)
    except (OSError, duckdb.Error) as error:
        for left in _places(folder):
            shutil.rmtree(left, ignore_errors=True)
        _log.warning("the labels could not be kept, the next release labels all patients: %s", type(error).__name__)


def discard(folder: Path) -> None:
    """Remove the labelling that is kept, and what a crash left of one."""
    for left in _places(folder):
        if left.exists():
            shutil.rmtree(left)


def _places(folder: Path) -> tuple[Path, Path]:
    """Where the labelling is kept, and where it is written until it is whole."""
    return folder, folder.with_name(f"{_UNFINISHED}-{folder.name}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
