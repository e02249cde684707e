"""A small application behind the dashboards' login, and the processes that tests drive it with."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests
from flask import Flask, Response, jsonify

from dashboards.access import login, security
from dashboards.access.scope import current_scope
from dashboards.settings import DashboardSettings
from outcomes.settings import Settings

SITES = frozenset({"north", "south"})
_ROOT = Path(__file__).parents[2]


def server() -> Flask:
    """What gunicorn serves: settings from the environment. The file `synthetic` in the home tells of the release."""
    settings, dashboard_settings = Settings(), DashboardSettings()
    told = settings.home / "synthetic"
    flask = Flask("tiny", static_folder=None)

    def is_synthetic() -> bool | None:
        return told.read_text() == "yes" if told.exists() else None

    security.install(flask, dashboard_settings.public_url)
    login.install(flask, settings, dashboard_settings, is_synthetic, lambda: SITES)

    @flask.get("/healthz")
    def health() -> str:
        return "OK"

    @flask.post("/reviews")
    @flask.get("/offer")
    @flask.get("/")
    @flask.get("/measure/<name>")
    def scope(name: str = "") -> Response:
        found = current_scope()
        return jsonify(user=found.user, sites=sorted(found.sites), role=found.role, name=name)

    @flask.get("/north")
    def north() -> str:
        current_scope().require("north")
        return "north"

    return flask


@contextmanager
def serving(home: Path, port: int, settings: Mapping[str, str]) -> Iterator[str]:
    """Serve the small application as in production, on loopback; gives its address."""
    options = f"--bind 127.0.0.1:{port} --threads 4 --no-control-socket --log-level warning"
    variables = {f"OUTCOMES_DASHBOARDS_{name}".upper(): value for name, value in settings.items()}
    command = ["gunicorn", *options.split(), "tests.support.login_app:server()"]
    with _running(command, {"OUTCOMES_HOME": str(home), **variables}, f"http://127.0.0.1:{port}/healthz"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def providing() -> Iterator[str]:
    """Run the OpenID provider; gives its issuer."""
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    with _running(["tests.support.openid_provider", str(port)], {}, f"{issuer}/jwks"):
        yield issuer


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def _running(command: list[str], variables: dict[str, str], sign_of_life: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", *command], cwd=_ROOT, env={**os.environ, **variables})
    try:
        deadline = time.monotonic() + 60
        while not _answers(sign_of_life):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not answer")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def _answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=5).ok
    except (requests.ConnectionError, requests.Timeout):
        return False
