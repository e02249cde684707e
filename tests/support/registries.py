"""Registries simulated as counts of patients: fast enough to try the alarms' rule on many of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
HEADLINES = {PAIN: 0.35, "asd_2_years": 0.05, REVISION: 0.06, "improved_ndi_12_months": 0.55, "follow_up_12_months": 0.7}
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
    patients = [f"p{number:05d}" for number in range(len(site))]
    with duckdb.connect() as con:
        _make(con, "episodes", site_id=names, patient_id=patients, index_period=[_text(number) for number in month])
        _make(con, "submissions", site_id=sorted(set(names)), status=["accepted"] * SITES)
        smoking = np.where(smoker, "current", "never").tolist()
        constant = {name: [value] * len(site) for name, value in _UNKNOWN.items()}
        _make(con, "risk_factors", site_id=names, patient_id=patients, smoking=smoking, **constant)
        results, estimates, counts = [], [], []
        for measure, share in HEADLINES.items():
            risk = np.minimum(share * np.where(smoker, 1.4, 0.83) * _times(story, measure, site, month), 0.98)
            if is_over_time(measure):
                lost = np.where(site == 0, story.lost_by_horizon, _LOST_BY_HORIZON)
                followed, event, day = _over_time(rng, risk, lost, cut)
                estimates += _incidences(measure, site, event, day)
            else:
                followed = (cut > _WINDOW_DAYS) & (rng.random(len(site)) < _ANSWERED)
                event, day = rng.random(len(site)) < risk, np.full(len(site), -1)
                estimates += _shares(measure, site[followed], event[followed])
            results.append(_results(measure, names, patients, followed, event, day))
            counts.append(_counts(measure, site[followed], month[followed], event[followed]))
        for number, share in enumerate(rng.choice([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9], story.charted)):
            followed = (cut > _WINDOW_DAYS) & (rng.random(len(site)) < _ANSWERED)
            event = rng.random(len(site)) < share
            counts.append(_counts(f"m{number:02d}", site[followed], month[followed], event[followed]))
        return _published(con, results, estimates, pa.concat_tables(counts), years)


def _published(
    con: duckdb.DuckDBPyConnection, results: list[pa.Table], estimates: list[Any], counts: pa.Table, years: int
) -> Registry:
    con.register("headline_results", pa.concat_tables(results))
    con.register("measure_estimates", marts.table(marts.exact("measures"), estimates))
    better = {"improved_ndi_12_months", "follow_up_12_months"}
    measures = sorted(set(counts["measure"].to_pylist()))
    directions = {name: "higher_is_better" if name in better else "lower_is_better" for name in measures}
    _make(con, "measure_definitions", measure=measures, direction=list(directions.values()))
    waits = {measure: add_months(_FIRST, MONTHS - 24) for measure in HEADLINES if is_over_time(measure)}
    con.register(
        "immature_months", pa.table({"measure": list(waits), "first_period": list(waits.values())})
    )
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


def _over_time(
    rng: np.random.Generator, risk: NDArray[Any], lost: NDArray[Any], cut: Months
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Months]:
    """Who enters, who is seen to have the event by the horizon, and the day of whatever comes first."""
    event = rng.exponential(HORIZON / -np.log(1 - risk)).astype(np.int64) + 1
    end = np.minimum.reduce([rng.exponential(HORIZON / -np.log(1 - lost)).astype(np.int64), cut, np.full_like(cut, 730)])
    return np.ones(len(risk), dtype=bool), event <= end, np.minimum(event, end)


def _times(story: Story, measure: str, site: Months, month: Months) -> NDArray[np.float64]:
    by_month = np.broadcast_to(story.times.get(measure, 1.0), MONTHS)
    return np.where(site == 0, by_month[month], 1.0)


def _results(
    measure: str, names: list[str], patients: list[str], followed: NDArray[Any], event: NDArray[Any], day: Months
) -> pa.Table:
    status = np.where(followed, np.where(event, "yes", "no"), "excluded")
    return pa.table(
        {
            "measure": pa.repeat(measure, len(names)),
            "site_id": names,
            "patient_id": patients,
            "status": status.tolist(),
            "reason": pa.array(np.where(followed, "", "not_assessed").tolist()),
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
        events, censored = (
            np.bincount(day[of_group & kind], minlength=HORIZON + 1) for kind in (event, ~event)
        )
        curve = aalen_johansen(events, np.zeros_like(events), censored)
        rows.append(_estimate(measure, number, float(curve.incidence[HORIZON])))
    return rows


def _estimate(measure: str, number: int | None, estimate: float) -> dict[str, Any]:
    site = None if number is None else f"site-{number}"
    everybody = {"resolution": "all", "stratum_kind": "all"}
    return everybody | {"measure": measure, "site_id": site, "estimate": estimate}


def _counts(measure: str, site: Months, month: Months, event: NDArray[np.bool_]) -> pa.Table:
    """The months of the cube, of each site."""
    cell = site * MONTHS + month
    patients, events = (np.bincount(cell[kept], minlength=SITES * MONTHS) for kept in (np.ones_like(event), event))
    size = SITES * MONTHS
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
