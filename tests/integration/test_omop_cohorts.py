"""The labels of a release as cohorts of the OMOP CDM."""

import csv
import datetime
import stat
from pathlib import Path

import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from outcomes.cli import app
from outcomes.errors import MISTAKES
from outcomes.release.omop_cohorts import EPOCH, cohort_number, export_cohorts
from outcomes.release.open import connect
from outcomes.settings import Settings
from outcomes.sql.catalog.labels import label_definitions


@pytest.fixture
def settings(small_release: Settings) -> Settings:
    return small_release


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _subjects(keys: Path) -> dict[tuple[str, str], str]:
    return {(row["site_id"], row["patient_id"]): row["subject_id"] for row in _rows(keys)}


def test_each_yes_and_each_no_is_a_row_in_days_from_the_epoch(settings: Settings, tmp_path: Path) -> None:
    folder, keys = tmp_path / "cohorts", tmp_path / "subjects.csv"
    exported = export_cohorts(settings, folder, keys)
    subjects = _subjects(keys)
    with connect(settings=settings) as con:
        answers = con.execute(
            "select site_id, patient_id, label, status, if(status = 'yes', onset_day, 0), observed_days "
            "from labels inner join episodes using (site_id, patient_id) where status in ('yes', 'no')"
        ).fetchall()
        episodes = con.execute("select count(*) from episodes").fetchall()[0][0]
    expected = {
        (
            str(cohort_number(label, status)),
            subjects[site, patient],
            str(EPOCH + datetime.timedelta(days=first)),
            str(EPOCH + datetime.timedelta(days=max(first, last))),
        )
        for site, patient, label, status, first, last in answers
    }
    rows = [tuple(row.values()) for row in _rows(folder / "cohort.csv")]
    assert {row for row in rows if row[0] != "1"} == expected
    assert len(rows) == exported.rows == len(expected) + episodes
    defined = {row["cohort_definition_id"] for row in _rows(folder / "cohort_definition.csv")}
    assert {row[0] for row in rows} <= defined
    assert len(defined) == exported.definitions
    assert (folder / "cohort_definition.csv").read_text(encoding="utf-8").splitlines()[0].replace('"', "").split(
        ","
    ) == [
        "cohort_definition_id",
        "cohort_definition_name",
        "cohort_definition_description",
        "definition_type_concept_id",
        "cohort_definition_syntax",
        "subject_concept_id",
        "cohort_initiation_date",
    ]
    assert not exported.is_dated
    assert {stat.S_IMODE(path.stat().st_mode) for path in (keys, *folder.iterdir())} == {0o600}


def test_a_subject_keeps_the_number_and_real_dates_come_from_the_key_file(settings: Settings, tmp_path: Path) -> None:
    keys = tmp_path / "subjects.csv"
    export_cohorts(settings, tmp_path / "first", keys)
    before = _rows(keys)
    first, second = before[0], before[1]
    with keys.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, first)
        writer.writeheader()
        writer.writerows([first | {"index_date": "2024-01-15"}, second])
    exported = export_cohorts(settings, tmp_path / "second", keys, as_parquet=True)
    assert _subjects(keys)[second["site_id"], second["patient_id"]] == second["subject_id"]
    assert (exported.is_dated, exported.subjects, exported.without_date) == (True, 1, len(before) - 1)
    cohort = parquet.read_table(tmp_path / "second" / "cohort.parquet").to_pylist()
    whole = [row for row in cohort if row["cohort_definition_id"] == 1]
    assert [(row["subject_id"], row["cohort_start_date"]) for row in whole] == [
        (int(first["subject_id"]), datetime.date(2024, 1, 15))
    ]


def test_the_number_of_a_person_may_be_any_and_no_date_need_be_known(settings: Settings, tmp_path: Path) -> None:
    keys = tmp_path / "subjects.csv"
    export_cohorts(settings, tmp_path / "first", keys)
    patient = _rows(keys)[0]
    line = f"{patient['site_id']},{patient['patient_id']},9007199254740993"
    keys.write_text(f"\ufeffsite_id,patient_id,subject_id\n{line}\n", encoding="utf-8")
    exported = export_cohorts(settings, tmp_path / "second", keys)
    assert not exported.is_dated
    assert _subjects(keys)[patient["site_id"], patient["patient_id"]] == "9007199254740993"
    assert "9007199254740993" in {row["subject_id"] for row in _rows(tmp_path / "second" / "cohort.csv")}


def test_no_two_labels_have_one_number() -> None:
    numbers = {cohort_number(label.name, answer) for label in label_definitions() for answer in ("yes", "no")}
    assert len(numbers) == 2 * len(label_definitions())
    assert max(numbers) < 2**31
    assert min(numbers) > 1


@pytest.mark.parametrize(
    "line",
    [
        "north,p1,none,",
        "north,p1,0,",
        "north,p1,1_0,",
        "north,p1,5,05/17/2023",
        "north,p1,5,2023-02-30",
        "north,p1,5,infinity",
        "north,p1,5,\nsouth,p2,5,",
        "north,p1,5,\nnorth,p1,6,",
        "north,,5,",
        "north,p1,5",
    ],
)
def test_a_key_file_that_cannot_be_read_changes_nothing(line: str, settings: Settings, tmp_path: Path) -> None:
    keys = tmp_path / "subjects.csv"
    text = f"site_id,patient_id,subject_id,index_date\n{line}\n"
    keys.write_text(text, encoding="utf-8")
    arguments = ["--home", str(settings.home), "export", "omop", str(tmp_path / "cohorts"), "--keys", str(keys)]
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == MISTAKES["subjects_malformed"].exit_status
    assert keys.read_text(encoding="utf-8") == text
    assert not (tmp_path / "cohorts").exists()


def test_the_key_file_is_not_written_beside_the_cohorts(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "cohorts"
    arguments = ["--home", str(settings.home), "export", "omop", str(folder), "--keys", str(folder / "subjects.csv")]
    assert CliRunner().invoke(app, arguments).exit_code == 2
    assert not folder.exists()
