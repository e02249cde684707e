"""Time of a command, of one submission more and of labelling by the number of submissions that the lake holds.

One small submission is taken in; all others are its rows under other keys, of 100 sites month by month, in the files
and with the commit that intake would have given each. Of a release, reading what is in force and labelling it hang on
how many submissions there are; the protection of so many small sites hangs on the sites. Run with
`python -m benchmarks.submissions --submissions 375 1500 6000`.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa
from deltalake import write_deltalake

from benchmarks._figures import Figure, Measured, median_seconds, say, seconds
from benchmarks._large import KEYS
from outcomes import pipeline
from outcomes.contract import TABLES, Table
from outcomes.intake.landing import Delivery
from outcomes.labelling.build import run
from outcomes.lake import PROVENANCE, Lake, SubmissionRecord, TableCounts, digests
from outcomes.lake.views import JUDGEMENT_ID
from outcomes.periods import add_months
from outcomes.release.build import relations_of_marts
from outcomes.settings import Settings
from outcomes.sql.engine import connect, on_disk
from outcomes.synthetic import synthesize

PATIENTS = 10
"""Of each submission, about."""
SITES = 100
_FIRST_MONTH = "2019-01"
_STATUS = "from outcomes.cli import main; main()"


def main() -> None:
    """Fill a lake, and print the figures of each number of submissions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, nargs="+", default=[375, 1500, 6000])
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    say(measure(options.submissions, options.runs))


def measure(numbers: Sequence[int], runs: int) -> Measured:
    """The times of `outcomes status`, of one ingest more and of labelling.

    Args:
        numbers: how many submissions the lake holds, ascending.
        runs: how often status and ingest are timed.
    """
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        sites = 1 + runs * len(numbers)
        synthesize(settings, patients=sites * PATIENTS, sites=sites, months=0, faults=False)
        first, *more = pipeline.landed(settings)
        submission = _taken_in(settings, first)
        waiting = iter(more)
        held = 1
        for number in numbers:
            for first_of_month in range(held, number, SITES):
                submission.commit_again(settings, range(first_of_month, min(first_of_month + SITES, number)))
            measured = {
                "outcomes status": median_seconds(partial(_status, settings), runs),
                "one ingest more": statistics.median(
                    seconds(partial(pipeline.ingest, settings, one.site_id, one.period))
                    for one in islice(waiting, runs)
                ),
                "labels of what is in force": seconds(partial(_label, settings)),
            }
            held = number + runs
            figures += [Figure(name, taken, "s", None, number, "submissions") for name, taken in measured.items()]
    return Measured(figures)


@dataclass(frozen=True)
class _Submission:
    """What intake accepted of one submission: its record, and its rows by table."""

    record: SubmissionRecord
    rows: dict[str, pa.Table]

    def commit_again(self, settings: Settings, numbers: Sequence[int]) -> None:
        """Commit the same rows under other keys as submissions of other sites and months.

        The rows of all of them are written at once, to the files that each would have got; each has its own commit.
        """
        lake, records = Lake(settings.lake), [self._record(number) for number in numbers]
        counts: list[list[TableCounts]] = [[] for _ in numbers]
        with duckdb.connect() as con:
            for each in self.record.tables:
                table, written = TABLES[each.source_table], []
                con.register("taken_in", self.rows[table.name])
                for number, record, counted in zip(numbers, records, counts, strict=True):
                    rows = con.sql(_under_other_keys(table, record, number)).to_arrow_table()
                    digest, context = digests(con, table, rows)
                    counted.append(replace(each, digest=digest, context=context))
                    written.append(rows.append_column(JUDGEMENT_ID, pa.repeat(record.judgement_id, rows.num_rows)))
                write_deltalake(
                    settings.lake / table.name,
                    pa.concat_tables(written).select([*PROVENANCE.names, *table.schema.names, JUDGEMENT_ID]),
                    partition_by=["site_id", "period"],
                    mode="append",
                )
        for record, counted in zip(records, counts, strict=True):
            lake.commit(replace(record, tables=tuple(counted)))

    def _record(self, number: int) -> SubmissionRecord:
        month, site = divmod(number, SITES)
        site_id, period = f"site-{site}", add_months(_FIRST_MONTH, month)
        submission_id = f"{site_id}-{period}-{number:012x}"
        return replace(
            self.record,
            submission_id=submission_id,
            site_id=site_id,
            period=period,
            judgement_id=f"{submission_id}-{number}",
            recorded_at=self.record.recorded_at and self.record.recorded_at + timedelta(seconds=number),
        )


def _under_other_keys(table: Table, record: SubmissionRecord, number: int) -> str:
    """SQL: the rows taken in, as those of another submission."""
    provenance = {name: getattr(record, name) for name in ("site_id", "period", "submission_id")}
    columns = [f"'{value}' as {name}" for name, value in provenance.items()]
    keys = sorted(KEYS.intersection(table.schema.names))
    columns += [f"substr(md5({key} || '{number}'), 1, 14) as {key}" for key in keys]
    return f"select * replace ({', '.join(columns)}) from taken_in"


def _taken_in(settings: Settings, delivery: Delivery) -> _Submission:
    record = pipeline.ingest(settings, delivery.site_id, delivery.period)
    with connect(settings) as con:
        Lake(settings.lake).attach(con)
        rows = {
            table.source_table: con.sql(f"from {table.source_table}").to_arrow_table().cast(_schema(table.source_table))
            for table in record.tables
        }
    return _Submission(record, rows)


def _schema(table: str) -> pa.Schema:
    return pa.schema([*PROVENANCE, *TABLES[table].schema])


def _label(settings: Settings) -> None:
    """As a release does, which reads each of the many small files once."""
    with connect(settings) as con:
        Lake(settings.lake).attach(con)
        with on_disk(con, settings.home / "work.duckdb", [*TABLES, "submissions"]):
            run(con, kept=relations_of_marts())


def _status(settings: Settings) -> None:
    command = [sys.executable, "-c", _STATUS, "--home", str(settings.home), "status"]
    subprocess.run(command, capture_output=True, check=True)


if __name__ == "__main__":
    main()
