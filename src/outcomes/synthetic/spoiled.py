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

_PATIENTS = 24


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

_FAULT_SITES = (
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


def fault_sites() -> list[FaultSite]:
    """The registered sites whose submissions are spoiled."""
    return list(_FAULT_SITES)


def write_spoiled_submissions(rng: Rng, home: Path, landing: Path, periods: list[str]) -> list[ExpectedSubmission]:
    """Write one spoiled submission for each code, spread over the periods, latest first.

    Returns:
        What must become of each. With fewer periods than codes of a site, its last codes are left out.
    """
    planned = [
        (site.site_id, period, code)
        for site in _FAULT_SITES
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
    patients = [_patient(key) for key in keys(rng, _PATIENTS)]
    operations = [
        _operation(key, patient["patient_id"]) for key, patient in zip(keys(rng, _PATIENTS), patients, strict=True)
    ]
    _write(folder / "patients.csv", list(TABLES["patients"].schema.names), patients)
    _write(folder / "procedures.csv", list(TABLES["procedures"].schema.names), operations)
    write_manifest(
        folder,
        site_id=site_id,
        period=period,
        kind="full",
        deidentification_method="limited_data_set",
        data_cut=last_day(period),
        is_synthetic=True,
    )


def _patient(key: str) -> dict[str, str]:
    return {"patient_id": key, "sex": "female", "age_years": "58", "data_cut_day": "200", "last_contact_day": "120"}


def _operation(key: str, patient: str) -> dict[str, str]:
    return {
        "procedure_id": key,
        "patient_id": patient,
        "day": "0",
        "code_system": "CPT",
        "code": "22551",
        "levels": "C5-6",
        "approach": "anterior",
    }


def _write(path: Path, columns: list[str], rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _rewrite(folder: Path, table: str, change: Callable[[list[str], list[dict[str, str]]], None]) -> None:
    """Change columns and rows of a file in place, and seal the folder again."""
    path = folder / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    columns = list(rows[0])
    change(columns, rows)
    _write(path, columns, rows)
    _seal(folder)


def _seal(folder: Path) -> None:
    """Make the manifest's checksums true again."""

    def change(manifest: dict[str, Any]) -> None:
        for entry in manifest["files"]:
            entry["sha256"] = hashlib.sha256((folder / entry["name"]).read_bytes()).hexdigest()

    _edit_manifest(folder, change)


def _edit_manifest(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _unreadable(folder: Path) -> None:
    path = folder / "procedures.csv"
    path.write_text(path.read_text(encoding="utf-8") + "one,cell,too,few\n", encoding="utf-8")
    _seal(folder)


def _latin_1(folder: Path) -> None:
    path = folder / "procedures.csv"
    path.write_bytes(path.read_text(encoding="utf-8").replace("anterior", "antérieur").encode("latin-1"))
    _seal(folder)


def _empty(folder: Path) -> None:
    path = folder / "procedures.csv"
    path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    _seal(folder)


def _changed_after_sealing(folder: Path) -> None:
    path = folder / "patients.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("female", "male"), encoding="utf-8")


def _column_missing(folder: Path) -> None:
    def change(columns: list[str], rows: list[dict[str, str]]) -> None:
        columns.remove("code")
        for row in rows:
            del row["code"]

    _rewrite(folder, "procedures", change)


def _column_extra(folder: Path) -> None:
    _rewrite(folder, "patients", lambda columns, rows: columns.append("postcode"))


def _identifier(folder: Path) -> None:
    def change(columns: list[str], rows: list[dict[str, str]]) -> None:
        rows[3]["surgeon_id"] = "somebody@example.org"

    _rewrite(folder, "procedures", change)


def _common_cut(folder: Path) -> None:
    """All patients are cut on the last day of the period, and their surgeries lie seventeen days apart."""
    cut = last_day(folder.name)

    def change(columns: list[str], rows: list[dict[str, str]]) -> None:
        for number, row in enumerate(rows):
            days = 130 + 17 * number
            index = cut - datetime.timedelta(days=days)
            row.update(index_period=index.strftime("%Y-%m"), data_cut_day=str(days))

    _rewrite(folder, "patients", change)


def _ninety_while_followed(folder: Path) -> None:
    def change(columns: list[str], rows: list[dict[str, str]]) -> None:
        rows[5].update(age_years="88", data_cut_day="800")

    _rewrite(folder, "patients", change)


def _many_critical(folder: Path) -> None:
    def change(columns: list[str], rows: list[dict[str, str]]) -> None:
        for row in rows[:5]:
            row["bmi"] = "400"

    _rewrite(folder, "patients", change)


def _unknown_version(folder: Path) -> None:
    _edit_manifest(folder, lambda manifest: manifest.update(contract_version=99))


def _malformed(folder: Path) -> None:
    path = folder / MANIFEST
    path.write_text(path.read_text(encoding="utf-8")[:-30], encoding="utf-8")


def _missing(folder: Path) -> None:
    (folder / MANIFEST).unlink()


def _wrong_count(folder: Path) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["files"][0]["rows"] += 1

    _edit_manifest(folder, change)


def _nothing(folder: Path) -> None:
    """The submission itself is sound."""


_SPOILERS: dict[str, Callable[[Path], None]] = {
    "file_unreadable": _unreadable,
    "file_encoding": _latin_1,
    "file_empty": _empty,
    "checksum_mismatch": _changed_after_sealing,
    "column_missing": _column_missing,
    "column_extra": _column_extra,
    "identifier_found": _identifier,
    "data_cut_common": _common_cut,
    "age_over_89": _ninety_while_followed,
    "too_many_critical_rows": _many_critical,
    "contract_version_unknown": _unknown_version,
    "manifest_malformed": _malformed,
    "manifest_missing": _missing,
    "row_count_mismatch": _wrong_count,
    "site_unknown": _nothing,
}
