"""No release dies of data: any optional column may be empty, and no patient leaves without an attrition step."""

import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outcomes.contract import TABLES
from outcomes.measures.inputs import make_inputs
from outcomes.release.build import build_release
from outcomes.settings import Settings
from tests.generative.histories import patients
from tests.integration.small_lake import PATIENTS_PER_SITE, SITES, fill_lake
from tests.support.examples import examples, few
from tests.support.situations import Row, label

Place = tuple[str, str]
"""A column of a table."""

_NEEDED = {"patient_id", "day", "start_day"}
OPTIONAL: list[Place] = [
    (table.name, column.name)
    for table in TABLES.values()
    for column in table.columns
    if column.name not in {table.key, *_NEEDED}
]
PATIENTS = patients(15, seed=2)


def _without(tables: dict[str, list[Row]], empty: tuple[Place, ...]) -> dict[str, list[Row]]:
    return {
        name: [{column: None if (name, column) in empty else value for column, value in row.items()} for row in rows]
        for name, rows in tables.items()
    }


def _unaccounted(con: duckdb.DuckDBPyConnection) -> int:
    """Patients who are neither in an episode nor gone at a step of the attrition."""
    (count,) = con.execute(
        """
        select count(*)
        from patients
        anti join episodes using (site_id, patient_id)
        anti join (from cohort where step is not null) using (site_id, patient_id)
        """
    ).fetchone() or (None,)
    assert isinstance(count, int)
    return count


def _assert_all_accounted(variants: Sequence[tuple[Place, ...]], patients_of_each: int) -> None:
    """Label each variant as sites of its own, of so many patients in turn, and account for every patient."""
    turns = itertools.cycle(PATIENTS)
    con = label(
        {
            f"{number}-{who}": _without(patient.tables, empty)
            for number, empty in enumerate(variants)
            for who, patient in enumerate(itertools.islice(turns, patients_of_each))
        }
    )
    make_inputs(con)
    delivered = len(variants) * patients_of_each
    assert con.execute("select count(*) from patients").fetchall() == [(delivered,)]
    assert _unaccounted(con) == 0
    steps = con.execute("select sum(patients_in) filter (where step = 1), sum(patients_out) from attrition").fetchall()
    episodes = con.execute("select count(*) from episodes").fetchall()
    assert steps[0][0] == delivered == steps[0][1] + episodes[0][0]


def test_a_column_may_be_empty() -> None:
    _assert_all_accounted([(), *((place,) for place in OPTIONAL)], examples(5))


@pytest.mark.parametrize("part", few(1, range(4)))
def test_two_columns_may_be_empty(part: int) -> None:
    _assert_all_accounted(list(itertools.combinations(OPTIONAL, 2))[part::4], examples(1))


EMPTY: list[tuple[Place, ...]] = [
    (("patients", "index_period"), ("procedures", "levels"), ("follow_ups", "neck_pain_nrs")),
    (("procedures", "code_system"),),
    (("patients", "data_cut_day"), ("patients", "last_contact_day")),
    (("patients", "index_period"),),
    (("procedures", "levels"), ("follow_ups", "neck_pain_nrs")),
]
"""Of releases by themselves: no time, joint or answer; nobody operated on; nobody observed."""


@pytest.mark.parametrize("empty", few(2, [(empty,) for empty in EMPTY]))
def test_a_release_is_published_whatever_is_empty(empty: tuple[Place, ...]) -> None:
    _assert_published(empty)


@pytest.mark.long
@given(st.sets(st.sampled_from(OPTIONAL), min_size=1, max_size=2).map(sorted).map(tuple))
@settings(max_examples=examples(1), deadline=None)
def test_a_release_is_published_whichever_two_columns_are_empty(empty: tuple[Place, ...]) -> None:
    _assert_published(empty)


def _assert_published(empty: tuple[Place, ...]) -> None:
    with tempfile.TemporaryDirectory() as home:
        given_settings = Settings(home=Path(home))
        fill_lake(given_settings, empty=empty)
        release = build_release(given_settings)
        with release.connect() as con:
            accounted = con.execute(
                "select (select count(*) from episodes) + (select sum(patients_out) from attrition)"
            ).fetchall()
        assert accounted == [(PATIENTS_PER_SITE * len(SITES),)]
