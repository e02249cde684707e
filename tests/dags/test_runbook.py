"""The runbook for data engineers: each of its commands, in its order, against an Airflow of its own that runs."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from outcomes import pipeline
from outcomes.lake import Lake
from outcomes.periods import add_months
from outcomes.settings import Settings
from scripts.local_airflow import LocalAirflow
from scripts.processes import Processes
from tests.support.submissions import follow_up, fusion, patient, write_submission

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"
DAGS = {
    "expected_deliveries",
    "follow_up_submissions",
    "new_deliveries",
    "outcome_digest",
    "outcome_release",
    "outcome_reports",
}
FIRST = {"east": "2025-12", "north": "2026-01"}
SECONDS = 600


def patients_of(period: str) -> list[str]:
    return [f"p{period[2:4]}x{period[5:]}x{number}" for number in range(2)]


class Registry:
    """Two sites' landing folder, and the Airflow that takes it in."""

    def __init__(self, settings: Settings, airflow: LocalAirflow) -> None:
        self.settings = settings
        self.airflow = airflow

    def deliver(self, site_id: str, period: str) -> Path:
        """Two patients of their own a month, and a visit of one of the month before."""
        tables = {
            "patients": [patient(each, index_period="2023") for each in patients_of(period)],
            "procedures": [fusion(each) for each in patients_of(period)],
        }
        if period > FIRST[site_id]:
            tables["follow_ups"] = [follow_up(patients_of(add_months(period, -1))[0], neck_pain_nrs=5)]
        return write_submission(
            self.settings, site_id, period, tables, kind="incremental", deidentification_method="safe_harbor"
        )

    def spoil(self, site_id: str, period: str) -> None:
        (self.settings.landing / site_id / period / "patients.csv").write_text("changed\n", encoding="utf-8")

    def outcomes(self) -> dict[str, str]:
        """How the newest attempt of each delivery ended."""
        found = {}
        for delivery in pipeline.landed(self.settings):
            if attempts := Lake(self.settings.lake).recorded(delivery.site_id, delivery.period):
                found[f"{delivery.site_id}/{delivery.period}"] = attempts[-1].outcome
        return found

    def pending(self) -> dict[str, int]:
        """The rows that wait for their patients, of each site that has some."""
        attempts = Lake(self.settings.lake).attempts()
        waiting = {site_id: sum(each.rows_pending for each in attempts if each.site_id == site_id) for site_id in FIRST}
        return {site_id: rows for site_id, rows in waiting.items() if rows}

    def runs(self, dag_id: str, *kinds: str) -> list[dict[str, Any]]:
        """The DAG's runs of these kinds, oldest first."""
        runs = self.airflow.get(f"/api/v2/dags/{dag_id}/dagRuns?order_by=id&limit=100")["dag_runs"]
        return [run for run in runs if run["run_type"] in kinds]

    def states(self, dag_id: str, *kinds: str) -> list[str]:
        return [run["state"] for run in self.runs(dag_id, *kinds)]

    def rest(self) -> None:
        """Wait until nothing runs any more, not even what follows what ran."""
        deadline = time.monotonic() + SECONDS
        quiet = 0
        while quiet < 4:
            assert time.monotonic() < deadline, "Airflow did not come to rest"
            runs = self.airflow.get("/api/v2/dags/~/dagRuns?state=queued&state=running&limit=1")["dag_runs"]
            quiet = 0 if runs else quiet + 1
            time.sleep(1)

    def say(self, command: str) -> str:
        """Run a command as the runbook's reader does."""
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        environment |= {"OUTCOMES_HOME": str(self.settings.home)}
        done = subprocess.run(
            ["bash", "-euc", f". airflow/environment\n{command}"],
            cwd=self.settings.home,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    settings = Settings(home=tmp_path_factory.mktemp("home").resolve())
    with Processes(settings.home / "logs") as processes:
        airflow = LocalAirflow(processes, settings.home, paused=True)
        airflow.start()
        airflow.wait_until_ready(DAGS)
        yield Registry(settings, airflow)


def sections() -> dict[str, list[str]]:
    """The commands of each section of the page that has some."""
    found: dict[str, list[str]] = {}
    for section in RUNBOOK.read_text(encoding="utf-8").split("\n## "):
        title = section.partition("\n")[0].removeprefix("# ")
        blocks = re.findall(r"```sh\n(.*?)```", section, flags=re.DOTALL)
        if commands := [line for block in blocks for line in block.splitlines()]:
            found[title] = commands
    return found


def example(name: str) -> str:
    """The file that the page shows."""
    (found,) = re.findall(rf"`{name}`.*?```csv\n(.*?)```", RUNBOOK.read_text(encoding="utf-8"), flags=re.DOTALL)
    return str(found)


def take_in_months(registry: Registry) -> None:
    backfilled = registry.runs("follow_up_submissions", "backfill")
    assert [run["partition_key"] for run in backfilled] == ["2026-01", "2026-02"]
    assert [run["state"] for run in backfilled] == ["success", "failed"]
    assert backfilled[1]["start_date"] < backfilled[0]["end_date"], "the months did not run side by side"
    assert registry.outcomes() == {
        "east/2026-01": "accepted",
        "east/2026-02": "accepted",
        "north/2026-01": "accepted",
        "north/2026-02": "refused",
    }
    assert registry.pending() == {"east": 1}, "it waits for December, which has not come"
    assert pipeline.release_is_current(registry.settings)
    releases = registry.runs("outcome_release", "asset_triggered")
    assert [run["state"] for run in releases] == ["success"] * len(releases)
    assert len([path for path in registry.settings.releases.iterdir() if path.name.startswith("2026-02")]) == 1


def late_delivery(registry: Registry) -> None:
    """December comes after February; north's refused month is tried once more, since no run of its own had seen it."""
    assert registry.outcomes()["east/2025-12"] == "accepted"
    assert registry.pending() == {}
    assert sorted(registry.states("follow_up_submissions", "operator_triggered")) == ["failed", "success"]
    assert pipeline.release_is_current(registry.settings)


def mended(registry: Registry) -> None:
    assert set(registry.outcomes().values()) == {"accepted"}
    assert registry.states("follow_up_submissions", "backfill") == ["success", "success"]
    triggered = registry.states("follow_up_submissions", "operator_triggered")
    assert sorted(triggered) == ["failed", "success", "success"]
    assert pipeline.release_is_current(registry.settings)


def checked(registry: Registry) -> None:
    """East has not delivered since February; one run was that of the schedule."""
    assert registry.states("expected_deliveries", "manual") == ["failed"]


def published(registry: Registry) -> None:
    assert registry.states("outcome_release", "manual") == ["success"]
    assert pipeline.release_is_current(registry.settings)


def nothing_waits(registry: Registry) -> None:
    assert pipeline.waiting(registry.settings) == []
    assert registry.pending() == {}
    with duckdb.connect(str(registry.settings.releases / "current" / "research.duckdb"), read_only=True) as con:
        visits = con.execute("select site_id, count(*) from follow_ups group by all order by all").fetchall()
    assert visits == [("east", 2), ("north", 1)]


def any_state(registry: Registry) -> None:
    """The command asks or says something and changes nothing."""


# What there is to be seen after a section's commands.
AFTER: dict[str, Callable[[Registry], None]] = {
    "Runbook: the pipeline in Airflow": any_state,
    "Look at what is there": any_state,
    "Take in months that have landed already": take_in_months,
    "A delivery came after its month's run": late_delivery,
    "A site was refused": mended,
    "A month failed for a technical reason": nothing_waits,
    "A site is late": checked,
    "Publish without a new delivery": published,
}


@pytest.mark.long
def test_every_command_of_the_runbook_does_what_the_page_says(registry: Registry) -> None:
    assert list(sections()) == list(AFTER)
    for period in ("2026-01", "2026-02"):
        for site_id in ("east", "north"):
            registry.deliver(site_id, period)
    registry.spoil("north", "2026-02")
    registry.settings.deliveries_file.write_text(example("deliveries.csv"), encoding="utf-8")
    registry.airflow.unpause("follow_up_submissions", "outcome_release")
    # Before the commands of a section, what its reader meets.
    before: dict[str, Callable[[], object]] = {
        "A delivery came after its month's run": lambda: registry.deliver("east", "2025-12"),
        "A site was refused": lambda: registry.deliver("north", "2026-02"),
        "A site is late": lambda: registry.airflow.unpause("expected_deliveries"),
    }
    for title, commands in sections().items():
        if meet := before.get(title):
            meet()
        for command in commands:
            registry.say(command)
            registry.rest()
        AFTER[title](registry)
