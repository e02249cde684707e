"""What was not accepted as it came: rows with rule codes and reasons, or why a whole submission was refused."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from outcomes.errors import MISTAKES, SubmissionRefused
from outcomes.lake import RuleResult
from outcomes.settings import Settings

REFUSAL = "refusal.json"


def quarantine_folder(settings: Settings, site_id: str, period: str, submission_id: str) -> Path:
    """Where a submission's quarantined and blanked rows, or its refusal, stand."""
    return settings.quarantine / site_id / period / submission_id


def write_quarantine(folder: Path, tables: dict[str, pa.Table]) -> None:
    """Write quarantined rows and copies of blanked ones, one `<table>.parquet` each, in place of what the folder held.

    Args:
        folder: see `quarantine_folder`; none is left behind when no table has a row.
        tables: rows by table, as in `validation.Judgement.quarantined` and `blanked`.
    """
    with _replacing(folder) as unfinished:
        for name, rows in tables.items():
            if rows.num_rows:
                parquet.write_table(rows, unfinished / f"{name}.parquet")


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
    unfinished.mkdir(parents=True)
    yield unfinished
    shutil.rmtree(folder, ignore_errors=True)
    if any(unfinished.iterdir()):
        unfinished.rename(folder)
    else:
        unfinished.rmdir()
