"""A lake to which submissions come month by month, with the digests that the intake records; of invented patients."""

import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from outcomes.contract import TABLES
from outcomes.lake import PROVENANCE, Lake, SubmissionRecord, TableCounts, digests
from outcomes.settings import Settings
from tests.generative.histories import Row, Tables, patients


def invented(site: str, count: int, seed: int) -> Tables:
    """Patients of a site with keys of their own."""
    tables: Tables = {name: [] for name in TABLES}
    for turn, patient in enumerate(patients(count, seed)):
        for name, rows in patient.tables.items():
            tables[name] += [_own_keys(f"{site}{turn}-", row) for row in rows]
    return tables


def _own_keys(start: str, row: Row) -> Row:
    keys = {"patient_id", *(table.key for table in TABLES.values())}
    return {name: f"{start}{value}" if name in keys and value is not None else value for name, value in row.items()}


class MonthlyLake:
    """A lake to which submissions come, with the digests that the intake records."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home, threads=1)
        self._lake = Lake(self.settings.lake)
        self._judgements = 0

    def deliver(self, site: str, period: str, kind: str, tables: Tables) -> None:
        self._judgements += 1
        judgement = f"j{self._judgements}"
        counts = []
        for name, rows in sorted(tables.items()):
            place = {"site_id": site, "period": period, "submission_id": judgement, "flags": None}
            schema = pa.schema([*PROVENANCE, *TABLES[name].schema])
            written = pa.Table.from_pylist([place | row for row in rows], schema=schema)
            self._lake.write_rows(TABLES[name], written, judgement)
            with duckdb.connect() as con:
                of_all, of_context = digests(con, TABLES[name], written)
            counts.append(TableCounts(name, len(rows), len(rows), 0, 0, of_all, of_context))
        self._commit(site, period, "accepted", kind=kind, tables=tuple(counts))

    def withdraw(self, site: str, period: str) -> None:
        if self._lake.recorded(site, period):
            self._judgements += 1
            self._commit(site, period, "withdrawn")

    def _commit(self, site: str, period: str, outcome: str, **about: Any) -> None:
        judgement = f"j{self._judgements}"
        self._lake.commit(
            SubmissionRecord(
                judgement,
                site,
                period,
                attempt=len(self._lake.recorded(site, period)) + 1,
                outcome=outcome,
                judgement_id=judgement,
                recorded_at=datetime.datetime(2026, 1, 1, 0, 0, self._judgements, tzinfo=datetime.UTC),
                **about,
            )
        )
