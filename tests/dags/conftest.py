"""An Airflow of the tests' own, with an empty metadata database, and the DAGs as it loads them."""

import json
import multiprocessing
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DAGS = Path(__file__).parents[2] / "dags"


@pytest.fixture(scope="session")
def lineage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file to which every run's OpenLineage events go, one a line."""
    return tmp_path_factory.mktemp("lineage") / "events.jsonl"


@pytest.fixture(scope="session")
def dags(tmp_path_factory: pytest.TempPathFactory, lineage: Path) -> Iterator[dict[str, Any]]:
    """Every DAG of the folder by its id."""
    with pytest.MonkeyPatch.context() as patch:
        assert "airflow" not in sys.modules, "Airflow reads its environment when it is first imported"
        home = tmp_path_factory.mktemp("airflow")
        patch.setenv("AIRFLOW_HOME", str(home))
        patch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(DAGS))
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
        # In a file and not in the environment, which the runbook's Airflow gets too. A busy machine loses no event.
        transport = json.dumps({"type": "file", "log_file_path": str(lineage), "append": True})
        lines = ["[openlineage]", f"transport = {transport}", "execution_timeout = 60", ""]
        (home / "airflow.cfg").write_text("\n".join(lines), encoding="utf-8")
        patch.syspath_prepend(DAGS)  # as Airflow's own services do for the folder of a bundle
        from airflow.dag_processing.dagbag import DagBag
        from airflow.utils.db import initdb

        initdb()
        bag = DagBag(dag_folder=DAGS)
        assert bag.import_errors == {}
        yield bag.dags


@pytest.fixture(autouse=True, scope="module")
def no_process_left() -> Iterator[None]:
    """End the process that Airflow forks for events of lineage, and makes anew when it needs one.

    It holds every pipe open that the tests have, and the browser of other tests would wait for the end of one for ever.
    """
    yield
    for process in multiprocessing.active_children():
        process.kill()
        process.join()
