"""Airflow as sites run it, on this machine: CeleryExecutor on PostgreSQL and Redis, three workers.

An invented registry is taken in twice: by commands, and by a backfill in the cluster, in the middle of which a worker
and the scheduler are killed and started again. What was killed must be done again, nothing may fail but what is
refused, and the marts of both releases must be equal, byte for byte. The exit status is 0 when all that is so.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from outcomes import pipeline
from outcomes.home import private_files
from outcomes.lake import Lake
from outcomes.settings import Settings
from scripts.local_airflow import SCHEDULER, LocalAirflow, end_on_signals
from scripts.processes import Processes
from scripts.servers import postgres, redis

SIZES = {"small": "3x4", "full": "30x36"}
PATIENTS_OF_A_SITE = 50
WORKERS = 3
INTAKE = "follow_up_submissions"
AFTERWARDS = ("outcome_release", "outcome_reports", "outcome_digest")
# Airflow's default is 300: so long what a dead worker held counts as running.
HEARTBEAT_TIMEOUT_SECONDS = 60
DOWN_SECONDS = 20
REST_SECONDS = 15
AT_MOST_SECONDS = 6 * 60 * 60
OUTCOMES = str(Path(sys.executable).with_name("outcomes"))
_BEGAN = time.monotonic()


@private_files()
def main() -> int:
    """Run it; what was made is deleted, but after a failure, for its logs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("size", type=size_of, help="small, full, or SITESxMONTHS")
    sites, months = parser.parse_args().size
    end_on_signals()
    folder = Path(tempfile.mkdtemp(prefix="outcomes-cluster-"))
    status = 0
    try:
        compare(folder, sites, months)
    except KeyboardInterrupt:
        say("Ended.")
        status = 1
    except (RuntimeError, OSError) as error:
        say(f"Failed: {error}\nWhat there is to look at: {folder}")
        return 1
    shutil.rmtree(folder)
    return status


def size_of(text: str) -> tuple[int, int]:
    """The sites and months that a size stands for.

    Raises:
        ValueError: it is none.
    """
    sites, months = SIZES.get(text, text).split("x")
    return int(sites), int(months)


def say(text: str) -> None:
    """Print it, with how many seconds have passed."""
    print(f"[{time.monotonic() - _BEGAN:6.0f} s] {text}", flush=True)


def compare(folder: Path, sites: int, months: int) -> None:
    """Take in one registry by commands and by the cluster, and compare the marts.

    Raises:
        RuntimeError: they differ, or something failed.
    """
    one, many = Settings(home=folder / "commands"), Settings(home=folder / "cluster")
    scratch = {"TMPDIR": str(folder / "tmp")}  # what is killed leaves its scratch files
    (folder / "tmp").mkdir()
    size = ["--sites", str(sites), "--patients", str(PATIENTS_OF_A_SITE * sites), "--months", str(months - 1)]
    with Processes(folder / "logs") as processes:
        environment = os.environ | scratch | {"OUTCOMES_HOME": str(one.home)}
        command(processes, environment, "synthesize", *size)
        shutil.copytree(one.home, many.home)
        say(f"{sites} sites, {months} months: {len(pipeline.landed(one))} submissions")
        command(processes, environment, "ingest")
        command(processes, environment, "release")
    say("Taken in and released by commands")
    with (
        Processes(folder / "logs") as servers,
        postgres(servers) as database,
        redis(servers) as broker,
        Processes(folder / "logs") as processes,
    ):
        Cluster(processes, many, database, broker, scratch).take_in()
    compare_marts(one, many)


def command(processes: Processes, environment: dict[str, str], name: str, *arguments: str) -> None:
    """Run one command of `outcomes`; that some submissions are refused is no failure.

    Raises:
        RuntimeError: it failed.
    """
    processes.start(name, [OUTCOMES, name, *arguments], environment)
    try:
        processes.finish(name)
    except RuntimeError:
        if "\nsubmissions_refused: " not in processes.log(name).read_text(encoding="utf-8"):
            raise


class Cluster:
    """Airflow's parts, each a program, and the workers.

    Args:
        processes: what is started here ends with them.
        settings: the home with the deliveries.
        database: the address of an empty PostgreSQL database, without a scheme.
        broker: the address of a Redis.
        variables: more of the environment.
    """

    def __init__(
        self, processes: Processes, settings: Settings, database: str, broker: str, variables: dict[str, str]
    ) -> None:
        self._processes = processes
        self._settings = settings
        self._airflow = LocalAirflow(processes, settings.home, paused=True)
        del self._airflow.environment["AIRFLOW__CORE__PARALLELISM"]
        self._airflow.environment |= variables | {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{database}",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql://{database}",
            "AIRFLOW__CELERY__BROKER_URL": broker,
            "AIRFLOW__CELERY__EXTRA_CELERY_CONFIG": '{"imports": ["outcomes.preload"]}',
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(HEARTBEAT_TIMEOUT_SECONDS),
        }

    def take_in(self) -> None:
        """Backfill all months that have landed, kill a worker and the scheduler meanwhile, and wait for the release.

        Raises:
            RuntimeError: something failed that was not killed.
        """
        self._airflow.start()
        for number in range(1, WORKERS + 1):
            self._start_worker(f"worker-{number}")
        self._airflow.wait_until_ready({INTAKE, *AFTERWARDS})
        self._airflow.unpause(INTAKE, *AFTERWARDS)
        say(f"Airflow is ready with {WORKERS} workers")
        periods = sorted({delivery.period for delivery in pipeline.landed(self._settings)})
        months = ["--from-date", f"{periods[0]}-01", "--to-date", f"{periods[-1]}-28", "--max-active-runs", "1"]
        self._airflow.run("airflow-backfill", "backfill", "create", "--dag-id", INTAKE, *months)
        say(f"Backfill of {len(periods)} months")
        self._kill_in_the_middle(len(pipeline.landed(self._settings)))
        self._wait_for_rest()
        self._report()

    def _start_worker(self, name: str, log: str = "") -> None:
        identity = ["--celery-hostname", f"{name}@localhost", "--pid", str(self._settings.home / f"{name}.pid")]
        self._airflow.launch(log or name, "celery", "worker", "--concurrency", "1", "--skip-serve-logs", *identity)

    def _kill_in_the_middle(self, submissions: int) -> None:
        """Wait until a third is taken in and every worker is at an intake, then kill one of them and the scheduler.

        Raises:
            RuntimeError: there were too few for that.
        """
        while self._count("success", "failed") < submissions / 3 or self._count("running") < WORKERS:
            if self._count("success", "failed") == submissions:
                raise RuntimeError("All was taken in before every worker was at an intake: take a larger size")
            time.sleep(1)
        self._processes.kill("worker-1")
        self._processes.kill("airflow-scheduler")
        say(f"Killed: worker-1 and the scheduler, after {self._count('success', 'failed')} intakes")
        time.sleep(DOWN_SECONDS)
        self._airflow.launch("airflow-scheduler-again", *SCHEDULER)
        self._start_worker("worker-1", "worker-1-again")
        say(f"Started both again, after {DOWN_SECONDS} s; meanwhile {self._count('success', 'failed')} intakes ended")

    def _count(self, *states: str) -> int:
        """How many intakes are in one of these states."""
        query = "&".join(["task_id=ingest", "limit=1", *(f"state={state}" for state in states)])
        return int(self._airflow.get(f"/api/v2/dags/{INTAKE}/dagRuns/~/taskInstances?{query}")["total_entries"])

    def _wait_for_rest(self) -> None:
        """Wait until nothing runs, not even what follows what ran.

        Raises:
            RuntimeError: it took too long.
        """
        deadline = time.monotonic() + AT_MOST_SECONDS
        quiet_since, told = time.monotonic(), 0
        while time.monotonic() - quiet_since < REST_SECONDS:
            if time.monotonic() > deadline:
                raise RuntimeError(f"Airflow did not come to rest in {AT_MOST_SECONDS} s")
            if self._airflow.get("/api/v2/dags/~/dagRuns?state=queued&state=running&limit=1")["total_entries"]:
                quiet_since = time.monotonic()
            if (ended := self._count("success", "failed")) >= told + 10:
                say(f"{ended} intakes ended, {self._count('running')} running")
                told = ended
            time.sleep(1)

    def _report(self) -> None:
        """Print what ran, and see that what was killed was done again and that nothing failed but what was refused.

        Raises:
            RuntimeError: it was not.
        """
        tasks = self._tasks()
        again = [task for task in tasks if task["try_number"] > 1]
        seconds = [task["duration"] for task in tasks if task["task_id"] == "ingest"]
        refused = sum(each.outcome == "refused" for each in Lake(self._settings.lake).attempts())
        say(f"{len(tasks)} tasks; {len(seconds)} intakes, {refused} refused, {median(seconds):.1f} s at the median")
        for (name, state), number in sorted(Counter((task["task_id"], task["state"]) for task in tasks).items()):
            say(f"  {name}: {number} {state}")
        say(f"Tried again: {', '.join(map(in_words, again))}")
        failed = [task for task in tasks if task["state"] == "failed" and not may_fail(task)]
        if failed or sum(task["state"] == "failed" for task in tasks if task["task_id"] == "ingest") != refused:
            raise RuntimeError(f"More failed than was refused: {', '.join(map(in_words, failed))}")
        if not again:
            raise RuntimeError("Nothing was tried again, though a worker was killed")

    def _tasks(self) -> list[dict[str, Any]]:
        """Every task instance of every run that did something."""
        found: list[dict[str, Any]] = []
        while True:
            path = f"/api/v2/dags/~/dagRuns/~/taskInstances?limit=100&offset={len(found)}&order_by=id"
            page = self._airflow.get(path)
            found += page["task_instances"]
            if len(found) >= page["total_entries"]:
                return [task for task in found if task["state"] in ("success", "failed", "skipped")]


def in_words(task: dict[str, Any]) -> str:
    """Which task it is, how often it was tried, and how it ended."""
    name = " ".join(filter(None, (task["dag_id"], task["task_id"], task["rendered_map_index"])))
    return f"{name} ({task['state']} at try {task['try_number']})"


def may_fail(task: dict[str, Any]) -> bool:
    """Whether it is an intake, or the look at a month for which nothing was delivered, which the schedule began."""
    is_of_schedule = str(task["dag_run_id"]).startswith("scheduled__")
    return task["task_id"] in ({"ingest", "sites_with_delivery"} if is_of_schedule else {"ingest"})


def compare_marts(one: Settings, many: Settings) -> None:
    """See that the newest releases of two homes hold the same marts: exact ones by bytes, protected ones by rows.

    Raises:
        RuntimeError: they do not.
    """
    marts, others = marts_of(one), marts_of(many)
    differing = sorted(name for name in marts.keys() | others.keys() if marts.get(name) != others.get(name))
    if differing:
        raise RuntimeError(f"{len(differing)} of {len(marts)} marts differ: {', '.join(differing)}")
    say(f"{len(marts)} marts: equal to those of the commands")


def marts_of(settings: Settings) -> dict[str, Any]:
    """The content of each mart of the newest release, by its name; of a protected one its rows."""
    release = settings.releases / "current"
    found: dict[str, Any] = {file.name: file.read_bytes() for file in (release / "parquet").iterdir()}
    with duckdb.connect(str(release / "dashboard.duckdb"), read_only=True) as con:
        for (name,) in con.sql("show tables").fetchall():
            found[f"protected {name}"] = con.table(name).fetchall()
    return found


if __name__ == "__main__":
    sys.exit(main())
