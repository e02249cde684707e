"""One way to protect a mart: the exact table in, the table that may be shown out."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pyarrow as pa

from outcomes.disclosure.audit import AUDITED, PublishedTables, counts_behind_measures, require_safe
from outcomes.disclosure.comparison import protected_comparison
from outcomes.disclosure.curves import protected_curves
from outcomes.disclosure.deliveries import (
    protected_attrition,
    protected_blanked,
    protected_failures,
    protected_submissions,
)
from outcomes.disclosure.incidences import HorizonCurves
from outcomes.disclosure.kinds import protected_kinds
from outcomes.disclosure.lattice import Nesting
from outcomes.disclosure.measures import in_order, protected_exclusions, require_nested, safe_measures
from outcomes.disclosure.risk_models import protected_calibration, protected_models
from outcomes.disclosure.scores import protected_trajectories
from outcomes.disclosure.suppression import with_state
from outcomes.sql.catalog.marts import protected_marts
from outcomes.sql.catalog.measures import MeasureDefinition, measure_definitions


@dataclass(frozen=True)
class ReleaseFacts:
    """What a release says of itself."""

    release_id: str
    data_to: str
    minimum_cell_count: int
    code_version: str
    is_synthetic: bool


@dataclass(frozen=True)
class Context:
    """What protecting a mart may take into account.

    Attributes:
        facts: what the release says of itself.
        site_names: names of the sites by id, as far as the register gives them.
        before: what the releases before have published, the newest first: all together must
            not tell a small count either.
        processes: how many may work at once.
        exact: the exact tables that were read already, by mart.
        done: what is protected already, by mart.
    """

    facts: ReleaseFacts
    site_names: Mapping[str, str]
    before: Sequence[PublishedTables] = ()
    processes: int = 1
    exact: dict[str, pa.Table] = field(default_factory=dict)
    done: dict[str, pa.Table] = field(default_factory=dict)

    @property
    def minimum_cell_count(self) -> int:
        """The smallest count that may be shown."""
        return self.facts.minimum_cell_count

    @property
    def measures(self) -> tuple[pa.Table, int]:
        """The protected measures, and the smallest count that may be shown."""
        return self.done["measures"], self.minimum_cell_count


def protected_tables(
    con: duckdb.DuckDBPyConnection,
    facts: ReleaseFacts,
    site_names: Mapping[str, str],
    before: Sequence[PublishedTables] = (),
    processes: int = 1,
) -> dict[str, pa.Table]:
    """Every protected mart by name, audited together.

    Args:
        con: a connection that holds the lake, the relations of the labelling step and those of the measures.
        facts: what the release says of itself.
        site_names: names of the sites by id, as far as the register gives them.
        before: what the releases before have published, the newest first.
        processes: how many may work at once.

    Raises:
        OutcomesError: disclosure_risk.
    """
    context = Context(facts, site_names, before, processes)
    relations = {mart.name: mart.relation for mart in protected_marts()}
    # Each after those that it is shown with: the curves, then the measures, then the rest.
    for name in sorted(relations, key=[*_PROTECT].index):
        context.exact[name] = con.sql(f'from "{relations[name]}"').to_arrow_table()
        context.done[name] = protect(name, context.exact[name], context)
    # The measures themselves are audited before they are rounded (`safe_measures`): here what stands beside them.
    tables = {name: context.done[name] for name in AUDITED}
    audited = PublishedTables(
        context.minimum_cell_count, true=counts_behind_measures(context.exact["measures"]), **tables
    )
    require_safe(audited, nesting(), only=())
    return context.done


def protect(name: str, exact: pa.Table, context: Context) -> pa.Table:
    """One mart as it may be shown, with the columns that it is declared with and no other.

    Args:
        name: of the mart.
        exact: all rows of its relation.
        context: what else is known; those marts are protected already that stand before it in the table below.

    Raises:
        OutcomesError: disclosure_risk.
    """
    shown = _PROTECT[name](exact, context)
    (mart,) = (mart for mart in protected_marts() if mart.name == name)
    return shown.select([column.name for column in mart.columns])


def nesting() -> Nesting:
    """Which measures by definition count patients of each other, also by way of a third one."""
    measures = measure_definitions()
    classes: defaultdict[str, set[str]] = defaultdict(set)
    for measure in measures:
        if measure.class_of:
            classes[measure.class_of].add(measure.id)
    return Nesting(
        part_of=frozenset((measure.id, whole) for measure in measures for whole in measure.part_of),
        among=frozenset((measure.id, measure.among) for measure in measures if measure.among),
        classes=frozenset(map(frozenset, classes.values())),
        first={measure.id: _place(measure) for measure in measures},
    ).closed()


def _place(measure: MeasureDefinition) -> int:
    """Which measures are rather shown, where two of them together would tell: headlines in their order, labels, others.

    How many answered comes last: nearly every other measure lies within it, and it would hide them all.
    """
    if measure.headline:
        return measure.headline
    beside = len(measure_definitions())
    return beside if measure.label == measure.id else beside + (2 if measure.category == "follow-up" else 1)


def _measures(exact: pa.Table, context: Context) -> pa.Table:
    exact = in_order(counts_behind_measures(exact))
    horizons = {measure.id: measure.horizon for measure in measure_definitions() if measure.horizon}
    protected = context.done["cumulative_incidence"]
    curves = HorizonCurves.of(protected, horizons)
    told = curves.counts_shown(exact)
    require_nested(exact, nesting())
    shown = safe_measures(exact, context.minimum_cell_count, nesting(), context.before, told, context.processes)
    context.done["cumulative_incidence"] = curves.without_hidden(protected, shown)
    return curves.shown(shown, exact)


def _release_info(exact: pa.Table, context: Context) -> pa.Table:
    ((sites, patients),) = zip(*exact.to_pydict().values(), strict=True)
    rounded = patients + 5 - (patients + 5) % 10 if patients >= context.minimum_cell_count else None
    shown = vars(context.facts) | {"site_count": sites, "patient_count_rounded": rounded}
    types = {"patient_count_rounded": pa.int64()}
    table = pa.table({name: pa.array([value], types.get(name)) for name, value in shown.items()})
    return with_state(table, np.array([rounded is None]))


def _sites(exact: pa.Table, context: Context) -> pa.Table:
    names = [context.site_names.get(site, site) for site in exact["site_id"].to_pylist()]
    return _shown(exact.append_column("name", pa.array(names, pa.string())), context)


def _shown(exact: pa.Table, _: Context) -> pa.Table:
    """Nothing of it is of patients."""
    return exact.append_column("state", pa.repeat("shown", exact.num_rows))


_PROTECT: dict[str, Callable[[pa.Table, Context], pa.Table]] = {
    "cumulative_incidence": lambda exact, context: protected_curves(exact, context.minimum_cell_count),
    "measures": _measures,
    "measure_exclusions": lambda exact, context: protected_exclusions(exact, *context.measures),
    "risk_models": lambda exact, context: protected_models(exact, context.done["measures"]),
    "risk_calibration": lambda exact, context: protected_calibration(exact, *context.measures),
    "site_comparison": lambda exact, context: protected_comparison(exact, *context.measures),
    "label_kinds": lambda exact, context: protected_kinds(exact, *context.measures),
    "score_trajectories": lambda exact, context: protected_trajectories(exact, context.minimum_cell_count),
    "attrition": lambda exact, context: protected_attrition(exact, context.minimum_cell_count),
    "rule_failures": lambda exact, context: protected_failures(exact, context.minimum_cell_count),
    "blanked_cells": lambda exact, context: protected_blanked(
        exact, context.exact["rule_failures"], context.minimum_cell_count
    ),
    "submissions": lambda exact, context: protected_submissions(
        exact, context.exact["rule_failures"], context.minimum_cell_count
    ),
    "release_info": _release_info,
    "sites": _sites,
    "measure_definitions": _shown,
    "label_definitions": _shown,
    "rule_definitions": _shown,
    "rule_measures": _shown,
    "rule_history": _shown,
}
"""Each protected mart, and what makes it; those come first that others look at."""
