"""`outcomes sensitivity --set` labels again in a scratch release, and leaves the published one as it is."""

import json
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from outcomes.cli import app
from outcomes.release.open import Release, current_release
from outcomes.settings import Settings
from tests.integration.small_lake import commit
from tests.support.examples import few
from tests.support.files import copied, snapshot
from tests.support.submissions import fusion, patient


@pytest.fixture(scope="module")
def settings(small_release: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return copied(small_release, tmp_path_factory.mktemp("home"))


@pytest.fixture
def release(settings: Settings) -> Release:
    return current_release(settings)


def _asked(settings: Settings, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["--home", str(settings.home), "sensitivity", *arguments])
    return result.exit_code, result.stdout if result.exit_code == 0 else result.stderr


def _painful(folder: Path) -> int:
    labels = folder / "parquet" / "labels.parquet"
    query = f"select count(*) from '{labels}' where label = 'pain_past_3_months' and status = 'yes'"
    ((count,),) = duckdb.execute(query).fetchall()
    return int(count)


def test_other_thresholds_give_other_answers_and_the_release_stays(settings: Settings, release: Release) -> None:
    before = snapshot(settings.releases)
    status, text = _asked(settings, "--set", "pain_nrs=11", "--set", "pain_ndi_percent=101", "--json")
    assert status == 0, text
    trial = json.loads(text)
    assert (trial["before"], trial["inputs"], trial["definitions"]) == (release.id, ["thresholds"], [])
    assert (trial["submissions"], trial["columns"]) == ([], [])
    assert _painful(release.folder) > 0 == _painful(Path(trial["folder"]))
    moved = {(each["label"], each["before"], each["after"]): each["episodes"] for each in trial["labels"]}
    assert moved["pain_past_3_months", "yes", "no"] == _painful(release.folder)
    assert snapshot(settings.releases) == before
    assert current_release(settings).id == release.id


def test_the_declared_values_change_nothing(settings: Settings) -> None:
    status, text = _asked(settings, "--set", "pain_nrs=4", "--set", "arm_pain_drop=0.30")
    assert status == 0
    assert "inputs that differ: none" in text
    assert "labels: no difference" in text


@pytest.mark.parametrize("value", few(1, ["x/../../releases", "..", "58" * 200]))
def test_no_value_leads_out_of_the_scratch_folder(settings: Settings, release: Release, value: str) -> None:
    before = snapshot(settings.releases)
    for _ in range(2):
        status, text = _asked(settings, "--set", f"planned_stage_modifier={value}", "--json")
        assert status == 0, text
        assert Path(json.loads(text)["folder"]).resolve().parent == settings.scratch.resolve()
    assert snapshot(settings.releases) == before
    assert current_release(settings).id == release.id


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (["--set", "pain=4"], "threshold_unknown: "),
        (["--set", "pain_nrs=four"], "threshold_malformed: "),
        (["--set", "pain_nrs=nan"], "threshold_malformed: "),
        (["--set", "pain_nrs=-inf"], "threshold_malformed: "),
        (["--set", "pain_nrs=1_0"], "threshold_malformed: "),
        (["--set", "pain_nrs=1e1"], "threshold_malformed: "),
        (["--set", "pain_nrs="], "write NAME=VALUE"),
        (["--set", "pain_nrs"], "write NAME=VALUE"),
    ],
)
def test_what_cannot_be_tried_is_named(settings: Settings, given: list[str], code: str) -> None:
    status, text = _asked(settings, *given)
    assert status != 0
    assert code in text


def test_a_lake_that_has_moved_on_asks_for_a_release_first(small_release: Settings, tmp_path: Path) -> None:
    settings = copied(small_release, tmp_path)
    commit(settings, "west", "2026-01", {"patients": [patient("w1")], "procedures": [fusion("w1")]})
    status, text = _asked(settings, "--set", "pain_nrs=5")
    assert status != 0
    assert text.startswith("release_outdated: ")
    assert not settings.scratch.exists() or not any(settings.scratch.iterdir())
