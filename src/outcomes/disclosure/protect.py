"""All tables that may be shown, made from `sql/marts/protected/`."""

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from outcomes.disclosure.audit import PublishedTables, require_safe
from outcomes.disclosure.comparison import protected_comparison
from outcomes.disclosure.curves import protected_curves
from outcomes.disclosure.deliveries import protected_attrition, protected_deliveries
from outcomes.disclosure.kinds import protected_kinds
from outcomes.disclosure.lattice import Nesting
from outcomes.disclosure.measures import protected_exclusions, safe_measures
from outcomes.disclosure.risk_models import protected_calibration, protected_models
from outcomes.sql.catalog.labels import label_definitions
from outcomes.sql.catalog.measures import measure_definitions
from outcomes.sql.files import load
from outcomes.sql.shipped import shipped

_TOO_FINE = "month"
"""Nine in ten months of a site hold a small count: others see its years."""


_TYPES = {name: pa.string() for name in ("release_id", "data_to", "code_version")} | {
    "suppression_threshold": pa.int64(),
    "is_synthetic": pa.bool_(),
}


@dataclass(frozen=True)
class ReleaseFacts:
    """What a release says of itself."""

    release_id: str
    data_to: str
    suppression_threshold: int
    code_version: str
    is_synthetic: bool


def protected_tables(
    con: duckdb.DuckDBPyConnection,
    facts: ReleaseFacts,
    site_names: dict[str, str],
    before: PublishedTables | None = None,
) -> dict[str, pa.Table]:
    """The tables of `sql/marts/protected/`, hidden where they would tell of a few patients.

    Args:
        con: a connection that holds the lake, the relations of the labelling step and those of the measures.
        facts: what the release says of itself.
        site_names: names of the sites by id, as far as the register gives them.
        before: what the release before has published: both together must not tell a small count either.

    Raises:
        OutcomesError: disclosure_risk.
    """
    small_cell = facts.suppression_threshold
    given = _given(facts, site_names) | _protected_measures(con, small_cell, before)
    for name, table in given.items():
        con.register(name, table)
    tables = {file.name: con.sql(file.select).to_arrow_table() for file in load(shipped("sql", "marts", "protected"))}
    for name in given:
        con.unregister(name)
    tables |= _hidden(tables, small_cell)
    _require_safe_parts(tables, small_cell)
    return tables


def _require_safe_parts(tables: dict[str, pa.Table], small_cell: int) -> None:
    """Audit what stands beside the measures, which are audited before they are rounded (`safe_measures`)."""
    names = ("measures", "measure_exclusions", "label_kinds", "attrition", "release_info")
    require_safe(PublishedTables(small_cell, **{name: tables[name] for name in names}), nesting(), only=())


def nesting() -> Nesting:
    """Which measures by definition count patients of each other."""
    measures = measure_definitions()
    return Nesting(
        part_of=frozenset((measure.id, whole) for measure in measures for whole in measure.part_of),
        among=frozenset((measure.id, measure.among) for measure in measures if measure.among),
    )


def _protected_measures(
    con: duckdb.DuckDBPyConnection, small_cell: int, before: PublishedTables | None
) -> dict[str, pa.Table]:
    names = ("measure_exclusions", "curves", "risk_models", "risk_calibration", "site_comparison")
    exact = {name: con.sql(f"from {name}").to_arrow_table() for name in names}
    counts = con.sql(f"from measure_counts where resolution <> '{_TOO_FINE}'").to_arrow_table()
    shown = safe_measures(counts, small_cell, nesting(), before)
    return {
        "protected_measures": shown,
        "protected_exclusions": protected_exclusions(exact["measure_exclusions"], shown, small_cell),
        "protected_curves": protected_curves(exact["curves"], small_cell),
        "protected_risk_models": protected_models(exact["risk_models"], shown),
        "protected_risk_calibration": protected_calibration(exact["risk_calibration"], shown, small_cell),
        "protected_site_comparison": protected_comparison(exact["site_comparison"], shown, small_cell),
    }


def _hidden(tables: dict[str, pa.Table], small_cell: int) -> dict[str, pa.Table]:
    submissions, failures = protected_deliveries(tables["submissions"], tables["rule_failures"], small_cell)
    return {
        "label_kinds": protected_kinds(tables["label_kinds"], tables["measures"], small_cell),
        "submissions": submissions,
        "rule_failures": failures,
        "attrition": protected_attrition(tables["attrition"], small_cell),
    }


def _given(facts: ReleaseFacts, site_names: dict[str, str]) -> dict[str, pa.Table]:
    definitions = [
        {
            "label": label.name,
            "title": label.title,
            "category": label.category,
            "definition_text": label.definition,
            "guide": label.guide,
            "version": label.version,
            "headline": label.headline,
        }
        for label in label_definitions()
    ]
    names = [{"site_id": site_id, "name": name} for site_id, name in site_names.items()]
    return {
        "release_facts": pa.table({name: pa.array([value], _TYPES[name]) for name, value in vars(facts).items()}),
        "definitions": pa.Table.from_pylist(definitions),
        "site_names": pa.Table.from_pylist(names, schema=pa.schema({"site_id": pa.string(), "name": pa.string()})),
    }
