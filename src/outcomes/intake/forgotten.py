"""Who was erased on the patient's request: known by a keyed hash alone, so that a later delivery can be refused.

`forgotten.jsonl` gets a line when an erasure begins and another, with counts of rows, when it is done.
"""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from outcomes.errors import OutcomesError
from outcomes.locks import one_at_a_time
from outcomes.settings import Settings

_KEY_BYTES = 32


class Forgotten:
    """The patients that were erased.

    Raises:
        OutcomesError: forgotten_unreadable.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = settings.forgotten_file
        self._hashes = frozenset(_hashes(self._file))
        self._key = _read_key(settings.forgotten_key) if self._hashes else b""

    def knows(self, site_id: str, patient_id: str) -> bool:
        """Whether the patient's erasure has at least begun."""
        return bool(self._hashes) and _hash(self._key, site_id, patient_id) in self._hashes

    def count(self, site_id: str, patient_ids: Iterable[str]) -> int:
        """How many of a site's patients are forgotten."""
        return sum(self.knows(site_id, patient_id) for patient_id in patient_ids) if self._hashes else 0

    def begin(self, site_id: str, patient_id: str) -> None:
        """Remember that the patient is to be erased: from now on no delivery brings the patient back."""
        if not self.knows(site_id, patient_id):
            self._append(site_id, patient_id, None)

    def finish(self, site_id: str, patient_id: str, rows: Mapping[str, int]) -> None:
        """Record that the erasure is done.

        Args:
            site_id: the patient's site.
            patient_id: the patient.
            rows: how many were erased, by place.
        """
        self._append(site_id, patient_id, dict(rows))

    def _append(self, site_id: str, patient_id: str, rows: dict[str, int] | None) -> None:
        with one_at_a_time(self._settings.locks / ".forgotten"):
            key = self._key or _make_key(self._settings.forgotten_key)
            at = datetime.now(UTC).isoformat(timespec="seconds")
            line = {"at": at, "site_id": site_id, "patient": _hash(key, site_id, patient_id), "rows": rows}
            _append_line(self._file, json.dumps(line))
        self._key, self._hashes = key, self._hashes | {str(line["patient"])}


def _hash(key: bytes, site_id: str, patient_id: str) -> str:
    return hmac.new(key, f"{site_id}/{patient_id}".encode(), hashlib.sha256).hexdigest()


def _hashes(file: Path) -> list[str]:
    if not file.exists():
        return []
    try:
        # A last line without its end was cut off by a crash, before anything was erased.
        return [json.loads(line)["patient"] for line in file.read_text(encoding="utf-8").split("\n")[:-1] if line]
    except (OSError, ValueError, KeyError, TypeError):
        raise OutcomesError("forgotten_unreadable", file.name) from None


def _read_key(file: Path) -> bytes:
    try:
        key = bytes.fromhex(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        raise OutcomesError("forgotten_unreadable", file.name) from None
    if len(key) != _KEY_BYTES:
        raise OutcomesError("forgotten_unreadable", file.name)
    return key


def _make_key(file: Path) -> bytes:
    """The key, drawn now if there is none yet."""
    if not file.exists():
        unfinished = file.with_name(f".{file.name}")
        unfinished.unlink(missing_ok=True)
        _append_line(unfinished, secrets.token_hex(_KEY_BYTES))
        unfinished.rename(file)
    return _read_key(file)


def _append_line(file: Path, line: str) -> None:
    """Write a line through to the disk, for the owner's eyes only."""
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as lines:
        content = lines.read()
        cut_off = content and not content.endswith(b"\n")
        if cut_off:
            os.ftruncate(descriptor, content.rfind(b"\n") + 1)
        lines.write(line.encode() + b"\n")
        lines.flush()
        os.fsync(descriptor)
