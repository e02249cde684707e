"""Submissions, failed rules, blanked cells and attrition in the form that may be shown.

A few rows can mean no more than a few patients, so the same threshold holds for them. What is shown is coarse: exact
numbers of rows would tell how many rows broke two rules at once, how many a later release judges otherwise, and, as a
patient is a row of one table, how many patients of a site did not enter the cohort, whose size other tables show.
"""

import numpy as np
import pyarrow as pa

from outcomes.arrays import Counts, Mask
from outcomes.disclosure.suppression import coarse, hide, hide_parts, hide_steps, is_small, rounded, with_state

_PARTS = ("rows_accepted", "rows_quarantined", "rows_pending")
"""What the rows of a submission become."""


def protected_submissions(submissions: pa.Table, failures: pa.Table, minimum_cell_count: int) -> pa.Table:
    """Hide small counts of submissions, and quarantined or pending rows that their rule failures would tell.

    The critical failures of an attempt (the relation `rule_failures`, exact) add up to its quarantined rows, or more,
    where a row breaks several rules; so do the waiting ones and its pending rows. What is shown is coarse, and the rows
    of a submission are the sum of what is shown of them.
    """
    rows_in, *parts = (submissions[name].to_numpy() for name in ("rows_in", *_PARTS))
    _, attempts_at_risk = _hide_failures(failures, minimum_cell_count)
    at_risk = np.array([attempt in attempts_at_risk for attempt in _attempts(submissions)], dtype=bool)
    tiny = is_small(rows_in, minimum_cell_count)
    hidden = tiny | at_risk | np.any([is_small(part, minimum_cell_count) for part in parts], axis=0)
    submissions = submissions.append_column("is_conserved", pa.array(rows_in == np.sum(parts, axis=0)))
    parts = [coarse(part, minimum_cell_count) for part in parts]
    total = np.where(hidden, coarse(rows_in, minimum_cell_count), np.sum(parts, axis=0))
    for name, shown in zip(("rows_in", *_PARTS), (total, *parts), strict=True):
        submissions = _with_counts(submissions, name, shown)
    return with_state(hide(hide(submissions, ["rows_in"], tiny), [*_PARTS], hidden), hidden)


def protected_failures(failures: pa.Table, minimum_cell_count: int) -> pa.Table:
    """Hide small counts of failed rules, and enough others that the quarantined rows do not tell them."""
    hidden, _ = _hide_failures(failures, minimum_cell_count)
    checked = _rows_of_table(failures["rows_checked"].to_numpy(), minimum_cell_count)
    failed = np.minimum(coarse(failures["rows_failed"].to_numpy(), minimum_cell_count), checked)
    shown = _with_counts(_with_counts(failures, "rows_failed", failed), "rows_checked", checked)
    return with_state(hide(shown, ["rows_checked", "rows_failed"], hidden), hidden)


def protected_blanked(blanked: pa.Table, failures: pa.Table, minimum_cell_count: int) -> pa.Table:
    """Hide small counts of blanked cells, and what the rows that broke the rule would tell of them.

    The rows that broke a rule (the relation `rule_failures`, exact) less the cells that it cost are rows in quarantine,
    or cells of another column: where that is small, or the rows are hidden, all columns of the rule are hidden.
    """
    failures_hidden, _ = _hide_failures(failures, minimum_cell_count)
    failed = dict(zip(_rules(failures), failures["rows_failed"].to_pylist(), strict=True))
    at_risk = {rule for rule, is_hidden in zip(_rules(failures), failures_hidden, strict=True) if is_hidden}
    cells, rows_in = blanked["cells"].to_numpy(), blanked["rows_in"].to_numpy()
    rules = np.array(_rules(blanked), dtype=str)
    hidden = np.zeros(len(rules), dtype=bool)
    for rule in np.unique(rules):
        of_rule = rules == rule
        lost = cells[of_rule]
        counts = np.concatenate([lost, rows_in[of_rule], rows_in[of_rule] - lost, abs(failed[rule] - lost)])
        counts = np.append(counts, abs(failed[rule] - lost.sum()))
        hidden[of_rule] = rule in at_risk or is_small(counts, minimum_cell_count).any()
    rows_in = _rows_of_table(rows_in, minimum_cell_count)
    blanked = _with_counts(blanked, "rows_in", rows_in)
    blanked = _with_counts(blanked, "cells", np.minimum(coarse(cells, minimum_cell_count), rows_in))
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


def _hide_failures(failures: pa.Table, minimum_cell_count: int) -> tuple[Mask, set[str]]:
    """Which failures to hide, and the attempts of which no number of hidden failures is enough."""
    failed, checked = failures["rows_failed"].to_numpy(), failures["rows_checked"].to_numpy()
    hidden = (
        is_small(failed, minimum_cell_count)
        | is_small(checked, minimum_cell_count)
        | is_small(checked - failed, minimum_cell_count)
    )
    severities = np.array(failures["severity"].to_pylist(), dtype=str)
    attempts = np.array(_attempts(failures), dtype=str)
    at_risk = set()
    for of_severity in (severities == "critical", severities == "waiting"):
        for attempt in np.unique(attempts[of_severity & hidden]):
            rows = of_severity & (attempts == attempt)
            to_hide = hide_parts(failed[rows], minimum_cell_count)
            if to_hide is None:
                at_risk.add(str(attempt))
            hidden[rows] |= True if to_hide is None else to_hide
    return hidden, at_risk


def _rows_of_table(rows: Counts, minimum_cell_count: int) -> Counts:
    """The rows of a table, twice as coarse: even less another count known to the patient they leave enough open."""
    return rounded(rows, minimum_cell_count, 2 * (minimum_cell_count - 1))


def _with_counts(table: pa.Table, name: str, counts: Counts) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(counts, pa.int64()))


def _attempts(table: pa.Table) -> list[str]:
    return _joined(table, "site_id", "submission_period", "attempt")


def _rules(table: pa.Table) -> list[str]:
    return _joined(table, "site_id", "submission_period", "attempt", "source_table", "rule")


def _joined(table: pa.Table, *names: str) -> list[str]:
    columns = (table[name].to_pylist() for name in names)
    return ["/".join(map(str, row)) for row in zip(*columns, strict=True)]
