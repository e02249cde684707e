"""Pain and nerve symptoms along the guide's timeline (section 2)."""

from dataclasses import dataclass

from tests.generative.oracle.codes import RED_FLAGS
from tests.generative.oracle.episode import Episode
from tests.generative.oracle.records import Record, Result, at_least, at_most, cite, first, yes
from tests.generative.oracle.revisions import first_revision_day, revisions
from tests.generative.oracle.scores import (
    deciding_score,
    has_mjoa_fall,
    is_pain_assessed,
    is_painful,
    worst_score,
)

PAIN_LANDMARK_DAY = 92
PAIN_CONTROLLED_NRS = 3
PERSISTENT_FROM_DAY = 42
NERVE_WATCH_DAY = 42
NERVE_FLAG_AFTER_DAY = 56
SEVERE_ARM_NRS = 7
WEAK_MRC_GRADE = 4


@dataclass(frozen=True)
class Window:
    """Days in which pain is judged, and the day that the data cut must have reached."""

    first_day: int
    last_day: int | None
    closed_on: int


PAIN_WINDOWS = {
    "early_discomfort": Window(1, 41, closed_on=41),
    "normal_discomfort": Window(42, 84, closed_on=84),
    "transition_pain": Window(85, 91, closed_on=91),
    "late_pain_5_years": Window(1826, 3651, closed_on=1826),
    "late_pain_10_years": Window(3652, 7304, closed_on=3652),
    "late_pain_20_years": Window(7305, None, closed_on=7305),
}
PAST_3_MONTHS = Window(PAIN_LANDMARK_DAY, None, closed_on=PAIN_LANDMARK_DAY)


def pain_in_window(episode: Episode, window: Window) -> Result:
    """Pain at any visit of the window, before or on the day of a revision."""
    unjudged = _unjudged(episode, window)
    if unjudged:
        return unjudged
    painful = first_painful_visit(episode, window)
    if painful:
        return yes(painful.day, cite(painful), *deciding_score(painful))
    return _no_pain(_assessed(episode, window))


def first_painful_visit(episode: Episode, window: Window) -> Record | None:
    """The visit that makes the label of the window a yes."""
    if _unjudged(episode, window):
        return None
    return first(filter(is_painful, _assessed(episode, window)))


def pain_past_3_months(episode: Episode) -> Result:
    """Pain from day 92 on. Kind: persistent unless a visit with controlled pain came between day 42 and it."""
    result = pain_in_window(episode, PAST_3_MONTHS)
    if result.status != "yes" or result.onset_day is None:
        return result
    controlled = [
        visit
        for visit in episode.visits
        if PERSISTENT_FROM_DAY <= visit.day < result.onset_day and at_most(visit["neck_pain_nrs"], PAIN_CONTROLLED_NRS)
    ]
    kind = "recurrent" if controlled else "persistent"
    return yes(result.onset_day, result.evidence | cite(*controlled), result.value, result.value_name, kind)


def pain_after_revision(episode: Episode) -> Result:
    """Pain past 3 months that is first recorded after a revision, kept apart from pain past 3 months."""
    revised_on = first_revision_day(episode)
    if revised_on is None:
        return episode.not_assessable("not_revised")
    if pain_past_3_months(episode).status == "yes":
        return episode.not_assessable("painful_before_revision")
    if "follow_ups" not in episode.delivered:
        return episode.not_assessable("no_source_data")
    after = [visit for visit in episode.visits if visit.day > revised_on and visit.day >= PAIN_LANDMARK_DAY]
    assessed = [visit for visit in after if is_pain_assessed(visit)]
    if not assessed:
        return episode.not_assessable("no_assessment_in_window")
    painful = first(filter(is_painful, assessed))
    if painful:
        return yes(painful.day, cite(painful), *deciding_score(painful))
    return _no_pain(assessed)


def nerve_symptoms(episode: Episode) -> Result:
    """Severe arm pain, an objective deficit, numbness or weakness from day 42 on; flagged after day 56."""
    revised_on = first_revision_day(episode)
    signs = [
        record
        for record in [*filter(_is_nerve_code, episode.diagnoses), *_nerve_visits(episode)]
        if record.day >= NERVE_WATCH_DAY and (revised_on is None or record.day <= revised_on)
    ]
    flagged = first(sign for sign in signs if sign.day > NERVE_FLAG_AFTER_DAY)
    deciding = flagged or first(signs)
    if deciding:
        arm = deciding["arm_pain_nrs"] if at_least(deciding["arm_pain_nrs"], SEVERE_ARM_NRS) else None
        name = None if arm is None else "arm_pain_nrs"
        return yes(deciding.day, cite(deciding), arm, name, "flagged" if flagged else "watch")
    ended = _ended_before(episode, NERVE_WATCH_DAY)
    return ended or episode.not_found(["follow_ups", "diagnoses"], observed_at_least=NERVE_WATCH_DAY)


def _is_nerve_code(diagnosis: Record) -> bool:
    return diagnosis in RED_FLAGS["numbness"] or diagnosis in RED_FLAGS["weakness"]


def _nerve_visits(episode: Episode) -> list[Record]:
    return [
        visit
        for visit in episode.visits
        if at_least(visit["arm_pain_nrs"], SEVERE_ARM_NRS)
        or at_most(visit["mrc_grade_min"], WEAK_MRC_GRADE)
        or visit["numbness"] is True
        or has_mjoa_fall(visit, episode.visits)
    ]


def _ended_before(episode: Episode, day: int) -> Result | None:
    """Dead or revised before the day, so that nothing can be said of it."""
    if episode.death_day is not None and episode.death_day < day:
        return episode.not_assessable("died_before_window")
    found = revisions(episode)
    if found and found[0].day < day:
        return episode.not_assessable("revised_before_window", cite(*found[0].procedures))
    return None


def _unjudged(episode: Episode, window: Window) -> Result | None:
    """Why pain in the window cannot be judged, if it cannot; the first reason that holds."""
    ended = _ended_before(episode, window.first_day)
    if ended:
        return ended
    if episode.data_cut_day < window.closed_on:
        return episode.not_assessable("window_not_closed")
    if episode.observed_days < window.first_day:
        return episode.not_assessable("no_follow_up")
    if "follow_ups" not in episode.delivered:
        return episode.not_assessable("no_source_data")
    if not _assessed(episode, window):
        return episode.not_assessable("no_assessment_in_window")
    return None


def _assessed(episode: Episode, window: Window) -> list[Record]:
    """The visits of the window that can say whether there is pain; none after the first revision."""
    revised_on = first_revision_day(episode)
    return [
        visit
        for visit in episode.visits
        if is_pain_assessed(visit)
        and visit.day >= window.first_day
        and (window.last_day is None or visit.day <= window.last_day)
        and (revised_on is None or visit.day <= revised_on)
    ]


def _no_pain(assessed: list[Record]) -> Result:
    value, name = worst_score(assessed)
    return Result("no", None, None, value, name, None, cite(*assessed))
