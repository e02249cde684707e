"""A release over a small lake: what it holds, how it says so, and that it is always whole."""

import hashlib
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyarrow import parquet

import outcomes
from outcomes.errors import OutcomesError
from outcomes.lake import Lake, SubmissionRecord
from outcomes.release import build
from outcomes.release.build import build_release, next_release_id
from outcomes.release.inputs import read_inputs
from outcomes.release.open import Release, connect, current_release
from outcomes.settings import Settings
from outcomes.sql.catalog.labels import label_definitions
from outcomes.sql.catalog.marts import Mart, protected_marts, research_marts
from outcomes.sql.engine import connect as connect_engine
from tests.integration.small_lake import PATIENTS_PER_SITE, SITES, commit, fill_lake
from tests.support.examples import few
from tests.support.files import copied

IN_COHORT = len(SITES) * (PATIENTS_PER_SITE - 5)


@pytest.fixture(scope="module")
def settings(small_release: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return copied(small_release, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def release(settings: Settings) -> Release:
    return current_release(settings)


def test_the_marts_hold_what_the_lake_holds(release: Release) -> None:
    assert release.counts["episodes"] == IN_COHORT
    assert release.counts["labels"] == len(label_definitions()) * IN_COHORT
    assert release.counts["submissions"] == len(SITES) + 1
    with duckdb.connect(str(release.research), read_only=True) as con:
        unlike = con.execute("select count(*) from submissions where rows_in <> rows_accepted + rows_quarantined")
        assert unlike.fetchone() == (0,)
        blanked = con.execute("select site_id, cells_blanked from attrition where step = 1 order by site_id").fetchall()
        assert blanked == con.execute("select site_id, sum(cells) from blanked_cells group by 1 order by 1").fetchall()
        assert blanked == [(site, 4 * 3) for site in SITES]
        refused = con.execute(
            "select site_id, submission_period, code from submissions where status = 'refused'"
        ).fetchall()
    assert refused == [("east", "2026-02", "checksum_mismatch")]
    assert set(release.counts) == {mart.name for mart in research_marts()}


@pytest.mark.parametrize("mart", [*research_marts(), *protected_marts()], ids=lambda mart: mart.name)
def test_each_column_is_described_as_its_header_says(release: Release, mart: Mart) -> None:
    database = release.research if mart in research_marts() else release.dashboard
    with duckdb.connect(str(database), read_only=True) as con:
        comments = con.execute(
            "select column_name, comment from duckdb_columns() where table_name = ? order by column_index", [mart.name]
        ).fetchall()
        (table_comment,) = con.execute(
            "select comment from duckdb_tables() where table_name = ?", [mart.name]
        ).fetchone() or ("",)
    assert comments == [(column.name, column.comment) for column in mart.columns]
    assert table_comment == mart.comment
    assert all(comment for _, comment in comments)


def test_no_mart_computes_a_column_that_its_header_leaves_out(settings: Settings, release: Release) -> None:
    with duckdb.connect(str(release.research), read_only=True) as con:
        for mart in research_marts():
            names = [name for name, *_ in con.execute(f"describe {mart.name}").fetchall()]
            assert names == [column.name for column in mart.columns], mart.name


@pytest.mark.parametrize("mart", research_marts(), ids=lambda mart: mart.name)
def test_each_mart_has_its_key_and_is_ordered_by_it(release: Release, mart: Mart) -> None:
    keys = parquet.read_table(release.folder / f"parquet/{mart.name}.parquet").select(list(mart.key)).to_pylist()
    # All sites, all periods and everybody are null, and come last.
    ordered = [tuple((value is None, value) for value in key.values()) for key in keys]
    assert ordered == sorted(set(ordered))
    assert len(ordered) == release.counts[mart.name]
    # In a registry in which nothing stands out nothing is named.
    assert ordered or mart.name == "alarms"


def test_parquet_twins_equal_the_marts(release: Release) -> None:
    with duckdb.connect(str(release.research), read_only=True) as con:
        for mart in research_marts():
            twin = parquet.read_table(release.folder / f"parquet/{mart.name}.parquet")
            assert con.sql(f"from {mart.name}").to_arrow_table().to_pydict() == twin.to_pydict()


def test_the_data_package_describes_the_files(release: Release) -> None:
    package = json.loads((release.folder / "datapackage.json").read_text(encoding="utf-8"))
    assert package["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"
    assert [resource["name"] for resource in package["resources"]] == [mart.name for mart in research_marts()]
    for resource in package["resources"]:
        path = release.folder / resource["path"]
        assert resource["hash"] == f"sha256:{_sha256(path)}"
        table = parquet.read_table(path)
        fields = resource["schema"]["fields"]
        assert [field["name"] for field in fields] == table.column_names
        assert all(field["description"] and field["type"] in _TYPES for field in fields)
        for field in fields:
            assert str(table.schema.field(field["name"]).type) in _TYPES[field["type"]]
            closed_list = field.get("constraints", {}).get("enum")
            if closed_list:
                assert set(table[field["name"]].to_pylist()) <= {*closed_list, None}, (resource["name"], field["name"])
        assert set(resource["schema"].get("primaryKey", [])) <= {field["name"] for field in fields}


def test_closed_lists_of_the_contract_reach_the_codebook(release: Release) -> None:
    package = json.loads((release.folder / "datapackage.json").read_text(encoding="utf-8"))
    episodes = next(resource for resource in package["resources"] if resource["name"] == "episodes")
    sex = next(field for field in episodes["schema"]["fields"] if field["name"] == "sex")
    assert sex["constraints"]["enum"] == ["female", "male", "other", "unknown"]


def test_the_manifest_names_inputs_files_and_versions(release: Release) -> None:
    manifest = json.loads((release.folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["release_id"] == release.folder.name == release.id
    assert manifest["data_to"] == "2026-01"
    assert [row["submission_id"] for row in manifest["submissions"] if row["status"] == "accepted"] == [
        f"{site}-2026-01-0123456789ab" for site in SITES
    ]
    assert manifest["definitions"] == {label.name: label.version for label in label_definitions()}
    assert {path: _sha256(release.folder / path) for path in manifest["sha256"]} == manifest["sha256"]
    assert len(manifest["sha256"]) == len(research_marts()) + 2
    listed = [line.split("  ") for line in (release.folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()]
    assert {name: digest for digest, name in listed} == {
        path.relative_to(release.folder).as_posix(): _sha256(path)
        for path in release.folder.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }


def test_a_privacy_report_stands_beside_the_marts(release: Release) -> None:
    text = (release.folder / "privacy-report.md").read_text(encoding="utf-8")
    assert text.startswith(f"# Privacy report of release {release.id}\n")
    assert "Counts of patients from 1 to 10 in the protected marts: 0." in text
    assert (
        f"| {' | '.join(('label_definitions', str(len(label_definitions())), '0', '0', '0', '0', '0 %', ''))} |" in text
    )


def test_the_same_inputs_change_nothing(settings: Settings, release: Release) -> None:
    before = _state(settings.releases)
    assert build_release(settings).folder == release.folder
    assert next_release_id(settings) == release.id
    assert _state(settings.releases) == before


def test_two_builds_on_other_threads_and_in_another_order_give_the_same_bytes(release: Release, tmp_path: Path) -> None:
    other = Settings(home=tmp_path, threads=4)
    fill_lake(other, backwards=True)
    other.sites_file.write_text("site_id,name\nnorth,North Clinic\n", encoding="utf-8")
    again = build_release(other)
    assert again.id == release.id
    packages = ("datapackage.json", "dashboard.datapackage.json")
    names = ["manifest.json", *packages, *(f"parquet/{mart.name}.parquet" for mart in research_marts())]
    for name in names:
        assert (again.folder / name).read_bytes() == (release.folder / name).read_bytes(), name
    for database in ("research.duckdb", "dashboard.duckdb"):
        assert _content(again.folder / database) == _content(release.folder / database)


def test_older_duckdb_can_open_the_files(release: Release) -> None:
    for database in (release.research, release.dashboard):
        with duckdb.connect(str(database), read_only=True) as con:
            (tags,) = con.execute("select tags from duckdb_databases() where not internal").fetchone() or ({},)
        assert "v1.4" in tags["storage_version"]


def test_nothing_of_a_patient_is_in_the_dashboard_file(release: Release) -> None:
    content = release.dashboard.read_bytes()
    assert b"patient_id" not in content
    assert b"north-p0" not in content


def test_no_small_count_of_patients_is_in_the_dashboard_file(release: Release) -> None:
    counts = {
        "measures": ("numerator", "patients", "patients - numerator", "excluded"),
        "measure_exclusions": ("patients",),
        "cumulative_incidence": ("at_risk", "events"),
        "score_trajectories": ("patients",),
        "risk_calibration": ("patients", "observed", "patients - observed"),
        "site_comparison": ("patients", "observed", "patients - observed"),
        "label_kinds": ("episodes",),
        "attrition": ("patients_left",),
        "submissions": ("rows_in", "rows_accepted", "rows_quarantined"),
        "rule_failures": ("rows_checked", "rows_failed"),
        "blanked_cells": ("rows_in", "cells"),
    }
    with duckdb.connect(str(release.dashboard), read_only=True) as con:
        for table, columns in counts.items():
            for column in columns:
                shown = con.execute(f"select count(*) from {table} where {column} between 1 and 10").fetchone()
                assert shown == (0,), (table, column)
        hidden = con.execute(
            "select count(*), count(numerator), count(patients), count(excluded), count(person_years), "
            "count(estimate), count(estimate_low), count(estimate_high) from measures where state = 'suppressed'"
        ).fetchone()
        assert hidden is not None
        assert hidden[0] > 0
        assert hidden[1:] == (0,) * 7
        names = con.execute("select site_id, name from sites order by site_id").fetchall()
    assert names == [("east", "east"), ("north", "North Clinic"), ("south", "south")]


def test_a_failed_build_leaves_everything_as_it_was(
    settings: Settings, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _state(settings.releases)
    stricter = settings.model_copy(update={"minimum_cell_count": 20})

    def fails(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(build, "_write_dashboard", fails)
    with pytest.raises(OSError):  # noqa: PT011 - raised above
        build_release(stricter)
    assert _state(settings.releases) == before
    assert current_release(settings) == release
    assert build_release(settings) == release


@pytest.mark.long
def test_a_release_as_known_earlier_leaves_current_where_it_is(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    fill_lake(settings, "2026-01")
    commit(settings, "west", "2026-03", {"patients": [{"patient_id": "west-p1", "index_period": "2024-01"}]})
    latest, earlier = build_release(settings), build_release(settings, as_known_on="2026-02")
    assert (latest.id[:7], earlier.id[:7]) == ("2026-03", "2026-01")
    assert earlier.folder.is_dir()
    assert current_release(settings) == latest


@pytest.mark.parametrize("patients", few(1, [3, 0]))
def test_a_registry_of_a_few_patients_shows_no_count(tmp_path: Path, patients: int) -> None:
    settings = Settings(home=tmp_path)
    release = _with_patients_more(settings, "2026-01", patients)
    assert release.counts["labels"] == len(label_definitions()) * patients
    _assert_shows_no_count(release)
    later = _with_patients_more(settings, "2026-02", patients)
    assert later.counts["labels"] == len(label_definitions()) * 2 * patients
    assert later.manifest["audit"]["compared_with"] == [release.id]
    _assert_shows_no_count(later)


def _with_patients_more(settings: Settings, period: str, patients: int) -> Release:
    names = [f"p{number}-{period}" for number in range(patients)]
    fusion = {"day": 0, "code_system": "CPT", "code": "22551"}
    rows: dict[str, list[dict[str, Any]]] = {
        "patients": [{"patient_id": name, "index_period": "2024-01"} for name in names],
        "procedures": [fusion | {"patient_id": name, "procedure_id": name} for name in names],
    }
    commit(settings, "west", period, rows)
    return build_release(settings)


def _assert_shows_no_count(release: Release) -> None:
    with duckdb.connect(str(release.dashboard), read_only=True) as con:
        assert con.execute("select count(*) from measures where patients > 0").fetchone() == (0,)
        assert con.execute("select count(*) from attrition where patients_left is not null").fetchone() == (0,)
        assert con.execute("select patient_count_rounded from release_info").fetchone() == (None,)


def test_targets_reach_the_charts_and_are_an_input_of_the_release(
    small_release: Settings, release: Release, tmp_path: Path
) -> None:
    settings = copied(small_release, tmp_path)
    text = "measure,target,author,reason\npain_6_months,0.25,Board,agreed\n"
    settings.targets_file.write_text(text, encoding="utf-8")
    with_targets = build_release(settings)
    assert current_release(settings).id == with_targets.id != release.id
    assert release.manifest["targets_sha256"] is None
    assert with_targets.manifest["targets_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    with with_targets.connect() as con:
        aims = con.execute("select distinct measure from control_charts where target is not null").fetchall()
        assured = con.execute("select count(*) from control_charts where target = 0.25 and assurance is not null")
        assert aims == [("pain_6_months",)]
        assert assured.fetchone() != (0,)
    settings.targets_file.write_text(text.replace("0.25", "25"), encoding="utf-8")
    with pytest.raises(OutcomesError, match="targets_malformed"):
        build_release(settings)
    settings.targets_file.unlink()
    assert build_release(settings).id == current_release(settings).id == release.id


SYNTHETIC = {
    "all of them": ([("west", "2026-01", True), ("north", "2026-01", True)], True),
    "real ones superseded": ([("west", "2025-12", False), ("west", "2026-01", True)], False),
    "a mixed lake": ([("west", "2026-01", True), ("north", "2026-01", False)], False),
}


def _lake_of(home: Path, submissions: list[tuple[str, str, bool]]) -> Settings:
    settings = Settings(home=home)
    for site_id, period, invented in submissions:
        commit(settings, site_id, period, {}, is_synthetic=invented)
    refused = SubmissionRecord("west-refused", "west", "2026-02", 1, "refused", "manifest_malformed")
    Lake(settings.lake).commit(refused)
    return settings


@pytest.mark.parametrize("name", SYNTHETIC)
def test_a_release_is_synthetic_when_every_accepted_submission_is(tmp_path: Path, name: str) -> None:
    submissions, is_synthetic = SYNTHETIC[name]
    settings = _lake_of(tmp_path, submissions)
    with connect_engine(settings) as con:
        Lake(settings.lake).attach_submissions(con)
        assert read_inputs(con, settings).is_synthetic is is_synthetic


def test_a_synthetic_release_says_so(tmp_path: Path) -> None:
    submissions, _ = SYNTHETIC["all of them"]
    release = build_release(_lake_of(tmp_path, submissions))
    assert release.is_synthetic is True
    with duckdb.connect(str(release.dashboard), read_only=True) as con:
        assert con.execute("select is_synthetic from release_info").fetchone() == (True,)
    with release.connect() as con:
        stated = con.execute(
            "select site_id, submission_period, is_synthetic from submissions where code is null"
        ).fetchall()
    assert sorted(stated) == sorted(submissions)


def test_what_does_not_say_that_it_is_synthetic_is_not(release: Release) -> None:
    assert release.is_synthetic is False
    with duckdb.connect(str(release.dashboard), read_only=True) as con:
        assert con.execute("select is_synthetic from release_info").fetchone() == (False,)
    manifest = {name: value for name, value in release.manifest.items() if name != "is_synthetic"}
    assert Release(release.id, release.folder, manifest).is_synthetic is False


def test_nothing_accepted_is_nothing_to_release(tmp_path: Path) -> None:
    with pytest.raises(OutcomesError) as refused:
        build_release(Settings(home=tmp_path))
    assert refused.value.code == "nothing_to_release"
    with pytest.raises(OutcomesError) as missing:
        current_release(Settings(home=tmp_path))
    assert missing.value.code == "no_release"


def test_a_connection_reads_the_release_and_nothing_else(
    settings: Settings, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTCOMES_HOME", str(settings.home))
    with outcomes.connect() as con, connect(release.id, settings) as other:
        assert con.execute("select count(*) from episodes").fetchone() == (IN_COHORT,)
        assert other.execute("select count(*) from episodes").fetchone() == (IN_COHORT,)
        with pytest.raises(duckdb.Error):
            con.execute("delete from episodes")
        with pytest.raises(duckdb.PermissionException):
            con.execute(f"from '{release.folder}/parquet/labels.parquet'")
    with pytest.raises(OutcomesError, match="no_release"):
        connect("../../elsewhere", settings)


_TYPES = {
    "string": {"string", "large_string"},
    "integer": {"int64", "int32"},
    "number": {"double"},
    "boolean": {"bool"},
}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _state(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.lstat().st_mtime_ns, path.lstat().st_ino)
        for path in folder.rglob("*")
        if path.name != ".lock"
    }


def _content(database: Path) -> dict[str, list[tuple[object, ...]]]:
    with duckdb.connect(str(database), read_only=True) as con:
        tables = [name for (name,) in con.execute("select table_name from duckdb_tables() order by 1").fetchall()]
        return {name: con.execute(f'from "{name}"').fetchall() for name in tables}


_BESIDE_THE_CURVE = """
select {first}, measures.estimate, measures.estimate_low, measures.estimate_high, curves.incidence, curves.low,
    curves.high
from measures
inner join measure_definitions as defined on measures.measure = defined.measure and defined.unit = 'incidence'
inner join curves
    on
        starts_with(measures.measure, concat(curves.outcome, '_'))
        and defined.horizon_day = curves.day
        and measures.site_id is not distinct from curves.site_id
        and measures.stratum_kind = curves.stratum_kind
        and measures.stratum is not distinct from curves.stratum
where measures.resolution = 'all' and curves.outcome in ('revision', 'asd')
"""


def test_an_incidence_is_the_curve_on_the_day_of_its_horizon(release: Release) -> None:
    exact = "with curves as (from cumulative_incidence where estimator = 'aalen_johansen')"
    with duckdb.connect(str(release.research), read_only=True) as con:
        rows = con.execute(exact + _BESIDE_THE_CURVE.format(first="measures.measure")).fetchall()
    assert {measure for measure, *_ in rows} >= {"revision_90_days", "revision_1_year"}
    for measure, *of_measure, incidence, low, high in rows:
        assert of_measure == pytest.approx([incidence, low, high]), measure
    with duckdb.connect(str(release.dashboard), read_only=True) as con:
        shown = "with curves as (from cumulative_incidence)" + _BESIDE_THE_CURVE
        rows = con.execute(
            shown.format(first="measures.state <> 'suppressed', measures.measure, curves.state")
        ).fetchall()
    assert {is_shown for is_shown, *_ in rows} == {True, False}
    for is_shown, measure, state, *of_measure, incidence, low, high in rows:
        # What the measures hide no curve shows.
        assert is_shown or state != "shown", measure
        assert state != "shown" or of_measure == [incidence, low, high], measure
