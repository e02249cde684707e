"""The erasure of a patient, on the patient's request: out of landing, quarantine and lake.

First the keyed hash of the patient is recorded, so that nothing brings the patient back; then the rows go, those that
name only a key of the patient's rows before those by which that key is known. Whatever a crash leaves undone, the same
command finishes.
"""

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from outcomes.contract import TABLES
from outcomes.errors import OutcomesError
from outcomes.intake.forgotten import Forgotten
from outcomes.intake.landing import Delivery, deliveries_of, is_site_id
from outcomes.intake.manifest import MANIFEST, place, submission_id, submission_id_of
from outcomes.intake.reading import as_delivered, is_table_file
from outcomes.intake.redaction import CannotBeSearched, count_rows_of, keys_of, without_rows_of
from outcomes.lake import Lake, LakeUpkeep, PatientRows, newest_not_refused
from outcomes.settings import Settings
from outcomes.shared_locks import lake_lock, look_into_landing, look_into_quarantine, send, site_lock

_STAGED = ".erasing"
"""Ends the name of a file that waits to take another's place."""


@dataclass(frozen=True)
class PatientHeld:
    """How many rows of a patient are held, or were erased, by place.

    Attributes:
        landing: rows of delivered files.
        quarantine: rows in quarantine.
        lake: rows in the lake, those of former judgements too.
        not_searched: `site/period` of what could not be searched: unreadable, or delivered in part.
        began_before: whether an erasure of the patient has begun before.
    """

    landing: int
    quarantine: int
    lake: int
    not_searched: tuple[str, ...]
    began_before: bool

    @property
    def rows(self) -> dict[str, int]:
        """The counts by place."""
        return {"landing": self.landing, "quarantine": self.quarantine, "lake": self.lake}


def find_patient(settings: Settings, site_id: str, patient_id: str) -> PatientHeld:
    """How many rows of a patient are held, and where; nothing is written.

    Raises:
        OutcomesError: patient_unknown when nothing is held and no erasure has begun, lake_damaged,
            forgotten_unreadable.
    """
    if not is_site_id(site_id) or not patient_id or patient_id != patient_id.strip():
        raise OutcomesError("patient_unknown", "the patient is named SITE/PATIENT")
    look_into_landing(settings, site_id)
    look_into_quarantine(settings, site_id)
    rows, not_searched = _rows_of(settings, site_id, patient_id)
    held = PatientHeld(
        landing=_count(_landed_files(settings, site_id), rows),
        quarantine=_count(_quarantined_files(settings, site_id), rows),
        lake=LakeUpkeep.of(settings).count_patient(rows),
        not_searched=not_searched,
        began_before=Forgotten(settings).knows(site_id, patient_id),
    )
    if not any(held.rows.values()) and not held.began_before:
        raise OutcomesError("patient_unknown", f"{site_id}: no row in landing, quarantine or lake")
    return held


def erase(settings: Settings, site_id: str, patient_id: str) -> PatientHeld:
    """Erase a patient from landing, quarantine and lake.

    Folders of the landing that held the patient are other submissions afterwards, see `changed`.

    Returns:
        What was erased.

    Raises:
        OutcomesError: as `find_patient`.
    """
    find_patient(settings, site_id, patient_id)
    with site_lock(settings, site_id):
        forgotten = Forgotten(settings)
        began_before = forgotten.knows(site_id, patient_id)
        forgotten.begin(site_id, patient_id)
        for delivery in _complete(settings, site_id):
            _finish_staged(settings, delivery)
        _clear_quarantine(settings, site_id)
        rows, not_searched = _rows_of(settings, site_id, patient_id)
        erased = {"landing": 0, "quarantine": 0, "lake": 0}
        for tombstones in (True, False):
            erased["landing"] += _erase_landed(settings, rows, tombstones=tombstones)
            erased["quarantine"] += _erase_quarantined(settings, rows, tombstones=tombstones)
            # What the lake knows of the patient's keys finds these rows again, were they still there after a crash.
            send(settings, site_id)
            with lake_lock(settings):
                erased["lake"] += LakeUpkeep.of(settings).erase(rows, tombstones=tombstones)
        with lake_lock(settings):
            LakeUpkeep.of(settings).purge(site_id)
        return PatientHeld(**erased, not_searched=not_searched, began_before=began_before)


def changed(settings: Settings, site_id: str) -> list[str]:
    """The periods of a site whose landing folder holds another submission than the accepted one that stands."""
    found = []
    for delivery in _complete(settings, site_id):
        attempts = Lake.of(settings).recorded(site_id, delivery.period)
        standing = newest_not_refused(attempts).get((site_id, delivery.period))
        known = {each.submission_id for each in (standing, *attempts[-1:]) if each}
        if standing and standing.outcome == "accepted" and submission_id(delivery.folder) not in known:
            found.append(delivery.period)
    return found


def _complete(settings: Settings, site_id: str) -> list[Delivery]:
    return [each for each in deliveries_of(settings, site_id) if each.is_complete]


def _rows_of(settings: Settings, site_id: str, patient_id: str) -> tuple[PatientRows, tuple[str, ...]]:
    """What tells the patient's rows, and the places that could not be searched."""
    keys = {name: set(found) for name, found in LakeUpkeep.of(settings).patient_keys(site_id, patient_id).items()}
    not_searched = {
        place(each.folder)
        for each in deliveries_of(settings, site_id)
        if not each.is_complete and any(each.folder.iterdir())
    }
    for file in (*_landed_files(settings, site_id), *_quarantined_files(settings, site_id)):
        try:
            keys.setdefault(file.stem, set()).update(keys_of(file.name, file.read_bytes(), site_id, patient_id))
        except (CannotBeSearched, OSError):
            not_searched.add(_place(settings, file))
    not_searched |= {
        _place(settings, file)
        for delivery in _complete(settings, site_id)
        for file in delivery.folder.rglob("*")
        if not _holds_a_table(delivery, file) and _may_name(file, patient_id) and file != delivery.folder / MANIFEST
    }
    # What a mending that broke off has left: one of the two is the delivery, and only `quarantine mend` knows which.
    not_searched |= {place(folder) for folder in (settings.landing / site_id).glob(".*") if folder.is_dir()}
    rows = PatientRows(site_id, patient_id, {name: frozenset(found) for name, found in keys.items()})
    return rows, tuple(sorted(not_searched))


def _may_name(file: Path, patient_id: str) -> bool:
    """Whether what is no table holds the patient's key, or cannot be read."""
    if file.is_dir() and not file.is_symlink():
        return False
    try:
        return not _is_regular(file) or patient_id.encode() in file.read_bytes()
    except OSError:
        return True


def _landed_files(settings: Settings, site_id: str) -> Iterator[Path]:
    for delivery in _complete(settings, site_id):
        for file in sorted(delivery.folder.iterdir()):
            if _holds_a_table(delivery, file):
                yield file


def _holds_a_table(delivery: Delivery, file: Path) -> bool:
    is_hidden = file.name.startswith(".")
    return file.parent == delivery.folder and is_table_file(file.name) and not is_hidden and _is_regular(file)


def _is_regular(file: Path) -> bool:
    """Whether it is a file, not a link to one: that would be rewritten here and stay as it is elsewhere."""
    return stat.S_ISREG(file.lstat().st_mode)


def _quarantined_files(settings: Settings, site_id: str) -> Iterator[Path]:
    yield from sorted((settings.quarantine / site_id).glob("*/*/*.parquet"))


def _place(settings: Settings, file: Path) -> str:
    """The site and period of a file of landing or quarantine."""
    if file.is_relative_to(settings.landing):
        return "/".join(file.relative_to(settings.landing).parts[:2])
    return "/".join((*file.relative_to(settings.quarantine).parts[:2], settings.quarantine.name))


def _count(files: Iterator[Path], rows: PatientRows) -> int:
    return sum(_count_one(file, rows, tombstones=tombstones) for file in files for tombstones in (True, False))


def _count_one(file: Path, rows: PatientRows, *, tombstones: bool) -> int:
    try:
        return count_rows_of(file.name, file.read_bytes(), rows, tombstones=tombstones)
    except (CannotBeSearched, OSError):
        return 0


def _clear_quarantine(settings: Settings, site_id: str) -> None:
    """Remove what a crash has left of a folder or file that was to take another's place."""
    for unfinished in (settings.quarantine / site_id).glob("*/.*"):
        shutil.rmtree(unfinished)
    for staged in (settings.quarantine / site_id).glob(f"*/*/.*{_STAGED}"):
        staged.unlink()


def _erase_quarantined(settings: Settings, rows: PatientRows, *, tombstones: bool) -> int:
    erased = 0
    for file in _quarantined_files(settings, rows.site_id):
        if gone := _count_one(file, rows, tombstones=tombstones):
            _rewrite_quarantined(file, rows, tombstones=tombstones)
            erased += gone
    return erased


def _rewrite_quarantined(file: Path, rows: PatientRows, *, tombstones: bool) -> None:
    left = without_rows_of(file.name, file.read_bytes(), rows, tombstones=tombstones)
    if as_delivered(file.name, left).num_rows:
        staged = file.with_name(f".{file.name}{_STAGED}")
        _write(staged, left)
        staged.replace(file)
    else:
        file.unlink()
        if not any(file.parent.iterdir()):
            file.parent.rmdir()


def _erase_landed(settings: Settings, rows: PatientRows, *, tombstones: bool) -> int:
    erased = 0
    for delivery in _complete(settings, rows.site_id):
        gone = {
            file.name: count
            for file in sorted(delivery.folder.iterdir())
            if _holds_a_table(delivery, file) and (count := _count_one(file, rows, tombstones=tombstones))
        }
        if gone:
            _stage(
                delivery.folder, gone, lambda name, content: without_rows_of(name, content, rows, tombstones=tombstones)
            )
            _finish_staged(settings, delivery)
            erased += sum(gone.values())
    return erased


def _stage(folder: Path, gone: dict[str, int], rewrite: Callable[[str, bytes], bytes]) -> None:
    """Write files without their `gone` rows beside the old ones, and last the manifest that says so."""
    before = (folder / MANIFEST).read_bytes()
    try:
        stated = json.loads(before)
        entries = {entry["name"]: entry for entry in stated["files"]}
    except (ValueError, KeyError, TypeError):
        stated, entries = None, {}
    for name, rows in gone.items():
        content = (folder / name).read_bytes()
        left = rewrite(name, content)
        if name in entries and not _may_be_empty(stated, name) and not as_delivered(name, left).num_rows:
            stated["files"].remove(entries[name])
            continue
        if name in entries:
            _restate(entries[name], content, left, rows)
        _write(folder / f".{name}{_STAGED}", left)
    after = before if stated is None else (json.dumps(stated, indent=2, ensure_ascii=False) + "\n").encode()
    _write(folder / f".{MANIFEST}{_STAGED}", after)


def _may_be_empty(stated: Any, name: str) -> bool:
    """A full submission leaves out a table without rows; without a table that it needs, the one before stands."""
    table = TABLES.get(Path(name).stem)
    return stated.get("kind") != "full" or table is None or table.required


def _restate(entry: dict[str, Any], content: bytes, left: bytes, gone: int) -> None:
    """State a file's rows and checksum anew; what was stated wrongly stays wrong."""
    if isinstance(entry.get("rows"), int):
        entry["rows"] = max(0, entry["rows"] - gone)
    if entry.get("sha256") == hashlib.sha256(content).hexdigest():
        entry["sha256"] = hashlib.sha256(left).hexdigest()


def _finish_staged(settings: Settings, delivery: Delivery) -> None:
    """Put staged files in place, the manifest last; without a staged manifest they are a crash's leftovers."""
    folder, manifest = delivery.folder, delivery.folder / f".{MANIFEST}{_STAGED}"
    staged = [file for file in folder.glob(f".*{_STAGED}") if file != manifest]
    if not manifest.exists():
        for file in staged:
            file.unlink()
        return
    _keep_withdrawn(settings, delivery, manifest.read_bytes())
    for file in staged:
        file.replace(folder / file.name.removeprefix(".").removesuffix(_STAGED))
    for name in _names(folder / MANIFEST) - _names(manifest):
        (folder / name).unlink(missing_ok=True)
    manifest.replace(folder / MANIFEST)


def _names(manifest: Path) -> set[str]:
    """The files that a manifest lists, of those that can only lie in its folder."""
    try:
        names = {str(entry["name"]) for entry in json.loads(manifest.read_bytes())["files"]}
    except (ValueError, KeyError, TypeError):
        return set()
    return {name for name in names if Path(name).name == name}


def _keep_withdrawn(settings: Settings, delivery: Delivery, manifest: bytes) -> None:
    """A withdrawn submission stays so under its new manifest: no ingest may take it for a correction."""
    lake = Lake.of(settings)
    attempts = lake.recorded(delivery.site_id, delivery.period)
    standing = newest_not_refused(attempts).get((delivery.site_id, delivery.period))
    if standing and standing.outcome == "withdrawn" and standing.submission_id == submission_id(delivery.folder):
        with lake_lock(settings):
            lake.commit(
                replace(
                    standing,
                    submission_id=submission_id_of(delivery.folder, manifest),
                    attempt=attempts[-1].attempt + 1,
                    judgement_id=standing.judgement_id or standing.submission_id,
                    recorded_at=lake.next_time(delivery.site_id),
                )
            )


def _write(file: Path, content: bytes) -> None:
    """Write a file through to the disk."""
    with file.open("wb") as written:
        written.write(content)
        written.flush()
        os.fsync(written.fileno())
