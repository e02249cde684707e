"""Submissions, failed rules and attrition in the form that may be shown."""

import numpy as np
import pyarrow as pa
import pytest

from outcomes.arrays import Counts, Mask
from outcomes.disclosure.deliveries import (
    protected_attrition,
    protected_blanked,
    protected_failures,
    protected_submissions,
)
from outcomes.disclosure.suppression import before_coarse, before_rounding, is_small
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
    assert submissions == [(1000, 940, 60, 0, "shown")]
    assert [(rule, failed) for rule, _, failed, _ in failures] == [("A", None), ("B", None), ("C", 40), ("D", 20)]


def test_where_failures_have_no_others_the_quarantined_rows_are_hidden() -> None:
    submissions, _ = _deliveries((1000, 11), {"A": ("critical", 5), "B": ("critical", 6)})
    assert submissions == [(1000, None, None, None, "suppressed")]


def test_few_pending_rows_are_hidden_and_so_is_what_would_tell_them() -> None:
    few, _ = _deliveries((1000, 20, 3), {"A": ("critical", 20), "B": ("waiting", 3)})
    assert few == [(1000, None, None, None, "suppressed")]
    submissions, failures = _deliveries(
        (1000, 20, 63), {"A": ("critical", 20), "B": ("waiting", 3), "C": ("waiting", 20), "D": ("waiting", 40)}
    )
    assert submissions == [(1000, 920, 20, 60, "shown")]
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
        (30, [15, 15], [20, 20]),
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


def test_rows_in_are_the_sum_of_what_is_shown_and_a_share_is_never_above_one() -> None:
    submissions, failures = _deliveries((1009, 25), {"A": ("critical", 25), "B": ("warning", 1009)})
    assert submissions == [(1010, 980, 30, 0, "shown")]
    assert failures == [("A", 1000, 30, "shown"), ("B", 1000, 1000, "shown")]


def test_a_small_change_of_rows_between_releases_is_not_told() -> None:
    """Waiting rows are judged again in each release: 63 and then 58 are both shown as 60, and 65 as 70."""
    rules = {"A": ("critical", 40)}
    shown = [_deliveries((1000, 40, rows), rules | {"C": ("waiting", rows)})[0][0][3] for rows in (63, 58, 65)]
    assert shown == [60, 60, 70]
    then = np.arange(MINIMUM, 300)
    for change in range(-10, 11):
        now = np.maximum(then + change, MINIMUM)
        assert not _surely_small(_shown(now), _shown(then)).any()


def test_rows_that_broke_two_rules_are_not_told() -> None:
    """Of 40 and 20 rows that broke a rule each, 57 are in quarantine: 3 broke both. All three are told coarse."""
    submissions, failures = _deliveries((1000, 57), {"A": ("critical", 40), "B": ("critical", 20)})
    assert submissions == [(1000, 940, 60, 0, "shown")]
    assert [failed for _, _, failed, _ in failures] == [40, 20]
    rows = np.arange(MINIMUM, 60)
    one, other, both = (each.ravel() for each in np.meshgrid(rows, rows, np.arange(1, MINIMUM)))
    at_most = both <= np.minimum(one, other)
    one, other, both = one[at_most], other[at_most], both[at_most]
    quarantined, shown = _shown(one + other - both), (_shown(one), _shown(other))
    sums = tuple(low + high for low, high in zip(*shown, strict=True))
    assert not _surely_small(sums, quarantined).any()
    for of_rule in shown:  # what broke the other rule alone
        assert not _surely_small(quarantined, of_rule).any()


def test_rows_of_patients_do_not_tell_how_few_did_not_enter_the_cohort() -> None:
    """Other tables tell the cohort of a site to the patient: 300 rows of patients and 294 in the cohort told of 6."""
    _, failures = _deliveries((300, 20), {"A": ("critical", 20)})
    assert failures == [("A", 300, 20, "shown")]
    for lost in range(1, MINIMUM):
        delivered = np.arange(MINIMUM + lost, 500)
        told = _protected(delivered, delivered)["rows_checked"].to_numpy()  # all of them broke the rule
        low, high = before_rounding(told, MINIMUM, 2 * (MINIMUM - 1))
        assert ((low <= delivered) & (delivered <= high)).all()
        cohort = delivered - lost
        assert not _surely_small((low, high), (cohort, cohort)).any()


def _shown(rows: Counts) -> tuple[Counts, Counts]:
    """The least and the greatest number of rows that broke a rule and is shown as these are."""
    return before_coarse(_protected(rows)["rows_failed"].to_numpy(), MINIMUM)


def _protected(failed: Counts, checked: Counts | int = 10_000) -> pa.Table:
    """Failures of as many attempts, each of one rule that only warns."""
    rows = [
        {"site_id": "a", "submission_period": "2026-01", "attempt": at, "rule": "A", "severity": "warning"}
        | {"rows_checked": int(of), "rows_failed": int(count)}
        for at, (count, of) in enumerate(np.broadcast(failed, checked), 1)
    ]
    return protected_failures(marts.table(marts.exact("validation_results"), rows), MINIMUM)


def _surely_small(more: tuple[Counts, ...], less: tuple[Counts, ...]) -> Mask:
    """Where the difference of two counts between bounds can be nothing but small."""
    low, high = more[0] - less[1], more[1] - less[0]
    return (low >= 1) & is_small(high, MINIMUM)


def _deliveries(
    rows: tuple[int, ...], failed: dict[str, tuple[str, int]]
) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    exact, exact_failures = _exact(rows, failed)
    submissions = protected_submissions(exact, exact_failures, MINIMUM)
    failures = protected_failures(exact_failures, MINIMUM)
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
