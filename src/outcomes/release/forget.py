"""Releases that hold a patient who was erased, and what was written on the way to one."""

import shutil
from pathlib import Path

import duckdb

from outcomes.errors import OutcomesError
from outcomes.labelling import kept
from outcomes.release.open import RESEARCH
from outcomes.release.origin import origin_of
from outcomes.release.publish import remove_releases
from outcomes.settings import Settings
from outcomes.sql.engine import connect_read_only


def remove_holding(settings: Settings, site_id: str, patient_id: str) -> int:
    """Remove the releases that hold a patient or cannot be searched, the kept labelling, and all scratch files.

    Returns:
        How many releases were removed.
    """
    removed = remove_releases(
        settings.releases, lambda folder: _holds(folder, site_id, patient_id), origin_of(settings)
    )
    kept.discard(settings.labelled)
    # Scratch releases hold single patients, and so does what the database spills to disk.
    for left in settings.scratch.glob("*"):
        shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
    return removed


def _holds(folder: Path, site_id: str, patient_id: str) -> bool:
    try:
        with connect_read_only(folder / RESEARCH) as con:
            marts = con.execute(
                "select table_name from duckdb_columns() where column_name = 'patient_id' order by table_name"
            ).fetchall()
            return any(
                con.execute(
                    f'select 1 from "{mart}" where site_id = $site_id and patient_id = $patient_id limit 1',
                    {"site_id": site_id, "patient_id": patient_id},
                ).fetchone()
                for (mart,) in marts
            )
    except (duckdb.Error, OutcomesError):
        return True
