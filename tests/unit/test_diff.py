"""What differs between two releases, over releases of a few rows written by hand."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from outcomes.release.diff import (
    REASONS,
    ColumnChange,
    DefinitionChange,
    LabelChange,
    ReleaseDiff,
    RowChange,
    SubmissionChange,
    diff,
)
from outcomes.release.open import Release
from outcomes.release.verify import seal
from outcomes.settings import Settings
from tests.support.examples import examples

Row = dict[str, Any]

_PATIENT = {"site_id": pa.string(), "patient_id": pa.string()}
_ANSWER = {"label": pa.string(), "status": pa.string(), "reason": pa.string(), "value": pa.float64()}
_LABELS = pa.schema(_PATIENT | _ANSWER | {"definition_version": pa.int32()})
_EPISODES = pa.schema(_PATIENT | {"observed_days": pa.int64()})
_EVIDENCE = pa.schema(_PATIENT | {"record_id": pa.string(), "submission_id": pa.string()})


def answer(patient: str, status: str = "no", label: str = "pain", **cells: Any) -> Row:
    """A label of a patient, given as SITE/PATIENT."""
    site_id, patient_id = patient.split("/")
    return {"site_id": site_id, "patient_id": patient_id, "label": label, "status": status} | cells


def episode(patient: str, observed_days: int = 100) -> Row:
    site_id, patient_id = patient.split("/")
    return {"site_id": site_id, "patient_id": patient_id, "observed_days": observed_days}


def evidence(patient: str, submission_id: str) -> Row:
    site_id, patient_id = patient.split("/")
    record = {"record_id": f"record-of-{patient_id}", "submission_id": submission_id}
    return {"site_id": site_id, "patient_id": patient_id} | record


def release(
    folder: Path,
    labels: list[Row],
    *,
    episodes: list[Row] | None = None,
    evidence: list[Row] | None = None,
    submissions: dict[str, str] | None = None,
    definitions: dict[str, int] | None = None,
    marts: dict[str, pa.Table] | None = None,
    **facts: Any,
) -> Release:
    """A release of these rows; `submissions` gives the status of each, named by site and period."""
    patients = dict.fromkeys(f"{row['site_id']}/{row['patient_id']}" for row in labels)
    tables = {
        "labels": pa.Table.from_pylist(labels, _LABELS),
        "episodes": pa.Table.from_pylist(episodes or [episode(patient) for patient in patients], _EPISODES),
        "label_evidence": pa.Table.from_pylist(evidence or [], _EVIDENCE),
    } | (marts or {})
    (folder / "parquet").mkdir(parents=True)
    for name, table in tables.items():
        parquet.write_table(table, folder / "parquet" / f"{name}.parquet")
    stated = [
        {"submission_id": name, "site_id": name.split("/")[0], "period": name.split("/")[1][:7], "status": status}
        for name, status in (submissions or {"north/2026-01": "accepted", "south/2026-01": "accepted"}).items()
    ]
    manifest = {
        "release_id": folder.name,
        "rows": {name: table.num_rows for name, table in tables.items()},
        "definitions": {"pain": 1} if definitions is None else definitions,
        "submissions": stated,
        **{"thresholds_sha256": "t1", "definitions_sha256": "d1", "eq5d_value_set_sha256": None},
        **{"code_version": "0.1.0", "engine": "duckdb"},
    }
    seal(folder)
    return Release(folder.name, folder, manifest | facts)


def compare(before: Release, after: Release) -> ReleaseDiff:
    found = diff(before, after, Settings(home=before.folder.parent))
    assert "north-p" not in json.dumps(asdict(found)), "a patient's key leaves the comparison"
    assert all(set(change.reasons) <= set(REASONS) for change in found.labels)
    return found


def test_a_release_is_like_itself(tmp_path: Path) -> None:
    same = release(tmp_path / "a", [answer("north/north-p1")])
    found = compare(same, same)
    assert (found.inputs, found.submissions, found.definitions, found.columns, found.labels) == ((), (), (), (), ())
    assert RowChange("labels", 1, 1) in found.rows


def test_a_new_submission_changes_the_patient_of_whom_it_tells(tmp_path: Path) -> None:
    """The second patient's answer moves with the site: nothing that the marts show of the patient differs."""
    before = release(tmp_path / "a", [answer("north/north-p1"), answer("north/north-p2")])
    after = release(
        tmp_path / "b",
        [answer("north/north-p1", "yes"), answer("north/north-p2", "not_assessable"), answer("north/north-p3")],
        episodes=[episode("north/north-p1", 130), episode("north/north-p2"), episode("north/north-p3")],
        submissions={"north/2026-01": "accepted", "north/2026-02": "accepted", "south/2026-01": "accepted"},
    )
    found = compare(before, after)
    assert found.submissions == (SubmissionChange("north/2026-02", "north", "2026-02", None, "accepted"),)
    assert set(found.labels) == {
        LabelChange("pain", "no", "yes", ("new_submission", "patient_data"), 1),
        LabelChange("pain", "no", "not_assessable", ("new_submission",), 1),
        LabelChange("pain", None, "no", ("new_submission", "patient_data"), 1),
    }
    assert RowChange("labels", 2, 3) in found.rows


def test_a_submission_that_was_replaced_takes_patients_with_it(tmp_path: Path) -> None:
    before = release(tmp_path / "a", [answer("north/north-p1"), answer("south/south-p1")])
    after = release(
        tmp_path / "b",
        [answer("south/south-p1", "yes")],
        submissions={"north/2026-01": "superseded", "north/2026-01-again": "accepted"}
        | {"south/2026-01": "accepted", "south/2026-02": "refused"},
    )
    found = compare(before, after)
    reasons = ("new_submission", "superseded_submission", "patient_data")
    assert found.labels == (LabelChange("pain", "no", "yes", (), 1), LabelChange("pain", "no", None, reasons, 1))
    assert SubmissionChange("south/2026-02", "south", "2026-02", None, "refused") in found.submissions


def test_a_record_delivered_again_is_no_new_data(tmp_path: Path) -> None:
    def told(name: str, status: str, by: str, stated: dict[str, str]) -> Release:
        cited = [evidence("north/north-p1", by)]
        return release(tmp_path / name, [answer("north/north-p1", status)], evidence=cited, submissions=stated)

    before = told("a", "no", "north/2026-01", {"north/2026-01": "accepted"})
    again = {"north/2026-01": "superseded", "north/2026-02": "accepted"}
    (change,) = compare(before, told("b", "yes", "north/2026-02", again)).labels
    assert change.reasons == ("new_submission", "superseded_submission")


def test_a_definition_of_another_meaning_under_the_same_version_is_named(tmp_path: Path) -> None:
    def lock(pain: str, measure_version: int) -> dict[str, Any]:
        measure = {"version": measure_version, "sha256": pain}
        return {"label pain": {"version": 1, "sha256": pain}, "measure pain": measure}

    before = release(tmp_path / "a", [answer("north/p")], definitions={"pain": 1}, definitions_lock=lock("a", 1))
    after = release(tmp_path / "b", [answer("north/p", "yes")], definitions={"pain": 1}, definitions_lock=lock("b", 2))
    found = compare(before, after)
    assert found.definitions == (DefinitionChange("label", "pain", 1, 1), DefinitionChange("measure", "pain", 1, 2))
    assert found.labels == (LabelChange("pain", "no", "yes", ("definition_changed",), 1),)


def test_a_definition_and_the_inputs_that_all_share(tmp_path: Path) -> None:
    """Without a submission of its own the site's data can't have changed, whatever the marts make of them."""
    before = release(
        tmp_path / "a",
        [answer("north/north-p1", definition_version=1), answer("north/north-p1", label="asd", definition_version=1)],
        definitions={"asd": 1, "pain": 1},
    )
    after = release(
        tmp_path / "b",
        [
            answer("north/north-p1", "yes", definition_version=2),
            answer("north/north-p1", label="asd", value=4.0, definition_version=1),
        ],
        episodes=[episode("north/north-p1", 99)],
        definitions={"asd": 1, "pain": 2},
        thresholds_sha256="t2",
        definitions_sha256="d2",
        code_version="0.2.0",
    )
    found = compare(before, after)
    assert found.inputs == ("thresholds", "sql", "code")
    assert found.definitions == (DefinitionChange("label", "pain", 1, 2),)
    assert found.labels == (
        LabelChange("asd", "no", "no", ("thresholds", "sql", "code"), 1),
        LabelChange("pain", "no", "yes", ("definition_version", "thresholds", "sql", "code"), 1),
    )


def test_another_version_with_the_same_answer_is_no_change(tmp_path: Path) -> None:
    before = release(tmp_path / "a", [answer("north/north-p1", definition_version=1)])
    after = release(tmp_path / "b", [answer("north/north-p1", definition_version=2)], definitions={"pain": 2})
    assert compare(before, after).labels == ()


def test_a_label_that_came_and_one_that_went(tmp_path: Path) -> None:
    before = release(tmp_path / "a", [answer("north/north-p1", label="old")], definitions={"old": 3})
    after = release(
        tmp_path / "b",
        [answer("north/north-p1", label="new")],
        definitions={"new": 1},
        submissions={"north/2026-02": "accepted"},
        code_version="0.2.0",
    )
    found = compare(before, after)
    assert found.definitions == (DefinitionChange("label", "new", None, 1), DefinitionChange("label", "old", 3, None))
    assert found.labels == (
        LabelChange("new", None, "no", ("label_added",), 1),
        LabelChange("old", "no", None, ("label_removed",), 1),
    )


def test_the_schema(tmp_path: Path) -> None:
    before = release(
        tmp_path / "a",
        [answer("north/north-p1")],
        marts={"gone": pa.table({"x": [1]}), "windows": pa.table({"day": ["1"], "levels": ["C5-6"]})},
    )
    after = release(
        tmp_path / "b",
        [answer("north/north-p1")],
        marts={"come": pa.table({"y": [True]}), "windows": pa.table({"day": [1], "type": ["other"]})},
    )
    found = compare(before, after)
    assert found.columns == (
        ColumnChange("come", "y", None, "BOOLEAN"),
        ColumnChange("gone", "x", "BIGINT", None),
        ColumnChange("windows", "day", "VARCHAR", "BIGINT"),
        ColumnChange("windows", "levels", "VARCHAR", None),
        ColumnChange("windows", "type", None, "VARCHAR"),
    )
    assert {RowChange("come", None, 1), RowChange("gone", 1, None)} <= set(found.rows)
    assert found.labels == ()


_STATUS = st.sampled_from(["yes", "no", "not_assessable"])
_ANSWERS = st.dictionaries(st.tuples(st.sampled_from(["pain", "asd"]), st.integers(1, 6)), _STATUS)


@settings(deadline=None, max_examples=examples(50))
@given(before=_ANSWERS, after=_ANSWERS)
def test_the_changes_lead_from_one_release_to_the_other(
    before: dict[tuple[str, int], str], after: dict[tuple[str, int], str]
) -> None:
    def rows(answers: dict[tuple[str, int], str]) -> list[Row]:
        return [answer(f"north/north-p{patient}", status, label) for (label, patient), status in answers.items()]

    def tally(answers: dict[tuple[str, int], str]) -> Counter[tuple[str, str]]:
        return Counter((label, status) for (label, _), status in answers.items())

    with TemporaryDirectory() as folder:
        found = compare(release(Path(folder) / "a", rows(before)), release(Path(folder) / "b", rows(after)))
    counts = tally(before)
    for change in found.labels:
        assert change.before != change.after
        if change.before:
            counts[change.label, change.before] -= change.episodes
        if change.after:
            counts[change.label, change.after] += change.episodes
    assert +counts == tally(after)


@pytest.mark.parametrize("missing", ["follow_ups", "revisions"])
def test_a_release_of_older_code_may_lack_marts(tmp_path: Path, missing: str) -> None:
    visits = {missing: pa.table({"site_id": ["north"], "patient_id": ["north-p1"]})}
    before = release(tmp_path / "a", [answer("north/north-p1")])
    after = release(
        tmp_path / "b",
        [answer("north/north-p1", "yes")],
        marts=visits,
        submissions={"north/2026-01": "accepted", "north/2026-02": "accepted"},
    )
    (change,) = compare(before, after).labels
    assert change.reasons == ("new_submission",)
