"""Labelling only who has new records gives what labelling everybody gives, whatever comes month by month."""

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from outcomes.contract import TABLES
from outcomes.labelling import increment
from outcomes.labelling.increment import Increment
from outcomes.lake import Lake
from outcomes.release.build import relations_of_marts
from outcomes.sql.catalog.labels import relations_in_order
from outcomes.sql.engine import connect
from tests.generative.histories import Row, Tables
from tests.support.examples import examples
from tests.support.monthly_lake import MonthlyLake, invented

SITES = ("east", "north")
PATIENTS_PER_SITE = 12
PERIODS = ("2024-01", "2024-02", "2024-03", "2024-04")
NOT_AT_FIRST = {"north": ("imaging", "treatments")}
RESTS_ON = {"the code": "1", "the value set": None}
COMPARED = sorted(
    {file.name for file in relations_in_order()} & relations_of_marts()
    | {"labels", "cited_records", "label_evidence", "sensitivity"}
)

_steps = st.tuples(
    st.sampled_from(SITES),
    st.sampled_from(PERIODS),
    st.sampled_from(["incremental"] * 6 + ["withdrawn", "full"]),
    st.integers(0, 2**16),
)
"""A delivery or a withdrawal: the site, the month, the kind, and the seed of what it holds."""


@pytest.fixture(autouse=True)
def _always_from_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(increment, "_MOST", 1)


def _some(random: Random, site: str, everything: Tables) -> Tables:
    """A few rows: as they were, corrected, withdrawn, or of another patient."""
    left_out = NOT_AT_FIRST.get(site, ()) if random.random() < 0.7 else ()
    delivered: Tables = {}
    for name, rows in everything.items():
        if name not in left_out:
            chosen = random.sample(rows, min(len(rows), random.choice([0, 0, 1, 3])))
            delivered[name] = [_changed(random, name, row, rows) for row in chosen]
    return {name: rows for name, rows in delivered.items() if rows or random.random() < 0.3}


def _changed(random: Random, name: str, row: Row, rows: list[Row]) -> Row:
    key, other = TABLES[name].key, random.choice(rows)
    match random.choice(["same", "same", "corrected", "withdrawn", "moved"]):
        case "corrected":
            return other | {key: row[key], "patient_id": row["patient_id"]}
        case "withdrawn":
            return {key: row[key], "deleted": True}
        case "moved":
            return row | {"patient_id": other["patient_id"], key: row[key]}
        case _:
            return row


def _labelled(lake: MonthlyLake, folder: Path | None) -> dict[str, list[Any]]:
    """Every relation that something later reads, labelled with the labelling before or without."""
    with connect(lake.settings) as con:
        assert Lake(lake.settings.lake).attach_sound(con) == []
        labelling = Increment(folder, RESTS_ON, frozenset(relations_of_marts()))
        labelling.label(con)
        found = {name: con.sql(f'from "{name}" order by all').fetchall() for name in COMPARED}
        labelling.keep(con)
        return found


@settings(
    max_examples=examples(2),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit] if examples(1) == 1 else list(Phase),
)
@given(seed=st.integers(0, 2**16), steps=st.lists(_steps, min_size=1, max_size=3))
@example(
    seed=7,
    steps=[
        ("north", "2024-02", "incremental", 1),
        ("east", "2024-02", "full", 3),
        ("north", "2024-02", "withdrawn", 0),
    ],
)
def test_month_by_month_is_as_all_at_once(seed: int, steps: list[tuple[str, str, str, int]]) -> None:
    with TemporaryDirectory() as home:
        lake, kept = MonthlyLake(Path(home)), Path(home) / "labelled"
        everything = {site: invented(site, PATIENTS_PER_SITE, seed + number) for number, site in enumerate(SITES)}
        for site, tables in everything.items():
            first = {name: rows for name, rows in tables.items() if name not in NOT_AT_FIRST.get(site, ())}
            lake.deliver(site, PERIODS[0], "full", first)
        _labelled(lake, kept)
        for site, period, kind, of_step in steps:
            if kind == "withdrawn":
                lake.withdraw(site, period)
            else:
                lake.deliver(site, period, kind, _some(Random(of_step), site, everything[site]))
        together, alone = _labelled(lake, kept), _labelled(lake, None)
        for name in COMPARED:
            assert together[name] == alone[name], name


def test_what_was_left_out_reaches_patients_without_new_records(tmp_path: Path) -> None:
    lake, kept = MonthlyLake(tmp_path), tmp_path / "labelled"
    everything = invented("north", PATIENTS_PER_SITE, 3)
    patients: Tables = {"patients": everything["patients"], "procedures": []}
    empty: Tables = {name: [] for name in TABLES}
    lake.deliver("north", "2024-01", "full", everything)
    with_gap = []
    for period, tables in (("2024-02", patients), ("2024-03", empty | patients), ("2024-02", empty)):
        lake.deliver("north", period, "incremental", tables)
        after = _labelled(lake, kept)
        assert after == _labelled(lake, None)
        with_gap.append(any(reason == "delivery_gap" for row in after["labels"] for reason in row))
    assert with_gap == [True, True, False]


def test_facts_of_a_site_reach_patients_without_new_records(tmp_path: Path) -> None:
    """All go but one, and with them who made a label of that one uncounted; then a table comes for the first time."""
    lake, kept = MonthlyLake(tmp_path), tmp_path / "labelled"
    everything = invented("north", 2 * PATIENTS_PER_SITE, 7)
    lake.deliver("north", "2024-01", "full", {name: rows for name, rows in everything.items() if name != "imaging"})
    before = _labelled(lake, kept)["labels"]
    (stays, *_) = [row[2] for row in before if row[3] != "not_assessable" and not row[-1]]
    others = {row["patient_id"] for row in everything["patients"]} - {stays}
    gone = [{"patient_id": patient_id, "deleted": True} for patient_id in sorted(others)]
    of_others = [row for row in everything["imaging"] if row["patient_id"] in others]
    for period, tables in (("2024-02", {"patients": gone}), ("2024-03", {"imaging": of_others[:1]})):
        lake.deliver("north", period, "incremental", tables)
        after = _labelled(lake, kept)
        assert after == _labelled(lake, None)
        assert {row[2] for row in after["labels"]} == {stays}
        assert after["labels"] != [row for row in before if row[2] == stays]
