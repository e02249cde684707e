"""Sets of cervical joints as bit masks: bit 0 is C0-1, bit 8 is T1-2; 0 is a set that is not known."""

import numpy as np
from numpy.typing import NDArray

from outcomes.arrays import Ints

JOINTS = ("C0-1", "C1-2", "C2-3", "C3-4", "C4-5", "C5-6", "C6-7", "C7-T1", "T1-2")

_ALL_SETS = range(2 ** len(JOINTS))


def _text(mask: int) -> str | None:
    return ";".join(joint for bit, joint in enumerate(JOINTS) if mask >> bit & 1) or None


def _above(mask: int) -> int:
    highest = mask & -mask
    return highest >> 1


def _below(mask: int) -> int:
    lowest = 1 << mask.bit_length() - 1 if mask else 0
    return (lowest << 1) & (len(_ALL_SETS) - 1)


TEXT: NDArray[np.object_] = np.array([_text(mask) for mask in _ALL_SETS], dtype=object)
"""By mask: the joints as the contract writes them, or None."""

ABOVE: Ints = np.array([_above(mask) for mask in _ALL_SETS])
"""By mask: the mask of the joint just above the highest one, 0 when there is none."""

BELOW: Ints = np.array([_below(mask) for mask in _ALL_SETS])
"""By mask: the mask of the joint just below the lowest one, 0 when there is none."""

COUNT: Ints = np.array([mask.bit_count() for mask in _ALL_SETS])
"""By mask: how many joints."""

_DISC_CODES = (None, None, "M50.{}1", "M50.{}1", "M50.{}21", "M50.{}22", "M50.{}23", "M50.{}3", None)

NO_DISC_CODE = "M48.02"
"""Given for the two uppermost joints and the lowest, which have no cervical disc and no code of their own."""


def disc_code(joint: int, family: str) -> str:
    """The ICD-10-CM code of a disc disorder at one joint.

    Args:
        joint: the mask of one joint.
        family: 0 with myelopathy, 1 with radiculopathy, 2 other displacement, 3 other degeneration.
    """
    template = _DISC_CODES[joint.bit_length() - 1]
    return template.format(family) if template else NO_DISC_CODE
