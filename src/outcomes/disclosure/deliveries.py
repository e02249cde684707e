"""Submissions, failed rules, blanked cells and attrition in the form that may be shown.

Counts of rows are exact where they are shown; a few rows can mean no more than a few patients, so the same threshold
holds. Counts of patients are coarse. What is pending is judged again: so no number is shown either that differs by a
few from what a release before has shown of the same attempt.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from outcomes.arrays import Mask
from outcomes.disclosure.suppression import coarse, hide, hide_parts, hide_steps, is_small, with_state


@dataclass(frozen=True)
class Before:
    """What releases before have shown: their protected submissions, failures and blanked cells."""

    submissions: Sequence[pa.Table] = ()
    failures: Sequence[pa.Table] = ()
    blanked: Sequence[pa.Table] = ()


NOTHING_BEFORE = Before()

_PARTS = ("rows_accepted", "rows_quarantined", "rows_pending")
"""What the rows of a submission become."""


def protected_submissions(
    submissions: pa.Table, failures: pa.Table, minimum_cell_count: int, before: Before = NOTHING_BEFORE
) -> pa.Table:
    """Hide small counts of submissions, and quarantined or pending rows that their rule failures would tell.

    The critical failures of an attempt (the relation `rule_failures`, exact) add up to its quarantined rows, or more,
    where a row breaks several rules; so do the waiting ones and its pending rows. `before` are the protected
    submissions and failures of the releases before.
    """
    rows_in, *parts = (submissions[name].to_numpy() for name in ("rows_in", *_PARTS))
    _, attempts_at_risk = _hide_failures(failures, minimum_cell_count, before.failures)
    at_risk = np.array([attempt in attempts_at_risk for attempt in _attempts(submissions)], dtype=bool)
    tiny = is_small(rows_in, minimum_cell_count)
    hidden = tiny | at_risk | np.any([is_small(part, minimum_cell_count) for part in parts], axis=0)
    hidden |= _changed_a_little(submissions, before.submissions, _attempts, _PARTS, minimum_cell_count)
    submissions = submissions.append_column("is_conserved", pa.array(rows_in == np.sum(parts, axis=0)))
    return with_state(hide(hide(submissions, ["rows_in"], tiny), [*_PARTS], hidden), hidden)


def protected_failures(failures: pa.Table, minimum_cell_count: int, before: Before = NOTHING_BEFORE) -> pa.Table:
    """Hide small counts of failed rules, and enough others that the quarantined rows do not tell them."""
    hidden, _ = _hide_failures(failures, minimum_cell_count, before.failures)
    return with_state(hide(failures, ["rows_checked", "rows_failed"], hidden), hidden)


def protected_blanked(
    blanked: pa.Table, failures: pa.Table, minimum_cell_count: int, before: Before = NOTHING_BEFORE
) -> pa.Table:
    """Hide small counts of blanked cells, and what the rows that broke the rule would tell of them.

    The rows that broke a rule (the relation `rule_failures`, exact) less the cells that it cost are rows in quarantine,
    or cells of another column: where that is small, or the rows are hidden, all columns of the rule are hidden.
    """
    failures_hidden, _ = _hide_failures(failures, minimum_cell_count, before.failures)
    changed = _changed_a_little(blanked, before.blanked, _columns, ("rows_in", "cells"), minimum_cell_count)
    at_risk_of_change = {rule for rule, is_changed in zip(_rules(blanked), changed, strict=True) if is_changed}
    failed = dict(zip(_rules(failures), failures["rows_failed"].to_pylist(), strict=True))
    at_risk = {rule for rule, is_hidden in zip(_rules(failures), failures_hidden, strict=True) if is_hidden}
    at_risk |= at_risk_of_change
    cells, rows_in = blanked["cells"].to_numpy(), blanked["rows_in"].to_numpy()
    rules = np.array(_rules(blanked), dtype=str)
    hidden = np.zeros(len(rules), dtype=bool)
    for rule in np.unique(rules):
        of_rule = rules == rule
        lost = cells[of_rule]
        counts = np.concatenate([lost, rows_in[of_rule], rows_in[of_rule] - lost, abs(failed[rule] - lost)])
        counts = np.append(counts, abs(failed[rule] - lost.sum()))
        hidden[of_rule] = rule in at_risk or is_small(counts, minimum_cell_count).any()
    return with_state(hide(blanked, ["rows_in", "cells"], hidden), hidden)


def protected_attrition(attrition: pa.Table, minimum_cell_count: int) -> pa.Table:
    """The steps over all sites, coarse, and hidden where between them only a few patients were lost.

    Exact steps would tell of the few who joined the cohort between two releases.
    """
    attrition = attrition.group_by(["step", "reason"]).aggregate([("patients_left", "sum")]).sort_by("step")
    attrition = attrition.rename_columns({"patients_left_sum": "patients_left"})
    left = attrition["patients_left"].to_numpy()
    shown = pa.array(coarse(left, minimum_cell_count))
    attrition = attrition.set_column(attrition.schema.get_field_index("patients_left"), "patients_left", shown)
    hidden = hide_steps(left, minimum_cell_count)
    return with_state(hide(attrition, ["patients_left"], hidden), hidden, zero=left == 0)


def _hide_failures(failures: pa.Table, minimum_cell_count: int, before: Sequence[pa.Table]) -> tuple[Mask, set[str]]:
    """Which failures to hide, and the attempts of which no number of hidden failures is enough.

    Of an attempt in which a number changed a little none is: the others would tell it.
    """
    failed, checked = failures["rows_failed"].to_numpy(), failures["rows_checked"].to_numpy()
    hidden = (
        is_small(failed, minimum_cell_count)
        | is_small(checked, minimum_cell_count)
        | is_small(checked - failed, minimum_cell_count)
    )
    severities = np.array(failures["severity"].to_pylist(), dtype=str)
    attempts = np.array(_attempts(failures), dtype=str)
    changed = _changed_a_little(failures, before, _rules, ("rows_checked", "rows_failed"), minimum_cell_count)
    hidden |= changed
    at_risk = set()
    for of_severity in (severities == "critical", severities == "waiting"):
        for attempt in np.unique(attempts[of_severity & hidden]):
            rows = of_severity & (attempts == attempt)
            to_hide = None if changed[rows].any() else hide_parts(failed[rows], minimum_cell_count)
            if to_hide is None:
                at_risk.add(str(attempt))
            hidden[rows] |= True if to_hide is None else to_hide
    return hidden, at_risk


def _changed_a_little(
    now: pa.Table,
    before: Sequence[pa.Table],
    name_of: Callable[[pa.Table], list[str]],
    columns: Sequence[str],
    minimum_cell_count: int,
) -> Mask:
    """The rows of which a number differs by a small count from what a release before has shown of the same."""
    names = name_of(now)
    changed = np.zeros(len(names), dtype=bool)
    for table in before:
        place = {name: at for at, name in enumerate(name_of(table))}
        there = np.array([name in place for name in names], dtype=bool)
        at = [place[name] for name in names if name in place]
        for column in columns:
            shown = table[column].to_pylist()
            then = np.array([np.nan if shown[row] is None else shown[row] for row in at], dtype=float)
            changed[there] |= is_small(abs(now[column].to_numpy()[there] - then), minimum_cell_count)
    return changed


def _columns(table: pa.Table) -> list[str]:
    return _joined(table, "site_id", "submission_period", "attempt", "source_table", "rule", "column_name")


def _attempts(table: pa.Table) -> list[str]:
    return _joined(table, "site_id", "submission_period", "attempt")


def _rules(table: pa.Table) -> list[str]:
    return _joined(table, "site_id", "submission_period", "attempt", "source_table", "rule")


def _joined(table: pa.Table, *names: str) -> list[str]:
    columns = (table[name].to_pylist() for name in names)
    return ["/".join(map(str, row)) for row in zip(*columns, strict=True)]
