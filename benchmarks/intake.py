"""Time of the intake of a synthetic registry, as a multiple of DuckDB copying the same files from CSV to Parquet.

Both run in turn, file by file and submission by submission, on the same machine; the figure is the ratio of medians.
`python -m benchmarks.intake --patients 100000 --sites 8 --months 9` takes in 80 submissions. The second figure is one
small submission more, of a site that has no other: what it costs whatever its size, once the process has begun.
"""

import argparse
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import duckdb

from outcomes import pipeline
from outcomes.settings import Settings
from outcomes.synthetic import synthesize

_SMALL_PATIENTS = 10


def main() -> None:
    """Invent the registry, copy it and take it in by turns, and print both times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=5000)
    parser.add_argument("--sites", type=int, default=5)
    parser.add_argument("--months", type=int, default=3)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--home", type=Path, help="keep the registry here and reuse it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(home=options.home or Path(scratch) / "registry")
        if not settings.landing.exists():
            synthesize(settings, patients=options.patients, sites=options.sites, months=options.months)
        small = Settings(home=Path(scratch) / "small")
        synthesize(small, patients=_SMALL_PATIENTS, sites=options.runs + 1, months=0, faults=False)
        seconds_of_small = _seconds_of_each(small)[1:]
        copying, taking_in = [], []
        for _ in range(options.runs):
            copying.append(_seconds(lambda: _copy(settings, Path(scratch) / "copy")))
            taking_in.append(_seconds(lambda: _take_in(settings)))
    rows, submissions = _size(settings)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    copied, taken_in = statistics.median(copying), statistics.median(taking_in)
    print(f"{options.patients:,} patients, {submissions} submissions, {rows:,} rows; medians of {options.runs} runs")
    print(f"copy {copied:.1f} s, intake {taken_in:.1f} s, ratio {taken_in / copied:.1f}")
    print(f"peak of the process that hands out the work {peak:.1f} GiB")
    print(f"a small submission {statistics.median(seconds_of_small):.2f} s")


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _copy(settings: Settings, copy: Path) -> None:
    """The floor: what reading the files and writing them as Parquet costs."""
    with duckdb.connect(config={"threads": 2}) as con:
        for number, file in enumerate(sorted(settings.landing.glob("*/*/*.csv"))):
            copy.mkdir(exist_ok=True)
            with suppress(duckdb.InvalidInputException):  # planted to be refused
                con.execute(f"copy (from read_csv('{file}', all_varchar = true)) to '{copy / str(number)}.parquet'")
    shutil.rmtree(copy)


def _take_in(settings: Settings) -> None:
    """The whole registry into an empty lake."""
    for folder in (settings.lake, settings.quarantine):
        shutil.rmtree(folder, ignore_errors=True)
    pairs = [(one.site_id, one.period) for one in pipeline.landed(settings)]
    pipeline.ingest_each(settings, pairs, processes=settings.threads)


def _seconds_of_each(settings: Settings) -> list[float]:
    return [_seconds(partial(pipeline.ingest, settings, one.site_id, one.period)) for one in pipeline.landed(settings)]


def _size(settings: Settings) -> tuple[int, int]:
    records = pipeline.standing(settings)
    return sum(one.rows_in for one in records), len(records)


if __name__ == "__main__":
    main()
