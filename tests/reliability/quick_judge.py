"""A stand-in for Great Expectations: the rules that cost a row, worked out by pandas in a fraction of the time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from outcomes.arrays import Ids

if TYPE_CHECKING:
    import pandas as pd


class CriticalRules:
    """Takes the place of `validation.Expectations`; what the other rules say, nobody asks here."""

    def broken_rows(self, table: str, rows: pa.Table, expectations: Sequence[dict[str, Any]]) -> dict[str, Ids]:
        """The rows that break each critical rule."""
        frame = rows.to_pandas()
        critical = [one for one in expectations if one["severity"] == "critical"]
        return {one["meta"]["code"]: _breaking(frame, one) for one in critical}


def _breaking(frame: "pd.DataFrame", expectation: dict[str, Any]) -> Ids:
    asked = expectation["kwargs"]
    cells = frame[asked["column"]]
    match expectation["type"]:
        case "expect_column_values_to_not_be_null":
            is_broken = cells.isna()
        case "expect_column_values_to_be_in_set":
            is_broken = cells.notna() & ~cells.isin(asked["value_set"])
        case "expect_column_values_to_be_between":
            low, high = asked.get("min_value", float("-inf")), asked["max_value"]
            is_broken = cells.notna() & ~cells.astype("float64").between(low, high)
        case other:
            raise AssertionError(other)
    return np.flatnonzero(is_broken.to_numpy(dtype=bool))
