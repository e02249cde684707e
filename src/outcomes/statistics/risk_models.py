"""Risk of each headline outcome by case mix, and how well it is predicted.

One logistic regression per outcome, blind to the site, so that what is left between sites is not case mix. It is fitted
to patterns of case mix instead of patients, which gives the same coefficients. How well it does is judged on patients
that the model has not seen (cross-validation), since a model flatters itself on its own data (Steyerberg, Clinical
Prediction Models, 2nd edition 2019, chapter 17).
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from outcomes.arrays import Floats, Ints, Mask
from outcomes.disclosure.suppression import rounded
from outcomes.sql.catalog.measures import measure_definitions
from outcomes.statistics.intervals import wilson_interval

EVENTS_PER_PARAMETER = 10
"""Patients of the rarer answer that each parameter needs (Peduzzi 1996)."""

_FOLDS = 8
_LARGEST_STD_ERROR = 5.0
"""Of a coefficient; beyond it the outcome is all but determined, and the maximum of the likelihood lies at infinity."""

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
    ) % {_FOLDS} as fold
from risk_factors
inner join risk_patterns using (age, ndi, {", ".join(_FACTORS)})
"""
_COUNTS = """
select
    risk_patients.pattern,
    risk_patients.fold,
    count(*) filter (where headline_results.status = 'yes') as yes,
    count(*) filter (where headline_results.status = 'no') as no
from headline_results
inner join risk_patients using (site_id, patient_id)
where headline_results.measure = $measure and headline_results.status in ('yes', 'no')
group by risk_patients.pattern, risk_patients.fold
"""
_EXPECTED = """
select
    headline_results.measure,
    headline_results.site_id,
    headline_results.patient_id,
    cast(headline_results.status = 'yes' as bigint) as observed,
    risks.expected
from headline_results
inner join risk_patients using (site_id, patient_id)
inner join risks using (measure, pattern)
where headline_results.status in ('yes', 'no')
order by headline_results.measure, headline_results.site_id, headline_results.patient_id
"""

MODEL_SCHEMA = pa.schema(
    [
        ("measure", pa.string()),
        ("term", pa.string()),
        ("level", pa.string()),
        ("state", pa.string()),
        ("coefficient", pa.float64()),
        ("std_error", pa.float64()),
        ("odds_ratio", pa.float64()),
        ("odds_ratio_low", pa.float64()),
        ("odds_ratio_high", pa.float64()),
        ("model_kind", pa.string()),
        ("reason", pa.string()),
        ("patients", pa.int64()),
        ("events", pa.int64()),
        ("c_statistic", pa.float64()),
        ("brier", pa.float64()),
        ("calibration_intercept", pa.float64()),
        ("calibration_slope", pa.float64()),
    ]
)
CALIBRATION_SCHEMA = pa.schema(
    [
        ("measure", pa.string()),
        ("first_tenth", pa.int64()),
        ("last_tenth", pa.int64()),
        ("patients", pa.int64()),
        ("observed", pa.int64()),
        ("expected", pa.float64()),
        ("observed_share", pa.float64()),
        ("observed_share_low", pa.float64()),
        ("observed_share_high", pa.float64()),
        ("expected_share", pa.float64()),
    ]
)


@dataclass(frozen=True)
class RiskTables:
    """The models with their coefficients, their calibration, and the expected probability of each patient."""

    models: pa.Table
    calibration: pa.Table
    expected: pa.Table


@dataclass(frozen=True)
class _Column:
    """One column of the design: its value in each pattern, and the patterns that its coefficient rests on."""

    term: str
    level: str
    values: Floats
    support: Mask


@dataclass(frozen=True)
class _Estimate:
    """What became of one column; the coefficient is nan where it could not be estimated."""

    term: str
    level: str
    state: str
    coefficient: float
    std_error: float


@dataclass(frozen=True)
class _Model:
    """A fitted model: its terms for publication, and its design with the coefficients for prediction."""

    kind: str
    reason: str | None
    estimates: tuple[_Estimate, ...]
    design: Floats
    coefficients: Floats

    @property
    def risks(self) -> Floats:
        """The probability of the outcome in each pattern."""
        return _inverse_logit(self.design @ self.coefficients)


@dataclass(frozen=True)
class _Answers:
    """Patients with and without the outcome, by pattern and fold."""

    yes: Ints
    no: Ints


@dataclass(frozen=True)
class _Judged:
    """Patients with and without the outcome by fold and predicted risk, which is rounded to 5 decimals."""

    fold: Ints
    risk: Floats
    yes: Ints
    no: Ints


def headline_measures() -> tuple[str, ...]:
    """The measures with a risk model, by name."""
    return tuple(sorted(measure.id for measure in measure_definitions() if measure.headline is not None))


def fit_risk_models(con: duckdb.DuckDBPyConnection, small_cell: int) -> RiskTables:
    """Fit the risk model of each headline outcome.

    Args:
        con: a connection that holds `risk_factors` and `headline_results`.
        small_cell: a level with fewer patients of either answer has no coefficient of its own.
    """
    con.execute(_PATTERNS)
    con.execute(_PATIENTS)
    patterns = con.sql(f"select age, ndi, {', '.join(_FACTORS)} from risk_patterns order by pattern").to_arrow_table()
    columns = _columns(patterns)
    models, calibration, risks = [], [], []
    for measure in headline_measures():
        answers = _count(con, measure, patterns.num_rows)
        model, judged = _choose_model(columns, answers, small_cell)
        models.append(_model_rows(measure, model, answers, judged))
        calibration.append(_calibration_rows(measure, judged))
        risks.append(_risk_rows(measure, model.risks))
    con.register("risks", pa.concat_tables(risks))
    expected = con.sql(_EXPECTED).to_arrow_table()
    con.unregister("risks")
    con.execute("drop table risk_patients")
    con.execute("drop table risk_patterns")
    return RiskTables(pa.concat_tables(models), pa.concat_tables(calibration), expected)


def protected_models(models: pa.Table, shown: pa.Table) -> pa.Table:
    """The models in the form that may be shown.

    Only levels that bear a coefficient are listed, and each of those rests on enough patients of either answer.
    Patients and events are those of the protected measures; where those are hidden, so is all of the model.

    Args:
        models: as `fit_risk_models` gives them.
        shown: the protected measures (`sql/marts/protected/measures.sql`).
    """
    rows = []
    counts = shown_counts(shown)
    for row in models.to_pylist():
        count = counts.get((row["measure"], None))
        if row["term"] != "intercept" and (count is None or row["state"] not in {"estimated", "reference"}):
            continue
        patients, events = count or (None, None)
        figures = {
            name: None if count is None or row[name] is None else round(row[name], digits)
            for name, digits in _SHOWN_DIGITS.items()
        }
        rows.append(row | figures | {"patients": patients, "events": events, "is_suppressed": count is None})
    hidden = {"coefficient", "std_error"}
    fields = [field for field in MODEL_SCHEMA if field.name not in hidden]
    return pa.Table.from_pylist(rows, schema=pa.schema([*fields, pa.field("is_suppressed", pa.bool_())]))


def protected_calibration(calibration: pa.Table, shown: pa.Table, small_cell: int) -> pa.Table:
    """Calibration with neighbouring tenths taken together until each has enough patients of either answer.

    Counts are then rounded like those of the measures, so that their sum does not tell the exact size of the cohort.

    Args:
        calibration: as `fit_risk_models` gives it.
        shown: the protected measures, see `protected_models`.
        small_cell: the smallest count that may be shown.
    """
    counts = shown_counts(shown)
    tables = []
    for measure in dict.fromkeys(calibration["measure"].to_pylist()):
        rows = calibration.filter(pc.equal(calibration["measure"], measure))
        last, patients, observed, expected = (
            rows[name].to_numpy() for name in ("last_tenth", "patients", "observed", "expected")
        )
        ends = _ends_of_groups(observed, patients - observed, small_cell)
        if (measure, None) not in counts or not len(ends):
            tables.append(_hidden_calibration(measure))
            continue
        starts = np.concatenate([[0], ends[:-1]])
        patients, observed, expected = (np.add.reduceat(part, starts) for part in (patients, observed, expected))
        expected_share = expected / patients
        observed, others = rounded(observed, small_cell), rounded(patients - observed, small_cell)
        patients = observed + others
        expected = np.round(expected_share * patients, 1)
        table = _calibration_table(measure, last[ends - 1], patients, observed, expected)
        tables.append(table.append_column("is_suppressed", pa.array(np.zeros(len(ends), dtype=bool))))
    return pa.concat_tables(tables) if tables else _hidden_calibration("").slice(1)


def shown_counts(shown: pa.Table) -> dict[tuple[str, str | None], tuple[int, int]]:
    """Patients, and those with the outcome, by measure and site (None = all sites), where they may be shown.

    Args:
        shown: the protected measures, of which the rows of all periods and patients are taken.
    """
    everybody = pc.and_(pc.equal(shown["resolution"], "all"), pc.equal(shown["stratum_kind"], "all"))
    rows = shown.filter(pc.and_(everybody, pc.not_equal(shown["state"], "suppressed"))).to_pylist()
    return {(row["measure"], row["site_id"]): (row["patients"], row["numerator"]) for row in rows}


_SHOWN_DIGITS = {
    "odds_ratio": 2,
    "odds_ratio_low": 2,
    "odds_ratio_high": 2,
    "c_statistic": 3,
    "brier": 3,
    "calibration_intercept": 2,
    "calibration_slope": 2,
}


def _columns(patterns: pa.Table) -> list[_Column]:
    """All columns that a model may have; of a factor one for each of its levels."""
    age, ndi = (patterns[name].to_numpy().astype(float) for name in ("age", "ndi"))
    age_known, ndi_known = (_is(patterns, name, "recorded") for name in ("age_known", "ndi_known"))
    # Straight lines keep the order that bands would blur; the one of age may bend at 65.
    slopes = [
        ("age", "per 10 years", (age - 55) / 10, age_known),
        ("age_past_65", "further per 10 years past 65", np.maximum(age - 65, 0) / 10, age_known),
        ("ndi", "per 10 points", (ndi - 40) / 10, ndi_known),
    ]
    columns = [_Column(term, level, values, known & (values != 0)) for term, level, values, known in slopes]
    for factor in _FACTORS:
        for level in sorted(pc.unique(patterns[factor]).to_pylist()):
            has_level = _is(patterns, factor, level)
            columns.append(_Column(factor, level, has_level.astype(float), has_level))
    return columns


def _is(patterns: pa.Table, factor: str, level: str) -> Mask:
    mask: Mask = pc.equal(patterns[factor], level).to_numpy()
    return mask


def _count(con: duckdb.DuckDBPyConnection, measure: str, patterns: int) -> _Answers:
    rows = con.sql(_COUNTS, params={"measure": measure}).to_arrow_table()
    yes, no = np.zeros((2, patterns, _FOLDS), dtype=np.int64)
    where = rows["pattern"].to_numpy(), rows["fold"].to_numpy()
    yes[where], no[where] = rows["yes"].to_numpy(), rows["no"].to_numpy()
    return _Answers(yes, no)


def _choose_model(columns: Sequence[_Column], answers: _Answers, small_cell: int) -> tuple[_Model, _Judged]:
    """The largest model that the outcome bears, and that tells unseen patients apart, with how it does on those."""
    yes, no = answers.yes.sum(axis=1), answers.no.sum(axis=1)
    reason: str | None = None
    for kind in ("full", "core"):
        candidates = [column for column in columns if kind == "full" or column.term in _CORE]
        states = _states(candidates, yes, no, small_cell)
        chosen = [column for column, state in zip(candidates, states, strict=True) if state == "estimated"]
        if min(yes.sum(), no.sum()) < EVENTS_PER_PARAMETER * max(len(chosen), 1):
            reason = "too_few_events"
            continue
        if not chosen:
            reason = "no_usable_factor"
            continue
        design = np.column_stack([np.ones(len(yes)), *(column.values for column in chosen)])
        result = _fit(design, yes, no)
        if result is None:
            reason = "not_converged"
            continue
        coefficients = np.array(_rounded_to_publish(result.params))
        model = _Model(kind, reason, _estimates(candidates, states, result), design, coefficients)
        judged = _judged(answers, _cross_validated(model, answers))
        if _c_statistic(judged) > 0.5:
            return model, judged
        # Adjusting by it would add noise to the comparison and nothing else.
        reason = "no_better_than_chance"
    constant = _constant_model(int(yes.sum()), int(no.sum()), len(yes), reason)
    return constant, _judged(answers, _cross_validated(constant, answers))


def _states(columns: Sequence[_Column], yes: Ints, no: Ints, small_cell: int) -> list[str]:
    """Whether each column is estimated, the reference of its factor, merged into it, or told by the others already."""
    with_outcome = np.array([yes[column.support].sum() for column in columns])
    without = np.array([no[column.support].sum() for column in columns])
    enough = np.minimum(with_outcome, without) >= small_cell
    states = np.where(enough, "estimated", "merged").astype(object)
    terms = np.array([column.term for column in columns])
    for factor in _FACTORS:
        levels = np.flatnonzero((terms == factor) & enough)
        if len(levels):
            states[levels[np.argmax((with_outcome + without)[levels])]] = "reference"
    estimated = np.flatnonzero(states == "estimated")
    design = np.column_stack([np.ones(len(yes)), *(columns[int(index)].values for index in estimated)])
    states[estimated[_depends_on_earlier(design, yes + no)[1:]]] = "told_by_others"
    return [str(state) for state in states]


def _depends_on_earlier(design: Floats, weights: Ints) -> Mask:
    """Which columns are a combination of those before, as when a site leaves several factors empty at once."""
    products = design.T @ (design * weights[:, np.newaxis])
    scale = np.sqrt(np.diag(products))
    scale[scale == 0] = 1
    left = np.abs(np.diag(np.linalg.qr(products / np.outer(scale, scale), mode="r")))
    dependent: Mask = left < 1e-9
    return dependent


def _fit(design: Floats, yes: Ints, no: Ints) -> Any | None:
    """The regression of the answers on the design; None where it does not converge to something finite."""
    from statsmodels.genmod.families import Binomial  # noqa: PLC0415 - slow to import, needed only here
    from statsmodels.genmod.generalized_linear_model import GLM  # noqa: PLC0415

    some = yes + no > 0
    start = np.zeros(design.shape[1])
    start[0] = np.log(yes.sum() / no.sum())
    with warnings.catch_warnings():
        # What they would warn of is judged below.
        warnings.simplefilter("ignore")
        model = GLM(np.column_stack([yes, no])[some], design[some], family=Binomial())
        try:
            result = model.fit(start_params=start, method="newton", disp=False)
        except np.linalg.LinAlgError:
            return None
    is_finite = np.isfinite(result.bse).all() and result.bse.max() < _LARGEST_STD_ERROR
    return result if result.mle_retvals["converged"] and is_finite else None


def _estimates(columns: Sequence[_Column], states: Sequence[str], result: Any) -> tuple[_Estimate, ...]:
    """The intercept and what became of each column, in their order."""
    fitted = list(zip(_rounded_to_publish(result.params), _rounded_to_publish(result.bse), strict=True))
    estimates = [_Estimate("intercept", "all", "estimated", *fitted.pop(0))]
    for column, state in zip(columns, states, strict=True):
        known = 0.0 if state == "reference" else np.nan
        values = fitted.pop(0) if state == "estimated" else (known, np.nan)
        estimates.append(_Estimate(column.term, column.level, state, *values))
    return tuple(estimates)


def _rounded_to_publish(values: Floats) -> list[float]:
    """To 9 decimals, so that the published coefficients give the published risks."""
    return [round(float(value), 9) for value in values]


def _constant_model(yes: int, no: int, patterns: int, reason: str | None) -> _Model:
    """The share of all as everyone's risk; where all have the same answer, or none any, its logit is not finite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        (logit,) = _rounded_to_publish(np.log(np.divide([yes], [no])))
        (error,) = _rounded_to_publish(np.sqrt(np.divide(1, [yes]) + np.divide(1, [no])))
    estimate = _Estimate("intercept", "all", "estimated", logit, error)
    return _Model("intercept", reason, (estimate,), np.ones((patterns, 1)), np.array([logit]))


def _cross_validated(model: _Model, answers: _Answers) -> Floats:
    """The risk by pattern and fold, predicted without the patients of the fold; a constant risk is left as it is.

    Leaving a fold out moves the coefficients little, so that one Newton step from the whole finds them (Pregibon 1981,
    https://doi.org/10.1214/aos/1176345513).
    """
    whole = model.risks
    if model.kind == "intercept":
        return np.repeat(whole[:, np.newaxis], _FOLDS, axis=1)
    parts = [_score_and_information(model, whole, answers, fold) for fold in range(_FOLDS)]
    information = sum(part for _, part in parts)
    risks = np.empty(answers.yes.shape)
    for fold, (score, of_fold) in enumerate(parts):
        # On the whole the score is zero, so that without the fold it is the negative of the fold's.
        step, *_ = np.linalg.lstsq(information - of_fold, -score)
        risks[:, fold] = _inverse_logit(model.design @ (model.coefficients + step))
    return risks


def _score_and_information(model: _Model, risks: Floats, answers: _Answers, fold: int) -> tuple[Floats, Floats]:
    """First and negative second derivatives of the log-likelihood of one fold."""
    yes, patients = answers.yes[:, fold], answers.yes[:, fold] + answers.no[:, fold]
    some = patients > 0
    design, risk, yes, patients = model.design[some], risks[some], yes[some], patients[some]
    weights = patients * risk * (1 - risk)
    return design.T @ (yes - patients * risk), design.T @ (design * weights[:, np.newaxis])


def _judged(answers: _Answers, risks: Floats) -> _Judged:
    some = (answers.yes + answers.no).ravel() > 0
    steps = np.clip(np.rint(risks.ravel()[some] * 1e5), 1, 1e5 - 1).astype(np.int64)
    folds = np.tile(np.arange(_FOLDS), len(risks))[some]
    keys, group = np.unique(folds * 100_000 + steps, return_inverse=True)
    yes, no = (_sums(part.ravel()[some], group) for part in (answers.yes, answers.no))
    return _Judged(keys // 100_000, keys % 100_000 / 1e5, yes, no)


def _performance(judged: _Judged) -> dict[str, float | None]:
    """Discrimination and calibration (Van Calster 2019, https://doi.org/10.1186/s12916-019-1466-7)."""
    patients = judged.yes.sum() + judged.no.sum()
    if not min(judged.yes.sum(), judged.no.sum()):
        return dict.fromkeys(("c_statistic", "brier", "calibration_intercept", "calibration_slope"))
    squares = judged.yes @ (1 - judged.risk) ** 2 + judged.no @ judged.risk**2
    intercept, slope = _recalibrated(judged)
    return {
        "c_statistic": round(_c_statistic(judged), 9),
        "brier": round(float(squares / patients), 9),
        "calibration_intercept": intercept,
        "calibration_slope": slope,
    }


def _c_statistic(judged: _Judged) -> float:
    """How often, of a patient with the outcome and one without, the former was given the higher risk.

    Patients of the same fold are compared only: risks of different folds come from different models.
    """
    concordant, pairs = 0.0, 0
    for fold in range(_FOLDS):
        yes, no = judged.yes[judged.fold == fold], judged.no[judged.fold == fold]  # by rising risk
        concordant += float(yes @ (np.cumsum(no) - no / 2))
        pairs += int(yes.sum() * no.sum())
    return concordant / pairs if pairs else 0.5


def _by_risk(judged: _Judged) -> tuple[Floats, Ints, Ints]:
    """The risks in order, with the patients of all folds who have or have not the outcome."""
    risk, group = np.unique(judged.risk, return_inverse=True)
    return risk, _sums(judged.yes, group), _sums(judged.no, group)


def _sums(counts: Ints, group: Ints) -> Ints:
    """The sum of the counts of each group."""
    return np.bincount(group, counts).astype(np.int64)


def _recalibrated(judged: _Judged) -> tuple[float | None, float | None]:
    """What must be added to the logit of the risks, and by what it must be multiplied (1 when they are as spread)."""
    from statsmodels.genmod.families import Binomial  # noqa: PLC0415 - slow to import, needed only here
    from statsmodels.genmod.generalized_linear_model import GLM  # noqa: PLC0415

    risk, yes, no = _by_risk(judged)
    if len(risk) == 1:
        return None, None
    logit = np.log(risk / (1 - risk))
    answers, ones = np.column_stack([yes, no]), np.ones((len(logit), 1))
    intercept = GLM(answers, ones, family=Binomial(), offset=logit).fit().params[0]
    slope = GLM(answers, np.column_stack([ones, logit]), family=Binomial()).fit().params[1]
    return round(float(intercept), 9), round(float(slope), 9)


def _model_rows(measure: str, model: _Model, answers: _Answers, judged: _Judged) -> pa.Table:
    events = int(answers.yes.sum())
    of_model = {
        "measure": measure,
        "model_kind": model.kind,
        "reason": model.reason,
        "patients": events + int(answers.no.sum()),
        "events": events,
        **_performance(judged),
    }
    rows = [of_model | _coefficient(estimate) for estimate in model.estimates]
    rows.sort(key=lambda row: (row["term"], row["level"]))
    return pa.Table.from_pylist(rows, schema=MODEL_SCHEMA)


def _coefficient(estimate: _Estimate) -> dict[str, Any]:
    values = {"coefficient": estimate.coefficient, "std_error": estimate.std_error}
    if estimate.term != "intercept":
        margin = 1.959964 * estimate.std_error
        values["odds_ratio"] = np.exp(estimate.coefficient)
        values["odds_ratio_low"] = np.exp(estimate.coefficient - margin)
        values["odds_ratio_high"] = np.exp(estimate.coefficient + margin)
    rounded = {name: round(float(value), 9) if np.isfinite(value) else None for name, value in values.items()}
    return {"term": estimate.term, "level": estimate.level, "state": estimate.state} | rounded


def _calibration_rows(measure: str, judged: _Judged) -> pa.Table:
    """Observed against expected by tenths of the patients in order of risk; patients of one risk stay together."""
    risk, yes, no = _by_risk(judged)
    patients = yes + no
    if not len(patients):
        return CALIBRATION_SCHEMA.empty_table()
    tenth = np.floor(10 * (np.cumsum(patients) - patients / 2) / patients.sum()).astype(np.int64)
    last, group = np.unique(tenth, return_inverse=True)
    last[-1] = 9
    expected = np.round(np.bincount(group, patients * risk), 6)
    return _calibration_table(measure, last + 1, _sums(patients, group), _sums(yes, group), expected)


def _calibration_table(measure: str, last: Ints, patients: Ints, observed: Ints, expected: NDArray[Any]) -> pa.Table:
    first = np.concatenate([[0], last[:-1]]) + 1
    low, high = wilson_interval(observed, patients)
    columns: tuple[NDArray[Any], ...] = (
        first, last, patients, observed, expected, observed / patients, low, high, expected / patients
    )  # fmt: skip
    arrays = [pa.array([measure] * len(last), pa.string()), *map(pa.array, columns)]
    return pa.Table.from_arrays(arrays, schema=CALIBRATION_SCHEMA)


def _hidden_calibration(measure: str) -> pa.Table:
    schema = CALIBRATION_SCHEMA.append(pa.field("is_suppressed", pa.bool_()))
    row = {"measure": measure, "first_tenth": 1, "last_tenth": 10, "is_suppressed": True}
    return pa.Table.from_pylist([row], schema=schema)


def _ends_of_groups(with_outcome: Ints, without: Ints, small_cell: int) -> Ints:
    """Where groups of neighbours end, so that each has enough of either; what is left over joins the last.

    Where all have the same answer they are one group.
    """
    if not min(with_outcome.sum(), without.sum()):
        return np.array([len(with_outcome)], dtype=np.int64)
    ends: list[int] = []
    start = 0
    for end in range(1, len(with_outcome) + 1):
        if min(with_outcome[start:end].sum(), without[start:end].sum()) >= small_cell:
            ends.append(end)
            start = end
    if ends:
        ends[-1] = len(with_outcome)
    return np.array(ends, dtype=np.int64)


def _risk_rows(measure: str, risks: Floats) -> pa.Table:
    size = len(risks)
    return pa.table(
        {
            "measure": pa.array([measure] * size, pa.string()),
            "pattern": np.arange(size),
            "expected": np.round(risks, 9),
        }
    )


def _inverse_logit(values: Floats) -> Floats:
    from scipy.special import expit  # noqa: PLC0415 - slow to import, needed only here

    risks: Floats = expit(values)
    return risks
