"""What a task pays before its first row: parsing its DAG file, and importing what the pipeline stands on.

Each line is measured in a process of its own, with Airflow's SDK imported first, as a task process finds it.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

MEASURE = """
import sys, time
import airflow.sdk
before = time.perf_counter()
exec(sys.argv[1])
print(f"{time.perf_counter() - before:.2f}")
"""
DAGS = sorted((Path(__file__).parents[1] / "dags").glob("*.py"))
WORK = {
    **{f"parse {file.name}": f"import runpy; runpy.run_path({str(file)!r})" for file in DAGS},
    "import the lake and the engine": "import outcomes.lake, outcomes.sql.engine",
    "import Great Expectations": "import great_expectations",
}


def main() -> None:
    """Print one line per measurement, in seconds."""
    with tempfile.TemporaryDirectory() as airflow_home:
        for name, statement in WORK.items():
            measured = subprocess.run(
                [sys.executable, "-c", MEASURE, statement],
                env={"AIRFLOW_HOME": airflow_home},
                capture_output=True,
                text=True,
                check=True,
            )
            print(f"{measured.stdout.split()[-1]:>6} s  {name}")


if __name__ == "__main__":
    main()
