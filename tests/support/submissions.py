"""Write small submissions: rows with sensible defaults, and a folder with its manifest."""

import csv
import datetime
import hashlib
import json
from pathlib import Path
from typing import Any

from outcomes.contract import CONTRACT_VERSION, TABLES
from outcomes.intake.manifest import MANIFEST, Kind, Method, write_manifest
from outcomes.settings import Settings

Row = dict[str, Any]

DATA_CUT = datetime.date(2025, 6, 1)


def drawn(number: int) -> str:
    """A key as if drawn at random, always the same of a number: 20 numbered keys or more would be refused."""
    digest = hashlib.sha256(str(number).encode()).hexdigest()[:14]
    return digest.translate(str.maketrans("0123456789", "qrstuvwxyz"))


def patient(patient_id: str = "p000001", **cells: Any) -> Row:
    """A patient with an index fusion, followed for two years."""
    row = {"patient_id": patient_id, "sex": "female", "age_years": 54, "index_period": "2023-05"}
    row |= {"bmi": 27.4, "smoking": "never", "diabetes": False, "asa_class": 2, "prior_cervical_surgery": False}
    row |= {"indication": "radiculopathy", "workers_compensation": False, "preop_opioid_use": False}
    return row | {"data_cut_day": 760, "last_contact_day": 735, "treatment_data_complete": True} | cells


def fusion(patient_id: str = "p000001", **cells: Any) -> Row:
    """The index fusion: one level, anterior."""
    row = {"procedure_id": f"{patient_id}-index", "patient_id": patient_id, "day": 0, "surgeon_id": "s01"}
    row |= {"code_system": "CPT", "code": "22551", "levels": "C5-6", "approach": "anterior", "planned_stage": False}
    return row | cells


def follow_up(patient_id: str = "p000001", day: Any = 365, **cells: Any) -> Row:
    """A visit with nothing on it but its day."""
    return {"follow_up_id": f"{patient_id}-visit{day}", "patient_id": patient_id, "day": day} | cells


def image(patient_id: str = "p000001", day: Any = 365, **cells: Any) -> Row:
    """A normal image."""
    row = {"imaging_id": f"{patient_id}-image{day}", "patient_id": patient_id, "day": day}
    return row | {"modality": "mri", "finding": "normal"} | cells


def diagnosis(patient_id: str = "p000001", day: Any = 365, code: str = "M54.2", **cells: Any) -> Row:
    """A main diagnosis."""
    row = {"diagnosis_id": f"{patient_id}-diagnosis{day}", "patient_id": patient_id, "day": day}
    return row | {"code_system": "ICD10CM", "code": code, "position": 1} | cells


def write_csv(path: Path, table: str, rows: list[Row], version: int = CONTRACT_VERSION) -> None:
    """Write rows as a contract table; contract columns that no row names stay empty, foreign ones are added."""
    names = TABLES[table].names(version)
    names += [name for name in dict.fromkeys(name for row in rows for name in row) if name not in names]
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, names)
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)


def write_submission(
    settings: Settings,
    site_id: str,
    period: str,
    tables: dict[str, list[Row]],
    *,
    kind: Kind = "full",
    deidentification_method: Method = "limited_data_set",
    contract_version: int = CONTRACT_VERSION,
    **manifest_overrides: Any,
) -> Path:
    """Write a submission, the manifest last, over whatever the folder held; return the folder.

    The tables hold the columns of `contract_version`. `manifest_overrides` are fields that the manifest states instead
    of the true ones.
    """
    folder = settings.landing / site_id / period
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for table, rows in tables.items():
        write_csv(folder / f"{table}.csv", table, rows, contract_version)
    manifest = write_manifest(
        folder,
        site_id=site_id,
        period=period,
        kind=kind,
        deidentification_method=deidentification_method,
        data_cut=DATA_CUT,
    )
    if manifest_overrides or contract_version != CONTRACT_VERSION:
        stated = manifest.model_copy(update={"contract_version": contract_version} | manifest_overrides)
        (folder / MANIFEST).write_text(stated.model_dump_json(indent=2), encoding="utf-8")
    return folder


def restate(folder: Path, more_rows: int = 0) -> None:
    """Let the manifest state the files' checksums as they are now, and more rows of the first file than before."""
    stated = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    for file in stated["files"]:
        file["sha256"] = hashlib.sha256((folder / file["name"]).read_bytes()).hexdigest()
    stated["files"][0]["rows"] += more_rows
    (folder / MANIFEST).write_text(json.dumps(stated), encoding="utf-8")


def _cell(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
