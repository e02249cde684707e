"""The whole line on invented patients: synthesize, backfill through Airflow, release, dashboards.

`DEMO_SERVE=0` in the environment ends it after publishing. The exit status is 0 when everything went as planned; that
some submissions are refused is part of the plan, because faults were planted in them.
"""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from outcomes import pipeline
from outcomes.home import private_files
from outcomes.lake import Lake
from outcomes.settings import Settings
from scripts.local_airflow import HOST, LocalAirflow, answers, end_on_signals, is_free
from scripts.processes import Processes

DASHBOARD_PORT = 8050
BACKFILLED = {"follow_up_submissions", "outcome_release", "outcome_reports", "outcome_digest"}
WATCHING = {"expected_deliveries", "new_deliveries"}  # they would take in at once what the backfill is to show
OUTCOMES = str(Path(sys.executable).with_name("outcomes"))
TASK_SECONDS = 600
console = Console(highlight=False, markup=False, soft_wrap=True)


@private_files()
def main() -> int:
    """Run the demo; at Ctrl-C or SIGTERM, at its end and at a failure every process that it started is ended."""
    end_on_signals()
    settings = Settings(home=Settings().home.resolve())
    os.environ["OUTCOMES_HOME"] = str(settings.home)
    serve = os.environ.get("DEMO_SERVE", "1") != "0"
    try:
        if serve and not is_free(DASHBOARD_PORT):
            raise RuntimeError(f"Something already listens on {HOST}:{DASHBOARD_PORT}; end it, or set DEMO_SERVE=0")
        with Processes(settings.home / "logs") as processes:
            airflow = LocalAirflow(processes, settings.home, paused=True)
            publish(settings, processes, airflow)
            if serve:
                serve_dashboards(processes, airflow)
    except KeyboardInterrupt:
        console.print("Ended.")
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        console.print(f"The demo failed. {error}")
        return 1
    return 0


def publish(settings: Settings, processes: Processes, airflow: LocalAirflow) -> None:
    """From nothing (or from what has landed already) to a published release."""
    started = time.monotonic()
    if landed := pipeline.landed(settings) if settings.landing.is_dir() else []:
        console.print(f"Using the {len(landed)} submissions that have landed in {settings.landing}")
    else:
        console.print("Inventing a registry: outcomes synthesize")
        processes.start("synthesize", [OUTCOMES, "synthesize"])
    console.print(f"Starting Airflow: {airflow.address}")
    airflow.forget()
    airflow.start()
    airflow.wait_until_ready(BACKFILLED | WATCHING)
    airflow.unpause(*sorted(BACKFILLED))
    processes.finish("synthesize")
    since = datetime.now(UTC)
    backfill(settings, airflow, since)
    console.print("Waiting for outcome_release to publish")
    if wait_for_task(settings, airflow, ("outcome_release", "publish"), since) == "success":
        console.print("Waiting for outcome_reports to write a report per site")
        wait_for_task(settings, airflow, ("outcome_reports", "report"), since)
        console.print("Waiting for outcome_digest to write a digest per site")
        wait_for_task(settings, airflow, ("outcome_digest", "digest"), since)
    subprocess.run([OUTCOMES, "status"], check=True)
    console.print(f"Published after {time.monotonic() - started:.0f} s: {(settings.releases / 'current').resolve()}")


def backfill(settings: Settings, airflow: LocalAirflow, since: datetime) -> None:
    """Take in every period that has landed, oldest first, with Airflow's own command; show how each submission ends.

    Raises:
        RuntimeError: a task failed for another reason than a refused submission.
    """
    deliveries = pipeline.landed(settings)
    periods = sorted({delivery.period for delivery in deliveries})
    command = ["backfill", "create", "--dag-id", "follow_up_submissions", "--reprocess-behavior", "completed"]
    command += ["--from-date", f"{periods[0]}-01", "--to-date", f"{periods[-1]}-28", "--max-active-runs", "1"]
    console.print(f"airflow {' '.join(command)}")
    airflow.run("airflow-backfill", *command)

    seen: set[str] = set()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("submissions", total=len(deliveries))
        running = True
        while running:
            time.sleep(2)
            runs = runs_since(airflow, "follow_up_submissions", since)
            running = any(run["state"] in ("queued", "running") for run in runs)
            for run, task in ended_tasks(airflow, runs):
                if task["id"] in seen:
                    continue
                seen.add(task["id"])
                if task["task_id"] == "ingest":
                    progress.advance(bar)
                    progress.console.print(f"  {describe(settings, run, task)}")
                elif task["state"] == "failed":
                    raise RuntimeError(failure(settings, task))


def describe(settings: Settings, run: dict[str, Any], task: dict[str, Any]) -> str:
    """How one submission ended, in a line.

    Raises:
        RuntimeError: its task failed, and not because the submission was refused.
    """
    site_id, period = task["rendered_map_index"], run["partition_key"]
    if task["state"] == "success":
        return f"{period}  {site_id}: taken in"
    attempts = Lake.of(settings).recorded(site_id, period)
    if not attempts or attempts[-1].outcome != "refused":
        raise RuntimeError(failure(settings, task))
    return f"{period}  {site_id}: refused, {attempts[-1].code}"


def wait_for_task(settings: Settings, airflow: LocalAirflow, task: tuple[str, str], since: datetime) -> str:
    """Wait until a task of a DAG has ended, in all its instances, and give how: success or skipped.

    Args:
        settings: where logs are.
        airflow: the Airflow that runs it.
        task: the ids of the DAG and of the task.
        since: runs queued earlier don't count.

    Raises:
        RuntimeError: a task of the DAG failed, or this one did not end in time.
    """
    dag_id, task_id = task
    deadline = time.monotonic() + TASK_SECONDS
    while time.monotonic() < deadline:
        runs = runs_since(airflow, dag_id, since)
        ended = [one for _, one in ended_tasks(airflow, runs)]
        for one in ended:
            if one["state"] == "failed":
                raise RuntimeError(failure(settings, one))
        states = [one["state"] for one in ended if one["task_id"] == task_id]
        if states and all(run["state"] == "success" for run in runs):
            return "success" if "success" in states else "skipped"
        time.sleep(2)
    raise RuntimeError(f"{task_id} of {dag_id} was not done in {TASK_SECONDS} s.")


def runs_since(airflow: LocalAirflow, dag_id: str, since: datetime) -> list[dict[str, Any]]:
    """The DAG's runs that were queued since a moment, oldest first, but for those of its own schedule."""
    runs = airflow.get(f"/api/v2/dags/{dag_id}/dagRuns?order_by=-id&limit=100")["dag_runs"]
    return [
        run
        for run in reversed(runs)
        if run["run_type"] != "scheduled" and datetime.fromisoformat(run["queued_at"]) >= since
    ]


def ended_tasks(airflow: LocalAirflow, runs: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each run's tasks that did something and ended, with the run."""
    ended = []
    for run in runs:
        path = f"/api/v2/dags/{run['dag_id']}/dagRuns/{quote(run['dag_run_id'])}/taskInstances?limit=100"
        tasks = airflow.get(path)["task_instances"]
        ended += [(run, task) for task in tasks if task["state"] in ("success", "failed", "skipped")]
    return ended


def failure(settings: Settings, task: dict[str, Any]) -> str:
    """Which task failed, and where its log is."""
    folder = settings.home / "airflow" / "logs" / f"dag_id={task['dag_id']}" / f"run_id={task['dag_run_id']}"
    return f"The task {task['task_id']} of {task['dag_id']} failed; its log: {folder / ('task_id=' + task['task_id'])}"


def serve_dashboards(processes: Processes, airflow: LocalAirflow) -> None:
    """Serve the dashboards beside Airflow until Ctrl-C."""
    airflow.unpause(*sorted(WATCHING))
    address = f"http://{HOST}:{DASHBOARD_PORT}"
    processes.start("dashboards", [OUTCOMES, "serve", "--port", str(DASHBOARD_PORT)])
    while not answers(address):
        processes.check()
        time.sleep(0.5)
    console.print(f"Dashboards: {address}\nAirflow:    {airflow.address}\nCtrl-C ends both.")
    while True:
        processes.check()
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
