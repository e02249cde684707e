"""Time of the intake of synthetic registries, as a multiple of DuckDB copying the same files from CSV to Parquet.

Both run in turn, file by file and submission by submission, on the same machine; the figure is the ratio of medians.
`python -m benchmarks.intake --patients 100000 --sites 8 --months 9` takes in 80 submissions. The last figure is one
small submission more, of a site that has no other: what it costs whatever its size, once the process has begun.
"""

import argparse
import resource
import shutil
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import duckdb

from benchmarks._figures import Figure, Measured, say, seconds
from outcomes import pipeline
from outcomes.settings import Settings
from outcomes.synthetic import synthesize

_PATIENTS_OF_SMALL = 5
"""Of a site on average; with much fewer, of many sites one has none to deliver."""


def main() -> None:
    """Invent each registry, copy it and take it in by turns, and print both times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, nargs="+", default=[5000])
    parser.add_argument("--sites", type=int, default=5)
    parser.add_argument("--months", type=int, default=3)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    say(measure(options.patients, options.sites, options.months, options.runs))


def measure(sizes: Sequence[int], sites: int, months: int, runs: int) -> Measured:
    """The times of copying and of intake, of a small submission, and the peak of the memory.

    Args:
        sizes: how many patients, ascending.
        sites: of each registry.
        months: submissions of each site beside its first.
        runs: how often each is timed.
    """
    figures: list[Figure] = []
    for patients in sizes:
        with tempfile.TemporaryDirectory() as scratch:
            settings = Settings(home=Path(scratch) / "registry")
            synthesize(settings, patients=patients, sites=sites, months=months)
            copying, taking_in = [], []
            for _ in range(runs):
                copying.append(seconds(partial(_copy, settings, Path(scratch) / "copy")))
                taking_in.append(seconds(partial(_take_in, settings)))
            figures += _figures(settings, patients, statistics.median(copying), statistics.median(taking_in))
    figures.append(Figure("a small submission", _seconds_of_small(runs), "s"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return Measured([*figures, Figure("peak of the process that hands out the work", peak, "GiB")])


def _figures(settings: Settings, patients: int, copied: float, taken_in: float) -> Iterator[Figure]:
    records = pipeline.standing(settings)
    yield Figure("intake", taken_in, "s", amount=patients)
    yield Figure("intake as a multiple of copying the files", taken_in / copied, "", amount=patients)
    yield Figure("submissions taken in", len(records), "", amount=patients)
    yield Figure("rows taken in", sum(one.rows_in for one in records), "", amount=patients)


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


def _seconds_of_small(runs: int) -> float:
    """The median of submissions of a site each; the first, which begins the process, does not count."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        synthesize(settings, patients=_PATIENTS_OF_SMALL * (runs + 1), sites=runs + 1, months=0, faults=False)
        landed = pipeline.landed(settings)
        taken = [seconds(partial(pipeline.ingest, settings, one.site_id, one.period)) for one in landed]
        return statistics.median(taken[1:])


if __name__ == "__main__":
    main()
