"""A site of a synthetic registry as an OMOP CDM 5.4 extract: integers for keys, concepts for words, dates for days.

What the CDM has no column for is left out: `carried` gives what remains.
"""

import csv
import datetime
import gzip
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from pyarrow import parquet

from tests.support.dated import dated, index_dates, numbers_of
from tests.support.synthetic import Row

_NOT_CARRIED = {
    "patients": (),
    "encounters": (),
    "procedures": ("levels", "approach", "planned_stage"),
    "diagnoses": (),
    "follow_ups": (),
    "treatments": ("treatment_class",),
}
_GENDERS = {"male": 8507, "female": 8532, "other": 8521, "unknown": 8551}
_VISITS = {"inpatient": 9201, "outpatient": 9202, "emergency": 9203, "rehabilitation": 0}
_VOCABULARIES = {"CPT": "CPT4", "HCPCS": "HCPCS", "ICD10CM": "ICD10CM", "ICD9CM": "ICD9CM", "ATC": "ATC"}
_NDI = ("82227-0", "82228-8", "82229-6", "82230-4", "82231-2", "82232-0", "82233-8", "82234-6", "82235-3", "82236-1")
_LOINC = {"ndi_total": "82237-9", **{f"ndi_item_{number}": code for number, code in enumerate(_NDI, 1)}}
_PATIENT_FACTS = (
    *("bmi", "smoking", "diabetes", "asa_class", "prior_cervical_surgery", "indication"),
    *("workers_compensation", "preop_opioid_use", "treatment_data_complete"),
)
_KEYS = ("follow_up_id", "patient_id", "encounter_id", "date", "deleted", "ndi_unit")

Tables = dict[str, list[Row]]


@dataclass(frozen=True)
class Extract:
    """An extract: its tables as rows, the site's concept map as lines, and each patient's person_id."""

    tables: Tables
    concept_map: list[dict[str, str]]
    persons: dict[str, str]


def carried(tables: Tables) -> Tables:
    """The rows of a site with no more than an OMOP CDM can say: one visit a day, no images, drugs by code."""
    kept = {name: [row | dict.fromkeys(columns) for row in tables[name]] for name, columns in _NOT_CARRIED.items()}
    kept["treatments"] = [row for row in kept["treatments"] if row["code_system"] in ("ATC", "RXNORM")]
    kept["diagnoses"] = [row | {"position": 1 if row["position"] == 1 else None} for row in kept["diagnoses"]]
    kept["follow_ups"] = list({(row["patient_id"], row["day"]): row for row in kept["follow_ups"]}.values())
    return kept


def omop_extract(tables: Tables, seed: int = 1) -> Extract:
    """The rows of `carried` as tables of the CDM."""
    rng = np.random.default_rng(seed)
    site = _Site(
        persons=numbers_of(rng, (row["patient_id"] for row in tables["patients"])),
        visits=numbers_of(rng, (row["encounter_id"] for row in tables["encounters"])),
        surgeons=numbers_of(rng, (row["surgeon_id"] for row in tables["procedures"] if row["surgeon_id"])),
        days=index_dates(rng, tables["patients"]),
        concepts=_Concepts(),
    )
    rows = {name: [dated(name, row, site.days[row["patient_id"]]) for row in each] for name, each in tables.items()}
    made = {
        "person": [site.person(row) for row in rows["patients"]],
        "observation_period": [site.period(row) for row in rows["patients"]],
        "death": [site.death(row) for row in rows["patients"] if row["death_date"]],
        "visit_occurrence": [site.visit(row) for row in rows["encounters"]],
        "procedure_occurrence": [site.procedure(number, row) for number, row in enumerate(rows["procedures"])],
        "condition_occurrence": [
            site.condition(*one) for one in enumerate(rows["diagnoses"]) if not _is_status(one[1])
        ],
        "drug_exposure": [site.drug(number, row) for number, row in enumerate(rows["treatments"])],
        "measurement": [one for number, row in enumerate(rows["follow_ups"]) for one in site.measured(number, row)],
        "observation": [
            *(site.status(number, row) for number, row in enumerate(rows["diagnoses"]) if _is_status(row)),
            *(one for number, row in enumerate(rows["patients"]) for one in site.observed(number, row)),
        ],
    }
    made["concept"] = site.concepts.rows()
    columns = [name for name in rows["follow_ups"][0] if name not in (*_KEYS, *_LOINC)]
    return Extract({name: _alike(each) for name, each in made.items()}, _concept_map(columns), site.persons)


def _is_status(diagnosis: Row) -> bool:
    """Whether it is a status code, which is an observation in the CDM, whatever the source called it."""
    return str(diagnosis["code"]).startswith("Z")


@dataclass(frozen=True)
class _Site:
    """The numbers of a site, and its rows as those of the CDM."""

    persons: dict[str, str]
    visits: dict[str, str]
    surgeons: dict[str, str]
    days: dict[str, datetime.date]
    concepts: "_Concepts"

    def person(self, row: Row) -> Row:
        born = row["birth_date"]
        return {
            "person_id": self.persons[row["patient_id"]],
            "gender_concept_id": _GENDERS[row["sex"]],
            "year_of_birth": born.year,
            "month_of_birth": born.month,
            "day_of_birth": born.day,
        }

    def period(self, row: Row) -> Row:
        dates = {
            "observation_period_start_date": row["birth_date"],
            "observation_period_end_date": row["last_contact_date"],
        }
        return {"person_id": self.persons[row["patient_id"]]} | dates

    def death(self, row: Row) -> Row:
        return {"person_id": self.persons[row["patient_id"]], "death_date": row["death_date"]}

    def visit(self, row: Row) -> Row:
        return {
            "visit_occurrence_id": self.visits[row["encounter_id"]],
            "person_id": self.persons[row["patient_id"]],
            "visit_concept_id": _VISITS[row["type"]],
            "visit_source_value": row["type"].upper(),
            "visit_start_date": row["start_date"],
            "visit_end_date": row["end_date"],
        }

    def procedure(self, number: int, row: Row) -> Row:
        more = {"procedure_date": row["date"], "modifier_source_value": row["modifier"], "quantity": row["units"]}
        by = {"provider_id": self.surgeons.get(row["surgeon_id"] or "")}
        return self._event("procedure_occurrence", number, row) | self.concepts.of("procedure", row, number) | more | by

    def condition(self, number: int, row: Row) -> Row:
        more = {"condition_start_date": row["date"], "condition_status_concept_id": 32902 if row["position"] else 0}
        return self._event("condition_occurrence", number, row) | self.concepts.of("condition", row, number) | more

    def status(self, number: int, row: Row) -> Row:
        concepts = self.concepts.of("observation", row, 0)
        return self._event("observation", number, row) | concepts | {"observation_date": row["date"]}

    def drug(self, number: int, row: Row) -> Row:
        dates = {"drug_exposure_start_date": row["start_date"], "drug_exposure_end_date": row["end_date"]}
        route = {"route_concept_id": 4132161 if row["route"] == "oral" else 0, "route_source_value": row["route"]}
        return self._event("drug_exposure", number, row) | self.concepts.of("drug", row, number) | dates | route

    def measured(self, number: int, row: Row) -> Iterable[Row]:
        """A measurement for each answer of a visit."""
        names = [name for name in row if name not in _KEYS and row[name] is not None]
        for place, name in enumerate(names):
            value = _measured(self.concepts, "measurement", name, row[name], row.get("ndi_unit"))
            yield self._event("measurement", 100 * number + place, row) | value | {"measurement_date": row["date"]}

    def observed(self, number: int, row: Row) -> Iterable[Row]:
        """An observation on the day of surgery for each fact of a patient."""
        day = {"observation_date": self.days[row["patient_id"]]}
        for place, name in enumerate(name for name in _PATIENT_FACTS if row[name] is not None):
            value = _measured(self.concepts, "observation", name, row[name], None)
            yield self._event("observation", 1_000_000 + 100 * number + place, row) | value | day

    def _event(self, name: str, number: int, row: Row) -> Row:
        visit = self.visits.get(row.get("encounter_id") or "")
        return {f"{name}_id": number, "person_id": self.persons[row["patient_id"]], "visit_occurrence_id": visit}


def _alike(rows: list[Row]) -> list[Row]:
    """Rows with the same columns."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return [{name: row.get(name) for name in columns} for row in rows]


def _measured(concepts: "_Concepts", kind: str, name: str, value: Any, unit: str | None) -> Row:
    """A value: a number as such, yes and no as concepts, a word as a word."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    code = _LOINC.get(name)
    return {
        f"{kind}_concept_id": concepts.number("LOINC", code) if code else 0,
        f"{kind}_source_value": name.upper(),
        "value_as_number": value if is_number else None,
        "value_as_concept_id": (4188540, 4188539)[value] if isinstance(value, bool) else 0,
        "value_source_value": value if isinstance(value, str) else None,
        "unit_source_value": {"percent": "%", "points": "points"}.get(unit or "") if name == "ndi_total" else None,
    }


def _concept_map(columns: Iterable[str]) -> list[dict[str, str]]:
    return [
        {"source_value": "rehabilitation", "to": "encounters.type", "value": "rehabilitation"},
        *({"source_value": name.upper(), "to": f"follow_ups.{name}", "value": ""} for name in columns),
        *({"source_value": name, "to": f"patients.{name}", "value": ""} for name in _PATIENT_FACTS),
    ]


class _Concepts:
    """Numbers of concepts, invented where the number does not matter."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}

    def number(self, vocabulary: str, code: str) -> int:
        return self._numbers.setdefault((vocabulary, code), 50_000_000 + len(self._numbers))

    def of(self, kind: str, row: Row, number: int) -> Row:
        """The concepts of a code: by the source's concept, or, for each third, by the source value alone."""
        by_value = number % 3 == 2
        vocabulary = _VOCABULARIES[row["code_system"]]
        code = row["code"]
        if vocabulary == "ICD10CM" and len(code) > 3:
            code = f"{code[:3]}.{code[3:]}"
        return {
            f"{kind}_concept_id": 0,
            f"{kind}_source_concept_id": 0 if by_value else self.number(vocabulary, code),
            f"{kind}_source_value": code.lower() if by_value else "as charged",
        }

    def rows(self) -> list[Row]:
        return [
            {"concept_id": number, "concept_name": 'a "name', "vocabulary_id": vocabulary, "concept_code": code}
            for (vocabulary, code), number in self._numbers.items()
        ]


def write_concept_map(path: Path, lines: list[dict[str, str]]) -> None:
    """Write a site's concept map."""
    with path.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, ("source_value", "to", "value"))
        writer.writeheader()
        writer.writerows(lines)


def write_csv_folder(folder: Path, extract: Extract) -> Path:
    """Write CSV files, packed ones and such with capitals; the vocabulary with tabs and without quotes."""
    folder.mkdir(parents=True)
    for place, (name, rows) in enumerate(extract.tables.items()):
        columns = list(rows[0]) if rows else ["person_id"]
        if name == "concept":
            lines = ["\t".join(columns), *("\t".join(str(row[column]) for column in columns) for row in rows)]
            (folder / "CONCEPT.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
            continue
        path = folder / f"{name}.csv{'.gz' * (place % 2)}"
        with gzip.open(path, "wt", newline="") if place % 2 else path.open("w", newline="") as text:
            writer = csv.writer(text)
            writer.writerow([column.upper() for column in columns])
            writer.writerows(["" if row[column] is None else _time(row[column]) for column in columns] for row in rows)
    return folder


def _time(value: Any) -> Any:
    return f"{value} 07:30:00" if isinstance(value, datetime.date) else value


def _table(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(rows) if rows else pa.table({"person_id": pa.array([], pa.int64())})


def write_parquet_folder(folder: Path, extract: Extract) -> Path:
    """Write Parquet files, numbers and dates in their own types."""
    folder.mkdir(parents=True)
    for name, rows in extract.tables.items():
        parquet.write_table(_table(rows), folder / f"{name.upper()}.parquet")
    return folder


def write_database(folder: Path, extract: Extract) -> Path:
    """Write a DuckDB file with the tables in a schema of their own."""
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "omop.duckdb")) as con:
        con.execute("create schema cdm")
        for name, rows in extract.tables.items():
            con.register("rows", _table(rows))
            con.execute(f"create table cdm.{name} as from rows")
            con.unregister("rows")
    return folder / "omop.duckdb"


WRITERS: dict[str, Callable[[Path, Extract], Path]] = {
    "csv": write_csv_folder,
    "parquet": write_parquet_folder,
    "duckdb": write_database,
}
