"""What FHIR exports bring along: versions, URNs, partial dates, modifiers, broken lines, what was never done."""

import csv
import gzip
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from outcomes.errors import OutcomesError
from outcomes.intake.sources.dated import LeftOut, NotMapped
from outcomes.intake.sources.dry_run import try_import
from outcomes.intake.sources.engine import import_extract
from outcomes.intake.sources.fhir import fhir_source
from outcomes.intake.sources.fhir_mapping import FhirMapping, read_fhir_mapping
from outcomes.settings import Settings

Resource = dict[str, Any]

CPT, ICD10CM, LOINC = "http://www.ama-assn.org/go/cpt", "http://hl7.org/fhir/sid/icd-10-cm", "http://loinc.org"
SNOMED, NDC, RXNORM = (
    "http://snomed.info/sct",
    "http://hl7.org/fhir/sid/ndc",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
)
DCM = "http://dicom.nema.org/resources/ontology/DCM"
PAT = {"reference": "Patient/p1"}
PATIENT: Resource = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1970-05-02"}


def coded(system: str, *codes: str) -> Resource:
    return {"coding": [{"system": system, "code": code} for code in codes]}


def procedure(key: str = "r1", at: str = "2024-02-03", cpt: str = "22551", **elements: Any) -> Resource:
    found = {"resourceType": "Procedure", "id": key, "status": "completed", "subject": PAT, "code": coded(CPT, cpt)}
    return found | {"performedDateTime": at} | elements


def other(kind: str, key: str = "x1", /, **elements: Any) -> Resource:
    return {"resourceType": kind, "id": key, "subject": PAT} | elements


FUSED: list[Resource] = [PATIENT, procedure()]


@dataclass(frozen=True)
class Made:
    tables: dict[str, list[dict[str, str]]]
    left_out: tuple[LeftOut, ...]

    def only(self, table: str) -> dict[str, str]:
        (row,) = self.tables[table]
        return row


@dataclass
class Exports:
    folder: Path
    runs: int = 0

    def settings(self) -> Settings:
        self.runs += 1
        return Settings(home=self.folder / f"home{self.runs}")

    def write(self, *resources: Resource | str, name: str = "all.ndjson") -> Path:
        source = self.folder / f"source{self.runs}"
        source.mkdir(exist_ok=True)
        lines = [one if isinstance(one, str) else json.dumps(one) for one in resources]
        (source / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return source

    def make(self, *resources: Resource | str, strip: bool = False, mapping: FhirMapping | None = None) -> Made:
        return self.read(self.write(*resources), strip=strip, mapping=mapping)

    def read(self, source: Path, *, strip: bool = False, mapping: FhirMapping | None = None) -> Made:
        said = mapping or FhirMapping(method="limited_data_set")
        imported = import_extract(
            self.settings(), fhir_source(source, said, strip_identifiers=strip), "alder", "2026-06"
        )
        tables = {}
        for file in imported.folder.glob("*.csv"):
            with file.open(encoding="utf-8", newline="") as lines:
                tables[file.stem] = list(csv.DictReader(lines))
        return Made(tables, imported.left_out)

    def not_mapped(self, *resources: Resource) -> tuple[NotMapped, ...]:
        source = self.write(*resources)
        return try_import(self.settings(), fhir_source(source, FhirMapping()), "alder", "2026-06").not_mapped


@pytest.fixture
def exports(tmp_path: Path) -> Exports:
    return Exports(tmp_path)


def days(made: Made, table: str) -> list[str]:
    return [row["day"] for row in made.tables[table]]


def test_the_day_is_that_of_the_time_zone_as_written(exports: Exports) -> None:
    made = exports.make(
        *FUSED, procedure("r2", "2024-02-05T23:59:00-11:00"), procedure("r3", "2024-02-06T00:01:00+14:00")
    )
    assert sorted(days(made, "procedures")) == ["0", "2", "3"]


def test_a_date_that_tells_no_day_is_not_guessed(exports: Exports) -> None:
    patient = PATIENT | {"birthDate": "1970", "deceasedDateTime": "2025-03"}
    visit = other("Encounter", status="finished", period={"start": "2024-03-01", "end": "2024"})
    dead = PATIENT | {"id": "p2", "deceasedBoolean": True}
    made = exports.make(patient, dead, procedure(), procedure("r2", "2024-05"), visit)
    assert made.only("patients")["age_years"] == "54"
    assert made.only("patients")["death_day"] == ""
    assert days(made, "procedures") == ["0"]
    assert {
        LeftOut("procedures", "no_date", 1),
        LeftOut("patients", "unreadable", 2, "death_date"),
        LeftOut("encounters", "unreadable", 1, "end_date"),
    } <= set(made.left_out)


def test_the_last_version_of_a_resource_counts_in_whatever_order(exports: Exports) -> None:
    versions = [
        procedure(cpt="22600", meta={"versionId": "9", "lastUpdated": "2024-03-01T00:00:00Z"}),
        procedure(cpt="22551", meta={"versionId": "10", "lastUpdated": "2024-03-01T00:00:00Z"}),
        procedure(cpt="22551", meta={"versionId": "10", "lastUpdated": "2024-03-01T00:00:00Z"}),
        procedure(cpt="22554", meta={"versionId": "11", "lastUpdated": "2024-02-29T23:00:00-05:00"}),
    ]
    for order in (versions, versions[::-1]):
        made = exports.make(PATIENT, *order)
        assert made.only("procedures")["code"] == "22554"
        assert LeftOut("Procedure", "superseded", 3) in made.left_out


def test_a_version_that_is_refused_does_not_bring_back_an_older_one(exports: Exports) -> None:
    refused = procedure(
        "r2", meta={"versionId": "2"}, modifierExtension=[{"url": "https://x/not", "valueBoolean": True}]
    )
    made = exports.make(*FUSED, procedure("r2", meta={"versionId": "1"}), refused)
    assert len(made.tables["procedures"]) == 1
    assert LeftOut("Procedure", "modified", 1) in made.left_out


def test_a_modifier_that_nobody_knows_refuses_its_resource_wherever_it_stands(exports: Exports) -> None:
    deep = procedure("r2", performer=[{"modifierExtension": [{"url": "https://x/not"}]}])
    rules = procedure("r3", implicitRules="https://x/rules")
    quoted = procedure(
        "r4", code={"coding": [{"system": CPT, "code": "22845"}], "text": 'a "modifierExtension" in words'}
    )
    made = exports.make(*FUSED, deep, rules, quoted)
    assert sorted(row["code"] for row in made.tables["procedures"]) == ["22551", "22845"]
    assert LeftOut("Procedure", "modified", 2) in made.left_out


def test_bundles_of_urns_and_of_addresses_find_their_patients(exports: Exports) -> None:
    uuid = "urn:uuid:9f1c2a6e-8f57-4b5e-9d0f-0c6f4c1d2e3a"
    nameless = procedure(subject={"reference": uuid})
    del nameless["id"]
    entries = [
        {"fullUrl": uuid, "resource": PATIENT},
        {
            "fullUrl": "urn:uuid:aa",
            "resource": nameless,
        },
        {
            "fullUrl": "https://x/r4/Procedure/r2",
            "resource": procedure("r2", subject={"reference": "https://x/r4/Patient/p1"}),
        },
        {"response": {"status": "201"}},
    ]
    source = exports.write(
        json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}, indent=1), name="b.json"
    )
    made = exports.read(source)
    assert len(made.tables["procedures"]) == 2
    assert made.left_out == ()


def test_few_broken_lines_are_counted_and_many_end_the_import(exports: Exports) -> None:
    made = exports.make(
        *FUSED, "", '{"resourceType": "Procedure", ', '"text"', '{"id": "no type"}', '{"resourceType": "Jane Roe"}'
    )
    assert made.left_out == (LeftOut("lines", "no_resource", 4),)
    with pytest.raises(OutcomesError, match="source_malformed") as refused:
        exports.make(*FUSED, *["{broken"] * 11)
    assert refused.value.where == (
        "all.ndjson: 11 of 13 lines are no FHIR resources in JSON; up to 1% are left out and counted"
    )


def test_resources_with_nothing_in_them_are_counted(exports: Exports) -> None:
    kinds = ("Patient", "Encounter", "Procedure", "Condition", "MedicationRequest", "MedicationStatement")
    nothing = [{"resourceType": kind, "id": "n1"} for kind in kinds]
    made = exports.make(*FUSED, "{}", *nothing)
    assert (len(made.tables.pop("patients")), len(made.tables.pop("procedures")), made.tables) == (1, 1, {})
    assert set(made.left_out) == {
        LeftOut("lines", "no_resource", 1),
        LeftOut("patients", "no_index_fusion", 1),
        LeftOut("encounters", "no_patient", 1),
        LeftOut("procedures", "not_coded", 1),
        LeftOut("diagnoses", "not_coded", 1),
        LeftOut("treatments", "not_coded", 2),
    }


def test_a_drug_in_words_alone_is_counted(exports: Exports) -> None:
    given = {"status": "active", "intent": "order", "authoredOn": "2024-04-01"}
    words = {"medicationCodeableConcept": {"text": "ibuprofen 400 mg"}}
    made = exports.make(
        *FUSED, other("MedicationRequest", **given, **words), other("MedicationStatement", status="active", **words)
    )
    assert made.left_out == (LeftOut("treatments", "not_coded", 2),)


def test_suffixes_may_be_in_capitals(exports: Exports) -> None:
    source = exports.write(json.dumps(PATIENT), name="PATIENT.NDJSON")
    (source / "PROCEDURE.NDJSON.GZ").write_bytes(gzip.compress(json.dumps(procedure()).encode()))
    exports.write(json.dumps(procedure("r2")), name="R2.JSON")
    assert len(exports.read(source).tables["procedures"]) == 2


def test_an_export_that_cannot_be_read_says_why(exports: Exports) -> None:
    source = exports.write(*FUSED)
    text = (source / "all.ndjson").read_text(encoding="utf-8")
    (source / "all.ndjson").write_text(text, encoding="utf-16")
    with pytest.raises(OutcomesError, match=r"all.ndjson: \d of \d lines are no .*; it looks like UTF-16"):
        exports.read(source)
    (source / "all.ndjson").unlink()
    (source / "all.ndjson.gz").write_bytes(text.encode())
    with pytest.raises(OutcomesError, match=r"all.ndjson.gz: it is damaged, or not JSON in UTF-8"):
        exports.read(source)
    with pytest.raises(OutcomesError, match="no resource of the export is a Patient"):
        exports.make(procedure())


def test_a_mark_an_empty_file_and_a_long_line_are_read(exports: Exports) -> None:
    source = exports.write(*FUSED)
    all_of = (source / "all.ndjson").read_bytes()
    long_one = json.dumps(procedure("r2", extension=[{"url": "https://x/long", "valueBase64Binary": "A" * 5_000_000}]))
    (source / "all.ndjson").write_bytes(b"\xef\xbb\xbf" + all_of + long_one.encode() + b"\r\n\n")
    (source / "none.ndjson").write_bytes(b"")
    assert len(exports.read(source, strip=True).tables["procedures"]) == 2


def test_what_cannot_be_read_is_named(exports: Exports) -> None:
    too_long = procedure("r2", extension=[{"url": "https://x/long", "valueBase64Binary": "A" * 3 * 2**25}])
    with pytest.raises(OutcomesError, match=r"all.ndjson: a line, or .* is longer than 32 MiB"):
        exports.make(*FUSED, too_long)
    with pytest.raises(OutcomesError, match=r"b.json: it is damaged, or not JSON in UTF-8"):
        exports.read(exports.write('{"resourceType": "Bundle", "entry": [', name="b.json"))
    with pytest.raises(OutcomesError, match="no file of"):
        exports.read(exports.write(name="notes.txt").parent / "nowhere")


TWICE = ["2024-02-03", "2024-02-04"]


def test_few_resources_of_another_shape_are_left_out_and_many_end_the_import(exports: Exports) -> None:
    site = {"coding": [{"system": SNOMED, "code": "1"}], "text": ["C5-6", "C6-7"]}
    item: Resource = {"linkId": "last"}
    for _ in range(9):
        item = {"linkId": "x", "item": [item]}
    made = exports.make(
        *FUSED,
        PATIENT | {"id": "p2", "gender": ["female", "male"]},
        procedure("r2", performedDateTime=TWICE),
        procedure("r3", bodySite=[site]),
        procedure("r4", code={"coding": {"system": CPT, "code": "22845"}}),
        other("Observation", code=coded(LOINC, "72514-3"), effectiveDateTime=TWICE, valueInteger=3),
        other("QuestionnaireResponse", item=[item]),
        other("Encounter", status="planned", period={"start": "2024-02-03"}),
    )
    assert sorted(row["code"] for row in made.tables["procedures"]) == ["22551", "22845"]
    assert len(made.tables["patients"]) == 1
    assert set(made.left_out) == {
        LeftOut("Patient", "misshapen", 1),
        LeftOut("Procedure", "misshapen", 2),
        LeftOut("Observation", "misshapen", 1),
        LeftOut("QuestionnaireResponse", "misshapen", 1),
        LeftOut("encounters", "not_done", 1),
    }
    with pytest.raises(OutcomesError) as refused:
        exports.make(*FUSED, *(procedure(f"r{number}", performedDateTime=TWICE) for number in range(2, 13)))
    assert refused.value.where == (
        "Procedure: 11 of 12 have an element twice that FHIR has once, or nested too deep; up to 1% are left out and "
        "counted"
    )


def test_what_was_never_done_is_left_out_and_counted(exports: Exports) -> None:
    refuted = {"verificationStatus": coded("http://terminology.hl7.org/CodeSystem/condition-ver-status", "refuted")}
    ibuprofen = {"medicationCodeableConcept": coded(RXNORM, "5640"), "authoredOn": "2024-04-01"}
    made = exports.make(
        *FUSED,
        procedure("r2", status="not-done"),
        procedure("r3", status="entered-in-error"),
        other("Condition", code=coded(ICD10CM, "M542"), recordedDate="2024-04-01", **refuted),
        other("Encounter", status="planned", period={"start": "2024-04-01"}),
        other(
            "Observation",
            status="cancelled",
            code=coded(LOINC, "82227-0"),
            effectiveDateTime="2024-04-01",
            valueInteger=1,
        ),
        other("MedicationRequest", "m1", status="active", intent="plan", **ibuprofen),
        other("MedicationRequest", "m2", status="active", intent="order", doNotPerform=True, **ibuprofen),
        other("MedicationStatement", "m3", status="not-taken", medicationCodeableConcept=coded(RXNORM, "5640")),
        other("ImagingStudy", status="cancelled", started="2024-04-01", modality=[{"system": DCM, "code": "CT"}]),
    )
    assert set(made.tables) == {"patients", "procedures"}
    assert len(made.tables["procedures"]) == 1
    assert set(made.left_out) == {
        LeftOut("procedures", "not_done", 2),
        LeftOut("diagnoses", "refuted", 1),
        LeftOut("encounters", "not_done", 1),
        LeftOut("follow_ups", "not_done", 1),
        LeftOut("treatments", "not_done", 3),
        LeftOut("imaging", "not_done", 1),
    }


def test_drugs_are_coded_inside_beside_or_in_the_resource(exports: Exports) -> None:
    drug = {"resourceType": "Medication", "id": "med1", "code": coded(RXNORM, "5640")}
    given = {"status": "active", "intent": "order", "authoredOn": "2024-04-01"}
    supply = {"dispenseRequest": {"expectedSupplyDuration": {"value": 30, "code": "d"}}}
    route = {"dosageInstruction": [{"route": coded(SNOMED, "26643006")}]}
    made = exports.make(
        *FUSED,
        drug,
        other(
            "MedicationRequest", "m1", medicationReference={"reference": "Medication/med1"}, **given, **supply, **route
        ),
        other(
            "MedicationRequest", "m2", medicationReference={"reference": "#d"}, contained=[drug | {"id": "d"}], **given
        ),
        other("MedicationRequest", "m3", medicationCodeableConcept=coded(NDC, "00093-0149"), **given),
        other(
            "MedicationStatement",
            "m4",
            status="active",
            effectivePeriod={"start": "2024-04-02", "end": "2024-04-09"},
            medicationCodeableConcept={
                "coding": [*coded(RXNORM, "5640")["coding"], *coded("http://www.whocc.no/atc", "M01AE01")["coding"]]
            },
        ),
    )
    found = sorted(
        (row["code_system"], row["code"], row["start_day"], row["end_day"], row["route"])
        for row in made.tables["treatments"]
    )
    assert found == [
        ("ATC", "M01AE01", "59", "66", ""),
        ("RXNORM", "5640", "58", "", ""),
        ("RXNORM", "5640", "58", "87", "oral"),
    ]
    assert made.left_out == (LeftOut("treatments", "not_coded", 1),)


SITES = {
    "C5-6": {"text": "C5-6"},
    "C5-6;C6-7": {"text": "disc c5/c6 and C6/C7"},
    "C4-5;C5-6;C6-7": {"text": "C4 - C7"},
    "C7-T1": {"text": "C7-T1"},
    "T1-2": {"text": "T1–T2"},
    "C6-7": {"coding": [{"system": SNOMED, "code": "1", "display": "Structure of C6/C7 disc"}]},
    "C2-3": coded(SNOMED, "1078209008"),
}
NO_LEVELS = [{"text": "L4-5"}, {"text": "C6-C5"}, {"text": "cervical spine"}]


def test_body_sites_tell_levels(exports: Exports) -> None:
    told = [procedure(f"r{place}", bodySite=[site]) for place, site in enumerate([*SITES.values(), *NO_LEVELS])]
    rows = exports.make(PATIENT, *told).tables["procedures"]
    assert sorted(row["levels"] for row in rows) == sorted([*SITES, *[""] * len(NO_LEVELS)])


def test_answers_that_are_no_exact_numbers_are_not_taken_for_some(exports: Exports) -> None:
    pain = {"status": "final", "code": coded(LOINC, "72514-3"), "effectiveDateTime": "2024-04-01"}
    made = exports.make(
        *FUSED,
        other("Observation", "o1", bodySite={"text": "Neck"}, valueQuantity={"value": 5, "comparator": "<"}, **pain),
        other("Observation", "o2", bodySite=coded(SNOMED, "53120007"), valueInteger=3, **pain),
        other("Observation", "o3", valueInteger=9, **pain),
    )
    visit = made.only("follow_ups")
    assert (visit["neck_pain_nrs"], visit["arm_pain_nrs"]) == ("", "3")
    assert made.left_out == (LeftOut("follow_ups", "unreadable", 1, "neck_pain_nrs"),)


def test_of_two_answers_of_a_day_the_later_counts(exports: Exports) -> None:
    pain = {"status": "final", "code": coded(LOINC, "72514-3"), "bodySite": {"text": "Neck"}}
    made = exports.make(
        *FUSED,
        other("Observation", "o1", valueInteger=3, effectiveDateTime="2024-04-01T18:00:00Z", **pain),
        other("Observation", "o2", valueInteger=7, effectiveDateTime="2024-04-01T09:00:00Z", **pain),
    )
    assert made.only("follow_ups")["neck_pain_nrs"] == "3"


def test_images_of_another_part_or_kind_are_counted_and_none_is_called_normal(exports: Exports) -> None:
    study = {"status": "available", "started": "2024-04-01"}
    of_series = {"modality": {"system": DCM, "code": "DX"}, "bodySite": {"code": "122494005"}}
    made = exports.make(
        *FUSED,
        other("ImagingStudy", "i1", modality=[{"system": DCM, "code": "MR"}], **study),
        other("ImagingStudy", "i2", modality=[{"system": DCM, "code": "US"}], **study),
        other(
            "ImagingStudy",
            "i3",
            modality=[{"system": DCM, "code": "CT"}],
            series=[{"bodySite": {"code": "56459004"}}],
            **study,
        ),
        other("ImagingStudy", "i4", series=[of_series, of_series], **study),
    )
    images = sorted((image["modality"], image["finding"]) for image in made.tables["imaging"])
    assert images == [("mri", ""), ("radiograph", "")]
    assert made.left_out == (LeftOut("imaging", "elsewhere", 2),)


IDENTIFIED = {
    "Patient: contact 1, extension.value 1, link.other.display 1, photo 1, text 1": PATIENT
    | {"text": {"div": "<div>Jane Roe</div>"}, "photo": [{"data": "AAAA"}], "contact": [{"name": {"family": "Roe"}}]}
    | {"extension": [{"url": "https://x/mothersMaidenName", "valueString": "Roe"}]}
    | {"link": [{"other": {"display": "Jane Roe"}, "type": "seealso"}]},
    "Condition: contained.Patient 1, note 1": other(
        "Condition", note=[{"text": "Jane Roe"}], contained=[PATIENT | {"id": "c"}]
    ),
    "Encounter: subject.display 1": other("Encounter", subject=PAT | {"display": "Jane Roe"}),
    "Practitioner: name 1": {"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Roe"}]},
    "QuestionnaireResponse: item.answer.valueString 1": other(
        "QuestionnaireResponse", item=[{"linkId": "1", "answer": [{"valueString": "Jane Roe"}]}]
    ),
    "Observation: component.valueString 1, performer.display 1, valueString 1": other(
        "Observation",
        valueString="Jane Roe",
        component=[{"valueString": "Jane Roe"}],
        performer=[{"reference": "Practitioner/d1"}, PAT | {"display": "Jane Roe"}],
    ),
    "MedicationStatement: informationSource.display 1": other(
        "MedicationStatement", informationSource=PAT | {"display": "Jane Roe"}
    ),
    "ImagingStudy: performer.actor.display 1": other("ImagingStudy", performer=[{"actor": {"display": "Jane Roe"}}]),
}


def test_what_identifies_is_refused_and_can_be_dropped(exports: Exports) -> None:
    with pytest.raises(OutcomesError, match="source_identified") as refused:
        exports.make(procedure(), *IDENTIFIED.values())
    assert set(refused.value.where.split("; ")) == IDENTIFIED.keys()
    made = exports.make(procedure(), *IDENTIFIED.values(), strip=True)
    assert sum(one.rows for one in made.left_out if one.reason == "stripped") == 15
    assert "Roe" not in str(made)


def test_a_dry_run_says_what_means_nothing_here(exports: Exports) -> None:
    patients = [PATIENT | {"id": f"p{place}"} for place in range(12)]
    subjects = [{"reference": f"Patient/p{place}"} for place in range(12)]
    fusions = [procedure(f"r{place}", subject=one) for place, one in enumerate(subjects)]
    local = [
        procedure(f"l{place}", subject=one, code=coded("https://x/codes", "OP1")) for place, one in enumerate(subjects)
    ]
    own_class = {"class": {"system": "https://x/classes", "code": "IMP"}, "period": {"start": "2024-02-03"}}
    stays = [other("Encounter", f"e{place}", **own_class | {"subject": one}) for place, one in enumerate(subjects)]
    found = exports.not_mapped(
        *patients, *fusions, *local, *stays, other("AllergyIntolerance"), procedure("r99", followUp=[])
    )
    assert NotMapped("encounters: class", "https://x/classes", "IMP", 12, 12) in found
    assert NotMapped("procedures", "https://x/codes", "OP1", 12, 12) in found
    assert NotMapped("AllergyIntolerance", "every element") in found
    assert NotMapped("Procedure", "followUp") in found


def test_a_site_says_what_its_codes_and_questions_mean(exports: Exports, tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_text(
        "system,code,meaning,word\n"
        f"{SNOMED},1001,ICD10CM,M54.2\n{SNOMED},1002,levels,C5-6;C6-7\n{NDC},00093-0149,treatment_class,nsaid\n"
        f"{SNOMED},1003,finding,stenosis@C4-5\nhttps://x/classes,REHAB,encounter_type,rehabilitation\n"
    )
    (tmp_path / "map.toml").write_text(
        'method = "limited_data_set"\nconcepts = "codes.csv"\n'
        '[[answers]]\nquestionnaire = "https://x/Questionnaire/q"\n[answers.columns]\n'
        'neck_pain_nrs = { from = "q1", reverse = 10, missing = 99 }\n'
        'working = { from = "q2", values = { Y = "true", N = "false" } }\n'
        '[observations]\nmjoa_total = "https://x/codes|MJOA"\n'
    )
    answers = [
        {"linkId": "q1", "answer": [{"valueDecimal": 8.0}]},
        {"linkId": "q2", "answer": [{"valueCoding": {"code": "y"}}]},
    ]
    response = {"status": "completed", "authored": "2024-04-01", "item": answers}
    made = exports.make(
        PATIENT,
        procedure(bodySite=[coded(SNOMED, "1002")]),
        other("Condition", code=coded(SNOMED, "1001"), recordedDate="2024-04-01"),
        other(
            "Encounter",
            status="finished",
            period={"start": "2024-04-01"},
            **{"class": {"system": "https://x/classes", "code": "REHAB"}},
        ),
        other(
            "MedicationStatement",
            status="active",
            effectiveDateTime="2024-04-01",
            medicationCodeableConcept=coded(NDC, "00093-0149"),
        ),
        other(
            "DiagnosticReport", status="final", effectiveDateTime="2024-04-01", conclusionCode=[coded(SNOMED, "1003")]
        ),
        other("QuestionnaireResponse", "q1", questionnaire="https://x/Questionnaire/q|2", **response),
        other(
            "QuestionnaireResponse",
            "q2",
            questionnaire="https://x/Questionnaire/else",
            **response | {"authored": "2024-04-02"},
        ),
        other(
            "Observation",
            status="final",
            code=coded("https://x/codes", "MJOA"),
            effectiveDateTime="2024-04-01",
            valueInteger=15,
        ),
        mapping=read_fhir_mapping(tmp_path / "map.toml"),
    )
    assert made.only("procedures")["levels"] == "C5-6;C6-7"
    assert made.only("diagnoses")["code"] == "M54.2"
    assert made.only("encounters")["type"] == "rehabilitation"
    assert made.only("treatments")["treatment_class"] == "nsaid"
    assert (made.only("imaging")["finding"], made.only("imaging")["level"]) == ("stenosis", "C4-5")
    visit = made.only("follow_ups")
    assert [visit[name] for name in ("neck_pain_nrs", "working", "mjoa_total")] == ["2", "true", "15"]


def test_a_site_may_replace_a_view_and_still_reads_listed_elements_alone(exports: Exports, tmp_path: Path) -> None:
    paths = {"id": "id", "sex": "gender", "birth": "birthDate", "is_deceased": "deceased.ofType(boolean)"}
    columns = [{"name": name, "path": path} for name, path in paths.items()]
    death = {"name": "death", "path": "name.first().family"}
    for more in ([], [death]):
        view = {"resource": "Patient", "select": [{"column": [*columns, *more]}]}
        (tmp_path / "views").mkdir(exist_ok=True)
        (tmp_path / "views" / "patients.json").write_text(json.dumps(view))
        mapping = FhirMapping(method="limited_data_set", views="views", folder=tmp_path)
        named = [PATIENT | {"name": [{"family": "2025-01-01"}]}, procedure()]
        if more:
            assert exports.make(*named, strip=True, mapping=mapping).only("patients")["death_day"] == ""
        else:
            with pytest.raises(OutcomesError, match=r"definition_malformed.*patients.json: no column death"):
                exports.make(*named, strip=True, mapping=mapping)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("method = ", "is not TOML"),
        ('colour = "red"', "colour: Extra inputs"),
        ('concepts = "nowhere.csv"', "there is no nowhere.csv beside it"),
        ('[observations]\nmjoa_total = "MJOA"', "mjoa_total is from a code, written as system|code"),
        ('[[answers]]\n[answers.columns]\npatient_id = "q1"', "patient_id is no answer of follow_ups"),
        ('[[answers]]\n[answers.columns]\nworking = { from = "q1", offset = 1 }', "working: reverse, offset and scale"),
        (
            '[[answers]]\n[answers.columns]\nworking = { from = "q1", date_format = "%d.%m.%Y" }',
            "date_format is of tables",
        ),
    ],
)
def test_a_wrong_mapping_is_told_by_field(tmp_path: Path, text: str, what: str) -> None:
    file = tmp_path / "map.toml"
    file.write_text(text)
    with pytest.raises(OutcomesError, match="mapping_malformed") as refused:
        read_fhir_mapping(file)
    assert what in refused.value.where


def link(kind: str, key: str) -> Resource:
    return {"link": [{"type": kind, "other": {"reference": f"Patient/{key}"}}]}


def test_what_refers_to_a_replaced_patient_is_that_of_the_last_successor(exports: Exports) -> None:
    chain = [
        PATIENT | {"id": "old1"} | link("replaced-by", "old2"),
        PATIENT | {"id": "old2"} | link("replaced-by", "p1"),
    ]
    kept = [PATIENT | link("replaces", "old3"), PATIENT | {"id": "old3"}]
    in_a_circle = [
        PATIENT | {"id": "c1"} | link("replaced-by", "c2"),
        PATIENT | {"id": "c2"} | link("replaced-by", "c1"),
    ]
    without_successor = PATIENT | {"id": "w1"} | link("replaced-by", "elsewhere")
    fusions = {"p1": "2024-02-03", "old1": "2024-03-03", "old3": "2024-04-03"} | dict.fromkeys(
        ("c1", "c2", "w1"), "2024-05-03"
    )
    made = exports.make(
        *chain,
        *kept,
        *in_a_circle,
        without_successor,
        *(procedure(f"r-{key}", at, subject={"reference": f"Patient/{key}"}) for key, at in fusions.items()),
    )
    assert len(made.tables["patients"]) == 4
    assert sorted(days(made, "procedures")) == ["0", "0", "0", "0", "29", "60"]
    assert made.left_out == (LeftOut("patients", "replaced", 3),)


def test_deletions_the_manifest_and_messages_of_a_bulk_export(exports: Exports) -> None:
    deleted = [{"request": {"method": "DELETE", "url": url}} for url in ("Procedure/r2", "https://x/r4/Procedure/r9")]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": deleted}
    message = {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}
    source = exports.write(*FUSED, bundle, procedure("r2", meta={"lastUpdated": "2026-06-01T00:00:00Z"}), message)
    (source / "manifest.json").write_text('{"transactionTime": "2026-06-30", "output": []}')
    made = exports.read(source)
    assert len(made.tables["procedures"]) == 1
    assert made.left_out == (LeftOut("Procedure", "superseded", 1), LeftOut("OperationOutcome", "message", 1))


NDI = "https://x/Questionnaire/ndi"


def ndi(kind: str, key: str, at: str, value: int, unit: str = "") -> Resource:
    if kind == "Observation":
        quantity = {"value": value, "code": unit}
        return other(
            kind, key, status="final", code=coded(LOINC, "82237-9"), effectiveDateTime=at, valueQuantity=quantity
        )
    item = {"linkId": "total", "answer": [{"valueDecimal": value}]}
    return other(kind, key, status="completed", authored=at, questionnaire=NDI, item=[item])


def test_a_total_has_its_own_unit_whatever_questionnaires_say(exports: Exports, tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(
        f'[[answers]]\nquestionnaire = "{NDI}"\n[answers.columns]\nndi_total = "total"\n'
        'ndi_unit = { constant = "points" }\neq5d_version = { constant = "5L" }\n'
        '[[answers]]\nquestionnaire = "https://x/Questionnaire/else"\n[answers.columns]\nndi_total = "total"\n'
        'ndi_unit = { constant = "percent" }\n'
    )
    made = exports.make(
        *FUSED,
        ndi("Observation", "o1", "2024-04-01", 24, "%"),
        ndi("Observation", "o2", "2024-04-02", 24, "{score}"),
        ndi("QuestionnaireResponse", "q1", "2024-04-03", 12),
        ndi("QuestionnaireResponse", "q2", "2024-04-04T08:00:00Z", 12),
        ndi("Observation", "o3", "2024-04-04T09:00:00Z", 26, "%"),
        mapping=read_fhir_mapping(tmp_path / "map.toml"),
    )
    rows = sorted(made.tables["follow_ups"], key=lambda row: int(row["day"]))
    found = [(row["ndi_total"], row["ndi_unit"], row["eq5d_version"]) for row in rows]
    assert found == [("24", "percent", ""), ("24", "", ""), ("12", "points", "5L"), ("26", "percent", "5L")]


def test_coded_answers_count_by_their_score_or_as_the_site_says(exports: Exports) -> None:
    item = {"status": "final", "effectiveDateTime": "2024-04-01"}
    weight = [{"url": "http://hl7.org/fhir/StructureDefinition/itemWeight", "valueDecimal": 3}]
    weighed = {"coding": [{"system": LOINC, "code": "LA25861-8", "extension": weight}]}
    said = {
        "ndi_item_1": {"from": f"{LOINC}|82227-0", "values": {"LA25855-0": "2"}},
        "ndi_unit": {"constant": "points"},
    }
    made = exports.make(
        *FUSED,
        other(
            "Observation", "o1", code=coded(LOINC, "82227-0"), valueCodeableConcept=coded(LOINC, "LA25855-0"), **item
        ),
        other("Observation", "o2", code=coded(LOINC, "82228-8"), valueCodeableConcept=weighed, **item),
        other(
            "Observation", "o3", code=coded(LOINC, "82229-6"), valueCodeableConcept=coded(LOINC, "LA25867-5"), **item
        ),
        ndi("Observation", "o4", "2024-04-01", 12, "{score}"),
        mapping=FhirMapping.model_validate({"method": "limited_data_set", "observations": said}),
    )
    visit = made.only("follow_ups")
    assert [visit[f"ndi_{name}"] for name in ("item_1", "item_2", "item_3", "unit")] == ["2", "3", "", "points"]
    assert made.left_out == (LeftOut("follow_ups", "unreadable", 1, "ndi_item_3"),)


# HL7, International Patient Summary 1.1: concept map of smoking status from LOINC to SNOMED CT. There 77176002
# is "Smoker, current status unknown".
SMOKING = {
    "never": (("LA18978-9",), ("266919005",)),
    "former": (("LA15920-4",), ("8517006",)),
    "current": (
        ("LA18976-3", "LA18977-1", "LA18981-3", "LA18982-1"),
        ("449868002", "428041000124106", "428071000124103", "428061000124105"),
    ),
    "unknown": (("LA18979-7", "LA18980-5"), ("77176002", "266927001")),
}


def test_each_answer_to_the_smoking_status_has_its_word(exports: Exports) -> None:
    answers = [
        (word, coded(system, code))
        for word, both in SMOKING.items()
        for system, codes in zip((LOINC, SNOMED), both, strict=True)
        for code in codes
    ]
    resources: list[Resource] = []
    for number, (_, answer) in enumerate(answers):
        patient = {"reference": f"Patient/p{number}"}
        said = {"status": "final", "code": coded(LOINC, "72166-2"), "effectiveDateTime": "2024-01-01"}
        asked = other("Observation", f"o{number}", valueCodeableConcept=answer, **said)
        resources += [
            PATIENT | {"id": f"p{number}"},
            procedure(f"r{number}", subject=patient),
            asked | {"subject": patient},
        ]
    made = exports.make(*resources)
    assert sorted(row["smoking"] for row in made.tables["patients"]) == sorted(word for word, _ in answers)
    assert made.left_out == ()


def test_of_several_codings_that_of_snomed_counts(exports: Exports) -> None:
    def local(code: str) -> Resource:
        return {"coding": [{"system": "https://x/codes", "code": "7"}, *coded(SNOMED, code)["coding"]]}

    smoking = {"status": "final", "code": coded(LOINC, "72166-2")}
    pain = {"status": "final", "code": coded(LOINC, "72514-3"), "effectiveDateTime": "2024-04-01", "valueInteger": 4}
    ibuprofen = {"medicationCodeableConcept": coded(RXNORM, "5640"), "effectiveDateTime": "2024-04-01"}
    unknown = coded("https://x/codes", "7")
    made = exports.make(
        *FUSED,
        other("Observation", "o1", valueCodeableConcept=local("8517006"), effectiveDateTime="2024-01-01", **smoking),
        other("Observation", "o2", valueCodeableConcept=unknown, effectiveDateTime="2024-01-02", **smoking),
        other("Observation", "o3", bodySite=local("45048000"), **pain),
        other("MedicationStatement", status="active", dosage=[{"route": local("260548002")}], **ibuprofen),
    )
    assert made.only("patients")["smoking"] == "former"
    assert made.only("follow_ups")["neck_pain_nrs"] == "4"
    assert made.only("treatments")["route"] == "oral"
    assert made.left_out == (LeftOut("follow_ups", "unreadable", 1, "smoking"),)


def test_the_list_of_drugs_tells_what_packages_are(exports: Exports, tmp_path: Path) -> None:
    (tmp_path / "drugs.csv").write_text("code_system,code,atc,treatment_class\nNDC,00573-0164-70,M01AE01,\n")
    given = {"status": "active", "intent": "order", "authoredOn": "2024-04-01"}
    source = exports.write(
        *FUSED, other("MedicationRequest", medicationCodeableConcept=coded(NDC, "0573-0164-70"), **given)
    )
    read = fhir_source(source, FhirMapping(method="limited_data_set"))
    made = import_extract(exports.settings(), replace(read, drugs=tmp_path / "drugs.csv"), "alder", "2026-06")
    assert ",ATC,M01AE01," in (made.folder / "treatments.csv").read_text(encoding="utf-8")
    assert made.left_out == ()
