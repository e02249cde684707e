"""What the lake says, as plain values to compare."""

from typing import Any

from outcomes.contract import TABLES
from outcomes.lake import Lake
from outcomes.settings import Settings
from outcomes.sql.engine import connect


def lake_state(settings: Settings) -> dict[str, Any]:
    """All that a release reads of the lake, and what is kept beside it; nothing of it may be damaged."""
    with connect(settings) as con:
        damaged = Lake.of(settings).attach_sound(con)
        tables = {name: con.sql(f"select * from {name} order by all").fetchall() for name in TABLES}
        attempts = con.sql(
            "select site_id, period, attempt, status, code, rows_in, rows_accepted, rows_quarantined, rows_pending, "
            "tables, rules, blanked from submissions order by all"
        ).fetchall()
    assert damaged == []
    return tables | {"attempts": attempts}
