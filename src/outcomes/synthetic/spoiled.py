"""Submissions that must be refused, of small sites that exist for this only and say so in their names."""

import csv
import datetime
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outcomes.contract import TABLES
from outcomes.intake.manifest import MANIFEST, write_manifest
from outcomes.periods import last_day
from outcomes.synthetic.draws import Rng, keys

Rows = list[dict[str, str]]

_PATIENTS = 24
_PATIENT = {"sex": "female", "age_years": "58", "data_cut_day": "200", "last_contact_day": "120"}
_OPERATION = {"day": "0", "code_system": "CPT", "code": "22551", "levels": "C5-6", "approach": "anterior"}


@dataclass(frozen=True)
class ExpectedSubmission:
    """What must become of one submission, as the answer key tells it.

    `status` is accepted, superseded, refused, or incomplete (a folder without manifest is no submission yet).
    `folder` is relative to the home folder.
    """

    site_id: str
    period: str
    folder: str
    status: str
    code: str | None = None


@dataclass(frozen=True)
class FaultSite:
    """A site whose submissions are spoiled, each in its own way."""

    site_id: str
    name: str
    codes: tuple[str, ...]


UNREGISTERED_SITE = "demo-unregistered"
"""Delivers, but is not in the register of sites."""

FAULT_SITES = (
    FaultSite(
        "demo-faults-files",
        "Demo: faulty files",
        ("file_unreadable", "file_encoding", "file_empty", "checksum_mismatch"),
    ),
    FaultSite(
        "demo-faults-content",
        "Demo: faulty content",
        ("column_missing", "column_extra", "identifier_found", "too_many_critical_rows"),
    ),
    FaultSite("demo-faults-privacy", "Demo: faulty de-identification", ("data_cut_common", "age_over_89")),
    FaultSite(
        "demo-faults-manifests",
        "Demo: faulty manifests",
        ("contract_version_unknown", "manifest_malformed", "manifest_missing", "row_count_mismatch"),
    ),
)
"""The registered sites whose submissions are spoiled."""


def write_spoiled_submissions(rng: Rng, home: Path, landing: Path, periods: list[str]) -> list[ExpectedSubmission]:
    """Write one spoiled submission for each code, spread over the periods, latest first.

    Returns:
        What must become of each. With fewer periods than codes of a site, its last codes are left out.
    """
    planned = [
        (site.site_id, period, code)
        for site in FAULT_SITES
        for period, code in zip(reversed(periods), site.codes, strict=False)
    ]
    planned.append((UNREGISTERED_SITE, periods[-1], "site_unknown"))
    expected = []
    for site_id, period, code in planned:
        folder = landing / site_id / period
        _write_sound(rng, folder, site_id, period)
        _SPOILERS[code](folder)
        status = "incomplete" if code == "manifest_missing" else "refused"
        expected.append(ExpectedSubmission(site_id, period, folder.relative_to(home).as_posix(), status, code))
    return expected


def _write_sound(rng: Rng, folder: Path, site_id: str, period: str) -> None:
    """A small submission without fault."""
    folder.mkdir(parents=True)
    patients = [_PATIENT | {"patient_id": key} for key in keys(rng, _PATIENTS)]
    operations = [
        _OPERATION | {"procedure_id": key, "patient_id": patient["patient_id"]}
        for key, patient in zip(keys(rng, _PATIENTS), patients, strict=True)
    ]
    _write(folder / "patients.csv", TABLES["patients"].schema.names, patients)
    _write(folder / "procedures.csv", TABLES["procedures"].schema.names, operations)
    write_manifest(
        folder,
        site_id=site_id,
        period=period,
        kind="full",
        deidentification_method="limited_data_set",
        data_cut=last_day(period),
        is_synthetic=True,
    )


def _write(path: Path, columns: list[str], rows: Rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _text(
    file: str, change: Callable[[str], str], *, encoding: str = "utf-8", is_sealed: bool = True
) -> Callable[[Path], None]:
    """A spoiler that changes the text of a file; unless the folder is sealed again, its checksum is wrong."""

    def spoil(folder: Path) -> None:
        path = folder / file
        path.write_bytes(change(path.read_text(encoding="utf-8")).encode(encoding))
        if is_sealed:
            _seal(folder)

    return spoil


def _rows(table: str, change: Callable[[Rows, str], Rows]) -> Callable[[Path], None]:
    """A spoiler that changes the rows of a table, given the period, and their columns with them."""

    def spoil(folder: Path) -> None:
        path = folder / f"{table}.csv"
        with path.open(encoding="utf-8", newline="") as lines:
            rows = change(list(csv.DictReader(lines)), folder.name)
        _write(path, list(rows[0]), rows)
        _seal(folder)

    return spoil


def _manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """A spoiler that changes the manifest in place."""

    def spoil(folder: Path) -> None:
        path = folder / MANIFEST
        manifest = json.loads(path.read_text(encoding="utf-8"))
        change(manifest)
        path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")

    return spoil


def _seal(folder: Path) -> None:
    """Make the manifest's checksums true again."""

    def change(manifest: dict[str, Any]) -> None:
        for entry in manifest["files"]:
            entry["sha256"] = hashlib.sha256((folder / entry["name"]).read_bytes()).hexdigest()

    _manifest(change)(folder)


def _without_code(rows: Rows, _: str) -> Rows:
    return [{name: cell for name, cell in row.items() if name != "code"} for row in rows]


def _changed(some: slice, **cells: str) -> Callable[[Rows, str], Rows]:
    """Rows with other cells in some of them."""

    def change(rows: Rows, _: str) -> Rows:
        for row in rows[some]:
            row.update(cells)
        return rows

    return change


def _common_cut(rows: Rows, period: str) -> Rows:
    """All patients are cut on the last day of the period, and their surgeries lie seventeen days apart."""
    for number, row in enumerate(rows):
        days = 130 + 17 * number
        index = last_day(period) - datetime.timedelta(days=days)
        row.update(index_period=index.strftime("%Y-%m"), data_cut_day=str(days))
    return rows


_SPOILERS: dict[str, Callable[[Path], object]] = {
    "file_unreadable": _text("procedures.csv", lambda text: f"{text}one,cell,too,few\n"),
    "file_encoding": _text("procedures.csv", lambda text: text.replace("anterior", "antérieur"), encoding="latin-1"),
    "file_empty": _text("procedures.csv", lambda text: text.splitlines()[0] + "\n"),
    "checksum_mismatch": _text("patients.csv", lambda text: text.replace("female", "male"), is_sealed=False),
    "column_missing": _rows("procedures", _without_code),
    "column_extra": _rows("patients", _changed(slice(None), postcode="")),
    "identifier_found": _rows("procedures", _changed(slice(3, 4), surgeon_id="somebody@example.org")),
    "data_cut_common": _rows("patients", _common_cut),
    "age_over_89": _rows("patients", _changed(slice(5, 6), age_years="88", data_cut_day="800")),
    "too_many_critical_rows": _rows("procedures", _changed(slice(5), day="")),
    "contract_version_unknown": _manifest(lambda manifest: manifest.update(contract_version=99)),
    "manifest_malformed": _text(MANIFEST, lambda text: text[:-30], is_sealed=False),
    "manifest_missing": lambda folder: (folder / MANIFEST).unlink(),
    "row_count_mismatch": _manifest(lambda manifest: manifest["files"][0].update(rows=_PATIENTS + 1)),
    "site_unknown": lambda folder: None,  # the submission itself is sound
}
