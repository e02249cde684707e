"""Put a site's submissions on disk."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from outcomes.contract import TABLES, Table
from outcomes.intake.manifest import write_manifest
from outcomes.periods import last_day
from outcomes.synthetic.extracts import History, as_arrow
from outcomes.synthetic.faults import Submission
from outcomes.synthetic.profiles import SiteProfile


def submissions(profile: SiteProfile, number: int, history: History, periods: list[str]) -> Iterator[Submission]:
    """The sound submissions of one site, oldest first; a table without rows has a header alone.

    Args:
        profile: the site.
        number: the number of the site.
        history: all versions of its rows.
        periods: the period of each number that the history names.
    """
    for turn, period in enumerate(periods):
        parts = {name: frame[frame["period"] == turn] for name, frame in history.items()}
        tables = {name: _as_strings(profile, TABLES[name], part) for name, part in parts.items() if len(history[name])}
        yield Submission(profile.site_id, number * len(periods) + turn, period, tables, _deaths(history, turn))


def write_submission(profile: SiteProfile, folder: Path, period: str, *, kind: str, tables: dict[str, pa.Table]) -> int:
    """Write the tables and, last, the manifest.

    Returns:
        The number of rows.
    """
    folder.mkdir(parents=True)
    for name, table in tables.items():
        _write_table(profile, folder, TABLES[name], table)
    manifest = write_manifest(
        folder,
        site_id=profile.site_id,
        period=period,
        kind="full" if kind == "full" else "incremental",
        deidentification_method=profile.method,
        data_cut=last_day(period),
        is_synthetic=True,
    )
    return manifest.rows


def without_dots(table: pa.Table) -> pa.Table:
    """The table with the dots of its codes dropped."""
    if "code" not in table.column_names:
        return table
    place = table.column_names.index("code")
    return table.set_column(place, "code", pc.replace_substring(table["code"], ".", ""))


def _as_strings(profile: SiteProfile, table: Table, frame: pd.DataFrame) -> pa.Table:
    typed = as_arrow(table, frame.sort_values(table.key))
    if not profile.dotted_codes:
        typed = without_dots(typed)
    return typed.cast(pa.schema([pa.field(name, pa.string()) for name in typed.column_names]))


def _write_table(profile: SiteProfile, folder: Path, table: Table, rows: pa.Table) -> None:
    if profile.file_format == "parquet":
        parquet.write_table(rows.cast(table.schema), folder / f"{table.name}.parquet")
        return
    if not pc.any(pc.equal(rows["deleted"], "true")).as_py():
        rows = rows.drop_columns(["deleted"])
    csv.write_csv(rows, folder / f"{table.name}.csv", csv.WriteOptions(quoting_style="needed"))


def _deaths(history: History, turn: int) -> dict[str, int]:
    """The days of death known by a submission, of the patients not withdrawn by then."""
    sent = history["patients"][history["patients"]["period"] <= turn]
    newest = sent.sort_values(["patient_id", "period"]).drop_duplicates("patient_id", keep="last")
    dead = newest[newest["death_day"].notna()]
    return dict(zip(dead["patient_id"], dead["death_day"].astype(np.int64).tolist(), strict=True))
