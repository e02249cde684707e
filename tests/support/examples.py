"""How many examples a generated test takes."""

from hypothesis import settings

LONG = 20
"""`make test-long` (the Hypothesis profile `long`) takes so many times as many."""


def examples(usual: int) -> int:
    """So many examples, and more with a profile that has more than Hypothesis' own 100."""
    return usual * settings().max_examples // 100
