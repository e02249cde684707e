"""What holds for every DAG: it loads, lightly, and says what it is, whose it is and how its failures are handled."""

import ast
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from outcomes.errors import OutcomesError, SubmissionRefused, UnexpectedError

FILES = sorted(file for file in (Path(__file__).parents[2] / "dags").glob("*.py") if not file.name.startswith("_"))
HEAVY = {"deltalake", "duckdb", "great_expectations", "numpy", "pandas", "plotly", "pyarrow", "statsmodels"}

# The task graph of each DAG: a changed graph is a changed meaning, so it is changed here too.
GRAPHS = {
    "expected_deliveries": {"deliveries_on_time": set()},
    "follow_up_submissions": {
        "sites_with_delivery": {"ingest"},
        "ingest": {"update_lake", "every_site_accepted"},
        "update_lake": set(),
        "every_site_accepted": set(),
    },
    "new_deliveries": {"not_taken_up": {"take_in"}, "take_in": set()},
    "outcome_digest": {"sites": {"digest"}, "digest": set()},
    "outcome_release": {"intake_at_rest": {"publish"}, "publish": set()},
    "outcome_reports": {"sites": {"report"}, "report": set()},
}

PARSE = """
import json, pathlib, runpy, sys, time
import airflow.sdk
sys.path.append(str(pathlib.Path(sys.argv[1]).parent))
before = time.process_time()
runpy.run_path(sys.argv[1])
print(json.dumps({"seconds": time.process_time() - before, "modules": sorted(sys.modules)}))
"""


def test_every_file_is_one_dag_of_its_name(dags: dict[str, Any]) -> None:
    assert sorted(dags) == [file.stem for file in FILES]


def test_task_graphs(dags: dict[str, Any]) -> None:
    found = {
        dag_id: {task.task_id: set(task.downstream_task_ids) for task in dag.tasks} for dag_id, dag in dags.items()
    }
    assert found == GRAPHS


@pytest.mark.parametrize("dag_id", sorted(GRAPHS))
def test_every_dag_says_what_it_is_and_whose(dags: dict[str, Any], dag_id: str) -> None:
    dag = dags[dag_id]
    assert dag.tags
    assert dag.doc_md
    assert len(dag.doc_md) > 40
    assert {task.owner for task in dag.tasks} == {"registry"}


def test_only_months_run_side_by_side_and_no_dag_catches_up_by_itself(dags: dict[str, Any]) -> None:
    assert {dag_id for dag_id, dag in dags.items() if dag.max_active_runs > 1} == {"follow_up_submissions"}
    assert not any(dag.catchup for dag in dags.values())


def test_every_task_and_every_run_ends_in_time(dags: dict[str, Any]) -> None:
    """A run may take longer than any of its tasks, and longer than the release waits for the intake to rest."""
    for dag in dags.values():
        for task in dag.tasks:
            assert timedelta(0) < task.execution_timeout < dag.dagrun_timeout
    waiting = dags["outcome_release"].get_task("intake_at_rest")
    publishing = dags["outcome_release"].get_task("publish")
    assert timedelta(seconds=waiting.timeout) + publishing.execution_timeout < dags["outcome_release"].dagrun_timeout


def test_no_task_holds_a_worker_while_it_waits(dags: dict[str, Any]) -> None:
    assert dags["outcome_release"].get_task("intake_at_rest").mode == "reschedule"
    assert not dags["new_deliveries"].get_task("take_in").partial_kwargs.get("wait_for_completion")


def test_every_worker_can_do_every_task_and_no_pool_has_to_be_made(dags: dict[str, Any]) -> None:
    tasks = [task for dag in dags.values() for task in dag.tasks]
    assert {(task.queue, task.pool, task.pool_slots) for task in tasks} == {("default", "default_pool", 1)}


def test_tasks_that_are_mapped_over_sites_are_limited(dags: dict[str, Any]) -> None:
    limits = {
        task.task_id: task.max_active_tis_per_dag for dag in dags.values() for task in dag.tasks if task.is_mapped
    }
    assert limits == {"digest": 4, "ingest": 4, "report": 4, "take_in": 4}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_dag_file_orchestrates_and_nothing_else(file: Path) -> None:
    """It opens no file, starts no program and asks no database: that is the library's."""
    parsed = ast.parse(file.read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(parsed) if isinstance(node, ast.ImportFrom)}
    assert not any(isinstance(node, ast.Import) for node in ast.walk(parsed))
    assert {name.partition(".")[0] for name in imported if name} <= {
        "_defaults", "_mail", "_sites", "airflow", "dashboards", "datetime", "outcomes", "typing",
    }  # fmt: skip
    loops = (ast.For, ast.While, ast.With, ast.Try, ast.Lambda)
    assert not any(isinstance(node, loops) for node in ast.walk(parsed))


@pytest.mark.parametrize("dag_id", sorted(GRAPHS))
def test_named_mistakes_fail_at_once_and_other_errors_are_tried_again(dags: dict[str, Any], dag_id: str) -> None:
    from airflow.sdk import RetryAction

    for task in dags[dag_id].tasks:
        assert task.retries > 0
        for mistake in (SubmissionRefused("file_empty", "here"), OutcomesError("nothing_to_release", "here")):
            assert task.retry_policy.evaluate(mistake, 1, task.retries).action is RetryAction.FAIL
        for passing in (OSError(), TimeoutError(), UnexpectedError("here: DeltaError")):
            assert task.retry_policy.evaluate(passing, 1, task.retries).action is not RetryAction.FAIL


def test_sites_are_mapped_and_the_lake_is_updated_whatever_became_of_them(dags: dict[str, Any]) -> None:
    dag = dags["follow_up_submissions"]
    assert dag.get_task("ingest").is_mapped
    assert dag.get_task("update_lake").trigger_rule == "all_done"


def test_the_release_follows_the_asset_that_the_submissions_update(dags: dict[str, Any]) -> None:
    updated = dags["follow_up_submissions"].get_task("update_lake").outlets
    assert [dags["outcome_release"].timetable.asset_condition] == updated


def test_reports_and_digests_follow_the_release(dags: dict[str, Any]) -> None:
    published = dags["outcome_release"].get_task("publish").outlets
    for dag_id, task_id in (("outcome_reports", "report"), ("outcome_digest", "digest")):
        assert [dags[dag_id].timetable.asset_condition] == published
        assert dags[dag_id].get_task(task_id).is_mapped


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_parsing_is_light(file: Path, tmp_path: Path) -> None:
    """Processor time, in a process of its own, so that neither other tests nor a busy machine decide."""
    parsed = subprocess.run(
        [sys.executable, "-c", PARSE, str(file)],
        env={"AIRFLOW_HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(parsed.stdout.splitlines()[-1])
    assert HEAVY.isdisjoint(found["modules"])
    assert found["seconds"] < 1


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_dag_file_is_short(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 70


def test_no_lineage_unless_a_transport_is_configured(dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.openlineage import conf

    assert not conf.is_disabled()
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", "")
    assert conf.is_disabled()
