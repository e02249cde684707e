"""Revisions: cervical surgery after the index that is not a planned stage of it (sections 6, C4, C5 and B5)."""

from dataclasses import dataclass
from functools import lru_cache

from tests.generative.oracle import codes
from tests.generative.oracle.episode import Episode
from tests.generative.oracle.records import Record, Result, cite, yes
from tests.generative.oracle.surgery import FIXATION, FUSION, REGION_UNKNOWN

NONUNION_DIAGNOSIS_DAYS = 90
LEVEL_UNKNOWN = "fusion_revision_level_unknown"

# The order in which one type speaks for a revision with several.
PRECEDENCE = (
    "nonunion_revision",
    "adjacent_segment_fusion",
    LEVEL_UNKNOWN,
    "disc_replacement",
    "hardware_removal",
    "laminoplasty",
    "foraminotomy",
    REGION_UNKNOWN,
    "other",
)
REVISION_LABELS = {
    "revision_hardware_removal": "hardware_removal",
    "revision_nonunion": "nonunion_revision",
    "revision_adjacent_segment_fusion": "adjacent_segment_fusion",
    "revision_disc_replacement": "disc_replacement",
    "revision_foraminotomy": "foraminotomy",
    "revision_laminoplasty": "laminoplasty",
    "revision_other": "other",
}
# What a revision of unknown place or level may have been.
_MAY_BE = {
    "nonunion_revision": LEVEL_UNKNOWN,
    "adjacent_segment_fusion": LEVEL_UNKNOWN,
    "hardware_removal": REGION_UNKNOWN,
}
_NOT_TREATING = (FIXATION, "hardware_removal", REGION_UNKNOWN)


@dataclass(frozen=True)
class Revision:
    """All revision procedures of one day: one operation."""

    day: int
    procedures: tuple[Record, ...]
    types: frozenset[str]
    treating: tuple[Record, ...]
    """The fusions, disc replacements and decompressions among them."""

    @property
    def type(self) -> str:
        """The type that speaks for it."""
        return min(self.types, key=PRECEDENCE.index)


@lru_cache(maxsize=1)
def revisions(episode: Episode) -> tuple[Revision, ...]:
    """The revisions, one for each day that has any, in order."""
    found = [procedure for procedure in episode.surgeries if procedure not in episode.stages]
    return tuple(
        _revision(episode, tuple(procedure for procedure in found if procedure.day == day))
        for day in sorted({procedure.day for procedure in found})
    )


def _revision(episode: Episode, procedures: tuple[Record, ...]) -> Revision:
    types = frozenset(_type(episode, procedure, procedures) for procedure in procedures)
    treating = tuple(procedure for procedure in procedures if episode.surgeries[procedure] not in _NOT_TREATING)
    return Revision(procedures[0].day, procedures, types, treating)


def _type(episode: Episode, procedure: Record, operation: tuple[Record, ...]) -> str:
    """The type of one procedure, seen with the others of its operation."""
    group = episode.surgeries[procedure]
    if group not in (FUSION, FIXATION):
        return group
    if _is_marked_nonunion(episode, procedure):
        return "nonunion_revision"
    if not procedure.joints or not episode.index_joints:
        return LEVEL_UNKNOWN
    return _fusion_type(episode, operation) if group == FUSION else _fixation_type(episode, procedure)


def _fusion_type(episode: Episode, operation: tuple[Record, ...]) -> str:
    """An extension when an adjacent joint was fused, unless a device says that an index joint had failed (C5)."""
    fused = [procedure for procedure in operation if episode.surgeries[procedure] == FUSION]
    joints = frozenset[int]().union(*(fusion.joints for fusion in fused))
    has_failed = joints & episode.index_joints and any(
        other in codes.FAILED_FUSION_DEVICE for other in episode.procedures if other.day == operation[0].day
    )
    extended = joints & episode.adjacent_joints
    if extended and not joints & episode.index_joints:
        return "adjacent_segment_fusion"
    if extended - _joints_fused_before(episode, operation[0].day) and not has_failed:
        return "adjacent_segment_fusion"
    return "nonunion_revision" if joints & episode.index_joints else "other"


def _joints_fused_before(episode: Episode, day: int) -> frozenset[int]:
    """The joints that earlier revisions fused."""
    fusions = (fusion for fusion, group in episode.surgeries.items() if group == FUSION and fusion.day < day)
    return frozenset[int]().union(*(fusion.joints for fusion in fusions if fusion not in episode.stages))


def _fixation_type(episode: Episode, procedure: Record) -> str:
    return "nonunion_revision" if procedure.joints & episode.index_joints else "other"


def _is_marked_nonunion(episode: Episode, procedure: Record) -> bool:
    """Was nonunion diagnosed on the day, in the same encounter or in the 90 days before?"""
    return any(
        diagnosis in codes.PSEUDARTHROSIS
        and diagnosis.day >= 1
        and (codes.in_same_stay(procedure, diagnosis) or 0 <= procedure.day - diagnosis.day <= NONUNION_DIAGNOSIS_DAYS)
        for diagnosis in episode.diagnoses
    )


def has_nonunion_mark(episode: Episode, revision: Revision) -> bool:
    """Was nonunion diagnosed for any procedure of the revision?"""
    return any(_is_marked_nonunion(episode, procedure) for procedure in revision.procedures)


def first_revision_day(episode: Episode) -> int | None:
    """Day of the first revision, when there was one."""
    found = revisions(episode)
    return found[0].day if found else None


def revision_performed(episode: Episode) -> Result:
    """Any revision. Value: how many; kind: the type of the first."""
    found = revisions(episode)
    if found:
        return yes(found[0].day, _procedures(found), len(found), "revisions", found[0].type)
    return episode.not_found(["procedures"], observed_at_least=1)


def revision_of_type(episode: Episode, kind: str) -> Result:
    """A revision that includes the type; one of unknown place or level may be of a type that depends on it.

    Value: how many revisions include it.
    """
    found = revisions(episode)
    of_type = [revision for revision in found if kind in revision.types]
    if of_type:
        return yes(of_type[0].day, cite(*of_type[0].procedures), len(of_type), "revisions")
    if any(_MAY_BE.get(kind) in revision.types for revision in found):
        return episode.not_assessable("level_unknown")
    return episode.not_found(["procedures"], observed_at_least=1)


def _procedures(found: tuple[Revision, ...]) -> frozenset[tuple[str, str]]:
    return frozenset[tuple[str, str]]().union(*(cite(*revision.procedures) for revision in found))
