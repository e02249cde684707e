"""The command line, `outcomes`: each command calls one function of the library and prints what it returns.

Results go to standard output; errors and progress go to standard error.
"""

import atexit
import os
import sys

from outcomes.cli.commands import app

__all__ = ["app", "main"]


def main() -> None:
    """The program `outcomes`: run the command line, then end the process without taking the interpreter down.

    Arrow's threads may still hold a buffer of Python's when a command ends, mostly after an error. A thread that gives
    one back while the interpreter is taken down is stopped in the middle, and the whole process aborts.
    """
    ended = SystemExit(1)  # an error that nobody caught

    def end() -> None:
        _end(ended)

    atexit.register(end)
    try:
        app()
    except SystemExit as wanted:
        ended = wanted
        raise


def _end(ended: SystemExit) -> None:
    status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        status = status or 120  # as the interpreter does: what was printed is not all there
    os._exit(status)
