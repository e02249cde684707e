"""Six real patients of the MIMIC-IV demo, from the hospital's tables to labels.

What is asserted is what the excerpt's README knows of each of them from the records alone. Data: Johnson et al.,
MIMIC-IV Clinical Database Demo v2.2, PhysioNet, Open Database License v1.0.
"""

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from outcomes import pipeline
from outcomes.intake.sources.engine import Import
from outcomes.intake.sources.mimic_iv import import_mimic_iv
from outcomes.labelling.build import run
from outcomes.lake import Lake, SubmissionRecord
from outcomes.settings import Settings
from outcomes.sql.engine import connect

_BESIDE_THE_CHECKOUT = Path(__file__).parents[3] / "shared" / "data" / "mimic-iv-demo-excerpt"
EXCERPT = Path(os.environ.get("OUTCOMES_MIMIC_DEMO", _BESIDE_THE_CHECKOUT))

FUSED = "10010867"
OVER_89 = "10018845"
NOT_IN_THE_COHORT = ["10022880", "10002930", "10004720", "10018845", "10038999"]

pytestmark = pytest.mark.skipif(
    not (EXCERPT / "admissions.csv").is_file(),
    reason="the MIMIC-IV demo excerpt is not here; name its folder in OUTCOMES_MIMIC_DEMO",
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def imported(settings: Settings) -> Import:
    return import_mimic_iv(settings, EXCERPT, "mimic")


@pytest.fixture(scope="module")
def record(settings: Settings, imported: Import) -> SubmissionRecord:
    return pipeline.ingest(settings, "mimic", imported.manifest.period)


@pytest.fixture(scope="module")
def lake(settings: Settings, record: SubmissionRecord) -> Iterator[duckdb.DuckDBPyConnection]:
    """The lake with the labels computed."""
    with connect(settings) as con:
        Lake(settings.lake).attach(con)
        run(con)
        yield con


@pytest.fixture(scope="module")
def keys(imported: Import) -> dict[str, str]:
    """The patient keys by subject_id, and the encounter keys by hadm_id."""
    with imported.crosswalk.open(encoding="utf-8", newline="") as lines:
        return {row["source_key"]: row["key"] for row in csv.DictReader(lines)}


def rows(lake: duckdb.DuckDBPyConnection, query: str, *parameters: str) -> list[tuple[Any, ...]]:
    return lake.execute(query, parameters).fetchall()


def test_every_row_of_the_excerpt_is_accepted(record: SubmissionRecord) -> None:
    delivered = {}
    for table in ("patients", "admissions", "procedures_icd", "diagnoses_icd"):
        with (EXCERPT / f"{table}.csv").open(encoding="utf-8", newline="") as lines:
            delivered[table] = len(list(csv.DictReader(lines)))
    assert delivered["patients"] == 6
    assert record.rows_in == record.rows_accepted == sum(delivered.values())


def test_the_fused_patient_is_the_one_episode(lake: duckdb.DuckDBPyConnection, keys: dict[str, str]) -> None:
    episodes = rows(lake, "select patient_id, sex, age_years, is_staged, is_trauma, first_revision_day from episodes")
    assert episodes == [(keys[FUSED], "female", 28, True, True, None)]


def test_anterior_and_posterior_stage_are_the_index_and_the_thoracic_fusion_is_none(
    lake: duckdb.DuckDBPyConnection, keys: dict[str, str]
) -> None:
    fusions = rows(
        lake,
        "select day, code, encounter_id from procedures where patient_id = ? and code like '0RG%' order by day",
        keys[FUSED],
    )
    assert fusions == [
        (0, "0RG10A0", keys["22429197"]),
        (2, "0RG1071", keys["22429197"]),
        (26, "0RG8071", keys["22950920"]),
    ]
    assert rows(lake, "select day from index_stages order by day") == [(0,), (2,)]
    assert rows(lake, "select count(*) from revisions") == [(0,)]
    assert rows(lake, "select approach from episodes") == [("combined",)]


def test_no_revision_was_performed_in_the_observed_days(lake: duckdb.DuckDBPyConnection, keys: dict[str, str]) -> None:
    # The last discharge is on day 73.
    assert rows(
        lake,
        "select patient_id, status, reason, onset_day, value from labels where label = 'revision_performed'",
    ) == [(keys[FUSED], "no", None, None, 73.0)]


def test_what_the_hospital_cannot_know_is_not_assessable(lake: duckdb.DuckDBPyConnection) -> None:
    assert rows(
        lake,
        "select label, status, reason from labels "
        "where label in ('pain_past_3_months', 'suspected_asd') order by label",
    ) == [
        ("pain_past_3_months", "not_assessable", "no_follow_up"),
        ("suspected_asd", "not_assessable", "level_unknown"),
    ]


def test_the_main_diagnosis_is_the_cervical_fracture(lake: duckdb.DuckDBPyConnection, keys: dict[str, str]) -> None:
    assert rows(
        lake,
        "select day, code from diagnoses where patient_id = ? and encounter_id = ? and position = 1",
        keys[FUSED],
        keys["22429197"],
    ) == [(-1, "S12600A")]


def test_shoulder_pain_is_coded_on_day_67(lake: duckdb.DuckDBPyConnection, keys: dict[str, str]) -> None:
    assert rows(lake, "select patient_id, day from diagnoses where code = 'M25511'") == [(keys[FUSED], 67)]


def test_the_others_are_not_in_the_cohort_because_of_day_0(
    lake: duckdb.DuckDBPyConnection, keys: dict[str, str]
) -> None:
    left = dict(rows(lake, "select patient_id, reason from cohort where step is not null"))
    assert left == {keys[subject_id]: "no_cervical_fusion_on_day_0" for subject_id in NOT_IN_THE_COHORT}
    assert rows(lake, "select count(*) from cohort where step is null") == [(1,)]


def test_the_lumbar_fusion_of_icd_9_is_in_the_lake_on_day_0(
    lake: duckdb.DuckDBPyConnection, keys: dict[str, str]
) -> None:
    assert rows(
        lake,
        "select day, code_system from procedures where patient_id = ? and code = '8107'",
        keys["10022880"],
    ) == [(0, "ICD9PCS")]


def test_neck_pain_and_headache_came_without_surgery(lake: duckdb.DuckDBPyConnection, keys: dict[str, str]) -> None:
    patient = keys["10002930"]
    assert rows(lake, "select count(*) from procedures where patient_id = ?", patient) == [(0,)]
    assert rows(
        lake, "select code from diagnoses where patient_id = ? and code in ('M542', 'R51') order by code", patient
    ) == [("M542",), ("R51",)]


def test_an_age_over_89_is_90(lake: duckdb.DuckDBPyConnection, keys: dict[str, str]) -> None:
    assert rows(lake, "select age_years from patients where patient_id = ?", keys[OVER_89]) == [(90,)]
    assert rows(lake, "select max(age_years) from patients") == [(90,)]


def test_no_key_of_the_source_is_in_the_lake(lake: duckdb.DuckDBPyConnection, keys: dict[str, str]) -> None:
    in_lake = {
        key for (key,) in rows(lake, "select patient_id from patients union select encounter_id from encounters")
    }
    assert in_lake == set(keys.values())
    assert in_lake.isdisjoint(keys)
