"""The guide's five red flags (section 4), and the symptoms that causes rest on (section 3)."""

from collections.abc import Callable

from tests.generative.oracle.codes import RED_FLAGS
from tests.generative.oracle.episode import Episode
from tests.generative.oracle.records import Record, Result, at_least, at_most, cite, first, yes
from tests.generative.oracle.scores import PAIN_NRS, has_mjoa_fall

WEAK_MRC_GRADE = 4
ROTATION_FALL_DEGREES = 10
HEADACHE_NDI_ITEM = 3
TABLES = ("follow_ups", "diagnoses")


def red_flag(episode: Episode, flag: str) -> Result:
    """The flag's first record after day 0. Kind: `code` of a diagnosis, `measured` at a visit."""
    deciding = first(red_flag_records(episode, flag))
    if deciding:
        kind = "code" if deciding.table == "diagnoses" else "measured"
        return yes(deciding.day, cite(deciding), kind=kind)
    return episode.not_found(TABLES, observed_at_least=1)


def red_flag_records(episode: Episode, flag: str) -> list[Record]:
    """Every record after day 0 that raises the flag."""
    coded = [diagnosis for diagnosis in episode.diagnoses if diagnosis in RED_FLAGS[flag]]
    measured = [visit for visit in episode.visits if _MEASURES[flag](visit, episode)]
    return [record for record in coded + measured if record.day >= 1]


def all_red_flag_records(episode: Episode) -> set[Record]:
    """Every record after day 0 that raises any of the five flags."""
    return {record for flag in RED_FLAGS for record in red_flag_records(episode, flag)}


def symptoms(episode: Episode) -> set[Record]:
    """Neck or arm pain, or a red flag, after day 0."""
    painful = {visit for visit in episode.visits if visit.day >= 1 and _has_neck_or_arm_pain(visit)}
    return painful | all_red_flag_records(episode)


def _has_neck_or_arm_pain(visit: Record) -> bool:
    return at_least(visit["neck_pain_nrs"], PAIN_NRS) or at_least(visit["arm_pain_nrs"], PAIN_NRS)


def _radiates(visit: Record, _: Episode) -> bool:
    both = at_least(visit["neck_pain_nrs"], PAIN_NRS) and at_least(visit["arm_pain_nrs"], PAIN_NRS)
    return both or visit["radiating_pain"] is True


def _is_numb(visit: Record, _: Episode) -> bool:
    return visit["numbness"] is True


def _is_weak(visit: Record, episode: Episode) -> bool:
    """MRC 4 or less, or below the patient's best earlier grade, or an mJOA fall that matters."""
    earlier = [other["mrc_grade_min"] for other in episode.visits if other.day < visit.day]
    best = max((grade for grade in earlier if grade is not None), default=None)
    has_dropped = best is not None and at_most(visit["mrc_grade_min"], best - 1)
    return at_most(visit["mrc_grade_min"], WEAK_MRC_GRADE) or has_dropped or has_mjoa_fall(visit, episode.visits)


def _turns_less(visit: Record, episode: Episode) -> bool:
    """Less rotation than at the patient's best visit since the fusion, which itself removes motion."""
    earlier = [other["neck_rotation_deg"] for other in episode.visits if 1 <= other.day < visit.day]
    best = max((degrees for degrees in earlier if degrees is not None), default=None)
    return best is not None and at_most(visit["neck_rotation_deg"], best - ROTATION_FALL_DEGREES)


def _has_headache(visit: Record, _: Episode) -> bool:
    return at_least(visit["ndi_item_5"], HEADACHE_NDI_ITEM) or visit["occipital_headache"] is True


_MEASURES: dict[str, Callable[[Record, Episode], bool]] = {
    "radiating_pain": _radiates,
    "numbness": _is_numb,
    "weakness": _is_weak,
    "limited_motion": _turns_less,
    "headache": _has_headache,
}
