"""Airflow for one machine: scheduler, DAG processor and web server on loopback, all state below OUTCOMES_HOME.

Run as a program (`python -m scripts.local_airflow`) it serves until Ctrl-C; the demo uses it as a library. SQLite and
a web server without login suit one user on one machine; a real installation follows Airflow's own guide.
"""

import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import sys
import time
import urllib.request
from functools import cached_property
from pathlib import Path
from typing import Any

from outcomes.home import private_files
from outcomes.settings import Settings
from scripts.processes import Processes

DAG_BUNDLE = {"name": "outcomes", "classpath": "outcomes.dag_bundle.PackagedDags", "kwargs": {}}
SCHEDULER = ("scheduler", "--skip-serve-logs")
HOST = "127.0.0.1"
START_SECONDS = 300
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class LocalAirflow:
    """One Airflow; `start` it within a `Processes` block.

    Args:
        processes: what is started here ends with them.
        home: the folder that holds all data.
        paused: DAGs that are new to it run only once `unpause` has named them.
    """

    def __init__(self, processes: Processes, home: Path, *, paused: bool = False) -> None:
        self._processes = processes
        self._home = home.resolve()
        port = next(port for port in range(8080, 8180) if is_free(port))
        self.address = f"http://{HOST}:{port}"
        self.environment = {
            **os.environ,
            "OUTCOMES_HOME": str(self._home),
            "AIRFLOW_HOME": str(self._home / "airflow"),
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([DAG_BUNDLE]),
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(self._home / "airflow" / "dag_bundles"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": str(paused),
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
        }

    @property
    def shell_file(self) -> Path:
        """Sourced by a shell, it makes the `airflow` command speak of this Airflow."""
        return self._home / "airflow" / "environment"

    def forget(self) -> None:
        """Delete Airflow's own records, no data: what an interrupted run left there would hold up a new backfill."""
        shutil.rmtree(self._home / "airflow", ignore_errors=True)

    def start(self) -> None:
        """Bring the metadata database up to date and start the three services."""
        self._tell_shells()
        self.run("airflow-db", "db", "migrate")
        self.launch("airflow-scheduler", *SCHEDULER)
        self.launch("airflow-dag-processor", "dag-processor")
        self.launch("airflow-api-server", "api-server")

    def _tell_shells(self) -> None:
        """Write what the `airflow` command needs to know, no secret, as a file that a shell can source."""
        homes, sections = {"OUTCOMES_HOME", "AIRFLOW_HOME"}, ("AIRFLOW__CORE__", "AIRFLOW__DAG_PROCESSOR__")
        told = (name for name in self.environment if name in homes or name.startswith(sections))
        lines = [f"export {name}={shlex.quote(self.environment[name])}\n" for name in told]
        self.shell_file.parent.mkdir(parents=True, exist_ok=True)
        self.shell_file.write_text("".join(lines), encoding="utf-8")

    def run(self, name: str, *arguments: str) -> None:
        """Run one `airflow` command to its end.

        Raises:
            RuntimeError: it failed.
        """
        self.launch(name, *arguments)
        self._processes.finish(name)

    def launch(self, name: str, *arguments: str) -> None:
        """Start one `airflow` command and return at once."""
        airflow = Path(sys.executable).with_name("airflow")
        self._processes.start(name, [str(airflow), *arguments], self.environment)

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
            health = self.get("/api/v2/monitor/health")
            known = {dag["dag_id"] for dag in self.get("/api/v2/dags")["dags"]}
        except OSError:
            return False
        return dags <= known and all(health[part]["status"] == "healthy" for part in ("scheduler", "dag_processor"))

    def get(self, path: str) -> dict[str, Any]:
        """The answer of Airflow's REST API to a GET request.

        Raises:
            RuntimeError: a service has ended.
        """
        return self._fetch(self._request(path))

    def unpause(self, *dags: str) -> None:
        """Let DAGs run.

        Raises:
            RuntimeError: a service has ended.
        """
        for dag_id in dags:
            self._fetch(self._request(f"/api/v2/dags/{dag_id}", "PATCH", {"is_paused": False}))

    def trigger(self, dag_id: str) -> str:
        """Start a run of a DAG now and give its id.

        Raises:
            RuntimeError: a service has ended.
        """
        run = self._fetch(self._request(f"/api/v2/dags/{dag_id}/dagRuns", "POST", {"logical_date": None}))
        return str(run["dag_run_id"])

    def _request(self, path: str, method: str = "GET", body: dict[str, Any] | None = None) -> urllib.request.Request:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        return urllib.request.Request(self.address + path, content, headers, method=method)

    @cached_property
    def _token(self) -> str:
        return str(self._fetch(urllib.request.Request(f"{self.address}/auth/token"))["access_token"])

    def _fetch(self, request: urllib.request.Request) -> dict[str, Any]:
        self._processes.check()
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


@private_files()
def main() -> int:
    """Serve Airflow until Ctrl-C."""
    end_on_signals()
    home = Settings().home
    try:
        with Processes(home / "logs") as processes:
            airflow = LocalAirflow(processes, home)
            airflow.start()
            airflow.wait_until_ready(set())
            print(f"Airflow: {airflow.address} (Ctrl-C to end)")
            print(f"For its command line: . {airflow.shell_file}", flush=True)
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
