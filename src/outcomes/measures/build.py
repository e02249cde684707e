"""From labels to measures: counts, curves, risk models, comparisons and charts, each as a relation for its mart."""

from collections.abc import Callable, Collection
from pathlib import Path

import duckdb
import pyarrow as pa

from outcomes.labelling.build import Progress
from outcomes.measures.inputs import make_inputs
from outcomes.periods import add_months
from outcomes.sql.catalog.measures import measure_definitions
from outcomes.statistics.control_charts import control_chart_table, load_annotations, load_targets
from outcomes.statistics.cusum import cusum_table
from outcomes.statistics.funnel import comparison_table
from outcomes.statistics.intervals import with_intervals
from outcomes.statistics.risk_models import fit_risk_models
from outcomes.statistics.survival import cumulative_incidence_table

_RISKS_IN_TIME = """
select
    expected_outcomes.measure,
    expected_outcomes.site_id,
    episodes.index_period,
    expected_outcomes.patient_id,
    expected_outcomes.expected,
    expected_outcomes.observed
from expected_outcomes
inner join episodes
    on
        expected_outcomes.site_id = episodes.site_id
        and expected_outcomes.patient_id = episodes.patient_id
left join young_months
    on expected_outcomes.measure = young_months.measure
where coalesce(rpad(episodes.index_period, 7, '-12') < young_months.period, true)
"""
"""Of patients whose month of fusion is judged; who only has a year is taken to be of its last month."""


def run_measures(
    con: duckdb.DuckDBPyConnection,
    annotations_file: Path,
    targets_file: Path,
    small_cell: int,
    on_progress: Progress | None = None,
) -> None:
    """Make every relation that the marts of measures select from.

    Leaves those of `make_inputs`, and `measure_estimates`, `curves`, `risk_models`, `risk_calibration`,
    `expected_outcomes`, `site_comparison`, `control_chart_points` and `cusum_points`.

    Args:
        con: a connection that holds the lake and the relations of the labelling step.
        annotations_file: the installation's annotations of control charts; it need not exist.
        targets_file: the installation's targets of measures; it need not exist.
        small_cell: fewer patients than this are no level of a risk model's factor.
        on_progress: told about each step.

    Raises:
        OutcomesError: annotations_malformed, targets_malformed.
    """
    measures = measure_definitions()
    annotations = load_annotations(annotations_file, [measure.id for measure in measures], _sites(con))
    targets = load_targets(targets_file, {measure.id: measure.unit for measure in measures})
    directions = {measure.id: measure.direction for measure in measures}
    too_young = _not_judged_from(con)
    names = {"measure": list(too_young), "period": list(too_young.values())}
    _register(con, young_months=pa.table(names, schema=pa.schema(dict.fromkeys(names, pa.string()))))

    def counts() -> pa.Table:
        return con.sql("from measure_counts").to_arrow_table()

    steps: dict[str, Callable[[], None]] = {
        "measures": lambda: make_inputs(con),
        "intervals": lambda: _register(con, measure_estimates=with_intervals(counts())),
        "control charts": lambda: _register(
            con, control_chart_points=control_chart_table(counts(), directions, annotations, targets, too_young)
        ),
        "cumulative incidence": lambda: _register(con, curves=cumulative_incidence_table(con)),
        "risk models": lambda: _register_risks(con, small_cell),
        "cumulative sums": lambda: _register(con, cusum_points=cusum_table(con.sql(_RISKS_IN_TIME).to_arrow_table())),
    }
    for done, (name, make) in enumerate(steps.items()):
        if on_progress:
            on_progress(name, done, len(steps))
        make()


def _not_judged_from(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Of each measure that waits before it judges a month of fusion, the first month (YYYY-MM) that is too young."""
    ((latest,),) = con.execute("select max(period) from submissions where status = 'accepted'").fetchall()
    if latest is None:
        return {}
    waiting = {measure.id: measure.judged_after_months for measure in measure_definitions()}
    return {measure: add_months(latest, 1 - months) for measure, months in waiting.items() if months}


def _register_risks(con: duckdb.DuckDBPyConnection, small_cell: int) -> None:
    risk = fit_risk_models(con, small_cell)
    _register(con, risk_models=risk.models, risk_calibration=risk.calibration, expected_outcomes=risk.expected)
    _register(con, site_comparison=comparison_table(con, risk.expected))


def _register(con: duckdb.DuckDBPyConnection, **tables: pa.Table) -> None:
    for name, table in tables.items():
        con.register(name, table)


def _sites(con: duckdb.DuckDBPyConnection) -> Collection[str]:
    return [site for (site,) in con.execute("select distinct site_id from submissions").fetchall()]
