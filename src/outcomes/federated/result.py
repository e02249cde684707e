"""What a site gives back: the protected marts of a release that was made as the package asks, and nothing else."""

import hashlib
import io
import json
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from outcomes import pipeline
from outcomes.disclosure.lattice import EVERYBODY, Lattice
from outcomes.errors import OutcomesError
from outcomes.federated.archive import read_archive, write_archive
from outcomes.federated.package import Package, installed, require_same
from outcomes.labelling.build import Progress
from outcomes.release.open import Release
from outcomes.settings import Settings
from outcomes.sql.catalog.marts import Mart, mart_schema, protected_marts
from outcomes.sql.catalog.measures import measure_definitions
from outcomes.sql.engine import connect_read_only

_STATEMENT = "result.json"
_OF_RELEASE = (
    *("release_id", "data_to", "is_synthetic", "eq5d_value_set_sha256"),
    *("code_version", "definitions_sha256", "minimum_cell_count"),
)
"""What a result says of its release, in the words of that one's manifest."""


@dataclass(frozen=True)
class Result:
    """The answer of one participant, which may have several sites.

    Attributes:
        release_id: of the release that it was made from.
        data_to: the last month that was accepted there.
        is_synthetic: whether all its patients are invented.
        minimum_cell_count: the smallest count that it shows.
        eq5d_value_set_sha256: of the country's value set, if there is one.
        tables: the protected marts by name, as `sql/marts/` declares them.
    """

    release_id: str
    data_to: str
    is_synthetic: bool
    minimum_cell_count: int
    eq5d_value_set_sha256: str | None
    tables: dict[str, pa.Table]

    @property
    def sites(self) -> list[str]:
        """Its sites by id, in order."""
        return sorted(self.tables["sites"]["site_id"].to_pylist())


def run_package(
    settings: Settings, package: Package, path: Path, on_progress: Progress | None = None, processes: int = 1
) -> Release:
    """Publish the release of all accepted submissions, if it is not there, and write its protected marts as the answer.

    They come from a release, not from a run of their own, so that nobody can learn from the two of them together what
    neither tells: a release is audited together with those before it.

    Args:
        settings: of the site.
        package: see `outcomes.federated.package.open_package`.
        path: the file to write.
        on_progress: as of `outcomes.pipeline.release`.
        processes: as of `outcomes.pipeline.release`.

    Returns:
        The release that was made or was there.

    Raises:
        OutcomesError: package_of_other_version, before anything is published; folder_not_empty; and as
            `outcomes.pipeline.release`.
    """
    require_same(package, installed(settings))
    release = pipeline.release(settings, on_progress=on_progress, processes=processes)
    write_result(release, package, path)
    return release


def write_result(release: Release, package: Package, path: Path) -> None:
    """Write the protected marts of a release as the answer to a package, in a new file.

    Raises:
        OutcomesError: package_of_other_version, folder_not_empty, release_damaged.
    """
    require_same(package, release.manifest)
    with connect_read_only(release.dashboard) as con:
        files = {
            f"{mart.name}.parquet": _parquet(con.sql(f'from "{mart.name}" order by {mart.order}').to_arrow_table())
            for mart in protected_marts()
        }
    statement = {
        **{name: release.manifest[name] for name in _OF_RELEASE},
        "package_sha256": package.sha256,
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    write_archive(path, {_STATEMENT: json.dumps(statement, indent=2).encode(), **files})


def read_result(path: Path, package: Package) -> Result:
    """Read an answer and see that it is one to this package, whole, with the tables that are declared.

    A table is whole if it can be audited and added up: no row is missing or there twice, and what is hidden is empty.

    Raises:
        OutcomesError: result_malformed, result_of_other_package, package_of_other_version.
    """
    names = [f"{mart.name}.parquet" for mart in protected_marts()]
    files = read_archive(path, (_STATEMENT, *names), "result_malformed")
    try:
        stated = json.loads(files[_STATEMENT])
        of_package, sums = stated["package_sha256"], {name: stated["sha256"][name] for name in names}
        told = {name: stated[name] for name in _OF_RELEASE}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise OutcomesError("result_malformed", f"{path.name}: {_STATEMENT}") from None
    if of_package != package.sha256:
        raise OutcomesError("result_of_other_package", path.name)
    require_same(package, told)
    for name in names:
        if sums[name] != hashlib.sha256(files[name]).hexdigest():
            raise OutcomesError("result_malformed", f"{path.name}: {name}")
    tables = {mart.name: _table(path, mart.name, files[f"{mart.name}.parquet"]) for mart in protected_marts()}
    if fault := _fault(tables, package.minimum_cell_count):
        raise OutcomesError("result_malformed", f"{path.name}: {fault}")
    return Result(
        str(told["release_id"]),
        str(told["data_to"]),
        told["is_synthetic"] is True,
        package.minimum_cell_count,
        told["eq5d_value_set_sha256"],
        tables,
    )


def _parquet(table: pa.Table) -> bytes:
    content = io.BytesIO()
    parquet.write_table(table, content, compression="zstd")
    return content.getvalue()


def _table(path: Path, name: str, content: bytes) -> pa.Table:
    """A mart with the columns that it is declared with, of their types.

    Raises:
        OutcomesError: result_malformed.
    """
    try:
        return parquet.read_table(pa.BufferReader(content)).cast(mart_schema(name, "protected"))
    except (pa.ArrowException, ValueError, OSError):
        raise OutcomesError("result_malformed", f"{path.name}: {name}") from None


def _fault(tables: Mapping[str, pa.Table], minimum_cell_count: int) -> str | None:
    """The first mart that cannot be audited or added up, if there is one."""
    for mart in protected_marts():
        if not _is_as_declared(mart, tables[mart.name]):
            return mart.name
    if tables["release_info"]["minimum_cell_count"].to_pylist() != [minimum_cell_count]:
        return "release_info"
    sites = {*tables["sites"]["site_id"].to_pylist()}
    if None in sites:
        return "sites"
    return None if _are_whole(tables["measures"], sites) else "measures"


def _is_as_declared(mart: Mart, table: pa.Table) -> bool:
    """Whether each key is there once, each value of a closed list in it, and no count of patients below zero."""
    return (
        table.group_by([*mart.key]).aggregate([]).num_rows == table.num_rows
        and table["state"].null_count == 0
        and all({*table[each.name].unique().to_pylist()} <= {*each.enum, None} for each in mart.columns if each.enum)
        and not any(_is_any(pc.less(table[each.name], 0)) for each in mart.columns if each.is_count_of_patients)
    )


def _are_whole(measures: pa.Table, sites: Set[str]) -> bool:
    """Whether each measure is there for each site and key, with counts where they are shown and none where hidden.

    Where nobody was operated on there are none at all.
    """
    if not len(measures):
        return True
    try:
        lattice = Lattice.of(measures)
    except ValueError:
        return False
    is_hidden = pc.equal(measures["state"], "suppressed")
    counts, others = (
        ("numerator", "patients", "excluded"),
        ("estimate", "estimate_low", "estimate_high", "person_years"),
    )
    return (
        lattice.measures == tuple(sorted(measure.id for measure in measure_definitions()))
        and EVERYBODY in lattice.keys
        and {*lattice.sites} <= {None, *sites}
        and all(measures[name].is_null().equals(is_hidden) for name in counts)
        and not any(_is_any(pc.and_(is_hidden, measures[name].is_valid())) for name in others)
        and not _is_any(pc.greater(measures["numerator"], measures["patients"]))
    )


def _is_any(values: pa.ChunkedArray) -> bool:
    return pc.any(values).as_py() is True
