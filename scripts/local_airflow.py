"""Airflow for one machine: scheduler, DAG processor and web server on loopback, all state below OUTCOMES_HOME.

Run as a program (`python -m scripts.local_airflow`) it serves until Ctrl-C; the demo uses it as a library. SQLite and
a web server without login suit one user on one machine; a real installation follows Airflow's own guide.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import sys
import time
import urllib.request
from functools import cached_property
from pathlib import Path
from typing import Any

from outcomes.settings import Settings
from scripts.processes import Processes

ROOT = Path(__file__).parents[1]
HOST = "127.0.0.1"
START_SECONDS = 300
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class LocalAirflow:
    """One Airflow; `start` it within a `Processes` block."""

    def __init__(self, processes: Processes, home: Path) -> None:
        self._processes = processes
        self._home = home.resolve()
        port = next(port for port in range(8080, 8180) if is_free(port))
        self.address = f"http://{HOST}:{port}"
        self._environment = {
            **os.environ,
            "OUTCOMES_HOME": str(self._home),
            "AIRFLOW_HOME": str(self._home / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.address}/execution/",
            "AIRFLOW__API__HOST": HOST,
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__BASE_URL": self.address,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(32),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
            # How late, in seconds, the end of a task may be noticed; the default 5 is longer than small tasks take.
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }

    def forget(self) -> None:
        """Delete Airflow's own records, no data: what an interrupted run left there would hold up a new backfill."""
        shutil.rmtree(self._home / "airflow", ignore_errors=True)

    def start(self) -> None:
        """Bring the metadata database up to date and start the three services."""
        self.run("airflow-db", "db", "migrate")
        self._launch("airflow-scheduler", "scheduler", "--skip-serve-logs")
        self._launch("airflow-dag-processor", "dag-processor")
        self._launch("airflow-api-server", "api-server")

    def run(self, name: str, *arguments: str) -> None:
        """Run one `airflow` command to its end.

        Raises:
            RuntimeError: it failed.
        """
        self._launch(name, *arguments)
        self._processes.finish(name)

    def _launch(self, name: str, *arguments: str) -> None:
        airflow = Path(sys.executable).with_name("airflow")
        self._processes.start(name, [str(airflow), *arguments], self._environment)

    def wait_until_ready(self, dags: set[str]) -> None:
        """Wait until every service is healthy and these DAGs are known.

        Raises:
            RuntimeError: a service ended, or Airflow did not get ready in time.
        """
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready(dags):
            if time.monotonic() > deadline:
                msg = f"Airflow was not ready after {START_SECONDS} s; see {self._processes.log('airflow-scheduler')}"
                raise RuntimeError(msg)
            time.sleep(1)

    def _is_ready(self, dags: set[str]) -> bool:
        try:
            health = self._fetch("/api/v2/monitor/health")
            known = {dag["dag_id"] for dag in self.get("/api/v2/dags")["dags"]}
        except OSError:
            return False
        return dags <= known and all(health[part]["status"] == "healthy" for part in ("scheduler", "dag_processor"))

    def get(self, path: str) -> dict[str, Any]:
        """The answer of Airflow's REST API to a GET request.

        Raises:
            RuntimeError: a service has ended.
        """
        return self._fetch(path, {"Authorization": f"Bearer {self._token}"})

    @cached_property
    def _token(self) -> str:
        return str(self._fetch("/auth/token")["access_token"])

    def _fetch(self, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        self._processes.check()
        request = urllib.request.Request(self.address + path, headers=headers or {})
        with _OPENER.open(request, timeout=30) as response:
            answer: dict[str, Any] = json.load(response)
        return answer


def is_free(port: int) -> bool:
    """Whether nothing listens on this port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def answers(address: str) -> bool:
    """Whether a web server answers there."""
    try:
        with _OPENER.open(address, timeout=30):
            return True
    except OSError:
        return False


def end_on_signals() -> None:
    """Let SIGTERM end this program as Ctrl-C does, so that `with` blocks are left in order.

    A shell starts what runs in the background with Ctrl-C ignored, and so would Python.
    """
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)


def main() -> int:
    """Serve Airflow until Ctrl-C."""
    end_on_signals()
    home = Settings().home
    try:
        with Processes(home / "logs") as processes:
            airflow = LocalAirflow(processes, home)
            airflow.start()
            airflow.wait_until_ready(set())
            print(f"Airflow: {airflow.address} (Ctrl-C to end)", flush=True)
            while True:
                processes.check()
                time.sleep(1)
    except KeyboardInterrupt:
        return 0
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
