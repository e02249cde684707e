"""Hand-written patients through the real intake and release; each answer was worked out from the specification.

A case names what differs from a healthy patient of a complete site; `later` is delivered a month after, `rule` says
which rule of the specification, version 2, decides where version 1 answered otherwise.
"""

import itertools
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from outcomes import pipeline
from outcomes.contract import TABLES
from outcomes.settings import Settings
from tests.support.exact_release import build_exact_release
from tests.support.submissions import Row, write_submission

_FOLDER = Path(__file__).parent / "clinical_cases"
_GROUPS = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(_FOLDER.glob("*.yaml"))}
CASES: dict[str, dict[str, Any]] = {case["case"]: case for cases in _GROUPS.values() for case in cases}

_TABLES_OF_SITE = {
    "full": set(TABLES),
    "noimg": TABLES.keys() - {"imaging"},
    "nofu": TABLES.keys() - {"follow_ups"},
    "onlypx": {"patients", "procedures"},
}
_PERIODS = {"records": "2026-01", "later": "2026-02"}


def _patient(number: int, case: dict[str, Any]) -> Row:
    """A patient whose month of surgery and days of the cut are spread, so that no common date shows through them."""
    row = {"patient_id": case["case"], "sex": "female", "age_years": 50, "treatment_data_complete": True}
    row |= {"index_period": f"{2017 + number % 3}-{1 + number % 12:02d}", "data_cut_day": 2000 + number * 37 % 400}
    row |= case.get("patient", {})
    return {"last_contact_day": min(row["data_cut_day"], row.get("death_day", row["data_cut_day"]))} | row


def _rows(number: int, case: dict[str, Any], part: str) -> dict[str, list[Row]]:
    tables: dict[str, list[Row]] = {name: list(rows) for name, rows in case.get(part, {}).items()}
    if part == "records":
        index = {"day": 0, "code_system": "CPT", "code": "22551", "levels": "C5-6", "approach": "anterior"}
        tables["patients"] = [_patient(number, case)]
        tables["procedures"] = [index | case.get("index", {}), *tables.get("procedures", [])]
    return {
        name: [
            {TABLES[name].key: f"{case['case']}_{part}_{name}_{place}", "patient_id": case["case"]} | row
            for place, row in enumerate(rows)
        ]
        for name, rows in tables.items()
    }


@pytest.fixture(scope="module")
def research(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """The research marts of a release of all cases."""
    settings = Settings(home=tmp_path_factory.mktemp("cases"), max_critical_share=1)
    for (part, period), site in itertools.product(_PERIODS.items(), _TABLES_OF_SITE):
        tables: dict[str, list[Row]] = {name: [] for name in _TABLES_OF_SITE[site] if part == "records"}
        for number, case in enumerate(CASES.values()):
            for name, rows in _rows(number, case, part).items() if case.get("site", "full") == site else ():
                tables.setdefault(name, []).extend(rows)
        if tables:
            write_submission(settings, site, period, tables, kind="full" if part == "records" else "incremental")
            pipeline.ingest(settings, site, period)
    return duckdb.connect(build_exact_release(settings).research, read_only=True)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case(research: duckdb.DuckDBPyConnection, case: dict[str, Any]) -> None:
    episode = _one(research, "select * from episodes where patient_id = ?", case["case"])
    assert (episode is None) == ("leaves" in case)
    expected = {
        "expect": case.get("expect", {}),
        "episode": case.get("episode", {}),
        "scores": case.get("scores", {}),
    }
    found = {
        "expect": {name: _label(research, case["case"], name, want) for name, want in expected["expect"].items()},
        "episode": {name: (episode or {}).get(name) for name in expected["episode"]},
        "scores": {day: _scores(research, case["case"], day, want) for day, want in expected["scores"].items()},
    }
    assert found == expected


def _label(con: duckdb.DuckDBPyConnection, patient: str, label: str, expected: Row) -> Row:
    row = _one(con, "select * from labels where patient_id = ? and label = ?", patient, label) or {}
    return {name: row.get(name) for name in expected}


def _scores(con: duckdb.DuckDBPyConnection, patient: str, day: int, expected: Row) -> Row:
    row = _one(con, "select * from follow_ups where patient_id = ? and day = ?", patient, day) or {}
    return {name: row.get(name) for name in expected}


def _one(con: duckdb.DuckDBPyConnection, query: str, *given: Any) -> Row | None:
    found = con.execute(query, given)
    names = [column for column, *_ in found.description]
    rows = found.fetchall()
    assert len(rows) <= 1
    return dict(zip(names, rows[0], strict=True)) if rows else None
