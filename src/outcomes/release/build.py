"""Build a release: label everything that is accepted, write the marts and what describes them, publish."""

import hashlib
import importlib.metadata
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from outcomes.disclosure.audit import PublishedTables, published_tables
from outcomes.disclosure.protect import ReleaseFacts, protected_tables
from outcomes.errors import OutcomesError
from outcomes.labelling.build import Progress, run
from outcomes.labelling.sensitivity import run_sensitivity, sensitivity_needs
from outcomes.lake import Lake
from outcomes.measures.build import run_measures
from outcomes.release.codebook import comment_on, data_package, parquet_path, protected_package
from outcomes.release.open import DASHBOARD, MANIFEST, RESEARCH, Release, read_release
from outcomes.release.publish import current, publish
from outcomes.settings import Settings
from outcomes.site_files import site_names
from outcomes.sql import engine
from outcomes.sql.catalog.labels import label_definitions
from outcomes.sql.catalog.marts import Mart, protected_marts, research_marts
from outcomes.sql.files import load
from outcomes.sql.shipped import shipped

_STORAGE_VERSION = "v1.4.0"
"""Of the DuckDB files, so that older DuckDB and R can open them."""


@dataclass(frozen=True)
class _Inputs:
    """All that a release depends on: the same inputs make the same release."""

    submissions: list[dict[str, Any]]
    site_names: dict[str, str]
    minimum_cell_count: int
    code_version: str
    definitions_sha256: str
    eq5d_value_set_sha256: str | None
    annotations_sha256: str | None
    targets_sha256: str | None

    @property
    def data_to(self) -> str:
        """The latest accepted period."""
        return max(str(row["period"]) for row in self.submissions if row["status"] == "accepted")

    @property
    def is_synthetic(self) -> bool:
        """Whether every accepted submission, superseded ones included, is of invented patients."""
        return all(row["is_synthetic"] for row in self.submissions if row["status"] != "refused")

    @property
    def release_id(self) -> str:
        """The latest accepted period and a digest of all inputs."""
        digest = hashlib.sha256(json.dumps(vars(self), sort_keys=True).encode()).hexdigest()
        return f"{self.data_to}-{digest[:12]}"


def build_release(settings: Settings, as_known_on: str | None = None, on_progress: Progress | None = None) -> Release:
    """Build and publish the release of all accepted submissions; building it again changes nothing.

    Args:
        settings: paths and thresholds.
        as_known_on: leave out every submission of a later period (`YYYY-MM`). Such a release is kept beside the
            others; `current` is not moved back to it.
        on_progress: told about each step of the labelling.

    Raises:
        OutcomesError: nothing_to_release, sites_malformed, value_set_malformed, annotations_malformed,
            targets_malformed, disclosure_risk.
    """
    with engine.connect(settings) as con:
        Lake(settings.lake).attach(con, as_known_on)
        inputs = _read_inputs(con, settings)
        # A release of the past is rebuilt as it was then, whatever is current now.
        before = None if as_known_on else _published_before(settings.releases, inputs.release_id)

        def write(folder: Path) -> None:
            run(con, on_progress, settings.eq5d_value_set, kept=relations_of_marts())
            run_sensitivity(con)
            run_measures(
                con, settings.annotations_file, settings.targets_file, settings.minimum_cell_count, on_progress
            )
            _write_release(con, folder, inputs, before)

        return read_release(
            publish(
                settings.releases,
                inputs.release_id,
                write,
                kept=settings.releases_kept,
                make_current=as_known_on is None,
            )
        )


def relations_of_marts() -> set[str]:
    """The relations of the labelling step that something after it reads."""
    inputs = load(shipped("sql", "relations", "measures"))
    marts = {mart.relation for mart in (*research_marts(), *protected_marts())}
    return sensitivity_needs() | {name for file in inputs for name in file.needs} | marts


def next_release_id(settings: Settings, as_known_on: str | None = None) -> str:
    """The id that `build_release` would publish under now.

    Raises:
        OutcomesError: nothing_to_release, sites_malformed, value_set_malformed.
    """
    with engine.connect(settings) as con:
        Lake(settings.lake).attach(con, as_known_on)
        return _read_inputs(con, settings).release_id


@cache
def code_version() -> str:
    """The package's version and a digest of its code."""
    package = Path(__file__).parents[1]
    code = (path for path in package.rglob("*.py") if "_shipped" not in path.parts)
    return f"{importlib.metadata.version('outcomes')}+{_digest(package, code)[:12]}"


def _read_inputs(con: duckdb.DuckDBPyConnection, settings: Settings) -> _Inputs:
    columns = ("submission_id", "site_id", "period", "attempt", "status", "code", "is_synthetic")
    rows = con.execute(f"select {', '.join(columns)} from submissions order by site_id, period, attempt").fetchall()
    submissions = [dict(zip(columns, row, strict=True)) for row in rows]
    if not any(row["status"] == "accepted" for row in submissions):
        raise OutcomesError("nothing_to_release", str(settings.lake))
    sql = shipped("sql")
    return _Inputs(
        submissions=submissions,
        site_names=site_names(settings.sites_file) or {},
        minimum_cell_count=settings.minimum_cell_count,
        code_version=code_version(),
        definitions_sha256=_digest(sql, (path for path in sql.rglob("*") if path.is_file())),
        eq5d_value_set_sha256=_value_set_sha256(settings.eq5d_value_set),
        annotations_sha256=_sha256_if_any(settings.annotations_file),
        targets_sha256=_sha256_if_any(settings.targets_file),
    )


def _published_before(releases: Path, release_id: str) -> PublishedTables | None:
    """What the current release has published, unless it is the one asked for."""
    folder = current(releases)
    if folder is None or folder.name == release_id:
        return None
    return published_tables(read_release(folder).dashboard)


def _write_release(
    con: duckdb.DuckDBPyConnection, folder: Path, inputs: _Inputs, before: PublishedTables | None
) -> None:
    rows = _write_research(con, folder, inputs.release_id)
    _write_dashboard(con, folder, inputs, before)
    manifest = {
        "release_id": inputs.release_id,
        "data_to": inputs.data_to,
        "code_version": inputs.code_version,
        "engine": f"duckdb {duckdb.__version__}",
        "definitions_sha256": inputs.definitions_sha256,
        "thresholds_sha256": _sha256(shipped("sql", "definitions", "thresholds.yaml")),
        "eq5d_value_set_sha256": inputs.eq5d_value_set_sha256,
        "annotations_sha256": inputs.annotations_sha256,
        "targets_sha256": inputs.targets_sha256,
        "minimum_cell_count": inputs.minimum_cell_count,
        "is_synthetic": inputs.is_synthetic,
        "definitions": {label.name: label.version for label in label_definitions()},
        "submissions": inputs.submissions,
        "rows": rows,
        # The DuckDB files hold the same marts, but DuckDB draws a random mark for each: their sums are never the same.
        "sha256": _sums(folder, [*folder.glob("parquet/*"), *folder.glob("*datapackage.json")]),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    sums = _sums(folder, (path for path in folder.rglob("*") if path.is_file()))
    (folder / "SHA256SUMS").write_text(
        "".join(f"{digest}  {name}\n" for name, digest in sums.items()), encoding="utf-8"
    )


def _write_research(con: duckdb.DuckDBPyConnection, folder: Path, release_id: str) -> dict[str, int]:
    """Write the row-level marts, their Parquet twins and the codebook; the rows of each mart."""
    (folder / "parquet").mkdir()
    _attach(con, folder / RESEARCH, "research")
    rows = {}
    for mart in research_marts():
        _require_types(con, mart, mart.relation)
        con.execute(f'create table research."{mart.name}" as {mart.select}')
        (rows[mart.name],) = con.execute(f'select count(*) from research."{mart.name}"').fetchone() or (0,)
        con.execute(
            f'copy research."{mart.name}" to {_quoted(folder / parquet_path(mart))} (format parquet, compression zstd)'
        )
    comment_on(con, "research", research_marts())
    sums = _sums(folder, folder.glob("parquet/*"))
    (folder / "datapackage.json").write_text(data_package(con, "research", release_id, sums), encoding="utf-8")
    con.execute("detach research")
    return rows


def _write_dashboard(
    con: duckdb.DuckDBPyConnection, folder: Path, inputs: _Inputs, before: PublishedTables | None
) -> None:
    """Write the protected marts; nothing else of the data may enter this file."""
    facts = ReleaseFacts(
        inputs.release_id, inputs.data_to, inputs.minimum_cell_count, inputs.code_version, inputs.is_synthetic
    )
    tables = protected_tables(con, facts, inputs.site_names, before)
    _attach(con, folder / DASHBOARD, "dashboard")
    for mart in protected_marts():
        columns = ", ".join(f'"{column.name}"' for column in mart.columns)
        con.register("protected", tables[mart.name])
        _require_types(con, mart, "protected")
        con.execute(f'create table dashboard."{mart.name}" as select {columns} from protected order by {mart.order}')
        con.unregister("protected")
    comment_on(con, "dashboard", protected_marts())
    package = protected_package(con, "dashboard", inputs.release_id, DASHBOARD)
    (folder / "dashboard.datapackage.json").write_text(package, encoding="utf-8")
    con.execute("detach dashboard")


def _require_types(con: duckdb.DuckDBPyConnection, mart: Mart, relation: str) -> None:
    mart.require_types({name: sql_type for name, sql_type, *_ in con.execute(f'describe "{relation}"').fetchall()})


def _attach(con: duckdb.DuckDBPyConnection, database: Path, name: str) -> None:
    con.execute(f"attach {_quoted(database)} as {name} (storage_version '{_STORAGE_VERSION}')")


def _value_set_sha256(value_set: Path | None) -> str | None:
    if value_set is None:
        return None
    if not value_set.is_file():
        raise OutcomesError("value_set_malformed", value_set.name)
    return _sha256(value_set)


def _sums(folder: Path, paths: Iterable[Path]) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): _sha256(path) for path in sorted(paths)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha256_if_any(path: Path) -> str | None:
    return _sha256(path) if path.is_file() else None


def _digest(folder: Path, paths: Iterable[Path]) -> str:
    return hashlib.sha256(json.dumps(_sums(folder, paths)).encode()).hexdigest()


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
