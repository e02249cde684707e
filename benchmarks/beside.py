"""Three headline labels beside what an analyst would write by hand in pandas, Polars and plain DuckDB.

All four read the same CSV files and give the same answers, which is asserted before any time is told; they run by
turns. The project's own way makes the relations that all its labels share, with kinds, values and what evidence needs;
the analysts' ways make only what the three answers need. Run with `python -m benchmarks.beside --patients 200000`.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from benchmarks._figures import Figure, Measured, say
from benchmarks._large import make_large_lake
from benchmarks.analysts import with_duckdb, with_outcomes, with_pandas, with_polars
from outcomes.contract import TABLES
from outcomes.settings import Settings

WAYS = {
    "outcomes": with_outcomes.label,
    "pandas": with_pandas.label,
    "Polars": with_polars.label,
    "plain DuckDB": with_duckdb.label,
}
_BUDGETS = {"pandas": 0.1, "Polars": 1.0}
"""The time of the project's own way, as a multiple of theirs."""
_DIFFERING = """
with
expected_rows as (select site_id, patient_id, label, status from expected),
found_rows as (select site_id, patient_id, label, status from found)

select count(*)
from (
    (from expected_rows except all from found_rows)
    union all
    (from found_rows except all from expected_rows)
)
"""


def main() -> None:
    """Label with each way by turns, and print the times and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    say(measure(options.patients, options.runs))


def measure(sizes: Sequence[int], runs: int) -> Measured:
    """The times of each way, and of the project's own as a multiple of the others.

    Args:
        sizes: how many patients.
        runs: how often each way labels them.
    """
    figures: list[Figure] = []
    for patients in sizes:
        with tempfile.TemporaryDirectory() as scratch:
            lake, folder = Path(scratch) / "lake", Path(scratch) / "csv"
            make_large_lake(Settings(home=Path(scratch)), lake, patients)
            write_tables(lake, folder)
            figures += _figures(folder, patients, runs)
    return Measured(figures)


def write_tables(lake: Path, folder: Path) -> None:
    """Write the contract tables of a lake, a CSV file each over all sites, and which tables each site delivers."""
    folder.mkdir()
    with duckdb.connect() as con:
        for table in TABLES.values():
            columns = ", ".join(["site_id", *table.schema.names])
            con.execute(f"copy (select {columns} from '{lake / table.name}.parquet') to '{folder / table.name}.csv'")
        con.execute(
            f"""
            copy (
                select distinct site_id, delivered.source_table
                from (select site_id, unnest(tables) as delivered from '{lake}/submissions.parquet')
                order by all
            ) to '{folder}/delivered_tables.csv'
            """
        )


def assert_alike(answers: dict[str, pa.Table]) -> None:
    """Each way gives the answers of the first, row by row in any order.

    Raises:
        AssertionError: it does not; names the ways and how many rows differ.
    """
    (first, expected), *others = answers.items()
    with duckdb.connect() as con:
        con.register("expected", expected)
        for name, found in others:
            con.register("found", found)
            ((differing,),) = con.execute(_DIFFERING).fetchall()
            if differing:
                raise AssertionError(f"{name} and {first} differ in {differing:,} rows")


def _figures(folder: Path, patients: int, runs: int) -> Iterator[Figure]:
    assert_alike({name: label(folder) for name, label in WAYS.items()})
    walls: dict[str, list[float]] = {name: [] for name in WAYS}
    processors: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(runs):
        for name, label in WAYS.items():
            started, used = time.perf_counter(), time.process_time()
            label(folder)
            walls[name].append(time.perf_counter() - started)
            processors[name].append(time.process_time() - used)
    wall = {name: statistics.median(times) for name, times in walls.items()}
    for name in WAYS:
        yield Figure(f"3 labels of {patients:,} patients from CSV, {name}", wall[name], "s")
    for name, times in processors.items():
        yield Figure(f"the same, time of the processors, {name}", statistics.median(times), "s")
    for name in list(WAYS)[1:]:
        yield Figure(f"outcomes as a multiple of {name}", wall["outcomes"] / wall[name], "", _BUDGETS.get(name))


if __name__ == "__main__":
    main()
