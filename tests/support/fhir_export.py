"""The sites of a synthetic registry as a FHIR R4 bulk export, and what of their rows FHIR can say.

FHIR has no place for some of the contract: modifiers, units and approaches of procedures, measured values of findings,
most of what is known before surgery. `sayable` leaves that out of the rows, so that both paths can be compared.
"""

import csv
import datetime
import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from outcomes.intake.sources.fhir_mapping import ANSWERS
from tests.support.synthetic import Row

Resource = dict[str, Any]

CPT, ICD10CM, ATC = "http://www.ama-assn.org/go/cpt", "http://hl7.org/fhir/sid/icd-10-cm", "http://www.whocc.no/atc"
LOINC, SNOMED, LOCAL = "http://loinc.org", "http://snomed.info/sct", "https://hospital.example.org/codes"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
SERVER = "https://fhir.example.org/r4"

_SYSTEMS = {"CPT": CPT, "HCPCS": "urn:oid:2.16.840.1.113883.6.285", "ICD10PCS": "urn:oid:2.16.840.1.113883.6.4"}
_CLASSES = {"inpatient": (ACT, "IMP"), "outpatient": (ACT, "AMB"), "emergency": (ACT, "EMER")}
_MODALITIES = {"radiograph": "DX", "ct": "CT", "mri": "MR"}
_NDI = ["82227-0", "82228-8", "82229-6", "82230-4", "82231-2", "82232-0", "82233-8", "82234-6", "82235-3", "82236-1"]
_BY_OBSERVATION = {"neck_pain_nrs": "neck", "arm_pain_nrs": "arm"}
_SMOKING = {"never": "266919005", "former": "8517006", "current": "449868002", "unknown": "266927001"}
_SAYABLE = {"patient_id", "sex", "age_years", "index_period", "bmi", "smoking", "data_cut_day", "death_day"}
_NOT_SAYABLE = {
    "procedures": ("modifier", "units", "approach", "planned_stage"),
    "imaging": ("value", "unit"),
    "treatments": ("treatment_class",),
}


@dataclass(frozen=True)
class Export:
    """An export: its folder, the site's mapping, and the id of each patient of the registry."""

    folder: Path
    mapping: Path
    ids: dict[str, str]


def sayable(tables: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """The rows without what FHIR has no place for; a treatment coded as a procedure is one."""
    said = {name: [dict(row) for row in rows] for name, rows in tables.items()}
    for name, columns in _NOT_SAYABLE.items():
        for row in said[name]:
            row.update(dict.fromkeys(columns))
    for row in said["diagnoses"]:
        row["position"] = row["position"] if row["encounter_id"] else None
    said["follow_ups"] = _visits(said["follow_ups"])
    coded = [row for row in said["treatments"] if row["code_system"] in _SYSTEMS]
    said["treatments"] = [row for row in said["treatments"] if row["code_system"] not in _SYSTEMS]
    said["procedures"] += [
        dict.fromkeys(said["procedures"][0])
        | {name: row[name] for name in ("patient_id", "code_system", "code")}
        | {"procedure_id": row["treatment_id"], "day": row["start_day"]}
        for row in coded
    ]
    last = _last_days(said)
    for row in said["patients"]:
        row |= {name: None for name in row if name not in _SAYABLE}
        days = [day for day in (last.get(row["patient_id"]), row["data_cut_day"], row["death_day"]) if day is not None]
        row |= {"last_contact_day": min(days), "treatment_data_complete": True}
    return said


def _visits(rows: list[Row]) -> list[Row]:
    """One visit a day, of those at which anything was answered."""
    answered = [row for row in rows if any(row[column.name] is not None for column in ANSWERS)]
    return list({(row["patient_id"], row["day"]): row for row in answered}.values())


def _last_days(tables: dict[str, list[Row]]) -> dict[str, int]:
    last: dict[str, int] = {}
    for name in ("encounters", "procedures", "diagnoses", "follow_ups"):
        for row in tables[name]:
            for column in ("day", "start_day", "end_day"):
                if row.get(column) is not None:
                    last[row["patient_id"]] = max(last.get(row["patient_id"], row[column]), row[column])
    return last


def write_export(folder: Path, tables: dict[str, list[Row]], method: str, seed: int = 1) -> Export:
    """Write sayable rows as an identified export, and the mapping beside the folder."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(900_000) + 100_000
    ids = {row["patient_id"]: f"pat-{number}" for row, number in zip(tables["patients"], numbers, strict=False)}
    index = {row["patient_id"]: _index_date(rng, row["index_period"]) for row in tables["patients"]}
    write = _Writer(ids, index)
    write_ndjson(folder / "Patient.000.ndjson", [write.patient(rng, row) for row in tables["patients"]])
    ranks: dict[str, list[Row]] = {}
    for row in tables["diagnoses"]:
        ranks.setdefault(row["encounter_id"] or "", []).append(row)
    encounters = [write.encounter(row, ranks.get(row["encounter_id"], [])) for row in tables["encounters"]]
    write_ndjson(folder / "Encounter.000.ndjson.gz", encounters)
    write_ndjson(folder / "Procedure.000.ndjson", [write.procedure(row) for row in tables["procedures"]])
    _write_bundle(folder / "conditions.json", [write.condition(row) for row in tables["diagnoses"]])
    visits = [resource for row in tables["follow_ups"] for resource in write.visit(row)]
    background = [resource for row in tables["patients"] for resource in write.background(row)]
    write_ndjson(folder / "visits.ndjson", [*visits, *background])
    write_ndjson(folder / "drugs.ndjson", [write.drug(row) for row in tables["treatments"]])
    write_ndjson(folder / "imaging.ndjson", write.images(tables["imaging"]))
    (folder / "empty.ndjson").write_bytes(b"")
    return Export(folder, _write_mapping(folder, tables, method), ids)


def write_ndjson(path: Path, resources: Iterable[Resource]) -> None:
    """Write resources, a line each; packed when the name says so."""
    lines = "".join(json.dumps(one) + "\n" for one in resources).encode()
    path.write_bytes(gzip.compress(lines) if path.suffix == ".gz" else lines)


def _write_bundle(path: Path, resources: Iterable[Resource]) -> None:
    entries = [{"fullUrl": f"{SERVER}/{one['resourceType']}/{one['id']}", "resource": one} for one in resources]
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}, indent=1))


def _write_mapping(folder: Path, tables: dict[str, list[Row]], method: str) -> Path:
    findings = sorted({(row["finding"], row["level"]) for row in tables["imaging"]}, key=str)
    with folder.with_suffix(".csv").open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(("system", "code", "meaning", "word"))
        writer.writerows((LOCAL, f"{f}:{level}", "finding", f"{f}@{level}" if level else f) for f, level in findings)
    mapping = folder.with_suffix(".toml")
    answered = "\n".join(f'{column.name} = "visit/{column.name}"' for column in ANSWERS)
    mapping.write_text(
        f'method = "{method}"\ntreatment_data_complete = true\nconcepts = "{folder.name}.csv"\n'
        f'[[answers]]\nquestionnaire = "{SERVER}/Questionnaire/visit"\n[answers.columns]\n{answered}\n'
    )
    return mapping


def _index_date(rng: np.random.Generator, period: str) -> datetime.date:
    year, month = (
        int(part) for part in (period if len(period) > 4 else f"{period}-{rng.integers(1, 13):02d}").split("-")
    )
    return datetime.date(year, month, int(rng.integers(1, 29)))


def _coded(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}


def _without_nothing(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if value not in (None, [], {})}


@dataclass(frozen=True)
class _Writer:
    ids: dict[str, str]
    index: dict[str, datetime.date]

    def date(self, row: Row, name: str = "day") -> str | None:
        if row[name] is None:
            return None
        return (self.index[row["patient_id"]] + datetime.timedelta(days=int(row[name]))).isoformat()

    def subject(self, row: Row, prefix: str = "") -> Resource:
        return {"reference": f"{prefix}Patient/{self.ids[row['patient_id']]}", "display": "Mx Somebody"}

    def within(self, row: Row) -> Resource | None:
        return {"reference": f"Encounter/{row['encounter_id']}"} if row.get("encounter_id") else None

    def patient(self, rng: np.random.Generator, row: Row) -> Resource:
        days = int(row["age_years"] * 365.25 + 1 + rng.integers(0, 360))
        return _without_nothing(
            {
                "resourceType": "Patient",
                "id": self.ids[row["patient_id"]],
                "name": [{"family": "Somebody", "given": ["Mx"]}],
                "telecom": [{"system": "phone", "value": "555-0142"}],
                "gender": row["sex"],
                "birthDate": (self.index[row["patient_id"]] - datetime.timedelta(days=days)).isoformat(),
                "deceasedDateTime": self.date(row, "death_day"),
            }
        )

    def encounter(self, row: Row, diagnoses: list[Row]) -> Resource:
        system, code = _CLASSES[row["type"]]
        start, end = self.date(row, "start_day"), self.date(row, "end_day")
        return {
            "resourceType": "Encounter",
            "id": row["encounter_id"],
            "status": "finished",
            "class": {"system": system, "code": code},
            "subject": self.subject(row),
            "period": _without_nothing({"start": f"{start}T23:30:00-05:00", "end": end and f"{end}T00:15:00+02:00"}),
            "diagnosis": [
                {"condition": {"reference": f"Condition/{one['diagnosis_id']}"}, "rank": one["position"]}
                for one in diagnoses
                if one["position"] is not None
            ],
        }

    def procedure(self, row: Row) -> Resource:
        system = _SYSTEMS[row["code_system"]]
        return _without_nothing(
            {
                "resourceType": "Procedure",
                "id": row["procedure_id"],
                "status": "completed",
                "subject": self.subject(row),
                "encounter": self.within(row),
                "performedPeriod": {"start": f"{self.date(row)}T07:45:00Z"},
                "code": {"coding": [{"system": SNOMED, "code": "112730002"}, {"system": system, "code": row["code"]}]},
                "performer": row["surgeon_id"] and [{"actor": {"reference": f"Practitioner/{row['surgeon_id']}"}}],
                "bodySite": [
                    {"text": f"disc {one.replace('-', '/')}"} for one in (row["levels"] or "").split(";") if one
                ],
            }
        )

    def condition(self, row: Row) -> Resource:
        return _without_nothing(
            {
                "resourceType": "Condition",
                "id": row["diagnosis_id"],
                "verificationStatus": _coded("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed"),
                "subject": self.subject(row, f"{SERVER}/"),
                "encounter": self.within(row),
                "recordedDate": self.date(row),
                "onsetDateTime": "2001",
                "code": _coded(ICD10CM, row["code"]),
            }
        )

    def visit(self, row: Row) -> list[Resource]:
        """The scales of pain and the items of the index as observations, the rest as answers."""
        of_visit: Resource = {"status": "final", "subject": self.subject(row), "encounter": self.within(row)}
        of_visit = _without_nothing(of_visit | {"resourceType": "Observation", "effectiveDateTime": self.date(row)})
        found = [
            of_visit
            | {
                "id": f"{row['follow_up_id']}-{site}",
                "code": _coded(LOINC, "72514-3"),
                "bodySite": {"text": f"{site} region"},
                "valueQuantity": {"value": row[name], "code": "{score}"},
            }
            for name, site in _BY_OBSERVATION.items()
            if row[name] is not None
        ]
        items = {code: row[f"ndi_item_{place}"] for place, code in enumerate(_NDI, 1)}
        given = {code: item for code, item in items.items() if item is not None}
        panel = of_visit | {"id": f"{row['follow_up_id']}-ndi", "code": _coded(LOINC, "82226-2")}
        if row["day"] % 2:
            found.append(panel | {"component": [_item(code, item) for code, item in given.items()]})
        else:
            members = [of_visit | _item(code, item) | {"id": f"{panel['id']}-{code}"} for code, item in given.items()]
            found += [panel | {"hasMember": [{"reference": f"Observation/{one['id']}"} for one in members]}, *members]
        answers = [
            {"linkId": f"visit/{column.name}", "answer": [_answer(row[column.name])]}
            for column in ANSWERS
            if row[column.name] is not None and column.name not in _BY_OBSERVATION and "ndi_item" not in column.name
        ]
        response = _without_nothing(
            {
                "resourceType": "QuestionnaireResponse",
                "id": f"{row['follow_up_id']}-answers",
                "status": "completed",
                "questionnaire": f"{SERVER}/Questionnaire/visit|1.0",
                "subject": self.subject(row),
                "encounter": self.within(row),
                "authored": f"{self.date(row)}T12:00:00+02:00",
                "item": [{"linkId": "visit", "item": answers}],
            }
        )
        return [*found, response]

    def background(self, row: Row) -> list[Resource]:
        observed = {"resourceType": "Observation", "status": "final", "subject": self.subject(row)}
        date = (self.index[row["patient_id"]] - datetime.timedelta(days=9)).isoformat()
        older = (self.index[row["patient_id"]] - datetime.timedelta(days=99)).isoformat()
        bmi = observed | {"code": _coded(LOINC, "39156-5"), "valueQuantity": {"value": row["bmi"]}}
        smoking = {"id": f"s-{self.ids[row['patient_id']]}", "code": _coded(LOINC, "72166-2")}
        return [
            *[
                bmi | {"id": f"b-{self.ids[row['patient_id']]}", "effectiveDateTime": date},
                bmi
                | {"id": f"o-{self.ids[row['patient_id']]}", "effectiveDateTime": older}
                | {"valueQuantity": {"value": 1}},
            ][: 2 * (row["bmi"] is not None)],
            *[
                observed
                | smoking
                | {"effectiveDateTime": date}
                | {"valueCodeableConcept": _coded(SNOMED, _SMOKING[row["smoking"]])}
            ][: row["smoking"] is not None],
        ]

    def drug(self, row: Row) -> Resource:
        end = self.date(row, "end_day")
        return _without_nothing(
            {
                "resourceType": "MedicationRequest",
                "id": row["treatment_id"],
                "status": "active",
                "intent": "order",
                "subject": self.subject(row),
                "authoredOn": self.date(row, "start_day"),
                "medicationCodeableConcept": _coded(ATC, row["code"]),
                "dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"end": end}}}}] if end else None,
            }
        )

    def images(self, rows: list[Row]) -> list[Resource]:
        """A study a row, and a report with its finding."""
        found = []
        for row in rows:
            study: Resource = {"resourceType": "ImagingStudy", "id": row["imaging_id"], "status": "available"}
            study |= {"subject": self.subject(row), "started": f"{self.date(row)}T10:00:00Z"}
            study |= {"modality": [{"system": DCM, "code": _MODALITIES[row["modality"]]}]}
            report: Resource = {"resourceType": "DiagnosticReport", "id": f"r-{row['imaging_id']}", "status": "final"}
            report |= {"subject": self.subject(row), "code": _coded(LOCAL, "report")}
            report |= {"imagingStudy": [{"reference": f"ImagingStudy/{row['imaging_id']}"}]}
            report |= {"conclusionCode": [_coded(LOCAL, f"{row['finding']}:{row['level']}")]}
            found += [study, report]
        return found


def _item(code: str, item: int) -> Resource:
    """An item of the index: half of them a number, half of them a coded answer with its score."""
    if item % 2:
        return {"code": _coded(LOINC, code), "valueInteger": item}
    score = {"url": "http://hl7.org/fhir/StructureDefinition/ordinalValue", "valueDecimal": item}
    coding = {"system": LOINC, "code": f"LA{item}", "extension": [score]}
    return {"code": _coded(LOINC, code), "valueCodeableConcept": {"coding": [coding]}}


def _answer(value: Any) -> Resource:
    if isinstance(value, bool):
        return {"valueBoolean": value}
    if isinstance(value, str):
        return {"valueCoding": {"system": LOCAL, "code": value}}
    return {"valueInteger": value} if isinstance(value, int) else {"valueDecimal": value}
