"""An Airflow of the tests' own, with an empty metadata database, and the DAGs as it loads them."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DAGS = Path(__file__).parents[2] / "dags"


@pytest.fixture(scope="session")
def dags(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Every DAG of the folder by its id."""
    with pytest.MonkeyPatch.context() as patch:
        assert "airflow" not in sys.modules, "Airflow reads its environment when it is first imported"
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        patch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(DAGS))
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
        patch.syspath_prepend(DAGS)  # as Airflow's own services do for the folder of a bundle
        from airflow.dag_processing.dagbag import DagBag
        from airflow.utils.db import initdb

        initdb()
        bag = DagBag(dag_folder=DAGS)
        assert bag.import_errors == {}
        yield bag.dags
