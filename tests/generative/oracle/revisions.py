"""Revisions: cervical surgery after the index that is not a planned stage of it (section 6)."""

from dataclasses import dataclass
from functools import lru_cache

from tests.generative.oracle import codes
from tests.generative.oracle.episode import UNPLANNED_RETURN, Episode
from tests.generative.oracle.records import Record, Result, cite, yes

# The order in which one type speaks for a revision with several.
PRECEDENCE = (
    "nonunion_revision",
    "adjacent_segment_fusion",
    "fusion_revision_level_unknown",
    "disc_replacement",
    "hardware_removal",
    "laminoplasty",
    "foraminotomy",
    "other",
)
_TYPE_OF_CODE = {
    "disc_replacement": codes.DISC_REPLACEMENT,
    "hardware_removal": codes.HARDWARE_REMOVAL,
    "laminoplasty": codes.LAMINOPLASTY,
    "foraminotomy": codes.FORAMINOTOMY,
    "other": codes.OTHER_REVISION,
}
REVISION_LABELS = {
    "revision_hardware_removal": "hardware_removal",
    "revision_nonunion": "nonunion_revision",
    "revision_adjacent_segment_fusion": "adjacent_segment_fusion",
    "revision_disc_replacement": "disc_replacement",
    "revision_foraminotomy": "foraminotomy",
    "revision_laminoplasty": "laminoplasty",
    "revision_other": "other",
}
_NEEDS_LEVELS = ("nonunion_revision", "adjacent_segment_fusion")


@dataclass(frozen=True)
class Revision:
    """All revision procedures of one day."""

    day: int
    procedures: tuple[Record, ...]
    types: frozenset[str]
    treated_joints: frozenset[int]
    """The joints fused or decompressed, where the record names them."""
    other_joints: frozenset[int]
    """The joints where fixation was revised. Where it was only taken out says nothing of where the trouble is."""
    is_treatment: bool
    """Is a fusion or a decompression in it?"""

    @property
    def type(self) -> str:
        """The type that speaks for it."""
        return min(self.types, key=PRECEDENCE.index)


@lru_cache(maxsize=1)
def revisions(episode: Episode) -> tuple[Revision, ...]:
    """The revisions, one for each day that has any, in order."""
    stage_days = {stage.day for stage in episode.stages}
    typed: dict[int, list[tuple[Record, str]]] = {}
    for procedure in episode.procedures:
        is_index_surgery = procedure in episode.stages or (
            procedure.day in stage_days and procedure["modifier"] != UNPLANNED_RETURN
        )
        kind = None if procedure.day < 1 or is_index_surgery else _type(episode, procedure)
        if kind:
            typed.setdefault(procedure.day, []).append((procedure, kind))
    return tuple(_revision(day, procedures) for day, procedures in sorted(typed.items()))


def _revision(day: int, typed: list[tuple[Record, str]]) -> Revision:
    procedures = tuple(procedure for procedure, _ in typed)
    fixed = [procedure for procedure in procedures if procedure in codes.FIXATION_REVISION]
    treating = [
        procedure for procedure in procedures if procedure not in fixed and procedure not in codes.HARDWARE_REMOVAL
    ]
    return Revision(
        day=day,
        procedures=procedures,
        types=frozenset(kind for _, kind in typed),
        treated_joints=_joints(treating),
        other_joints=_joints(fixed),
        is_treatment=bool(treating),
    )


def _joints(procedures: list[Record]) -> frozenset[int]:
    return frozenset[int]().union(*(procedure.joints for procedure in procedures))


def _type(episode: Episode, procedure: Record) -> str | None:
    """The type of one procedure; None when it is no cervical revision."""
    if procedure in codes.NOT_CERVICAL_SPECIFIC and not (
        procedure.joints or codes.has_cervical_context(procedure, episode.diagnoses)
    ):
        return None
    if procedure in codes.FUSION or procedure in codes.FUSION_ADD_ON or procedure in codes.FIXATION_REVISION:
        return _fusion_type(episode, procedure)
    if procedure in codes.CORD_RELEASE:
        is_laminoplasty = any(
            other in codes.LAMINA_RESHAPED and codes.in_same_stay(procedure, other) for other in episode.procedures
        )
        return "laminoplasty" if is_laminoplasty else None
    return next((kind for kind, listed in _TYPE_OF_CODE.items() if procedure in listed), None)


def _fusion_type(episode: Episode, procedure: Record) -> str:
    has_pseudarthrosis = any(
        diagnosis in codes.PSEUDARTHROSIS and codes.in_same_stay(procedure, diagnosis)
        for diagnosis in episode.diagnoses
    )
    if has_pseudarthrosis or procedure.joints & episode.index_joints:
        return "nonunion_revision"
    if not procedure.joints or not episode.index_joints:
        return "fusion_revision_level_unknown"
    is_fusion = procedure not in codes.FIXATION_REVISION
    return "adjacent_segment_fusion" if is_fusion and procedure.joints <= episode.adjacent_joints else "other"


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
    """A revision that includes the type; a fusion without levels may be of a type that depends on them.

    Value: how many revisions include it.
    """
    found = revisions(episode)
    of_type = [revision for revision in found if kind in revision.types]
    if of_type:
        return yes(of_type[0].day, cite(*of_type[0].procedures), len(of_type), "revisions")
    if kind in _NEEDS_LEVELS and any("fusion_revision_level_unknown" in revision.types for revision in found):
        return episode.not_assessable("level_unknown")
    return episode.not_found(["procedures"], observed_at_least=1)


def _procedures(found: tuple[Revision, ...]) -> frozenset[tuple[str, str]]:
    return frozenset[tuple[str, str]]().union(*(cite(*revision.procedures) for revision in found))
