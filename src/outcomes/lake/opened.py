"""Delta tables that a process has opened: each is read once, and afterwards only what its log holds more."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable


@dataclass(frozen=True)
class _Opened:
    table: DeltaTable
    log: Mapping[str, tuple[int, int]]
    """By name, when each file of the log was written and how long it is."""


_OPENED: dict[tuple[int, str], _Opened] = {}
"""By process and folder; what a process had opened before it was forked is none of the child's."""


def open_table(folder: str) -> DeltaTable | None:
    """A Delta table as it is now; None where there is none.

    Raises:
        DeltaError: its log cannot be read.
    """
    log = _files_of_log(Path(folder, "_delta_log"))
    place = (os.getpid(), folder)
    opened = _OPENED.pop(place, None)
    # Of a log in which a file was written anew, nothing known before holds.
    if opened and opened.log.items() <= log.items():
        table = opened.table
        if len(opened.log) < len(log):
            table.update_incremental()
    elif DeltaTable.is_deltatable(folder):
        table = DeltaTable(folder)
    else:
        return None
    _OPENED[place] = _Opened(table, log)
    return table


def _files_of_log(log: Path) -> dict[str, tuple[int, int]]:
    if not log.is_dir():
        return {}
    found = {}
    with os.scandir(log) as entries:
        for entry in entries:
            told = entry.stat()
            found[entry.name] = (told.st_mtime_ns, told.st_size)
    return found
