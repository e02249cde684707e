"""Time of all labels over large lakes, as a multiple of copying the same lake from Parquet to Parquet.

A synthetic registry is drawn and multiplied: each copy of a site is a site of its own. Run with
`python -m benchmarks.labels --patients 1000000`; the ratio tells more than the seconds, since machines differ.
`OUTCOMES_ENGINE` names the engine.
"""

import argparse
import resource
import shutil
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import duckdb

from benchmarks._figures import Figure, Measured, Steps, median_seconds, say, seconds
from benchmarks._large import make_large_lake
from outcomes.contract import TABLES
from outcomes.labelling.build import run
from outcomes.release.build import relations_of_marts
from outcomes.settings import Settings
from outcomes.sql.engine import connect, on_disk


def main() -> None:
    """Build each lake, copy it, label it, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    say(measure(options.patients, options.runs))


def measure(sizes: Sequence[int], runs: int) -> Measured:
    """The times of copying and labelling, and the peak of the memory.

    Args:
        sizes: how many patients, ascending.
        runs: how often each is timed.
    """
    figures: list[Figure] = []
    steps = Steps()
    for patients in sizes:
        with tempfile.TemporaryDirectory() as scratch:
            settings = Settings(home=Path(scratch), memory_limit="6GB")
            lake = Path(scratch) / "large"
            make_large_lake(settings, lake, patients)
            copying = median_seconds(partial(_copy, lake, Path(scratch) / "copy"), runs)
            timed = []
            for _ in range(runs):
                steps = Steps()
                timed.append(_seconds_to_label(settings, lake, Path(scratch) / "evidence.parquet", steps))
            labelling, evidence = (statistics.median(times) for times in zip(*timed, strict=True))
            figures += _figures(patients, copying, labelling, evidence)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return Measured([*figures, Figure("peak of the memory", peak, "GiB")], steps.seconds())


def _figures(patients: int, copying: float, labelling: float, evidence: float) -> Iterator[Figure]:
    yield Figure("all labels", labelling, "s", amount=patients)
    yield Figure("labels as a multiple of copying the lake", labelling / copying, "", amount=patients)
    yield Figure("evidence of every label, written to Parquet", evidence, "s", amount=patients)


def _copy(lake: Path, copy: Path) -> None:
    copy.mkdir()
    with duckdb.connect(config={"threads": 2}) as con:
        for file in sorted(lake.glob("*.parquet")):
            con.execute(f"copy (from '{file}') to '{copy / file.name}'")
    shutil.rmtree(copy)


def _seconds_to_label(settings: Settings, lake: Path, evidence: Path, steps: Steps) -> tuple[float, float]:
    with connect(settings) as con:
        for file in sorted(lake.glob("*.parquet")):
            con.execute(f"create view {file.stem} as from '{file}'")
        with on_disk(con, evidence.with_name("work.duckdb"), [*TABLES, "submissions"]):
            labelling = seconds(lambda: run(con, steps, settings, kept=relations_of_marts()))
            writing = seconds(lambda: con.execute(f"copy (from label_evidence) to '{evidence}'"))
    return labelling, writing


if __name__ == "__main__":
    main()
