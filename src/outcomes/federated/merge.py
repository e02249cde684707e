"""Merge what the participants of a study gave back: their protected marts side by side, and totals over all of them.

What a participant rounds and hides nobody else knows, so a total is told between two bounds: the least and the greatest
count that what is shown can stand for. The count that all rows in one place would give lies between them.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outcomes.disclosure.audit import AUDITED, PublishedTables, audit
from outcomes.disclosure.protect import nesting
from outcomes.disclosure.suppression import before_rounding, is_small, rounded
from outcomes.errors import OutcomesError
from outcomes.federated.package import Package
from outcomes.federated.result import Result, read_result
from outcomes.measures.estimates import DAYS_PER_YEAR, with_intervals
from outcomes.release.build import STORAGE_VERSION
from outcomes.sql.catalog.marts import protected_marts
from outcomes.sql.catalog.measures import measure_definitions
from outcomes.sql.quoting import literal

MERGED = "merged.duckdb"
MANIFEST = "manifest.json"

_KEY = ("measure", "resolution", "index_period", "stratum_kind", "stratum")
_COUNTS = ("numerator", "patients", "excluded")
_SUMS = ", ".join(
    f"cast(sum({name}{end}) as bigint) as {name}{end}" for name in _COUNTS for end in ("", "_low", "_high")
)
# Whoever has nobody at a key gives no row of it, and so adds nothing.
_TOTALS = f"""
with summed as (
    select
        {", ".join(_KEY)}, count(*) as results, count(*) filter (state = 'suppressed') as results_suppressed,
        {_SUMS}, sum(person_years) as person_years
    from parts
    group by all
)

select
    * replace (
        {", ".join(f"case when results_suppressed = 0 then {name} end as {name}" for name in _COUNTS)},
        {", ".join(f"case when results_suppressed = 0 then {name}_high end as {name}_high" for name in _COUNTS)},
        case when results_suppressed = 0 then person_years end as person_years
    ),
    case
        when results_suppressed > 0 then 'suppressed'
        when patients = 0 then 'missing'
        when numerator = 0 then 'zero'
        else 'shown'
    end as state
from summed
order by {", ".join(_KEY)}
"""


@dataclass(frozen=True)
class Merged:
    """What was merged.

    Attributes:
        folder: with `merged.duckdb` and `manifest.json`.
        results: how many participants.
        sites: of all of them.
        totals: rows of the table `totals`.
        suppressed: of these, those of which a participant hides its part.
    """

    folder: Path
    results: int
    sites: int
    totals: int
    suppressed: int


def merge(package: Package, files: Sequence[Path], folder: Path) -> Merged:
    """Merge the results of a package into a new folder.

    Each result is audited first, as a reader could: what nobody can hide any more is refused.

    Args:
        package: the one that all of them answer.
        files: the results, in any order.
        folder: where to write; there must be none.

    Raises:
        OutcomesError: result_malformed, result_of_other_package, results_overlap, disclosure_risk, folder_not_empty.
    """
    if folder.exists():
        raise OutcomesError("folder_not_empty", folder.name)
    results = sorted((read_result(file, package) for file in files), key=lambda result: result.sites)
    _require_apart(results)
    for result in results:
        _require_safe(result)
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700, parents=True)
    totals = totals_of([result.tables["measures"] for result in results], package.minimum_cell_count)
    _write(unfinished / MERGED, results, totals)
    (unfinished / MANIFEST).write_text(json.dumps(_manifest(package, results), indent=2) + "\n", encoding="utf-8")
    unfinished.rename(folder)
    suppressed = pc.sum(pc.equal(totals["state"], "suppressed")).as_py()
    return Merged(folder, len(results), sum(len(result.sites) for result in results), len(totals), suppressed or 0)


def totals_of(measures: Iterable[pa.Table], minimum_cell_count: int) -> pa.Table:
    """What all participants together have of each measure, period and stratum.

    A share or rate is that of the sums of what is shown, with its 95 % interval, which tells chance and not rounding.
    The estimate of a cumulative incidence does not follow from counts: it is null.

    Args:
        measures: the protected measures of each, see sql/marts/measures.yaml.
        minimum_cell_count: the one that all were made with.

    Returns:
        The key; results, results_suppressed; of numerator, patients and excluded the sum of what is shown and its
        bounds `_low` and `_high`; person_years; state; estimate, estimate_low, estimate_high. Where a participant hides
        its part only the lower bounds are known.
    """
    parts = pa.concat_tables(each.filter(pc.is_null(each["site_id"])) for each in measures)
    numerator, patients, excluded = (parts[name].fill_null(0).to_numpy() for name in _COUNTS)
    answers = np.stack([numerator, patients - numerator, excluded])
    for end, bounds in zip(("low", "high"), before_rounding(answers, minimum_cell_count), strict=True):
        # Yes and no are rounded each by itself.
        yes, no, left_out = bounds
        for name, counts in zip(_COUNTS, (yes, yes + no, left_out), strict=True):
            parts = parts.append_column(f"{name}_{end}", pa.array(counts))
    with duckdb.connect() as con:
        con.register("parts", parts)
        totals = con.sql(_TOTALS).to_arrow_table()
    return _with_estimates(totals)


def _with_estimates(totals: pa.Table) -> pa.Table:
    incidences = [measure.id for measure in measure_definitions() if measure.horizon]
    is_told = pc.and_(
        pc.is_in(totals["state"], pa.array(["shown", "zero"])),
        pc.invert(pc.is_in(totals["measure"], pa.array(incidences, pa.string()))),
    ).to_numpy()
    days = pc.multiply(totals["person_years"], DAYS_PER_YEAR)
    counts = pa.table({name: totals[name].fill_null(0).cast(pa.int64()) for name in ("numerator", "patients")})
    estimated = with_intervals(counts.append_column("days", days))
    for name in ("estimate", "estimate_low", "estimate_high"):
        totals = totals.append_column(name, pa.array(estimated[name].to_numpy(), mask=~is_told, from_pandas=True))
    return totals


def _require_apart(results: Sequence[Result]) -> None:
    """See that no site is in two results.

    Raises:
        OutcomesError: results_overlap.
    """
    counted = Counter(site for result in results for site in result.sites)
    if twice := sorted(site for site, number in counted.items() if number > 1):
        raise OutcomesError("results_overlap", ", ".join(twice))


def _require_safe(result: Result) -> None:
    """See that a result shows no small count, and that none can be worked out from it.

    Raises:
        OutcomesError: disclosure_risk.
    """
    named = ", ".join(result.sites)
    if fault := _small_or_exact(result):
        raise OutcomesError("disclosure_risk", f"{named}: {fault}")
    published = PublishedTables(result.minimum_cell_count, **{name: result.tables[name] for name in AUDITED})
    if findings := audit(published, nesting()):
        raise OutcomesError("disclosure_risk", f"{named}: {len(findings)} counts, the first: {findings[0]}")


def _small_or_exact(result: Result) -> str | None:
    """Where a small count of patients is shown, or one of the measures that is not rounded."""
    measures, minimum = result.tables["measures"], result.minimum_cell_count
    numerator, patients, excluded = (measures[name].fill_null(0).to_numpy() for name in _COUNTS)
    answers = np.stack([numerator, patients - numerator, excluded])
    if (rounded(answers, minimum) != answers).any():
        return "measures"
    counts = (
        (mart.name, column.name) for mart in protected_marts() for column in mart.columns if column.is_count_of_patients
    )
    for mart, count in counts:
        if is_small(result.tables[mart][count].fill_null(0).to_numpy(), minimum).any():
            return f"{mart}.{count}"
    return None


def _write(path: Path, results: Sequence[Result], totals: pa.Table) -> None:
    """Write each protected mart with a column that says whose rows they are, and the totals."""
    with duckdb.connect() as con:
        con.execute(f"attach {literal(path)} as merged (storage_version '{STORAGE_VERSION}')")
        for mart in protected_marts():
            rows = pa.concat_tables(
                result.tables[mart.name].add_column(0, "result", pa.repeat(number, len(result.tables[mart.name])))
                for number, result in enumerate(results, 1)
            )
            con.register("rows", rows)
            con.execute(f'create table merged."{mart.name}" as from rows order by result, {mart.order}')
        con.register("rows", totals)
        con.execute("create table merged.totals as from rows")
        con.execute("detach merged")


def _manifest(package: Package, results: Sequence[Result]) -> dict[str, object]:
    return {
        "study": package.study,
        "package_sha256": package.sha256,
        "code_version": package.code_version,
        "definitions_sha256": package.definitions_sha256,
        "minimum_cell_count": package.minimum_cell_count,
        "is_synthetic": all(result.is_synthetic for result in results),
        "results": [
            {
                "result": number,
                "sites": result.sites,
                "release_id": result.release_id,
                "data_to": result.data_to,
                "is_synthetic": result.is_synthetic,
                "eq5d_value_set_sha256": result.eq5d_value_set_sha256,
            }
            for number, result in enumerate(results, 1)
        ],
    }
