"""The notebooks run from top to bottom over a release, and say what its marts say."""

import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

import outcomes
from outcomes.settings import Settings
from scripts.docs import DOCS

NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def settings(documented_registry: Settings) -> Settings:
    return documented_registry


def run(settings: Settings, name: str, told: str) -> tuple[list[Any], str]:
    """What the cells of a notebook show, and what `told`, a line of Python at its end, prints."""
    notebook = nbformat.read(DOCS / "notebooks" / f"{name}.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    notebook.cells.append(nbformat.v4.new_code_cell(f"print({told})"))  # type: ignore[no-untyped-call]
    kernel = AsyncKernelManager(kernel_name="python3", transport="ipc")
    NotebookClient(notebook, timeout=120, km=kernel).execute(env=os.environ | {"OUTCOMES_HOME": str(settings.home)})
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return outputs[:-1], outputs[-1]["text"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_what_it_showed(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def test_table_1(settings: Settings) -> None:
    outputs, told = run(settings, "table_1", "table_1.set_index(table_1.index.map(str)).to_json()")
    shown = json.loads(told)
    assert f"Release {outcomes.open_release(settings=settings).id}" in outputs[0]["text"]
    with outcomes.connect(settings=settings) as con:
        patients = con.execute(
            "select approach, count(*) as patients, count(*) filter (where sex = 'female') as women, "
            "count(*) filter (where sex in ('female', 'male', 'other')) as known, round(avg(bmi), 1) as bmi, "
            "count(*) - count(bmi) as bmi_not_known from episodes group by rollup (approach)"
        ).fetchall()
        ndi = con.execute(
            "select avg(ndi_percent) from follow_ups inner join visit_windows using (site_id, follow_up_id) "
            "where visit_windows.visit_window = 'baseline'"
        ).fetchone()
    for approach, count, women, known, bmi, bmi_not_known in patients:
        column = shown[approach or "all"]
        assert column["('Patients', '')"] == str(count)
        assert column["('Sex', 'female')"] == f"{women} ({100 * women / known:.1f})"
        assert column["('Body mass index, kg/m²', 'mean (SD)')"].startswith(f"{bmi:.1f} (")
        if approach is None:
            assert shown["not known"]["('Body mass index, kg/m²', 'mean (SD)')"] == str(bmi_not_known)
            assert ndi is not None
            assert column["('Neck Disability Index, percent', 'mean (SD)')"].startswith(f"{ndi[0]:.1f} (")


def test_revision_curve_by_levels(settings: Settings) -> None:
    outputs, told = run(settings, "revision_curve_by_levels", "at_years.reset_index().to_json(orient='records')")
    with outcomes.connect(settings=settings) as con:
        expected = con.execute(
            "select stratum, at_risk, events, competing, round(100 * incidence, 1) from cumulative_incidence "
            "where outcome = 'revision' and estimator = 'aalen_johansen' and stratum_kind = 'levels_band' "
            "and site_id is null and stratum <> 'unknown' and day in (365, 730, 1825) and at_risk >= 11 "
            "order by stratum, day"
        ).fetchall()
    rows = json.loads(told)
    assert len(expected) >= 6
    assert [
        (row["levels"], row["at_risk"], row["events"], row["competing"], row["incidence, percent"]) for row in rows
    ] == expected
    figures = [output for output in outputs if "application/vnd.plotly.v1+json" in output.get("data", {})]
    assert len(figures) == 1
    names = {trace.get("name") for trace in figures[0]["data"]["application/vnd.plotly.v1+json"]["data"]}
    assert {"1 level", "2 levels", "3+ levels"} <= names
