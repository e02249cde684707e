"""The guide's five red flags (sections 4, B2, D1), and the symptoms that causes rest on (section 3)."""

from collections.abc import Callable

from tests.generative.oracle.codes import RED_FLAGS
from tests.generative.oracle.diagnoses import diagnoses_after
from tests.generative.oracle.episode import Episode
from tests.generative.oracle.records import Record, Result, at_least, at_most, cite, first, yes
from tests.generative.oracle.scores import PAIN_NRS, exact, has_mjoa_fall

MEASURED_FROM_DAY = 42
WEAK_MRC_GRADE = 3
ROTATION_FALL_DEGREES = 10
HEADACHE_NDI_ITEM = 3
TABLES = ("follow_ups", "diagnoses")


def red_flag(episode: Episode, flag: str) -> Result:
    """The flag's first record after day 0. Kind: `code` of a diagnosis, `measured` at a visit."""
    deciding = first(red_flag_records(episode, flag))
    if deciding:
        kind = "code" if deciding.table == "diagnoses" else "measured"
        return yes(deciding.day, cite(deciding), kind=kind)
    answer = episode.not_found(TABLES, observed_at_least=1)
    if answer.status == "no" and episode.cannot_read([RED_FLAGS[flag]]):
        return episode.not_assessable("code_system_unknown")
    if answer.status == "no" and not _was_seen(episode):
        return episode.not_assessable("no_contact")
    return answer


def red_flag_records(episode: Episode, flag: str) -> list[Record]:
    """Every record after day 0 that raises the flag."""
    measured = [visit for visit in episode.visits if visit.day >= 1 and _MEASURES[flag](visit, episode)]
    return diagnoses_after(episode, RED_FLAGS[flag]) + measured


def all_red_flag_records(episode: Episode) -> set[Record]:
    """Every record after day 0 that raises any of the five flags."""
    return {record for flag in RED_FLAGS for record in red_flag_records(episode, flag)}


def symptoms(episode: Episode) -> set[Record]:
    """Neck or arm pain, or a red flag, after day 0."""
    painful = {visit for visit in episode.visits if visit.day >= 1 and _has_neck_or_arm_pain(visit)}
    return painful | all_red_flag_records(episode)


def is_weak(visit: Record, episode: Episode) -> bool:
    """Weaker than before surgery; 3 or less where that is unknown; or an mJOA fall that matters (D1)."""
    grade, before = visit["mrc_grade_min"], _preoperative_grade(episode)
    is_weaker = at_most(grade, WEAK_MRC_GRADE) if before is None else at_most(grade, before - 1)
    return is_weaker or has_mjoa_fall(visit, episode.visits)


def _was_seen(episode: Episode) -> bool:
    """Did anybody see the patient after day 0, so that a flag could have been noticed (B2)?"""
    contacts = (*episode.visits, *episode.encounters, *episode.diagnoses)
    return any(contact.day >= 1 for contact in contacts)


def _has_neck_or_arm_pain(visit: Record) -> bool:
    return at_least(visit["neck_pain_nrs"], PAIN_NRS) or at_least(visit["arm_pain_nrs"], PAIN_NRS)


def _radiates(visit: Record, _: Episode) -> bool:
    both = at_least(visit["neck_pain_nrs"], PAIN_NRS) and at_least(visit["arm_pain_nrs"], PAIN_NRS)
    return visit.day >= MEASURED_FROM_DAY and (both or visit["radiating_pain"] is True)


def _is_numb(visit: Record, episode: Episode) -> bool:
    """Numbness; in the early weeks only when no visit before surgery told of it."""
    was_numb = any(other["numbness"] is True for other in episode.visits if other.day <= 0)
    return visit["numbness"] is True and (visit.day >= MEASURED_FROM_DAY or not was_numb)


def _preoperative_grade(episode: Episode) -> int | None:
    """The highest MRC grade of the last day before surgery that has one."""
    graded = [visit for visit in episode.visits if visit.day <= 0 and visit["mrc_grade_min"] is not None]
    latest = max((visit.day for visit in graded), default=None)
    return max((visit["mrc_grade_min"] for visit in graded if visit.day == latest), default=None)


def _turns_less(visit: Record, episode: Episode) -> bool:
    """Clearly less rotation than at the last visit since the fusion, with neck pain or as the next visit confirms."""
    if visit["neck_rotation_deg"] is None or visit.day < MEASURED_FROM_DAY:
        return False
    best = _best_rotations(episode)
    earlier, later = [day for day in best if day < visit.day], [day for day in best if day > visit.day]
    if not earlier or not _has_fallen(best[max(earlier)], visit["neck_rotation_deg"]):
        return False
    is_confirmed = bool(later) and _has_fallen(best[max(earlier)], best[min(later)])
    return is_confirmed or at_least(visit["neck_pain_nrs"], PAIN_NRS)


def _best_rotations(episode: Episode) -> dict[int, float]:
    """The greatest rotation of each day since the fusion, which itself removes motion."""
    best: dict[int, float] = {}
    for visit in episode.visits:
        degrees = visit["neck_rotation_deg"]
        if visit.day >= 1 and degrees is not None:
            best[visit.day] = max(degrees, best.get(visit.day, degrees))
    return best


def _has_fallen(before: float, now: float) -> bool:
    return exact(before) - exact(now) >= ROTATION_FALL_DEGREES


def _has_headache(visit: Record, _: Episode) -> bool:
    told = at_least(visit["ndi_item_5"], HEADACHE_NDI_ITEM) or visit["occipital_headache"] is True
    return visit.day >= MEASURED_FROM_DAY and told


_MEASURES: dict[str, Callable[[Record, Episode], bool]] = {
    "radiating_pain": _radiates,
    "numbness": _is_numb,
    "weakness": is_weak,
    "limited_motion": _turns_less,
    "headache": _has_headache,
}
