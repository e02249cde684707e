"""The demo over a small landing folder: Airflow's own backfill, one release at its end, and nothing left running."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import psutil
import pytest

from outcomes.settings import Settings
from scripts.demo import TASK_SECONDS
from tests.support.submissions import follow_up, fusion, patient, write_submission

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Two sites with a history and an increment of one visit; north's increment was changed after its manifest."""
    settings = Settings(home=tmp_path)
    for site_id in ("east", "north"):
        write_submission(settings, site_id, "2025-04", {"patients": [patient()], "procedures": [fusion()]})
        increment = {"patients": [patient()], "procedures": [fusion()], "follow_ups": [follow_up(neck_pain_nrs=5)]}
        write_submission(settings, site_id, "2025-05", increment, kind="incremental")
    (settings.landing / "north" / "2025-05" / "patients.csv").write_text("changed\n", encoding="utf-8")
    return settings


def start_demo(settings: Settings) -> subprocess.Popen[str]:
    """The demo as a shell starts it in the background, which has it ignore Ctrl-C."""
    environment = os.environ | {"OUTCOMES_HOME": str(settings.home), "DEMO_SERVE": "0"}
    return subprocess.Popen(
        ["sh", "-c", f"trap '' INT; exec {sys.executable} -m scripts.demo"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def output_of(demo: subprocess.Popen[str]) -> str:
    """What the demo printed by its end; one that never ends is ended, with all that it started.

    The limit is beyond the demo's own ones, so that on a busy machine it is the demo that says what was not done.
    """
    try:
        return demo.communicate(timeout=3 * TASK_SECONDS)[0]
    except subprocess.TimeoutExpired:
        demo.terminate()
        demo.communicate(timeout=TASK_SECONDS)
        raise


def left_running(settings: Settings) -> list[str]:
    """Programs that know of this home; the demo gives it to each that it starts."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("OUTCOMES_HOME") == str(settings.home):
                found.append(process.name())
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def test_the_demo_backfills_in_order_and_publishes_once(settings: Settings) -> None:
    demo = start_demo(settings)
    output = output_of(demo)

    assert demo.returncode == 0, output
    assert "2025-05  north: refused, checksum_mismatch" in output
    assert left_running(settings) == []
    with duckdb.connect(str(settings.releases / "current" / "research.duckdb"), read_only=True) as con:
        submissions = con.execute("select site_id, submission_period, status from submissions order by all").fetchall()
        visits = con.execute("select site_id, count(*) from follow_ups group by all order by all").fetchall()
    assert submissions == [
        ("east", "2025-04", "accepted"),
        ("east", "2025-05", "accepted"),
        ("north", "2025-04", "accepted"),
        ("north", "2025-05", "refused"),
    ]
    assert visits == [("east", 1)]

    with sqlite3.connect(settings.home / "airflow" / "airflow.db") as metadata:
        runs = metadata.execute(
            "select partition_key, state from dag_run where run_type = 'backfill' order by start_date"
        ).fetchall()
        ends = metadata.execute("select end_date from dag_run where run_type = 'backfill' order by 1").fetchall()
        published = metadata.execute(
            # The demo may end while a second run, for the second month's event, still waits for its turn.
            "select state, start_date from task_instance where task_id = 'publish' and start_date is not null"
        ).fetchall()
        events = metadata.execute(
            "select partition_key, json_extract(extra, '$.submissions') from asset_event "
            "where source_task_id = 'update_lake' order by 1"
        ).fetchall()
    assert runs == [("2025-04", "success"), ("2025-05", "failed")]
    assert events == [("2025-04", 2), ("2025-05", 1)]
    assert [state for state, _ in published].count("success") == 1
    assert min(start for _, start in published) > ends[-1][0]


def test_ctrl_c_ends_every_process(settings: Settings) -> None:
    demo = start_demo(settings)
    assert demo.stdout
    for line in demo.stdout:
        if line.startswith("airflow backfill create"):
            break
    time.sleep(1)
    assert len(left_running(settings)) > 3  # itself, and Airflow's services

    demo.send_signal(signal.SIGINT)
    time.sleep(0.5)
    demo.send_signal(signal.SIGINT)  # an impatient user's second
    output = output_of(demo)
    assert demo.returncode == 0
    assert output.endswith("Ended.\n")
    assert left_running(settings) == []
