"""Great Expectations, asked for its metrics directly."""

import gc
import json
import logging
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from outcomes.errors import OutcomesError
from outcomes.intake.rules import Expectation

if TYPE_CHECKING:
    import pandas as pd


class Expectations:
    """Great Expectations, imported when first needed (it costs seconds) and kept quiet.

    It writes cells into its results, log lines and errors, so only row numbers leave this class. Its validator would
    make each expectation, and the graph of the metrics that it asks for, anew for every table of every submission,
    which costs ten times what their evaluation does; here they are made once in a process.
    """

    def __init__(self) -> None:
        _import_once()
        from great_expectations.execution_engine import PandasExecutionEngine  # noqa: PLC0415 - see the class

        self._engine = PandasExecutionEngine()

    def broken_rows(self, table: str, frame: "pd.DataFrame", expectations: list[Expectation]) -> dict[str, list[int]]:
        """For each of the expectations the row numbers that break it, in order.

        Each one costs about 1 ms however few the rows, and sites leave whole instruments empty: give those alone that
        apply to some row.

        Raises:
            OutcomesError: rule_not_evaluated.
        """
        self._engine.load_batch_data(_BATCH, frame)
        counts = self._values(table, "unexpected_count", expectations)
        broken = [one for one in expectations if counts[one["meta"]["code"]]]
        rows = self._values(table, "unexpected_index_list", broken)
        return {code: sorted(int(row) for row in rows.get(code, ())) for code in counts}

    def _values(self, table: str, metric: str, expectations: list[Expectation]) -> dict[str, Any]:
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


@cache
def _import_once() -> None:
    import great_expectations  # noqa: F401, PLC0415 - see `Expectations`

    # Some of its modules set their own level when they are imported.
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("great_expectations")]:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # What it leaves behind stays: a seventh of a small submission's time went into looking for waste among it.
    gc.collect()
    gc.freeze()


_BATCH = "rows"
_COMPLETE = {"result_format": {"result_format": "COMPLETE", "return_unexpected_index_query": False}}


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

    asked = json.loads(kwargs) | {"batch_id": _BATCH}
    expectation = ExpectationConfiguration(type=expectation_type, kwargs=asked).to_domain_obj()
    engine = PandasExecutionEngine()
    metrics = expectation.get_validation_dependencies(engine, dict(_COMPLETE)).metric_configurations
    found = metrics[f"{expectation.map_metric}.{metric}"]
    graph = MetricsCalculator(engine).build_metric_dependency_graph([found], dict(_COMPLETE))
    return _Metric(found.id, graph.edges)
