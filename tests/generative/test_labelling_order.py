"""The labels depend on the records alone: not on their order, not on the number of threads."""

import random
from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.situations import complete, label

_days = st.one_of(
    st.sampled_from([-400, -30, -1, 0, 1, 14, 15, 41, 42, 80, 91, 92, 180, 272, 273]), st.integers(1, 900)
)
_joints = st.sampled_from([None, "C3-4", "C4-5", "C5-6", "C6-7", "C4-5;C5-6"])
_visits = st.fixed_dictionaries({
    "day": _days,
    "neck_pain_nrs": st.sampled_from([None, 0.0, 3.0, 4.0, 9.0]),
    "arm_pain_nrs": st.sampled_from([None, 2.0, 5.0]),
    "ndi_total": st.sampled_from([None, 10.0, 20.0]),
    "ndi_unit": st.just("percent"),
})  # fmt: skip
_procedures = st.fixed_dictionaries({
    "day": _days.filter(bool),
    "code_system": st.just("CPT"),
    "code": st.sampled_from(["22551", "22600", "22855", "63020", "22856", "99213"]),
    "levels": _joints,
    "modifier": st.sampled_from([None, "58", "78"]),
    "encounter_id": st.sampled_from([None, "e1", "e2"]),
})  # fmt: skip
_diagnoses = st.fixed_dictionaries({
    "day": _days,
    "code_system": st.just("ICD10CM"),
    "code": st.sampled_from(["M50121", "M50123", "M4722", "M960", "S12600A", "Z981", "M542"]),
    "encounter_id": st.sampled_from([None, "e1", "e2"]),
})  # fmt: skip
_images = st.fixed_dictionaries({
    "day": _days,
    "level": st.sampled_from(["C3-4", "C4-5", "C5-6", "C6-7"]),
    "finding": st.sampled_from(["degeneration", "stenosis", "normal"]),
    "value": st.sampled_from([None, 1.0, 2.0]),
})  # fmt: skip
_patients = st.fixed_dictionaries({
    "last_contact_day": st.sampled_from([0, 1, 90, 91, 92, 700]),
    "data_cut_day": st.sampled_from([91, 92, 730]),
    "death_day": st.sampled_from([None, 90, 92, 800]),
})  # fmt: skip
_histories = st.fixed_dictionaries({
    "patients": _patients.map(lambda row: [row]),
    "follow_ups": st.lists(_visits, max_size=5),
    "procedures": st.lists(_procedures, max_size=4),
    "diagnoses": st.lists(_diagnoses, max_size=4),
    "imaging": st.lists(_images, max_size=4),
})  # fmt: skip


def _results(con: duckdb.DuckDBPyConnection) -> tuple[list[Any], list[Any]]:
    return (
        con.execute("select * from labels order by all").fetchall(),
        con.execute("select * from label_evidence order by all").fetchall(),
    )


@settings(max_examples=examples(4), deadline=None)
@given(histories=st.lists(_histories, min_size=1, max_size=40), seed=st.integers(0, 2**32))
def test_shuffled_rows_give_the_same_labels(histories: list[dict[str, Any]], seed: int) -> None:
    sites = {f"site-{number}": complete(history) for number, history in enumerate(histories)}
    shuffled = {
        site: {table: random.Random(seed).sample(rows, len(rows)) for table, rows in tables.items()}
        for site, tables in sorted(sites.items(), reverse=True)
    }
    results = _results(label(sites))
    assert results == _results(label(shuffled))
    labels, evidence = results
    assert len({row[:3] for row in labels}) == len(labels)
    assert {row[:3] for row in labels} == {(row[2], row[0], row[1]) for row in evidence}
