"""Time of all labels over a large lake, as a multiple of copying the same lake from Parquet to Parquet.

A synthetic registry is taken in once and multiplied: each copy of a site is a site of its own. Run with
`python -m benchmarks.labels --patients 1000000`; the figure is the ratio, since machines differ.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import duckdb

from benchmarks._large import make_large_lake
from outcomes.labelling.build import run
from outcomes.release.build import relations_of_marts
from outcomes.settings import Settings
from outcomes.sql.engine import connect


def main() -> None:
    """Build the lake, copy it, label it, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, help="keep the registry here and reuse it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(home=options.home or Path(scratch), memory_limit="6GB")
        lake = Path(scratch) / "large"
        make_large_lake(settings, lake, options.patients)
        copying = _seconds_to_copy(lake, Path(scratch) / "copy")
        labelling, evidence, counts = _seconds_to_label(settings, lake, Path(scratch) / "evidence.parquet")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{counts['patients']:,} patients, {counts['follow_ups']:,} follow-ups, {counts['labels']:,} label results")
    print(f"copy {copying:.1f} s, labels {labelling:.1f} s, ratio {labelling / copying:.1f}, peak {peak:.1f} GiB")
    print(f"evidence of every label, written to Parquet: {evidence:.1f} s more")


def _seconds_to_copy(lake: Path, copy: Path) -> float:
    copy.mkdir()
    started = time.perf_counter()
    with duckdb.connect(config={"threads": 2}) as con:
        for file in sorted(lake.glob("*.parquet")):
            con.execute(f"copy (from '{file}') to '{copy / file.name}'")
    return time.perf_counter() - started


def _seconds_to_label(settings: Settings, lake: Path, evidence: Path) -> tuple[float, float, dict[str, int]]:
    with connect(settings) as con:
        for file in sorted(lake.glob("*.parquet")):
            con.execute(f"create view {file.stem} as from '{file}'")
        started = time.perf_counter()
        run(con, kept=relations_of_marts())
        labelled = time.perf_counter()
        con.execute(f"copy (from label_evidence) to '{evidence}'")
        written = time.perf_counter()
        counts = {
            name: con.execute(f"select count(*) from {name}").fetchall()[0][0]
            for name in ("patients", "follow_ups", "labels")
        }
    return labelled - started, written - labelled, counts


if __name__ == "__main__":
    main()
