"""The true labels, worked out patient by patient in plain Python from the rows in force.

This is a second reading of the clinical definitions, written apart from the SQL, and meant to be compared with it.
It favours plain words over speed.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from outcomes.synthetic.joints import JOINTS

Row = dict[str, Any]

_FUSION_CPT = {"22551", "22554", "22600", "22548", "22590", "22595"}
_FUSION_ADD_ON_CPT = {"22552", "22585", "22614"}
_FUSION_PCS = ("0RG0", "0RG1", "0RG2", "0RG4")
_REFUSION_CPT = {"22849", "22830"}
_REFUSION_PCS = ("0RW0", "0RW1", "0RW4", "0PW3")
_DISC_CPT = {"22856", "22858", "22861", "0098T", "22864", "0095T"}
_DISC_PCS = ("0RR30JZ", "0RR50JZ", "0RW3", "0RW5", "0RP30JZ", "0RP50JZ")
_HARDWARE_CPT = {"22855", "22850", "22852"}
_HARDWARE_PCS = ("0RP10AZ", "0RP104Z", "0RP004Z", "0RP404Z")
_LAMINOPLASTY_CPT = {"63050", "63051"}
_FORAMINOTOMY_CPT = {"63020", "63035", "63040", "63043", "63045", "63048"}
_FORAMINOTOMY_PCS = ("01N10ZZ", "01N13ZZ", "01N14ZZ")
_OTHER_CPT = {"63001", "63015", "63075", "63081"}
_OTHER_PCS = ("0RB3", "0RT3", "0PB3")
_NOT_CERVICAL_BY_THEMSELVES = {"22830", "22849", "22850", "22852", "22855"}

_CERVICAL_DIAGNOSES = (
    *("M50", "M4712", "M4722", "M4802", "M4803", "M4312", "M4313", "M542", "M5412", "M5413"),
    *("M532X2", "M532X3", "S12", "M4622", "M4642"),
)
_DISC_DIAGNOSES = ("M500", "M501", "M502", "M503")
_RED_FLAG_DIAGNOSES = (
    *("M5412", "M5413", "M792", "R208", "M7960", "M7962", "M25511", "M25512", "R200", "R201", "R202", "R209"),
    *("M6281", "R531", "R29898", "M436", "M2560", "M2569", "R519", "G4486", "M5481"),
)
_LISTED_FOR_ADJACENT = (*_DISC_DIAGNOSES, "M4712", "M4722", "M4802", "M4803", "M4312", "M4313")

_TYPES = (
    "nonunion_revision",
    "adjacent_segment_fusion",
    "fusion_revision_level_unknown",
    "disc_replacement",
    "hardware_removal",
    "laminoplasty",
    "foraminotomy",
    "other",
)
"""Revision types; of several on one day the first counts."""

_PAIN_FROM_DAY = 92
_PAIN_NRS = 4
_PAIN_CONTROLLED_NRS = 3
_PAIN_NDI = 30
_PAIN_NDI_ITEM = 2
_CONTROL_FROM_DAY = 42
_CAUSE_OBSERVED_DAYS = 91
_TOGETHER_DAYS = 180
_STAGE_DAYS = 14


@dataclass(frozen=True)
class Answer:
    """The true value of one label of one patient."""

    label: str
    status: str
    reason: str | None = None
    kind: str | None = None
    onset_day: int | None = None


def _yes(label: str, onset_day: int, kind: str | None = None) -> Answer:
    return Answer(label, "yes", kind=kind, onset_day=onset_day)


def _no(label: str) -> Answer:
    return Answer(label, "no")


def _not_assessable(label: str, reason: str) -> Answer:
    return Answer(label, "not_assessable", reason=reason)


@dataclass(frozen=True)
class Revision:
    """All revision procedures of one day; `families` are what their codes stand for, `types` what they amount to."""

    day: int
    families: frozenset[str]
    types: frozenset[str]
    joints: frozenset[str]

    @property
    def type(self) -> str:
        """The type that counts."""
        return next(name for name in _TYPES if name in self.types)

    @property
    def treats_a_joint(self) -> bool:
        """Whether there was a fusion, a decompression or a disc replacement, not just work on the old hardware."""
        return bool(self.families - {"hardware_removal", "refusion"})


@dataclass(frozen=True)
class Course:
    """One patient's rows in force, and which tables the site has delivered at all."""

    patient: Row
    rows: Mapping[str, list[Row]]
    delivered: frozenset[str]

    def of(self, table: str) -> list[Row]:
        """The patient's rows of one table."""
        return self.rows.get(table, [])

    @property
    def in_cohort(self) -> bool:
        """A cervical fusion on day 0, none before, and no arthrodesis status in the year before."""
        fusion_days = [row["day"] for row in self.of("procedures") if _is_first_fusion_code(row)]
        fused_before = any(row["code"] == "Z981" and -365 <= row["day"] <= -1 for row in self.of("diagnoses"))
        return 0 in fusion_days and min(fusion_days) == 0 and not fused_before

    @cached_property
    def latest_record_day(self) -> int:
        """The last day of any event."""
        days = [row["day"] for name in ("procedures", "diagnoses", "follow_ups", "imaging") for row in self.of(name)]
        days += [day for row in self.of("encounters") for day in (row["start_day"], row["end_day"])]
        days += [row["start_day"] for row in self.of("treatments")]
        return int(max(day for day in days if day is not None))

    @cached_property
    def data_cut(self) -> int:
        """The day of the data cut; no record can come after it."""
        return int(max(_known(self.patient["data_cut_day"], self.latest_record_day)))

    @cached_property
    def observed_days(self) -> int:
        """How long the patient was really observed."""
        contact = max(_known(self.patient["last_contact_day"], self.latest_record_day))
        return int(min(_known(self.patient["death_day"], self.data_cut, contact)))

    @cached_property
    def stages(self) -> list[Row]:
        """The fusions that make up the index surgery."""
        fusions = [row for row in self.of("procedures") if _is_fusion(row) and row["day"] >= 0]
        stays = {row["encounter_id"] for row in fusions if row["day"] == 0} - {None}
        return [row for row in fusions if _is_stage(row, stays)]

    @cached_property
    def index_joints(self) -> frozenset[str]:
        """The joints fused over all stages; empty when not known."""
        return frozenset(joint for row in self.stages for joint in _joints(row))

    @cached_property
    def adjacent_joints(self) -> frozenset[str]:
        """The joint above the highest and the one below the lowest fused joint."""
        places = [JOINTS.index(joint) for joint in self.index_joints]
        if not places:
            return frozenset()
        return frozenset(JOINTS[place] for place in (min(places) - 1, max(places) + 1) if 0 <= place < len(JOINTS))

    @cached_property
    def counting_joints(self) -> frozenset[str]:
        """The adjacent joints without a diagnosis of their own before day 1."""
        symptomatic = {joint for row in self.of("diagnoses") if row["day"] < 1 for joint in _diagnosed_joints(row)}
        return self.adjacent_joints - symptomatic

    @cached_property
    def revisions(self) -> list[Revision]:
        """The revisions, one per day, by day."""
        by_day = defaultdict(list)
        for row in self.of("procedures"):
            if self._is_revision(row):
                by_day[row["day"]].append(row)
        return [
            Revision(
                day,
                frozenset(_family(row) or "other" for row in rows),
                frozenset(self._revision_type(row) for row in rows),
                frozenset(joint for row in rows for joint in _joints(row)),
            )
            for day, rows in sorted(by_day.items())
        ]

    def _is_revision(self, row: Row) -> bool:
        if row["day"] < 1 or _family(row) is None or row in self.stages:
            return False
        if row["modifier"] != "78" and row["day"] in {stage["day"] for stage in self.stages}:
            return False
        if row["code"] not in _NOT_CERVICAL_BY_THEMSELVES or _joints(row):
            return True
        return any(other["code"].startswith(_CERVICAL_DIAGNOSES) for other in self._diagnoses_with(row))

    def _diagnoses_with(self, procedure: Row) -> Iterator[Row]:
        """The diagnoses of the procedure's day or encounter."""
        for row in self.of("diagnoses"):
            same_stay = row["encounter_id"] is not None and row["encounter_id"] == procedure["encounter_id"]
            if same_stay or row["day"] == procedure["day"]:
                yield row

    def _revision_type(self, row: Row) -> str:
        family = _family(row) or "other"
        if family not in ("fusion", "refusion"):
            return family
        joints = set(_joints(row))
        nonunion = any(other["code"] == "M960" for other in self._diagnoses_with(row))
        if joints & self.index_joints or nonunion:
            return "nonunion_revision"
        if not joints or not self.index_joints:
            return "fusion_revision_level_unknown"
        return "adjacent_segment_fusion" if family == "fusion" and joints <= self.adjacent_joints else "other"


def answer_key(tables: Mapping[str, list[Row]]) -> Iterator[tuple[str, Answer]]:
    """The true labels of every patient of one site who belongs to the cohort.

    Args:
        tables: the rows in force by table; a table that the site never delivered is not in it.

    Yields:
        The patient's key and one answer, by patient and label.
    """
    by_patient: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for name, rows in tables.items():
        for row in rows:
            by_patient[row["patient_id"]][name].append(row)
    delivered = frozenset(tables)
    for patient in sorted(tables["patients"], key=lambda row: str(row["patient_id"])):
        course = Course(patient, by_patient[patient["patient_id"]], delivered)
        if course.in_cohort:
            for answer in answers(course):
                yield patient["patient_id"], answer


def answers(course: Course) -> list[Answer]:
    """All labels of one patient."""
    return [
        revision_performed(course),
        pain_past_3_months(course),
        pain_after_revision(course),
        radiographic_asd(course),
        clinical_asd(course),
        surgical_asd(course),
        suspected_asd(course),
    ]


def revision_performed(course: Course) -> Answer:
    """A revision at all; a no needs one observed day."""
    label = "revision_performed"
    if course.revisions:
        return _yes(label, course.revisions[0].day, course.revisions[0].type)
    return _no(label) if course.observed_days >= 1 else _not_assessable(label, "no_follow_up")


def pain_past_3_months(course: Course) -> Answer:
    """Pain at a visit on day 92 or later, up to the first revision."""
    label = "pain_past_3_months"
    revised = course.revisions[0].day if course.revisions else None
    hindrances = {
        "died_before_window": _is_before(course.patient["death_day"], _PAIN_FROM_DAY),
        "revised_before_window": _is_before(revised, _PAIN_FROM_DAY),
        "window_not_closed": course.data_cut < _PAIN_FROM_DAY,
        "no_follow_up": course.observed_days < _PAIN_FROM_DAY,
        "no_source_data": "follow_ups" not in course.delivered,
    }
    for reason, holds in hindrances.items():
        if holds:
            return _not_assessable(label, reason)
    visits = [row for row in _visits_from_92(course) if revised is None or row["day"] <= revised]
    painful = [row["day"] for row in visits if _is_painful(row)]
    if painful:
        return _yes(label, min(painful), _persistent_or_recurrent(course, min(painful)))
    return _no(label) if any(_is_assessed(row) for row in visits) else _not_assessable(label, "no_assessment_in_window")


def pain_after_revision(course: Course) -> Answer:
    """Pain at a visit on day 92 or later that follows the first revision, when there was none before it."""
    label = "pain_after_revision"
    if not course.revisions:
        return _not_assessable(label, "not_revised")
    revised = course.revisions[0].day
    visits = _visits_from_92(course)
    if any(_is_painful(row) for row in visits if row["day"] <= revised):
        return _not_assessable(label, "painful_before_revision")
    later = [row for row in visits if row["day"] > revised]
    painful = [row["day"] for row in later if _is_painful(row)]
    if painful:
        return _yes(label, min(painful))
    if "follow_ups" not in course.delivered:
        return _not_assessable(label, "no_source_data")
    return _no(label) if any(_is_assessed(row) for row in later) else _not_assessable(label, "no_assessment_in_window")


def radiographic_asd(course: Course) -> Answer:
    """An image of an adjacent joint that is new or worse."""
    label = "radiographic_asd"
    if not course.index_joints:
        return _not_assessable(label, "level_unknown")
    images = _new_or_worse_images(course)
    if images:
        return _yes(label, min(image["day"] for image in images))
    return _none_seen(course, label, has_source="imaging" in course.delivered)


def clinical_asd(course: Course) -> Answer:
    """Probable: such an image and a symptom that belongs to it. Possible: a diagnosis alone."""
    label = "clinical_asd"
    if not course.index_joints:
        return _not_assessable(label, "level_unknown")
    probable = _probable_onset(course)
    if probable is not None:
        return _yes(label, probable, "probable")
    coded = [
        row["day"]
        for row in course.of("diagnoses")
        if row["day"] > 0 and _diagnosed_joints(row) & course.counting_joints
    ]
    if coded:
        return _yes(label, min(coded), "possible")
    return _none_seen(course, label, has_source=bool({"imaging", "diagnoses"} & course.delivered))


def surgical_asd(course: Course) -> Answer:
    """A fusion, decompression or disc replacement of adjacent joints only."""
    label = "surgical_asd"
    if not course.index_joints:
        return _not_assessable(label, "level_unknown")
    onset = _surgical_onset(course)
    if onset is not None:
        return _yes(label, onset)
    if _has_revision_of_unknown_joint(course):
        return _not_assessable(label, "level_unknown")
    return _none_seen(course, label, has_source=True)


def suspected_asd(course: Course) -> Answer:
    """Clinical and probable, or surgical."""
    label = "suspected_asd"
    if not course.index_joints:
        return _not_assessable(label, "level_unknown")
    onsets = {"clinical": _probable_onset(course), "surgical": _surgical_onset(course)}
    found = {kind: day for kind, day in onsets.items() if day is not None}
    if found:
        return _yes(label, min(found.values()), "both" if len(found) == 2 else next(iter(found)))
    if _has_revision_of_unknown_joint(course):
        return _not_assessable(label, "level_unknown")
    return _none_seen(course, label, has_source="imaging" in course.delivered)


def ndi_percent(visit: Row) -> float | None:
    """The Neck Disability Index in percent; None when fewer than eight items are answered."""
    items = [visit[f"ndi_item_{i}"] for i in range(1, 11)]
    answered = [item for item in items if item is not None]
    if answered:
        return 100 * sum(answered) / (5 * len(answered)) if len(answered) >= 8 else None
    total: float | None = visit["ndi_total"]
    return None if total is None else total * {"points": 2, "percent": 1}[visit["ndi_unit"]]


def _none_seen(course: Course, label: str, *, has_source: bool) -> Answer:
    if not has_source:
        return _not_assessable(label, "no_source_data")
    return _no(label) if course.observed_days >= _CAUSE_OBSERVED_DAYS else _not_assessable(label, "no_follow_up")


def _visits_from_92(course: Course) -> list[Row]:
    return [row for row in course.of("follow_ups") if row["day"] >= _PAIN_FROM_DAY]


def _is_painful(visit: Row) -> bool:
    neck, index, item = visit["neck_pain_nrs"], ndi_percent(visit), visit["ndi_item_1"]
    by_index = index is not None and index >= _PAIN_NDI and item is not None and item >= _PAIN_NDI_ITEM
    return by_index or (neck is not None and neck >= _PAIN_NRS)


def _is_assessed(visit: Row) -> bool:
    index = ndi_percent(visit)
    if visit["neck_pain_nrs"] is not None:
        return True
    return index is not None and (index < _PAIN_NDI or visit["ndi_item_1"] is not None)


def _persistent_or_recurrent(course: Course, onset: int) -> str:
    before = [row["neck_pain_nrs"] for row in course.of("follow_ups") if _CONTROL_FROM_DAY <= row["day"] < onset]
    controlled = any(neck is not None and neck <= _PAIN_CONTROLLED_NRS for neck in before)
    return "recurrent" if controlled else "persistent"


def _new_or_worse_images(course: Course) -> list[Row]:
    shown = [
        row
        for row in course.of("imaging")
        if row["level"] in course.counting_joints and row["finding"] in ("degeneration", "disc_herniation", "stenosis")
    ]
    return [row for row in shown if row["day"] > 0 and _is_new_or_worse(row, shown)]


def _is_new_or_worse(image: Row, shown: Iterable[Row]) -> bool:
    before = [row for row in shown if row["day"] <= 0 and _finding(row) == _finding(image)]
    grades = _known(*(row["value"] for row in before))
    if not before:
        return True
    return image["value"] is not None and bool(grades) and image["value"] > max(grades)


def _finding(image: Row) -> tuple[str, str]:
    return image["level"], image["finding"]


def _probable_onset(course: Course) -> int | None:
    symptoms = list(_symptoms(course))
    return min(
        (
            max(image["day"], day)
            for image in _new_or_worse_images(course)
            for day, joints in symptoms
            if abs(image["day"] - day) <= _TOGETHER_DAYS and (not joints or image["level"] in joints)
        ),
        default=None,
    )


def _symptoms(course: Course) -> Iterator[tuple[int, frozenset[str]]]:
    """The day of each symptom after surgery, and the joints that it names, if any."""
    visits = course.of("follow_ups")
    for visit in visits:
        if visit["day"] > 0 and (_has_symptom(visit) or _has_lost_function(visit, visits)):
            yield visit["day"], frozenset()
    for row in course.of("diagnoses"):
        if row["day"] > 0 and row["code"].startswith((*_LISTED_FOR_ADJACENT, *_RED_FLAG_DIAGNOSES)):
            yield row["day"], _diagnosed_joints(row)


def _has_symptom(visit: Row) -> bool:
    pains = _known(visit["neck_pain_nrs"], visit["arm_pain_nrs"])
    strength, headache = visit["mrc_grade_min"], visit["ndi_item_5"]
    return (
        any(pain >= _PAIN_NRS for pain in pains)
        or any(visit[flag] for flag in ("radiating_pain", "numbness", "occipital_headache"))
        or (strength is not None and strength <= 4)
        or (headache is not None and headache >= 3)
    )


def _has_lost_function(visit: Row, visits: Iterable[Row]) -> bool:
    """Weaker, less mobile or of worse function than at the best visit before; motion counts from surgery on."""
    before = [row for row in visits if row["day"] < visit["day"]]
    grades = _known(*(row["mrc_grade_min"] for row in before))
    rotations = _known(*(row["neck_rotation_deg"] for row in before if row["day"] > 0))
    functions = _known(*(_mjoa(row) for row in before))
    grade, rotation, function = visit["mrc_grade_min"], visit["neck_rotation_deg"], _mjoa(visit)
    return (
        (grade is not None and bool(grades) and grade <= max(grades) - 1)
        or (rotation is not None and bool(rotations) and rotation <= max(rotations) - 10)
        or (function is not None and bool(functions) and function <= max(functions) - _mjoa_mcid(max(functions)))
    )


def _mjoa(visit: Row) -> float | None:
    domains = [visit[f"mjoa_{name}"] for name in ("upper_motor", "lower_motor", "sensory", "sphincter")]
    score: float | None = visit["mjoa_total"] if None in domains else sum(domains)
    return score


def _mjoa_mcid(score: float) -> int:
    """The least change that matters to a patient, by severity (Tetreault 2015)."""
    if score >= 15:
        return 1
    return 2 if score >= 12 else 3


def _surgical_onset(course: Course) -> int | None:
    return next(
        (
            revision.day
            for revision in course.revisions
            if revision.treats_a_joint
            and revision.joints
            and revision.joints <= course.adjacent_joints
            and revision.joints & course.counting_joints
        ),
        None,
    )


def _has_revision_of_unknown_joint(course: Course) -> bool:
    """Whether a revision that treats a joint does not say which."""
    return any(revision.treats_a_joint and not revision.joints for revision in course.revisions)


def _diagnosed_joints(row: Row) -> frozenset[str]:
    """The joints that a diagnosis names by its code."""
    code = row["code"]
    if code in ("M4803", "M4313"):
        return frozenset({"C7-T1"})
    if not code.startswith(_DISC_DIAGNOSES):
        return frozenset()
    return frozenset(
        {"1": ("C2-3", "C3-4"), "21": ("C4-5",), "22": ("C5-6",), "23": ("C6-7",), "3": ("C7-T1",)}.get(code[4:], ())
    )


def _is_first_fusion_code(row: Row) -> bool:
    if row["code_system"] == "CPT":
        return row["code"] in _FUSION_CPT
    return bool(row["code_system"] == "ICD10PCS" and row["code"].startswith(_FUSION_PCS))


def _is_fusion(row: Row) -> bool:
    return _is_first_fusion_code(row) or (row["code_system"] == "CPT" and row["code"] in _FUSION_ADD_ON_CPT)


def _is_stage(row: Row, index_stays: set[str]) -> bool:
    if row["modifier"] == "78":
        return False
    is_planned = row["modifier"] == "58" or row["planned_stage"] is True
    is_soon = row["day"] <= _STAGE_DAYS and is_planned
    return row["day"] == 0 or row["encounter_id"] in index_stays or is_soon


def _family(row: Row) -> str | None:
    """What kind of revision a code stands for; None when for none."""
    if _is_fusion(row):
        return "fusion"
    if row["code_system"] == "CPT":
        families = {
            "refusion": _REFUSION_CPT,
            "hardware_removal": _HARDWARE_CPT,
            "disc_replacement": _DISC_CPT,
            "laminoplasty": _LAMINOPLASTY_CPT,
            "foraminotomy": _FORAMINOTOMY_CPT,
            "other": _OTHER_CPT,
        }
        return next((name for name, codes in families.items() if row["code"] in codes), None)
    prefixes = {
        "disc_replacement": _DISC_PCS,
        "refusion": _REFUSION_PCS,
        "hardware_removal": _HARDWARE_PCS,
        "foraminotomy": _FORAMINOTOMY_PCS,
        "other": _OTHER_PCS,
    }
    return next((name for name, codes in prefixes.items() if row["code"].startswith(codes)), None)


def _joints(row: Row) -> list[str]:
    return row["levels"].split(";") if row["levels"] else []


def _known(*values: Any) -> list[Any]:
    return [value for value in values if value is not None]


def _is_before(day: int | None, limit: int) -> bool:
    return day is not None and day < limit
