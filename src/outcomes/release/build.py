"""Build a release: label everything that is accepted, write the marts and what describes them, publish."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from outcomes.contract import TABLES
from outcomes.disclosure.audit import PublishedTables, published_tables
from outcomes.disclosure.protect import ReleaseFacts, protected_tables
from outcomes.errors import OutcomesError
from outcomes.labelling.build import Progress
from outcomes.labelling.increment import Increment, Labelled
from outcomes.lake import AsKnownOn, Lake
from outcomes.measures.build import run_measures
from outcomes.release.codebook import comment_on, data_package, parquet_path, protected_package
from outcomes.release.inputs import Inputs, read_inputs, thresholds_sha256
from outcomes.release.open import DASHBOARD, MANIFEST, RESEARCH, Release, read_release
from outcomes.release.origin import origin_of, refresh
from outcomes.release.privacy_report import cells_by_state, write_privacy_report
from outcomes.release.publish import current, is_rolled_back, last_published, publish
from outcomes.release.verify import file_sha256, verify, verify_file
from outcomes.settings import Settings
from outcomes.sql import engine
from outcomes.sql.catalog.labels import label_definitions
from outcomes.sql.catalog.marts import Mart, protected_marts, research_marts
from outcomes.sql.files import load
from outcomes.sql.lock import check_lock, definitions_now
from outcomes.sql.quoting import literal
from outcomes.sql.reference import thresholds
from outcomes.sql.shipped import shipped

STORAGE_VERSION = "v1.4.0"
"""Of the DuckDB files, so that older DuckDB and R can open them."""
_WORK = "work.duckdb"
"""The rows in force and all that is made of them, beside the release while it is built."""
_EXACT_MEASURES = "parquet/measures.parquet"
"""The counts behind what a release shows of measures."""
_PATIENTS_AT_ONCE = 200_000
"""The marts of patients and records are written so many patients at a time: to sort those of a million takes more
memory than there is."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Before:
    """What readers have seen before this release, as far as it can be read.

    Attributes:
        tables: of the kept releases by id, the one that was published last first.
        damaged: releases that can no longer be read, or hold other columns than are compared today.
    """

    tables: Mapping[str, PublishedTables] = field(default_factory=dict)
    damaged: tuple[str, ...] = ()


def build_release(
    settings: Settings,
    as_known_on: AsKnownOn = None,
    on_progress: Progress | None = None,
    on_labelled: Callable[[Labelled], None] | None = None,
    processes: int = 1,
) -> Release:
    """Build and publish the release of all accepted submissions; building it again changes nothing.

    If it was rolled back, it is neither built nor made current: the current release stays, and is what is returned.

    Args:
        settings: paths and thresholds.
        as_known_on: leave out every submission of a later period (`YYYY-MM`), or every judgement recorded after a
            time. Such a release is kept beside the others; `current` is not moved back to it.
        on_progress: told about each step of the labelling.
        on_labelled: told how many patients were labelled; not called when the release is there already.
        processes: how many may protect the marts.

    Raises:
        OutcomesError: nothing_to_release, sites_malformed, value_set_malformed, annotations_malformed,
            targets_malformed, disclosure_risk, definition_changed, lake_damaged.
    """
    check_lock()
    with engine.connect(settings) as con:
        _attach_lake(con, settings, as_known_on)
        inputs = read_inputs(con, settings)
        increment = _increment(settings, inputs, as_known_on)

        def write(folder: Path) -> None:
            with engine.on_disk(con, folder / _WORK, [*TABLES, "submissions"]):
                labelled = increment.label(con, on_progress, settings)
                if on_labelled:
                    on_labelled(labelled)
                run_measures(con, settings, on_progress)
                # A release of the past is rebuilt as it was then, whatever is current now.
                before = Before() if as_known_on else _published_before(settings.releases, inputs.release_id)
                rows = _write_research(con, folder, inputs.release_id)
                _write_dashboard(con, folder, inputs, [*before.tables.values()], processes)
                _write_manifest(folder, inputs, before, rows, engine.described(settings))
                increment.keep(con)

        return read_release(
            publish(
                settings.releases,
                inputs.release_id,
                write,
                kept=settings.releases_kept,
                make_current=as_known_on is None,
                origin=origin_of(settings),
            )
        )


def _attach_lake(con: duckdb.DuckDBPyConnection, settings: Settings, as_known_on: AsKnownOn) -> None:
    """Attach the lake, its rows in force compared with what was committed.

    Raises:
        OutcomesError: lake_damaged, unless the settings say to go on without the damaged submissions.
    """
    damaged = Lake.of(settings).attach_sound(con, as_known_on)
    if damaged and not settings.release_without_damaged:
        raise OutcomesError("lake_damaged", ", ".join(map(str, damaged)))


def relations_of_marts() -> set[str]:
    """The relations of the labelling step that something after it reads."""
    inputs = load(shipped("sql", "relations", "measures"))
    marts = {mart.relation for mart in (*research_marts(), *protected_marts())}
    return {name for file in inputs for name in file.needs} | marts


def _increment(settings: Settings, inputs: Inputs, as_known_on: AsKnownOn) -> Increment:
    """The labelling of a release; one of the past has no use of the last labelling, nor the next of its."""
    folder = settings.labelled if as_known_on is None else None
    rests_on = _labels_rest_on(inputs) | {"the engine": settings.engine}
    return Increment(folder, rests_on, frozenset(relations_of_marts()))


def _labels_rest_on(inputs: Inputs) -> dict[str, str | None]:
    """What the labels rest on beside the records and the engine."""
    return {
        "the code": inputs.code_version,
        "the definitions": inputs.definitions_sha256,
        "the value set of the EQ-5D-5L": inputs.eq5d_value_set_sha256,
        "the version of DuckDB": duckdb.__version__,
    }


def next_release_id(settings: Settings, as_known_on: AsKnownOn = None) -> str:
    """The id that `build_release` would publish under now.

    Raises:
        OutcomesError: nothing_to_release, sites_malformed, value_set_malformed.
    """
    with engine.connect(settings) as con:
        Lake.of(settings).attach_submissions(con, as_known_on)
        return read_inputs(con, settings).release_id


def is_current(settings: Settings) -> bool:
    """Whether nothing is to be published: the current release is whole and that of the lake, or that was rolled back.

    Raises:
        OutcomesError: nothing_to_release, sites_malformed, value_set_malformed.
    """
    refresh(settings)
    wanted, now = next_release_id(settings), current(settings.releases)
    if now is None:
        return False
    if is_rolled_back(settings.releases, wanted):
        return True
    try:
        verify(now)
    except OutcomesError:
        return False
    return now.name == wanted


def _published_before(releases: Path, release_id: str) -> Before:
    """What the kept releases have published before this one.

    One that cannot be compared stops nothing: the manifest says which.
    """
    tables, damaged = {}, []
    for folder in last_published(releases):
        if folder.name == release_id:
            continue
        try:
            for name in (DASHBOARD, _EXACT_MEASURES):
                verify_file(folder, name)
            tables[folder.name] = published_tables(folder / DASHBOARD, folder / _EXACT_MEASURES)
        except (OutcomesError, ValueError) as error:
            damaged.append(folder.name)
            where = error.where if isinstance(error, OutcomesError) else f"{folder.name}: {error}"
            _log.warning("the differences from a damaged release cannot be audited: %s", where)
    return Before(tables, tuple(damaged))


def _write_manifest(folder: Path, inputs: Inputs, before: Before, rows: Mapping[str, int], made_by: str) -> None:
    manifest = {
        "release_id": inputs.release_id,
        "data_to": inputs.data_to,
        "code_version": inputs.code_version,
        "engine": made_by,
        "definitions_sha256": inputs.definitions_sha256,
        "thresholds_sha256": thresholds_sha256(thresholds()),
        "eq5d_value_set_sha256": inputs.eq5d_value_set_sha256,
        "annotations_sha256": inputs.annotations_sha256,
        "targets_sha256": inputs.targets_sha256,
        "minimum_cell_count": inputs.minimum_cell_count,
        "is_synthetic": inputs.is_synthetic,
        "definitions": {label.name: label.version for label in label_definitions()},
        "definitions_lock": {each.key: {"version": each.version, "sha256": each.sha256} for each in definitions_now()},
        "submissions": inputs.submissions,
        "audit": {"compared_with": [*before.tables], "not_compared_with": before.damaged},
        "cells": cells_by_state(folder / DASHBOARD),
        "rows": rows,
        # The DuckDB files hold the same marts, but DuckDB draws a random mark for each: their sums are never the same.
        "sha256": _sums(folder, [*folder.glob("parquet/*"), *folder.glob("*datapackage.json")]),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    write_privacy_report(folder, DASHBOARD, manifest)


def _write_research(con: duckdb.DuckDBPyConnection, folder: Path, release_id: str) -> dict[str, int]:
    """Write the row-level marts, their Parquet twins and the codebook; the rows of each mart."""
    (folder / "parquet").mkdir()
    _attach(con, folder / RESEARCH, "research")
    rows = {}
    groups = _groups_of_sites(con)
    for mart in research_marts():
        _require_types(con, mart, mart.relation)
        rows[mart.name] = _write_mart(con, mart, groups)
        con.execute(
            f'copy research."{mart.name}" to {literal(folder / parquet_path(mart))} (format parquet, compression zstd)'
        )
    comment_on(con, "research", research_marts())
    sums = _sums(folder, folder.glob("parquet/*"))
    (folder / "datapackage.json").write_text(data_package(con, "research", release_id, sums), encoding="utf-8")
    con.execute("detach research")
    return rows


def _write_mart(con: duckdb.DuckDBPyConnection, mart: Mart, groups: Sequence[str]) -> int:
    """Write an exact mart in the order of its key, if that begins with the site and the patient by groups of sites."""
    is_of_patients = mart.key[:2] == ("site_id", "patient_id")
    first, *others = map(mart.select_where, groups) if is_of_patients else [mart.select]
    ((rows,),) = con.execute(f'create table research."{mart.name}" as {first}').fetchall()
    for select in others:
        ((more,),) = con.execute(f'insert into research."{mart.name}" {select}').fetchall()
        rows += more
    return int(rows)


def _groups_of_sites(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Conditions in SQL that divide all sites into groups of about `_PATIENTS_AT_ONCE` patients, by their ids."""
    last_of_each = con.execute(
        """
        with counted as (
            select site_id, (sum(count(*)) over (order by site_id) - 1) // ? as number
            from patients
            group by site_id
        )

        select max(site_id)
        from counted
        group by number
        order by number
        """,
        [_PATIENTS_AT_ONCE],
    ).fetchall()
    ends = [literal(site) for (site,) in last_of_each[:-1]]
    after, to = [f"site_id > {end}" for end in ends], [f"site_id <= {end}" for end in ends]
    return [f"{low} and {high}" for low, high in zip(["true", *after], [*to, "true"], strict=True)]


def _write_dashboard(
    con: duckdb.DuckDBPyConnection, folder: Path, inputs: Inputs, before: Sequence[PublishedTables], processes: int
) -> None:
    """Write the protected marts; nothing else of the data may enter this file."""
    facts = ReleaseFacts(
        inputs.release_id, inputs.data_to, inputs.minimum_cell_count, inputs.code_version, inputs.is_synthetic
    )
    tables = protected_tables(con, facts, inputs.site_names, before, processes)
    _attach(con, folder / DASHBOARD, "dashboard")
    for mart in protected_marts():
        con.register("protected", tables[mart.name])
        _require_types(con, mart, "protected")
        con.execute(f'create table dashboard."{mart.name}" as from protected order by {mart.order}')
        con.unregister("protected")
    comment_on(con, "dashboard", protected_marts())
    package = protected_package(con, "dashboard", inputs.release_id, DASHBOARD)
    (folder / "dashboard.datapackage.json").write_text(package, encoding="utf-8")
    con.execute("detach dashboard")


def _require_types(con: duckdb.DuckDBPyConnection, mart: Mart, relation: str) -> None:
    mart.require_types({name: sql_type for name, sql_type, *_ in con.execute(f'describe "{relation}"').fetchall()})


def _attach(con: duckdb.DuckDBPyConnection, database: Path, name: str) -> None:
    con.execute(f"attach {literal(database)} as {name} (storage_version '{STORAGE_VERSION}')")


def _sums(folder: Path, paths: Iterable[Path]) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in sorted(paths)}
