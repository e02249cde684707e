"""What goes wrong with real extracts, one small dump each: nothing vanishes uncounted, and no day is guessed."""

import csv
import datetime
import errno
import gzip
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from outcomes.cli import app
from outcomes.errors import OutcomesError, SubmissionRefused
from outcomes.intake.sources.dated import LeftOut, NotMapped, Source
from outcomes.intake.sources.dry_run import Tried, try_import
from outcomes.intake.sources.engine import Import, import_extract
from outcomes.intake.sources.mapping import parse_mapping
from outcomes.intake.sources.table import table_source
from outcomes.locks import held
from outcomes.release.doctor import examine
from outcomes.settings import Settings

PATIENTS = "MRN,DOB,Sex\n100231,1961-05-03,F\n100232,1930-01-01,M\n"
PROCEDURES = "id,MRN,DT,CODE\n1,100231,2023-05-17,22551\n2,100232,2023-06-17,22551\n"
MAPPING = """
method = "limited_data_set"
{options}
[[patients]]
file = "patients.csv"
[patients.columns]
patient_id = "MRN"
birth_date = "DOB"
sex = "Sex"

[[procedures]]
file = "procedures.csv"
[procedures.columns]
procedure_id = "id"
patient_id = "MRN"
date = "DT"
code = "CODE"
code_system = {{ constant = "CPT" }}
{more}
"""
FOLLOW_UPS = """
[[follow_ups]]
file = "proms.csv"
[follow_ups.columns]
patient_id = "MRN"
date = "DT"
"""

Rows = list[dict[str, str]]


class Hospital:
    """A folder of files, imported by a mapping."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "dump"
        self.folder.mkdir()
        self.settings = Settings(home=folder / "home")
        self.write("patients.csv", PATIENTS)
        self.write("procedures.csv", PROCEDURES)

    def write(self, name: str, text: str, encoding: str = "utf-8") -> None:
        (self.folder / name).write_text(text, encoding=encoding, newline="")

    def mapped(self, more: str = "", options: str = "", **changed: str) -> Import:
        return import_extract(self.settings, self.source(more, options, changed), "north", "2025-06")

    def tried(self, more: str = "", **changed: str) -> Tried:
        return try_import(self.settings, self.source(more, "", changed), "north", "2025-06")

    def source(self, more: str, options: str, changed: dict[str, str]) -> Source:
        text = MAPPING.format(options=options, more=more)
        for old, new in changed.items():
            assert old in text
            text = text.replace(old, new)
        mapping, problems = parse_mapping(text)
        assert mapping, problems
        assert not problems
        return table_source(mapping, self.folder)

    def refusal(self, more: str = "") -> str:
        with pytest.raises(OutcomesError) as refused:
            self.mapped(more)
        assert refused.value.code == "source_malformed"
        assert not self.settings.landing.exists()
        return refused.value.where


def rows(imported: Import, table: str) -> Rows:
    with (imported.folder / f"{table}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def left_out(imported: Import) -> dict[tuple[str, str], int]:
    return {(one.column or one.table, one.reason): one.rows for one in imported.left_out}


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    return Hospital(tmp_path)


def test_a_dump_without_traps(hospital: Hospital) -> None:
    imported = hospital.mapped()
    assert [row["day"] for row in rows(imported, "procedures")] == ["0", "0"]
    assert sorted((row["sex"], row["age_years"], row["index_period"]) for row in rows(imported, "patients")) == [
        ("F", "62", "2023-05"),
        ("M", "90", "2023-06"),
    ]
    assert not imported.left_out


@pytest.mark.parametrize(
    ("date", "options", "day"),
    [
        ("2023-05-18T23:30:00+02:00", "", "1"),
        ("2023-05-18T23:30:00Z", "", "1"),
        ("2023-05-18T23:30:00Z", 'time_zone = "Europe/Berlin"', "2"),
        ("2023-05-18 23:30:00.000", 'time_zone = "Europe/Berlin"', "1"),
        ("05/18/2023 23:30", 'date_format = "%m/%d/%Y"', "1"),
        ("18May2023", 'date_format = "%d%b%Y"', "1"),
        ("18-OCT-2023", 'date_format = "%d-%b-%Y"', "154"),
        ("18-OCT-2023T07:45:00", 'date_format = "%d-%b-%Y"', "154"),
        ("5/18/2023 12:00:00 AM", 'date_format = "%m/%d/%Y"', "1"),
        ("20230518", 'date_format = ["%m/%d/%Y", "%Y%m%d"]', "1"),
        ("05/18/23", 'date_format = ["%m/%d/%Y", "%m/%d/%y"]', "1"),
    ],
)
def test_the_day_is_that_of_the_place(hospital: Hospital, date: str, options: str, day: str) -> None:
    hospital.write("proms.csv", f"MRN,DT\n100231,{date}\n")
    assert [row["day"] for row in rows(hospital.mapped(FOLLOW_UPS, options), "follow_ups")] == [day]


@pytest.mark.parametrize("date", ["2023-05", "2023", "2023-05-32", "05/18/2023", "spring", "NULL", ""])
def test_a_date_that_tells_no_day_is_counted_and_never_guessed(hospital: Hospital, date: str) -> None:
    hospital.write("proms.csv", f"MRN,DT\n100231,{date}\n100231,2023-08-01\n")
    imported = hospital.mapped(FOLLOW_UPS)
    assert len(rows(imported, "follow_ups")) == 1
    assert left_out(imported) == {("follow_ups", "no_date"): 1}


def test_a_procedure_without_a_date_may_be_why_its_patient_is_left_out(hospital: Hospital) -> None:
    hospital.write("procedures.csv", PROCEDURES.replace("2023-06-17", "45063") + "3,100232,2023-06-17,99213\n")
    assert left_out(hospital.mapped()) == {
        ("patients", "no_index_fusion"): 1,
        ("procedures", "no_date"): 1,
        ("procedures", "patient_left_out"): 1,
    }


@pytest.mark.parametrize(
    "date", ["05/18/23", "05/18/2023 or so", "05/18/2023 - 05/20/2023", "05/18/1823", "9999-12-31"]
)
def test_nor_is_a_century_or_one_day_of_several(hospital: Hospital, date: str) -> None:
    hospital.write("procedures.csv", f"{PROCEDURES}3,100231,{date},22551\n")
    imported = hospital.mapped(options='date_format = "%m/%d/%Y"')
    assert [row["day"] for row in rows(imported, "procedures")] == ["0", "0"]
    assert left_out(imported) == {("procedures", "no_date"): 1}


def test_a_file_that_several_names_fit_is_read_once(hospital: Hospital) -> None:
    named = {'file = "procedures.csv"': 'file = ["procedures.csv", "proc*.csv"]', "procedure_id": "encounter_id"}
    assert len(rows(hospital.mapped(**named), "procedures")) == 2


def test_of_a_year_of_birth_the_age_is_the_difference_of_years(hospital: Hospital) -> None:
    hospital.write("patients.csv", "MRN,DOB,Sex\n100231,1961,F\n100232,2030,M\n")
    imported = hospital.mapped(birth_date="birth_year")
    assert sorted(row["age_years"] for row in rows(imported, "patients")) == ["", "62"]


def test_a_birth_after_surgery_tells_no_age(hospital: Hospital) -> None:
    hospital.write("patients.csv", "MRN,DOB,Sex\n100231,2023-05-18,F\n100232,2023-06-17,M\n")
    assert sorted(row["age_years"] for row in rows(hospital.mapped(), "patients")) == ["", "0"]


def test_a_birth_with_a_year_of_two_digits_is_of_the_hundred_years_before_surgery(hospital: Hospital) -> None:
    ages = {"03.05.41": "82", "18.05.41": "81", "03.05.15": "8", "18.05.23": "90", "29.02.00": "23", "3.5.1970": "53"}
    born = [f"{number},{birth},F" for number, birth in enumerate(ages)]
    hospital.write("patients.csv", "\n".join(["MRN,DOB,Sex", *born, ""]))
    done = [f"{number},{number},2023-05-17,22551" for number in range(len(ages))]
    hospital.write("procedures.csv", "\n".join(["id,MRN,DT,CODE", *done, ""]))
    changed = {'birth_date = "DOB"': 'birth_date = { from = "DOB", date_format = ["%d.%m.%Y", "%d.%m.%y"] }'}
    imported = hospital.mapped(**changed)
    assert sorted(row["age_years"] for row in rows(imported, "patients")) == sorted(ages.values())
    assert not imported.left_out


def test_a_birth_with_fewer_digits_than_stated_is_not_read(hospital: Hospital) -> None:
    hospital.write("patients.csv", PATIENTS.replace("1961-05-03", "03.05.41"))
    imported = hospital.mapped(options='date_format = "%d.%m.%Y"')
    assert left_out(imported) == {("birth_date", "unreadable"): 1}


def test_duplicates_and_orphans_are_counted(hospital: Hospital) -> None:
    hospital.write("patients.csv", f"{PATIENTS}100231,1961-05-03,F\nNA,1961-05-03,F\n100233,1970-01-01,F\n")
    hospital.write("procedures.csv", f"{PROCEDURES}1,100231,2023-05-17,22551\n9,777777,2023-05-17,22551\n")
    imported = hospital.mapped()
    assert left_out(imported) == {
        ("patients", "no_patient"): 1,
        ("patients", "repeated"): 1,
        ("patients", "no_index_fusion"): 1,
        ("procedures", "unknown_patient"): 1,
        ("procedures", "repeated"): 1,
    }
    assert len(rows(imported, "procedures")) == 2


@pytest.mark.parametrize("key", ["NA", "NULL", "null", "n/a", "NaN", "None", ".", " "])
def test_a_word_for_missing_is_no_patient(hospital: Hospital, key: str) -> None:
    hospital.write("patients.csv", f"{PATIENTS}{key},1961-05-03,F\n")
    hospital.write("procedures.csv", f"{PROCEDURES}{key},{key},2023-05-17,22551\n")
    imported = hospital.mapped()
    assert left_out(imported) == {("patients", "no_patient"): 1, ("procedures", "no_patient"): 1}


def test_rows_without_a_key_of_their_own_are_all_kept(hospital: Hospital) -> None:
    hospital.write("procedures.csv", f"{PROCEDURES}3,100231,2023-05-17,22552\n4,100231,2023-05-17,22552\n")
    imported = hospital.mapped(procedure_id="surgeon_id")
    assert sum(row["code"] == "22552" for row in rows(imported, "procedures")) == 2


def test_what_lies_after_the_patient_s_cut_is_counted(hospital: Hospital) -> None:
    # The cut is the last day of June 2025, counted from the last day of May 2023: fourteen days go.
    hospital.write("proms.csv", "MRN,DT\n100231,2025-06-16\n100231,2025-06-17\n100231,2026-06-17\n")
    imported = hospital.mapped(FOLLOW_UPS)
    assert [row["day"] for row in rows(imported, "follow_ups")] == ["761"]
    assert {row["data_cut_day"] for row in rows(imported, "patients")} == {"761", "731"}
    assert left_out(imported) == {("follow_ups", "after_data_cut"): 2}


def test_a_patient_whose_index_period_is_not_over_comes_later(hospital: Hospital) -> None:
    hospital.write("procedures.csv", f"{PROCEDURES}3,100232,2022-06-17,99999\n".replace("2023-06-17", "2025-07-01"))
    imported = hospital.mapped()
    assert left_out(imported) == {("patients", "index_period_not_over"): 1, ("procedures", "patient_left_out"): 2}


@pytest.mark.parametrize("code", ["22551", " 22551", "22551.0", "0RG10A0", "0rg1.0a0"])
def test_codes_find_the_fusion_however_they_are_written(hospital: Hospital, code: str) -> None:
    system = "ICD10PCS" if "a0" in code.lower() else "CPT"
    hospital.write("procedures.csv", f"id,MRN,DT,CODE\n1,100231,2023-05-17,{code}\n2,100231,2023-05-01,81.02\n")
    imported = hospital.mapped(CPT=f"{system[:5]}-{system[5:]}" if system != "CPT" else "cpt")
    assert sorted(row["day"] for row in rows(imported, "procedures")) == ["-16", "0"]


def test_joints_are_read_as_hospitals_write_them(hospital: Hospital) -> None:
    written = {"C5/6": "C5-6", "c5-c6, C6-C7": "C5-6;C6-7", "C7/T1 + T1/T2": "C7-T1;T1-2", "C4-5;C5-6": "C4-5;C5-6"}
    # From one vertebra to another: all joints between them, as in a FHIR body site.
    written |= {"C4-7": "C4-5;C5-6;C6-7", "C4 - C7": "C4-5;C5-6;C6-7", "C6–T1": "C6-7;C7-T1", "T1/2": "T1-2"}
    written |= {"C4-5-6": "C4-5;C5-6", "C6/C7/T1, T1-T2": "C6-7;C7-T1;T1-2", "C2-3, C4-C6": "C2-3;C4-5;C5-6"}
    unreadable = {"C7-4": "C7-4", "C4-7-5": "C4-7-5"}
    lines = [f'{number},100231,2023-05-17,22551,"{cell}"' for number, cell in enumerate([*written, *unreadable])]
    hospital.write("procedures.csv", "\n".join(["id,MRN,DT,CODE,L", *lines, ""]))
    imported = hospital.mapped(**{'code = "CODE"': 'code = "CODE"\nlevels = "L"'})
    assert sorted(row["levels"] for row in rows(imported, "procedures")) == sorted((written | unreadable).values())


def test_a_level_of_an_image_is_one_joint_and_never_several(hospital: Hospital) -> None:
    hospital.write("images.csv", "MRN,DT,L\n100231,2024-05-17,C4-C7\n100231,2024-05-18,C5/C6\n")
    imported = hospital.mapped(
        """[[imaging]]
file = "images.csv"
columns = { patient_id = "MRN", date = "DT", modality = { constant = "mri" }, level = "L" }
"""
    )
    assert sorted(row["level"] for row in rows(imported, "imaging")) == ["C4-7", "C5-6"]


def test_a_word_where_joints_stand_might_be_a_name_and_lands_nowhere(hospital: Hospital) -> None:
    hospital.write("procedures.csv", 'id,MRN,DT,CODE,L\n1,100231,2023-05-17,22551,"lumbar"\n')
    with pytest.raises(SubmissionRefused, match=r"procedures\.levels: free_text, 1 row"):
        hospital.mapped(**{'code = "CODE"': 'code = "CODE"\nlevels = "L"'})


def test_icd_9_counts_while_it_was_valid(hospital: Hospital) -> None:
    hospital.write("procedures.csv", "id,MRN,DT,CODE\n1,100231,2014-05-17,81.02\n2,100232,2023-05-17,81.02\n")
    imported = hospital.mapped(CPT="ICD-9-PCS")
    assert left_out(imported) == {("patients", "no_index_fusion"): 1, ("procedures", "patient_left_out"): 1}


def test_an_add_on_alone_is_no_index_fusion(hospital: Hospital) -> None:
    hospital.write("procedures.csv", f"{PROCEDURES}3,100231,2022-05-17,22552\n")
    assert sorted(row["day"] for row in rows(hospital.mapped(), "procedures")) == ["-365", "0", "0"]


@pytest.mark.parametrize("code", [9, 99, 999, -1])
def test_sentinels_are_missing_where_the_mapping_says_so(hospital: Hospital, code: int) -> None:
    hospital.write("proms.csv", f"MRN,DT,nrs\n100231,2023-08-01,{code}\n100231,2023-08-02,{code}.0\n")
    imported = hospital.mapped(f'{FOLLOW_UPS}neck_pain_nrs = {{ from = "nrs", missing = {code} }}')
    assert [row["neck_pain_nrs"] for row in rows(imported, "follow_ups")] == ["", ""]
    assert not imported.left_out


def test_a_word_that_values_name_is_not_missing_there(hospital: Hospital) -> None:
    hospital.write("patients.csv", "MRN,DOB,Sex\n100231,1961-05-03,9.0\n100232,1930-01-01, None \n")
    changed = {'sex = "Sex"': 'sex = { from = "Sex", values = { 9 = "unknown", none = "other" } }'}
    imported = hospital.mapped(options="missing = 9", **changed)
    assert {row["sex"] for row in rows(imported, "patients")} == {"unknown", "other"}


def test_scales_are_turned_moved_and_scaled(hospital: Hospital) -> None:
    hospital.write("proms.csv", 'MRN,DT,vas,comfort,item\n100231,2023-08-01,"73,5",8,6\n100231,2023-08-02,100,0,x\n')
    imported = hospital.mapped(
        FOLLOW_UPS
        + 'neck_pain_nrs = { from = "vas", scale = 0.1 }\n'
        + 'arm_pain_nrs = { from = "comfort", reverse = 10 }\n'
        + 'ndi_item_1 = { from = "item", offset = -1 }\n'
    )
    found = [(row["neck_pain_nrs"], row["arm_pain_nrs"], row["ndi_item_1"]) for row in rows(imported, "follow_ups")]
    assert found == [("7.35", "2", "5"), ("10", "10", "")]
    assert left_out(imported) == {("ndi_item_1", "unreadable"): 1}


def test_a_number_too_great_to_be_reckoned_with_costs_its_cell_alone(hospital: Hospital) -> None:
    hospital.write("proms.csv", "MRN,DT,vas\n100231,2023-08-01,20230801123000\n100231,2023-08-02,99999999\n")
    more = 'neck_pain_nrs = { from = "vas", scale = 0.1 }'
    imported = hospital.mapped(FOLLOW_UPS + more)
    assert [row["neck_pain_nrs"] for row in rows(imported, "follow_ups")] == ["", ""]
    assert left_out(imported) == {("neck_pain_nrs", "unreadable"): 2}


def test_a_number_with_an_underscore_is_none(hospital: Hospital) -> None:
    hospital.write("proms.csv", "MRN,DT,vas\n100231,2023-08-01,1_0\n")
    imported = hospital.mapped(f'{FOLLOW_UPS}neck_pain_nrs = {{ from = "vas", scale = 0.1 }}')
    assert [row["neck_pain_nrs"] for row in rows(imported, "follow_ups")] == [""]
    assert left_out(imported) == {("neck_pain_nrs", "unreadable"): 1}
    unscaled = hospital.tried(f'{FOLLOW_UPS}neck_pain_nrs = "vas"')
    assert [rule.rows_failed for rule in unscaled.rules if rule.rule == "follow_ups.type"] == [1]


def test_a_word_that_the_values_do_not_name_is_counted_and_not_delivered(hospital: Hospital) -> None:
    imported = hospital.mapped(**{'sex = "Sex"': 'sex = { from = "Sex", values = { f = "female" } }'})
    assert sorted(row["sex"] for row in rows(imported, "patients")) == ["", "female"]
    assert left_out(imported) == {("sex", "unreadable"): 1}


def test_wide_visits_become_rows_and_those_not_held_are_counted(hospital: Hospital) -> None:
    hospital.write("proms.csv", "MRN,date_bl,ndi_bl,date_3m,ndi_3m\n100231,2023-05-01,44,2023-08-20,20\n100232,,,,18\n")
    wide = FOLLOW_UPS.replace('"DT"', '"date_{}"').replace(
        "[follow_ups.columns]", 'for_each = ["bl", "3m"]\n[follow_ups.columns]'
    )
    imported = hospital.mapped(f'{wide}ndi_total = "ndi_{{}}"\nndi_unit = {{ constant = "percent" }}')
    assert [(row["day"], row["ndi_total"]) for row in rows(imported, "follow_ups")] == [("-16", "44"), ("95", "20")]
    assert left_out(imported) == {("follow_ups", "not_held"): 1, ("follow_ups", "no_date"): 1}


def test_rows_are_chosen_by_where(hospital: Hospital) -> None:
    lines = ["1,100231,2023-05-17,22551,Done ", "2,100232,2023-06-17,22551,DONE", "3,100231,2020-05-17,22551,planned"]
    hospital.write("procedures.csv", "\n".join(["id,MRN,DT,CODE,st", *lines]))
    where = 'file = "procedures.csv"\nwhere = [{ column = "st", is = ["done"] }]'
    imported = hospital.mapped(**{'file = "procedures.csv"': where})
    assert left_out(imported) == {("procedures", "left_out_by_where"): 1}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_encodings_and_separators_are_found(hospital: Hospital, encoding: str, separator: str) -> None:
    lines = [
        "sep=,",
        "MRN,DOB,Sex,Straße",
        ",,,",
        '100231,1961-05-03,F,"Am Bühl',
        '(""Hof"")"',
        "100232,1930-01-01,M,ß",
    ]
    text = "\r\n".join(lines)
    hospital.write("patients.csv", text.replace(",", separator), encoding)
    assert len(rows(hospital.mapped(), "patients")) == 2


def test_blank_lines_above_the_header_and_headers_in_any_case(hospital: Hospital) -> None:
    hospital.write("patients.csv", f",,\n\n{PATIENTS.replace('MRN', ' mrn ')},,\n")
    assert len(rows(hospital.mapped(), "patients")) == 2


def test_a_very_long_cell_is_read(hospital: Hospital) -> None:
    hospital.write(
        "patients.csv", PATIENTS.replace("Sex", "Sex,note").replace(",F", f",F,{'x' * 5_000_000}").replace(",M", ",M,")
    )
    assert len(rows(hospital.mapped(), "patients")) == 2


def test_a_file_greater_than_the_memory_is_read_as_a_stream(hospital: Hospital) -> None:
    text = "x" * 1_000
    seen = (f"s{row},9{row % 50_000:05},2023-05-17,99213,{text}\n" for row in range(150_000))
    with (hospital.folder / "procedures.csv").open("w", encoding="utf-8") as lines:
        lines.write("id,MRN,DT,CODE,NOTE\n1,100231,2023-05-17,22551,\n")
        lines.writelines(seen)
    hospital.settings = hospital.settings.model_copy(update={"memory_limit": "100MB"})
    imported = hospital.mapped()
    assert len(rows(imported, "procedures")) == 1
    assert left_out(imported) == {("patients", "no_index_fusion"): 1, ("procedures", "unknown_patient"): 150_000}


def test_suffixes_may_be_in_capitals(hospital: Hospital) -> None:
    (hospital.folder / "patients.csv").rename(hospital.folder / "PATIENTS.CSV")
    (hospital.folder / "PROCEDURES.CSV.GZ").write_bytes(gzip.compress(PROCEDURES.encode()))
    parquet.write_table(pa.table({"MRN": ["100231"], "DT": ["2023-08-01"]}), hospital.folder / "PROMS.PARQUET")
    book = pytest.importorskip("openpyxl").Workbook()
    for row in (["MRN", "DT"], ["100231", "2023-08-02"]):
        book.active.append(row)
    book.save(hospital.folder / "PROMS.XLSX")
    visits = FOLLOW_UPS.replace('"proms.csv"', '["PROMS.PARQUET", "PROMS.XLSX"]')
    imported = hospital.mapped(
        visits, **{'"patients.csv"': '"PATIENTS.CSV"', '"procedures.csv"': '"PROCEDURES.CSV.GZ"'}
    )
    assert sorted(row["day"] for row in rows(imported, "follow_ups")) == ["76", "77"]
    assert len(rows(imported, "procedures")) == 2


def test_packed_files_and_parquet_with_nan_and_real_dates(hospital: Hospital) -> None:
    (hospital.folder / "procedures.csv.gz").write_bytes(gzip.compress(PROCEDURES.encode()))
    columns = {
        "MRN": pa.array([100231, 100231, 100232]),
        "DT": pa.array(["2023-08-01", "2023-08-02", None]).cast(pa.date32()),
        "nrs": pa.array([float("nan"), 7.0, 1.5]),
        'note "old", x': pa.array([None, "y", None]),
    }
    parquet.write_table(pa.table(columns), hospital.folder / "proms.parquet")
    more = FOLLOW_UPS.replace("proms.csv", "proms.parquet") + 'neck_pain_nrs = "nrs"'
    imported = hospital.mapped(more, **{'"procedures.csv"': '"procedures.csv.gz"'})
    assert [(row["day"], row["neck_pain_nrs"]) for row in rows(imported, "follow_ups")] == [("76", ""), ("77", "7")]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("MR N,DOB,Sex\n1,2,3\n", "patients.csv: no column MRN; perhaps MR N"),
        ("MRN:DOB:Sex\n1:2:3\n", "patients.csv: no column MRN; it has one column: is the separator another"),
        (
            "Export 2025,,\n\nMRN,DOB,Sex\n1,2,3\n",
            "patients.csv: no column MRN; most of its header is blank: does a title stand above it?",
        ),
        ("MRN,DOB,Sex,MRN\n1,2,3,4\n", "patients.csv: 2 columns MRN"),
        ("MRN,DOB,Sex\n100231,1961-05-03,F\n100232,1930-01-01,M,x\n", "patients.csv, line 3: 4 cells where the header"),
        (
            "MRN,DOB,Sex\n100231,1961-05-03,F\n1 row selected.\n",
            "patients.csv, line 3: 1 cells where the header has 3; is it",
        ),
        ('MRN,DOB,Sex\n100231,1961-05-03,"F\n100232,1930-01-01,M\n', "patients.csv, line 2: a quote is opened"),
        ("MRN,DOB,Sex\r\n100231,1961-05-03,F\n100232,1930-01-01,M\n", "patients.csv: do its lines end in different"),
        ("", "patients.csv: it is empty"),
    ],
)
def test_a_file_that_cannot_be_read_says_the_likely_cause(hospital: Hospital, text: str, where: str) -> None:
    hospital.write("patients.csv", text)
    found = hospital.refusal()
    assert found.startswith(where)
    assert "100232" not in found


def test_a_line_that_is_too_long_and_bytes_of_no_encoding_say_the_likely_cause(hospital: Hospital) -> None:
    hospital.write("patients.csv", PATIENTS.replace("F", "F" * (2**23 + 1)))
    assert hospital.refusal().endswith("a line is longer than 8 MiB; is a quote never closed?")
    (hospital.folder / "patients.csv").write_bytes(PATIENTS.encode() + b"\x81\x8d\x8f")
    unreadable = "patients.csv: it is text in neither UTF-8, UTF-16 nor Windows-1252, or has NUL characters"
    assert hospital.refusal() == unreadable
    hospital.write("patients.csv", PATIENTS.replace("F", "\0"))
    assert hospital.refusal() == unreadable


def test_a_missing_file_and_a_folder_in_its_place_are_named(hospital: Hospital) -> None:
    assert hospital.refusal(FOLLOW_UPS) == "there is no file proms.csv in the folder"
    (hospital.folder / "proms.csv").mkdir()
    assert hospital.refusal(FOLLOW_UPS) == "there is no file proms.csv in the folder"


def test_a_file_of_nearly_the_name_is_named(hospital: Hospital) -> None:
    (hospital.folder / "patients.csv").rename(hospital.folder / "Patients.CSV")
    assert hospital.refusal() == "there is no file patients.csv in the folder; perhaps Patients.CSV"


def test_a_dump_without_any_fusion_says_where_to_look(hospital: Hospital) -> None:
    hospital.write("procedures.csv", "id,MRN,DT,CODE\n1,100231,2023-05-17,99213\n")
    assert hospital.refusal().startswith("no patient has an index fusion: see code_system")


@pytest.mark.parametrize(
    ("patients", "cause"),
    [
        ("MRN,DOB,Sex\n", "there is no patient: see patient_id"),
        ("MRN,DOB,Sex\nNA,1961-05-03,F\n", "there is no patient: see patient_id"),
        ("MRN,DOB,Sex\nA-100231,1961-05-03,F\n", "no procedure is of one of the patients: is patient_id written"),
    ],
)
def test_a_dump_of_which_nobody_is_left_says_why(hospital: Hospital, patients: str, cause: str) -> None:
    hospital.write("patients.csv", patients)
    assert hospital.refusal().startswith(cause)


def test_keys_that_became_decimals_are_the_same_keys(hospital: Hospital) -> None:
    hospital.write("procedures.csv", PROCEDURES.replace("100231", "100231.0"))
    assert not hospital.mapped().left_out


def test_an_older_workbook_is_named(hospital: Hospital) -> None:
    (hospital.folder / "proms.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1")
    more = FOLLOW_UPS.replace("proms.csv", "proms.xls")
    assert hospital.refusal(more) == "proms.xls: it is no text; save it as .xlsx, or as CSV"


def many(hospital: Hospital, patients: int = 15) -> None:
    """Patients enough that a word which all share may be shown."""
    numbers = range(200_001, 200_001 + patients)
    born = [f"{number},1961-05-03,Divers,{number}@example.org" for number in numbers]
    hospital.write("patients.csv", "\n".join(["MRN,DOB,Sex,Mail", *born, "300001,1970-01-01,Rare,x", ""]))
    done = [f"{number},{number},2023-05-17,22551" for number in (*numbers, 300_001)]
    seen = [f"x{number},{number},2023-05-18,99213" for number in numbers]
    hospital.write("procedures.csv", "\n".join(["id,MRN,DT,CODE", *done, *seen, ""]))
    dates = [f"{number},18/05/2023" for number in numbers]
    hospital.write("proms.csv", "\n".join(["MRN,DT", *dates, ""]))


SEX = {'sex = "Sex"': 'sex = { from = "Sex", values = { f = "female" } }'}


def test_a_dry_run_tells_what_is_not_mapped_and_no_value_of_a_record(hospital: Hospital) -> None:
    many(hospital)
    tried = hospital.tried(FOLLOW_UPS, **SEX)
    assert tried.not_mapped == (
        NotMapped("follow_ups", "date", "99/99/9999", 15, 15),
        NotMapped("patients", "sex", "Divers", 15, 15),
        NotMapped("patients.csv", "Mail"),
        NotMapped("patients", "sex", None, 1),
    )
    assert tried.not_listed == (NotMapped("procedures", "code", "CPT 99213", 15, 15),)
    assert tried.tables["patients"] == (16, ("patient_id", "age_years", "index_period", "data_cut_day"))
    assert tried.tables["follow_ups"] == (0, ())
    assert {len(example.rows) for example in tried.examples} == {5}
    assert tried.refusal is None
    assert "20000" not in repr(tried)


def test_a_dry_run_shows_the_fifty_most_frequent_codes(hospital: Hospital) -> None:
    seen = [f"{code}-{row},100231,2023-05-18,{code}" for code in range(99201, 99261) for row in range(code - 99200)]
    hospital.write("procedures.csv", "\n".join([PROCEDURES.strip(), *seen, ""]))
    hospital.settings = hospital.settings.model_copy(update={"minimum_cell_count": 1})
    *shown, others = hospital.tried().not_listed
    assert [(one.word, one.rows) for one in shown] == [
        (f"CPT {code}", code - 99200) for code in range(99260, 99210, -1)
    ]
    assert others == NotMapped("procedures", "code", None, 55, words=10)


def test_words_beyond_the_thousandth_and_columns_beyond_the_fiftieth_are_counted(hospital: Hospital) -> None:
    born = [f"{300_000 + row},1970-05-02,x{row}{',' * 60}" for row in range(1_200)]
    header = ",".join(["MRN,DOB,Sex", *(f"more_{place}" for place in range(60))])
    hospital.write("patients.csv", "\n".join([header, "100231,1961-05-02,F" + "," * 60, *born, ""]))
    *columns, words, others = hospital.tried(**SEX).not_mapped
    assert len(columns) == 50
    assert {one.is_column for one in columns} == {True}
    assert others == NotMapped("patients.csv", "", words=10)
    assert words == NotMapped("patients", "sex", None, 1_200, words=1_200)


def test_a_dry_run_leaves_nothing_behind(hospital: Hospital) -> None:
    many(hospital)
    hospital.tried(FOLLOW_UPS)
    assert not hospital.settings.home.exists()


def test_a_dry_run_tells_why_the_submission_would_be_refused(hospital: Hospital) -> None:
    hospital.write("procedures.csv", PROCEDURES.replace("22551", "mrn 4711 22551") + "9,100231,2023-05-17,22551\n")
    tried = hospital.tried()
    assert tried.refusal
    assert tried.refusal.code == "identifier_found"
    assert "4711" not in str(tried.refusal)


def test_a_dry_run_names_rules_that_rows_break(hospital: Hospital) -> None:
    many(hospital)
    tried = hospital.tried()
    assert [(rule.source_table, rule.rows_failed) for rule in tried.rules if rule.severity == "warning"][:1] == [
        ("patients", 16)
    ]


def test_a_dry_run_tells_of_one_key_in_rows_that_differ(hospital: Hospital) -> None:
    hospital.write("procedures.csv", f"{PROCEDURES}1,100231,2023-05-19,22551\n2,100232,2023-06-17,22551\n")
    hospital.write("stays.csv", "case,MRN,DT\n1,100231,2023-05-17\n1,100231,2023-05-18\n1,100231,2023-05-18\n")
    stays = FOLLOW_UPS.replace("follow_ups", "encounters").replace("proms", "stays").replace("date =", "start_date =")
    tried = hospital.tried(f'{stays}encounter_id = "case"')
    assert [hint.partition(";")[0] for hint in tried.hints] == [
        "1 procedure_id stand in several rows of procedures that differ"
    ]
    assert [rule.rows_failed for rule in tried.rules if rule.rule == "ENC-002"] == [2]
    assert LeftOut("encounters", "repeated", 1) in tried.left_out


def test_a_dry_run_tells_of_keys_that_are_spelled_otherwise(hospital: Hospital) -> None:
    hospital.write("patients.csv", PATIENTS.replace("100232", "0100232") + "n/a,1970-01-01,F\n")
    hospital.write(
        "procedures.csv", PROCEDURES + "3,100-232,2023-06-18,22845\n4,77,2023-06-18,22845\n5,0,2023-06-18,1\n"
    )
    assert hospital.tried().hints == (
        "2 rows of procedures are of patients whose keys are written otherwise among the patients, as with leading "
        "zeros: export them alike",
    )


def test_a_dry_run_tells_of_modifiers_joined_to_codes(hospital: Hospital) -> None:
    more = "3,100232,2023-06-17,22551;62\n4,100232,2023-06-17,22551 AS\n5,100232,2023-06-17,E0748-NU\n"
    hospital.write("procedures.csv", PROCEDURES + more + "6,100232,2023-06-17,0RG10A0\n7,100232,2023-06-17,81.02\n")
    assert hospital.tried().hints == (
        "3 codes of procedures end with a modifier, as in 22551-59: export code and modifier apart",
    )


def test_a_dry_run_hints_at_answers_taken_for_something_else(hospital: Hospital) -> None:
    hospital.write("proms.csv", "MRN,DT,vas\n100231,2023-08-01,70\n100231,2023-08-02,12\n")
    hints = hospital.tried(f'{FOLLOW_UPS}neck_pain_nrs = "vas"').hints
    assert hints == ("neck_pain_nrs is above 10 at 2 of 2 visits: is it of 0 to 100? Then scale = 0.1",)


EQ5D = "".join(f'eq5d_{item} = "q{item}"\n' for item in range(1, 6))
NDI = "".join(f'ndi_item_{item} = "q{item}"\n' for item in range(1, 6))
REVERSED = (
    'neck_pain_nrs = "q1"\nndi_total = { from = "q1", reverse = 10, scale = 5 }\nndi_unit = { constant = "points" }'
)


@pytest.mark.parametrize(
    ("answers", "lowest", "highest", "hint"),
    [
        (EQ5D, 1, 3, "is it the EQ-5D-3L?"),
        (NDI, 1, 6, "stored from 1 to 6?"),
        (REVERSED, 0, 10, "one of them reversed?"),
    ],
    ids=["EQ-5D-3L as 5L", "NDI from 1", "reversed"],
)
def test_a_dry_run_tells_one_instrument_taken_for_another(
    hospital: Hospital, answers: str, lowest: int, highest: int, hint: str
) -> None:
    first = datetime.date(2023, 6, 1)
    visits = [
        ["100231", str(first + datetime.timedelta(days=number)), *[str(number % (highest - lowest + 1) + lowest)] * 5]
        for number in range(60)
    ]
    hospital.write("proms.csv", "\n".join(map(",".join, [["MRN", "DT", *["q1", "q2", "q3", "q4", "q5"]], *visits])))
    (found,) = hospital.tried(FOLLOW_UPS + answers).hints
    assert hint in found


def test_a_dry_run_of_a_dump_without_fusions_still_counts(hospital: Hospital) -> None:
    hospital.write("procedures.csv", "id,MRN,DT,CODE\n1,100231,2023-05-17,99213\n")
    tried = hospital.tried()
    assert tried.refusal
    assert tried.refusal.code == "source_malformed"
    assert LeftOut("patients", "no_index_fusion", 2) in tried.left_out


def test_a_dry_run_without_fusions_names_the_codes_that_no_list_reads(hospital: Hospital) -> None:
    many(hospital)
    text = (hospital.folder / "procedures.csv").read_text(encoding="utf-8")
    hospital.write("procedures.csv", text.replace(",22551", ",CPT 22551"))
    assert NotMapped("procedures", "code", "CPT CPT 22551", 16, 16) in hospital.tried().not_listed


def test_the_command_says_what_it_did(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    many(hospital)
    monkeypatch.setenv("OUTCOMES_HOME", str(hospital.settings.home))
    mapping = hospital.folder.parent / "map.toml"
    mapping.write_text(MAPPING.format(options="", more=""), encoding="utf-8")
    asked = ["import", "table", str(hospital.folder), "--site", "north", "--period", "2025-06"]
    command = [*asked, "--mapping", str(mapping)]
    tried = CliRunner().invoke(app, [*command, "--dry-run"])
    assert tried.exit_code == 0
    assert "it would be accepted" in tried.output
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0
    assert "submission: " in done.output
    assert CliRunner().invoke(app, asked).exit_code == 2
    assert CliRunner().invoke(app, ["import", "tables", *asked[2:]]).exit_code == 2


def test_two_imports_at_once_give_a_patient_one_key(hospital: Hospital) -> None:
    mapping = hospital.folder.parent / "map.toml"
    mapping.write_text(MAPPING.format(options="", more=""), encoding="utf-8")
    said = [
        "--home",
        hospital.settings.home,
        "import",
        "table",
        hospital.folder,
        "--site",
        "north",
        "--mapping",
        mapping,
    ]
    command = [
        sys.executable,
        "-c",
        "from outcomes.cli import main; main()",
        *map(str, said),
        "--site",
        "north",
        "--period",
    ]
    running = [subprocess.Popen([*command, month], stdout=subprocess.DEVNULL) for month in ("2025-05", "2025-06")]
    assert [process.wait() for process in running] == [0, 0]
    months = [(folder / "patients.csv").read_text("utf-8") for folder in hospital.settings.landing.glob("north/*")]
    keys = [sorted(row["patient_id"] for row in csv.DictReader(io.StringIO(text))) for text in months]
    assert len(keys) == 2
    assert keys[0] == keys[1]


def test_what_a_killed_import_left_goes_with_the_next_and_what_is_in_use_stays(hospital: Hospital) -> None:
    left, used, young = (hospital.settings.scratch / f"import-{name}" for name in ("left", "used", "young"))
    for folder in (left, used, young):
        folder.mkdir(parents=True)
        (folder / "patients.csv").write_text(PATIENTS, encoding="utf-8")
        os.utime(folder, (0, 0) if folder != young else None)
    with held(used):
        assert [finding.level for finding in examine(hospital.settings) if finding.check == "leftovers"] == ["warning"]
        hospital.mapped()
    assert sorted(hospital.settings.scratch.iterdir()) == [used, young]


def test_the_landing_folder_may_lie_on_another_disk(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def within_a_disk(path: Path, to: Path) -> Path:
        if path.is_relative_to(hospital.settings.scratch) and to.is_relative_to(hospital.settings.landing):
            raise OSError(errno.EXDEV, "another disk")
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", within_a_disk)
    imported = hospital.mapped()
    assert len(rows(imported, "patients")) == 2
    assert (imported.folder / "manifest.json").is_file()
    assert [path.name for path in imported.folder.parent.iterdir()] == ["2025-06"]


def test_excel_files_with_blank_rows_real_dates_and_errors(hospital: Hospital) -> None:
    book = pytest.importorskip("openpyxl").Workbook()
    book.active.append(["nothing here"])
    sheet = book.create_sheet("PROMs")
    sheet.append([None, None, None])
    sheet.append(["MRN", "DT", "nrs"])
    sheet.append([100231, datetime.datetime(2023, 8, 1, 9, 30), 7.0])
    sheet.append([None, "  ", None])
    sheet.append(["100231", datetime.date(2023, 8, 2), "#N/A"])
    book.save(hospital.folder / "proms.xlsx")
    named = FOLLOW_UPS.replace('"proms.csv"', '"proms.xlsx"\nsheet = "PROMs"') + 'neck_pain_nrs = "nrs"'
    found = rows(hospital.mapped(named), "follow_ups")
    assert [(row["day"], row["neck_pain_nrs"]) for row in found] == [("76", "7"), ("77", "")]


def test_a_sheet_that_is_not_there_and_a_broken_workbook_are_named(hospital: Hospital) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    named = FOLLOW_UPS.replace('"proms.csv"', '"proms.xlsx"\nsheet = "PROMs"')
    openpyxl.Workbook().save(hospital.folder / "proms.xlsx")
    assert hospital.refusal(named) == "proms.xlsx: no sheet PROMs"
    assert hospital.refusal(named.replace('sheet = "PROMs"', "")) == "proms.xlsx: it is empty"
    (hospital.folder / "proms.xlsx").write_bytes(b"MRN,DT")
    assert hospital.refusal(named) == "proms.xlsx: it is damaged, or of another format"
    with zipfile.ZipFile(hospital.folder / "proms.xlsx", "w") as packed:
        packed.writestr("proms.csv", "MRN,DT")
    assert hospital.refusal(named) == "proms.xlsx: it is damaged, or of another format"


def test_what_intake_would_refuse_does_not_land(hospital: Hospital) -> None:
    hospital.write(
        "procedures.csv", PROCEDURES.replace("DT,CODE", "DT,CODE,MOD").replace("22551\n", "22551,MRN 447102\n")
    )
    with pytest.raises(SubmissionRefused, match="identifier_found") as refused:
        hospital.mapped('modifier = "MOD"')
    assert "447102" not in str(refused.value)
    assert not hospital.settings.landing.exists()


def test_a_month_of_the_future_is_none(hospital: Hospital) -> None:
    with pytest.raises(OutcomesError, match=r"period_malformed: .*future"):
        import_extract(hospital.settings, hospital.source("", "", {}), "north", "2099-01")
