"""A small lake written by hand: three sites of a hundred patients; visits, images, few revisions and complications."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from outcomes.contract import CONTRACT_VERSION, TABLES
from outcomes.lake import PROVENANCE, BlankedCells, Lake, RuleResult, SubmissionRecord, TableCounts
from outcomes.release.build import build_release
from outcomes.settings import Settings
from tests.support.files import made_once

PATIENTS_PER_SITE = 100
SITES = ("east", "north", "south")


def fill_lake(
    settings: Settings,
    period: str = "2026-01",
    *,
    backwards: bool = False,
    empty: Collection[tuple[str, str]] = (),
    sites: Sequence[str] = SITES,
) -> None:
    """Commit one full submission per site, and one of the first that was refused.

    `backwards` turns all orders round; `empty` names columns, by table, that hold nothing.
    """
    order = -1 if backwards else 1
    for site_id in sites[::order]:
        rows = {
            name: [{column: value for column, value in row.items() if (name, column) not in empty} for row in rows]
            for name, rows in _rows(site_id).items()
        }
        commit(settings, site_id, period, {name: records[::order] for name, records in rows.items()})
    refused = SubmissionRecord(
        f"{sites[0]}-2026-02-refused", sites[0], "2026-02", 1, "refused", "checksum_mismatch", rows_in=50,
        rows_quarantined=50,
    )  # fmt: skip
    Lake(settings.lake).commit(refused)


def released_small_lake(temporary: pytest.TempPathFactory) -> Settings:
    """A home that holds the small lake and its release, made once a run; of one site the name is known."""
    return Settings(home=made_once(temporary, "small_release", _release), threads=1)


def _release(home: Path) -> None:
    settings = Settings(home=home, threads=1)
    fill_lake(settings)
    settings.sites_file.write_text("site_id,name\nnorth,North Clinic\n", encoding="utf-8")
    build_release(settings)


def commit(
    settings: Settings,
    site_id: str,
    period: str,
    rows: dict[str, list[dict[str, Any]]],
    digest: str = "0123456789ab",
    *,
    is_synthetic: bool = False,
    attempt: int = 1,
) -> None:
    """Write and commit the rows as an attempt of a site and period; only 2026-01 replaces what came before."""
    submission_id = f"{site_id}-{period}-{digest}"
    provenance = {"site_id": site_id, "period": period, "submission_id": submission_id, "flags": None}
    for name, records in rows.items():
        schema = pa.schema([*PROVENANCE, *TABLES[name].schema])
        Lake(settings.lake).write_rows(
            TABLES[name],
            pa.Table.from_pylist([provenance | record for record in records], schema=schema),
            f"{submission_id}-{attempt}",
        )
    counts = tuple(TableCounts(name, len(records) + 12, len(records), 12) for name, records in sorted(rows.items()))
    Lake(settings.lake).commit(
        SubmissionRecord(
            submission_id,
            site_id,
            period,
            attempt=attempt,
            outcome="accepted",
            judgement_id=f"{submission_id}-{attempt}",
            kind="full" if period == "2026-01" else "incremental",
            contract_version=CONTRACT_VERSION,
            deidentification_method="limited_data_set",
            is_synthetic=is_synthetic,
            rows_in=sum(table.rows_in for table in counts),
            rows_accepted=sum(table.rows_accepted for table in counts),
            rows_quarantined=sum(table.rows_quarantined for table in counts),
            tables=counts,
            rules=tuple(
                RuleResult(
                    table.source_table, f"{table.source_table}.type", "critical", "wrong type", table.rows_in, 12
                )
                for table in counts
            ),
            blanked=tuple(BlankedCells(name, f"{name}.type", "value", 3) for name in sorted(rows)),
        )
    )


def _rows(site_id: str) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in ("patients", "procedures", "follow_ups", "imaging")}
    for number in range(PATIENTS_PER_SITE):
        patient_id = f"{site_id}-p{number:03}"
        rows["patients"].append(
            {"patient_id": patient_id, "sex": ("female", "male")[number % 2], "age_years": 40 + number % 45}
            | {"index_period": f"{2022 + number % 3}-05", "data_cut_day": 700}
            | {"last_contact_day": 40 if number % 4 == 0 else 650}
        )
        fusion = {"procedure_id": f"{patient_id}-a", "day": 0 if number % 20 else 3, "levels": "C5-6"}
        rows["procedures"].append({"patient_id": patient_id, "code_system": "CPT", "code": "22551"} | fusion)
        if number % 5 == 1:
            revision = {"procedure_id": f"{patient_id}-b", "day": 400, "levels": "C6-7"}
            rows["procedures"].append({"patient_id": patient_id, "code_system": "CPT", "code": "22551"} | revision)
        if number == 7:
            haematoma = {"procedure_id": f"{patient_id}-h", "day": 1, "code_system": "CPT", "code": "35800"}
            rows["procedures"].append({"patient_id": patient_id} | haematoma)
        if number % 4:
            visit = {"patient_id": patient_id, "follow_up_id": f"{patient_id}-f", "day": 180}
            rows["follow_ups"].append(visit | {"neck_pain_nrs": float(number % 7)})
        if number % 3 == 0:
            image = {"patient_id": patient_id, "imaging_id": f"{patient_id}-i", "day": 200, "modality": "mri"}
            rows["imaging"].append(image | {"level": "C6-7", "finding": "stenosis"})
    return rows
