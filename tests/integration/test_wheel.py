"""The built package, installed outside the checkout, runs from an empty folder."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import urllib.request
from pathlib import Path

import duckdb
import pytest

from tests.support.browser import free_port, wait_until_healthy

ROOT = Path(__file__).parents[2]

# As Airflow's DAG processor and its workers do: the bundle of the configuration, and the DAGs of its folder.
FIND_DAGS = """
import json
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import BundleDagBag

(bundle,) = DagBundlesManager().get_all_dag_bundles()
bundle.initialize()
bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
found = {"dags": sorted(bag.dags), "errors": bag.import_errors, "path": str(bundle.path), "name": bundle.name}
print(json.dumps(found | {"version": bundle.get_current_version().version}))
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment that holds the wheel, and sees this one's packages for its dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT)
    run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], cwd=folder)
    python = folder / "venv" / "bin" / "python"
    (wheel,) = folder.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    run([*pip, "install", "--quiet", "--no-index", "--no-deps", str(wheel)], cwd=folder)
    # A folder that a .pth file names has its own .pth files left unread, so the editable install stays out of sight.
    (site_packages,) = folder.glob("venv/lib/python*/site-packages")
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python.parent


def environment(**more: str) -> dict[str, str]:
    """Of a shell that knows neither the checkout nor its data."""
    known = ("OUTCOMES_", "PYTHONPATH", "AIRFLOW_")
    return {name: value for name, value in os.environ.items() if not name.startswith(known)} | more


def run(command: list[str], cwd: Path, **more: str) -> str:
    """Run a program with more variables in its environment; its output."""
    finished = subprocess.run(command, cwd=cwd, env=environment(**more), capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def released(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder far from the checkout, whose `data` holds a release that the installed package made."""
    folder = tmp_path_factory.mktemp("elsewhere")
    outcomes = str(programs / "outcomes")
    run([outcomes, "synthesize", "--sites", "1", "--patients", "30", "--months", "1", "--no-faults"], cwd=folder)
    run([outcomes, "ingest"], cwd=folder)
    run([outcomes, "release"], cwd=folder)
    return folder


def test_the_packages_are_the_installed_ones_and_typed(programs: Path, tmp_path: Path) -> None:
    say = "import outcomes, dashboards; print(outcomes.__file__, dashboards.__file__, sep='\\n')"
    for imported in run([str(programs / "python"), "-c", say], cwd=tmp_path).split():
        assert Path(imported).is_relative_to(programs.parent)
    assert len(list(programs.parent.glob("lib/python*/site-packages/outcomes/py.typed"))) == 1


def test_airflow_finds_the_dags_of_the_wheel_by_the_line_that_is_documented(programs: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "airflow-cluster.md").read_text(encoding="utf-8")
    ((name, value),) = re.findall(r"^(AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST)='(.*)'$", page, re.MULTILINE)
    options = {name: value, "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    found = json.loads(run([str(programs / "python"), "-c", FIND_DAGS], cwd=tmp_path, **options).splitlines()[-1])
    assert found["dags"] == [file.stem for file in sorted((ROOT / "dags").glob("[!_]*.py"))]
    assert found["errors"] == {}
    assert Path(found["path"]).is_relative_to(programs.parent)
    installed = run([str(programs / "python"), "-c", "import outcomes; print(outcomes.__version__)"], cwd=tmp_path)
    assert (found["name"], found["version"]) == ("outcomes", installed.strip())


def test_the_wheel_synthesizes_ingests_and_releases(released: Path) -> None:
    with duckdb.connect(str(released / "data" / "releases" / "current" / "research.duckdb"), read_only=True) as con:
        accepted = con.execute("select count(*) from submissions where status = 'accepted'").fetchall()
        labelled = con.execute("select count(distinct label) from labels where status = 'yes'").fetchall()
    assert accepted == [(2,)]
    assert labelled[0][0] >= 3


def test_the_dashboards_are_commands_of_the_wheel(programs: Path, released: Path) -> None:
    outcomes = str(programs / "outcomes")
    shown = run([outcomes, "--help"], cwd=released).split()
    assert {"serve", "report", "verify-log"} <= set(shown)
    site = min(folder.name for folder in (released / "data" / "landing").iterdir())
    report = released / run([outcomes, "report", site], cwd=released).strip()
    assert report.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_the_wheel_serves_pages_and_their_style_and_logs_them(programs: Path, released: Path) -> None:
    port = free_port()
    outcomes, address = str(programs / "outcomes"), f"http://127.0.0.1:{port}"
    server = subprocess.Popen([outcomes, "serve", "--port", str(port)], cwd=released, env=environment())
    try:
        wait_until_healthy(f"{address}/healthz", server)
        assert b"Overview</h1>" in urllib.request.urlopen(address, timeout=30).read()
        assert b"--" in urllib.request.urlopen(f"{address}/assets/style.css", timeout=30).read()
        assert b"Suspected" in urllib.request.urlopen(f"{address}/table/?card=measures", timeout=30).read()
    finally:
        server.terminate()
        server.wait()
    assert run([outcomes, "verify-log"], cwd=released).startswith("2 lines, each follows")
