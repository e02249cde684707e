"""The protected tables: what is hidden of shares, kinds, reasons, submissions and failed rules."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from outcomes.measures.deliveries import protected_attrition, protected_deliveries
from outcomes.measures.shares import protected_kinds, protected_reasons, protected_shares, wilson_interval

SMALL_CELL = 11
Counts = tuple[int, int, int]


def shares(all_patients: dict[str, Counts], sites: dict[str, dict[str, Counts]]) -> pa.Table:
    groups = [("all", None, all_patients), *(("site", site, counts) for site, counts in sites.items())]
    rows = [
        {"label": label, "breakdown": breakdown, "site_id": site, "index_year": None, **_answers(counts)}
        for breakdown, site, by_label in groups
        for label, counts in by_label.items()
    ]
    year = [row | {"breakdown": "index_year", "index_year": 2024} for row in rows if row["breakdown"] == "all"]
    return protected_shares(pa.Table.from_pylist([*rows, *year]), SMALL_CELL)


def test_a_share_has_its_wilson_interval() -> None:
    # Newcombe 1998, table I: 81 of 263, Wilson without continuity correction
    low, high = wilson_interval(np.array([81, 0, 5]), np.array([263, 0, 5]))
    assert low[0] == pytest.approx(0.2553, abs=5e-5)
    assert high[0] == pytest.approx(0.3662, abs=5e-5)
    assert np.isnan([low[1], high[1]]).all()
    assert high[2] == 1


def test_a_row_that_is_shown_is_complete() -> None:
    row = _row(shares({"pain": (20, 60, 0)}, {"a": {"pain": (20, 60, 0)}}), "site", "a")
    assert (row["assessed"], row["share"], row["is_suppressed"]) == (80, 0.25, False)
    assert row["share_low"] < 0.25 < row["share_high"]


def test_a_share_of_nobody_is_missing_and_not_hidden() -> None:
    row = _row(shares({"pain": (0, 0, 60)}, {"a": {"pain": (0, 0, 60)}}), "all")
    assert (row["assessed"], row["share"], row["is_suppressed"]) == (0, None, False)


def test_a_hidden_row_is_null_throughout_and_has_company() -> None:
    protected = shares(
        {"pain": (63, 180, 40)},
        {"a": {"pain": (3, 60, 0)}, "b": {"pain": (20, 60, 20)}, "c": {"pain": (40, 60, 20)}, "d": {"pain": (0, 0, 0)}},
    )
    for site in ("a", "b"):
        row = _row(protected, "site", site)
        assert row["is_suppressed"]
        assert {row[name] for name in _NUMBERS} == {None}
    assert _row(protected, "site", "c")["yes"] == 40
    assert _row(protected, "site", "d")["yes"] == 0


def test_the_years_are_hidden_when_they_would_give_back_a_hidden_sum() -> None:
    protected = shares({"pain": (3, 60, 40)}, {"a": {"pain": (3, 30, 20)}, "b": {"pain": (0, 30, 20)}})
    assert _row(protected, "all")["is_suppressed"]
    assert _row(protected, "index_year")["is_suppressed"]
    assert _row(protected, "site", "a")["is_suppressed"]
    assert not _row(protected, "site", "b")["is_suppressed"]


def test_a_difference_between_a_label_and_a_part_of_it_is_a_count_too() -> None:
    sites = {
        "a": {"surgical_asd": (40, 60, 0), "suspected_asd": (45, 55, 0)},
        "b": {"surgical_asd": (30, 70, 0), "suspected_asd": (60, 40, 0)},
        "c": {"surgical_asd": (30, 90, 0), "suspected_asd": (60, 60, 0)},
    }
    protected = shares({"surgical_asd": (100, 220, 0), "suspected_asd": (165, 155, 0)}, sites)
    hidden = {(row["label"], row["site_id"]) for row in protected.to_pylist() if row["is_suppressed"]}
    assert hidden == {("surgical_asd", "a"), ("surgical_asd", "b")}


def test_kinds_are_hidden_with_company() -> None:
    of_all = shares({"revision_performed": (60, 60, 0)}, {})
    kinds = _parts("kind", "revision_performed", {"fusion": 3, "removal": 20, "other": 37})
    shown = protected_kinds(kinds, of_all, SMALL_CELL).to_pylist()
    assert [(row["kind"], row["episodes"], row["is_suppressed"]) for row in shown] == [
        ("fusion", None, True),
        ("removal", None, True),
        ("other", 40, False),
    ]


def test_kinds_and_reasons_of_a_hidden_sum_are_not_listed() -> None:
    of_all = shares({"pain": (5, 60, 40)}, {})
    kinds = protected_kinds(_parts("kind", "pain", {"persistent": 2, "recurrent": 3}), of_all, SMALL_CELL)
    reasons = protected_reasons(_parts("reason", "pain", {"no_follow_up": 20, "other": 20}), of_all, SMALL_CELL)
    assert kinds.to_pylist() == [{"label": "pain", "kind": None, "episodes": None, "is_suppressed": True}]
    assert reasons.to_pylist() == [{"label": "pain", "reason": None, "episodes": None, "is_suppressed": True}]


def test_kinds_that_give_each_other_back_are_hidden_together() -> None:
    counts = (40, 60, 0)
    of_all = shares({"clinical_asd": counts, "suspected_asd": counts, "surgical_asd": (15, 85, 0)}, {})
    kinds = pa.concat_tables(
        [
            _parts("kind", "clinical_asd", {"possible": 12, "probable": 28}),
            _parts("kind", "suspected_asd", {"both": 3, "clinical": 25, "surgical": 12}),
        ]
    )
    assert {row["episodes"] for row in protected_kinds(kinds, of_all, SMALL_CELL).to_pylist()} == {None}


def test_few_quarantined_rows_are_hidden_with_the_accepted_ones() -> None:
    submissions, failures = _deliveries((1000, 3), {"A": ("critical", 3)})
    assert submissions == [(1000, None, None, True)]
    assert failures == [("A", None, None, True)]


def test_failures_that_add_up_to_the_quarantined_rows_are_hidden_with_company() -> None:
    submissions, failures = _deliveries(
        (1000, 63), {"A": ("critical", 3), "B": ("critical", 20), "C": ("critical", 40), "D": ("warning", 12)}
    )
    assert submissions == [(1000, 937, 63, False)]
    assert [(rule, failed) for rule, _, failed, _ in failures] == [("A", None), ("B", None), ("C", 40), ("D", 12)]


def test_where_failures_have_no_company_the_quarantined_rows_are_hidden() -> None:
    submissions, _ = _deliveries((1000, 11), {"A": ("critical", 5), "B": ("critical", 6)})
    assert submissions == [(1000, None, None, True)]


def test_a_tiny_delivery_is_hidden_whole() -> None:
    submissions, _ = _deliveries((8, 0), {})
    assert submissions == [(None, None, None, True)]


def test_attrition_hides_a_small_loss() -> None:
    table = pa.table({"step": [1, 2, 3], "patients_left": [300, 297, 280]})
    assert protected_attrition(table, SMALL_CELL)["patients_left"].to_pylist() == [300, None, 280]


_NUMBERS = ("yes", "no", "not_assessable", "assessed", "share", "share_low", "share_high")


def _answers(counts: Counts) -> dict[str, int]:
    return dict(zip(("yes", "no", "not_assessable"), counts, strict=True))


def _row(protected: pa.Table, breakdown: str, site_id: str | None = None) -> dict[str, Any]:
    (row,) = (row for row in protected.to_pylist() if (row["breakdown"], row["site_id"]) == (breakdown, site_id))
    return dict(row)


def _parts(part: str, label: str, counts: dict[str, int]) -> pa.Table:
    return pa.Table.from_pylist([{"label": label, part: name, "episodes": count} for name, count in counts.items()])


def _deliveries(
    rows: tuple[int, int], failed: dict[str, tuple[str, int]]
) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    attempt = {"site_id": "a", "period": "2026-01", "attempt": 1}
    rows_in, quarantined = rows
    counts = {"rows_in": rows_in, "rows_accepted": rows_in - quarantined, "rows_quarantined": quarantined}
    schema = pa.schema(
        {
            **dict.fromkeys(("site_id", "period"), pa.string()),
            "attempt": pa.int64(),
            **dict.fromkeys(("rule", "severity"), pa.string()),
            **dict.fromkeys(("rows_checked", "rows_failed"), pa.int64()),
        }
    )
    failures = [
        {**attempt, "rule": rule, "severity": severity, "rows_checked": rows_in, "rows_failed": count}
        for rule, (severity, count) in failed.items()
    ]
    submissions, shown = protected_deliveries(
        pa.Table.from_pylist([attempt | counts]), pa.Table.from_pylist(failures, schema=schema), SMALL_CELL
    )
    return (
        [tuple(row.values())[3:] for row in submissions.to_pylist()],
        [(row["rule"], row["rows_checked"], row["rows_failed"], row["is_suppressed"]) for row in shown.to_pylist()],
    )
