"""Adjacent segment disease in its kinds (section 3)."""

from tests.generative.oracle.codes import ADJACENT_SEGMENT, coded_joints
from tests.generative.oracle.episode import Episode
from tests.generative.oracle.pairs import Pair, pairs
from tests.generative.oracle.records import Record, Result, cite, first, yes
from tests.generative.oracle.red_flags import symptoms
from tests.generative.oracle.revisions import Revision, revisions

OBSERVED_DAYS = 91
FINDINGS = ("degeneration", "disc_herniation", "stenosis")


def radiographic_asd(episode: Episode) -> Result:
    """The first image that shows a new or worse finding at an adjacent joint. Value: what was measured on it."""
    image = first(_radiographic_images(episode))
    if image:
        return yes(image.day, cite(image), image["value"], image["finding"])
    return _not_found(episode, ["imaging"])


def clinical_asd(episode: Episode) -> Result:
    """Probable: such an image and a symptom. Possible: a diagnosis at an adjacent joint alone."""
    pair = _probable(episode)
    if pair:
        return yes(pair.onset_day, pair.evidence, pair.days_apart, "days_between_image_and_symptom", kind="probable")
    diagnosis = first(
        diagnosis
        for diagnosis in episode.diagnoses
        if diagnosis.day >= 1 and coded_joints(diagnosis) & _counting_joints(episode)
    )
    if diagnosis:
        return yes(diagnosis.day, cite(diagnosis), kind="possible")
    return _not_found(episode, ["imaging", "diagnoses"])


def surgical_asd(episode: Episode) -> Result:
    """A fusion or decompression of adjacent joints only."""
    revision = _surgical(episode)
    if revision:
        return yes(revision.day, cite(*revision.procedures))
    return _not_found(episode, ["procedures"], levels_unknown=_has_treatment_without_levels(episode))


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
    return _not_found(episode, ["imaging"], levels_unknown=_has_treatment_without_levels(episode))


def _counting_joints(episode: Episode) -> frozenset[int]:
    """The adjacent joints without a diagnosis before surgery."""
    diagnosed = (coded_joints(diagnosis) for diagnosis in episode.diagnoses if diagnosis.day < 1)
    return episode.adjacent_joints.difference(*diagnosed)


def _radiographic_images(episode: Episode) -> list[Record]:
    counting = _counting_joints(episode)
    return [
        image
        for image in episode.images
        if image.day >= 1
        and image["finding"] in FINDINGS
        and image.joint in counting
        and _is_new_or_worse(image, episode.images)
    ]


def _is_new_or_worse(image: Record, images: tuple[Record, ...]) -> bool:
    before = [
        other
        for other in images
        if other.day <= 0 and other.joint == image.joint and other["finding"] == image["finding"]
    ]
    highest = max((other["value"] for other in before if other["value"] is not None), default=None)
    is_worse = highest is not None and image["value"] is not None and image["value"] > highest
    return not before or is_worse


def _probable(episode: Episode) -> Pair | None:
    """The earliest pair. A diagnosis of the list that names a joint belongs to the images of that joint alone."""
    listed = {diagnosis for diagnosis in episode.diagnoses if diagnosis.day >= 1 and diagnosis in ADJACENT_SEGMENT}
    found = pairs(symptoms(episode) | listed, _radiographic_images(episode))
    return next((pair for pair in found if _belongs(pair)), None)


def _belongs(pair: Pair) -> bool:
    joints = coded_joints(pair.symptom) if pair.symptom.table == "diagnoses" else frozenset()
    return not joints or pair.image.joint in joints


def _surgical(episode: Episode) -> Revision | None:
    """The first revision whose treated joints are all adjacent, at least one of them without trouble before."""
    return next(
        (
            revision
            for revision in revisions(episode)
            if revision.treated_joints
            and revision.treated_joints | revision.other_joints <= episode.adjacent_joints
            and revision.treated_joints & _counting_joints(episode)
        ),
        None,
    )


def _has_treatment_without_levels(episode: Episode) -> bool:
    """Is there a fusion or decompression of which nobody knows where it was?"""
    return any(revision.is_treatment and not revision.treated_joints for revision in revisions(episode))


def _not_found(episode: Episode, tables: list[str], levels_unknown: bool = False) -> Result:
    if levels_unknown or not episode.index_joints:
        return episode.not_assessable("level_unknown")
    return episode.not_found(tables, OBSERVED_DAYS)
