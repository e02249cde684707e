"""The built package, installed outside the checkout, runs from an empty folder."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment that holds the wheel, and sees this one's packages for its dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT)
    run([sys.executable, "-m", "venv", str(folder / "venv")], cwd=folder)
    python = folder / "venv" / "bin" / "python"
    (wheel,) = folder.glob("*.whl")
    run([str(python), "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel)], cwd=folder)
    # A folder that a .pth file names has its own .pth files left unread, so the editable install stays out of sight.
    (site_packages,) = folder.glob("venv/lib/python*/site-packages")
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python.parent


def run(command: list[str], cwd: Path) -> str:
    """Run a program as from a shell that knows neither the checkout nor its data; its output."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("OUTCOMES_", "PYTHONPATH"))
    }
    finished = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_the_wheel_synthesizes_ingests_and_releases(programs: Path, tmp_path: Path) -> None:
    imported = run([str(programs / "python"), "-c", "import outcomes; print(outcomes.__file__)"], cwd=tmp_path)
    assert Path(imported.strip()).is_relative_to(programs.parent)

    outcomes = str(programs / "outcomes")
    run([outcomes, "synthesize", "--sites", "2", "--patients", "80", "--months", "1", "--no-faults"], cwd=tmp_path)
    run([outcomes, "ingest"], cwd=tmp_path)
    run([outcomes, "release"], cwd=tmp_path)

    with duckdb.connect(str(tmp_path / "data" / "releases" / "current" / "research.duckdb"), read_only=True) as con:
        accepted = con.execute("select count(*) from submissions where status = 'accepted'").fetchall()
        labelled = con.execute("select count(distinct label) from labels where status = 'yes'").fetchall()
    assert accepted == [(4,)]
    assert labelled[0][0] >= 3
