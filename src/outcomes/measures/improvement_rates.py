"""A cervical twin of the improvement rate of hip and knee replacement (CBE 3559): see `docs/pro-pm-twin.md`."""

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from outcomes.arrays import Floats
from outcomes.measures.comparison import FEWEST_FOLLOWED
from outcomes.measures.missing_answers import FACTORS, site_numbers, site_slices, slopes, weigh
from outcomes.sql.catalog.marts import mart_schema
from outcomes.statistics.intervals import NORMAL_95
from outcomes.statistics.logistic import Logistic, fit_hierarchical, inverse_logit
from outcomes.statistics.weighting import Weighting

MEASURE = "scb_ndi_1_year"
FEWEST_ANSWERED = 0.5
"""Share of the eligible with both scores, below which the measure of hip and knee replacement is not met."""
_DECIMALS = 6

_CASE_MIX = (
    "smoking", "diabetes", "asa_class", "prior_surgery", "indication", "workers_compensation"
)  # fmt: skip
"""What the risk model knows beside age, sex, approach, levels and the score before surgery."""
_KEYS = "site_id, sex, age, age_known, approach, levels, baseline, " + ", ".join(_CASE_MIX)
_PATTERNS = f"""
with described as (
    select reported_answers.*, {", ".join(f"risk_factors.{name}" for name in _CASE_MIX)}
    from reported_answers
    inner join risk_factors
        on
            reported_answers.site_id = risk_factors.site_id
            and reported_answers.patient_id = risk_factors.patient_id
    where reported_answers.measure = '{MEASURE}'
)

select
    {_KEYS},
    count(*) filter (where status = 'yes') as yes,
    count(*) filter (where status = 'no') as no,
    count(*) filter (where status = 'missing') as missing
from described
group by {_KEYS}
order by {_KEYS}
"""


def improvement_rate_table(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The risk-standardised improvement rate of each site with an accepted submission.

    Args:
        con: a connection that holds `reported_answers`, `risk_factors` and `submissions`.
    """
    sites = con.sql("select distinct site_id from submissions where status = 'accepted' order by site_id").fetchall()
    rows = improvement_rates(con.sql(_PATTERNS).to_arrow_table(), [site for (site,) in sites])
    return pa.Table.from_pylist(rows, schema=mart_schema("improvement_rates"))


def improvement_rates(patterns: pa.Table, sites: list[str]) -> list[dict[str, Any]]:
    """The rows of the sites, each with its counts, and with its rate where that is reported.

    Args:
        patterns: patients of like answers by site and case mix, in the order of the sites.
        sites: the sites to tell of, those without patients too.
    """
    weighting, places = weigh(patterns), site_slices(patterns)
    counts = {site: _counts(weighting, places.get(site, slice(0, 0))) for site in sites}
    with_answers = [site for site, row in counts.items() if row["answered"]]
    if len(with_answers) < 2:
        return [{"site_id": site, **row, "marking": "only_site"} for site, row in counts.items()]
    weights = np.concatenate([weighting.weights(among) for among in places.values()])
    yes, answered = weighting.answers.yes * weights, weighting.answers.answered * weights
    share = float(yes.sum() / answered.sum())
    # Weighted answers tell less than as many that stand for themselves alone: as much as their effective number (Kish).
    scale = np.concatenate([_effective(weighting, weights, among) for among in places.values()])
    groups, case_mix = site_numbers(patterns), slopes(patterns, (*FACTORS, *_CASE_MIX))
    model, spread = fit_hierarchical(groups, len(places), case_mix, scale * yes, scale * answered)
    rows = []
    for site, row in counts.items():
        marking = _marking(row)
        rates: dict[str, float] = {}
        if marking == "reported":
            rates = _rates(model, list(places).index(site), answered[places[site]], places[site], share)
        rows.append({"site_id": site, **row, **rates, "marking": marking, "site_spread": round(spread, _DECIMALS)})
    return rows


def _counts(weighting: Weighting, among: slice) -> dict[str, Any]:
    yes, no, missing = (int(part[among].sum()) for part in weighting.answers)
    eligible, answered = yes + no + missing, yes + no
    return {
        "eligible": eligible,
        "answered": answered,
        "improved": yes,
        "response": answered / eligible if eligible else None,
        "observed_share": yes / answered if answered else None,
    }


def _marking(counts: dict[str, Any]) -> str:
    if counts["answered"] < FEWEST_FOLLOWED:
        return "insufficient"
    return "reported" if counts["response"] >= FEWEST_ANSWERED else "under_half_answered"


def _effective(weighting: Weighting, weights: Floats, among: slice) -> Floats:
    """For each pattern of a site by what its weights are multiplied, so that they add up to Kish's effective number."""
    answered, own = weighting.answers.answered[among], weights[among]
    squares = float(answered @ own**2)
    return np.full(len(own), float(answered @ own) / squares if squares else 0.0)


def _rates(model: Logistic, place: int, answered: Floats, among: slice, overall: float) -> dict[str, float]:
    """Predicted over expected, times the share of all, with the interval of the site's effect."""
    margin = NORMAL_95 * float(np.sqrt(model.covariance[place, place]))
    effect = model.effect[place]

    def share_with(effect: float) -> float:
        return float(answered @ inverse_logit(model.log_odds[among] + effect) / answered.sum())

    expected = share_with(0)
    rates = {
        "expected_share": expected,
        "predicted_share": share_with(effect),
        "rate": share_with(effect) / expected * overall,
        "rate_low": share_with(effect - margin) / expected * overall,
        "rate_high": share_with(effect + margin) / expected * overall,
    }
    # The order in which fractions are added up leaves its mark in the last digits.
    return {name: round(value, _DECIMALS) for name, value in rates.items()}
