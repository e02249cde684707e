"""What the demo says of a submission's end, and that what it starts is ended with it."""

import sys
import time
from pathlib import Path

import psutil
import pytest

from outcomes.lake import Lake, SubmissionRecord
from outcomes.settings import Settings
from scripts.demo import describe
from scripts.processes import Processes

RUN = {"partition_key": "2025-05"}
FAILED = {
    "dag_id": "follow_up_submissions",
    "dag_run_id": "a_run",
    "task_id": "ingest",
    "rendered_map_index": "north",
    "state": "failed",
}


def test_a_refused_submission_is_told_with_its_code(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    Lake(settings.lake).commit(SubmissionRecord("n1", "north", "2025-05", 1, "refused", "file_empty"))
    assert describe(settings, RUN, FAILED) == "2025-05  north: refused, file_empty"


def test_a_task_that_failed_for_another_reason_fails_the_demo(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    Lake(settings.lake).commit(SubmissionRecord("n1", "north", "2025-05", 1, "accepted"))
    with pytest.raises(RuntimeError, match="ingest of follow_up_submissions failed"):
        describe(settings, RUN, FAILED)


def _start_with_child(processes: Processes, name: str, child: str) -> int:
    """Start a program with a child in a process group of its own, which prints its process id; that id."""
    parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-uc', {child!r}], process_group=0).wait()"
    processes.start(name, [sys.executable, "-c", parent])
    while not (printed := processes.log(name).read_text(encoding="utf-8")):
        time.sleep(0.1)
    return int(printed)


def test_children_in_a_process_group_of_their_own_are_ended_too(tmp_path: Path) -> None:
    """As Airflow's tasks are; this child also ignores the polite signal."""
    child = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(os.getpid()); time.sleep(60)"
    with Processes(tmp_path) as processes:
        started = psutil.Process(_start_with_child(processes, "parent", child))
        assert started.is_running()
    assert not started.is_running()


def test_a_killed_program_leaves_no_child_and_may_be_started_again(tmp_path: Path) -> None:
    child = "import os, time; print(os.getpid()); time.sleep(60)"
    with Processes(tmp_path) as processes:
        started = _start_with_child(processes, "worker", child)
        processes.kill("worker")
        assert not psutil.pid_exists(started)
        processes.check()
        processes.start("worker", [sys.executable, "-c", "print('again')"])
        processes.finish("worker")
        assert processes.log("worker").read_text(encoding="utf-8") == "again\n"


def test_a_program_that_fails_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        processes.start("broken", [sys.executable, "-c", "raise SystemExit('the reason')"])
        with pytest.raises(RuntimeError, match="the reason"):
            processes.finish("broken")
        with pytest.raises(RuntimeError, match="broken failed"):
            processes.check()
