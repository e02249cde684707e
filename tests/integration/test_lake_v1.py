"""A lake of contract version 1 is read and written on: its later columns are null, and no answer changes."""

import csv
import io
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from outcomes.cli import app
from outcomes.contract import TABLES
from outcomes.errors import SubmissionRefused
from outcomes.intake.submission import ingest_submission
from outcomes.labelling import build
from outcomes.lake import PROVENANCE, Lake
from outcomes.settings import Settings
from outcomes.sql.engine import connect
from tests.support.submissions import Row, follow_up, fusion, patient, write_submission

LAKE_V1 = Path(__file__).parents[1] / "fixtures" / "lake_v1"

YES = (
    "select site_id, patient_id, label from labels "
    "where label in ('revision_performed', 'pain_past_3_months') and status = 'yes' order by all"
)
OLD_YES = [
    ("site-a", "a001", "revision_performed"),
    ("site-a", "a003", "pain_past_3_months"),
    ("site-a", "a004", "pain_past_3_months"),
    ("site-b", "b003", "pain_past_3_months"),
]
"""By the fixture's README a001 was revised; a003, a004 and b003 had neck pain of 4 and more at a year."""


def run(home: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["--home", str(home), *arguments])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def answered_yes(home: Path) -> list[tuple[str, ...]]:
    lines = csv.reader(io.StringIO(run(home, "query", YES, "--csv")))
    return [tuple(line) for line in lines][1:]


def in_force(home: Path, query: str) -> list[tuple[Any, ...]]:
    settings = Settings(home=home)
    with connect(settings) as con:
        Lake(settings.lake).attach(con)
        return con.sql(query).fetchall()


def deliver(home: Path, site_id: str, patient_id: str, version: int, *visits: Row) -> None:
    tables = {"patients": [patient(patient_id)], "procedures": [fusion(patient_id)], "follow_ups": list(visits)}
    write_submission(Settings(home=home), site_id, "2026-03", tables, kind="incremental", contract_version=version)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The old lake, copied."""
    shutil.copytree(LAKE_V1, tmp_path / "lake")
    return tmp_path


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_later_columns_are_null_of_their_type_in_the_contracts_order(home: Path, table: Any) -> None:
    settings = Settings(home=home)
    with connect(settings) as con:
        Lake(settings.lake).attach(con)
        rows = con.sql(f"from {table.name}").to_arrow_table()
    assert rows.num_rows > 0
    assert rows.column_names == [*PROVENANCE.names, *table.schema.names]
    assert rows.select(table.schema.names).schema == table.schema
    assert all(rows[column.name].null_count == rows.num_rows for column in table.columns if column.since > 1)


def test_status_release_and_explain(home: Path) -> None:
    assert "site-b" in run(home, "status")
    run(home, "release")
    assert answered_yes(home) == OLD_YES
    assert "a001-revision" in run(home, "explain", "site-a/a001", "--label", "revision_performed")


def test_as_known_on_a_month_before_the_revision(home: Path) -> None:
    settings = Settings(home=home)
    with connect(settings) as con:
        assert Lake(settings.lake).attach_sound(con, "2026-01") == []
        build.run(con)
        assert con.sql(YES).fetchall() == [OLD_YES[1], OLD_YES[3]]


def test_submissions_of_both_versions_are_taken_in_and_nothing_old_moves(home: Path) -> None:
    deliver(home, "site-a", "a005", 2, follow_up("a005", neck_pain_nrs=7, encounter_id="a005-x", eq5d_version="5L"))
    deliver(home, "site-b", "b004", 1, follow_up("b004", neck_pain_nrs=7))
    assert "2 accepted" in run(home, "ingest")
    visits = (
        "select patient_id, encounter_id, eq5d_version, flags from follow_ups where period = '2026-03' order by all"
    )
    assert in_force(home, visits) == [("a005", "a005-x", "5L", "FUP-042"), ("b004", None, None, None)]
    versions = "select site_id, period, contract_version from submissions order by all"
    assert in_force(home, versions) == [
        ("site-a", "2026-01", 1),
        ("site-a", "2026-02", 1),
        ("site-a", "2026-03", 2),
        ("site-b", "2026-01", 1),
        ("site-b", "2026-03", 1),
    ]
    assert run(home, "status").count("accepted") >= 5
    run(home, "release")
    new = [("site-a", "a005", "pain_past_3_months"), ("site-b", "b004", "pain_past_3_months")]
    assert answered_yes(home) == sorted([*OLD_YES, *new])
    run(home, "explain", "site-a/a005")


@pytest.mark.parametrize(
    ("version", "stated", "code"),
    [(2, 1, "column_extra"), (1, 2, "column_missing"), (2, 3, "contract_version_unknown")],
)
def test_a_delivery_of_another_version_than_it_states_is_refused(
    home: Path, version: int, stated: int, code: str
) -> None:
    deliver(home, "site-a", "a005", version)
    manifest = home / "landing" / "site-a" / "2026-03" / "manifest.json"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(
        text.replace(f'"contract_version": {version}', f'"contract_version": {stated}'), encoding="utf-8"
    )
    with pytest.raises(SubmissionRefused) as refused:
        ingest_submission(Settings(home=home), "site-a", "2026-03")
    assert refused.value.code == code
    assert in_force(home, "select count(*) from patients") == [(7,)], "the old lake stays as it was"
