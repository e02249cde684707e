"""Great Expectations, asked for its metrics directly."""

import gc
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from outcomes.arrays import Ids
from outcomes.contract import TABLES
from outcomes.errors import OutcomesError
from outcomes.intake.rules import Expectation, columns_of, rule_of, suite

if TYPE_CHECKING:
    import pandas as pd


class Expectations:
    """Great Expectations, imported when first needed (it costs seconds) and kept quiet.

    It writes cells into its results, log lines and errors, so only row numbers leave this class. Its validator would
    make each expectation, and the graph of the metrics that it asks for, anew for every table of every submission,
    which costs ten times what their evaluation does; here they are made once in a process. For each metric it would
    also filter all columns of all rows; here it sees each distinct value of one column once, since that is all on
    which an expectation of the suites hangs.
    """

    def __init__(self) -> None:
        _import_once()
        from great_expectations.execution_engine import PandasExecutionEngine  # noqa: PLC0415 - see the class

        self._engine = PandasExecutionEngine()

    def broken_rows(self, table: str, rows: pa.Table, expectations: Sequence[Expectation]) -> dict[str, Ids]:
        """For each of the expectations the rows that break it, by their places in order (0 = the first).

        Each one costs about 1 ms however few the rows, and sites leave whole instruments empty: give those alone that
        apply to some row.

        Raises:
            OutcomesError: rule_not_evaluated.
        """
        looked_at = {code: rule_of(one).columns for one in expectations for code in [one["meta"]["code"]]}
        distinct = {columns: _distinct(rows, columns) for columns in set(looked_at.values())}
        for columns, values in distinct.items():
            self._engine.load_batch_data(_batch(columns), values.frame)
        counts = self._values(table, "unexpected_count", expectations)
        broken = [one for one in expectations if counts[one["meta"]["code"]]]
        found = self._values(table, "unexpected_index_list", broken)
        return {code: distinct[looked_at[code]].rows_of(found.get(code, ())) for code in counts}

    def _values(self, table: str, metric: str, expectations: Sequence[Expectation]) -> dict[str, Any]:
        """What a metric of each expectation is, by the expectation's code."""
        from great_expectations.validator.metrics_calculator import MetricsCalculator  # noqa: PLC0415 - see the class
        from great_expectations.validator.validation_graph import ValidationGraph  # noqa: PLC0415

        asked = {one["meta"]["code"]: _metric(one["type"], json.dumps(one["kwargs"]), metric) for one in expectations}
        graph = ValidationGraph(self._engine, [edge for one in asked.values() for edge in one.edges])
        calculator = MetricsCalculator(self._engine, show_progress_bars=False)
        values, _ = calculator.resolve_validation_graph(graph, dict(_COMPLETE))
        for code, one in asked.items():
            if one.id not in values:
                # The exception that GX keeps may quote a cell.
                raise OutcomesError("rule_not_evaluated", f"{table}: {code}")
        return {code: values[one.id] for code, one in asked.items()}


def make_ahead() -> None:
    """Make what each process makes once, for all processes that are forked from this one."""
    _import_once()
    for name in TABLES:
        for one, metric in product(suite(name)["expectations"], ("unexpected_count", "unexpected_index_list")):
            _metric(one["type"], json.dumps(one["kwargs"]), metric)


@cache
def _import_once() -> None:
    import great_expectations  # noqa: F401, PLC0415 - see `Expectations`

    # Some of its modules set their own level when they are imported.
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("great_expectations")]:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # What it leaves behind stays: a seventh of a small submission's time went into looking for waste among it.
    gc.collect()
    gc.freeze()


_COMPLETE = {"result_format": {"result_format": "COMPLETE", "return_unexpected_index_query": False}}


@dataclass(frozen=True)
class _Distinct:
    """What expectations on some columns hang on, each value once.

    Attributes:
        frame: the values; its unnamed index counts them.
        places: of each row, which of them it has.
    """

    frame: "pd.DataFrame"
    places: Ids

    def rows_of(self, values: Sequence[int]) -> Ids:
        """The rows that have one of these values."""
        is_found = np.zeros(len(self.frame), dtype=bool)
        is_found[list(values)] = True
        return np.flatnonzero(is_found[self.places])


def _distinct(rows: pa.Table, columns: Sequence[str]) -> _Distinct:
    """The values of one column; of two each row's pair, since such expectations are few."""
    rows = rows.select([name for name in columns if name in rows.column_names])
    if rows.num_columns != 1:
        return _Distinct(_frame(rows), np.arange(len(rows)))
    encoded = rows.column(0).combine_chunks().dictionary_encode(null_encoding="encode")
    return _Distinct(_frame(pa.table([encoded.dictionary], rows.column_names)), encoded.indices.to_numpy())


def _frame(rows: pa.Table) -> "pd.DataFrame":
    # Great Expectations compares whole columns of 64 bits, and narrower numbers one by one.
    wide = [field.with_type(pa.int64()) if pa.types.is_integer(field.type) else field for field in rows.schema]
    frame: pd.DataFrame = rows.cast(pa.schema(wide)).to_pandas()
    return frame


def _batch(columns: Sequence[str]) -> str:
    return " ".join(columns)


@dataclass(frozen=True)
class _Metric:
    """A metric of an expectation: its id, and the edges of the graph of the metrics on which it rests."""

    id: tuple[str, str, str]
    edges: list[Any]


@cache
def _metric(expectation_type: str, kwargs: str, metric: str) -> _Metric:
    from great_expectations.execution_engine import PandasExecutionEngine  # noqa: PLC0415 - see `Expectations`
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration  # noqa: PLC0415
    from great_expectations.validator.metrics_calculator import MetricsCalculator  # noqa: PLC0415

    asked = json.loads(kwargs)
    asked["batch_id"] = _batch(columns_of(asked))
    expectation = ExpectationConfiguration(type=expectation_type, kwargs=asked).to_domain_obj()
    engine = PandasExecutionEngine()
    metrics = expectation.get_validation_dependencies(engine, dict(_COMPLETE)).metric_configurations
    found = metrics[f"{expectation.map_metric}.{metric}"]
    graph = MetricsCalculator(engine).build_metric_dependency_graph([found], dict(_COMPLETE))
    return _Metric(found.id, graph.edges)
