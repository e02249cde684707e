"""REDCap exports: the labels are those of the registry that they were made of, and what identifies is never read."""

import csv
import io
import os
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from outcomes.cli import app
from outcomes.errors import MISTAKES, OutcomesError
from outcomes.intake.site_kit import make_site_kit
from outcomes.intake.sources.crosswalk import Crosswalk
from outcomes.intake.sources.dated import LeftOut
from outcomes.intake.sources.engine import Import, import_extract
from outcomes.intake.sources.mapping import read_mapping
from outcomes.intake.sources.redcap import redcap_source
from outcomes.intake.sources.templates import mapping_template
from outcomes.settings import Settings
from outcomes.synthetic import synthesize
from tests.support.answers import answers
from tests.support.redcap_export import STRANGER, Project, write_project
from tests.support.redcap_small import write_small
from tests.support.synthetic import Row, rows_in_force

SITE, PERIOD = "alder", "2026-09"
_BESIDE_THE_CHECKOUT = Path(__file__).parents[3] / "shared" / "data" / "redcap-samples"
SAMPLES = Path(os.environ.get("OUTCOMES_REDCAP_SAMPLES", _BESIDE_THE_CHECKOUT))
NAMES = ("checkboxes-1", "decimal-comma", "longitudinal", "repeating-instruments", "validation-types-1")
needs_samples = pytest.mark.skipif(
    not (SAMPLES / NAMES[0]).is_dir(),
    reason="the REDCap sample projects are not here; name their folder in OUTCOMES_REDCAP_SAMPLES",
)


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("native"))
    synthesize(settings, seed=5, sites=1, patients=60, months=0, until=PERIOD, faults=False, stories=False)
    return settings


@pytest.fixture(scope="module")
def tables(native: Settings) -> dict[str, list[Row]]:
    return rows_in_force(native)[SITE]


@pytest.fixture(scope="module")
def project(tables: dict[str, list[Row]], tmp_path_factory: pytest.TempPathFactory) -> Project:
    return write_project(tmp_path_factory.mktemp("project") / "redcap", tables)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("imported"))


@pytest.fixture(scope="module")
def imported(settings: Settings, project: Project) -> Import:
    """By the guessed mapping, in which a person chose the method and let the date of birth be read."""
    text = mapping_template(settings, project.folder).replace('method = ""', 'method = "limited_data_set"')
    text = text.replace("# identifiers = [", "identifiers = [")
    mapping = project.folder.with_suffix(".toml")
    mapping.write_text(text, encoding="utf-8")
    return import_extract(settings, redcap_source(read_mapping(mapping), project.folder), SITE, PERIOD)


def test_the_labels_are_those_of_the_native_path_patient_by_patient(
    native: Settings, settings: Settings, project: Project, imported: Import
) -> None:
    delivered, made = answers(native, [SITE], PERIOD), answers(settings, [SITE], PERIOD)
    keys = Crosswalk(imported.crosswalk).keys("patient", list(project.records.values()))
    assert len(delivered[1]) > 40
    for expected, found in zip(delivered, made, strict=True):
        for (site, patient, label), answer in expected.items():
            assert found[site, keys[project.records[patient]], label] == answer, label


def test_what_identifies_is_never_read_and_counted(imported: Import, project: Project) -> None:
    assert LeftOut("dictionary.csv", "never_read", len(STRANGER)) in imported.left_out
    delivered = "".join(file.read_text(encoding="utf-8") for file in imported.folder.glob("*.csv"))
    assert not [word for word in STRANGER.values() if word in delivered]


def test_every_row_is_delivered_or_counted(imported: Import, tables: dict[str, list[Row]]) -> None:
    delivered = {file.table: file.rows for file in imported.manifest.files}
    exported = sum(len(rows) for rows in tables.values()) + len(tables["patients"])
    for name in tables:
        left_out = sum(one.rows for one in imported.left_out if one.table == name and one.column is None)
        assert delivered[name] + left_out == exported, name
    assert not [one for one in imported.left_out if one.column]


DICTIONARY = """Variable / Field Name,Form Name,Field Type,Field Label,"Choices, Calculations, OR Slider Labels",\
Text Validation Type OR Show Slider Number,Identifier?
study_id,enrolment,text,Study ID,,,
mrn,enrolment,text,Hospital number,,mrn_10d,
last_name,enrolment,text,Last name,,,y
dob,enrolment,text,<b>Date of birth</b>,,date_dmy,y
gender,enrolment,radio,Gender,"1, Female | 2, Male | 9, Prefers not to say",,
comorbidities,enrolment,checkbox,Comorbidities,"1, Diabetes | 2, Heart failure",,
op_date,operation,text,Date of surgery,,datetime_mdy,
done,operation,checkbox,What was done,"a, ACDF first level (22551) | b, further level (22552) | c, other",,
joints,operation,checkbox,Levels,"1, C4/5 | 2, C5 - C6 | 3, C7-T1",,
proms_date,proms,text,Date of survey,,date_dmy,
ndi,proms,text,NDI (percent),,number_1dp_comma_decimal,
ndi_1,proms,radio,NDI item 1,"1, none | 2, mild | 3, moderate | 4, fair | 5, severe | 6, worst",,
working,proms,yesno,Works,,,
""".replace("\\\n", "")

RAW = """study_id,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,last_name,dob,gender,\
comorbidities___1,comorbidities___2,enrolment_complete,op_date,done___a,done___b,done___c,joints___1,joints___2,\
joints___3,proms_date,ndi,ndi_1,working
7,base_arm_1,,,Lenox,1961-05-03,1,1,0,2,2023-05-17 07:45,1,1,0,1,1,0,,,,
7,base_arm_1,proms,1,,,,,,,,,,,,,,2023-08-21,"24,5",3,1
7,base_arm_1,proms,2,,,,,,,,,,,,,,2024-05-20,NASK,UNK,0
7,late_arm_1,,,,,,0,0,,,0,0,0,0,0,0,,,,
8,base_arm_1,,,Akbar,1950-11-17,9,0,1,2,,0,0,0,0,0,0,,,,
""".replace("\\\n", "")

LABELLED = """Study ID,Event Name,Gender,Date of birth,Comorbidities (choice=Diabetes),\
Date of surgery,What was done (choice=ACDF first level (22551)),What was done (choice=further level (22552)),\
Levels (choice=C4/5),Levels (choice=C5 - C6),Levels (choice=C7-T1),Date of survey,NDI (percent),NDI item 1,Works
7,Baseline,Female,03-05-1961,Checked,05-17-2023 07:45,Checked,Checked,Checked,Checked,Unchecked,,,,
7,Follow-up 1,,,,,,,,,,21-08-2023,"24,5",moderate,Yes
7,Follow-up 2,,,,,,,,,,20-05-2024,,,No
""".replace("\\\n", "")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "dictionary.csv").write_text(DICTIONARY, encoding="utf-8")
    (folder / "export.csv").write_text(RAW, encoding="utf-8")
    return folder


def _delivered(folder: Path, table: str, *columns: str) -> list[tuple[str, ...]]:
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as lines:
        return sorted(tuple(row[column] for column in columns) for row in csv.DictReader(lines))


def _imported(folder: Path, edit: str = "") -> Import:
    """By the guessed mapping, with the method, the dates that identify and one more edit."""
    settings = Settings(home=folder.parent / "home")
    text = mapping_template(settings, folder).replace('method = ""', 'method = "limited_data_set"')
    text = text.replace("# identifiers = [", "identifiers = [")
    text = text.replace("[patients.columns]", f"[patients.columns]\n{edit}")
    mapping = folder.with_suffix(".toml")
    mapping.write_text(text, encoding="utf-8")
    return import_extract(settings, redcap_source(read_mapping(mapping), folder), SITE, "2025-06")


@pytest.mark.parametrize("export", [RAW, LABELLED], ids=["raw", "labelled"])
def test_events_instruments_boxes_commas_and_missing_codes_are_read(export: str, small: Path) -> None:
    (small / "export.csv").write_text(export, encoding="utf-8")
    made = _imported(small).folder
    assert _delivered(made, "patients", "sex", "age_years", "diabetes") == [("female", "62", "true")]
    assert _delivered(made, "procedures", "day", "code_system", "code", "levels") == [
        ("0", "CPT", "22551", "C4-5;C5-6"),
        ("0", "CPT", "22552", "C4-5;C5-6"),
    ]
    assert _delivered(made, "follow_ups", "day", "ndi_total", "ndi_unit", "ndi_item_1", "working") == [
        ("369", "", "percent", "", "false"),
        ("96", "24.5", "percent", "2", "true"),
    ]


def test_a_labelled_export_gives_the_submission_of_the_raw_one(tmp_path: Path) -> None:
    """By the guessed mappings alone: dates that identify, a revision instrument, boxes, missing codes, a slider."""
    submissions = []
    for labelled in (False, True):
        made = _imported(write_small(tmp_path / f"labelled-{labelled}", labelled=labelled))
        submissions.append({file.name: file.read_text(encoding="utf-8") for file in made.folder.glob("*.csv")})
        assert not [one for one in made.left_out if one.column]
        # The crosswalk stays, so a patient has the same key in both.
        made.folder.rename(tmp_path / f"made-{labelled}")
    assert submissions[0] == submissions[1]
    made_raw = tmp_path / "made-False"
    assert _delivered(made_raw, "patients", "sex", "age_years", "smoking", "diabetes", "asa_class") == [
        ("female", "79", "current", "false", "2"),
        ("unknown", "62", "current", "true", "2"),
    ]
    assert _delivered(made_raw, "procedures", "day", "code", "levels") == [
        ("0", "22551", "C4-5;C5-6"),
        ("0", "22600", ""),
        ("274", "22830", ""),
        ("303", "22849", ""),
    ]
    visits = _delivered(
        made_raw, "follow_ups", "day", "neck_pain_nrs", "ndi_item_4", "eq5d_5", "eq5d_version", "working"
    )
    assert visits == [
        ("-15", "7.1", "4", "5", "5L", ""),
        ("86", "", "", "5", "5L", "true"),
        ("95", "0", "4", "5", "5L", "false"),
    ]


@pytest.mark.parametrize(("encoding", "separator"), [("utf-8", ","), ("utf-16", "\t"), ("cp1252", ";")])
def test_a_dictionary_that_went_through_a_spreadsheet_is_read(encoding: str, separator: str, small: Path) -> None:
    before = mapping_template(Settings(home=small.parent / "home"), small)
    written = io.StringIO(newline="")
    with (small / "dictionary.csv").open(encoding="utf-8", newline="") as lines:
        csv.writer(written, delimiter=separator).writerows([*csv.reader(lines), [], [""] * 7])
    text = written.getvalue().replace("Works", "Trägt")
    (small / "dictionary.csv").write_text(text, encoding=encoding, newline="")
    assert mapping_template(Settings(home=small.parent / "home"), small) == before


@pytest.mark.parametrize(
    ("file", "text", "what"),
    [
        ("export.csv", "id,x\n7,1\n", "in its first column it has study_id, or labelled Study ID"),
        ("labels.csv", LABELLED, "export.csv and labels.csv are exports of one project; leave one"),
        ("older.csv", DICTIONARY, "dictionary.csv and older.csv are data dictionaries; leave one"),
    ],
)
def test_a_folder_with_too_few_or_too_many_files_says_which(file: str, text: str, what: str, small: Path) -> None:
    (small / file).write_text(text, encoding="utf-8")
    with pytest.raises(OutcomesError, match=what) as error:
        mapping_template(Settings(home=small.parent / "home"), small)
    assert error.value.code == "source_malformed"


def test_a_new_site_with_a_project_gets_its_mapping_and_its_commands(small: Path) -> None:
    kit = make_site_kit(Settings(home=small.parent / "home"), "north", "North Clinic", small)
    assert kit.mapping.read_text(encoding="utf-8").startswith("# A mapping for `outcomes import redcap`")
    assert "outcomes import redcap EXTRACT" in kit.checklist.read_text(encoding="utf-8")


def test_two_columns_of_one_label_are_not_guessed(small: Path) -> None:
    (small / "export.csv").write_text(LABELLED.replace("Works", "NDI item 1"), encoding="utf-8")
    text = mapping_template(Settings(home=small.parent / "home"), small)
    assert '# ndi_item_1 = "NDI item 1": several columns of the export are headed so; export raw' in text


def test_dates_that_identify_are_read_when_a_person_lets_them(tmp_path: Path) -> None:
    folder = write_small(tmp_path / "project", labelled=False)
    settings = Settings(home=tmp_path / "home")
    text = mapping_template(settings, folder)
    assert '# identifiers = ["dob", "surgery_date", "rev_date", "visit_date"]' in text
    mapping = tmp_path / "map.toml"
    mapping.write_text(text.replace('method = ""', 'method = "safe_harbor"'), encoding="utf-8")
    with pytest.raises(OutcomesError, match=r"procedures\.date: surgery_date identifies .* list it under identifiers"):
        redcap_source(read_mapping(mapping), folder)


def test_the_mapping_says_which_choices_have_no_meaning_and_which_fields_are_never_read(small: Path) -> None:
    text = mapping_template(Settings(home=small.parent / "home"), small)
    assert '# identifiers = ["dob"]' in text
    assert "# guess; without meaning: Prefers not to say" in text
    assert "# never read, since they identify persons: mrn, last_name, dob" in text
    assert not [word for word in ("Lenox", "1961", "Akbar") if word in text]


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        ('indication = "last_name"', "patients.indication: last_name identifies persons, says the data dictionary"),
        ('smoking = "mrn"', "patients.smoking: mrn identifies persons"),
        ('bmi = "dob"', "patients.bmi: dob identifies persons, so it can only be a key or a date"),
    ],
)
def test_a_mapping_that_reads_what_identifies_is_refused(edit: str, what: str, small: Path) -> None:
    with pytest.raises(OutcomesError, match=what) as error:
        _imported(small, edit)
    assert error.value.code == "mapping_malformed"
    assert not (small.parent / "home" / "landing").exists()


def test_an_export_without_its_dictionary_is_refused(small: Path) -> None:
    (small / "dictionary.csv").rename(small.parent / "elsewhere.csv")
    settings = Settings(home=small.parent / "home")
    text = mapping_template(settings, small, small.parent / "elsewhere.csv")
    mapping = small.with_suffix(".toml")
    mapping.write_text(text.replace('method = ""', 'method = "safe_harbor"'), encoding="utf-8")
    with pytest.raises(OutcomesError, match="there is no data dictionary") as error:
        redcap_source(read_mapping(mapping), small)
    assert error.value.code == "source_malformed"


def _runs(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--home", str(home), *arguments])


@needs_samples
@pytest.mark.parametrize("name", NAMES)
def test_a_mapping_of_a_sample_project_quotes_no_cell(name: str, tmp_path: Path) -> None:
    folder, mapping = tmp_path / name, tmp_path / "map.toml"
    shutil.copytree(SAMPLES / name, folder)
    assert _runs(tmp_path / "home", "mapping", "init", str(folder), "--to", str(mapping)).exit_code == 0
    text = mapping.read_text(encoding="utf-8")
    with (folder / "data.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    words = {cell for row in rows for cell in row.values() if cell and len(cell) > 5}
    assert not [word for word in words if word in text]
    assert (
        _runs(tmp_path / "home", "mapping", "check", str(mapping)).exit_code
        == MISTAKES["mapping_malformed"].exit_status
    )
    # None of them is of fusions: the dry run names what is missing, and with it says that nobody had one.
    tried = (
        "import",
        "redcap",
        str(folder),
        "--site",
        SITE,
        "--period",
        PERIOD,
        "--mapping",
        str(mapping),
        "--dry-run",
    )
    mapping.write_text(text.replace('method = ""', 'method = "safe_harbor"'), encoding="utf-8")
    needs_more = _runs(tmp_path / "home", *tried)
    assert needs_more.exit_code == MISTAKES["mapping_malformed"].exit_status
    assert "procedures: missing; every submission needs it" in needs_more.output
    record = re.findall('patient_id = "(.*)"', text)[0]
    columns = f'patient_id = "{record}"\ndate = "{record}"\ncode = {{ constant = "1" }}\ncode_system = "{record}"'
    with mapping.open("a", encoding="utf-8") as lines:
        lines.write(f'[[procedures]]\nfile = "data.csv"\n[procedures.columns]\n{columns}\n')
    ended = _runs(tmp_path / "home", *tried)
    identifies = "identifiers = []" not in text
    code = "mapping_malformed" if identifies else "source_malformed"
    assert ended.exit_code == MISTAKES[code].exit_status
    assert not [word for word in words if word in ended.output]


@needs_samples
def test_a_sample_with_names_and_addresses_is_read_without_them(tmp_path: Path) -> None:
    folder = tmp_path / "longitudinal"
    shutil.copytree(SAMPLES / "longitudinal", folder)
    mapping = tmp_path / "map.toml"
    text = """method = "limited_data_set"
[[patients]]
file = "data.csv"
merge = true
columns = { patient_id = "study_id", sex = { from = "sex", values = { 0 = "female", 1 = "male" } }, bmi = "bmi" }
[[procedures]]
file = "data.csv"
filled = ["date"]
columns = { patient_id = "study_id", date = "date_enrolled", code = { constant = "22551" },
code_system = { constant = "CPT" } }
""".replace(",\ncode", ", code")
    mapping.write_text(text, encoding="utf-8")
    arguments = ("import", "redcap", str(folder), "--site", SITE, "--period", PERIOD, "--mapping", str(mapping))
    ended = _runs(tmp_path / "home", *arguments)
    assert ended.exit_code == 0, ended.output
    made = tmp_path / "home" / "landing" / SITE / PERIOD
    delivered = "".join(file.read_text(encoding="utf-8") for file in made.glob("*.csv")) + ended.output
    with (folder / "data.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    closed = ("first_name", "last_name", "telephone_1", "email", "dob", "next_of_kin_contact_name", "comments")
    assert not [row[name] for row in rows for name in closed if row[name] and row[name] in delivered]
    assert "never read" in ended.output
    mapping.write_text(text.replace('bmi = "bmi"', 'indication = "first_name"'), encoding="utf-8")
    refused = _runs(tmp_path / "home", *arguments)
    assert refused.exit_code == MISTAKES["mapping_malformed"].exit_status


@needs_samples
def test_decimal_commas_of_a_sample_are_read_and_its_names_are_not(tmp_path: Path) -> None:
    """The field of a validation `number_comma_decimal` is delivered with a point; the surname is marked, and closed."""
    folder, mapping = tmp_path / "sample", tmp_path / "map.toml"
    shutil.copytree(SAMPLES / "decimal-comma", folder)
    with (folder / "data.csv").open(encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines)
    with (folder / "data.csv").open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([[*header, "done"], *([*row, "2023-05-17"] for row in rows)])
    mapping.write_text(
        """method = "limited_data_set"
[[patients]]
file = "data.csv"
columns = { patient_id = "record_id", bmi = "weight" }
[[procedures]]
file = "data.csv"
[procedures.columns]
patient_id = "record_id"
date = "done"
code = { constant = "22551" }
code_system = { constant = "CPT" }
[[follow_ups]]
file = "data.csv"
columns = { patient_id = "record_id", date = "done", neck_pain_nrs = { from = "height", scale = 2 } }
""",
        encoding="utf-8",
    )
    settings = Settings(home=tmp_path / "home")
    imported = import_extract(settings, redcap_source(read_mapping(mapping), folder), SITE, PERIOD)
    assert _delivered(imported.folder, "patients", "bmi") == [("123.4",), ("45.9",), ("52.3",), ("92.3",)]
    pains = _delivered(imported.folder, "follow_ups", "neck_pain_nrs")
    assert pains == [("3.08",), ("3.22",), ("3.68",), ("3.9",)]
    delivered = "".join(file.read_text(encoding="utf-8") for file in imported.folder.glob("*.csv"))
    assert not [name for _, name, *_ in rows if name in delivered]
    assert LeftOut("dictionay.csv", "never_read", 1) in imported.left_out


@needs_samples
def test_repeating_instruments_of_a_sample_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "sample"
    shutil.copytree(SAMPLES / "repeating-instruments", folder)
    mapping = tmp_path / "map.toml"
    mapping.write_text(
        """method = "limited_data_set"
[[patients]]
file = "data.csv"
merge = true
columns = { patient_id = "record_id", age_years = "age" }
[[procedures]]
file = "data.csv"
filled = ["date"]
[procedures.columns]
patient_id = "record_id"
date = "date_enrolled"
code = { constant = "22551" }
code_system = { constant = "CPT" }
[[follow_ups]]
file = "data.csv"
filled = ["date"]
columns = { patient_id = "record_id", date = "date_bp", eq_vas = "bp_diastolic" }
""",
        encoding="utf-8",
    )
    imported = import_extract(
        Settings(home=tmp_path / "home"), redcap_source(read_mapping(mapping), folder), SITE, PERIOD
    )
    assert _delivered(imported.folder, "patients", "age_years") == [("8",), ("9",)]
    visits = _delivered(imported.folder, "follow_ups", "eq_vas")
    assert visits == [("100",), ("101",), ("102",), ("104",)]


def test_the_example_of_the_page_is_what_is_guessed(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "sources" / "redcap.md").read_text(encoding="utf-8")
    dictionary, export = (block.split("```")[0] for block in page.split("```csv\n")[1:])
    guessed = page.split("```toml\n")[-1].split("```")[0]
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "dictionary.csv").write_text(dictionary, encoding="utf-8")
    (folder / "export.csv").write_text(export, encoding="utf-8")
    text = mapping_template(Settings(home=tmp_path / "home"), folder)
    assert text[text.index("[[patients]]") :].strip() == guessed.strip()
    made = _imported(folder).folder
    assert _delivered(made, "patients", "sex", "age_years") == [("female", "62")]
    assert _delivered(made, "follow_ups", "day", "ndi_total") == [("96", "24.5")]
