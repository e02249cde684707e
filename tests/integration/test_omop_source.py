"""OMOP CDM 5.4 extracts: the labels are those of the registry they were made of, as far as the CDM can carry it."""

import csv
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from outcomes.cli import app
from outcomes.errors import MISTAKES, OutcomesError
from outcomes.intake.sources.crosswalk import Crosswalk
from outcomes.intake.sources.dated import LeftOut, NotMapped
from outcomes.intake.sources.dry_run import try_import
from outcomes.intake.sources.engine import import_extract
from outcomes.intake.sources.omop import TABLES_READ, omop_source
from outcomes.settings import Settings
from outcomes.synthetic import synthesize
from tests.support.answers import Answers, answers
from tests.support.examples import few
from tests.support.omop_extract import WRITERS, Extract, carried, omop_extract, write_concept_map
from tests.support.submissions import write_submission
from tests.support.synthetic import rows_in_force

SITE, PERIOD = "alder", "2026-09"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, object]]]:
    settings = Settings(home=tmp_path_factory.mktemp("registry"))
    synthesize(settings, seed=5, sites=1, patients=60, months=0, until=PERIOD, faults=False, stories=False)
    return carried(rows_in_force(settings)[SITE])


@pytest.fixture(scope="module")
def extract(registry: dict[str, list[dict[str, object]]]) -> Extract:
    return omop_extract(registry)


@pytest.fixture(scope="module")
def native(
    registry: dict[str, list[dict[str, object]]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Answers, Answers]:
    settings = Settings(home=tmp_path_factory.mktemp("native"))
    write_submission(settings, SITE, PERIOD, registry)
    return answers(settings, [SITE], PERIOD)


@pytest.fixture(scope="module")
def concept_map(extract: Extract, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("map") / "concepts.csv"
    write_concept_map(path, extract.concept_map)
    return path


@pytest.mark.parametrize("form", few(1, WRITERS))
def test_the_labels_are_those_of_the_native_path_patient_by_patient(
    form: str, native: tuple[Answers, Answers], extract: Extract, concept_map: Path, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path / "home")
    place = WRITERS[form](tmp_path / "cdm", extract)
    imported = import_extract(settings, omop_source(place, "limited_data_set", concept_map), SITE, PERIOD)
    made = answers(settings, [SITE], PERIOD)
    keys = Crosswalk(imported.crosswalk).keys("patient", list(extract.persons.values()))
    assert len(native[1]) > 40
    for expected, found in zip(native, made, strict=True):
        for (site, patient, label), answer in expected.items():
            assert found[site, keys[extract.persons[patient]], label] == answer, label


def test_every_row_is_delivered_or_counted(
    registry: dict[str, list[dict[str, object]]], extract: Extract, concept_map: Path, tmp_path: Path
) -> None:
    place = WRITERS["parquet"](tmp_path / "cdm", extract)
    source = omop_source(place, "limited_data_set", concept_map)
    imported = import_extract(Settings(home=tmp_path / "home"), source, SITE, PERIOD)
    delivered = {file.table: file.rows for file in imported.manifest.files}
    for name, rows in registry.items():
        left_out = sum(one.rows for one in imported.left_out if one.table == name and one.column is None)
        assert delivered[name] + left_out == len(rows), name


def _write(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.csv").write_text(text.replace(" ", ""), encoding="utf-8")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Two persons with a fusion, and what real extracts have: keys with decimals, twice, without a person or a day."""
    folder = tmp_path / "cdm"
    _write(
        folder,
        "person",
        """person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth,birth_datetime
        1.0,8532.0,1961.0,,,1961-01-01T00:00:00
        2,8507,1958,11,17,
        2,8507,1958,11,17,
        3,0,1970,,,
        """,
    )
    _write(folder, "observation_period", "person_id,observation_period_end_date\n1,2025-01-31\n1,2025-06-30\n")
    _write(
        folder,
        "procedure_occurrence",
        """procedure_occurrence_id,person_id,procedure_concept_id,procedure_date,procedure_datetime,procedure_source_value
        1,1,2100001,2023-05-17,2023-05-17T09:00:00Z,22551
        2,2,2100001,,2023-06-02T23:30:00,22551
        2,2,2100001,,2023-06-02T23:30:00,22551
        3,9,2100001,2023-05-17,,22551
        4,1,0,2023-05-17,,localcode
        6,1,4134857,2023-05-17,,as said
        5,1,2100001,2023-05,,22845
        """,
    )
    _write(
        folder,
        "drug_exposure",
        """drug_exposure_id,person_id,drug_concept_id,drug_exposure_start_date,drug_source_value
        1,1,19078461,20230901,00573-0164-70
        2,1,0,2023-10-01,M01AE01
        3,1,40231925,2023-11-01,ndc
        """,
    )
    _write(folder, "concept", "concept_id,vocabulary_id,concept_code\n1177480,RxNorm,5640\n1174888,RxNorm,5489\n")
    _write(
        folder,
        "concept_ancestor",
        "ancestor_concept_id,descendant_concept_id\n1177480,40231925\n1174888,40231925\n4300000,40231925\n",
    )
    _write(
        folder,
        "measurement",
        """measurement_id,person_id,measurement_concept_id,measurement_date,measurement_source_value,value_as_number
        1,1,0,2024-05-17,NDI,22
        2,1,0,2024-05-17,NDI,24
        3,1,0,2024-05-17,PIN,3
        4,1,3000001,2024-05-17,glucose,99
        """,
    )
    return folder


def _rows(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_a_death_without_a_date_is_counted(small: Path, tmp_path: Path) -> None:
    (small / "death.csv").unlink(missing_ok=True)
    _write(small, "death", "person_id,death_date\n1,\n1,06/02/2024\n2,2024-06-02\n2,\n")
    imported = import_extract(Settings(home=tmp_path / "home"), omop_source(small, "limited_data_set"), SITE, "2025-06")
    assert LeftOut("patients", "unreadable", 1, "death_date") in imported.left_out
    assert sorted(row["death_day"] for row in _rows(imported.folder, "patients")) == ["", "366"]


def test_what_real_extracts_have_is_delivered_or_counted(small: Path, tmp_path: Path) -> None:
    own = tmp_path / "concepts.csv"
    lines = ("source_value,to,value", "NDI,follow_ups.ndi_total,", "NDI,follow_ups.ndi_unit,percent")
    own.write_text("\n".join(lines), encoding="utf-8")
    settings = Settings(home=tmp_path / "home")
    imported = import_extract(settings, omop_source(small, "limited_data_set", own), SITE, "2025-06")
    assert set(imported.left_out) >= {
        LeftOut("patients", "repeated", 1),
        LeftOut("patients", "no_index_fusion", 1),
        LeftOut("procedures", "repeated", 1),
        LeftOut("procedures", "unknown_patient", 1),
        LeftOut("procedures", "no_date", 1),
        LeftOut("procedures", "not_coded", 2),
        LeftOut("treatments", "not_coded", 1),
    }
    patients = _rows(imported.folder, "patients")
    assert sorted((row["sex"], row["age_years"], row["index_period"]) for row in patients) == [
        ("female", "62", "2023-05"),
        ("male", "64", "2023-06"),
    ]
    (visit,) = _rows(imported.folder, "follow_ups")
    assert (visit["day"], visit["ndi_total"], visit["ndi_unit"]) == ("366", "24", "percent")
    drugs = [(row["start_day"], row["code_system"], row["code"]) for row in _rows(imported.folder, "treatments")]
    assert sorted(drugs) == [
        ("137", "ATC", "M01AE01"),
        ("168", "RXNORM", "5489"),
        ("168", "RXNORM", "5640"),
    ]


def test_a_dry_run_tells_what_has_no_meaning_and_no_word_of_few_patients(small: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home").model_copy(update={"minimum_cell_count": 1})
    tried = try_import(settings, omop_source(small, "safe_harbor"), SITE, "2025-06")
    assert NotMapped("procedure", "concept", "localcode", 1, 1) in tried.not_mapped
    assert NotMapped("procedure", "concept", "4,134,857", 1, 1) in tried.not_mapped
    assert NotMapped("measurement", "concept", "NDI", 2, 1) in tried.not_mapped
    assert NotMapped("treatments", "code", "NDC 00573-0164-70", 1, 1) in tried.not_mapped
    usual = try_import(Settings(home=tmp_path / "home"), omop_source(small, "safe_harbor"), SITE, "2025-06")
    assert not [one for one in usual.not_mapped if one.word]


@pytest.mark.parametrize(
    ("break_it", "where"),
    [
        (lambda folder: (folder / "person.csv").unlink(), "no table person"),
        (lambda folder: (folder / "person.csv").write_text("id\n1\n"), "no column person_id"),
        (
            lambda folder: (folder / "procedure_occurrence.csv").write_text("procedure_date\n2023-05-17\n"),
            "no column person_id",
        ),
        (lambda folder: (folder / "PERSON.parquet").write_bytes(b""), "2 files of the table person"),
    ],
)
def test_a_folder_that_is_no_cdm_is_named(break_it: object, where: str, small: Path, tmp_path: Path) -> None:
    break_it(small)  # type: ignore[operator]
    with pytest.raises(OutcomesError, match=where) as error:
        import_extract(Settings(home=tmp_path / "home"), omop_source(small, "safe_harbor"), SITE, "2025-06")
    assert error.value.code == "source_malformed"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("NDI,follow_ups.ndi,", "line 2: to is neither"),
        (",follow_ups.ndi_total,", "line 2: it names neither"),
        ("X,CPT,", "line 2: value is empty; a code"),
        ("X,encounters.type,", "line 2: value is empty; it is the word"),
    ],
)
def test_a_mistake_of_a_concept_map_is_told_by_line(line: str, what: str, small: Path, tmp_path: Path) -> None:
    own = tmp_path / "concepts.csv"
    own.write_text(f"source_value,to,value\n{line}\n", encoding="utf-8")
    with pytest.raises(OutcomesError, match=what) as error:
        import_extract(Settings(home=tmp_path / "home"), omop_source(small, "safe_harbor", own), SITE, "2025-06")
    assert error.value.code == "mapping_malformed"


def test_the_example_of_the_page_gives_what_the_page_says(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "sources" / "omop.md").read_text(encoding="utf-8")
    cdm = tmp_path / "cdm"
    cdm.mkdir()
    for name, text in re.findall(r"```csv title=(\S+)\n(.*?)```", page, re.DOTALL):
        (cdm / name).write_text(text, encoding="utf-8")
    imported = import_extract(
        Settings(home=tmp_path / "home"), omop_source(cdm, "safe_harbor", cdm / "concepts.csv"), "north", "2025-06"
    )
    rows = {file.table: file.rows for file in imported.manifest.files}
    assert rows == {"patients": 2, "procedures": 2, "follow_ups": 1}
    (visit,) = _rows(imported.folder, "follow_ups")
    assert [visit[name] for name in ("day", "ndi_total", "ndi_unit", "neck_pain_nrs")] == ["96", "24", "percent", "3.1"]


def test_the_concept_map_of_the_page_is_read(small: Path, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "sources" / "omop.md").read_text(encoding="utf-8")
    own = tmp_path / "concepts.csv"
    own.write_text(page.split("```csv\n")[1].split("```")[0], encoding="utf-8")
    assert import_extract(Settings(home=tmp_path / "home"), omop_source(small, "safe_harbor", own), SITE, "2025-06")
    assert all(f"`{name}`" in page for name in TABLES_READ)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["mimic-iv", "--mapping", "map.toml"], "--mapping"),
        (["table"], "--mapping"),
        (["omop", "--method", "none"], "--method"),
        (["mimic-iv", "--method", "safe_harbor"], "--method"),
        (["mimic-iv", "--schema", "cdm"], "--schema"),
    ],
)
def test_an_option_that_a_format_does_not_take_is_named(arguments: list[str], named: str, tmp_path: Path) -> None:
    asked = ["--home", str(tmp_path / "home"), "import", arguments[0], str(tmp_path), "--site", SITE]
    ended = CliRunner().invoke(app, [*asked, "--period", PERIOD, *arguments[1:]])
    assert ended.exit_code == 2
    assert named in ended.output
    assert not (tmp_path / "home" / "landing").exists()


def test_the_address_of_a_database_is_taken_for_omop_alone_and_never_shown(tmp_path: Path) -> None:
    asked = ["--home", str(tmp_path / "home"), "import", "fhir", "sqlite:///secret", "--site", SITE, "--period", PERIOD]
    ended = CliRunner().invoke(app, asked)
    assert (ended.exit_code, "secret" in ended.output) == (2, False)
    ended = CliRunner().invoke(app, ["omop" if word == "fhir" else word for word in asked])
    assert (ended.exit_code, "secret" in ended.output) == (MISTAKES["database_failed"].exit_status, False)


def test_the_command_imports_and_tries(small: Path, tmp_path: Path) -> None:
    asked = ["--home", str(tmp_path / "home"), "import", "omop", str(small), "--site", SITE, "--period", "2025-06"]
    tried = CliRunner().invoke(app, [*asked, "--dry-run"])
    assert "nothing was written" in tried.output
    done = CliRunner().invoke(app, [*asked, "--method", "limited_data_set"])
    assert done.exit_code == 0, done.output
    assert "localcode" not in tried.output + done.output
