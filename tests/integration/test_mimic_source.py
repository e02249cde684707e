"""The MIMIC-IV source on invented tables in the published layout: gzip, ISO dates, more columns than are read."""

import csv
import datetime
import gzip
import stat
from pathlib import Path
from typing import Any

import pytest

from outcomes.errors import MISTAKES, OutcomesError
from outcomes.intake.sources.engine import Import
from outcomes.intake.sources.mimic_iv import import_mimic_iv
from outcomes.settings import Settings
from outcomes.synthetic import synthesize
from tests.support.answers import answers
from tests.support.mimic_tables import carried, write_tables
from tests.support.submissions import write_submission
from tests.support.synthetic import rows_in_force

Tables = dict[str, list[dict[str, str]]]


def _tables() -> Tables:
    """Patient 1 has a cervical fusion, patient 2 was over 89 at the anchor, patient 3 was never admitted."""
    return {
        "patients": [
            _patient("1", anchor_age="52", anchor_year="2150"),
            _patient("2", gender="M", anchor_age="91", anchor_year="2160", dod="2160-08-01"),
            _patient("3"),
        ],
        "admissions": [
            _admission("1", "11", "2152-02-27 23:10:00", "2152-03-04 10:00:00", admission_type="ELECTIVE"),
            _admission("1", "12", "2153-01-01 09:00:00", "2153-01-02 10:00:00", admission_type="EU OBSERVATION"),
            _admission(
                "2", "21", "2160-05-01 08:00:00", "2160-05-04 00:30:00", deathtime="2160-05-03 23:50:00", insurance="X"
            ),
        ],
        "procedures_icd": [
            _code("1", "11", "1", "3E0G76Z", chartdate="2152-02-28"),
            _code("1", "11", "2", "0RG20A0", chartdate="2152-02-29"),
            _code("1", "12", "1", "0RG2071", chartdate="2153-01-01"),
        ],
        "diagnoses_icd": [_code("1", "11", "1", "M4712 "), _code("2", "21", "1", "4280", icd_version="9")],
    }


def _patient(subject_id: str, **cells: str) -> dict[str, str]:
    anchor = {"anchor_age": "60", "anchor_year": "2150", "anchor_year_group": "2011 - 2013"}
    return {"subject_id": subject_id, "gender": "F", **anchor, "dod": ""} | cells


def _admission(subject_id: str, hadm_id: str, admittime: str, dischtime: str, **cells: str) -> dict[str, str]:
    times = {"admittime": admittime, "dischtime": dischtime, "deathtime": ""}
    return {"subject_id": subject_id, "hadm_id": hadm_id, **times, "admission_type": "URGENT", "insurance": ""} | cells


def _code(subject_id: str, hadm_id: str, seq_num: str, icd_code: str, **cells: str) -> dict[str, str]:
    code = {"seq_num": seq_num, "icd_code": icd_code, "icd_version": "10"}
    return {"subject_id": subject_id, "hadm_id": hadm_id, **code} | cells


def _write(folder: Path, tables: Tables) -> Path:
    folder.mkdir()
    for name, rows in tables.items():
        with gzip.open(folder / f"{name}.csv.gz", "wt", encoding="utf-8", newline="") as lines:
            writer = csv.DictWriter(lines, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return folder


def _delivered(imported: Import, table: str) -> list[dict[str, str]]:
    with (imported.folder / f"{table}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _patient_ids(imported: Import) -> dict[str, str]:
    with imported.crosswalk.open(encoding="utf-8", newline="") as lines:
        return {row["source_key"]: row["key"] for row in csv.DictReader(lines) if row["kind"] == "patient"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def imported(settings: Settings, tmp_path: Path) -> Import:
    return import_mimic_iv(settings, _write(tmp_path / "hosp", _tables()), "mimic")


def test_dates_become_days_from_the_first_cervical_fusion(imported: Import) -> None:
    days = {row["code"]: row["day"] for row in _delivered(imported, "procedures")}
    assert days == {"3E0G76Z": "-1", "0RG20A0": "0", "0RG2071": "307"}
    stays = sorted((row["start_day"], row["end_day"], row["type"]) for row in _delivered(imported, "encounters"))
    assert stays == [("-2", "4", "inpatient"), ("0", "2", "inpatient"), ("307", "308", "emergency")]


@pytest.mark.parametrize(
    ("fusion", "years", "period"),
    [
        (("8102", "9"), "2011 - 2013", "2012"),
        (("8102", "9"), "2017 - 2019", "2015"),
        (("0RG10A0", "10"), "2011 - 2013", "2015"),
    ],
)
def test_the_code_of_the_fusion_bounds_its_period(
    settings: Settings, tmp_path: Path, fusion: tuple[str, str], years: str, period: str
) -> None:
    code, version = fusion
    tables = _tables() | {
        "patients": [_patient("1", anchor_year_group=years)],
        "admissions": [_admission("1", "11", "2150-02-27 23:10:00", "2150-03-04 10:00:00")],
        "procedures_icd": [
            _code("1", "11", "1", "9999", icd_version="9", chartdate="2150-02-27"),
            _code("1", "11", "2", code, icd_version=version, chartdate="2150-02-28"),
        ],
        "diagnoses_icd": [_code("1", "11", "1", "M4712")],
    }
    imported = import_mimic_iv(settings, _write(tmp_path / "fused", tables), "mimic")
    assert [row["index_period"] for row in _delivered(imported, "patients")] == [period]
    assert {row["code"]: row["day"] for row in _delivered(imported, "procedures")} == {"9999": "-1", code: "0"}


def test_a_stay_ends_with_death_and_the_hospital_s_time_of_death_goes_first(imported: Import) -> None:
    patients = {row["patient_id"]: row for row in _delivered(imported, "patients")}
    dead = patients[_patient_ids(imported)["2"]]
    assert (dead["death_day"], dead["last_contact_day"], dead["age_years"], dead["sex"]) == ("2", "2", "90", "male")


def test_a_living_patient_is_known_for_a_year_after_the_last_discharge(imported: Import) -> None:
    patient = {row["patient_id"]: row for row in _delivered(imported, "patients")}[_patient_ids(imported)["1"]]
    assert (patient["last_contact_day"], patient["data_cut_day"], patient["death_day"]) == ("308", "673", "")
    assert (patient["age_years"], patient["index_period"]) == ("54", "2015")


def test_codes_are_trimmed_and_name_their_system(imported: Import) -> None:
    assert sorted((row["code_system"], row["code"], row["day"]) for row in _delivered(imported, "diagnoses")) == [
        ("ICD10CM", "M4712", "-2"),
        ("ICD9CM", "4280", "0"),
    ]


def test_a_patient_without_an_admission_is_left_out_and_counted(imported: Import) -> None:
    assert (imported.patients_left_out, imported.manifest.patients_without_index) == (1, 1)
    assert len(_delivered(imported, "patients")) == 2


def test_an_age_before_an_anchor_over_89_is_unknown(settings: Settings, tmp_path: Path) -> None:
    tables = _tables()
    tables["patients"][1]["anchor_year"] = "2165"
    patients = _delivered(import_mimic_iv(settings, _write(tmp_path / "hosp", tables), "mimic"), "patients")
    assert sorted(row["age_years"] for row in patients) == ["", "54"]


@pytest.mark.parametrize(("anchor_age", "age"), [("86", "88"), ("87", "90"), ("88", "90"), ("89", "90")])
def test_an_age_that_becomes_90_by_the_data_cut_is_90(
    settings: Settings, tmp_path: Path, anchor_age: str, age: str
) -> None:
    # The index comes two years after the anchor, and the data cut 673 days after the index: one whole year.
    tables = _tables()
    tables["patients"][0]["anchor_age"] = anchor_age
    imported = import_mimic_iv(settings, _write(tmp_path / "hosp", tables), "mimic")
    patients = {row["patient_id"]: row for row in _delivered(imported, "patients")}
    assert patients[_patient_ids(imported)["1"]]["age_years"] == age


def test_no_key_of_the_source_is_delivered_and_the_crosswalk_stays_with_its_owner(
    settings: Settings, imported: Import
) -> None:
    mode = stat.S_IMODE(imported.crosswalk.stat().st_mode)
    assert mode == 0o600
    assert not imported.crosswalk.is_relative_to(settings.landing)
    keys = {row[column] for row in _delivered(imported, "procedures") for column in ("patient_id", "encounter_id")}
    assert keys.isdisjoint({"1", "2", "3", "11", "12", "21"})
    assert all(key.isalpha() for key in keys)


def test_keys_are_stable_from_one_import_to_the_next(settings: Settings, imported: Import, tmp_path: Path) -> None:
    again = import_mimic_iv(settings, tmp_path / "hosp", "mimic", period="2030-02")
    assert again.folder != imported.folder
    for table in ("patients", "encounters", "procedures", "diagnoses"):
        name = f"{table}.csv"
        assert (again.folder / name).read_bytes() == (imported.folder / name).read_bytes()
    assert str(again.manifest.data_cut) == "2030-02-28"


def test_two_sites_give_the_same_patient_different_keys(settings: Settings, imported: Import, tmp_path: Path) -> None:
    other = import_mimic_iv(settings, tmp_path / "hosp", "other")
    assert set(_patient_ids(imported).values()).isdisjoint(_patient_ids(other).values())


def test_the_default_period_is_december_of_the_last_year_the_source_names(imported: Import) -> None:
    assert (imported.folder.name, imported.manifest.period) == ("2015-12", "2015-12")
    assert imported.manifest.kind == "full"


def test_a_period_that_has_landed_is_left_alone(settings: Settings, imported: Import, tmp_path: Path) -> None:
    before = (imported.folder / "manifest.json").read_bytes()
    with pytest.raises(OutcomesError) as refusal:
        import_mimic_iv(settings, tmp_path / "hosp", "mimic")
    assert refusal.value.code == "folder_not_empty"
    assert (imported.folder / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    ("table", "row", "column", "text", "where"),
    [
        ("patients", 0, "anchor_age", "about 52", "patients.anchor_age is no whole number: 1 rows"),
        ("patients", 0, "anchor_year_group", "2011-2013", "patients.anchor_year_group is no range of years: 1 rows"),
        ("patients", 1, "dod", "1 August", "patients.dod is no date: 1 rows"),
        ("patients", 1, "subject_id", "1", "patients.subject_id is repeated: 1 rows"),
        ("admissions", 0, "admittime", "", "admissions.admittime is no date: 1 rows"),
        ("admissions", 1, "hadm_id", "11", "admissions.hadm_id is repeated: 1 rows"),
        ("admissions", 2, "subject_id", "777777", "admissions.subject_id is not in patients: 1 rows"),
        ("procedures_icd", 1, "chartdate", "2152-02-30", "procedures_icd.chartdate is no date: 1 rows"),
        ("diagnoses_icd", 1, "hadm_id", "11", "diagnoses_icd.hadm_id is not an admission of the subject: 1 rows"),
    ],
)
def test_a_cell_that_cannot_be_read_names_its_column_and_never_itself(
    settings: Settings, tmp_path: Path, *, table: str, row: int, column: str, text: str, where: str
) -> None:
    tables = _tables()
    tables[table][row][column] = text
    with pytest.raises(OutcomesError) as refusal:
        import_mimic_iv(settings, _write(tmp_path / "hosp", tables), "mimic")
    assert (refusal.value.code, refusal.value.where) == ("source_malformed", where)
    assert not settings.landing.exists()


@pytest.mark.parametrize("table", ["patients", "admissions", "procedures_icd", "diagnoses_icd"])
def test_a_missing_file_and_a_missing_column_are_named(settings: Settings, tmp_path: Path, table: str) -> None:
    tables = _tables()
    for row in tables[table]:
        del row["subject_id"]
    folder = _write(tmp_path / "hosp", tables)
    with pytest.raises(OutcomesError, match=rf"{table}\.csv\.gz: 0 columns subject_id"):
        import_mimic_iv(settings, folder, "mimic")
    (folder / f"{table}.csv.gz").unlink()
    with pytest.raises(OutcomesError, match=rf"no {table}\.csv or {table}\.csv\.gz"):
        import_mimic_iv(settings, folder, "mimic")


def test_a_broken_file_is_refused(settings: Settings, tmp_path: Path) -> None:
    folder = _write(tmp_path / "hosp", _tables())
    (folder / "patients.csv.gz").write_bytes(b"not gzip")
    with pytest.raises(OutcomesError, match=r"patients\.csv\.gz: it is damaged"):
        import_mimic_iv(settings, folder, "mimic")


def test_a_damaged_crosswalk_is_never_overwritten(settings: Settings, imported: Import, tmp_path: Path) -> None:
    imported.crosswalk.write_text("kind,source_key\npatient,1\n", encoding="utf-8")
    with pytest.raises(OutcomesError, match=r"crosswalk mimic\.csv"):
        import_mimic_iv(settings, tmp_path / "hosp", "mimic", period="2030-01")
    assert imported.crosswalk.read_text(encoding="utf-8") == "kind,source_key\npatient,1\n"


@pytest.mark.parametrize(
    ("site_id", "period", "code"), [("../north", None, "site_unknown"), ("mimic", "2020-13", "period_malformed")]
)
def test_site_and_period_are_checked_first(
    settings: Settings, tmp_path: Path, site_id: str, period: str | None, code: str
) -> None:
    with pytest.raises(OutcomesError) as refusal:
        import_mimic_iv(settings, tmp_path / "nowhere", site_id, period)
    assert refusal.value.code == code
    assert refusal.value.exit_status == MISTAKES[code].exit_status


def test_the_labels_are_those_of_the_native_path_patient_by_patient(tmp_path: Path) -> None:
    """Of a synthetic registry, as far as MIMIC-IV can carry it."""
    period, registry = "2026-09", Settings(home=tmp_path / "registry")
    synthesize(registry, seed=5, sites=1, patients=60, months=0, until=period, faults=False, stories=False)
    ((site, tables),) = rows_in_force(registry).items()
    rows = carried(tables)
    native, made = Settings(home=tmp_path / "native"), Settings(home=tmp_path / "made")
    stated: Any = {"deidentification_method": "expert_determination", "data_cut": datetime.date(2026, 9, 30)}
    write_submission(native, site, period, rows, **stated)
    written = write_tables(tmp_path / "hosp", rows)
    keys = _patient_ids(import_mimic_iv(made, written.folder, site, period))
    delivered = answers(native, [site], period)
    assert len(delivered[1]) > 50
    for expected, found in zip(delivered, answers(made, [site], period), strict=True):
        assert len(expected) == len(found)
        for (_, patient, label), answer in expected.items():
            assert found[site, keys[written.subjects[patient]], label] == answer, label
