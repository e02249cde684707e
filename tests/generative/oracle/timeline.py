"""Pain and nerve symptoms along the guide's timeline (sections 2, B6, B7)."""

from dataclasses import dataclass

from tests.generative.oracle.codes import RED_FLAGS
from tests.generative.oracle.diagnoses import diagnoses_after
from tests.generative.oracle.episode import Episode
from tests.generative.oracle.records import Record, Result, at_least, cite, first, yes
from tests.generative.oracle.red_flags import is_weak
from tests.generative.oracle.revisions import first_revision_day, revisions
from tests.generative.oracle.scores import (
    deciding_score,
    has_pain_score,
    is_pain_assessed,
    is_pain_controlled,
    is_painful,
    worst_score,
)

PAIN_LANDMARK_DAY = 92
PERSISTENT_FROM_DAY = 42
NERVE_WATCH_DAY = 42
NERVE_FLAG_AFTER_DAY = 56
SEVERE_ARM_NRS = 7


@dataclass(frozen=True)
class Window:
    """Days in which pain is judged, and the day that the data cut must have reached before it can be denied."""

    first_day: int
    last_day: int | None
    closed_on: int
    can_be_early: bool = False
    """Is pain found before the window has closed an answer already (B6)?"""


PAIN_WINDOWS = {
    "early_discomfort": Window(1, 41, closed_on=41),
    "normal_discomfort": Window(42, 84, closed_on=84),
    "transition_pain": Window(85, 91, closed_on=91),
    "late_pain_5_years": Window(1826, 3651, closed_on=3651, can_be_early=True),
    "late_pain_10_years": Window(3652, 7304, closed_on=7304, can_be_early=True),
    "late_pain_20_years": Window(7305, None, closed_on=7670, can_be_early=True),
}
PAST_3_MONTHS = Window(PAIN_LANDMARK_DAY, None, closed_on=PAIN_LANDMARK_DAY)


def pain_in_window(episode: Episode, window: Window) -> Result:
    """Pain at any visit of the window, before or on the day of a revision."""
    unjudged = _unjudged(episode, window)
    if unjudged:
        return unjudged
    painful = _painful(episode, window)
    if painful:
        return yes(painful.day, cite(painful), *deciding_score(painful))
    return _no_pain(_assessed(episode, window))


def first_painful_visit(episode: Episode, window: Window) -> Record | None:
    """The visit that makes the label of the window a yes."""
    return None if _unjudged(episode, window) else _painful(episode, window)


def pain_past_3_months(episode: Episode) -> Result:
    """Pain from day 92 on. Kind: what the visits between day 42 and it say of pain control; unknown without any."""
    result = pain_in_window(episode, PAST_3_MONTHS)
    if result.status != "yes" or result.onset_day is None:
        return result
    between = [visit for visit in episode.visits if PERSISTENT_FROM_DAY <= visit.day < result.onset_day]
    controlled = list(filter(is_pain_controlled, between))
    uncontrolled = "persistent" if any(map(has_pain_score, between)) else "unknown"
    kind = "recurrent" if controlled else uncontrolled
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
        for record in [*_nerve_codes(episode), *_nerve_visits(episode)]
        if record.day >= NERVE_WATCH_DAY and (revised_on is None or record.day <= revised_on)
    ]
    flagged = first(sign for sign in signs if sign.day > NERVE_FLAG_AFTER_DAY)
    deciding = flagged or first(signs)
    if deciding:
        arm = deciding["arm_pain_nrs"] if at_least(deciding["arm_pain_nrs"], SEVERE_ARM_NRS) else None
        name = None if arm is None else "arm_pain_nrs"
        return yes(deciding.day, cite(deciding), arm, name, "flagged" if flagged else "watch")
    ended = _ended_before(episode, NERVE_WATCH_DAY)
    last_day = episode.observed_days if revised_on is None else min(revised_on, episode.observed_days)
    return ended or episode.not_found(["follow_ups", "diagnoses"], NERVE_WATCH_DAY, last_day)


def _nerve_codes(episode: Episode) -> list[Record]:
    return diagnoses_after(episode, RED_FLAGS["numbness"]) + diagnoses_after(episode, RED_FLAGS["weakness"])


def _nerve_visits(episode: Episode) -> list[Record]:
    return [
        visit
        for visit in episode.visits
        if at_least(visit["arm_pain_nrs"], SEVERE_ARM_NRS) or visit["numbness"] is True or is_weak(visit, episode)
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
    if episode.data_cut_day < window.closed_on and not (window.can_be_early and _painful(episode, window)):
        return episode.not_assessable("window_not_closed")
    if episode.observed_days < window.first_day:
        return episode.not_assessable("no_follow_up")
    if "follow_ups" not in episode.delivered:
        return episode.not_assessable("no_source_data")
    if not _assessed(episode, window):
        return episode.not_assessable("no_assessment_in_window")
    return None


def _painful(episode: Episode, window: Window) -> Record | None:
    return first(filter(is_painful, _assessed(episode, window)))


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
