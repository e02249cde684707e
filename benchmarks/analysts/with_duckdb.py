"""The headline labels in plain DuckDB: one statement over the CSV files."""

from pathlib import Path

import duckdb
import pyarrow as pa

from benchmarks.analysts import MJOA_DOMAINS, NDI_ITEMS
from outcomes.sql.reference import thresholds
from outcomes.sql.shipped import shipped

_STATEMENT = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")


def label(folder: Path) -> pa.Table:
    """The status of each episode's headline labels.

    Args:
        folder: where the CSV files are.

    Returns:
        The columns site_id, patient_id, label and status.
    """
    rules = thresholds()
    shared = [*rules["assistant_modifiers"].split(";"), rules["two_surgeons_modifier"]]
    statement = _STATEMENT.format(
        folder=folder,
        lists=shipped("sql", "codelists"),
        reference=shipped("sql", "reference"),
        assistants=", ".join(f"'{modifier}'" for modifier in shared),
        ndi_items=", ".join(NDI_ITEMS),
        mjoa_domains=" + ".join(MJOA_DOMAINS),
        **rules,
    )
    with duckdb.connect() as con:
        return con.sql(statement).to_arrow_table()
