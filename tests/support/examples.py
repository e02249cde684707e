"""How many examples a generated test takes."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import settings

LONG = 20
"""`make test-long` (the Hypothesis profile `long`) takes so many times as many."""


def examples(usual: int) -> int:
    """So many examples, and more with a profile that has more than Hypothesis' own 100."""
    return usual * settings().max_examples // 100


def few(kept: int, cases: Iterable[Any]) -> list[Any]:
    """Cases of a parametrized test, of which all but the first ones are left to `make test-long`."""
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=[] if number < kept else [pytest.mark.long])
        for number, case in enumerate(cases)
    ]
