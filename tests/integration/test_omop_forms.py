"""The forms in which hospitals keep an OMOP CDM, and what real ones hold that no vocabulary knows."""

import csv
import sqlite3
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from outcomes.errors import OutcomesError
from outcomes.intake.sources.databases import Database
from outcomes.intake.sources.dated import LeftOut, NotMapped
from outcomes.intake.sources.dry_run import try_import
from outcomes.intake.sources.engine import Import, import_extract
from outcomes.intake.sources.omop import omop_source
from outcomes.settings import Settings

SITE, PERIOD = "alder", "2025-06"

_TABLES = {
    "PERSON": """PERSON_ID,GENDER_CONCEPT_ID,YEAR_OF_BIRTH,GENDER_SOURCE_VALUE
        1,8507,1961,M
        2,0,1958,f
        3,0,1970,as she says
        """,
    "OBSERVATION_PERIOD": """PERSON_ID,OBSERVATION_PERIOD_END_DATE
        1,2025-06-30
        2,9999-12-31
        """,
    "VISIT_OCCURRENCE": """VISIT_OCCURRENCE_ID,PERSON_ID,VISIT_CONCEPT_ID,VISIT_SOURCE_VALUE,VISIT_START_DATE
        11,1,262,Outpatient,2023-01-09
        12,1,0,Outpatient,2023-02-09
        13,1,581478,ride,2023-02-10
        """,
    "PROCEDURE_OCCURRENCE": """PROCEDURE_OCCURRENCE_ID,PERSON_ID,PROCEDURE_DATE,\
        PROCEDURE_SOURCE_VALUE,MODIFIER_SOURCE_VALUE
        1,1,2023-01-10,22551,58
        2,2,2023-01-10,22551,see the note
        3,3,2023-01-10,22551,
        4,3,0001-01-01,22551,
        """,
    "CONDITION_OCCURRENCE": """CONDITION_OCCURRENCE_ID,PERSON_ID,CONDITION_START_DATE,\
        CONDITION_SOURCE_VALUE,CONDITION_STATUS_CONCEPT_ID
        1,1,2023-01-10,M50.122,32901
        2,1,2023-01-11,M54.12,32908
        """,
    "DRUG_EXPOSURE": """DRUG_EXPOSURE_ID,PERSON_ID,DRUG_EXPOSURE_START_DATE,\
        DRUG_EXPOSURE_END_DATE,DAYS_SUPPLY,DRUG_SOURCE_VALUE,ROUTE_SOURCE_VALUE
        1,1,2023-01-20,,30,N02AA01,Oral
        2,1,2023-01-20,2023-01-20,30,M01AE01,as Ms X wants
        3,1,2023-01-20,,99999999999,M03BX01,
        """,
    "MEASUREMENT": """MEASUREMENT_ID,PERSON_ID,MEASUREMENT_DATE,\
        MEASUREMENT_SOURCE_VALUE,VALUE_AS_NUMBER,VALUE_AS_CONCEPT_ID,UNIT_SOURCE_VALUE
        1,1,2023-04-10,VAS NECK,45,,mm
        2,1,2023-04-10,NUMB,,45877994,
        3,1,2023-04-10,NDI,20,,{score}
        """,
    "NOTE": "NOTE_ID,PERSON_ID,NOTE_TEXT\n1,1,Mr. Smith\n",
}
_MAP = """source_value,to,value
VAS NECK,follow_ups.neck_pain_nrs,
NUMB,follow_ups.numbness,
NDI,follow_ups.ndi_total,
"""

Tables = dict[str, list[list[str]]]


def _tables() -> Tables:
    return {
        name: [[cell.strip() for cell in line.split(",")] for line in text.strip().splitlines()]
        for name, text in _TABLES.items()
    }


def _folder(place: Path, tables: Tables) -> Path:
    place.mkdir()
    for name, rows in tables.items():
        with (place / f"{name}.csv").open("w", encoding="utf-8", newline="") as lines:
            csv.writer(lines).writerows(rows)
    return place


def _parts(place: Path, tables: Tables) -> Path:
    """A folder a table, with a part a row, as Spark writes them."""
    for name, (header, *rows) in tables.items():
        (place / name.lower()).mkdir(parents=True)
        (place / name.lower() / "_SUCCESS").touch()
        for number, row in enumerate(rows):
            cells = ", ".join(f"nullif($${cell}$$, '') as {column}" for column, cell in zip(header, row, strict=True))
            with duckdb.connect() as con:
                con.execute(f"copy (select {cells}) to '{place / name.lower() / f'part-{number}.snappy.parquet'}'")
    return place


def _duckdb(place: Path, tables: Tables) -> Path:
    with duckdb.connect(str(place.with_name("site.duckdb"))) as con:
        con.execute("create schema cdm")
        for name, (header, *rows) in tables.items():
            con.execute(f"create table cdm.{name} ({', '.join(f'{column} varchar' for column in header)})")
            con.executemany(f"insert into cdm.{name} values ({', '.join('?' * len(header))})", rows)
    return place.with_name("site.duckdb")


def _sqlite(place: Path, tables: Tables) -> Database:
    with sqlite3.connect(place) as con:
        for name, (header, *rows) in tables.items():
            typed = ", ".join(f"{column} {'date' if column.endswith('DATE') else 'numeric'}" for column in header)
            con.execute(f"create table {name} ({typed})")
            cells = [[cell or None for cell in row] for row in rows]
            con.executemany(f"insert into {name} values ({', '.join('?' * len(header))})", cells)
    return Database(f"sqlite:///{place}")


def _imported(place: Path | Database, tmp_path: Path, **choices: str) -> Import:
    concept_map = tmp_path / "concepts.csv"
    concept_map.write_text(_MAP, encoding="utf-8")
    source = omop_source(place, "limited_data_set", concept_map, **choices)
    return import_extract(Settings(home=tmp_path / "home"), source, SITE, PERIOD)


def _rows(imported: Import, table: str) -> list[dict[str, str]]:
    with (imported.folder / f"{table}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Import:
    folder = tmp_path_factory.mktemp("imported")
    return _imported(_folder(folder / "cdm", _tables()), folder)


@pytest.mark.parametrize("write", [_parts, _duckdb, _sqlite])
def test_each_form_is_read_as_a_folder_of_csv_is(
    write: Callable[[Path, Tables], Path | Database], imported: Import, tmp_path: Path
) -> None:
    made = _imported(write(tmp_path / "cdm", _tables()), tmp_path)
    assert [(file.table, file.rows) for file in made.manifest.files] == [
        (file.table, file.rows) for file in imported.manifest.files
    ]
    assert set(made.left_out) == set(imported.left_out)


def test_what_is_not_delivered_is_counted(imported: Import) -> None:
    assert {file.table: file.rows for file in imported.manifest.files} == {
        "patients": 3,
        "encounters": 3,
        "procedures": 3,
        "diagnoses": 2,
        "treatments": 3,
        "follow_ups": 1,
    }
    assert set(imported.left_out) == {
        LeftOut("procedures", "no_date", 1),
        LeftOut("patients", "unreadable", 1, "sex"),
        LeftOut("procedures", "unreadable", 1, "modifier"),
        LeftOut("treatments", "unreadable", 1, "route"),
    }


def test_a_source_value_is_delivered_only_where_it_is_a_word_of_the_contract(imported: Import) -> None:
    assert sorted(row["sex"] for row in _rows(imported, "patients")) == ["", "female", "male"]
    assert sorted(row["modifier"] for row in _rows(imported, "procedures")) == ["", "", "58"]
    assert {row["code"]: row["route"] for row in _rows(imported, "treatments")} == {
        "N02AA01": "oral",
        "M01AE01": "",
        "M03BX01": "",
    }
    # The standard concept counts before a word of the source that the site has not mapped.
    types = {row["start_day"]: row["type"] for row in _rows(imported, "encounters")}
    assert types == {"-1": "inpatient", "30": "outpatient", "31": ""}


def test_what_a_record_says_is_read_as_the_cdm_means_it(imported: Import) -> None:
    ends = {row["code"]: row["end_day"] for row in _rows(imported, "treatments")}
    assert ends == {"N02AA01": "39", "M01AE01": "10", "M03BX01": ""}
    assert {row["code"]: row["position"] for row in _rows(imported, "diagnoses")} == {"M50.122": "1", "M54.12": ""}
    (visit,) = _rows(imported, "follow_ups")
    assert (visit["neck_pain_nrs"], visit["numbness"]) == ("4.5", "true")
    # A score may be of points or of percent.
    assert (visit["ndi_total"], visit["ndi_unit"]) == ("20", "")
    contacts = sorted(row["last_contact_day"] for row in _rows(imported, "patients"))
    assert contacts == ["", "", "881"]


def test_millimetres_that_are_no_number_are_left_to_intake(tmp_path: Path) -> None:
    tables = _tables()
    tables["MEASUREMENT"][1][4] = "1_0"
    (visit,) = _rows(_imported(_folder(tmp_path / "cdm", tables), tmp_path), "follow_ups")
    assert visit["neck_pain_nrs"] == "1_0"


def test_a_dry_run_tells_words_of_sex_visit_and_route_and_missing_vocabulary(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home").model_copy(update={"minimum_cell_count": 1})
    tried = try_import(settings, omop_source(_folder(tmp_path / "cdm", _tables()), "safe_harbor"), SITE, PERIOD)
    assert set(tried.not_mapped) >= {
        NotMapped("gender", "concept", "as she says", 1, 1),
        NotMapped("visit", "concept", "581,478", 1, 1),
        NotMapped("route", "concept", "as Ms X wants", 1, 1),
        NotMapped("concept", "the table is not there"),
        NotMapped("concept_ancestor", "the table is not there"),
    }


def test_persons_whose_numbers_were_rounded_are_refused_and_not_made_one(tmp_path: Path) -> None:
    place = _parts(tmp_path / "cdm", _tables())
    number = "cast(9007199254740990 + cast(person_id as integer) as double) as person_id"
    for table in ("person", "procedure_occurrence"):
        parts = f"'{place / table}/*.parquet'"
        with duckdb.connect() as con:
            con.execute(f"copy (select * replace ({number}) from {parts}) to '{place / table}.parquet'")
        for part in (place / table).iterdir():
            part.unlink()
        (place / table).rmdir()
    with pytest.raises(OutcomesError, match="keys of patients were rounded") as error:
        _imported(place, tmp_path)
    assert error.value.code == "source_malformed"


def test_a_table_in_two_schemas_is_named_and_chosen(tmp_path: Path) -> None:
    place = _duckdb(tmp_path / "cdm", _tables())
    with duckdb.connect(str(place)) as con:
        con.execute("create schema old; create table old.person as from cdm.person limit 1")
    with pytest.raises(OutcomesError, match="a table person in each schema of cdm, old; name --schema"):
        _imported(place, tmp_path)
    assert len(_rows(_imported(place, tmp_path, schema="cdm"), "patients")) == 3


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda folder: (folder / "_delta_log").mkdir(), "person: it is a Delta or Iceberg table"),
        (lambda folder: [part.unlink() for part in folder.glob("*.parquet")], "person: a folder without"),
    ],
)
def test_a_folder_that_is_not_of_parts_is_named(make: Callable[[Path], object], what: str, tmp_path: Path) -> None:
    place = _parts(tmp_path / "cdm", _tables())
    make(place / "person")
    with pytest.raises(OutcomesError, match=what):
        _imported(place, tmp_path)
