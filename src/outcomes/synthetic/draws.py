"""Small draws that every part of the generator shares."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from outcomes.arrays import Floats, Ints, Mask

Rng = np.random.Generator
Texts = NDArray[np.object_]

# Letters only, without vowels: a key can neither spell a word nor look like a number of a person.
_KEY_LETTERS = np.array(list("bcdfghjkmnpqrstvwxz"))
_KEY_LENGTH = 14


def keys(rng: Rng, count: int) -> Texts:
    """Random keys, derived from nothing."""
    letters = _KEY_LETTERS[rng.integers(len(_KEY_LETTERS), size=(count, _KEY_LENGTH))]
    return np.ascontiguousarray(letters).view(f"U{_KEY_LENGTH}").reshape(count).astype(object)


def pick(rng: Rng, options: Sequence[Any], size: int, weights: Sequence[float] | None = None) -> Texts:
    """Draw `size` of the options, with the given relative weights."""
    shares = None if weights is None else np.asarray(weights) / np.sum(weights)
    return np.array(list(options), dtype=object)[rng.choice(len(options), size=size, p=shares)]


def chance(rng: Rng, share: float | Floats, size: int) -> Mask:
    """True with the probability `share`, or with that of each entry."""
    return rng.random(size) < share


def some(rng: Rng, among: Mask, share: float | Floats) -> Ints:
    """The positions of about `share` of the True entries, or of each with its own."""
    return np.flatnonzero(among & chance(rng, share, len(among)))


def often(rng: Rng, mean: float | Floats, size: int) -> Ints:
    """Whole days, exponentially distributed with the given mean, or with that of each entry."""
    return rng.exponential(mean, size).astype(np.int64)


def with_gaps(rng: Rng, values: NDArray[Any], share: float) -> Floats:
    """The values as floats, about `share` of them missing."""
    return np.where(chance(rng, share, len(values)), np.nan, values.astype(float))


def only(chosen: Mask, values: Any) -> Texts:
    """The values where chosen, None elsewhere."""
    return np.where(chosen, np.asarray(values, dtype=object), np.array(None, dtype=object))


def events(who: Ints, day: Ints | int, **columns: Any) -> pd.DataFrame:
    """Rows of one contract table: the patients' positions, the days, and further columns."""
    return pd.DataFrame({"who": who, "day": day} | columns)
