"""NumPy arrays by what they hold, and the steps over them that many modules take."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
"""Numbers, codes and days."""
Counts = NDArray[np.int64]
"""Of patients, events or rows: never below 0."""
Ids = NDArray[np.intp]
"""Places in another array."""
Mask = NDArray[np.bool_]


def ratio(part: NDArray[Any], whole: NDArray[Any], otherwise: float = np.nan) -> Floats:
    """Part over whole, element by element; `otherwise` where the whole is not above zero."""
    shares: Floats = np.full(np.broadcast_shapes(part.shape, whole.shape), otherwise, dtype=np.float64)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares


def starts(*labels: NDArray[Any]) -> Mask:
    """Where any of the labels differs from the one before it; the first row always does."""
    is_start = np.ones(len(labels[0]), dtype=bool)
    is_start[1:] = np.any([each[1:] != each[:-1] for each in labels], axis=0)
    return is_start


def numbered(*labels: NDArray[Any]) -> Ints:
    """Numbers, 0 and up, of the runs of rows whose labels are all equal."""
    return np.cumsum(starts(*labels)) - 1
