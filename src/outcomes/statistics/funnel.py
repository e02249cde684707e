"""Observed against expected, the limits of a funnel plot, and their widening where sites differ by more than chance.

Sources: Spiegelhalter 2005, Funnel plots for comparing institutional performance, Stat Med 24:1185
(https://doi.org/10.1002/sim.1970); Spiegelhalter 2005, Handling over-dispersion of performance indicators, Qual Saf
Health Care 14:347 (https://doi.org/10.1136/qshc.2005.013755); Manktelow and Seaton 2012
(https://doi.org/10.1371/journal.pone.0045723).

The functions of the limits take arrays with one element per site and work on all of them at once. Sites are never
ranked: rows stand in the order of their ids.
"""

from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from outcomes.arrays import Floats, ratio
from outcomes.disclosure.suppression import coarse
from outcomes.statistics.risk_models import headline_measures, shown_counts

FEWEST_FOLLOWED = 20
"""Sites with fewer patients followed are marked and not compared (clinical specification, section 8)."""

LEVEL_95, LEVEL_99_8 = 0.95, 0.998
"""Of the inner and the outer limits."""

WINSORISED = 0.1
"""Share of the z-scores that is drawn in at each end, so that true outliers do not widen the limits that show them."""


class Limits(NamedTuple):
    """A lower and an upper limit for each site."""

    low: Floats
    high: Floats


class Dispersion(NamedTuple):
    """By how much sites differ: `phi` is 1 when by chance alone, `tau2` the variance between them beyond chance."""

    phi: float
    tau2: float


def ratio_interval(observed: Floats, expected: Floats, level: float = LEVEL_95) -> Limits:
    """The exact Poisson interval of observed over expected, the expected taken as known (Garwood 1936).

    Around the expected number itself it is the funnel of an indirectly standardised ratio.
    """
    from scipy.stats import chi2  # noqa: PLC0415 - slow to import, needed only here

    tail = (1 - level) / 2
    # With nothing observed the quantile is of no degrees of freedom; its limit is 0.
    low = np.where(observed > 0, chi2.ppf(tail, np.maximum(2 * observed, 1)), 0)
    high = chi2.isf(tail, 2 * observed + 2)
    return Limits(low / (2 * expected), high / (2 * expected))


def binomial_limits(patients: Floats, risk: Floats, level: float) -> Limits:
    """Exact limits of the share among so many patients of this mean risk, interpolated between whole patients.

    A share lies beyond a limit only where one so far out has a smaller probability than half of what `level` leaves.
    The lower limit is that of Spiegelhalter 2005, appendix A.1.1; the upper one is its mirror image, the lower limit of
    the patients without the outcome, for his own would be passed too easily when few are expected (Manktelow and Seaton
    2012).
    """
    tail = (1 - level) / 2
    return Limits(_lower_limit(patients, risk, tail), 1 - _lower_limit(patients, 1 - risk, tail))


def standardised(observed: Floats, expected: Floats, risk: Floats) -> tuple[Floats, Floats]:
    """Z-scores of observed over expected, and the standard errors, on the scale of the square root.

    The square root keeps the spread even and, unlike the logarithm, allows for none observed. Among patients of a high
    mean risk the number observed varies less than a Poisson count.
    """
    error = np.sqrt((1 - risk) / expected) / 2
    distance = np.sqrt(observed / expected) - 1
    return ratio(distance, error, otherwise=0), error


def winsorised(z: Floats) -> Floats:
    """The z-scores with the outermost tenth at each end drawn in to the next."""
    return np.clip(z, *np.quantile(z, [WINSORISED, 1 - WINSORISED])) if len(z) else z


def dispersion(z: Floats, error: Floats) -> Dispersion:
    """Over-dispersion of z-scores with their standard errors: phi, and tau² by the method of moments.

    tau² (DerSimonian and Laird 1986) is on the scale of the errors; 0 when the scores spread no more than chance.
    """
    sites = len(z)
    if sites < 2 or not (error > 0).all():
        return Dispersion(float("nan"), 0.0)
    phi = float(np.mean(z**2))
    weights = error**-2
    tau2 = (sites * phi - (sites - 1)) / (weights.sum() - (weights**2).sum() / weights.sum())
    return Dispersion(phi, max(0.0, float(tau2)))


def widened_limits(error: Floats, tau2: float, level: float) -> Limits:
    """Limits of observed over expected that allow for the variance between sites, from the scale of the square root."""
    from scipy.stats import norm  # noqa: PLC0415 - slow to import, needed only here

    width = norm.isf((1 - level) / 2) * np.sqrt(error**2 + tau2)
    return Limits(np.maximum(1 - width, 0) ** 2, (1 + width) ** 2)


def positions(values: Floats, inner: Limits, outer: Limits) -> NDArray[np.str_]:
    """Where each value lies: inside, or above or below the 95 % or the 99.8 % limits."""
    return np.select(
        [values > outer.high, values > inner.high, values < outer.low, values < inner.low],
        ["above_99_8", "above_95", "below_99_8", "below_95"],
        "inside",
    )


def _lower_limit(patients: Floats, risk: Floats, tail: float) -> Floats:
    from scipy.stats import binom  # noqa: PLC0415 - slow to import, needed only here

    count = binom.ppf(tail, patients, risk)
    excess = (binom.cdf(count, patients, risk) - tail) / binom.pmf(count, patients, risk)
    limit: Floats = np.maximum(count - excess, 0) / patients
    return limit


_COUNTS = """
with sites as (
    select distinct site_id
    from submissions
    where status = 'accepted'
),

followed as (
    select
        measure,
        site_id,
        count(*) as patients,
        cast(sum(observed) as bigint) as observed,
        -- Decimals add up to the same sum in any order.
        cast(sum(cast(expected as decimal(18, 9))) as double) as expected
    from patient_risks
    group by measure, site_id
),

could_be_followed as (
    select
        measure,
        site_id,
        count(*) as eligible
    from headline_results
    -- Who died, was revised or came too recently is not lost to follow-up.
    where
        status <> 'excluded'
        or reason not in (
            'died_before_window', 'death_before_horizon', 'revised_before_window', 'window_not_closed'
        )
    group by measure, site_id
)

select
    headlines.measure,
    sites.site_id,
    coalesce(followed.patients, 0) as patients,
    coalesce(could_be_followed.eligible, 0) as eligible,
    coalesce(followed.observed, 0) as observed,
    coalesce(followed.expected, 0) as expected
from (select unnest($headlines) as measure) as headlines
cross join sites
left join followed using (measure, site_id)
left join could_be_followed using (measure, site_id)
order by headlines.measure, sites.site_id
"""

_LIMITS = ("low_95", "high_95", "low_99_8", "high_99_8")
COMPARISON_SCHEMA = pa.schema(
    [
        ("measure", pa.string()),
        ("site_id", pa.string()),
        ("marking", pa.string()),
        ("patients", pa.int64()),
        ("eligible", pa.int64()),
        ("completeness", pa.float64()),
        ("observed", pa.int64()),
        ("expected", pa.float64()),
        ("share", pa.float64()),
        ("target_share", pa.float64()),
        ("ratio", pa.float64()),
        ("ratio_low", pa.float64()),
        ("ratio_high", pa.float64()),
        ("adjusted_share", pa.float64()),
        *((name, pa.float64()) for name in _LIMITS),
        ("position", pa.string()),
        ("phi", pa.float64()),
        ("tau2", pa.float64()),
        *((f"widened_{name}", pa.float64()) for name in _LIMITS),
        ("widened_position", pa.string()),
    ]
)


def comparison_table(con: duckdb.DuckDBPyConnection, expected: pa.Table) -> pa.Table:
    """Each site with an accepted submission against what its case mix would lead one to expect, by headline outcome.

    Args:
        con: a connection that holds `submissions` and `headline_results`.
        expected: the expected probability of each patient, as `fit_risk_models` gives it.
    """
    con.register("patient_risks", expected)
    counts = con.sql(_COUNTS, params={"headlines": list(headline_measures())}).to_arrow_table()
    con.unregister("patient_risks")
    sums = counts.group_by("measure").aggregate([("patients", "sum"), ("observed", "sum")]).to_pylist()
    return _compared(counts, {row["measure"]: (row["patients_sum"], row["observed_sum"]) for row in sums})


def protected_comparison(comparison: pa.Table, shown: pa.Table, small_cell: int) -> pa.Table:
    """The comparison made anew from what may be shown of each site, and nothing of the others.

    Every figure is worked out from the rounded counts of the protected measures and from the expected number to one
    decimal, so that none tells more than those do. A measure whose sum over all sites is hidden has no target.

    Args:
        comparison: as `comparison_table` gives it.
        shown: the protected measures (`sql/marts/protected/measures.sql`).
        small_cell: the smallest count that may be shown.
    """
    counts = shown_counts(shown)
    of_all = {measure: count for (measure, site_id), count in counts.items() if site_id is None}
    eligible = coarse(comparison["eligible"].to_numpy(), small_cell).tolist()
    known, hidden = [], []
    for row, could_be_followed in zip(comparison.to_pylist(), eligible, strict=True):
        site = {"measure": row["measure"], "site_id": row["site_id"]}
        if row["measure"] in of_all and (row["measure"], row["site_id"]) in counts:
            patients, observed = counts[row["measure"], row["site_id"]]
            figures = {"patients": patients, "eligible": could_be_followed, "observed": observed}
            known.append(site | figures | {"expected": round(row["expected"], 1)})
        else:
            hidden.append(site | {"is_suppressed": True})
    compared = _compared(pa.Table.from_pylist(known, schema=_COUNTS_SCHEMA), of_all).to_pylist()
    rows = sorted([*compared, *hidden], key=lambda row: (row["measure"], row["site_id"]))
    schema = COMPARISON_SCHEMA.append(pa.field("is_suppressed", pa.bool_()))
    return pa.Table.from_pylist([{"is_suppressed": False} | row for row in rows], schema=schema)


_COUNTS_SCHEMA = pa.schema(
    [
        ("measure", pa.string()),
        ("site_id", pa.string()),
        ("patients", pa.int64()),
        ("eligible", pa.int64()),
        ("observed", pa.int64()),
        ("expected", pa.float64()),
    ]
)


def _compared(counts: pa.Table, of_all: dict[str, tuple[int, int]]) -> pa.Table:
    """The sites of each measure compared; `of_all` holds its patients and those with the outcome over all sites."""
    parts = [COMPARISON_SCHEMA.empty_table()]
    for measure in sorted(pc.unique(counts["measure"]).to_pylist()):
        patients, observed = of_all[measure]
        sites = counts.filter(pc.equal(counts["measure"], measure))
        parts.append(_compared_sites(sites, observed / patients if patients else np.nan))
    return pa.concat_tables(parts)


def _compared_sites(counts: pa.Table, target: float) -> pa.Table:
    patients, eligible, observed, expected = (
        counts[name].to_numpy().astype(float) for name in ("patients", "eligible", "observed", "expected")
    )
    is_followed, is_expected = patients >= FEWEST_FOLLOWED, expected > 0
    columns = {
        "marking": np.select([~is_followed, ~is_expected], ["insufficient", "none_expected"], "compared"),
        "completeness": np.minimum(ratio(patients, eligible), 1),
        "share": ratio(observed, patients),
        "target_share": np.full(len(patients), target),
    }
    among = is_followed & is_expected
    figures = _figures(patients[among], observed[among], expected[among], target)
    for name, values in figures.items():
        columns[name] = np.full(len(patients), None, dtype=object)
        columns[name][among] = values
    arrays = [
        counts[field.name] if field.name in counts.column_names else _array(columns[field.name], field.type)
        for field in COMPARISON_SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=COMPARISON_SCHEMA)


def _figures(patients: Floats, observed: Floats, expected: Floats, target: float) -> dict[str, NDArray[Any]]:
    """Ratio, adjusted share, funnel and position of the sites that are compared.

    The limits are of the adjusted share: of the number that chance gives a site with these patients, over the number
    expected, times the target. Where all sites have the same case mix they are those of the plain share.
    """
    risk = np.minimum(expected / patients, 1)
    over_expected = observed / expected
    interval = ratio_interval(observed, expected)
    inner, outer = (_scaled(binomial_limits(patients, risk, level), 1 / risk) for level in (LEVEL_95, LEVEL_99_8))
    z, error = standardised(observed, expected, risk)
    phi, tau2 = dispersion(winsorised(z), error)
    wide_inner, wide_outer = (
        _wider(exact, widened_limits(error, tau2, level)) if tau2 > 0 else exact
        for exact, level in ((inner, LEVEL_95), (outer, LEVEL_99_8))
    )
    limits = (*inner, *outer, *wide_inner, *wide_outer)
    names = (*_LIMITS, *(f"widened_{name}" for name in _LIMITS))
    return {
        "ratio": over_expected,
        "ratio_low": interval.low,
        "ratio_high": interval.high,
        "adjusted_share": over_expected * target,
        **{name: limit * target for name, limit in zip(names, limits, strict=True)},
        "position": positions(over_expected, inner, outer),
        "phi": np.full(len(over_expected), phi),
        "tau2": np.full(len(over_expected), tau2),
        "widened_position": positions(over_expected, wide_inner, wide_outer),
    }


def _scaled(limits: Limits, factor: Floats) -> Limits:
    return Limits(limits.low * factor, limits.high * factor)


def _wider(exact: Limits, widened: Limits) -> Limits:
    """The outer of the two: in a small site the normal approximation can lie within the exact limits."""
    return Limits(np.minimum(exact.low, widened.low), np.maximum(exact.high, widened.high))


def _array(values: NDArray[Any], type_: pa.DataType) -> pa.Array:
    return pa.array(values.tolist(), type_, from_pandas=True)
