"""Single patients of one's own site, for the clinical role: who has a label, and what a patient's answers rest on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboards.data.measures import Measure
from dashboards.data.reader import Reader
from outcomes.errors import OutcomesError
from outcomes.release.explain import Explanation
from outcomes.release.explain import answers as answers_of_patient
from outcomes.release.explain import explain as explain_patient
from outcomes.release.open import current_release
from outcomes.settings import Settings


class NotCurrent(Exception):  # noqa: N818 - it is what happened to the release, not a failure of ours
    """Another release than the page's has become the current one, and only that one can be explained."""


@dataclass(frozen=True)
class Episode:
    """A patient's index fusion, under the site's random key for the patient."""

    patient_id: str
    index_year: int
    approach: str
    index_levels: str | None
    level_count: int | None


@dataclass(frozen=True)
class Answer:
    """A label's yes: the day of its onset after the index fusion, and its kind where it has several."""

    patient_id: str
    onset_day: int | None
    kind: str | None


@dataclass(frozen=True)
class Case:
    """A patient who has a label."""

    episode: Episode
    answer: Answer


def with_label(reader: Reader, site_id: str, label: str, at_most: int) -> tuple[int, list[Case]]:
    """How many patients of the site have the label, and those fused latest, at most so many.

    Raises:
        Denied: the site is not one of the scope's, or its role may not see single patients.
    """
    reader.scope.require_clinical(site_id)
    episodes = reader.own(
        Episode,
        "episodes",
        site_id,
        "patient_id in (select patient_id from labels where site_id = ? and label = ? and status = 'yes')",
        site_id,
        label,
        order="index_year desc, patient_id",
    )
    listed = episodes[:at_most]
    answers = {one.patient_id: one for one in _answers(reader, site_id, label, [one.patient_id for one in listed])}
    return len(episodes), [Case(one, answers[one.patient_id]) for one in listed]


def behind(
    reader: Reader, site_id: str, measure: Measure, periods: tuple[str, str] | None = None
) -> tuple[list[Episode], bool]:
    """The patients of the site who fared worse by a measure: with the outcome, or without where more is better.

    Args:
        reader: of the release.
        site_id: the site.
        measure: the measure.
        periods: the first and last period of the index fusion (YYYY-MM or YYYY); None for all.

    Returns:
        Those first for whom that was least likely by the risk model, and then True; those fused latest first of a
        measure that none models.

    Raises:
        Denied: the site is not one of the scope's, or its role may not see single patients.
    """
    reader.scope.require_clinical(site_id)
    condition = "patient_id in (select patient_id from measure_cases where site_id = ? and measure = ?)"
    parameters: list[object] = [site_id, measure.measure]
    if periods is not None:
        condition += " and substr(index_period, 1, ?) between ? and ?"
        parameters += [len(periods[0]), *periods]
    found = reader.own(
        Episode, "episodes", site_id, condition, *parameters, order="index_year desc, index_period desc, patient_id"
    )
    expected = {
        one.patient_id: one.expected
        for one in reader.own(_Expected, "expected_outcomes", site_id, "measure = ?", measure.measure)
    }
    if not expected:
        return found, False
    sign = -1 if measure.direction == "higher_is_better" else 1
    return sorted(found, key=lambda one: (sign * expected.get(one.patient_id, 0.0), one.patient_id)), True


@dataclass(frozen=True)
class _Expected:
    patient_id: str
    expected: float


def episode(reader: Reader, site_id: str, patient_id: str) -> Episode | None:
    """A patient's index fusion; None when the patient is not in the cohort.

    Raises:
        Denied: the site is not one of the scope's, or its role may not see single patients.
    """
    reader.scope.require_clinical(site_id)
    return next(iter(reader.own(Episode, "episodes", site_id, "patient_id = ?", patient_id)), None)


def answers(reader: Reader, settings: Settings, site_id: str, patient_id: str) -> Explanation | None:
    """The records and answers that the reader's release has of a patient; None when it knows no such patient.

    Raises:
        Denied: the site is not one of the scope's, or its role may not see single patients.
        NotCurrent: the reader's release is not the current one.
    """
    return _of_current(reader, settings, site_id, patient_id, answers_of_patient)


def explanation(reader: Reader, settings: Settings, site_id: str, patient_id: str) -> Explanation | None:
    """As `answers`, with what made each yes, which takes longer.

    Raises:
        Denied: the site is not one of the scope's, or its role may not see single patients.
        NotCurrent: the reader's release is not the current one.
    """
    return _of_current(reader, settings, site_id, patient_id, explain_patient)


def _of_current(
    reader: Reader, settings: Settings, site_id: str, patient_id: str, ask: Callable[[Settings, str, str], Explanation]
) -> Explanation | None:
    reader.scope.require_clinical(site_id)
    if current_release(settings).id != reader.release_id:
        raise NotCurrent
    try:
        found = ask(settings, site_id, patient_id)
    except OutcomesError as error:
        if error.code == "patient_unknown":
            return None
        raise
    if found.release_id != reader.release_id:
        raise NotCurrent
    return found


def _answers(reader: Reader, site_id: str, label: str, patients: Sequence[str]) -> list[Answer]:
    if not patients:
        return []
    places = ", ".join("?" * len(patients))
    return reader.own(Answer, "labels", site_id, f"label = ? and patient_id in ({places})", label, *patients)
