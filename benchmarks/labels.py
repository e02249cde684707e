"""Time of all labels over a large lake, as a multiple of copying the same lake from Parquet to Parquet.

A synthetic registry is taken in once and multiplied: each copy of a site is a site of its own. Run with
`python benchmarks/labels.py --patients 1000000`; the figure is the ratio, since machines differ.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import duckdb

from outcomes import pipeline
from outcomes.contract import TABLES
from outcomes.engines.duckdb import connect
from outcomes.labelling.run import run
from outcomes.lake import Lake
from outcomes.settings import Settings
from outcomes.synthetic import synthesize

SEED_PATIENTS = 5000
KEYS = {"patient_id", *(table.key for table in TABLES.values())}


def main() -> None:
    """Build the lake, copy it, label it, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, help="keep the registry here and reuse it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(home=options.home or Path(scratch), memory_limit="6GB")
        _take_in(settings)
        lake = Path(scratch) / "large"
        lake.mkdir()
        _multiply(settings, lake, copies=-(-options.patients // SEED_PATIENTS))
        copying = _seconds_to_copy(lake, Path(scratch) / "copy")
        labelling, counts = _seconds_to_label(settings, lake)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{counts['patients']:,} patients, {counts['follow_ups']:,} follow-ups, {counts['labels']:,} label results")
    print(f"copy {copying:.1f} s, labels {labelling:.1f} s, ratio {labelling / copying:.1f}, peak {peak:.1f} GiB")


def _take_in(settings: Settings) -> None:
    if not settings.landing.exists():
        synthesize(settings, patients=SEED_PATIENTS, faults=False)
        pipeline.ingest_landed(settings)


def _multiply(settings: Settings, lake: Path, copies: int) -> None:
    with connect(settings) as con:
        Lake(settings.lake).attach(con)
        for table in (*TABLES, "submissions"):
            keys = [column.name for column in TABLES[table].columns if column.name in KEYS] if table in TABLES else []
            # Keys of a real lake are all different, which Parquet can't make small.
            changed = [
                f"case when {key} is not null then substr(md5(concat({key}, copy)), 1, 14) end as {key}" for key in keys
            ]
            con.execute(
                f"""
                copy (
                    select rows_in_force.* replace ({", ".join(["concat(site_id, '-', copy) as site_id", *changed])})
                    from {table} as rows_in_force cross join range({copies}) as copies(copy)
                ) to '{lake / table}.parquet'
                """
            )


def _seconds_to_copy(lake: Path, copy: Path) -> float:
    copy.mkdir()
    started = time.perf_counter()
    with duckdb.connect(config={"threads": 2}) as con:
        for file in sorted(lake.glob("*.parquet")):
            con.execute(f"copy (from '{file}') to '{copy / file.name}'")
    return time.perf_counter() - started


def _seconds_to_label(settings: Settings, lake: Path) -> tuple[float, dict[str, int]]:
    with connect(settings) as con:
        for file in sorted(lake.glob("*.parquet")):
            con.execute(f"create view {file.stem} as from '{file}'")
        started = time.perf_counter()
        run(con)
        seconds = time.perf_counter() - started
        counts = {
            name: con.execute(f"select count(*) from {name}").fetchall()[0][0]
            for name in ("patients", "follow_ups", "labels")
        }
    return seconds, counts


if __name__ == "__main__":
    main()
