"""An exact mart is written by groups of sites, and is as if it had been written at once."""

from collections.abc import Iterator

import duckdb
import pytest

from outcomes.release import build
from outcomes.sql.catalog.marts import Column, Mart

MART = Mart(
    name="visits",
    title="",
    grain="",
    key=("site_id", "patient_id"),
    relation="visited",
    columns=(Column("site_id", "text", ""), Column("patient_id", "text", "")),
)
SITES = {"a": 3, "b'c": 1, "d": 7, "é": 2, "z": 4}


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """Patients of five sites, and visits of them and of one whom the register of patients lacks, in no order."""
    with duckdb.connect() as con:
        con.execute("create table patients (site_id varchar, patient_id varchar)")
        for site, patients in SITES.items():
            con.execute("insert into patients select ?, 'p' || range from range(?)", [site, patients])
        con.execute("create table visited as from patients union all select 'c', 'nobody' order by hash(patient_id)")
        con.execute("attach ':memory:' as research")
        yield con


@pytest.mark.parametrize(("at_once", "groups"), [(1, 5), (4, 4), (8, 3), (100, 1)])
def test_all_rows_in_the_order_of_the_key(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, at_once: int, groups: int
) -> None:
    monkeypatch.setattr(build, "_PATIENTS_AT_ONCE", at_once)
    found = build._groups_of_sites(con)
    assert len(found) == groups
    expected = con.execute(MART.select).fetchall()
    assert build._write_mart(con, MART, found) == len(expected) == 1 + sum(SITES.values())
    assert con.execute("from research.visits").fetchall() == expected


def test_a_registry_without_patients_is_one_group(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("delete from patients")
    assert build._groups_of_sites(con) == ["true and true"]
