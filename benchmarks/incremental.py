"""One month more: a release that takes the labelling of the last one, against a release built anew, byte for byte.

An invented registry comes month by month into a lake, the last month after a release. Run with
`python -m benchmarks.incremental --patients 1000000`; of few patients at many sites most time goes into protection.
"""

import argparse
import tempfile
import time
from pathlib import Path

import duckdb

from benchmarks._monthly import draw_months, write_months
from outcomes.labelling.kept import discard
from outcomes.periods import months_until
from outcomes.release.build import build_release
from outcomes.release.open import Release
from outcomes.settings import Settings

UNTIL = "2026-09"


def main() -> None:
    """Build the lake but for a month, release, add the month, release by increment and anew, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=1_000_000)
    parser.add_argument("--months", type=int, default=60)
    parser.add_argument("--sites", type=int, default=6)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect(config={"threads": 2}) as con:
        settings = Settings(home=Path(scratch), memory_limit="6GB")
        draw_months(con, sites=options.sites, months=options.months, until=UNTIL)
        before = months_until(UNTIL, 2)[0]
        rows = write_months(con, settings, patients=options.patients, after="", to=before)
        _release(settings, "without the last month")
        more = write_months(con, settings, patients=options.patients, after=before, to=UNTIL)
        print(f"one month more: {more:,} rows beside {rows:,}")
        by_increment, increment_took = _release(settings, "by increment")
        kept = by_increment.folder.rename(settings.home / "by_increment")
        discard(settings.labelled)
        anew, anew_took = _release(settings, "anew")
        print(f"by increment {100 * increment_took / anew_took:.0f} % of the time of a release anew")
        print(f"files that differ: {', '.join(_different(kept, anew.folder)) or 'none'}")


def _release(settings: Settings, name: str) -> tuple[Release, float]:
    started, used = time.perf_counter(), time.process_time()
    release = build_release(settings, on_labelled=print)
    took, cpu = time.perf_counter() - started, time.process_time() - used
    print(f"release {name}: {took:.0f} s, {cpu:.0f} s of CPU")
    return release, cpu


def _different(one: Path, other: Path) -> list[str]:
    """The Parquet files and code books that are not the same; DuckDB draws a random mark for each of its files."""
    names = {
        path.relative_to(folder).as_posix()
        for folder in (one, other)
        for path in (*folder.glob("parquet/*"), *folder.glob("*datapackage.json"))
    }
    return sorted(name for name in names if (one / name).read_bytes() != (other / name).read_bytes())


if __name__ == "__main__":
    main()
