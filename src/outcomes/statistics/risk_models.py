"""Risk of each headline outcome by case mix, and how well it is predicted.

One logistic regression per outcome, blind to the site, so that what is left between sites is not case mix. It is fitted
to patterns of case mix instead of patients, which gives the same coefficients. How well it does is judged on patients
that the model has not seen (cross-validation), since a model flatters itself on its own data (Steyerberg, Clinical
Prediction Models, 2nd edition 2019, chapter 17).
"""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from outcomes.arrays import Floats, Ints, Mask

EVENTS_PER_PARAMETER = 10
"""Patients of the rarer answer that each parameter needs (Peduzzi 1996)."""
FOLDS = 8
_LARGEST_STD_ERROR = 5.0
"""Of a coefficient; beyond it the outcome is all but determined, and the maximum of the likelihood lies at infinity."""


class Column(NamedTuple):
    """One column of the design: its value in each pattern, and the patterns that its coefficient rests on.

    The levels of a factor are columns of one term, of which one is the reference; `is_core` columns make up the smaller
    model.
    """

    term: str
    level: str
    values: Floats
    support: Mask
    is_level: bool
    is_core: bool


class Estimate(NamedTuple):
    """What became of one column; the coefficient is nan where it could not be estimated."""

    term: str
    level: str
    role: str
    coefficient: float
    std_error: float


class Model(NamedTuple):
    """A fitted model: its terms for publication, and its design with the coefficients for prediction."""

    kind: str
    reason: str | None
    estimates: tuple[Estimate, ...]
    design: Floats
    coefficients: Floats

    @property
    def risks(self) -> Floats:
        """The probability of the outcome in each pattern."""
        return _inverse_logit(self.design @ self.coefficients)


class Answers(NamedTuple):
    """Patients with and without the outcome, by pattern and fold."""

    yes: Ints
    no: Ints


class Judged(NamedTuple):
    """Patients with and without the outcome by fold and predicted risk, which is rounded to 5 decimals."""

    fold: Ints
    risk: Floats
    yes: Ints
    no: Ints


class Tenths(NamedTuple):
    """Observed against expected by tenths of the patients in order of risk; patients of one risk stay together."""

    last: Ints
    patients: Ints
    observed: Ints
    expected: Floats


def choose_model(columns: Sequence[Column], answers: Answers, minimum_cell_count: int) -> tuple[Model, Judged]:
    """The largest model that the outcome bears, and that tells unseen patients apart, with how it does on those.

    Args:
        columns: all that the model may have.
        answers: of the patients, by the patterns of the columns.
        minimum_cell_count: a column that rests on fewer patients of either answer has no coefficient of its own.
    """
    yes, no = answers.yes.sum(axis=1), answers.no.sum(axis=1)
    reason: str | None = None
    for kind in ("full", "core"):
        candidates = [column for column in columns if kind == "full" or column.is_core]
        roles = _roles(candidates, yes, no, minimum_cell_count)
        chosen = [column for column, role in zip(candidates, roles, strict=True) if role == "estimated"]
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
        model = Model(kind, reason, _estimates(candidates, roles, result), design, coefficients)
        judged = _judged(answers, _cross_validated(model, answers))
        if _c_statistic(judged) > 0.5:
            return model, judged
        # Adjusting by it would add noise to the comparison and nothing else.
        reason = "no_better_than_chance"
    constant = _constant_model(int(yes.sum()), int(no.sum()), len(yes), reason)
    return constant, _judged(answers, _cross_validated(constant, answers))


def _roles(columns: Sequence[Column], yes: Ints, no: Ints, minimum_cell_count: int) -> list[str]:
    """Whether each column is estimated, the reference of its factor, merged into it, or collinear with those before."""
    with_outcome = np.array([yes[column.support].sum() for column in columns])
    without = np.array([no[column.support].sum() for column in columns])
    enough = np.minimum(with_outcome, without) >= minimum_cell_count
    roles = np.where(enough, "estimated", "merged").astype(object)
    terms = np.array([column.term for column in columns])
    for factor in dict.fromkeys(column.term for column in columns if column.is_level):
        levels = np.flatnonzero((terms == factor) & enough)
        if len(levels):
            roles[levels[np.argmax((with_outcome + without)[levels])]] = "reference"
    estimated = np.flatnonzero(roles == "estimated")
    design = np.column_stack([np.ones(len(yes)), *(columns[int(index)].values for index in estimated)])
    roles[estimated[_depends_on_earlier(design, yes + no)[1:]]] = "collinear"
    return [str(role) for role in roles]


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


def _estimates(columns: Sequence[Column], roles: Sequence[str], result: Any) -> tuple[Estimate, ...]:
    """The intercept and what became of each column, in their order."""
    fitted = list(zip(_rounded_to_publish(result.params), _rounded_to_publish(result.bse), strict=True))
    estimates = [Estimate("intercept", "all", "estimated", *fitted.pop(0))]
    for column, role in zip(columns, roles, strict=True):
        known = 0.0 if role == "reference" else np.nan
        values = fitted.pop(0) if role == "estimated" else (known, np.nan)
        estimates.append(Estimate(column.term, column.level, role, *values))
    return tuple(estimates)


def _rounded_to_publish(values: Floats) -> list[float]:
    """To 9 decimals, so that the published coefficients give the published risks."""
    return [round(float(value), 9) for value in values]


def _constant_model(yes: int, no: int, patterns: int, reason: str | None) -> Model:
    """The share of all as everyone's risk; where all have the same answer, or none any, its logit is not finite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        (logit,) = _rounded_to_publish(np.log(np.divide([yes], [no])))
        (error,) = _rounded_to_publish(np.sqrt(np.divide(1, [yes]) + np.divide(1, [no])))
    estimate = Estimate("intercept", "all", "estimated", logit, error)
    return Model("intercept", reason, (estimate,), np.ones((patterns, 1)), np.array([logit]))


def _cross_validated(model: Model, answers: Answers) -> Floats:
    """The risk by pattern and fold, predicted without the patients of the fold; a constant risk is left as it is.

    Leaving a fold out moves the coefficients little, so that one Newton step from the whole finds them (Pregibon 1981,
    https://doi.org/10.1214/aos/1176345513).
    """
    whole = model.risks
    if model.kind == "intercept":
        return np.repeat(whole[:, np.newaxis], FOLDS, axis=1)
    parts = [_score_and_information(model, whole, answers, fold) for fold in range(FOLDS)]
    information = sum(part for _, part in parts)
    risks = np.empty(answers.yes.shape)
    for fold, (score, of_fold) in enumerate(parts):
        # On the whole the score is zero, so that without the fold it is the negative of the fold's.
        step, *_ = np.linalg.lstsq(information - of_fold, -score)
        risks[:, fold] = _inverse_logit(model.design @ (model.coefficients + step))
    return risks


def _score_and_information(model: Model, risks: Floats, answers: Answers, fold: int) -> tuple[Floats, Floats]:
    """First and negative second derivatives of the log-likelihood of one fold."""
    yes, patients = answers.yes[:, fold], answers.yes[:, fold] + answers.no[:, fold]
    some = patients > 0
    design, risk, yes, patients = model.design[some], risks[some], yes[some], patients[some]
    weights = patients * risk * (1 - risk)
    return design.T @ (yes - patients * risk), design.T @ (design * weights[:, np.newaxis])


def _judged(answers: Answers, risks: Floats) -> Judged:
    some = (answers.yes + answers.no).ravel() > 0
    steps = np.clip(np.rint(risks.ravel()[some] * 1e5), 1, 1e5 - 1).astype(np.int64)
    folds = np.tile(np.arange(FOLDS), len(risks))[some]
    keys, group = np.unique(folds * 100_000 + steps, return_inverse=True)
    yes, no = (_sums(part.ravel()[some], group) for part in (answers.yes, answers.no))
    return Judged(keys // 100_000, keys % 100_000 / 1e5, yes, no)


def performance(judged: Judged) -> dict[str, float | None]:
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


def _c_statistic(judged: Judged) -> float:
    """How often, of a patient with the outcome and one without, the former was given the higher risk.

    Patients of the same fold are compared only: risks of different folds come from different models.
    """
    concordant, pairs = 0.0, 0
    for fold in range(FOLDS):
        yes, no = judged.yes[judged.fold == fold], judged.no[judged.fold == fold]  # by rising risk
        concordant += float(yes @ (np.cumsum(no) - no / 2))
        pairs += int(yes.sum() * no.sum())
    return concordant / pairs if pairs else 0.5


def _by_risk(judged: Judged) -> tuple[Floats, Ints, Ints]:
    """The risks in order, with the patients of all folds who have or have not the outcome."""
    risk, group = np.unique(judged.risk, return_inverse=True)
    return risk, _sums(judged.yes, group), _sums(judged.no, group)


def _sums(counts: Ints, group: Ints) -> Ints:
    """The sum of the counts of each group."""
    return np.bincount(group, counts).astype(np.int64)


def _recalibrated(judged: Judged) -> tuple[float | None, float | None]:
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


def tenths(judged: Judged) -> Tenths:
    """Observed and expected of each tenth; `last` is the number of the last tenth that is taken together."""
    risk, yes, no = _by_risk(judged)
    patients = yes + no
    tenth = np.floor(10 * (np.cumsum(patients) - patients / 2) / max(patients.sum(), 1)).astype(np.int64)
    last, group = np.unique(tenth, return_inverse=True)
    last[-1:] = 9
    expected: Floats = np.round(np.bincount(group, patients * risk), 6).astype(float)
    return Tenths(last + 1, _sums(patients, group), _sums(yes, group), expected)


def _inverse_logit(values: Floats) -> Floats:
    from scipy.special import expit  # noqa: PLC0415 - slow to import, needed only here

    risks: Floats = expit(values)
    return risks
