"""What a researcher does with releases: open, compare, rebuild an earlier one, read what every column means."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

import outcomes
from outcomes import cli, pipeline
from outcomes.errors import MISTAKES, OutcomesError
from outcomes.release import build
from outcomes.release.open import Release, current_release
from outcomes.settings import Settings
from outcomes.sql.catalog.marts import NO_UNIT, protected_marts, research_marts
from tests.integration.small_lake import PATIENTS_PER_SITE, SITES, commit
from tests.support.files import copied

IN_COHORT = len(SITES) * (PATIENTS_PER_SITE - 5)

OPEN_COLUMNS = {
    # keys, and lists of keys
    *("site_id", "patient_id", "submission_id", "record_id", "follow_up_id", "procedure_ids", "release_id"),
    # months, joints, and what else has a form of its own
    *("index_period", "submission_period", "data_to", "index_levels", "levels", "types", "eq5d_profile"),
    *("profile", "baseline_profile"),
    "code_version",
    # told by the label, the rule or the convention that the row is about
    *("labels.value_name", "labels.kind", "label_kinds.kind", "sensitivity.setting", "rule", "stratum"),
    *("validation_results.reason", "rule_failures.reason", "risk_models.term", "risk_models.level"),
    *("rule_definitions.reason", "rule_definitions.columns", "rule_definitions.marts"),
    *("rule_history.reason", "rule_history.period_before"),
    *("blanked_cells.reason", "blanked_cells.column_name", "events.joint", "events.code_group", "events.labels"),
    # texts
    *("title", "why", "measure_definitions.numerator", "denominator", "exclusions", "owner", "next_review"),
    *("reason_for_chart", "rules", "annotation", "annotation_author", "annotation_reason"),
    *("target_author", "target_reason"),
    *("definition_text", "guide", "sites.name"),
}
"""Columns of text in which any value may stand. A new one is listed here, or its header states the list (`enum`)."""


@pytest.fixture(scope="module")
def settings(small_release: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return copied(small_release, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def earlier(settings: Settings) -> Release:
    """The release of January, as it was published then."""
    return current_release(settings)


@pytest.fixture(scope="module")
def later(settings: Settings, earlier: Release) -> Release:
    """In March, west comes in, and north sends a visit with much pain of the first patient who has one."""
    fusion = {"day": 0, "code_system": "CPT", "code": "22551", "levels": "C5-6"}
    patients = [{"patient_id": f"west-p{number}", "index_period": "2024-01"} for number in range(3)]
    fusions = [fusion | {"patient_id": f"west-p{number}", "procedure_id": f"west-c{number}"} for number in range(3)]
    commit(settings, "west", "2026-03", {"patients": patients, "procedures": fusions})
    visit = {"patient_id": "north-p001", "follow_up_id": "north-p001-late", "day": 200, "neck_pain_nrs": 9.0}
    commit(settings, "north", "2026-03", {"follow_ups": [visit]})
    with pytest.MonkeyPatch.context() as patch:
        # What two releases tell together is tried elsewhere; of these it would take 40 s.
        patch.setattr(build, "_published_before", lambda *_: build.Before())
        return pipeline.release(settings)


def run(settings: Settings, *arguments: str) -> Any:
    return CliRunner().invoke(cli.app, ["--home", str(settings.home), *arguments])


def test_importing_the_package_loads_no_database() -> None:
    code = (
        "import sys, outcomes; assert not {'duckdb', 'pyarrow', 'pandas'} & sys.modules.keys(); "
        "assert callable(outcomes.connect) and callable(outcomes.open_release)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_release_is_opened_by_its_id(
    settings: Settings, earlier: Release, later: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTCOMES_HOME", str(settings.home))
    assert outcomes.open_release() == outcomes.open_release("current") == later
    found = outcomes.open_release(earlier.id)
    assert (found.id, found.folder, found.data_to) == (earlier.id, settings.releases / earlier.id, "2026-01")
    assert found.definitions["suspected_asd"] >= 1
    assert found.code_version == later.code_version
    assert {each["site_id"] for each in found.submissions if each["status"] == "accepted"} == set(SITES)
    assert found.counts["episodes"] == parquet.read_metadata(found.parquet("episodes")).num_rows == IN_COHORT
    with found.connect() as con, outcomes.connect(earlier.id) as other:
        assert con.execute("select count(*) from episodes").fetchone() == (IN_COHORT,)
        assert other.execute("select count(*) from episodes").fetchone() == (IN_COHORT,)
        with pytest.raises(duckdb.Error):
            con.execute("delete from episodes")
        with pytest.raises(duckdb.PermissionException):
            con.execute(f"from '{found.parquet('labels')}'")


def test_the_package_offers_five_names() -> None:
    offered = {"Release", "Settings", "__version__", "connect", "open_release"}
    assert offered == set(outcomes.__all__) <= set(dir(outcomes))
    assert (outcomes.Release, outcomes.Settings) == (Release, Settings)
    assert outcomes.__version__ == importlib.metadata.version("outcomes")
    with pytest.raises(AttributeError, match="no attribute 'release_of_last_year'"):
        _ = outcomes.release_of_last_year


@pytest.mark.parametrize("release_id", ["2020-01-none", "../..", "", "/"])
def test_a_release_that_is_not_there_is_named(settings: Settings, earlier: Release, release_id: str) -> None:
    with pytest.raises(OutcomesError, match=r"^no_release: "):
        outcomes.open_release(release_id, settings)


def test_the_difference_of_two_releases(settings: Settings, earlier: Release, later: Release) -> None:
    result = run(settings, "diff", earlier.id, "current", "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["before"], found["after"]) == (earlier.id, later.id)
    assert (found["inputs"], found["definitions"], found["columns"]) == ([], [], [])
    assert [(each["site_id"], each["period"], each["before"], each["after"]) for each in found["submissions"]] == [
        ("north", "2026-03", None, "accepted"),
        ("west", "2026-03", None, "accepted"),
    ]
    rows = {each["mart"]: (each["before"], each["after"]) for each in found["rows"]}
    assert rows["episodes"] == (IN_COHORT, IN_COHORT + 3)
    pain = [each for each in found["labels"] if each["label"] == "pain_past_3_months"]
    assert sum(each["episodes"] for each in pain if each["before"] is None) == 3
    change = {"label": "pain_past_3_months", "before": "no", "after": "yes"}
    assert change | {"reasons": ["new_submission", "patient_data"], "episodes": 1} in pain
    assert "north-p" not in result.stdout


def test_the_difference_as_tables(settings: Settings, earlier: Release, later: Release) -> None:
    result = run(settings, "diff", earlier.id, later.id)
    assert result.exit_code == 0, result.stderr
    assert f"from release {earlier.id} to {later.id}" in result.stdout
    assert "inputs that differ: none" in result.stdout
    assert "definitions: no difference" in result.stdout
    assert "no → yes: 1" in result.stdout
    assert "new submission, patient data" in result.stdout
    assert "north-p" not in result.stdout


def test_no_difference_from_a_release_to_itself(settings: Settings, earlier: Release) -> None:
    result = run(settings, "diff", earlier.id, earlier.id)
    assert result.exit_code == 0, result.stderr
    for part in ("submissions", "definitions", "columns", "labels"):
        assert f"{part}: no difference" in result.stdout


def test_a_difference_from_a_release_that_is_not_there(settings: Settings, earlier: Release) -> None:
    result = run(settings, "diff", earlier.id, "2020-01-none")
    assert result.exit_code == MISTAKES["no_release"].exit_status
    assert result.stderr.startswith("no_release: there is no such release")


def test_a_release_as_known_earlier_is_the_one_that_was_published_then(
    settings: Settings, earlier: Release, later: Release, tmp_path: Path
) -> None:
    published = shutil.move(earlier.folder, tmp_path / "published")
    result = run(settings, "release", "--as-known-on", "2026-02")
    assert result.exit_code == 0, result.stderr
    assert f"release {earlier.id}" in result.stdout
    assert outcomes.open_release(settings=settings) == later, "current has been moved back"
    names = sorted(path.relative_to(published).as_posix() for path in Path(published).rglob("*") if path.is_file())
    assert names == sorted(
        path.relative_to(earlier.folder).as_posix() for path in earlier.folder.rglob("*") if path.is_file()
    )
    alike = [name for name in names if not name.endswith(".duckdb") and name != "SHA256SUMS"]
    assert {"parquet/labels.parquet", "parquet/label_evidence.parquet", "manifest.json"} <= set(alike)
    for name in alike:
        assert (earlier.folder / name).read_bytes() == (Path(published) / name).read_bytes(), name


def test_as_known_on_wants_a_month_or_a_time(settings: Settings, earlier: Release) -> None:
    result = run(settings, "release", "--as-known-on", "2026-02-31")
    assert result.exit_code == MISTAKES["time_malformed"].exit_status


@pytest.fixture(scope="module")
def packages(later: Release) -> dict[str, Any]:
    """The codebooks of the row-level and of the protected marts, as the release holds them."""
    return {
        file: json.loads((later.folder / file).read_text(encoding="utf-8"))
        for file in ("datapackage.json", "dashboard.datapackage.json")
    }


def test_the_codebooks_list_every_table_and_column_of_both_files(later: Release, packages: dict[str, Any]) -> None:
    for database, package in zip((later.research, later.dashboard), packages.values(), strict=True):
        described = {
            (resource["name"], field["name"])
            for resource in package["resources"]
            for field in resource["schema"]["fields"]
        }
        with duckdb.connect(str(database), read_only=True) as con:
            found = con.execute("select table_name, column_name from duckdb_columns() where not internal").fetchall()
        assert set(found) == described
        assert package["version"] == later.id
        for resource in package["resources"]:
            assert (later.folder / resource["path"]).is_file()


def test_every_column_is_described_with_its_unit_and_its_values(packages: dict[str, Any]) -> None:
    """A number states a unit, or that it has none; a text states its closed list, or is known to be open."""
    undescribed, without_unit, without_list = [], [], []
    for package in packages.values():
        for resource in package["resources"]:
            for field in resource["schema"]["fields"]:
                name = f"{resource['name']}.{field['name']}"
                if not field["description"]:
                    undescribed.append(name)
                if field["type"] in ("integer", "number") and not field.get("unit"):
                    without_unit.append(name)
                is_open = bool({name, field["name"]} & OPEN_COLUMNS)
                if field["type"] == "string" and is_open == ("enum" in field.get("constraints", {})):
                    without_list.append(name)
    assert (undescribed, without_unit, without_list) == ([], [], [])


def test_no_comment_and_no_heading_speaks_of_a_unit_that_there_is_not() -> None:
    for mart in (*research_marts(), *protected_marts()):
        for column in mart.columns:
            assert not column.comment.endswith(f"({NO_UNIT})")


def test_no_value_stands_outside_its_closed_list(later: Release, packages: dict[str, Any]) -> None:
    for database, package in zip((later.research, later.dashboard), packages.values(), strict=True):
        with duckdb.connect(str(database), read_only=True) as con:
            for resource in package["resources"]:
                for field in resource["schema"]["fields"]:
                    allowed = field.get("constraints", {}).get("enum")
                    if allowed:
                        values = con.execute(f'select distinct "{field["name"]}" from "{resource["name"]}"').fetchall()
                        assert {value for (value,) in values} <= {*allowed, None}, (resource["name"], field["name"])


def test_a_column_that_says_nothing_of_null_holds_none(later: Release) -> None:
    found = []
    for database, marts in ((later.research, research_marts()), (later.dashboard, protected_marts())):
        with duckdb.connect(str(database), read_only=True) as con:
            for mart in marts:
                for name in (column.name for column in mart.columns if not column.may_be_null):
                    nulls = con.execute(f'select count(*) from "{mart.name}" where "{name}" is null').fetchone()
                    found += [(mart.name, name)] if nulls != (0,) else []
    assert found == []


def test_a_primary_key_is_never_null(later: Release, packages: dict[str, Any]) -> None:
    for database, package in zip((later.research, later.dashboard), packages.values(), strict=True):
        with duckdb.connect(str(database), read_only=True) as con:
            for resource in package["resources"]:
                for name in resource["schema"].get("primaryKey", []):
                    nulls = con.execute(f'select count(*) from "{resource["name"]}" where "{name}" is null').fetchone()
                    assert nulls == (0,), (resource["name"], name)
    keys = {each["name"]: each["schema"].get("primaryKey") for each in packages["datapackage.json"]["resources"]}
    assert keys["labels"] == ["site_id", "patient_id", "label"]


def test_the_environment_names_no_release(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OUTCOMES_HOME", os.fspath(tmp_path))
    with pytest.raises(OutcomesError, match="no_release"):
        outcomes.connect()
