"""A site of a synthetic registry as hospital tables of MIMIC-IV: stays, their codes of ICD, and deaths.

What these tables have no column for is left out: `carried` gives what remains.
"""

import csv
import datetime
import gzip
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from tests.support.dated import dated, numbers_of
from tests.support.synthetic import Row

Tables = dict[str, list[Row]]

_CODES = {
    **{"22551": "0RG10A0", "22552": "0RG20A0", "22554": "0RG1070", "22600": "0RG1071", "22614": "0RG2071"},
    **{"63001": "00NW0ZZ", "63045": "01N10ZZ", "22850": "0RP104Z", "22855": "0RP104Z", "22856": "0RR30JZ"},
}
"""Codes of CPT, each as one of ICD-10-PCS that says about the same."""

_TYPES = {"inpatient": "URGENT", "outpatient": "AMBULATORY OBSERVATION", "emergency": "EU OBSERVATION"}
_OVER_89 = 91
_DAYS_OF_DEATHS = 365


@dataclass(frozen=True)
class Written:
    """A folder of tables, and the subject_id of each patient of the registry."""

    folder: Path
    subjects: dict[str, str]


def carried(tables: Tables) -> Tables:
    """The rows of a site with no more than MIMIC-IV can say: of stays alone, their diagnoses on their first day."""
    stays = {row["encounter_id"]: row for row in tables["encounters"] if row["type"] in _TYPES}
    procedures = [
        row | {"code_system": "ICD10PCS", "code": _CODES[row["code"]]}
        for row in tables["procedures"]
        if row["code"] in _CODES and row["encounter_id"] in stays
    ]
    fused = {row["patient_id"] for row in procedures if row["day"] == 0 and row["code"].startswith("0RG1")}
    diagnoses = [
        row | {"day": stays[row["encounter_id"]]["start_day"]}
        for row in tables["diagnoses"]
        if row["encounter_id"] in stays
    ]
    kept = {"encounters": [*stays.values()], "procedures": procedures, "diagnoses": _numbered(diagnoses)}
    kept = {name: [row for row in rows if row["patient_id"] in fused] for name, rows in kept.items()}
    silent = dict.fromkeys(("modifier", "units", "levels", "approach", "planned_stage", "surgeon_id"))
    kept["procedures"] = [row | silent for row in kept["procedures"]]
    patients = [_known(row, kept["encounters"]) for row in tables["patients"] if row["patient_id"] in fused]
    return {"patients": patients} | kept


def _numbered(diagnoses: list[Row]) -> list[Row]:
    """The diagnoses of each stay, counted from one."""
    numbers: dict[str, count[int]] = {}
    return [row | {"position": next(numbers.setdefault(row["encounter_id"], count(1)))} for row in diagnoses]


def _known(patient: Row, stays: list[Row]) -> Row:
    """A patient as the stays tell: seen until the last discharge, with deaths of a year more."""
    last = max(row["end_day"] for row in stays if row["patient_id"] == patient["patient_id"])
    death = patient["death_day"]
    death = None if death is None or death > last + _DAYS_OF_DEATHS else death
    known = {name: patient[name] for name in ("patient_id", "sex", "age_years", "index_period")}
    days = {
        "data_cut_day": last + _DAYS_OF_DEATHS,
        "last_contact_day": min(last, last if death is None else death),
        "death_day": death,
    }
    is_old = known["age_years"] + (last + _DAYS_OF_DEATHS) // 365.25 >= 90
    sex = known["sex"] if known["sex"] in ("female", "male") else "unknown"
    said = {
        "index_period": known["index_period"][:4],
        "sex": sex,
        "age_years": 90 if is_old else known["age_years"],
        "treatment_data_complete": False,
    }
    return dict.fromkeys(patient) | known | days | said


def write_tables(folder: Path, tables: Tables, seed: int = 1) -> Written:
    """Write the rows of `carried` as packed CSV files."""
    rng = np.random.default_rng(seed)
    subjects = numbers_of(rng, (row["patient_id"] for row in tables["patients"]))
    admissions = numbers_of(rng, (row["encounter_id"] for row in tables["encounters"]))
    days = {
        row["patient_id"]: datetime.date(int(row["index_period"]), int(rng.integers(1, 13)), int(rng.integers(1, 29)))
        for row in tables["patients"]
    }
    made: Tables = {"patients": [], "admissions": [], "procedures_icd": [], "diagnoses_icd": []}
    for name, rows in tables.items():
        for number, row in enumerate(rows):
            patient_id = row["patient_id"]
            found = dated(name, row, days[patient_id])
            subject = {"subject_id": subjects[patient_id]}
            if name == "patients":
                made["patients"].append(subject | _person(found, days[patient_id].year))
                continue
            stay = subject | {"hadm_id": admissions[row["encounter_id"]]}
            if name == "encounters":
                made["admissions"].append(stay | _admission(found))
            elif name == "procedures":
                made["procedures_icd"].append(stay | _coded(found, number) | {"chartdate": found["date"]})
            else:
                made["diagnoses_icd"].append(stay | _coded(found, found["position"]))
    folder.mkdir(parents=True)
    for name, rows in made.items():
        _write(folder / f"{name}.csv.gz", rows)
    return Written(folder, subjects)


def _person(row: Row, year: int) -> Row:
    """The patient with the year of surgery as the anchor, the middle one of its group of years."""
    return {
        "gender": {"female": "F", "male": "M"}.get(row["sex"], "U"),
        "anchor_age": _OVER_89 if row["age_years"] > 89 else row["age_years"],
        "anchor_year": year,
        "anchor_year_group": f"{year - 1} - {year + 1}",
        "dod": row["death_date"],
    }


def _admission(row: Row) -> Row:
    times = {"admittime": f"{row['start_date']} 07:30:00", "dischtime": f"{row['end_date']} 16:00:00"}
    return times | {"deathtime": None, "admission_type": _TYPES[row["type"]]}


def _coded(row: Row, number: int) -> Row:
    return {"seq_num": number, "icd_code": row["code"], "icd_version": 10}


def _write(path: Path, rows: list[Row]) -> None:
    with gzip.open(path, "wt", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
