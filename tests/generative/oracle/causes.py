"""The suspected causes other than adjacent segment disease (sections 3, B1, B5, C8, D6, D7, G2).

Each cause gathers its findings; the highest tier found decides, and within it the earliest finding.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.generative.oracle import codes
from tests.generative.oracle.care import last_day, treatments_of
from tests.generative.oracle.codes import Codes
from tests.generative.oracle.diagnoses import diagnoses_after, is_of_the_neck, is_preoperative
from tests.generative.oracle.episode import Episode
from tests.generative.oracle.pairs import pairs
from tests.generative.oracle.records import Evidence, Record, Result, at_least, cite, first, yes
from tests.generative.oracle.red_flags import symptoms
from tests.generative.oracle.revisions import Revision, first_revision_day, has_nonunion_mark, revisions
from tests.generative.oracle.scores import (
    BASELINE,
    MJOA_BEST,
    SIX_WEEKS,
    THREE_MONTHS,
    exact,
    mjoa,
    mjoa_mcid,
    window_visit,
)
from tests.generative.oracle.surgery import FIXATION, FUSION

OBSERVED_DAYS = 91
TIERS = ("possible", "probable", "confirmed")
NONUNION_FROM_DAY = 180
NONUNION_FIRM_FROM_DAY = 365
INTERSPINOUS_MOTION_MM = 1
PROBABLE_MOTION_MM = 2
SUPERJACENT_MOTION_MM = 4
SUBSIDENCE_MM = 3
SAGITTAL_AXIS_MM = 40
HARDWARE_DIAGNOSIS_DAYS = 90
UNRESOLVED_AFTER_DAY = 56
CODED_TWICE_DAYS = 30
INTERVENTION_DAYS = 180
ARM_PAIN_DROP_PERCENT = 30
PHYSICAL_THERAPY_UNTIL_DAY = 90


@dataclass(frozen=True)
class Finding:
    """Something that speaks for a cause, and how strongly."""

    tier: str
    onset_day: int
    evidence: Evidence
    image: Record | None = None
    seen_at_surgery: bool = False


def suspected_nonunion(episode: Episode) -> Result:
    """The fusion did not heal: judged from day 180, firm from day 365 or when seen at surgery."""
    own = [code for code in diagnoses_after(episode, codes.NONUNION) if code.day >= NONUNION_FROM_DAY]
    support = diagnoses_after(episode, codes.NONUNION_SUPPORT)
    images = [
        image
        for image in _images(episode, lambda image: _is_nonunion_image(image, episode))
        if image.day >= NONUNION_FROM_DAY and _is_at_index(episode, image)
    ]
    found = [
        *_explored(episode),
        *_paired([*own, *support, *symptoms(episode)], images, _nonunion_tier),
        *_coded(own),
    ]
    deciding = _deciding(found)
    if deciding is None:
        lists = [codes.NONUNION, codes.NONUNION_SUPPORT]
        return _not_found(episode, ["imaging", "diagnoses"], lists, look_from=NONUNION_FROM_DAY)
    is_firm = deciding.seen_at_surgery or deciding.onset_day >= NONUNION_FIRM_FROM_DAY
    return _found(deciding, kind=f"{deciding.tier}_{'firm' if is_firm else 'provisional'}")


def suspected_scar_tissue(episode: Episode) -> Result:
    """Scar around the dura or a nerve on MRI, no recurrent disc. Of low predictive value."""
    own = diagnoses_after(episode, codes.SCAR_TISSUE)
    recurrent_disc_days = {image.day for image in episode.images if image["finding"] == "recurrent_disc"}
    images = _images(
        episode,
        lambda image: (
            image["modality"] == "mri"
            and image["finding"] in ("epidural_scar", "perineural_scar")
            and image.day not in recurrent_disc_days
        ),
    )
    found = [*_coded(own), *_paired([*own, *symptoms(episode)], images)]
    return _decide(episode, found, ["imaging", "diagnoses"], [codes.SCAR_TISSUE])


def suspected_hardware_irritation(episode: Episode) -> Result:
    """Screws, plate or cage trouble; an infection is something else."""
    own = diagnoses_after(episode, codes.HARDWARE)
    images = _images(
        episode,
        lambda image: (
            image["finding"] in ("screw_back_out", "plate_fracture")
            or (image["finding"] == "subsidence" and at_least(_millimetres(image), SUBSIDENCE_MM))
        ),
    )
    found = [
        *_coded(own),
        *_removed(episode),
        *_paired([*own, *symptoms(episode)], images),
    ]
    return _decide(episode, found, ["imaging", "diagnoses", "procedures"], [codes.HARDWARE], look_from=1)


def suspected_unresolved_condition(episode: Episode) -> Result:
    """The condition of before the surgery, again after day 56 at an index joint."""
    own = [
        code
        for family in codes.PREOPERATIVE_FAMILIES
        if any(is_preoperative(episode, before) for before in episode.diagnoses if before in family)
        for code in diagnoses_after(episode, family)
        if code.day > UNRESOLVED_AFTER_DAY and (not (named := codes.coded_joints(code)) or named & episode.index_joints)
    ]
    images = [
        image
        for image in _images(episode, lambda image: image["finding"] == "residual_stenosis")
        if image.day > UNRESOLVED_AFTER_DAY and _is_at_index(episode, image)
    ]
    found = [
        *_coded_twice(own),
        *_treated_again(episode, own),
        *_paired([*own, *_poor_outcome(episode)], images),
    ]
    return _decide(episode, found, ["imaging", "diagnoses", "follow_ups"], list(codes.PREOPERATIVE_FAMILIES))


def suspected_posture(episode: Episode) -> Result:
    """Posture or mechanics: codes, the head too far forward on an image, or no physical therapy at all."""
    own = diagnoses_after(episode, codes.POSTURE)
    images = _images(
        episode,
        lambda image: image["finding"] == "c2_7_sva" and (_millimetres(image) or 0) > SAGITTAL_AXIS_MM,
    )
    found = [*_coded(own), *_paired([*own, *symptoms(episode)], images), *_without_therapy(episode, own)]
    return _decide(episode, found, ["imaging", "diagnoses"], [codes.POSTURE])


def _decide(
    episode: Episode, found: list[Finding], tables: list[str], lists: list[Codes], look_from: int | None = None
) -> Result:
    deciding = _deciding(found)
    return _found(deciding, deciding.tier) if deciding else _not_found(episode, tables, lists, look_from)


def _deciding(found: list[Finding]) -> Finding | None:
    """The highest tier, then the earliest finding; findings come in the order in which ties are decided."""
    return min(found, key=lambda finding: (-TIERS.index(finding.tier), finding.onset_day), default=None)


def _found(deciding: Finding, kind: str) -> Result:
    image = deciding.image
    value, name = (image["value"], image["finding"]) if image else (None, None)
    return yes(deciding.onset_day, deciding.evidence, value, name, kind)


def _not_found(episode: Episode, tables: list[str], lists: list[Codes], look_from: int | None) -> Result:
    """A "no" needs diagnoses that can be read and, of what only an image shows, an image that could show it (B1)."""
    answer = episode.not_found(tables, OBSERVED_DAYS)
    if answer.status == "no" and episode.cannot_read(lists):
        return episode.not_assessable("code_system_unknown")
    if answer.status == "no" and look_from is not None and not _was_imaged(episode, look_from):
        return episode.not_assessable("no_image")
    return answer


def _was_imaged(episode: Episode, from_day: int) -> bool:
    """Bone and metal show on CT and on plain films."""
    return any(image.day >= from_day and image["modality"] in ("ct", "radiograph") for image in episode.images)


def _coded(own: Iterable[Record]) -> list[Finding]:
    return [Finding("possible", code.day, cite(code)) for code in sorted(own)]


def _coded_twice(own: Iterable[Record]) -> list[Finding]:
    """A code, and the earliest one at least 30 days before it."""
    ordered = sorted(own)
    return [
        Finding("possible", code.day, cite(code, ordered[0]))
        for code in ordered
        if code.day - ordered[0].day >= CODED_TWICE_DAYS
    ]


def _treated_again(episode: Episode, own: Iterable[Record]) -> list[Finding]:
    """A code, and the revision or injection of a day within 180 days from it on."""
    operated = [procedure for revision in revisions(episode) for procedure in revision.procedures]
    interventions = [*operated, *treatments_of(episode, "injection")]
    return [
        Finding(
            "possible", day, cite(code, *(intervention for intervention in interventions if intervention.day == day))
        )
        for day in sorted({intervention.day for intervention in interventions})
        if (code := first(code for code in own if code.day <= day <= code.day + INTERVENTION_DAYS))
    ]


def _tier(image: Record) -> str:
    return "confirmed" if image["modality"] == "ct" else "probable"


def _nonunion_tier(image: Record) -> str:
    """Missing bone on CT confirms; little motion on plain films is possible, clear motion probable (D7)."""
    if image["finding"] == "no_bridging_bone":
        return "confirmed"
    return "probable" if at_least(image["value"], PROBABLE_MOTION_MM) else "possible"


def _paired(
    found: Iterable[Record], images: Iterable[Record], tier_of: Callable[[Record], str] = _tier
) -> list[Finding]:
    return [Finding(tier_of(pair.image), pair.onset_day, pair.evidence, pair.image) for pair in pairs(found, images)]


def _explored(episode: Episode) -> list[Finding]:
    """Revisions for nonunion: confirmed when the record says that the fusion had failed, else possible (C8)."""
    return [
        Finding(
            "confirmed" if _had_failed(episode, revision) else "possible",
            revision.day,
            cite(*revision.procedures),
            seen_at_surgery=True,
        )
        for revision in revisions(episode)
        if "nonunion_revision" in revision.types and revision.day >= NONUNION_FROM_DAY
    ]


def _had_failed(episode: Episode, revision: Revision) -> bool:
    """Was nonunion diagnosed, or fixation renewed together with a fusion of an index joint?"""
    groups = {procedure: episode.surgeries[procedure] for procedure in revision.procedures}
    refixed = any(group == FIXATION and procedure not in codes.EXPLORATION for procedure, group in groups.items())
    refused = any(group == FUSION and procedure.joints & episode.index_joints for procedure, group in groups.items())
    return has_nonunion_mark(episode, revision) or (refixed and refused)


def _removed(episode: Episode) -> list[Finding]:
    """Removals of hardware that were for its own sake: nothing else was done, or a diagnosis says so (C8)."""
    return [
        Finding("confirmed", revision.day, cite(*revision.procedures), seen_at_surgery=True)
        for revision in revisions(episode)
        if "hardware_removal" in revision.types
        and (revision.types == {"hardware_removal"} or _has_painful_hardware(episode, revision))
    ]


def _has_painful_hardware(episode: Episode, revision: Revision) -> bool:
    removals = [each for each in revision.procedures if episode.surgeries[each] == "hardware_removal"]
    encounters = {removal["encounter_id"] for removal in removals} - {None}
    return any(
        diagnosis in codes.PAINFUL_HARDWARE
        and diagnosis.day >= 1
        and (0 <= revision.day - diagnosis.day <= HARDWARE_DIAGNOSIS_DAYS or diagnosis["encounter_id"] in encounters)
        and is_of_the_neck(episode, diagnosis)
        for diagnosis in episode.diagnoses
    )


def _images(episode: Episode, shows: Callable[[Record], bool]) -> list[Record]:
    return [image for image in episode.images if image.day >= 1 and shows(image)]


def _is_at_index(episode: Episode, image: Record) -> bool:
    return image.joint is None or image.joint in episode.index_joints


def _is_nonunion_image(image: Record, episode: Episode) -> bool:
    """No bone on CT, or plain films where the spinous processes move apart and the joint above moves enough to test."""
    if image["finding"] == "no_bridging_bone":
        return bool(image["modality"] == "ct")
    is_valid = any(
        other["finding"] == "superjacent_motion"
        and other.day == image.day
        and at_least(_millimetres(other), SUPERJACENT_MOTION_MM)
        for other in episode.images
    )
    return (
        image["finding"] == "interspinous_motion"
        and image["modality"] == "radiograph"
        and at_least(_millimetres(image), INTERSPINOUS_MOTION_MM)
        and is_valid
    )


def _millimetres(image: Record) -> float | None:
    """The measured length; an angle is none."""
    length: float | None = image["value"] if image["unit"] == "mm" else None
    return length


def _poor_outcome(episode: Episode) -> list[Record]:
    """The 3-month visit, when arm pain or mJOA is not better by enough than before surgery.

    A visit after a revision tells of that revision.
    """
    revised_on = first_revision_day(episode)
    visits = [visit for visit in episode.visits if revised_on is None or visit.day <= revised_on]
    baseline, six_weeks, three_months = (window_visit(visits, window) for window in (BASELINE, SIX_WEEKS, THREE_MONTHS))
    if baseline is None or three_months is None:
        return []
    arm_unchanged = (
        six_weeks is not None and _arm_pain_stays(baseline, six_weeks) and _arm_pain_stays(baseline, three_months)
    )
    is_myelopathic = episode.patient.get("indication") in ("myelopathy", "both")
    return [three_months] if arm_unchanged or (is_myelopathic and _mjoa_stays(baseline, three_months)) else []


def _arm_pain_stays(baseline: Record, later: Record) -> bool:
    before, after = baseline["arm_pain_nrs"], later["arm_pain_nrs"]
    if not before or after is None:
        return False
    return 100 * (exact(before) - exact(after)) < ARM_PAIN_DROP_PERCENT * exact(before)


def _mjoa_stays(baseline: Record, later: Record) -> bool:
    before, after = mjoa(baseline), mjoa(later)
    if before is None or after is None or before >= MJOA_BEST:
        return False
    return after - before < mjoa_mcid(before)


def _without_therapy(episode: Episode, own: list[Record]) -> list[Finding]:
    """A code of the cause, and no physical therapy in days 0 to 90 although all treatments would have been seen."""
    had_therapy = any(
        treatment.day <= PHYSICAL_THERAPY_UNTIL_DAY and last_day(treatment) >= 0
        for treatment in treatments_of(episode, "exercise_therapy")
    )
    sees_all = "treatments" in episode.delivered and episode.patient.get("treatment_data_complete") is True
    was_sent = episode.sent_until("treatments") >= PHYSICAL_THERAPY_UNTIL_DAY
    if not own or not sees_all or not was_sent or had_therapy or episode.observed_days <= PHYSICAL_THERAPY_UNTIL_DAY:
        return []
    code = min(own)
    return [
        Finding("probable", max(code.day, PHYSICAL_THERAPY_UNTIL_DAY + 1), cite(code) | episode.patient_row),
    ]
