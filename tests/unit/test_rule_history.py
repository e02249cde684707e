"""What became of each rule from one submission of a site to the next."""

from typing import Any

import duckdb
import pytest

from outcomes.sql.files import SqlFile
from outcomes.sql.shipped import shipped
from tests.support import marts

Attempt = tuple[str, int, str, dict[str, tuple[int, int]]]
"""Month, attempt, status, and of each rule the rows checked and failed."""

BEFORE: Attempt = ("2026-01", 1, "accepted", {"A": (10, 2), "B": (10, 3), "C": (10, 0), "D": (10, 4)})
NOW: Attempt = ("2026-02", 1, "accepted", {"A": (10, 5), "B": (10, 0), "C": (10, 1), "D": (0, 0)})
CHANGED = {"A": ("persisting", 5, 2), "B": ("resolved", 0, 3), "C": ("new", 1, 0), "D": ("untested", 0, 4)}


def history(*attempts: Attempt) -> dict[str, tuple[Any, ...]]:
    """Of each rule what became of it, with the rows that broke it now and before."""
    with duckdb.connect() as con:
        con.execute("create table attempts (site_id text, submission_period text, attempt bigint, status text)")
        con.execute(
            "create table validation_results (site_id text, submission_period text, attempt bigint, source_table text, "
            "rule text, severity text, reason text, rows_checked bigint, rows_failed bigint)"
        )
        for period, attempt, status, found in attempts:
            con.execute("insert into attempts values ('north', ?, ?, ?)", [period, attempt, status])
            for rule, counts in found.items():
                con.execute(
                    "insert into validation_results values ('north', ?, ?, 'imaging', ?, 'warning', 'wrong', ?, ?)",
                    [period, attempt, rule, *counts],
                )
        file = SqlFile(shipped("sql", "relations", "measures", "rule_history.sql"))
        rows = con.execute(
            f"select rule, history, rows_failed, rows_failed_before from ({file.select}) order by rule"
        ).fetchall()
    return {rule: tuple(rest) for rule, *rest in rows}


def test_rules_are_new_persisting_resolved_or_untested() -> None:
    assert history(BEFORE, NOW) == CHANGED


def test_a_first_submission_has_only_new_ones() -> None:
    assert history(BEFORE) == {"A": ("new", 2, 0), "B": ("new", 3, 0), "D": ("new", 4, 0)}


def test_a_correction_of_the_month_is_held_against_what_it_corrects() -> None:
    corrected = ("2026-01", 2, "accepted", {"A": (10, 0), "B": (10, 3), "C": (10, 0), "D": (10, 0)})
    superseded = (*BEFORE[:2], "superseded", BEFORE[3])
    assert history(superseded, corrected) == {
        "A": ("resolved", 0, 2),
        "B": ("persisting", 3, 3),
        "D": ("resolved", 0, 4),
    }


@pytest.mark.parametrize("refused", [("2026-01", 2, "refused", {"C": (10, 9)}), ("2026-03", 1, "withdrawn", {})])
def test_refused_and_withdrawn_submissions_are_left_out(refused: Attempt) -> None:
    assert history(BEFORE, refused, NOW) == CHANGED


def test_a_table_that_was_not_delivered_leaves_its_rules_untested() -> None:
    assert history(BEFORE, (*NOW[:3], {})) == {
        "A": ("untested", 0, 2),
        "B": ("untested", 0, 3),
        "D": ("untested", 0, 4),
    }


def test_what_everybody_sees_says_nothing_of_rows() -> None:
    assert [name for name in marts.names(marts.protected("rule_history")) if name.startswith("rows")] == []
