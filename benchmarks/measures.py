"""Time and memory of the measures, curves, models, charts and their protection over large lakes.

A synthetic registry is multiplied to about 100 sites over 10 years, and labelled. Run with
`python -m benchmarks.measures --patients 1000000`. Of 4 to 12 sites protection is audited once more for each, so that
`--sites 3` takes far less time.
"""

import argparse
import resource
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks._figures import Figure, Measured, Steps, say
from benchmarks._large import SITES, make_large_lake
from outcomes.contract import TABLES
from outcomes.disclosure.protect import ReleaseFacts, protected_tables
from outcomes.labelling.build import run
from outcomes.measures.build import run_measures
from outcomes.release.build import relations_of_marts
from outcomes.settings import Settings
from outcomes.sql.engine import connect, on_disk

COPIES_OF_SITE = 17
MANY_SITES = SITES * COPIES_OF_SITE


def main() -> None:
    """Build and label each lake, then print how long measuring and protecting take."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--sites", type=int, default=MANY_SITES)
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    measured = measure(options.patients, options.sites, options.runs)
    say(measured)
    for step, taken in measured.steps.items():
        print(f"{step:<20} {taken:6.1f} s")


def measure(sizes: Sequence[int], sites: int, runs: int) -> Measured:
    """The times of all measures and their protection, and the peak of the memory, labelling included.

    Args:
        sizes: how many patients, ascending.
        sites: so many at most, as large registries have; fewer where there are too few patients to multiply.
        runs: how often each is timed.
    """
    figures = []
    steps: dict[str, float] = {}
    for patients in sizes:
        with tempfile.TemporaryDirectory() as scratch:
            settings = Settings(home=Path(scratch), memory_limit="6GB")
            lake = Path(scratch) / "large"
            make_large_lake(settings, lake, patients, -(-sites // SITES), min(sites, SITES))
            timed = [_steps(settings, lake) for _ in range(runs)]
            steps = timed[-1]
            whole = statistics.median(sum(each.values()) for each in timed)
            figures.append(Figure("measures and their protection", whole, "s", amount=patients))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return Measured([*figures, Figure("peak of the memory, with labelling", peak, "GiB")], steps)


def _steps(settings: Settings, lake: Path) -> dict[str, float]:
    """The seconds of each step."""
    steps = Steps()
    with connect(settings) as con:
        for file in sorted(lake.glob("*.parquet")):
            con.execute(f"create view {file.stem} as from '{file}'")
        with on_disk(con, settings.home / "work.duckdb", [*TABLES, "submissions"]):
            run(con, kept=relations_of_marts())
            run_measures(con, settings, steps)
            steps("protection and audit")
            facts = ReleaseFacts("benchmark", "2026-01", settings.minimum_cell_count, "benchmark", is_synthetic=True)
            protected_tables(con, facts, site_names={})
        steps("end")
    return steps.seconds()


if __name__ == "__main__":
    main()
