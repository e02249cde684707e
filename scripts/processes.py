"""Start programs, each in a session of its own, and end every process that they left behind."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil  # Airflow needs it, so it is there

GRACE_SECONDS = 10


class Processes:
    """Programs that live as long as the `with` block; their output goes to `<logs>/<name>.log`.

    Airflow's tasks leave the process group of the program that started them, but not its session. So at the end of the
    block every member of the sessions is ended, politely first.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start a program and return at once."""
        self._logs.mkdir(parents=True, exist_ok=True)
        with self.log(name).open("wb") as log:
            self._started[name] = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def finish(self, name: str) -> None:
        """Wait for a program to end by itself; one that was not started is finished.

        Raises:
            RuntimeError: it ended with a non-zero exit status; the last lines of its log are in the message.
        """
        if name in self._started and self._started[name].wait() != 0:
            raise RuntimeError(self._failure(name))

    def check(self) -> None:
        """See that no program has failed meanwhile.

        Raises:
            RuntimeError: one ended with a non-zero exit status.
        """
        for name, process in self._started.items():
            if process.poll() not in (None, 0):
                raise RuntimeError(self._failure(name))

    def kill(self, name: str) -> None:
        """End a program and all that it started at once, as a machine that loses its power; it may be started again."""
        process = self._started.pop(name)
        members = _members_of({process.pid})
        for member in members:
            with suppress(psutil.NoSuchProcess):
                member.send_signal(signal.SIGKILL)
        process.wait()
        psutil.wait_procs(members, timeout=GRACE_SECONDS)

    def end(self, name: str) -> None:
        """Ask a program to end, and make it when it does not."""
        self._started[name].terminate()
        with suppress(subprocess.TimeoutExpired):
            self._started[name].wait(GRACE_SECONDS)
        self.kill(name)

    def log(self, name: str) -> Path:
        """Where a program's output goes."""
        return self._logs / f"{name}.log"

    def _failure(self, name: str) -> str:
        last = self.log(name).read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        return "\n".join([f"{name} failed ({self.log(name)}):", *last])

    def __enter__(self) -> Self:
        """The programs started from here on end with the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End every member of the sessions; an impatient second Ctrl-C does not stop that half-way."""
        handlers = {
            impatient: signal.signal(impatient, signal.SIG_IGN) for impatient in (signal.SIGINT, signal.SIGTERM)
        }
        for process in self._started.values():
            if process.poll() is None:
                process.terminate()
        psutil.wait_procs(self._members(), timeout=GRACE_SECONDS)
        for member in self._members():
            with suppress(psutil.NoSuchProcess):
                member.send_signal(signal.SIGKILL)
        psutil.wait_procs(self._members(), timeout=GRACE_SECONDS)
        for impatient, handler in handlers.items():
            signal.signal(impatient, handler)

    def _members(self) -> list[psutil.Process]:
        return _members_of({process.pid for process in self._started.values()})


def _members_of(sessions: set[int]) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if _session(process.pid) in sessions]


def _session(pid: int) -> int | None:
    with suppress(OSError):
        return os.getsid(pid)
    return None
