"""What a new site gets, and how it checks a submission by itself before it sends it."""

import datetime
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from outcomes.cli import app
from outcomes.errors import MISTAKES
from outcomes.intake.check_report import report_html
from outcomes.intake.checking import check_submission
from outcomes.intake.shapes import SHAPES
from outcomes.intake.submission import ingest_submission
from outcomes.settings import Settings
from outcomes.site_files import site_names
from outcomes.synthetic import synthesize
from tests.support.submissions import drawn, fusion, patient, restate, write_submission

PERIOD = "2025-05"
TWO = {"patients": [patient("p000001"), patient("p000002")], "procedures": [fusion("p000001"), fusion("p000002")]}


def run(home: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["--home", str(home), *arguments])


def test_a_sound_submission_would_be_accepted(tmp_path: Path) -> None:
    folder = write_submission(Settings(home=tmp_path), "north", PERIOD, TWO)
    before = sorted(tmp_path.rglob("*"))
    report = tmp_path / "report.html"
    result = run(tmp_path, "check", str(folder), "--report", str(report))
    assert result.exit_code == 0, result.output
    assert "north/2025-05 would be accepted" in result.stdout
    assert "It would be accepted: 4 of 4 rows." in report.read_text(encoding="utf-8")
    assert report.stat().st_mode & 0o077 == 0
    assert sorted(tmp_path.rglob("*")) == sorted([*before, report])


def test_a_broken_rule_is_told_by_row_number_and_never_by_value(tmp_path: Path) -> None:
    rows = [patient(drawn(number), sex="qqqq" if number in (3, 7) else "female") for number in range(1, 31)]
    tables = {"patients": rows, "procedures": [fusion(row["patient_id"]) for row in rows]}
    settings = Settings(home=tmp_path)
    checked = check_submission(settings, write_submission(settings, "north", PERIOD, tables))
    assert checked.refusal is None
    assert [(rule.rule, rule.rows_failed) for rule in checked.rules if rule.rule == "PAT-004"] == [("PAT-004", 2)]
    assert (checked.first_rows or {})["PAT-004"] == (4, 8)
    page = report_html(checked)
    assert "<td>4, 8</td>" in page
    assert "qqqq" not in page
    assert "p000003" not in page


def test_blank_rows_of_the_file_count_in_row_numbers(tmp_path: Path) -> None:
    rows = [patient(drawn(number), sex="qqqq" if number in (3, 7) else "female") for number in range(1, 31)]
    tables = {"patients": rows, "procedures": [fusion(row["patient_id"]) for row in rows]}
    settings = Settings(home=tmp_path)
    folder = write_submission(settings, "north", PERIOD, tables)
    header, *lines = (folder / "patients.csv").read_text(encoding="utf-8").splitlines()
    spaced = [",,", header, *lines[:5], "", *lines[5:]]
    (folder / "patients.csv").write_text("\n".join(spaced), encoding="utf-8")
    restate(folder)
    assert (check_submission(settings, folder).first_rows or {})["PAT-004"] == (5, 10)


def test_an_identifier_is_told_by_its_shape_alone(tmp_path: Path) -> None:
    tables = {"patients": [patient("MRN 448812")], "procedures": [fusion("MRN 448812")]}
    folder = write_submission(Settings(home=tmp_path), "north", PERIOD, tables)
    report = tmp_path / "report.html"
    result = run(tmp_path, "check", str(folder), "--report", str(report))
    page = report.read_text(encoding="utf-8")
    assert result.exit_code == MISTAKES["identifier_found"].exit_status
    assert f"record_number: {SHAPES['record_number']}" in page
    assert "448812" not in page + result.output


@pytest.mark.parametrize(("manifest", "code"), [(None, "manifest_missing"), ("{", "manifest_malformed")])
def test_a_folder_that_is_no_submission_yet(tmp_path: Path, manifest: str | None, code: str) -> None:
    folder = write_submission(Settings(home=tmp_path), "north", PERIOD, TWO)
    (folder / "manifest.json").unlink()
    if manifest:
        (folder / "manifest.json").write_text(manifest, encoding="utf-8")
    report = tmp_path / "report.html"
    result = run(tmp_path, "check", str(folder), "--report", str(report))
    assert result.exit_code == MISTAKES[code].exit_status
    assert code in report.read_text(encoding="utf-8")


def test_a_folder_in_the_place_of_the_manifest_is_named(tmp_path: Path) -> None:
    folder = write_submission(Settings(home=tmp_path), "north", PERIOD, TWO)
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").mkdir()
    report = tmp_path / "report.html"
    assert (
        run(tmp_path, "check", str(folder), "--report", str(report)).exit_code == MISTAKES["file_special"].exit_status
    )
    assert "file_special" in report.read_text(encoding="utf-8")


@pytest.mark.parametrize("report", ["none/report.html", "landing/north/2025-05/report.html", "landing"])
def test_a_report_that_cannot_stand_there_is_refused_first(tmp_path: Path, report: str) -> None:
    folder = write_submission(Settings(home=tmp_path), "north", PERIOD, TWO)
    before = sorted(tmp_path.rglob("*"))
    assert run(tmp_path, "check", str(folder), "--report", str(tmp_path / report)).exit_code == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_the_report_does_not_land_among_the_tables_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_submission(Settings(home=tmp_path), "north", PERIOD, TWO)
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    assert run(tmp_path, "check", ".").exit_code == 2
    assert sorted(folder.iterdir()) == before


def test_limits_are_those_of_the_settings(tmp_path: Path) -> None:
    rows = [patient(drawn(number)) for number in range(20)]
    tables = {"patients": [*rows, rows[0]], "procedures": [fusion(row["patient_id"]) for row in rows]}
    folder = write_submission(Settings(home=tmp_path), "north", PERIOD, tables)
    codes = [
        checked.refusal and checked.refusal.code
        for share in (0.01, 0.5)
        for checked in [check_submission(Settings(home=tmp_path, max_critical_share=share), folder)]
    ]
    assert codes == ["too_many_critical_rows", None]


def test_it_says_what_intake_says(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    synthesize(settings, patients=120, sites=2, months=1)
    firsts = [min((settings.landing / site).iterdir()) for site in ("alder", "birch")]
    for folder in firsts:
        checked = check_submission(settings, folder)
        record = ingest_submission(settings, folder.parent.name, folder.name)
        assert [(one.source_table, one.rows_accepted, one.rows_quarantined) for one in checked.tables] == [
            (one.source_table, one.rows_accepted, one.rows_quarantined) for one in record.tables
        ]
        assert checked.rules == tuple(rule for rule in record.rules if rule.rows_failed)


def test_a_new_site_gets_a_line_folders_a_mapping_and_a_checklist(tmp_path: Path) -> None:
    result = run(tmp_path, "init", "north", "--name", "North Clinic, Bergen")
    assert result.exit_code == 0, result.output
    assert site_names(tmp_path / "sites.csv") == {"north": "North Clinic, Bergen"}
    assert (tmp_path / "landing" / "north").is_dir()
    mapping, checklist = (tmp_path / "sites" / "north" / name for name in ("mapping.toml", "checklist.md"))
    assert "# [[procedures]]" in mapping.read_text(encoding="utf-8")
    commands = re.findall(r"^ +outcomes ([a-z]+)", checklist.read_text(encoding="utf-8"), flags=re.M)
    assert commands == ["mapping", "import", "import", "check"]

    mapping.write_text("mine", encoding="utf-8")
    again = run(tmp_path, "init", "north")
    assert "has the site already" in again.stdout
    assert mapping.read_text(encoding="utf-8") == "mine"
    assert site_names(tmp_path / "sites.csv") == {"north": "North Clinic, Bergen"}


def test_a_new_register_keeps_the_sites_that_have_landed(tmp_path: Path) -> None:
    write_submission(Settings(home=tmp_path), "south", PERIOD, TWO)
    assert run(tmp_path, "init", "north").exit_code == 0
    assert site_names(tmp_path / "sites.csv") == {"south": "south", "north": "north"}


def test_the_mapping_is_guessed_from_an_extract(tmp_path: Path) -> None:
    extract = tmp_path / "dump"
    extract.mkdir()
    (extract / "patients.csv").write_text("MRN,DOB,Sex\n1,1960-02-03,F\n", encoding="utf-8")
    assert run(tmp_path, "init", "north", "--extract", str(extract)).exit_code == 0
    assert 'patient_id = "MRN"' in (tmp_path / "sites" / "north" / "mapping.toml").read_text(encoding="utf-8")


def test_each_sheet_of_a_workbook_is_guessed_and_what_is_needed_is_named(tmp_path: Path) -> None:
    extract = tmp_path / "dump"
    extract.mkdir()
    book = pytest.importorskip("openpyxl").Workbook()
    book.active.title = "Stamm"
    book.active.append(["Pat-Nr", "Geburtsdatum", "Geschlecht"])
    book.active.append(["1", "03.05.61", "w"])
    sheet = book.create_sheet("Diagnosen")
    sheet.append(["Pat-Nr", "Datum", "ICD"])
    sheet.append(["1", datetime.date(2023, 5, 3), "M50.1"])
    book.create_sheet("Notizen").append(["Stand 2025"])
    book.create_sheet("Tabelle4")
    book.save(extract / "dump.xlsx")
    assert run(tmp_path, "init", "north", "--extract", str(extract)).exit_code == 0
    text = (tmp_path / "sites" / "north" / "mapping.toml").read_text(encoding="utf-8")
    assert '[[patients]]  # guess\nfile = "dump.xlsx"\nsheet = "Stamm"\n' in text
    assert 'birth_date = { from = "Geburtsdatum", date_format = "%d.%m.%y" }  # guess' in text
    assert '[[diagnoses]]  # guess\nfile = "dump.xlsx"\nsheet = "Diagnosen"\n' in text
    assert "# dump.xlsx, sheet Notizen: nothing that the contract knows; is the first row its header?" in text
    assert "Tabelle4" not in text
    assert "# [[procedures]]  # every submission needs it\n" in text


def test_a_few_dates_written_otherwise_do_not_hide_the_format(tmp_path: Path) -> None:
    extract = tmp_path / "dump"
    extract.mkdir()
    born = "".join(f"{number},{number}.05.1961\n" for number in range(10, 20))
    (extract / "patients.csv").write_text(f"MRN,DOB\n{born}1,1961\n2,1961-05-03\n", encoding="utf-8")
    assert run(tmp_path, "init", "north", "--extract", str(extract)).exit_code == 0
    mapping = (tmp_path / "sites" / "north" / "mapping.toml").read_text(encoding="utf-8")
    assert 'birth_date = { from = "DOB", date_format = "%d.%m.%Y" }  # guess' in mapping


def test_a_site_cannot_be_named_anyhow(tmp_path: Path) -> None:
    result = run(tmp_path, "init", "../north")
    assert result.exit_code == MISTAKES["site_unknown"].exit_status
    assert not list(tmp_path.iterdir())
