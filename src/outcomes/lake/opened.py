"""Delta tables that a process has opened: each is read once, and afterwards only what its log holds more."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from deltalake import DeltaTable

from outcomes.places import Entry, Place


@dataclass(frozen=True)
class _Opened:
    table: DeltaTable
    log: Mapping[str, Entry]
    """By name, each file of the log."""


_OPENED: dict[tuple[int, str], _Opened] = {}
"""By process and folder or URL; what a process had opened before it was forked is none of the child's."""


def open_table(place: Place, name: str) -> DeltaTable | None:
    """A Delta table as it is now; None where there is none.

    Raises:
        DeltaError: its log cannot be read.
        OutcomesError: place_unreachable.
    """
    log = place.entries(f"{name}/_delta_log")
    uri = f"{place.uri}/{name}"
    opened = _OPENED.pop((os.getpid(), uri), None)
    # Of a log in which a file was written anew, nothing known before holds.
    if opened and opened.log.items() <= log.items():
        table = opened.table
        if len(opened.log) < len(log):
            table.update_incremental()
    elif log and DeltaTable.is_deltatable(uri):
        table = DeltaTable(uri)
    else:
        return None
    _OPENED[os.getpid(), uri] = _Opened(table, log)
    return table
