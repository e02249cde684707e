"""Run a command of `outcomes` in a process of its own that is killed at a chosen moment.

The processes are forked from one that has imported everything, so that each costs little more than its command.
"""

import multiprocessing
import os
import signal
import sys
from dataclasses import dataclass
from typing import Any

import great_expectations

import dashboards.reports
import outcomes.intake.reprocessing
import outcomes.release.build
import outcomes.release.status
from outcomes.cli import app

IMPORTED = (dashboards.reports, great_expectations, outcomes.intake, outcomes.release)
"""What commands import when they need it, here before the processes are forked."""

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class Ran:
    """How a command ended: whether it was killed, its exit status, and how many operations on files it had done."""

    was_killed: bool
    exit_status: int
    operations: int


def run(arguments: list[str], home: str, *, at_operation: int = 0, after_seconds: float = 0) -> Ran:
    """Run a command to its end, or until it is killed.

    Args:
        arguments: of the command line.
        home: only operations below this folder count.
        at_operation: kill it before the n-th operation on a file or folder that Python knows of; 0: do not.
        after_seconds: kill it after so long, wherever it is, in native code too; 0: do not.
    """
    counted = _PROCESSES.Value("q", 0, lock=False)
    process = _PROCESSES.Process(target=_run, args=(arguments, home, at_operation, after_seconds, counted))
    process.start()
    process.join()
    status = process.exitcode or 0
    return Ran(status in (-signal.SIGKILL, -signal.SIGALRM), status, counted.value)


def _run(arguments: list[str], home: str, at_operation: int, after_seconds: float, counted: Any) -> None:
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)

    def count(event: str, about: tuple[Any, ...]) -> None:
        if event.startswith(("os.", "shutil.")) or (event == "open" and str(about[0]).startswith(home)):
            counted.value += 1
            if counted.value == at_operation:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    if after_seconds:
        # Nobody handles the alarm, so that it ends the process as a kill does, at once and in the middle of anything.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, after_seconds)
    app(["--home", home, *arguments])
