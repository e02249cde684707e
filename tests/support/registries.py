"""Registries simulated as counts of patients: fast enough to try the alarms' rule on many of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from outcomes.measures.alarms import alarms_table
from outcomes.measures.comparison import comparison_table
from outcomes.measures.control_charts import control_chart_table
from outcomes.measures.cusum import cusum_table, monitored_outcomes
from outcomes.measures.risk_models import fit_risk_models, is_over_time
from outcomes.periods import add_months
from outcomes.statistics.survival import aalen_johansen
from tests.support import marts

SITES = 6
PATIENTS = 830
"""Of each site."""
MONTHS = 108
PAIN, REVISION = "pain_12_months", "revision_2_years"
HEADLINES = {
    PAIN: 0.35,
    "asd_2_years": 0.05,
    REVISION: 0.06,
    "improved_ndi_12_months": 0.55,
    "follow_up_12_months": 0.7,
}
"""The share of patients with the outcome."""
HORIZON = 730
_WINDOW_DAYS = 455
_DAYS_A_MONTH = 30.44
_ANSWERED = 0.71
_LOST_BY_HORIZON = 0.25
_FIRST = "2018-01"
_UNKNOWN = {
    "sex": "unknown", "age": 55, "age_known": "missing", "diabetes": "unknown", "asa_class": "unknown",
    "prior_surgery": "unknown", "approach": "unknown", "levels": "unknown", "ndi": 0, "ndi_known": "missing",
    "indication": "unknown", "workers_compensation": "unknown",
}  # fmt: skip

Months = NDArray[np.int64]


@dataclass(frozen=True)
class Story:
    """What is unlike at the first site.

    Attributes:
        times: by measure, by what the share is multiplied in each month of fusion, or in all.
        lost_by_horizon: the share of its patients that is lost by the horizon.
        charted: further measures with a control chart alone.
    """

    times: Mapping[str, NDArray[np.float64] | float] = field(default_factory=dict)
    lost_by_horizon: float = _LOST_BY_HORIZON
    charted: int = 60


def ramp(last: float) -> NDArray[np.float64]:
    """A drift from 1 in the first month to `last` in the last one."""
    return np.linspace(1, last, MONTHS)


def step(times: float, first: int, months: int = MONTHS) -> NDArray[np.float64]:
    """A step from a month on, for so many months."""
    month = np.arange(MONTHS)
    return np.where((month >= first) & (month < first + months), times, 1.0)


@dataclass(frozen=True)
class Registry:
    """What is published of a simulated registry."""

    alarms: list[dict[str, Any]]
    comparison: pa.Table
    cusum: pa.Table
    charts: pa.Table

    def named(self, site: str, *measures: str) -> bool:
        """Whether the first screen of a site names one of the measures as concerning."""
        return any(
            row["site_id"] == site and row["measure"] in measures and row["variation"] == "special_concerning"
            for row in self.alarms
        )


def simulated(story: Story, seed: int, years: int = 2000) -> Registry:
    """A registry of six sites, of which the first has the story; `years` as in `cusum_table`."""
    rng = np.random.default_rng(seed)
    site = np.repeat(np.arange(SITES), PATIENTS)
    month = rng.integers(0, MONTHS, len(site))
    smoker = rng.random(len(site)) < 0.3
    cut = ((MONTHS - month) * _DAYS_A_MONTH).astype(np.int64)
    names = [f"site-{number}" for number in site]
    keys = {"site_id": names, "patient_id": [f"p{number:05d}" for number in range(len(site))]}
    with duckdb.connect() as con:
        _make(con, "episodes", **keys, index_period=[_text(number) for number in month])
        _make(con, "submissions", site_id=sorted(set(names)), status=["accepted"] * SITES)
        smoking = np.where(smoker, "current", "never").tolist()
        constant = {name: [value] * len(site) for name, value in _UNKNOWN.items()}
        _make(con, "risk_factors", **keys, smoking=smoking, **constant)
        results, estimates, counts = [], [], []
        for measure, share in HEADLINES.items():
            risk = np.minimum(share * np.where(smoker, 1.4, 0.83) * _times(story, measure, site, month), 0.98)
            if is_over_time(measure):
                lost = np.where(site == 0, story.lost_by_horizon, _LOST_BY_HORIZON)
                outcome = _over_time(rng, risk, lost, cut)
                estimates += _incidences(measure, site, outcome.event, outcome.day)
            else:
                outcome = _answered(rng, risk, cut)
                estimates += _shares(measure, site[outcome.followed], outcome.event[outcome.followed])
            results.append(_results(measure, keys, outcome))
            counts.append(_counts(measure, site, month, outcome))
        for number, share in enumerate(rng.choice([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9], story.charted)):
            outcome = _answered(rng, np.full(len(site), share), cut)
            counts.append(_counts(f"m{number:02d}", site, month, outcome))
        return _published(con, results, estimates, pa.concat_tables(counts), years)


def _published(
    con: duckdb.DuckDBPyConnection, results: list[pa.Table], estimates: list[Any], counts: pa.Table, years: int
) -> Registry:
    con.register("headline_results", pa.concat_tables(results))
    no_time: dict[str, list[Any]] = {name: [] for name in ("measure", "site_id", "observed_days", "potential_days")}
    _make(con, "headline_follow_up", **no_time)
    con.register("measure_estimates", marts.table(marts.exact("measures"), estimates))
    better = {"improved_ndi_12_months", "follow_up_12_months"}
    measures = sorted(set(counts["measure"].to_pylist()))
    directions = {name: "higher_is_better" if name in better else "lower_is_better" for name in measures}
    _make(con, "measure_definitions", measure=measures, direction=list(directions.values()))
    waits = {measure: add_months(_FIRST, MONTHS - 24) for measure in HEADLINES if is_over_time(measure)}
    con.register("immature_months", pa.table({"measure": list(waits), "first_period": list(waits.values())}))
    risk = fit_risk_models(con, 11)
    con.register("expected_outcomes", risk.expected)
    tables = {
        "site_comparison": comparison_table(con, risk.expected),
        "cusum_points": cusum_table(monitored_outcomes(con), years),
        "control_chart_points": control_chart_table(counts, directions, immature_from=waits),
    }
    for name, table in tables.items():
        con.register(name, table)
    return Registry(alarms_table(con).to_pylist(), *tables.values())


class _Outcome(NamedTuple):
    """Who was followed, who was seen to have the outcome, and, over time, the day of whatever came first; else -1."""

    followed: NDArray[np.bool_]
    event: NDArray[np.bool_]
    day: Months


def _over_time(rng: np.random.Generator, risk: NDArray[Any], lost: NDArray[Any], cut: Months) -> _Outcome:
    event = rng.exponential(HORIZON / -np.log(1 - risk)).astype(np.int64) + 1
    end = np.minimum(rng.exponential(HORIZON / -np.log(1 - lost)).astype(np.int64), np.minimum(cut, HORIZON))
    return _Outcome(np.ones(len(risk), dtype=bool), event <= end, np.minimum(event, end))


def _answered(rng: np.random.Generator, risk: NDArray[Any], cut: Months) -> _Outcome:
    followed = (cut > _WINDOW_DAYS) & (rng.random(len(cut)) < _ANSWERED)
    return _Outcome(followed, rng.random(len(cut)) < risk, np.full(len(cut), -1))


def _times(story: Story, measure: str, site: Months, month: Months) -> NDArray[np.float64]:
    by_month = np.broadcast_to(story.times.get(measure, 1.0), MONTHS)
    return np.where(site == 0, by_month[month], 1.0)


def _results(measure: str, keys: dict[str, list[str]], outcome: _Outcome) -> pa.Table:
    followed, event, day = outcome
    status = np.where(followed, np.where(event, "yes", "no"), "excluded")
    return pa.table(
        {
            "measure": pa.repeat(measure, len(status)),
            **keys,
            "status": status.tolist(),
            "reason": np.where(followed, "", "not_assessed").tolist(),
            "day": pa.array(day, mask=day < 0),
        }
    )


def _shares(measure: str, site: Months, event: NDArray[np.bool_]) -> list[dict[str, Any]]:
    return [
        _estimate(measure, number, float(event[site == number if number is not None else slice(None)].mean()))
        for number in (None, *range(SITES))
    ]


def _incidences(measure: str, site: Months, event: NDArray[np.bool_], day: Months) -> list[dict[str, Any]]:
    rows = []
    for number in (None, *range(SITES)):
        of_group = np.ones(len(site), dtype=bool) if number is None else site == number
        events, censored = (np.bincount(day[of_group & kind], minlength=HORIZON + 1) for kind in (event, ~event))
        curve = aalen_johansen(events, np.zeros_like(events), censored)
        rows.append(_estimate(measure, number, float(curve.incidence[HORIZON])))
    return rows


def _estimate(measure: str, number: int | None, estimate: float) -> dict[str, Any]:
    site = None if number is None else f"site-{number}"
    everybody = {"resolution": "all", "stratum_kind": "all"}
    return everybody | {"measure": measure, "site_id": site, "estimate": estimate}


def _counts(measure: str, site: Months, month: Months, outcome: _Outcome) -> pa.Table:
    """The months of the cube, of each site."""
    cell, size = site * MONTHS + month, SITES * MONTHS
    seen = (outcome.followed, outcome.followed & outcome.event)
    patients, events = (np.bincount(cell[of_kind], minlength=size) for of_kind in seen)
    return pa.table(
        {
            "measure": pa.repeat(measure, size),
            "site_id": [f"site-{number}" for number in np.repeat(np.arange(SITES), MONTHS)],
            "resolution": pa.repeat("month", size),
            "stratum_kind": pa.repeat("all", size),
            "index_period": [_text(number) for number in range(MONTHS)] * SITES,
            "numerator": events,
            "patients": patients,
        }
    )


def _text(number: int) -> str:
    return add_months(_FIRST, int(number))


def _make(con: duckdb.DuckDBPyConnection, name: str, **columns: list[Any]) -> None:
    con.register("given", pa.table(columns))
    con.execute(f"create table {name} as from given")
    con.unregister("given")
