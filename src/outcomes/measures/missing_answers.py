"""What patients report, and how far those who did not answer could change it."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outcomes.arrays import Floats, Ids, numbered, starts
from outcomes.sql.catalog.marts import mart_schema
from outcomes.sql.catalog.measures import measure_definitions
from outcomes.statistics.weighting import Answers, Weighting

_PATTERNS = """
select site_id, sex, age, age_known, approach, levels, baseline, yes, no, missing
from answer_patterns
where measure = $measure
order by site_id, sex, age, age_known, approach, levels, baseline
"""
FACTORS = ("sex", "age_known", "approach", "levels")
"""What the weights know beside site, age and baseline score."""
_DECIMALS = 6


def missing_answers_table(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Observed share, bounds and weighted share of each measure of what patients report, by site and over all.

    Args:
        con: a connection that holds `answer_patterns` and `submissions`.
    """
    sites = con.sql("select distinct site_id from submissions where status = 'accepted' order by site_id").fetchall()
    rows: list[dict[str, Any]] = []
    for measure in sorted(each.id for each in measure_definitions() if each.baseline_score):
        patterns = con.sql(_PATTERNS, params={"measure": measure}).to_arrow_table()
        rows += weighted_shares(patterns, measure, [site for (site,) in sites])
    return pa.Table.from_pylist(rows, schema=mart_schema("missing_answers"))


def weighted_shares(patterns: pa.Table, measure: str, sites: list[str]) -> Iterator[dict[str, Any]]:
    """The rows of one measure: each of the sites, then all together.

    Args:
        patterns: patients of like answers by site, case mix and baseline score, in the order of the sites.
        measure: its name.
        sites: the sites to tell of, those without patients too.
    """
    weighting = weigh(patterns)
    places = site_slices(patterns)
    for site in (*sites, None):
        among = slice(None) if site is None else places.get(site, slice(0, 0))
        yes, no, missing = (int(part[among].sum()) for part in weighting.answers)
        weighted = weighting.share(among)
        figures = {
            "share": _share(yes, yes + no),
            "share_if_missing_no": _share(yes, yes + no + missing),
            "share_if_missing_yes": _share(yes + missing, yes + no + missing),
            "weighted_share": weighted.share,
            "weighted_low": weighted.low,
            "weighted_high": weighted.high,
            "effective_patients": weighted.effective,
        }
        # The order in which fractions are added up leaves its mark in the last digits.
        rounded = {name: None if np.isnan(value) else round(value, _DECIMALS) for name, value in figures.items()}
        counts = {"numerator": yes, "answered": yes + no, "not_answered": missing}
        yield {"measure": measure, "site_id": site} | counts | rounded


def weigh(patterns: pa.Table) -> Weighting:
    """The model of who answered, from patterns of patients as `weighted_shares` takes them."""
    answers = Answers(*(patterns[name].to_numpy().astype(np.int64) for name in Answers._fields))
    return Weighting(site_numbers(patterns), len(site_slices(patterns)), slopes(patterns, FACTORS), answers)


def site_numbers(patterns: pa.Table) -> Ids:
    """The site of each pattern, numbered from 0."""
    return numbered(patterns["site_id"].to_numpy(zero_copy_only=False))


def site_slices(patterns: pa.Table) -> dict[str, slice]:
    """Where the patterns of each site stand, which come in the order of the sites."""
    sites = patterns["site_id"].to_numpy(zero_copy_only=False)
    first = np.flatnonzero(starts(sites)).tolist() if len(sites) else []
    return {sites[start]: slice(start, end) for start, end in pairwise([*first, len(sites)])}


def slopes(patterns: pa.Table, factors: Sequence[str]) -> Floats:
    """The columns of a model beside the site: ones, age, baseline score or that it is missing, and each level."""
    columns = [np.ones(patterns.num_rows), _scaled(patterns["age"])]
    if patterns["baseline"].null_count < patterns.num_rows:
        columns += [_scaled(patterns["baseline"]), pc.is_null(patterns["baseline"]).to_numpy().astype(float)]
    for factor in factors:
        for level in sorted(pc.unique(patterns[factor]).to_pylist()):
            columns.append(pc.equal(patterns[factor], level).to_numpy().astype(float))
    return np.column_stack(columns)


def _scaled(values: pa.ChunkedArray) -> Floats:
    """Distances from the mean in two standard deviations, comparable with 0 and 1; 0 where a value is missing."""
    spread = pc.stddev(values).as_py()
    if not spread:
        return np.zeros(len(values))
    known = values.to_numpy(zero_copy_only=False).astype(float)
    scaled: Floats = np.nan_to_num((known - pc.mean(values).as_py()) / (2 * spread))
    return scaled


def _share(part: int, whole: int) -> float:
    return part / whole if whole else np.nan
