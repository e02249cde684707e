"""A lake of any size: a synthetic registry, drawn once and multiplied with keys that all differ."""

from pathlib import Path

from benchmarks._registries import load_registry
from outcomes.contract import TABLES
from outcomes.settings import Settings
from outcomes.sql.engine import connect
from outcomes.synthetic.profiles import site_profiles

SEED = 1
SEED_PATIENTS = 5000
SITES = 6
KEYS = {"patient_id", *(table.key for table in TABLES.values())}
"""The columns that hold keys of a site."""


def make_large_lake(
    settings: Settings, lake: Path, patients: int, copies_of_site: int | None = None, sites: int = SITES
) -> None:
    """Write the contract tables and the submissions of a large lake as one Parquet file each.

    Args:
        settings: of the engine.
        lake: the folder to write to.
        patients: about how many patients.
        copies_of_site: how many sites come of each; as many as copies when not given. Copies in a site of fewer than
            all are moved back in time, so that the lake spans 10 years.
        sites: of the registry that is multiplied.
    """
    copies = -(-patients // SEED_PATIENTS)
    lake.mkdir()
    with connect(settings) as con:
        load_registry(con, SEED, site_profiles(sites), min(patients, SEED_PATIENTS))
        for table in (*TABLES, "submissions"):
            con.execute(
                f"""
                copy (
                    select rows_in_force.* replace ({", ".join(_changes(table, copies_of_site or copies))})
                    from {table} as rows_in_force cross join range({copies}) as copies(copy)
                ) to '{lake / table}.parquet'
                """
            )


def _changes(table: str, sites: int) -> list[str]:
    columns = {column.name for column in TABLES[table].columns} if table in TABLES else set()
    # Keys of a real lake are all different, which Parquet can't make small.
    changes = [
        f"case when {key} is not null then substr(md5(concat({key}, copy)), 1, 14) end as {key}"
        for key in sorted(columns & KEYS)
    ]
    if "index_period" in columns:
        year = f"cast(substr(index_period, 1, 4) as integer) - 4 * (cast(copy // {sites} as integer) % 2)"
        changes.append(f"concat({year}, substr(index_period, 5)) as index_period")
    return [f"concat(site_id, '-', copy % {sites}) as site_id", *changes]
