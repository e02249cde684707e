"""PostgreSQL and Redis of one's own, on loopback and with a password, for as long as something needs them.

Run as a program (`python -m scripts.servers`) it says what this machine lacks for that, with exit status 1.
"""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.processes import Processes

HOST = "127.0.0.1"
START_SECONDS = 60
_ACCOUNT = "postgres"
_OF_POSTGRES = ("initdb", "postgres", "pg_isready")


def missing() -> str | None:
    """What this machine lacks, in words; None when both servers can run here."""
    if absent := [name for name in (*_OF_POSTGRES, "redis-server") if _program(name) is None]:
        return f"{', '.join(absent)} not found; on Debian: apt-get install postgresql redis-server"
    if os.geteuid() == 0 and not _has_account():
        return f"PostgreSQL does not run as root, and there is no account {_ACCOUNT} to run it as"
    return None


@contextmanager
def postgres(processes: Processes) -> Iterator[str]:
    """A PostgreSQL with an empty database; its address, after the scheme, is `user:password@host:port/database`.

    Raises:
        RuntimeError: it did not start.
    """
    password, port = secrets.token_hex(16), _free_port()
    # PostgreSQL refuses to run as root, so the folder belongs to the account that runs it.
    with tempfile.TemporaryDirectory(prefix="outcomes-postgres-") as folder:
        data, given = Path(folder) / "data", Path(folder) / "password"
        given.write_text(password, encoding="utf-8")
        account: list[str] = []
        if os.geteuid() == 0:
            account = ["setpriv", f"--reuid={_ACCOUNT}", f"--regid={_ACCOUNT}", "--clear-groups", "--"]
            for path in (folder, given):
                shutil.chown(path, _ACCOUNT, _ACCOUNT)
        options = ["--username=airflow", "--auth=scram-sha-256", f"--pwfile={given}", "--encoding=UTF8", "--locale=C"]
        processes.start("postgres-init", [*account, _found("initdb"), f"--pgdata={data}", *options])
        processes.finish("postgres-init")
        listening = ["-h", HOST, "-p", str(port), "-k", ""]
        processes.start("postgres", [*account, _found("postgres"), "-D", str(data), *listening])
        _wait(processes, lambda: _is_ready(port))
        try:
            yield f"airflow:{password}@{HOST}:{port}/postgres"
        finally:
            processes.end("postgres")


@contextmanager
def redis(processes: Processes) -> Iterator[str]:
    """A Redis that keeps nothing on disk; its address is `redis://…`.

    Raises:
        RuntimeError: it did not start.
    """
    password, port = secrets.token_hex(16), _free_port()
    with tempfile.TemporaryDirectory(prefix="outcomes-redis-") as folder:
        configuration = Path(folder) / "redis.conf"
        lines = [f"bind {HOST}", f"port {port}", f"requirepass {password}", 'save ""', f"dir {folder}", ""]
        configuration.write_text("\n".join(lines), encoding="utf-8")
        processes.start("redis", [_found("redis-server"), str(configuration)])
        _wait(processes, lambda: _accepts(port))
        try:
            yield f"redis://:{password}@{HOST}:{port}/0"
        finally:
            processes.end("redis")


def _program(name: str) -> str | None:
    """Where a program is; Debian keeps those of PostgreSQL off the path, a folder a version."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return shutil.which(name, path=os.pathsep.join([*map(str, reversed(versions)), os.environ["PATH"]]))


def _found(name: str) -> str:
    program = _program(name)
    if program is None:
        raise RuntimeError(f"{name} not found")
    return program


def _has_account() -> bool:
    return any(account.pw_name == _ACCOUNT for account in pwd.getpwall())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_ready(port: int) -> bool:
    command = [_found("pg_isready"), "--quiet", f"--host={HOST}", f"--port={port}"]
    return subprocess.run(command, check=False).returncode == 0


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _wait(processes: Processes, is_ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_ready():
        processes.check()
        if time.monotonic() > deadline:
            raise RuntimeError(f"a server was not ready after {START_SECONDS} s")
        time.sleep(0.2)


def main() -> int:
    """Say what is missing."""
    if reason := missing():
        print(reason)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
