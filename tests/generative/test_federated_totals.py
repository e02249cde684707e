"""Totals of a federated study hold what one place would have counted, however participants round and hide."""

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from outcomes.disclosure.suppression import is_small, rounded
from outcomes.federated.merge import totals_of
from outcomes.sql.catalog.marts import mart_schema

COUNTS = st.tuples(*[st.integers(0, 400)] * 3)
"""yes, no, excluded"""
PARTICIPANTS = st.lists(st.tuples(COUNTS, st.booleans()), min_size=1, max_size=6)
"""What each counted, and whether it hides that though no count is small."""


def shown(counts: tuple[int, int, int], minimum: int, *, is_hidden: bool) -> pa.Table:
    """The row of all sites of a participant."""
    yes, no, excluded = (int(each) for each in rounded(np.array(counts), minimum))
    row: dict[str, Any] = {"measure": "revision_performed", "resolution": "all", "stratum_kind": "all"}
    if is_hidden:
        row |= {"state": "suppressed"}
    else:
        row |= {"numerator": yes, "patients": yes + no, "excluded": excluded, "state": "shown"}
    return pa.Table.from_pylist([row], schema=mart_schema("measures", "protected"))


@given(PARTICIPANTS, st.sampled_from([5, 7, 11, 20]))
def test_what_one_place_would_count_lies_between_the_bounds(
    drawn: list[tuple[tuple[int, int, int], bool]], minimum: int
) -> None:
    participants = [(counts, hides or bool(is_small(np.array(counts), minimum).any())) for counts, hides in drawn]
    (total,) = totals_of(
        [shown(counts, minimum, is_hidden=is_hidden) for counts, is_hidden in participants], minimum
    ).to_pylist()
    yes, no, excluded = (sum(each) for each in zip(*(counts for counts, _ in participants), strict=True))
    hidden = sum(is_hidden for _, is_hidden in participants)
    assert (total["results"], total["results_suppressed"]) == (len(participants), hidden)
    for name, exact in (("numerator", yes), ("patients", yes + no), ("excluded", excluded)):
        assert total[f"{name}_low"] <= exact
        if hidden:
            assert total[name] is total[f"{name}_high"] is None
        else:
            assert total[f"{name}_low"] <= total[name] <= total[f"{name}_high"]
            assert exact <= total[f"{name}_high"]
    if hidden:
        assert (total["state"], total["estimate"]) == ("suppressed", None)
    elif yes:
        assert (total["state"], total["estimate"]) == ("shown", total["numerator"] / total["patients"])
    else:
        assert total["state"] == ("zero" if no else "missing")
