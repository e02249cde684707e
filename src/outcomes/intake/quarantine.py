"""What was not accepted as it came: rows with rule codes and reasons, or why a whole submission was refused."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from outcomes.contract import TABLES, Table
from outcomes.errors import MISTAKES, SubmissionRefused
from outcomes.home import private_files
from outcomes.intake.words import masked
from outcomes.lake import RuleResult
from outcomes.settings import Settings

REFUSAL = "refusal.json"

_KEPT_AGE = r"^\s*[+-]?(?:0*(?:\d|[1-8]\d|90)(?:\.\d*)?|9{3,})\s*$"
"""What is kept of age_years: a number up to 90, or nines that are no age. All else may spell an age over 89."""


def quarantine_folder(settings: Settings, site_id: str, period: str, submission_id: str) -> Path:
    """Where a submission's quarantined and blanked rows, or its refusal, stand."""
    return settings.quarantine / site_id / period / submission_id


def write_quarantine(folder: Path, tables: dict[str, pa.Table]) -> None:
    """Write quarantined and pending rows and copies of blanked ones, a `<table>.parquet` each, in place of the former.

    Rows are kept as delivered but for what may identify a person. An age over 89 is kept nowhere: not as a code for
    missing, nor in words. Of a word that the contract has not, and of a number longer than any measure, an x is kept
    for each letter or digit.

    Args:
        folder: see `quarantine_folder`; none is left behind when no table has a row.
        tables: rows by table, as in `validation.Judgement`: quarantined, pending and blanked.
    """
    with _replacing(folder) as unfinished:
        for name, rows in tables.items():
            if rows.num_rows:
                kept = _without_old_ages(_without_names(TABLES[name], rows))
                parquet.write_table(kept, unfinished / f"{name}.parquet")


def read_quarantine(folder: Path) -> dict[str, pa.Table]:
    """The rows of a submission that `write_quarantine` kept, by table in the contract's order.

    Args:
        folder: see `quarantine_folder`; it need not exist.
    """
    files = ((name, folder / f"{name}.parquet") for name in TABLES)
    return {name: parquet.read_table(file, partitioning=None) for name, file in files if file.is_file()}


def _without_names(table: Table, rows: pa.Table) -> pa.Table:
    for column in table.columns:
        if not column.name.endswith("_id"):
            place = rows.schema.get_field_index(column.name)
            rows = rows.set_column(place, column.name, masked(column, rows[column.name]))
    return rows


def _without_old_ages(rows: pa.Table) -> pa.Table:
    place = rows.schema.get_field_index("age_years")
    if place < 0:
        return rows
    ages = rows.column(place)
    kept = pc.if_else(pc.match_substring_regex(ages, _KEPT_AGE), ages, pa.scalar(None, pa.string()))
    return rows.set_column(place, "age_years", kept)


def write_refusal(folder: Path, refusal: SubmissionRefused, rules: tuple[RuleResult, ...]) -> None:
    """Write why a whole submission was refused, in words and counts, in place of whatever the folder held.

    Args:
        folder: see `quarantine_folder`.
        refusal: the mistake.
        rules: how the rules fared, when validation came that far.
    """
    mistake = MISTAKES[refusal.code]
    account = {
        "code": refusal.code,
        "where": refusal.where,
        "what": mistake.what,
        "to_do": mistake.remedy,
        "broken_rules": [
            {"table": rule.source_table, "rule": rule.rule, "reason": rule.reason, "rows": rule.rows_failed}
            for rule in rules
            if rule.severity == "critical" and rule.rows_failed
        ],
    }
    with _replacing(folder) as unfinished:
        (unfinished / REFUSAL).write_text(json.dumps(account, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """Give a new folder to fill; it takes the old one's place only once it is filled."""
    unfinished = folder.with_name(f".{folder.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    with private_files():
        unfinished.mkdir(parents=True)
        yield unfinished
    shutil.rmtree(folder, ignore_errors=True)
    if any(unfinished.iterdir()):
        unfinished.rename(folder)
    else:
        unfinished.rmdir()
