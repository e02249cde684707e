"""A release after one more month: built of what the last labelling kept, and equal to one built anew, byte for byte."""

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
import sqlglot

from outcomes.labelling import increment, kept
from outcomes.labelling.increment import Labelled
from outcomes.lake import PROVENANCE
from outcomes.release.build import build_release
from outcomes.release.forget import remove_holding
from outcomes.release.open import Release
from outcomes.settings import Settings
from outcomes.sql.catalog.labels import relations_in_order
from tests.support.monthly_lake import MonthlyLake, invented

SITES = ("east", "north")
PATIENTS_PER_SITE = 30


@pytest.fixture(scope="module")
def two_months(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with a release of the first month, and a second month that no release has."""
    lake = MonthlyLake(tmp_path_factory.mktemp("home"))
    for number, site in enumerate(SITES):
        tables = invented(site, PATIENTS_PER_SITE, number)
        # Of one month, so that there are few cells to protect.
        in_one_month = [row | {"index_period": "2023-01"} for row in tables["patients"]]
        lake.deliver(site, "2024-01", "full", tables | {"patients": in_one_month})
    assert _built(lake.settings)[1].why_all == "no labelling is kept"
    visits = invented("east", PATIENTS_PER_SITE, 0)["follow_ups"]
    lake.deliver("east", "2024-02", "incremental", {"follow_ups": Random(1).sample(visits, 5), "procedures": []})
    return lake.settings


@pytest.fixture
def settings(two_months: Settings, tmp_path: Path) -> Settings:
    shutil.copytree(two_months.home, tmp_path / "home", symlinks=True)
    return two_months.model_copy(update={"home": tmp_path / "home"})


def _built(settings: Settings) -> tuple[Release, Labelled]:
    done: list[Labelled] = []
    release = build_release(settings, on_labelled=done.append)
    return release, done[0]


def _content(release: Release) -> dict[str, object]:
    """The bytes of the files, and of the databases, whose bytes are never the same, the rows."""
    found: dict[str, object] = {
        path.relative_to(release.folder).as_posix(): path.read_bytes()
        for path in (*release.folder.glob("parquet/*"), *release.folder.glob("*datapackage.json"))
    }
    return found | {path.name: _rows(path) for path in release.folder.glob("*.duckdb")}


def _rows(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    with duckdb.connect(str(database), read_only=True) as con:
        tables = [name for (name,) in con.sql("show tables").fetchall()]
        return {name: con.sql(f'from "{name}" order by all').fetchall() for name in tables}


def test_one_month_more_is_as_built_anew(settings: Settings) -> None:
    shutil.rmtree(settings.releases)  # beside a release before there would be more to protect
    by_month, labelled = _built(settings)
    assert labelled.why_all is None
    assert 0 < labelled.again <= 5
    assert str(labelled) == f"labelled again {labelled.again} of {labelled.patients} patients"
    content, kept_by_month = _content(by_month), _rows(settings.labelled / "labelled.duckdb")
    shutil.rmtree(by_month.folder)
    kept.discard(settings.labelled)
    anew, labelled = _built(settings)
    assert labelled.why_all
    assert content == _content(anew)
    assert kept_by_month == _rows(settings.labelled / "labelled.duckdb")


def _cut(folder: Path) -> None:
    file = folder / "labelled.duckdb"
    file.write_bytes(file.read_bytes()[:-5000])


def _no_record(folder: Path) -> None:
    (folder / "about.json").write_text("[]", encoding="utf-8")


def _no_database(folder: Path) -> None:
    (folder / "labelled.duckdb").unlink()


@pytest.mark.parametrize("damage", [_cut, _no_record, _no_database])
def test_a_damaged_labelling_is_not_used(settings: Settings, damage: Callable[[Path], None]) -> None:
    damage(settings.labelled)
    assert kept.why_not_usable(settings.labelled, {}) == "the labelling that was kept is damaged"


def test_changed_definitions_are_said(settings: Settings) -> None:
    assert kept.why_not_usable(settings.labelled, {"the definitions": "others"}) == (
        "changed since the last release: the definitions"
    )


def test_where_nothing_can_be_kept_nothing_is(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_path: Path) -> str:
        raise OSError(28, "no space left")

    monkeypatch.setattr(kept, "_sha256", full)
    with duckdb.connect() as con:
        con.execute("create table labels (label varchar)")
        kept.keep(con, settings.labelled, {}, ["labels"])
    assert [path.name for path in settings.home.glob("*labelled*")] == []
    assert "could not be kept" in caplog.text


def test_forgetting_a_patient_discards_it(settings: Settings) -> None:
    remove_holding(settings, "east", "east1-p")
    assert not settings.labelled.exists()


def test_only_what_is_delivered_rests_on_submissions() -> None:
    """What else rests on submissions would not be found again by labelling some of the patients.

    `delivered_until` reads the period of the patient's row, which the fingerprint holds with what was left out by then.
    """
    rests_on_submissions = set()
    for file in relations_in_order():
        statement = sqlglot.parse_one(file.select, read="duckdb")
        tables = {table.name for table in statement.find_all(sqlglot.exp.Table)}
        columns = {column.name for column in statement.find_all(sqlglot.exp.Column)}
        if "submissions" in tables or columns & set(PROVENANCE.names) - {"site_id"}:
            rests_on_submissions.add(file.name)
    assert rests_on_submissions == {*increment._OF_SITES, "delivered_until"}


def test_every_other_relation_is_of_patients(two_months: Settings) -> None:
    with duckdb.connect(str(two_months.labelled / "labelled.duckdb"), read_only=True) as con:
        tables = con.sql("select distinct table_name from duckdb_tables()").fetchall()
        of_patients = con.sql("select table_name from duckdb_columns() where column_name = 'patient_id'").fetchall()
    assert sorted(tables) == sorted(of_patients)
