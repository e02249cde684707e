"""The labels' specification: small named situations and the result that each must have."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from outcomes.sql.catalog.labels import label_definitions
from tests.support.situations import complete, label

FOLDER = Path(__file__).parent / "labels"
SPECIFICATIONS = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.yaml"))}
SITUATIONS = [(name, number) for name, situations in SPECIFICATIONS.items() for number in range(len(situations))]


def _site(name: str, number: int) -> str:
    return f"{name}-{number}"


@pytest.fixture(scope="module")
def labelled() -> duckdb.DuckDBPyConnection:
    """Every situation of every label in one run, each as a site of its own."""
    sites = {
        _site(name, number): complete(SPECIFICATIONS[name][number].get("records", {})) for name, number in SITUATIONS
    }
    delivered = {
        _site(name, number): SPECIFICATIONS[name][number]["delivered"]
        for name, number in SITUATIONS
        if "delivered" in SPECIFICATIONS[name][number]
    }
    left_out = {
        _site(name, number): SPECIFICATIONS[name][number]["left_out"]
        for name, number in SITUATIONS
        if "left_out" in SPECIFICATIONS[name][number]
    }
    return label(sites, delivered, left_out)


def test_every_label_has_a_specification() -> None:
    assert {definition.name for definition in label_definitions()} == set(SPECIFICATIONS)


@pytest.mark.parametrize(
    ("name", "number"),
    SITUATIONS,
    ids=[f"{name}: {SPECIFICATIONS[name][number]['situation']}" for name, number in SITUATIONS],
)
def test_situation(labelled: duckdb.DuckDBPyConnection, name: str, number: int) -> None:
    expected: dict[str, Any] = dict(SPECIFICATIONS[name][number]["expect"])
    evidence = expected.pop("evidence", None)
    key = [_site(name, number), name]
    columns = list(expected)
    found = labelled.execute(f"select {', '.join(columns)} from labels where site_id = ? and label = ?", key).fetchall()
    assert [dict(zip(columns, row, strict=True)) for row in found] == [expected]
    if evidence is not None:
        records = labelled.execute(
            "select record_id from label_evidence where site_id = ? and label = ? order by record_id", key
        ).fetchall()
        assert [record for (record,) in records] == sorted(evidence)


def test_each_episode_has_each_label_once_with_evidence(labelled: duckdb.DuckDBPyConnection) -> None:
    episodes = labelled.execute("select count(*) from episodes").fetchone()
    assert episodes
    counts = labelled.execute(
        """
        select count(*), count(distinct (site_id, patient_id, label)), count(distinct label),
            count(*) filter (where (status = 'not_assessable') <> (reason is not null)),
            count(*) filter (where (status = 'yes') <> (onset_day is not null))
        from labels
        """
    ).fetchone()
    labels = len(label_definitions())
    assert counts == (episodes[0] * labels, episodes[0] * labels, labels, 0, 0)
    unproven = labelled.execute(
        "select count(*) from labels anti join label_evidence using (site_id, patient_id, label)"
    ).fetchone()
    assert unproven == (0,)
