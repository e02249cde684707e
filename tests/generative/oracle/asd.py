"""Adjacent segment disease in its kinds (sections 3, B1, B3 and C5)."""

from collections.abc import Callable, Iterable

from tests.generative.oracle.codes import ADJACENT_SEGMENT, coded_joints
from tests.generative.oracle.diagnoses import diagnoses_after, is_preoperative
from tests.generative.oracle.episode import Episode
from tests.generative.oracle.pairs import Pair, pairs
from tests.generative.oracle.records import Record, Result, cite, first, yes
from tests.generative.oracle.red_flags import symptoms
from tests.generative.oracle.revisions import Revision, revisions

OBSERVED_DAYS = 91
WITHOUT_BASELINE_FROM_DAY = 180
FINDINGS = ("degeneration", "disc_herniation", "stenosis")

# Which of two values of a finding is the worse one, by unit. A narrow disc space and a narrow canal are.
WORST: dict[tuple[str, str], Callable[[Iterable[float]], float]] = {
    ("degeneration", "grade"): max,
    ("degeneration", "mm"): min,
    ("disc_herniation", "grade"): max,
    ("disc_herniation", "mm"): max,
    ("stenosis", "grade"): max,
    ("stenosis", "mm"): min,
}


def radiographic_asd(episode: Episode) -> Result:
    """The first image that shows a new or worse finding at an adjacent joint. Value: what was measured on it."""
    image = first(_counting_images(episode))
    if image:
        return yes(image.day, cite(image), image["value"], image["finding"])
    return _not_seen(
        episode, ["imaging"], lacks_baseline=bool(_unproven_images(episode)), was_looked_at=_was_imaged(episode)
    )


def clinical_asd(episode: Episode) -> Result:
    """Probable: such an image and a symptom. Possible: a diagnosis at an adjacent joint alone."""
    pair = _probable(episode)
    if pair:
        return yes(pair.onset_day, pair.evidence, pair.days_apart, "days_between_image_and_symptom", kind="probable")
    diagnosis = first(
        diagnosis
        for diagnosis in diagnoses_after(episode, ADJACENT_SEGMENT)
        if coded_joints(diagnosis) & _counting_joints(episode)
    )
    if diagnosis:
        return yes(diagnosis.day, cite(diagnosis), kind="possible")
    return _not_seen(
        episode,
        ["imaging", "diagnoses"],
        is_unreadable=episode.cannot_read([ADJACENT_SEGMENT]),
        lacks_baseline=_has_unproven_pair(episode),
        was_looked_at=_was_imaged(episode),
    )


def surgical_asd(episode: Episode) -> Result:
    """A fusion, disc replacement or decompression of an adjacent joint, alone or with others."""
    revision = _surgical(episode)
    if revision:
        return yes(revision.day, cite(*revision.procedures))
    if _has_unknown_level(episode):
        return episode.not_assessable("level_unknown")
    return episode.not_found(["procedures"], OBSERVED_DAYS)


def suspected_asd(episode: Episode) -> Result:
    """The headline: clinical ASD that is probable, or surgical ASD, or both; onset is the earlier of the two."""
    pair, revision = _probable(episode), _surgical(episode)
    if pair and revision:
        evidence = pair.evidence | cite(*revision.procedures)
        return yes(min(pair.onset_day, revision.day), evidence, kind="both")
    if pair:
        return yes(pair.onset_day, pair.evidence, kind="clinical")
    if revision:
        return yes(revision.day, cite(*revision.procedures), kind="surgical")
    return _not_seen(
        episode,
        ["imaging"],
        level_unknown=_has_unknown_level(episode),
        lacks_baseline=_has_unproven_pair(episode),
        was_looked_at=_was_imaged(episode) or _was_seen_well(episode),
    )


def _not_seen(
    episode: Episode,
    tables: list[str],
    *,
    level_unknown: bool = False,
    is_unreadable: bool = False,
    lacks_baseline: bool,
    was_looked_at: bool,
) -> Result:
    """No, or why nobody can say so: the first reason that holds."""
    if level_unknown or not episode.index_joints:
        return episode.not_assessable("level_unknown")
    answer = episode.not_found(tables, OBSERVED_DAYS)
    if answer.status != "no":
        return answer
    if is_unreadable:
        return episode.not_assessable("code_system_unknown")
    if lacks_baseline:
        return episode.not_assessable("no_baseline_image")
    return answer if was_looked_at else episode.not_assessable("no_image")


def _counting_joints(episode: Episode) -> frozenset[int]:
    """The adjacent joints without a diagnosis before surgery."""
    diagnosed = (coded_joints(diagnosis) for diagnosis in episode.diagnoses if is_preoperative(episode, diagnosis))
    return episode.adjacent_joints.difference(*diagnosed)


def _findings(episode: Episode) -> list[Record]:
    """What was found at a counting joint, before surgery or after; grade 0 is no finding."""
    joints = _counting_joints(episode)
    return [
        image
        for image in episode.images
        if image["finding"] in FINDINGS
        and image.joint in joints
        and not (image["unit"] == "grade" and image["value"] == 0)
    ]


def _counting_images(episode: Episode) -> list[Record]:
    """The findings after surgery that are new or worse."""
    is_new = _is_new_or_worse if _has_baseline(episode) else _came_after_the_first_look
    found = _findings(episode)
    return [image for image in found if image.day >= 1 and is_new(episode, image, found)]


def _unproven_images(episode: Episode) -> list[Record]:
    """The findings of which nobody knows whether the joint had them before surgery."""
    if _has_baseline(episode):
        return []
    counting = _counting_images(episode)
    return [image for image in _findings(episode) if image.day >= WITHOUT_BASELINE_FROM_DAY and image not in counting]


def _has_baseline(episode: Episode) -> bool:
    return any(image.day <= 0 for image in episode.images)


def _is_new_or_worse(_: Episode, image: Record, found: list[Record]) -> bool:
    """Was nothing of the kind at the joint before surgery, or less of it in the same unit?"""
    before = [other for other in found if other.day <= 0 and _is_same_kind(image, other)]
    return not before or _is_worse(image, before)


def _is_worse(image: Record, before: list[Record]) -> bool:
    values = [other["value"] for other in before if other["unit"] == image["unit"] and other["value"] is not None]
    worst = WORST.get((image["finding"], image["unit"]))
    if worst is None or image["value"] is None or not values:
        return False
    return bool(image["value"] != worst(values) and worst([image["value"], *values]) == image["value"])


def _came_after_the_first_look(episode: Episode, image: Record, found: list[Record]) -> bool:
    """Without an image before surgery: did the first one after it show the joint free of the finding?"""
    first_look = min(other.day for other in episode.images if other.day >= 1)
    had_it = any(other.day == first_look and _is_same_kind(image, other) for other in found)
    return image.day >= WITHOUT_BASELINE_FROM_DAY and image.day > first_look and not had_it


def _is_same_kind(one: Record, other: Record) -> bool:
    return one.joint == other.joint and bool(one["finding"] == other["finding"])


def _look_day(episode: Episode) -> int:
    """The earliest day on which a finding can count."""
    return 1 if _has_baseline(episode) else WITHOUT_BASELINE_FROM_DAY


def _was_imaged(episode: Episode) -> bool:
    return any(image.day >= _look_day(episode) for image in episode.images)


def _was_seen_well(episode: Episode) -> bool:
    """Was there a visit at which pain was asked for, and neither it nor a red flag was found?"""
    complaints = symptoms(episode)
    return any(
        visit.day >= _look_day(episode)
        and (visit["neck_pain_nrs"] is not None or visit["arm_pain_nrs"] is not None)
        and visit not in complaints
        for visit in episode.visits
    )


def _probable(episode: Episode) -> Pair | None:
    """The earliest pair."""
    return next(iter(_pairs(episode, _counting_images(episode))), None)


def _has_unproven_pair(episode: Episode) -> bool:
    return bool(_pairs(episode, _unproven_images(episode)))


def _pairs(episode: Episode, images: list[Record]) -> list[Pair]:
    """Images with a symptom. A diagnosis of the list that names a joint belongs to the images of that joint alone."""
    found = pairs(symptoms(episode).union(diagnoses_after(episode, ADJACENT_SEGMENT)), images)
    return [pair for pair in found if _belongs(pair)]


def _belongs(pair: Pair) -> bool:
    joints = coded_joints(pair.symptom) if pair.symptom.table == "diagnoses" else frozenset()
    return not joints or pair.image.joint in joints


def _surgical(episode: Episode) -> Revision | None:
    """The first revision that treats an adjacent joint without trouble before."""
    counting = _counting_joints(episode)
    return next(
        (
            revision
            for revision in revisions(episode)
            if any(procedure.joints & counting for procedure in revision.treating)
        ),
        None,
    )


def _has_unknown_level(episode: Episode) -> bool:
    """Is there a fusion or decompression of which nobody knows where it was, or what would be adjacent?"""
    return not episode.index_joints or any(
        not procedure.joints for revision in revisions(episode) for procedure in revision.treating
    )
