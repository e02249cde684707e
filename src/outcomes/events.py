"""What the pipeline did, for machines: one JSON object a line and step, with counts and seconds, never a value."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from outcomes.errors import OutcomesError
from outcomes.settings import Settings


@contextmanager
def logged(settings: Settings, step: str, **about: str | None) -> Iterator[dict[str, Any]]:
    """Log a step when it ends, well or not, where `OUTCOMES_LOG` says.

    Args:
        settings: where to log, if anywhere.
        step: its name.
        about: what it is about, such as site and period.

    Yields:
        What else the line says; the step puts its counts there.
    """
    line: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "step": step, **about}
    started = time.monotonic()
    line["code"] = "ok"
    try:
        yield line
    except BaseException as error:
        line["code"] = error.code if isinstance(error, OutcomesError) else "unexpected"
        raise
    finally:
        line["seconds"] = round(time.monotonic() - started, 3)
        _write(settings, json.dumps(line) + "\n")


def _write(settings: Settings, line: str) -> None:
    if settings.log == "stderr":
        sys.stderr.write(line)
    elif settings.log == "file":
        settings.event_log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # One write to a file opened for appending: lines of processes side by side do not mix.
        file = os.open(settings.event_log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)
