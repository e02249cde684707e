"""From labels to measures: counts, curves, risk models, comparisons and charts, each as a relation for its mart."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from outcomes.labelling.build import Progress
from outcomes.measures.alarms import alarms_table
from outcomes.measures.comparison import comparison_table
from outcomes.measures.control_charts import control_chart_table
from outcomes.measures.curves import cumulative_incidence_table
from outcomes.measures.cusum import cusum_table, monitored_outcomes
from outcomes.measures.estimates import with_intervals
from outcomes.measures.improvement_rates import improvement_rate_table
from outcomes.measures.incidences import incidence_table, with_incidences
from outcomes.measures.inputs import make_inputs
from outcomes.measures.missing_answers import missing_answers_table
from outcomes.measures.risk_models import fit_risk_models
from outcomes.periods import add_months
from outcomes.settings import Settings
from outcomes.site_files import Annotation, Row, Target, read_site_file
from outcomes.sql.catalog.measures import measure_definitions


def run_measures(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    on_progress: Progress | None = None,
) -> None:
    """Make every relation that the marts of measures select from.

    Leaves those of `make_inputs`, and `measure_estimates`, `missing_answers`, `improvement_rates`, `curves`,
    `risk_models`, `risk_calibration`, `expected_outcomes`, `site_comparison`, `control_chart_points`, `cusum_points`
    and `alarms`.

    Args:
        con: a connection that holds the lake and the relations of the labelling step.
        settings: where annotations of control charts and targets of measures are, if there are any; the engine; the
            minimum cell count: fewer patients are no level of a risk model's factor.
        on_progress: told about each step.

    Raises:
        OutcomesError: annotations_malformed, targets_malformed, engine_missing.
    """
    measures = measure_definitions()
    sites = [site for (site,) in con.execute("select distinct site_id from submissions").fetchall()]
    known = {"measures": {measure.id: measure.unit for measure in measures}, "sites": sites}
    annotations = _optional(settings.annotations_file, Annotation, "annotations_malformed", known)
    targets = _optional(settings.targets_file, Target, "targets_malformed", known)
    charted = {measure.id: measure.direction for measure in measures if measure.is_compared}
    immature_from = _immature_from(con)
    names = {"measure": list(immature_from), "first_period": list(immature_from.values())}
    _register(con, immature_months=pa.table(names, schema=pa.schema(dict.fromkeys(names, pa.string()))))

    def risks() -> None:
        risk = fit_risk_models(con, settings.minimum_cell_count)
        _register(con, risk_models=risk.models, risk_calibration=risk.calibration, expected_outcomes=risk.expected)
        _register(con, site_comparison=comparison_table(con, risk.expected))

    steps: dict[str, Callable[[], None]] = {
        "measures": lambda: make_inputs(con, settings),
        "intervals": lambda: _register(con, measure_estimates=_estimates(con)),
        "missing answers": lambda: _register(con, missing_answers=missing_answers_table(con)),
        "improvement rates": lambda: _register(con, improvement_rates=improvement_rate_table(con)),
        "control charts": lambda: _register(
            con, control_chart_points=control_chart_table(_followed(con), charted, annotations, targets, immature_from)
        ),
        "cumulative incidence": lambda: _register(con, curves=cumulative_incidence_table(con)),
        "risk models": risks,
        "cumulative sums": lambda: _register(con, cusum_points=cusum_table(monitored_outcomes(con))),
        "alarms": lambda: _register(con, alarms=alarms_table(con)),
    }
    for done, (name, make) in enumerate(steps.items()):
        if on_progress:
            on_progress(name, done, len(steps))
        make()


def _estimates(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Every cell of the cube with its estimate."""
    counts = con.sql("from measure_counts").to_arrow_table()
    return with_incidences(con, with_intervals(counts), incidence_table(con))


def _followed(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The counts with, of an incidence, the patients that were followed in effect: the events over the incidence.

    Their ratio is the incidence, so that who is lost early does not make a month look better.
    """
    in_effect = "case when unit = 'incidence' and estimate > 0 then round(numerator / estimate) else patients end"
    replaced = f"select * replace (cast(greatest(numerator, {in_effect}) as bigint) as patients) from measure_estimates"
    return con.sql(replaced).to_arrow_table()


def _immature_from(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The first month of fusion (YYYY-MM) that is not mature, of each measure that waits for follow-up."""
    ((latest,),) = con.execute("select max(period) from submissions where status = 'accepted'").fetchall()
    if latest is None:
        return {}
    waiting = {measure.id: measure.judged_after_months for measure in measure_definitions()}
    return {measure: add_months(latest, 1 - months) for measure, months in waiting.items() if months}


def _register(con: duckdb.DuckDBPyConnection, **tables: pa.Table) -> None:
    for name, table in tables.items():
        con.register(name, table)


def _optional(path: Path, model: type[Row], code: str, known: Mapping[str, Any]) -> list[Row]:
    return list(read_site_file(path, model, code, known).values()) if path.exists() else []
