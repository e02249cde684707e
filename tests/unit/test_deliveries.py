"""Submissions, failed rules and attrition in the form that may be shown."""

import pyarrow as pa
import pytest

from outcomes.disclosure.deliveries import (
    Before,
    protected_attrition,
    protected_blanked,
    protected_failures,
    protected_submissions,
)
from tests.support import marts

MINIMUM = 11


def test_few_quarantined_rows_are_hidden_with_the_accepted_ones() -> None:
    submissions, failures = _deliveries((1000, 3), {"A": ("critical", 3)})
    assert submissions == [(1000, None, None, None, "suppressed")]
    assert failures == [("A", None, None, "suppressed")]


def test_failures_that_add_up_to_the_quarantined_rows_are_hidden_with_others() -> None:
    submissions, failures = _deliveries(
        (1000, 63), {"A": ("critical", 3), "B": ("critical", 20), "C": ("critical", 40), "D": ("warning", 12)}
    )
    assert submissions == [(1000, 937, 63, 0, "shown")]
    assert [(rule, failed) for rule, _, failed, _ in failures] == [("A", None), ("B", None), ("C", 40), ("D", 12)]


def test_where_failures_have_no_others_the_quarantined_rows_are_hidden() -> None:
    submissions, _ = _deliveries((1000, 11), {"A": ("critical", 5), "B": ("critical", 6)})
    assert submissions == [(1000, None, None, None, "suppressed")]


def test_few_pending_rows_are_hidden_and_so_is_what_would_tell_them() -> None:
    few, _ = _deliveries((1000, 20, 3), {"A": ("critical", 20), "B": ("waiting", 3)})
    assert few == [(1000, None, None, None, "suppressed")]
    submissions, failures = _deliveries(
        (1000, 20, 63), {"A": ("critical", 20), "B": ("waiting", 3), "C": ("waiting", 20), "D": ("waiting", 40)}
    )
    assert submissions == [(1000, 917, 20, 63, "shown")]
    assert [(rule, failed) for rule, _, failed, _ in failures] == [("A", 20), ("B", None), ("C", None), ("D", 40)]


def test_a_tiny_delivery_is_hidden_whole() -> None:
    submissions, _ = _deliveries((8, 0), {})
    assert submissions == [(None, None, None, None, "suppressed")]


def test_attrition_hides_a_small_loss_and_is_coarse() -> None:
    sites = {"site_id": list("abab") * 2, "step": [2, 2, 1, 1, 3, 3, 4, 4], "reason": list("yyxxzzww")}
    table = pa.table(sites | {"patients_left": [152, 148, 152, 151, 0, 283, 283, 0]})
    shown = protected_attrition(table, MINIMUM)
    assert shown["step"].to_pylist() == [1, 2, 3, 4]
    assert shown["patients_left"].to_pylist() == [300, None, 280, 280]


@pytest.mark.parametrize(
    ("rows_failed", "cells", "shown"),
    [
        (20, [20], [20]),
        (40, [20], [20]),
        (3, [3], [None]),
        (25, [20], [None]),  # five rows in quarantine
        (30, [15, 15], [15, 15]),
        (30, [20, 7], [None, None]),  # the other column would tell
        (33, [20, 16], [None, None]),  # three rows lost both
        (995, [995], [None]),  # five rows kept the cell
    ],
)
def test_blanked_cells_are_hidden_where_they_or_the_rest_are_few(
    rows_failed: int, cells: list[int], shown: list[int | None]
) -> None:
    rule = {"site_id": "a", "submission_period": "2026-01", "attempt": 1, "source_table": "patients", "rule": "A"}
    failures = [{**rule, "severity": "warning", "rows_checked": 1000, "rows_failed": rows_failed}]
    blanked = [{**rule, "column_name": f"c{place}", "rows_in": 1000, "cells": lost} for place, lost in enumerate(cells)]
    table = protected_blanked(pa.Table.from_pylist(blanked), pa.Table.from_pylist(failures), MINIMUM)
    assert table["cells"].to_pylist() == shown
    assert table["rows_in"].to_pylist() == [None if one is None else 1000 for one in shown]


def test_rows_that_a_few_less_wait_for_than_in_a_release_before_are_hidden() -> None:
    waiting = {"A": ("critical", 40), "B": ("critical", 20), "C": ("waiting", 63)}
    before = _protected(*_exact((1000, 60, 63), waiting))
    few_less, waiting["C"] = (1000, 60, 58), ("waiting", 58)
    submissions, failures = _deliveries(few_less, waiting, before)
    assert submissions == [(1000, None, None, None, "suppressed")]
    assert [(rule, failed) for rule, _, failed, _ in failures] == [("A", 40), ("B", 20), ("C", None)]
    assert _deliveries((1000, 60, 0), waiting | {"C": ("waiting", 0)}, before)[0] == [(1000, 940, 60, 0, "shown")]


def test_failures_beside_one_that_changed_a_little_are_hidden_as_they_would_tell_it() -> None:
    before = _protected(*_exact((1000, 60), {"A": ("critical", 40), "B": ("critical", 20)}))
    submissions, failures = _deliveries((1000, 80), {"A": ("critical", 40), "B": ("critical", 25)}, before)
    assert submissions == [(1000, None, None, None, "suppressed")]
    assert {failed for _, _, failed, _ in failures} == {None}


def _deliveries(
    rows: tuple[int, ...], failed: dict[str, tuple[str, int]], before: tuple[pa.Table, pa.Table] | None = None
) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    submissions, failures = _protected(*_exact(rows, failed), before)
    counts = ("rows_in", "rows_accepted", "rows_quarantined", "rows_pending", "state")
    return (
        [tuple(row[name] for name in counts) for row in submissions.to_pylist()],
        [(row["rule"], row["rows_checked"], row["rows_failed"], row["state"]) for row in failures.to_pylist()],
    )


def _exact(rows: tuple[int, ...], failed: dict[str, tuple[str, int]]) -> tuple[pa.Table, pa.Table]:
    attempt = {"site_id": "a", "submission_period": "2026-01", "attempt": 1}
    rows_in, quarantined, *waiting = rows
    pending = sum(waiting)
    counts = {"rows_in": rows_in, "rows_accepted": rows_in - quarantined - pending}
    counts |= {"rows_quarantined": quarantined, "rows_pending": pending}
    failures = [
        {**attempt, "rule": rule, "severity": severity, "rows_checked": rows_in, "rows_failed": count}
        for rule, (severity, count) in failed.items()
    ]
    exact = marts.table(marts.exact("validation_results"), failures)
    return pa.Table.from_pylist([attempt | counts]), exact


def _protected(
    submissions: pa.Table, failures: pa.Table, before: tuple[pa.Table, pa.Table] | None = None
) -> tuple[pa.Table, pa.Table]:
    shown = Before([before[0]], [before[1]]) if before else Before()
    return protected_submissions(submissions, failures, MINIMUM, shown), protected_failures(failures, MINIMUM, shown)
