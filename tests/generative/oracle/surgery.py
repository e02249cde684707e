"""Which procedures are surgery of the neck, and of which kind (sections 0 and 6, B5)."""

from tests.generative.oracle import codes
from tests.generative.oracle.records import Record

FUSION = "fusion"
FIXATION = "fixation_revision"
REGION_UNKNOWN = "hardware_removal_region_unknown"
_GROUPS = {
    FIXATION: codes.FIXATION_REVISION,
    "disc_replacement": codes.DISC_REPLACEMENT,
    "hardware_removal": codes.HARDWARE_REMOVAL,
    "laminoplasty": codes.LAMINOPLASTY,
    "foraminotomy": codes.FORAMINOTOMY,
    "other": codes.OTHER_REVISION,
}


def surgery_group(
    procedure: Record, procedures: tuple[Record, ...], diagnoses: tuple[Record, ...], index_joints: frozenset[int]
) -> str | None:
    """The kind of surgery of the neck that a procedure is; None when it is none."""
    if codes.is_fusion(procedure):
        return FUSION
    if procedure in codes.NOT_CERVICAL_SPECIFIC and not _is_at_the_neck(procedure, procedures, diagnoses):
        return _without_region(procedure, procedures)
    if procedure in codes.CORD_RELEASE:
        is_laminoplasty = any(
            other in codes.LAMINA_RESHAPED and codes.in_same_stay(procedure, other) for other in procedures
        )
        return "laminoplasty" if is_laminoplasty else None
    if procedure in codes.NEW_FIXATION and not _is_index_fused_again(procedure.day, procedures, index_joints):
        return None
    return next((group for group, listed in _GROUPS.items() if procedure in listed), None)


def may_be_of_the_neck(procedure: Record) -> bool:
    """Has it a code of surgery of the neck, be it one that alone names no region?"""
    listed = (*_GROUPS.values(), codes.NOT_CERVICAL_SPECIFIC, codes.CORD_RELEASE, codes.NEW_FIXATION)
    return codes.is_fusion(procedure) or any(procedure in each for each in listed)


def _is_at_the_neck(procedure: Record, procedures: tuple[Record, ...], diagnoses: tuple[Record, ...]) -> bool:
    """Do its joints say so, a diagnosis, a fusion of the neck on the day or, of a device, another one of the neck?"""
    same_day = [other for other in procedures if other.day == procedure.day]
    is_beside_such = any(map(codes.is_fusion, same_day)) or (
        procedure in codes.DEVICE_REVISED and any(map(_is_device_of_the_neck, same_day))
    )
    return bool(procedure.joints) or is_beside_such or codes.has_cervical_context(procedure, diagnoses)


def _is_device_of_the_neck(procedure: Record) -> bool:
    is_needy = procedure in codes.NOT_CERVICAL_SPECIFIC and not procedure.joints
    return procedure in codes.DEVICE_REVISED and may_be_of_the_neck(procedure) and not is_needy


def _without_region(procedure: Record, procedures: tuple[Record, ...]) -> str | None:
    """A device of unknown place may be the neck's, unless another part of the spine was fused as well."""
    is_other_fused = any(other in codes.OTHER_REGION_FUSION for other in procedures)
    return REGION_UNKNOWN if procedure in codes.DEVICE_WITHOUT_REGION and not is_other_fused else None


def _is_index_fused_again(day: int, procedures: tuple[Record, ...], index_joints: frozenset[int]) -> bool:
    return any(other.day == day and codes.is_fusion(other) and other.joints & index_joints for other in procedures)
