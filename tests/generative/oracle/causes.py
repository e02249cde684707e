"""The suspected causes other than adjacent segment disease (section 3).

Each cause gathers its findings; the highest tier found decides, and within it the earliest finding.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from tests.generative.oracle import codes
from tests.generative.oracle.care import treatments_of
from tests.generative.oracle.codes import Codes
from tests.generative.oracle.episode import Episode
from tests.generative.oracle.pairs import pairs
from tests.generative.oracle.records import Evidence, Record, Result, at_least, cite, yes
from tests.generative.oracle.red_flags import symptoms
from tests.generative.oracle.revisions import first_revision_day, revisions
from tests.generative.oracle.scores import (
    BASELINE,
    MJOA_BEST,
    SIX_WEEKS,
    THREE_MONTHS,
    mjoa,
    mjoa_mcid,
    window_visit,
)

OBSERVED_DAYS = 91
TIERS = ("possible", "probable", "confirmed")
NONUNION_FROM_DAY = 180
NONUNION_FIRM_FROM_DAY = 365
INTERSPINOUS_MOTION_MM = 1
SUPERJACENT_MOTION_MM = 4
SUBSIDENCE_MM = 3
SAGITTAL_AXIS_MM = 40
UNRESOLVED_AFTER_DAY = 56
ARM_PAIN_DROP = 0.3
PHYSICAL_THERAPY_UNTIL_DAY = 90


@dataclass(frozen=True)
class Finding:
    """Something that speaks for a cause, and how strongly."""

    tier: str
    onset_day: int
    evidence: Evidence
    image: Record | None = None


def suspected_nonunion(episode: Episode) -> Result:
    """The fusion did not heal: judged from day 180, firm from day 365."""
    own = [code for code in _own_codes(episode, codes.NONUNION) if code.day >= NONUNION_FROM_DAY]
    support = _own_codes(episode, codes.NONUNION_SUPPORT)
    images = [
        image
        for image in _images(episode, lambda image: _is_nonunion_image(image, episode))
        if image.day >= NONUNION_FROM_DAY and _is_at_index(episode, image)
    ]
    found = [
        *_coded(own),
        *(
            finding
            for finding in _intraoperative(episode, "nonunion_revision")
            if finding.onset_day >= NONUNION_FROM_DAY
        ),
        *_paired([*own, *support, *symptoms(episode)], images),
    ]
    result = _decide(episode, found, ["imaging", "diagnoses"])
    if result.onset_day is None:
        return result
    certainty = "firm" if result.onset_day >= NONUNION_FIRM_FROM_DAY else "provisional"
    return replace(result, kind=f"{result.kind}_{certainty}")


def suspected_scar_tissue(episode: Episode) -> Result:
    """Scar around the dura or a nerve on MRI, no recurrent disc. Of low predictive value."""
    own = _own_codes(episode, codes.SCAR_TISSUE)
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
    return _decide(episode, found, ["imaging", "diagnoses"])


def suspected_hardware_irritation(episode: Episode) -> Result:
    """Screws, plate or cage trouble; an infection is something else."""
    own = _own_codes(episode, codes.HARDWARE)
    images = _images(
        episode,
        lambda image: (
            image["finding"] in ("screw_back_out", "plate_fracture")
            or (image["finding"] == "subsidence" and at_least(_millimetres(image), SUBSIDENCE_MM))
        ),
    )
    found = [
        *_coded(own),
        *_intraoperative(episode, "hardware_removal"),
        *_paired([*own, *symptoms(episode)], images),
    ]
    return _decide(episode, found, ["imaging", "diagnoses", "procedures"])


def suspected_unresolved_condition(episode: Episode) -> Result:
    """The condition of before the surgery, again after day 56 at an index joint."""
    own = [
        code
        for family in codes.PREOPERATIVE_FAMILIES
        if any(before.day < 1 for before in episode.diagnoses if before in family)
        for code in _own_codes(episode, family)
        if code.day > UNRESOLVED_AFTER_DAY and (not (named := codes.coded_joints(code)) or named & episode.index_joints)
    ]
    images = [
        image
        for image in _images(episode, lambda image: image["finding"] == "residual_stenosis")
        if image.day > UNRESOLVED_AFTER_DAY and _is_at_index(episode, image)
    ]
    found = [*_coded(own), *_paired([*own, *_poor_outcome(episode)], images)]
    return _decide(episode, found, ["imaging", "diagnoses", "follow_ups"])


def suspected_posture(episode: Episode) -> Result:
    """Posture or mechanics: codes, the head too far forward on an image, or no physical therapy at all."""
    own = _own_codes(episode, codes.POSTURE)
    images = _images(
        episode,
        lambda image: image["finding"] == "c2_7_sva" and (_millimetres(image) or 0) > SAGITTAL_AXIS_MM,
    )
    found = [*_coded(own), *_paired([*own, *symptoms(episode)], images), *_without_therapy(episode, own)]
    return _decide(episode, found, ["imaging", "diagnoses"])


def _decide(episode: Episode, found: list[Finding], tables: list[str]) -> Result:
    """The highest tier, then the earliest finding; findings come in the order in which ties are decided."""
    if not found:
        return episode.not_found(tables, OBSERVED_DAYS)
    tier = max((finding.tier for finding in found), key=TIERS.index)
    deciding = min((finding for finding in found if finding.tier == tier), key=lambda finding: finding.onset_day)
    image = deciding.image
    value, name = (image["value"], image["finding"]) if image else (None, None)
    return yes(deciding.onset_day, deciding.evidence, value, name, tier)


def _coded(own: Iterable[Record]) -> list[Finding]:
    return [Finding("possible", code.day, cite(code)) for code in sorted(own)]


def _paired(found: Iterable[Record], images: Iterable[Record]) -> list[Finding]:
    return [
        Finding(
            "confirmed" if pair.image["modality"] == "ct" else "probable", pair.onset_day, pair.evidence, pair.image
        )
        for pair in pairs(found, images)
    ]


def _intraoperative(episode: Episode, kind: str) -> list[Finding]:
    return [
        Finding("confirmed", revision.day, cite(*revision.procedures))
        for revision in revisions(episode)
        if kind in revision.types
    ]


def _own_codes(episode: Episode, listed: Codes) -> list[Record]:
    """The cause's diagnoses after day 0; those without a region only with cervical context."""
    return [
        diagnosis
        for diagnosis in episode.diagnoses
        if diagnosis.day >= 1
        and diagnosis in listed
        and (diagnosis not in codes.NEEDS_CERVICAL_CONTEXT or codes.has_cervical_context(diagnosis, episode.diagnoses))
    ]


def _images(episode: Episode, shows: Callable[[Record], bool]) -> list[Record]:
    return [image for image in episode.images if image.day >= 1 and shows(image)]


def _is_at_index(episode: Episode, image: Record) -> bool:
    return image.joint is None or image.joint in episode.index_joints


def _is_nonunion_image(image: Record, episode: Episode) -> bool:
    """No bone on CT, or spinous processes that move apart while the joint above moves enough to test it."""
    if image["finding"] == "no_bridging_bone":
        return bool(image["modality"] == "ct")
    is_valid = any(
        other["finding"] == "superjacent_motion"
        and other.day == image.day
        and at_least(_millimetres(other), SUPERJACENT_MOTION_MM)
        for other in episode.images
    )
    return (
        image["finding"] == "interspinous_motion" and at_least(_millimetres(image), INTERSPINOUS_MOTION_MM) and is_valid
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
    return [three_months] if arm_unchanged or _mjoa_stays(baseline, three_months) else []


def _arm_pain_stays(baseline: Record, later: Record) -> bool:
    before, after = baseline["arm_pain_nrs"], later["arm_pain_nrs"]
    return bool(before) and after is not None and (before - after) / before < ARM_PAIN_DROP


def _mjoa_stays(baseline: Record, later: Record) -> bool:
    before, after = mjoa(baseline), mjoa(later)
    if before is None or after is None or before >= MJOA_BEST:
        return False
    return after - before < mjoa_mcid(before)


def _without_therapy(episode: Episode, own: list[Record]) -> list[Finding]:
    """A code of the cause, and no physical therapy in days 0 to 90 although all treatments would have been seen."""
    had_therapy = any(
        0 <= treatment.day <= PHYSICAL_THERAPY_UNTIL_DAY for treatment in treatments_of(episode, "exercise_therapy")
    )
    is_complete = episode.patient.get("treatment_data_complete") is True
    if not own or not is_complete or had_therapy or episode.observed_days <= PHYSICAL_THERAPY_UNTIL_DAY:
        return []
    code = min(own)
    return [
        Finding("probable", max(code.day, PHYSICAL_THERAPY_UNTIL_DAY + 1), cite(code) | episode.patient_row),
    ]
