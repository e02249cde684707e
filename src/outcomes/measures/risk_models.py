"""The risk models of the headline outcomes: case mix from the relations, fitted, and as rows of their marts."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from outcomes.arrays import Floats, Ints, Mask
from outcomes.sql.catalog.marts import mart_schema
from outcomes.sql.catalog.measures import measure_definitions
from outcomes.statistics.intervals import NORMAL_95, wilson_interval
from outcomes.statistics.risk_models import (
    FOLDS,
    LOGISTIC,
    POISSON,
    Answers,
    Column,
    Estimate,
    Judged,
    Model,
    choose_model,
    performance,
    tenths,
)
from outcomes.statistics.survival import nelson_aalen

_FACTORS = (
    "sex", "age_known", "smoking", "diabetes", "asa_class", "prior_surgery", "approach", "levels", "ndi_known",
    "indication", "workers_compensation",
)  # fmt: skip
_CORE = {"age", "age_known", "sex", "asa_class", "levels"}
"""Terms of the smaller model."""

_PATTERNS = f"""
create or replace temp table risk_patterns as
with patterns as (select distinct age, ndi, {", ".join(_FACTORS)} from risk_factors)
select
    age, ndi, {", ".join(_FACTORS)},
    row_number() over (order by age, ndi, {", ".join(_FACTORS)}) - 1 as pattern
from patterns
"""
_PATIENTS = f"""
create or replace temp table risk_patients as
select
    risk_factors.site_id,
    risk_factors.patient_id,
    risk_patterns.pattern,
    -- Drawn from the key, so that a patient stays in the same fold whatever else is delivered.
    (
        strpos(
            '0123456789abcdef', substr(sha256(concat(risk_factors.site_id, '/', risk_factors.patient_id)), 1, 1)
        ) - 1
    ) % {FOLDS} as fold
from risk_factors
inner join risk_patterns using (age, ndi, {", ".join(_FACTORS)})
"""
_COUNTS = """
select
    risk_patients.pattern,
    risk_patients.fold,
    coalesce(headline_results.day, 0) as day,
    headline_results.status = 'yes' as is_event,
    count(*) as patients
from headline_results
inner join risk_patients using (site_id, patient_id)
where headline_results.measure = $measure and headline_results.status in ('yes', 'no')
group by all
order by all
"""
_EXPECTED = """
select
    headline_results.measure,
    headline_results.site_id,
    headline_results.patient_id,
    cast(headline_results.status = 'yes' as bigint) as observed,
    round(risks.risk * exposures.exposure, 9) as expected
from headline_results
inner join risk_patients using (site_id, patient_id)
inner join risks using (measure, pattern)
inner join exposures
    on headline_results.measure = exposures.measure and coalesce(headline_results.day, 0) = exposures.day
where headline_results.status in ('yes', 'no')
order by headline_results.measure, headline_results.site_id, headline_results.patient_id
"""


@dataclass(frozen=True)
class RiskTables:
    """The models with their coefficients, their calibration, and what is expected of each patient."""

    models: pa.Table
    calibration: pa.Table
    expected: pa.Table


def headline_measures() -> tuple[str, ...]:
    """The measures with a risk model, by name."""
    return tuple(sorted(measure.id for measure in measure_definitions() if measure.headline is not None))


@cache
def is_over_time(measure: str) -> bool:
    """Whether a measure counts events within a time, in which patients may be lost, not answers of all who were asked.

    Its expected numbers are of the time at risk.
    """
    return any(definition.id == measure and definition.unit == "incidence" for definition in measure_definitions())


def fit_risk_models(con: duckdb.DuckDBPyConnection, minimum_cell_count: int) -> RiskTables:
    """Fit the risk model of each headline outcome.

    Args:
        con: a connection that holds `risk_factors` and `headline_results`.
        minimum_cell_count: a level with fewer patients of either answer has no coefficient of its own.
    """
    con.execute(_PATTERNS)
    con.execute(_PATIENTS)
    patterns = con.sql(f"select age, ndi, {', '.join(_FACTORS)} from risk_patterns order by pattern").to_arrow_table()
    columns = _columns(patterns)
    models, calibration, risks, exposures = [], [], [], []
    for measure in headline_measures():
        rows = con.sql(_COUNTS, params={"measure": measure}).to_arrow_table()
        exposure = _exposure(rows, is_over_time(measure))
        answers = _answers(rows, exposure, patterns.num_rows)
        family = POISSON if is_over_time(measure) else LOGISTIC
        model, judged = choose_model(columns, answers, family, minimum_cell_count)
        models.append(_model_rows(measure, model, answers, judged))
        calibration.append(calibration_table(measure, *tenths(judged)))
        risks.append(_numbered(measure, "pattern", "risk", model.risks))
        exposures.append(_numbered(measure, "day", "exposure", exposure))
    con.register("risks", pa.concat_tables(risks))
    con.register("exposures", pa.concat_tables(exposures))
    expected = con.sql(_EXPECTED).to_arrow_table()
    con.unregister("risks")
    con.unregister("exposures")
    con.execute("drop table risk_patients")
    con.execute("drop table risk_patterns")
    return RiskTables(pa.concat_tables(models), pa.concat_tables(calibration), expected)


def _exposure(rows: pa.Table, over_time: bool) -> Floats:
    """What a patient counts for by the day of its end: 1, or the cumulative hazard of all patients up to then."""
    day, is_event, patients = (rows[name].to_numpy() for name in ("day", "is_event", "patients"))
    if not over_time:
        return np.ones(1)
    events, others = (
        np.bincount(day, np.where(of_kind, patients, 0)).astype(np.int64) for of_kind in (is_event, ~is_event)
    )
    return nelson_aalen(events, others)


def _answers(rows: pa.Table, exposure: Floats, patterns: int) -> Answers:
    """The patients by pattern and fold."""
    pattern, fold, day, is_event, patients = (rows[name].to_numpy() for name in rows.column_names)
    cell, cells = pattern * FOLDS + fold, patterns * FOLDS

    def summed(values: NDArray[Any]) -> Floats:
        return np.bincount(cell, values, cells).reshape(patterns, FOLDS).astype(np.float64)

    events, everybody = (summed(counts).astype(np.int64) for counts in (np.where(is_event, patients, 0), patients))
    return Answers(events, everybody, summed(patients * exposure[day]))


def _columns(patterns: pa.Table) -> list[Column]:
    """All columns that a model may have; of a factor one for each of its levels."""
    age, ndi = (patterns[name].to_numpy().astype(float) for name in ("age", "ndi"))
    age_known, ndi_known = (_is(patterns, name, "recorded") for name in ("age_known", "ndi_known"))
    # Straight lines keep the order that bands would blur; the one of age may bend at 65.
    slopes = [
        ("age", "per 10 years", (age - 55) / 10, age_known),
        ("age_past_65", "further per 10 years past 65", np.maximum(age - 65, 0) / 10, age_known),
        ("ndi", "per 10 points", (ndi - 40) / 10, ndi_known),
    ]
    columns = [
        Column(term, level, values, known & (values != 0), is_level=False, is_core=term in _CORE)
        for term, level, values, known in slopes
    ]
    for factor in _FACTORS:
        for level in sorted(pc.unique(patterns[factor]).to_pylist()):
            has_level = _is(patterns, factor, level)
            columns.append(Column(factor, level, has_level.astype(float), has_level, True, factor in _CORE))
    return columns


def _is(patterns: pa.Table, factor: str, level: str) -> Mask:
    mask: Mask = pc.equal(patterns[factor], level).to_numpy()
    return mask


def _model_rows(measure: str, model: Model, answers: Answers, judged: Judged) -> pa.Table:
    of_model = {
        "measure": measure,
        "family": model.family.name,
        "model_kind": model.kind,
        "reason": model.reason,
        "patients": int(answers.patients.sum()),
        "events": int(answers.events.sum()),
        **performance(judged),
    }
    rows = [of_model | _coefficient(estimate) for estimate in model.estimates]
    rows.sort(key=lambda row: (row["term"], row["level"]))
    return pa.Table.from_pylist(rows, schema=mart_schema("risk_models"))


def _coefficient(estimate: Estimate) -> dict[str, Any]:
    values = {"coefficient": estimate.coefficient, "std_error": estimate.std_error}
    if estimate.term != "intercept":
        margin = NORMAL_95 * estimate.std_error
        values["ratio"] = np.exp(estimate.coefficient)
        values["ratio_low"] = np.exp(estimate.coefficient - margin)
        values["ratio_high"] = np.exp(estimate.coefficient + margin)
    rounded = {name: round(float(value), 9) if np.isfinite(value) else None for name, value in values.items()}
    return {"term": estimate.term, "level": estimate.level, "role": estimate.role} | rounded


def calibration_table(measure: str, last: Ints, patients: Ints, observed: Ints, expected: NDArray[Any]) -> pa.Table:
    """Groups of patients in order of risk, of which `last` says with which tenth each ends, with observed shares."""
    first = np.concatenate([[0], last])[:-1] + 1
    low, high = wilson_interval(observed, patients)
    columns: tuple[NDArray[Any], ...] = (
        first, last, patients, observed, expected, observed / patients, low, high, expected / patients
    )  # fmt: skip
    arrays = [pa.repeat(measure, len(last)), *map(pa.array, columns)]
    return pa.Table.from_arrays(arrays, schema=mart_schema("risk_calibration"))


def _numbered(measure: str, key: str, name: str, values: Floats) -> pa.Table:
    """The values with their numbers, from 0 on."""
    size = len(values)
    return pa.table({"measure": pa.repeat(measure, size), key: np.arange(size), name: np.round(values, 9)})
