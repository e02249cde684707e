"""The bundle by which Airflow finds the DAGs: it knows its version, and refuses to do the work of another one."""

from pathlib import Path
from typing import Any

import pytest

import outcomes


def bundle(version: str | None) -> Any:
    from outcomes.dag_bundle import PackagedDags

    return PackagedDags(name="outcomes", version=version)


def test_its_version_is_that_of_the_package_and_its_folder_holds_the_dags(dags: dict[str, Any]) -> None:
    found = bundle(None)
    found.initialize()
    assert found.get_current_version().version == outcomes.__version__
    assert {file.stem for file in Path(found.path).glob("[!_]*.py")} == dags.keys()


def test_a_run_of_the_installed_version_is_done(dags: dict[str, Any]) -> None:
    bundle(outcomes.__version__).initialize()


def test_a_run_of_another_version_is_refused_and_both_are_named(dags: dict[str, Any]) -> None:
    with pytest.raises(RuntimeError, match=rf"version 0\.0\.1 .* {outcomes.__version__} is installed"):
        bundle("0.0.1").initialize()
