"""Time and memory of the measures, curves, models, charts and their protection over a large lake.

A synthetic registry is multiplied to about 100 sites over 10 years, and labelled. Run with
`python -m benchmarks.measures --patients 1000000`.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

from benchmarks._large import make_large_lake
from outcomes.disclosure.protect import ReleaseFacts, protected_tables
from outcomes.labelling.build import run
from outcomes.measures.build import run_measures
from outcomes.release.build import relations_of_marts
from outcomes.settings import Settings
from outcomes.sql.engine import connect

COPIES_OF_SITE = 17


def main() -> None:
    """Build and label the lake, then print how long measuring and protecting take."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, help="keep the registry here and reuse it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(home=options.home or Path(scratch), memory_limit="6GB")
        lake = Path(scratch) / "large"
        make_large_lake(settings, lake, options.patients, COPIES_OF_SITE)
        with connect(settings) as con:
            for file in sorted(lake.glob("*.parquet")):
                con.execute(f"create view {file.stem} as from '{file}'")
            run(con, kept=relations_of_marts())
            started = {}

            def on_progress(step: str, _done: int, _steps: int) -> None:
                started[step] = time.perf_counter()

            run_measures(
                con, settings.annotations_file, settings.targets_file, settings.minimum_cell_count, on_progress
            )
            started["protection and audit"] = time.perf_counter()
            facts = ReleaseFacts("benchmark", "2026-01", settings.minimum_cell_count, "benchmark", is_synthetic=True)
            rows = protected_tables(con, facts, site_names={})["measures"].num_rows
            ended = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{rows:,} cells of measures; peak with labelling {peak:.1f} GiB")
    for (step, start), end in zip(started.items(), [*list(started.values())[1:], ended], strict=True):
        print(f"{step:<20} {end - start:6.1f} s")
    print(f"{'all':<20} {ended - min(started.values()):6.1f} s")


if __name__ == "__main__":
    main()
