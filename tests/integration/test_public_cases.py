"""Small submissions made after faults that other projects of the field reported; each says what must come of it.

A case is a JSON file: the rows that it cares about, and what should hold. All are taken into one lake, a site each.
`sql` is asked of the rows that the research marts hold of the site, `quarantined` counts rows of a table in quarantine,
`or_refused` lets a refusal of the submission stand as well.
"""

import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from outcomes import pipeline
from outcomes.contract import TABLES
from outcomes.errors import SubmissionRefused
from outcomes.intake.manifest import write_manifest
from outcomes.lake import SubmissionRecord
from outcomes.release.open import Release
from outcomes.settings import Settings
from tests.support.exact_release import build_exact_release
from tests.support.submissions import DATA_CUT, Row, fusion, patient, write_csv

CASES = {path.stem: path for path in sorted((Path(__file__).parent / "public_cases").glob("*.json"))}
PATIENT = {"age_years": 54, "index_period": "2020-03", "data_cut_day": 900, "last_contact_day": 800}


Taken = dict[str, SubmissionRecord | None]


@pytest.fixture(scope="module")
def cases() -> dict[str, Row]:
    """Each case by its site."""
    return {_site(path): json.loads(path.read_text(encoding="utf-8")) for path in CASES.values()}


def _site(path: Path) -> str:
    return path.stem.replace("_", "-")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"), max_critical_share=1)


@pytest.fixture(scope="module")
def taken(settings: Settings, cases: dict[str, Row]) -> Taken:
    """What became of each case's submission; none where it was refused."""
    return {site: _taken_in(settings, site, case) for site, case in cases.items()}


def _taken_in(settings: Settings, site: str, case: Row) -> SubmissionRecord | None:
    _deliver(case, site, settings.landing / site / "2026-01")
    try:
        return pipeline.ingest(settings, site, "2026-01")
    except SubmissionRefused:
        return None


@pytest.fixture(scope="module")
def release(settings: Settings, taken: Taken) -> Release:
    """One release of all cases, a site each."""
    return build_exact_release(settings)


@pytest.mark.parametrize("path", CASES.values(), ids=CASES)
def test_case(path: Path, cases: dict[str, Row], taken: Taken, release: Release) -> None:
    site = _site(path)
    case, record = cases[site], taken[site]
    if record is None:
        assert case.get("or_refused", False)
        return
    with _marts_of(site, release) as con:
        for expected in case["should"]:
            _assert_holds(expected, record, con)


def _marts_of(site: str, release: Release) -> duckdb.DuckDBPyConnection:
    """A database whose marts hold the rows of one site."""
    con = duckdb.connect()
    con.execute(f"attach '{release.research}' as released (read_only)")
    found = con.execute(
        "select table_name from duckdb_columns() where database_name = 'released' and column_name = 'site_id'"
    ).fetchall()
    for (mart,) in found:
        con.execute(f"create view {mart} as from released.{mart} where site_id = '{site}'")
    return con


def _assert_holds(expected: Row, record: SubmissionRecord, con: duckdb.DuckDBPyConnection) -> None:
    quarantined = {table.source_table: table.rows_quarantined for table in record.tables}
    if "sql" in expected:
        assert json.loads(json.dumps(con.execute(expected["sql"]).fetchall())) == expected["is"]
    elif "warned_or_quarantined" in expected:
        warned = sum(rule.rows_failed for rule in record.rules if rule.severity == "warning")
        assert warned or any(quarantined.values())
    else:
        assert quarantined[expected["table"]] == expected["quarantined"]


def _deliver(case: Row, site: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    tables: dict[str, list[Row]] = {
        name: [{} if name == "patients" else {TABLES[name].key: f"k{n}{name[:3]}"} | row for n, row in enumerate(rows)]
        for name, rows in case["tables"].items()
    }
    tables["patients"] = [patient(**(PATIENT | row)) for row in case["tables"]["patients"]]
    if not case.get("no_fusion"):
        fused = {row["patient_id"] for row in tables.get("procedures", []) if row["day"] == 0}
        index = [fusion(row["patient_id"]) for row in tables["patients"] if row["patient_id"] not in fused]
        tables["procedures"] = [*tables.get("procedures", []), *index]
    for name, rows in tables.items():
        if floats := case.get("parquet_nan", {}).get(name):
            pq.write_table(_with_nan(name, rows, floats), folder / f"{name}.parquet")
            continue
        write_csv(folder / f"{name}.csv", name, rows)
        with (folder / f"{name}.csv").open("a", encoding="utf-8") as lines:
            blank = "," * (len(TABLES[name].columns) - 1) + "\r\n"
            lines.write(blank * case.get("blank_rows", {}).get(name, 0))
    write_manifest(
        folder,
        site_id=site,
        period="2026-01",
        kind="full",
        deidentification_method="expert_determination",
        data_cut=DATA_CUT,
    )


def _with_nan(name: str, rows: list[Row], floats: list[str]) -> pa.Table:
    """The rows as another tool writes them: numbers as floats with NaN for nothing, all else as text."""
    columns = TABLES[name].schema.names
    return pa.table({column: _column([row.get(column) for row in rows], column in floats) for column in columns})


def _column(cells: list[Any], is_float: bool) -> pa.Array:
    if is_float:
        return pa.array([float("nan") if cell is None else float(cell) for cell in cells])
    return pa.array([None if cell is None else str(cell) for cell in cells], pa.string())
