"""The risk models and their calibration in the form that may be shown."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outcomes.arrays import Ints
from outcomes.disclosure.measures import shown_counts
from outcomes.disclosure.suppression import rounded, with_state
from outcomes.measures.risk_models import calibration_table
from outcomes.sql.catalog.marts import mart_schema

_SHOWN_DIGITS = {
    "ratio": 2,
    "ratio_low": 2,
    "ratio_high": 2,
    "c_statistic": 3,
    "brier": 3,
    "calibration_intercept": 2,
    "calibration_slope": 2,
}


def protected_models(models: pa.Table, shown: pa.Table) -> pa.Table:
    """The models in the form that may be shown.

    Only levels that bear a coefficient are listed, and each of those rests on enough patients of either answer.
    Patients and events are those of the protected measures, `shown`; where those are hidden, so is all of the model,
    its kind too: that no model bears the events would tell how few they are.
    """
    rows = []
    counts = shown_counts(shown)
    for row in models.to_pylist():
        count = counts.get((row["measure"], None))
        if row["term"] != "intercept" and (count is None or row["role"] not in {"estimated", "reference"}):
            continue
        patients, events = count or (None, None)
        figures = {
            name: None if count is None or row[name] is None else round(row[name], digits)
            for name, digits in _SHOWN_DIGITS.items()
        }
        words = {name: row[name] if count else None for name in ("model_kind", "reason")}
        counted = {"patients": patients, "events": events, "state": "shown" if count else "suppressed"}
        rows.append(row | figures | words | counted)
    return pa.Table.from_pylist(rows, schema=mart_schema("risk_models", "protected"))


def protected_calibration(calibration: pa.Table, shown: pa.Table, minimum_cell_count: int) -> pa.Table:
    """Calibration with neighbouring tenths taken together until each has enough patients of either answer.

    Counts are then rounded like those of the protected measures, `shown`, so that their sum does not tell the exact
    size of the cohort.
    """
    counts = shown_counts(shown)
    tables = []
    for measure in dict.fromkeys(calibration["measure"].to_pylist()):
        rows = calibration.filter(pc.equal(calibration["measure"], measure))
        last, patients, observed, expected = (
            rows[name].to_numpy() for name in ("last_tenth", "patients", "observed", "expected")
        )
        ends = _ends_of_groups(observed, patients - observed, minimum_cell_count)
        if (measure, None) not in counts or not len(ends):
            tables.append(_hidden_calibration(measure))
            continue
        starts = np.concatenate([[0], ends[:-1]])
        patients, observed, expected = (np.add.reduceat(part, starts) for part in (patients, observed, expected))
        expected_share = expected / patients
        observed, others = rounded(observed, minimum_cell_count), rounded(patients - observed, minimum_cell_count)
        patients = observed + others
        expected = np.round(expected_share * patients, 1)
        table = calibration_table(measure, last[ends - 1], patients, observed, expected)
        tables.append(with_state(table, np.zeros(len(ends), dtype=bool)))
    return pa.concat_tables(tables) if tables else _hidden_calibration("").slice(1)


def _hidden_calibration(measure: str) -> pa.Table:
    row = {"measure": measure, "first_tenth": 1, "last_tenth": 10, "state": "suppressed"}
    return pa.Table.from_pylist([row], schema=mart_schema("risk_calibration", "protected"))


def _ends_of_groups(with_outcome: Ints, without: Ints, minimum_cell_count: int) -> Ints:
    """Where groups of neighbours end, so that each has enough of either; what is left over joins the last.

    Where all have the same answer they are one group.
    """
    if not min(with_outcome.sum(), without.sum()):
        return np.array([len(with_outcome)], dtype=np.int64)
    ends: list[int] = []
    start = 0
    for end in range(1, len(with_outcome) + 1):
        if min(with_outcome[start:end].sum(), without[start:end].sum()) >= minimum_cell_count:
            ends.append(end)
            start = end
    if ends:
        ends[-1] = len(with_outcome)
    return np.array(ends, dtype=np.int64)
