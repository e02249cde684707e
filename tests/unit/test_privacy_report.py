"""The privacy report of a release: counts of cells as the protected marts have them, and no count of patients."""

import re
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from outcomes.release.open import DASHBOARD
from outcomes.release.privacy_report import FILE, cells_by_state, write_privacy_report
from outcomes.sql.catalog.marts import STATE, protected_marts
from tests.support.dashboard_release import FIRST_ID

MANIFEST: dict[str, Any] = {
    "release_id": FIRST_ID,
    "data_to": "2026-03",
    "minimum_cell_count": 11,
    "is_synthetic": True,
    "audit": {
        "compared_with": ["2026-02-0a1b2c3d4e5f", "2026-01-0a1b2c3d4e5f"],
        "not_compared_with": ["2026-01-ffffffffffff"],
    },
}


@pytest.fixture
def folder(home: Path, tmp_path: Path) -> Path:
    """With the protected marts of a release."""
    shutil.copy(home / "releases" / FIRST_ID / DASHBOARD, tmp_path)
    return tmp_path


def report(folder: Path, **changed: Any) -> str:
    write_privacy_report(folder, DASHBOARD, MANIFEST | changed)
    return (folder / FILE).read_text(encoding="utf-8")


def rows(text: str, heading: str) -> dict[str, list[str]]:
    """The rows of the table below a heading, by their first cell."""
    lines = text.partition(f"## {heading}\n")[2].partition("\n## ")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return {name: others for name, *others in cells[2:]}


def test_it_counts_cells_and_no_patients(folder: Path) -> None:
    told = rows(report(folder), "Cells by mart")
    assert told.keys() == {mart.name for mart in protected_marts()}
    with duckdb.connect(str(folder / DASHBOARD), read_only=True) as con:
        for name, (*counts, _, _) in told.items():
            found = dict(con.execute(f'select state, count(*) from "{name}" group by state').fetchall())
            assert dict(zip(STATE.enum, counts, strict=True)) == {
                state: f"{found.get(state, 0):,}" for state in STATE.enum
            }


def test_the_manifest_tells_the_same_cells(folder: Path) -> None:
    text = report(folder)
    counted = cells_by_state(folder / DASHBOARD)
    told = rows(text, "Cells by mart") | {f"measures: {name}": cells for name, cells in rows(text, "Measures").items()}
    assert counted.keys() == told.keys()
    for name, states in counted.items():
        assert [f"{states[state]:,}" for state in STATE.enum] == told[name][: len(STATE.enum)]


def test_the_same_cells_with_other_patients_make_the_same_report(folder: Path) -> None:
    before = report(folder)
    with duckdb.connect(str(folder / DASHBOARD)) as con:
        for mart in protected_marts():
            for column in mart.columns:
                if column.unit == "patients" and column.name != "minimum_cell_count":
                    con.execute(f'update "{mart.name}" set "{column.name}" = 977 where "{column.name}" > 10')
    assert report(folder) == before


def test_it_says_what_the_audit_has_looked_at(folder: Path) -> None:
    text = report(folder)
    assert "Together with the releases 2026-02-0a1b2c3d4e5f, 2026-01-0a1b2c3d4e5f, all at once, neither." in text
    assert "not compared: 2026-01-ffffffffffff" in text
    assert "no release before" in report(folder, audit={"compared_with": [], "not_compared_with": []})


def test_a_small_count_that_was_published_all_the_same_is_counted(folder: Path) -> None:
    def small() -> int:
        told = re.search(r"from 1 to 10 in the protected marts: (\d+)\.", report(folder))
        return int(told[1]) if told else -1

    before = small()
    with duckdb.connect(str(folder / DASHBOARD)) as con:
        con.execute("update measures set numerator = 3 where numerator > 10 and site_id is null")
        (changed,) = con.execute("select count(*) from measures where numerator = 3").fetchall()[0]
    assert small() == before + changed > before
