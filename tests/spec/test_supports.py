"""Explaining a yes names every record that decides: these alone, with the index fusion, give the same answer."""

from collections import defaultdict
from dataclasses import replace
from typing import Any

import duckdb
import pytest

from outcomes.contract import TABLES
from outcomes.release.as_released import explaining
from outcomes.sql.catalog.labels import label_definitions
from outcomes.sql.engine import materialize
from tests.generative.histories import Patient, patients
from tests.support.examples import examples
from tests.support.situations import Row, label

Record = tuple[str, str]

INVENTED = 1000 * examples(2)
_ANSWERS = "select site_id, label, status, kind, onset_day from labels where status = 'yes'"


def _named(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], set[Record]]:
    """By site and label, the evidence of each yes and what it is judged with."""
    materialize(con, [explaining("supports")])
    supports = defaultdict(set)
    for site, name, table, record, *support in con.execute(
        "select site_id, label, source_table, record_id, support_table, support_id from supports"
    ).fetchall():
        supports[site, name, table, record].add(tuple(support))
    named = defaultdict(set)
    for site, name, table, record in con.execute(
        "select site_id, label, source_table, record_id from label_evidence"
    ).fetchall():
        named[site, name].add((table, record))
    for (site, name), records in named.items():
        found = list(records)
        while found:
            new = supports[site, name, *found.pop()] - records
            records.update(new)
            found += new
    return named


def _of_the_index_fusion(con: duckdb.DuckDBPyConnection) -> dict[str, set[Record]]:
    """By site, the index fusion with its stages and its stay: what every label is about."""
    kept = defaultdict(set)
    for site, table, record in con.execute(
        """
        select site_id, 'procedures', procedure_id from procedures where day = 0
        union select site_id, 'procedures', procedure_id from neck_operations where is_stage
        union select site_id, 'encounters', encounter_id from index_stays
        """
    ).fetchall():
        kept[site].add((table, record))
    return kept


def _only(tables: dict[str, list[Row]], named: set[Record], observed_days: int | None) -> dict[str, list[Row]]:
    """The patient, observed for as long, the records named, and the encounters that these were part of."""
    kept = {table: [row for row in rows if (table, row[TABLES[table].key]) in named] for table, rows in tables.items()}
    encounters = {row.get("encounter_id") for rows in kept.values() for row in rows}
    return kept | {
        "patients": [row | {"last_contact_day": observed_days} for row in tables["patients"]],
        "encounters": [row for row in tables.get("encounters", []) if row["encounter_id"] in encounters],
    }


@pytest.fixture(scope="module")
def answers() -> dict[str, list[tuple[Any, Any]]]:
    """By label, each yes of an invented patient, and what the records alone give that explain names."""
    drawn = {f"site-{number}": patient for number, patient in enumerate(patients(INVENTED, seed=2))}
    con = _labelled(drawn)
    named, given = _named(con), _of_the_index_fusion(con)
    observed = dict(con.execute("select site_id, observed_days from episodes").fetchall())
    expected = {(site, name): tuple(rest) for site, name, *rest in con.execute(_ANSWERS).fetchall()}
    reduced = {
        f"{site}|{name}": replace(
            drawn[site], tables=_only(drawn[site].tables, named[site, name] | given[site], observed[site])
        )
        for site, name in expected
    }
    found = {(site, name): tuple(rest) for site, name, *rest in _labelled(reduced).execute(_ANSWERS).fetchall()}
    compared = defaultdict(list)
    for (site, name), answer in expected.items():
        compared[name].append((answer, found.get((f"{site}|{name}", name))))
    return compared


def _labelled(drawn: dict[str, Patient]) -> duckdb.DuckDBPyConnection:
    return label(
        {site: patient.tables for site, patient in drawn.items()},
        {site: list(patient.delivered) for site, patient in drawn.items()},
        {site: patient.left_out for site, patient in drawn.items() if patient.left_out},
    )


@pytest.mark.parametrize("name", [definition.name for definition in label_definitions()])
def test_what_explain_names_decides(answers: dict[str, list[tuple[Any, Any]]], name: str) -> None:
    assert answers[name]
    assert [pair for pair in answers[name] if pair[0] != pair[1]] == []
