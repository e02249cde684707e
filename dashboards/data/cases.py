"""Single patients of one's own site, for the clinical role: who has a label, and what a patient's answers rest on."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.data.reader import Reader
from outcomes.errors import OutcomesError
from outcomes.release.explain import Explanation
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


@dataclass(frozen=True)
class Outcome:
    """A patient with or without an outcome, and how likely it was for the patient by the risk model."""

    patient_id: str
    expected: float


def by_outcome(
    reader: Reader, site_id: str, measure: str, periods: tuple[str, str] | None, *, with_it: bool
) -> list[Episode]:
    """The patients of the site with a headline outcome, or without; those first for whom that was least likely.

    Args:
        reader: of the release.
        site_id: the site.
        measure: the outcome.
        with_it: whether those with the outcome are asked for.
        periods: the first and last period of the index fusion (YYYY-MM or YYYY); None for all.

    Raises:
        Denied: the site is not one of the scope's, or its role may not see single patients.
    """
    reader.scope.require_clinical(site_id)
    found = reader.own(Outcome, "expected_outcomes", site_id, "measure = ? and observed = ?", measure, int(with_it))
    within = ("true",) if periods is None else ("substr(index_period, 1, ?) between ? and ?", len(periods[0]), *periods)
    episodes = {one.patient_id: one for one in reader.own(Episode, "episodes", site_id, *within)}
    ordered = sorted(found, key=lambda one: (one.expected if with_it else -one.expected, one.patient_id))
    return [episodes[one.patient_id] for one in ordered if one.patient_id in episodes]


def episode(reader: Reader, site_id: str, patient_id: str) -> Episode | None:
    """A patient's index fusion; None when the patient is not in the cohort.

    Raises:
        Denied: the site is not one of the scope's, or its role may not see single patients.
    """
    reader.scope.require_clinical(site_id)
    return next(iter(reader.own(Episode, "episodes", site_id, "patient_id = ?", patient_id)), None)


def explanation(reader: Reader, settings: Settings, site_id: str, patient_id: str) -> Explanation | None:
    """All that the reader's release knows of a patient; None when it knows no such patient.

    Raises:
        Denied: the site is not one of the scope's, or its role may not see single patients.
        NotCurrent: the reader's release is not the current one.
    """
    reader.scope.require_clinical(site_id)
    if current_release(settings).id != reader.release_id:
        raise NotCurrent
    try:
        found = explain_patient(settings, site_id, patient_id)
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
