"""Tables of a database as text cells; SQLite stands for all that SQLAlchemy reaches."""

import sqlite3
import sys
from pathlib import Path

import duckdb
import pytest

from outcomes.errors import OutcomesError
from outcomes.intake.sources.databases import Database, connected, is_address

_PASSWORD = "correct-horse"


@pytest.fixture
def database(tmp_path: Path) -> Database:
    path = tmp_path / "site.db"
    with sqlite3.connect(path) as con:
        con.execute('create table "PERSON" ("PERSON_ID" integer, "BORN" date, "WEIGHT" real, "NOTE" text)')
        con.execute("create view death as select person_id from person where person_id = 2")
        cells = [(9007199254740993, "05/17/1961", 80.0, "seen"), (2, "1958-11-17 00:00:00", 1e17, None)]
        con.executemany('insert into "PERSON" values (?, ?, ?, ?)', cells)
    return Database(f"sqlite:///{path}")


def _read(database: Database, scratch: Path, **choices: object) -> list[tuple[object, ...]]:
    con = duckdb.connect()
    with connected(database) as reader:
        opened = reader.open(con, {"person": ["person_id", "born", "weight", "unknown"]}, scratch, **choices)  # type: ignore[arg-type]
    assert opened["person"].headers == ("PERSON_ID", "BORN", "WEIGHT")
    return con.execute("from delivered_person order by all").fetchall()


def test_cells_are_as_the_database_has_them_whatever_type_it_declares(database: Database, tmp_path: Path) -> None:
    assert _read(database, tmp_path) == [
        ("2", "1958-11-17 00:00:00", "1e+17"),
        ("9007199254740993", "05/17/1961", "80"),
    ]


def test_only_the_rows_asked_for_are_read(database: Database, tmp_path: Path) -> None:
    assert [row[0] for row in _read(database, tmp_path, only=("person_id", [2, 3]))] == ["2"]
    assert _read(database, tmp_path, only=("person_id", [])) == []


def test_a_view_is_a_table_and_a_table_that_is_not_there_is_none(database: Database, tmp_path: Path) -> None:
    with connected(database) as reader:
        opened = reader.open(duckdb.connect(), {"death": ["person_id"], "visit_occurrence": ["person_id"]}, tmp_path)
    assert list(opened) == ["death"]


def test_a_table_of_another_kind_is_named(database: Database, tmp_path: Path) -> None:
    with pytest.raises(OutcomesError, match="PERSON has none of its columns") as error, connected(database) as reader:
        reader.open(duckdb.connect(), {"person": ["gender_concept_id"]}, tmp_path)
    assert error.value.code == "source_malformed"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        (f"postgresql+nosuch://joe:{_PASSWORD}@host/cdm", "driver_missing"),
        (f"nosuch://joe:{_PASSWORD}@host/cdm", "driver_missing"),
        (f"postgresql://joe:{_PASSWORD}@host:port/cdm", "database_failed"),
        (f"sqlite:///{_PASSWORD}", "database_failed"),
        (f"sqlite:///{__file__}", "database_failed"),
    ],
)
def test_an_error_has_a_code_and_never_the_address(address: str, code: str) -> None:
    with pytest.raises(OutcomesError) as error, connected(Database(address)):
        pass
    assert error.value.code == code
    assert _PASSWORD not in str(error.value) + repr(Database(address))
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__ or error.value.__context__ is None
    assert not Path(_PASSWORD).exists()


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(OutcomesError, match=r"install outcomes\[sqlalchemy\]") as error, connected(database):
        pass
    assert error.value.code == "driver_missing"


def test_a_database_that_cannot_decode_its_text_is_named_without_it(database: Database, tmp_path: Path) -> None:
    with sqlite3.connect(database.address.removeprefix("sqlite:///")) as con:
        con.execute("update person set born = cast(x'4d65696572ff' as text)")
    with pytest.raises(OutcomesError) as error:
        _read(database, tmp_path)
    assert error.value.code == "database_failed"
    assert "Meier" not in str(error.value)


def test_an_address_is_told_from_a_path() -> None:
    assert is_address("postgresql+psycopg://joe@host/cdm")
    assert is_address("sqlite:////srv/cdm.db")
    assert not is_address("/srv/cdm")
    assert not is_address("C:\\cdm")
