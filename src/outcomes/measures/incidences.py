"""The cumulative incidence of each measure of a horizon in every cell of the cube: sites, periods and strata."""

from collections.abc import Iterator, Sequence

import duckdb
import numpy as np
import pyarrow as pa

from outcomes.arrays import Ints, numbered
from outcomes.sql.catalog.measures import measure_definitions
from outcomes.statistics.survival import aalen_johansen_at

_KEY = ("site_id", "resolution", "index_period", "stratum_kind", "stratum")
_STRATUM_KINDS = ("approach", "levels_band", "age_band", "indication")

_SCHEMA = pa.schema(
    [("measure", pa.string()), *((name, pa.string()) for name in _KEY)]
    + [(name, pa.float64()) for name in ("estimate", "estimate_low", "estimate_high")]
)

_ENDS = """
select
    within_horizons.measure,
    {group} as label,
    measure_groups.site_id,
    within_horizons.day,
    within_horizons.cause,
    count(*) as patients
from within_horizons
inner join measure_groups
    on within_horizons.site_id = measure_groups.site_id and within_horizons.patient_id = measure_groups.patient_id
where within_horizons.status <> 'excluded' and {group} is not null
group by all
order by all
"""
"""Of all measures at once, since each statement reads all of them. In an order: the sums of a group rest, in their last
bits, on the groups before it."""
_EVERYBODY = "''"
_GROUPS = {
    ("all", "all"): _EVERYBODY,
    ("year", "all"): "substr(measure_groups.index_period, 1, 4)",
    ("month", "all"): "case when length(measure_groups.index_period) = 7 then measure_groups.index_period end",
    **{("all", kind): f"measure_groups.{kind}" for kind in _STRATUM_KINDS},
}
"""How the patients are grouped, by resolution and kind of stratum."""


def incidence_table(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The Aalen-Johansen estimate at the horizon with its log-log limits, of each cell with a patient at risk.

    Args:
        con: a connection that holds `within_horizons` and `measure_groups`.

    Returns:
        One row per measure of a horizon and cell with a patient in the risk set: the measure, the columns of the key of
        `measure_counts`, estimate and limits; null where nobody is at risk at the horizon.
    """
    days = {measure.id: measure.horizon.day for measure in measure_definitions() if measure.horizon}
    parts = [_SCHEMA.empty_table()]
    for grouped, group in _GROUPS.items():
        ends = con.sql(_ENDS.format(group=group)).to_arrow_table()
        measures, first = np.unique(ends["measure"].to_numpy(zero_copy_only=False).astype(str), return_index=True)
        for measure, start, stop in zip(measures, first, np.append(first, ends.num_rows)[1:], strict=True):
            parts += _of_measure(str(measure), days[measure], grouped, ends.slice(start, stop - start))
    return pa.concat_tables(parts)


def with_incidences(con: duckdb.DuckDBPyConnection, estimates: pa.Table, incidences: pa.Table) -> pa.Table:
    """The estimates of all measures, of a horizon those of its incidence; the rows in the order of their key."""
    con.register("given_estimates", estimates)
    con.register("given_incidences", incidences)
    key = " and ".join(f"cells.{name} is not distinct from found.{name}" for name in ("measure", *_KEY))
    replaced = ", ".join(
        f"case when cells.unit = 'incidence' then found.{name} else cells.{name} end as {name}"
        for name in _SCHEMA.names
        if name.startswith("estimate")
    )
    order = ", ".join(f"cells.{name} nulls first" for name in ("measure", *_KEY))
    table = con.sql(
        f"select cells.* replace ({replaced}) from given_estimates as cells "
        f"left join given_incidences as found on {key} order by {order}"
    ).to_arrow_table()
    con.unregister("given_estimates")
    con.unregister("given_incidences")
    return table


def _of_measure(measure: str, day: int, grouped: tuple[str, str], ends: pa.Table) -> Iterator[pa.Table]:
    """The incidences at a day, of each group and site and of each group over all sites."""
    resolution, stratum_kind = grouped
    labels, sites = (ends[name].combine_chunks().dictionary_encode() for name in ("label", "site_id"))
    label, site = (each.indices.to_numpy().astype(np.int64) for each in (labels, sites))
    leaving = tuple(ends[name].to_numpy().astype(np.int64) for name in ("day", "cause", "patients"))
    for of_site, names in ((np.zeros_like(site), [None]), (site, sites.dictionary.to_pylist())):
        cell, first = _cells(of_site, label)
        found = aalen_johansen_at(day, cell, *leaving)
        at = [labels.dictionary[int(number)].as_py() for number in label[first]]
        count = len(first)
        columns: dict[str, Sequence[object] | pa.Array] = {
            "measure": pa.repeat(measure, count),
            "site_id": [names[int(number)] for number in of_site[first]],
            "resolution": pa.repeat(resolution, count),
            "index_period": at if resolution != "all" else pa.nulls(count, pa.string()),
            "stratum_kind": pa.repeat(stratum_kind, count),
            "stratum": at if stratum_kind != "all" else pa.nulls(count, pa.string()),
            **{
                name: pa.array(values, from_pandas=True) for name, values in zip(_SCHEMA.names[-3:], found, strict=True)
            },
        }
        yield pa.table(columns, schema=_SCHEMA)


def _cells(site: Ints, label: Ints) -> tuple[Ints, Ints]:
    """The number of each row's cell, and a row of each cell."""
    order = np.lexsort((label, site))
    cell = np.empty_like(site)
    cell[order] = numbered(site[order], label[order])
    _, first = np.unique(cell, return_index=True)
    return cell, first
