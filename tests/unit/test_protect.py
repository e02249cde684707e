"""One way to protect a mart: its declared columns, a state, and nothing that no function was written for."""

import pyarrow as pa
import pytest

from outcomes.disclosure.protect import Context, ReleaseFacts, protect
from outcomes.sql.catalog.marts import STATE, protected_marts
from tests.support import marts

CONTEXT = Context(ReleaseFacts("r", "2026-01", 11, "1", is_synthetic=True), {"north": "North General"})


def test_every_protected_mart_ends_with_the_same_state() -> None:
    assert {mart.columns[-1] for mart in protected_marts()} == {STATE}


def test_a_mart_without_a_function_is_not_shown() -> None:
    with pytest.raises(KeyError, match="episodes"):
        protect("episodes", pa.table({"patient_id": ["a"]}), CONTEXT)


def test_columns_that_are_not_declared_are_left_out() -> None:
    exact = pa.table({"site_id": ["north", "south"], "patient_id": ["a", "b"]})
    assert protect("sites", exact, CONTEXT).to_pylist() == [
        {"site_id": "north", "name": "North General", "state": "shown"},
        {"site_id": "south", "name": "south", "state": "shown"},
    ]


@pytest.mark.parametrize(("patients", "shown"), [(10, None), (11, 10), (25, 30)])
def test_patients_of_a_release_are_rounded_or_hidden(patients: int, shown: int | None) -> None:
    (row,) = protect("release_info", pa.table({"site_count": [2], "patient_count": [patients]}), CONTEXT).to_pylist()
    assert list(row) == marts.names(marts.protected("release_info"))
    state = "shown" if shown else "suppressed"
    assert (row["patient_count_rounded"], row["site_count"], row["state"]) == (shown, 2, state)
