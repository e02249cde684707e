"""The crosswalk of a site: which random key stands for which key of the source.

A key is drawn, never derived, so that nobody can work it back. The crosswalk undoes the de-identification: it stays
with the site, outside the landing folder, readable by its owner alone.
"""

import csv
import io
import secrets
import string
from pathlib import Path

import pyarrow as pa

from outcomes.errors import OutcomesError
from outcomes.whole_files import write_whole

_COLUMNS = ("kind", "source_key", "key")
_KEY_LENGTH = 14


class Crosswalk:
    """The keys of one site, kept in a CSV file (kind, source_key, key); known keys are reused, so they stay stable."""

    def __init__(self, path: Path) -> None:
        """Read the file if there is one.

        Raises:
            OutcomesError: source_malformed when it isn't a crosswalk; it is then left as it is.
        """
        self.path = path
        self._keys = _read(path) if path.is_file() else {}

    def keys(self, kind: str, source_keys: list[str]) -> dict[str, str]:
        """The key of each source key, drawn for those that have none yet.

        Args:
            kind: what the keys identify, `patient` or `encounter`.
            source_keys: keys of the source.
        """
        taken = set(self._keys.values())
        for source_key in sorted(set(source_keys)):
            if (kind, source_key) not in self._keys:
                self._keys[kind, source_key] = _draw(taken)
        return {source_key: self._keys[kind, source_key] for source_key in source_keys}

    def table(self, kind: str, source_keys: list[str], columns: tuple[str, str]) -> pa.Table:
        """`keys` as a table of strings with these two column names: the source's key, then ours."""
        pairs = self.keys(kind, source_keys)
        return pa.table([pa.array(pairs.keys(), pa.string()), pa.array(pairs.values(), pa.string())], names=columns)

    def save(self) -> None:
        """Write the file whole or not at all, readable and writable by its owner only (mode 0600)."""
        lines = io.StringIO()
        writer = csv.writer(lines)
        writer.writerow(_COLUMNS)
        writer.writerows((*named, key) for named, key in sorted(self._keys.items()))
        write_whole(self.path, lines.getvalue().encode())


def _read(path: Path) -> dict[tuple[str, str], str]:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            header, *rows = csv.reader(lines)
            keys = {(kind, source_key): key for kind, source_key, key in rows}
    except (OSError, UnicodeDecodeError, ValueError, csv.Error):
        raise OutcomesError("source_malformed", f"crosswalk {path.name}") from None
    if tuple(header) != _COLUMNS or len(set(keys.values())) < len(rows):
        raise OutcomesError("source_malformed", f"crosswalk {path.name}")
    return keys


def _draw(taken: set[str]) -> str:
    """A new key of letters only: digits could look like a telephone or record number to the screening."""
    while True:
        key = "".join(secrets.choice(string.ascii_lowercase) for _ in range(_KEY_LENGTH))
        if key not in taken:
            taken.add(key)
            return key
