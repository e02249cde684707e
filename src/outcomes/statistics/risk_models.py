"""Risk of each headline outcome by case mix, and how well it is predicted.

One regression per outcome, blind to the site, so that what is left between sites is not case mix. Of patients who were
all asked it is logistic. Of events within a time, before which some are lost or die, it is Poisson with each patient's
cumulative baseline hazard as exposure: events are expected only of the time in which a patient could be seen, and a
site that loses patients looks neither better nor worse (the same likelihood as that of a proportional hazards model,
Laird and Olivier 1981, J Am Stat Assoc 76:231). It is fitted to patterns of case mix instead of patients, which gives
the same coefficients. How well it does is judged on patients that the model has not seen (cross-validation), since a
model flatters itself on its own data (Steyerberg, Clinical Prediction Models, 2nd edition 2019, chapter 17).
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from outcomes.arrays import Floats, Ints, Mask
from outcomes.statistics.logistic import inverse_logit

EVENTS_PER_PARAMETER = 10
"""Patients of the rarer answer that each parameter needs (Peduzzi 1996)."""
FOLDS = 8
_STEPS, _PLACES = 100_000, 10**9
"""Of predicted risks: so many steps for each 1, and fewer than so many in all."""
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


@dataclass(frozen=True)
class Family:
    """How an outcome is distributed, see `LOGISTIC` and `POISSON`.

    Attributes:
        name: for publication.
        risk: what is expected for each unit of exposure, from the linear predictor.
        predictor: its inverse.
        variance: of one unit of exposure at a risk.
        highest: the highest risk.
    """

    name: str
    risk: Callable[[Floats], Floats]
    predictor: Callable[[Floats], Floats]
    variance: Callable[[Floats], Floats]
    highest: float


class Answers(NamedTuple):
    """Patients with the outcome, and all, by pattern and fold.

    `exposure` is what the risk is multiplied by to give the number expected: the patients themselves, or the sum of
    their cumulative baseline hazards.
    """

    events: Ints
    patients: Ints
    exposure: Floats


class Model(NamedTuple):
    """A fitted model: its terms for publication, and its design with the coefficients for prediction."""

    family: Family
    kind: str
    reason: str | None
    estimates: tuple[Estimate, ...]
    design: Floats
    coefficients: Floats

    @property
    def risks(self) -> Floats:
        """The risk in each pattern: a probability, or a rate relative to the baseline."""
        return self.family.risk(self.design @ self.coefficients)


class Judged(NamedTuple):
    """Patients and those with the outcome by fold and predicted risk, which is rounded to 5 decimals."""

    family: Family
    fold: Ints
    risk: Floats
    events: Floats
    patients: Floats
    exposure: Floats

    @property
    def others(self) -> Floats:
        """Whom those with the outcome are compared with: patients without it, or all time at risk."""
        return self.exposure if self.family is POISSON else self.patients - self.events


class Tenths(NamedTuple):
    """Observed against expected by tenths of the patients in order of risk; patients of one risk stay together."""

    last: Ints
    patients: Ints
    observed: Ints
    expected: Floats


def choose_model(
    columns: Sequence[Column], answers: Answers, family: Family, minimum_cell_count: int
) -> tuple[Model, Judged]:
    """The largest model that the outcome bears, and that tells unseen patients apart, with how it does on those.

    Args:
        columns: all that the model may have.
        answers: of the patients, by the patterns of the columns.
        family: of the outcome.
        minimum_cell_count: a column that rests on fewer patients of either answer has no coefficient of its own.
    """
    events, patients, exposure = (part.sum(axis=1) for part in answers)
    reason: str | None = None
    for kind in ("full", "core"):
        candidates = [column for column in columns if kind == "full" or column.is_core]
        roles = _roles(candidates, events, patients - events, minimum_cell_count)
        chosen = [column for column, role in zip(candidates, roles, strict=True) if role == "estimated"]
        if min(events.sum(), patients.sum() - events.sum()) < EVENTS_PER_PARAMETER * max(len(chosen), 1):
            reason = "too_few_events"
            continue
        if not chosen:
            reason = "no_usable_factor"
            continue
        design = np.column_stack([np.ones(len(events)), *(column.values for column in chosen)])
        result = _fit(family, design, events, exposure)
        if result is None:
            reason = "not_converged"
            continue
        coefficients = np.array(_rounded_to_publish(result.params))
        model = Model(family, kind, reason, _estimates(candidates, roles, result), design, coefficients)
        judged = _judged(family, answers, _cross_validated(model, answers))
        if _c_statistic(judged) > 0.5:
            return model, judged
        # Adjusting by it would add noise to the comparison and nothing else.
        reason = "no_better_than_chance"
    constant = _constant_model(family, float(events.sum()), float(exposure.sum()), len(events), reason)
    return constant, _judged(family, answers, _cross_validated(constant, answers))


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


def _fit(family: Family, design: Floats, events: Ints, exposure: Floats) -> Any | None:
    """The regression of the answers on the design; None where it does not converge to something finite."""
    some = exposure > 0
    start = np.zeros(design.shape[1])
    start[0] = family.predictor(events.sum() / exposure.sum())
    with warnings.catch_warnings():
        # What they would warn of is judged below.
        warnings.simplefilter("ignore")
        model = _regression(family, design[some], events[some], exposure[some])
        try:
            result = model.fit(start_params=start, method="newton", disp=False)
        except np.linalg.LinAlgError:
            return None
    is_finite = np.isfinite(result.bse).all() and result.bse.max() < _LARGEST_STD_ERROR
    return result if result.mle_retvals["converged"] and is_finite else None


def _regression(
    family: Family, design: Floats, events: NDArray[Any], exposure: Floats, offset: Floats | None = None
) -> Any:
    """The generalised linear model of the events; `offset` is added to the linear predictor."""
    from statsmodels.genmod.families import Binomial, Poisson  # noqa: PLC0415 - slow to import, needed only here
    from statsmodels.genmod.generalized_linear_model import GLM  # noqa: PLC0415

    if family is POISSON:
        return GLM(events, design, family=Poisson(), exposure=exposure, offset=offset)
    return GLM(np.column_stack([events, exposure - events]), design, family=Binomial(), offset=offset)


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


def _constant_model(family: Family, events: float, exposure: float, patterns: int, reason: str | None) -> Model:
    """The same risk for all; infinite in the linear predictor where all have the same answer."""
    # Without any event the baseline hazard is 0, and so is the exposure.
    risk = np.array([events / exposure if exposure else 0.0])
    with np.errstate(divide="ignore", invalid="ignore"):
        (predictor,) = _rounded_to_publish(family.predictor(risk))
        (error,) = _rounded_to_publish(np.sqrt(1 / (exposure * family.variance(risk))))
    estimate = Estimate("intercept", "all", "estimated", predictor, error)
    return Model(family, "intercept", reason, (estimate,), np.ones((patterns, 1)), np.array([predictor]))


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
    risks = np.empty(answers.events.shape)
    for fold, (score, of_fold) in enumerate(parts):
        # On the whole the score is zero, so that without the fold it is the negative of the fold's.
        step, *_ = np.linalg.lstsq(information - of_fold, -score)
        risks[:, fold] = model.family.risk(model.design @ (model.coefficients + step))
    return risks


def _score_and_information(model: Model, risks: Floats, answers: Answers, fold: int) -> tuple[Floats, Floats]:
    """First and negative second derivatives of the log-likelihood of one fold."""
    some = answers.exposure[:, fold] > 0
    design, risk, events, exposure = (
        model.design[some], risks[some], answers.events[some, fold], answers.exposure[some, fold]
    )  # fmt: skip
    weights = exposure * model.family.variance(risk)
    return design.T @ (events - exposure * risk), design.T @ (design * weights[:, np.newaxis])


def _judged(family: Family, answers: Answers, risks: Floats) -> Judged:
    some = answers.patients.ravel() > 0
    highest = min(family.highest * _STEPS, _PLACES) - 1
    steps = np.clip(np.rint(risks.ravel()[some] * _STEPS), 1, highest).astype(np.int64)
    folds = np.tile(np.arange(FOLDS), len(risks))[some]
    keys, group = np.unique(folds * _PLACES + steps, return_inverse=True)
    sums = (_sums(part.ravel()[some], group) for part in answers)
    return Judged(family, keys // _PLACES, keys % _PLACES / _STEPS, *sums)


def performance(judged: Judged) -> dict[str, float | None]:
    """Discrimination and calibration (Van Calster 2019, https://doi.org/10.1186/s12916-019-1466-7).

    The Brier score is of probabilities; events over time have none.
    """
    events, patients = judged.events.sum(), judged.patients.sum()
    if not min(events, patients - events):
        return dict.fromkeys(("c_statistic", "brier", "calibration_intercept", "calibration_slope"))
    squares = judged.events @ (1 - judged.risk) ** 2 + judged.others @ judged.risk**2
    intercept, slope = _recalibrated(judged)
    return {
        "c_statistic": round(_c_statistic(judged), 9),
        "brier": None if judged.family is POISSON else round(float(squares / patients), 9),
        "calibration_intercept": intercept,
        "calibration_slope": slope,
    }


def _c_statistic(judged: Judged) -> float:
    """How often, of a patient with the outcome and one without, the former was given the higher risk.

    Of events over time: of a patient with the event and one at risk, drawn by the time at risk. Patients of the same
    fold are compared only: risks of different folds come from different models.
    """
    concordant, pairs = 0.0, 0.0
    for fold in range(FOLDS):
        of_fold = judged.fold == fold
        events, others = judged.events[of_fold], judged.others[of_fold]  # by rising risk
        concordant += float(events @ (np.cumsum(others) - others / 2))
        pairs += float(events.sum() * others.sum())
    return concordant / pairs if pairs else 0.5


def _by_risk(judged: Judged) -> tuple[Floats, Floats, Floats, Floats]:
    """The risks in order, with those with the outcome, the patients and the exposure of all folds."""
    risk, group = np.unique(judged.risk, return_inverse=True)
    return risk, _sums(judged.events, group), _sums(judged.patients, group), _sums(judged.exposure, group)


def _sums(values: NDArray[Any], group: Ints) -> Floats:
    """The sum of the values of each group."""
    return np.bincount(group, values).astype(np.float64)


def _recalibrated(judged: Judged) -> tuple[float | None, float | None]:
    """What must be added to the linear predictor, and by what it must be multiplied (1 when risks are as spread)."""
    risk, events, _, exposure = _by_risk(judged)
    if len(risk) == 1:
        return None, None
    some = exposure > 0
    risk, events, exposure = risk[some], events[some], exposure[some]
    predictor, ones = judged.family.predictor(risk), np.ones((len(risk), 1))
    intercept = _regression(judged.family, ones, events, exposure, predictor).fit().params[0]
    slope = _regression(judged.family, np.column_stack([ones, predictor]), events, exposure).fit().params[1]
    return round(float(intercept), 9), round(float(slope), 9)


def tenths(judged: Judged) -> Tenths:
    """Observed and expected of each tenth; `last` is the number of the last tenth that is taken together."""
    risk, events, patients, exposure = _by_risk(judged)
    tenth = np.floor(10 * (np.cumsum(patients) - patients / 2) / max(patients.sum(), 1)).astype(np.int64)
    last, group = np.unique(tenth, return_inverse=True)
    last[-1:] = 9
    expected: Floats = np.round(np.bincount(group, exposure * risk), 6).astype(float)
    followed, observed = (_sums(part, group).astype(np.int64) for part in (patients, events))
    return Tenths(last + 1, followed, observed, expected)


LOGISTIC = Family("logistic", inverse_logit, lambda risk: np.log(risk / (1 - risk)), lambda risk: risk * (1 - risk), 1)
POISSON = Family("poisson", np.exp, np.log, lambda risk: risk, np.inf)
