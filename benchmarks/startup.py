"""What a task or a command pays before its work: parsing a DAG file, importing what the pipeline stands on, starting.

Each is measured in a process of its own; what a task pays with Airflow's SDK imported first, as its process finds it.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks._figures import Figure, Measured, median_seconds, say
from outcomes import pipeline
from outcomes.settings import Settings
from outcomes.synthetic import synthesize

MEASURE = """
import sys, time
import airflow.sdk
before = time.perf_counter()
exec(sys.argv[1])
print(f"{time.perf_counter() - before:.2f}")
"""
FOLDER = Path(__file__).parents[1] / "dags"
DAGS = sorted(FOLDER.glob("[!_]*.py"))
WORK = {
    **{f"parse {file.name}": f"import runpy; runpy.run_path({str(file)!r})" for file in DAGS},
    "import the lake and the engine": "import outcomes.lake, outcomes.sql.engine",
    "import Great Expectations": "import great_expectations",
}
COMMANDS = (["--help"], ["status"])
AT_MOST_COMMAND = 0.5
RUNS = 3
_SITES, _PATIENTS = 3, 60


def main() -> None:
    """Print one line per measurement, in seconds."""
    say(measure(RUNS))


def measure(runs: int) -> Measured:
    """The seconds of each start.

    Args:
        runs: how often a command is started.
    """
    with tempfile.TemporaryDirectory() as scratch:
        figures = [Figure(f"in a task, {name}", _seconds(work, scratch), "s") for name, work in WORK.items()]
        settings = Settings(home=Path(scratch) / "home")
        synthesize(settings, patients=_PATIENTS, sites=_SITES, months=0, faults=False)
        pipeline.ingest_landed(settings)
        for arguments in COMMANDS:
            taken = median_seconds(partial(_run, arguments, settings.home), runs)
            figures.append(Figure(f"outcomes {' '.join(arguments)}", taken, "s", AT_MOST_COMMAND))
    return Measured(figures)


def _seconds(statement: str, airflow_home: str) -> float:
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, statement],
        env={"AIRFLOW_HOME": airflow_home, "PYTHONPATH": os.pathsep.join([str(FOLDER), *sys.path])},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(measured.stdout.split()[-1])


def _run(arguments: Sequence[str], home: Path) -> None:
    program = "from outcomes.cli import main; main()"
    subprocess.run([sys.executable, "-c", program, "--home", str(home), *arguments], capture_output=True, check=True)


if __name__ == "__main__":
    main()
