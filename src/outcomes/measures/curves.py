"""The curves of cumulative incidence of every outcome: read from the relations, estimated, and read off by day."""

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outcomes.arrays import Counts
from outcomes.sql.catalog.marts import mart_schema
from outcomes.statistics.survival import aalen_johansen, one_minus_kaplan_meier

STEP_DAYS = 30
HORIZONS = (90, 365, 730, 1826, 3652, 7305)
"""Days on which a curve is read off, instead of the multiples of `STEP_DAYS` near them."""
_NEAR = STEP_DAYS // 2
AALEN_JOHANSEN, ONE_MINUS_KM = "aalen_johansen", "one_minus_km"
GROUP = ("stratum_kind", "stratum", "site_id")
_STRATUM_KINDS = ("approach", "levels_band", "age_band", "indication")
_GROUP_SCHEMA = pa.schema([(name, pa.string()) for name in GROUP])
_PROFILED = """
with described as (
    select
        site_id,
        patient_id,
        coalesce(approach, 'unknown') as approach,
        levels_band,
        age_band,
        coalesce(indication, 'unknown') as indication
    from episodes
),
profiled as (
    select
        site_id,
        patient_id,
        approach,
        levels_band,
        age_band,
        indication,
        dense_rank() over (order by site_id, approach, levels_band, age_band, indication) - 1 as profile
    from described
)
"""
"""A profile is a combination of site and strata that occurs."""

_PROFILES = f"""{_PROFILED}
select distinct profile, site_id, approach, levels_band, age_band, indication
from profiled
order by profile
"""

_ENDS = f"""{_PROFILED},
outcomes as (
    select
        outcome,
        row_number() over (order by outcome) - 1 as outcome_number
    from (select distinct outcome from time_to_event) as occurring
)
select
    cast(outcomes.outcome_number as smallint) as outcome_number,
    cast(profiled.profile as integer) as profile,
    cast(time_to_event.day as integer) as day,
    cast(time_to_event.cause as smallint) as cause
from time_to_event
inner join outcomes
    on time_to_event.outcome = outcomes.outcome
inner join profiled
    on time_to_event.site_id = profiled.site_id and time_to_event.patient_id = profiled.patient_id
"""

_CENSORED, _EVENT, _COMPETING = range(3)
"""Causes of `time_to_event`."""


def cumulative_incidence_table(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The curves of every outcome, for all sites, each site and each stratum, by both estimators.

    Every group has a row for each of `grid_days`. Counts are exact.

    Args:
        con: a connection that holds `time_to_event` and `episodes`.
    """
    occurring = con.sql("select distinct outcome from time_to_event order by outcome").fetchall()
    if not occurring:
        return mart_schema("cumulative_incidence").empty_table()
    groups, groups_of_profile = _groups(con.sql(_PROFILES).to_arrow_table())
    ends = con.sql(_ENDS).to_arrow_table()
    outcome, profile, day, cause = (ends[name].to_numpy() for name in ends.column_names)
    grid = grid_days(int(day.max()))
    shape = (groups.num_rows, 3, int(grid[-1]) + 1)
    tables = []
    for number, (name,) in enumerate(occurring):
        rows = outcome == number
        left = np.zeros(np.prod(shape), dtype=np.int64)
        for group in groups_of_profile:
            cells = np.ravel_multi_index((group[profile[rows]], cause[rows], day[rows]), shape)
            left += np.bincount(cells, minlength=len(left))
        tables.append(_table_of_outcome(name, groups, left.reshape(shape), grid))
    return pa.concat_tables(tables)


def grid_days(last_day: int) -> Counts:
    """The days on which curves are read off, up to the first of them that is not before the last day.

    They are the multiples of 30, and each of `HORIZONS` instead of those within 15 days of it: beside a day just before
    it a horizon would hardly ever be shown (see `outcomes.disclosure.curves`).
    """
    multiples = np.arange(0, last_day + 2 * STEP_DAYS, STEP_DAYS)
    is_near = (abs(multiples[:, np.newaxis] - HORIZONS) <= _NEAR).any(axis=1)
    days = np.union1d(multiples[~is_near], HORIZONS)
    return days[: np.searchsorted(days, last_day) + 1]


def _groups(profiles: pa.Table) -> tuple[pa.Table, list[Counts]]:
    """The groups of patients, ordered, and, for each way to group them, the number of the group of each profile."""
    everyone = np.zeros(profiles.num_rows, dtype=np.int64)
    groups: list[tuple[str, str | None, str | None]] = [("all", None, None)]
    group_of_profile = [everyone]
    for name in ("site_id", *_STRATUM_KINDS):
        values, index = np.unique(profiles[name].to_numpy(zero_copy_only=False).astype(str), return_inverse=True)
        group_of_profile.append(len(groups) + index)
        groups += [("all", None, str(value)) if name == "site_id" else (name, str(value), None) for value in values]
    table = pa.Table.from_pylist([dict(zip(GROUP, group, strict=True)) for group in groups], schema=_GROUP_SCHEMA)
    order = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in GROUP]).to_numpy()
    place = np.argsort(order)
    return table.take(order), [place[number] for number in group_of_profile]


def _table_of_outcome(outcome: str, groups: pa.Table, left: Counts, grid: Counts) -> pa.Table:
    """The curves of one outcome.

    Args:
        outcome: its name.
        groups: the groups of patients; those without any patient are left out.
        left: patients who left, by group, cause and day; shape (groups, 3, days).
        grid: days on which the curves are read off.
    """
    some = left.any(axis=(1, 2))
    events, competing, censored = (left[some, cause] for cause in (_EVENT, _COMPETING, _CENSORED))
    rows = groups.filter(pa.array(some)).take(np.repeat(np.arange(some.sum()), len(grid)))
    so_far = {"events": events, "competing": competing, "censored": censored}
    shared = {
        **{name: rows[name] for name in GROUP},
        "outcome": pa.repeat(outcome, rows.num_rows),
        "day": np.tile(grid, some.sum()),
        **{name: np.cumsum(counts, axis=-1)[:, grid].ravel() for name, counts in so_far.items()},
    }
    tables = []
    for estimator, estimate in ((AALEN_JOHANSEN, aalen_johansen), (ONE_MINUS_KM, one_minus_kaplan_meier)):
        curves = estimate(events, competing, censored)
        columns = shared | {
            "estimator": pa.repeat(estimator, rows.num_rows),
            **{name: pa.array(values[:, grid].ravel(), from_pandas=True) for name, values in curves._asdict().items()},
        }
        schema = mart_schema("cumulative_incidence")
        tables.append(pa.table({name: columns[name] for name in schema.names}, schema=schema))
    return pa.concat_tables(tables)
