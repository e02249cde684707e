"""A way back: judged again by new rules, repaired after damage, and seen as it was known at a time."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from outcomes import pipeline
from outcomes.cli import app
from outcomes.errors import MISTAKES, OutcomesError
from outcomes.intake import rules as written_rules
from outcomes.intake import submission, validation
from outcomes.intake.landing import is_site_id
from outcomes.intake.reprocessing import JudgedAgain
from outcomes.lake import Damage, Lake
from outcomes.release.build import build_release, next_release_id
from outcomes.release.status import status
from outcomes.settings import Settings
from outcomes.sql.engine import connect
from tests.support.examples import few
from tests.support.files import snapshot
from tests.support.submissions import follow_up, fusion, image, patient, write_submission

VISITS = {"follow_ups": [follow_up(f"p{number}", neck_pain_nrs=number % 9) for number in range(12)]}
MONTHS = {
    "2026-01": {
        "patients": [patient(f"p{number}") for number in range(12)],
        "procedures": [fusion(f"p{number}") for number in range(12)],
        "imaging": [image("p1")],
    },
    "2026-02": {"patients": [patient("p20")], "procedures": [fusion("p20")]} | VISITS,
}


@pytest.fixture(scope="module")
def taken_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home)
    for period, tables in MONTHS.items():
        kind: Any = "full" if period == "2026-01" else "incremental"
        write_submission(settings, "north", period, tables, kind=kind)
    write_submission(settings, "south", "2026-01", MONTHS["2026-01"])
    pipeline.ingest_landed(settings)
    return home


@pytest.fixture
def settings(taken_in: Path, tmp_path: Path) -> Settings:
    shutil.copytree(taken_in, tmp_path / "home")
    return Settings(home=tmp_path / "home")


def run(settings: Settings, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["--home", str(settings.home), *arguments])


def rows(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    with connect(settings) as con:
        assert Lake(settings.lake).attach_sound(con) == []
        return {
            name: con.sql(f"from {name} order by all").fetchall()
            for name in ("patients", "procedures", "follow_ups", "imaging")
        }


def damage(settings: Settings) -> list[Damage]:
    with connect(settings) as con:
        return Lake(settings.lake).attach_sound(con)


@pytest.fixture
def stricter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new version of the rules: no visit may have a neck pain above 6."""
    found = written_rules.suite

    def suite(table: str) -> dict[str, Any]:
        written = found(table)
        rule = {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "neck_pain_nrs", "max_value": 6},
            "severity": "critical",
            "meta": {"code": "FUP-999", "reason": "too much", "category": "plausibility", "context": "verification"},
        }
        return written | {"expectations": [*written["expectations"], *[rule] * (table == "follow_ups")]}

    monkeypatch.setattr(written_rules, "suite", suite)
    monkeypatch.setattr(validation, "suite", suite)
    monkeypatch.setattr(submission, "rules_sha256", lambda: "new")
    monkeypatch.setattr(written_rules, "rules_sha256", lambda: "new")
    monkeypatch.setenv("OUTCOMES_MAX_CRITICAL_SHARE", "0.5")


@pytest.mark.usefixtures("stricter")
def test_new_rules_move_nothing_until_it_is_asked_for(taken_in: Path, tmp_path: Path) -> None:
    shutil.copytree(taken_in, tmp_path / "home")
    settings = Settings(home=tmp_path / "home")
    before = rows(settings)
    assert "no submission is waiting" in run(settings, "ingest").stdout
    assert rows(settings) == before

    files = snapshot(settings.home)
    tried = run(settings, "reprocess", "--dry-run")
    assert tried.exit_code == 0, tried.stderr
    assert "3 judged again, 1 with another result" in tried.stdout
    assert snapshot(settings.home) == files | {key: files[key] for key in files.keys() & snapshot(settings.home).keys()}
    assert rows(settings) == before

    assert len(pipeline.judged_by_old_rules(settings)) == 3
    release_before = next_release_id(settings)
    assert run(settings, "reprocess", "--site", "north", "--from", "2026-02").exit_code == 0
    assert [one.site_id + one.period for one in pipeline.judged_by_old_rules(settings)] == [
        "north2026-01",
        "south2026-01",
    ]
    after = rows(settings)
    assert len(after["follow_ups"]) == len(before["follow_ups"]) - 2
    assert after | {"follow_ups": None} == before | {"follow_ups": None}
    assert next_release_id(settings) != release_before, "the same submissions, but other rows in force"


@pytest.mark.usefixtures("stricter")
def test_a_backfill_applies_the_present_rules(settings: Settings) -> None:
    settings = Settings(home=settings.home)
    result = run(settings, "backfill", "--from", "2026-02", "--to", "2026-02")
    assert result.exit_code == 0, result.stderr
    assert "1 judged again, 1 with another result" in result.stdout
    (record,) = Lake(settings.lake).recorded("north", "2026-02")
    assert [one.rows_quarantined for one in record.tables if one.source_table == "follow_ups"] == [2]


def test_a_withdrawal_that_came_meanwhile_is_not_undone(settings: Settings) -> None:
    (record,) = pipeline.standing(settings, "south")
    pipeline.withdraw(settings, "south", "2026-01", "wrong_site")
    said: list[Any] = []
    pipeline.reprocess(settings, [record], said.append)
    assert [one.code for one in said] == ["submission_moved_on"]
    assert pipeline.standing(settings, "south") == []


def test_a_site_may_be_named_like_the_lake(settings: Settings) -> None:
    assert not is_site_id(settings.lake_lock.name)
    write_submission(settings, "lake", "2026-01", MONTHS["2026-01"])
    assert pipeline.ingest(settings, "lake", "2026-01").outcome == "accepted"


def test_a_submission_that_the_site_replaced_cannot_be_judged_again(settings: Settings) -> None:
    write_submission(settings, "north", "2026-02", {"patients": [patient("p21")], "procedures": []}, kind="incremental")
    result = run(settings, "reprocess", "--site", "north")
    assert result.exit_code == MISTAKES["delivery_replaced"].exit_status
    assert result.stderr.splitlines()[0].startswith("delivery_replaced: ")
    assert "1 judged again" in result.stdout


def test_a_good_a_refused_and_again_the_good_delivery_waits_for_nothing(settings: Settings) -> None:
    folder = settings.landing / "north" / "2026-02"
    good = snapshot(folder)
    write_submission(settings, "north", "2026-02", {"patients": [], "procedures": []}, data_cut="soon")
    assert run(settings, "ingest").exit_code == MISTAKES["submissions_refused"].exit_status
    for name, content in good.items():
        (folder / name).write_bytes(content)
    assert run(settings, "ingest").exit_code == 0
    assert status(settings).waiting == ()
    assert "waits for ingest" not in run(settings, "status").stdout


def test_status_of_one_site_since_a_month_or_a_time_for_machines(settings: Settings) -> None:
    def shown(*arguments: str) -> list[str]:
        found = json.loads(run(settings, "status", "--json", *arguments).stdout)
        return [f"{one['site_id']}/{one['period']} {one['status']}" for one in found["submissions"]]

    assert shown() == ["north/2026-01 accepted", "north/2026-02 accepted", "south/2026-01 accepted"]
    assert shown("--site", "north", "--since", "2026-02") == ["north/2026-02 accepted"]
    moment = max(one.recorded_at for one in Lake(settings.lake).attempts() if one.recorded_at)
    assert shown("--since", moment.isoformat()) == ["south/2026-01 accepted"]
    assert run(settings, "status", "--since", "lately").exit_code == MISTAKES["time_malformed"].exit_status


def test_a_month_that_a_later_full_submission_replaces_is_said_to_be_so(settings: Settings) -> None:
    write_submission(settings, "south", "2025-12", MONTHS["2026-02"], kind="incremental")
    result = run(settings, "ingest")
    assert result.exit_code == 0, result.stderr
    assert "south/2025-12: no row is in force, for a later full submission replaces it" in result.stdout
    assert "2026-02: no row" not in result.stdout


def _remove_log(lake: Path) -> None:
    shutil.rmtree(lake / "follow_ups" / "_delta_log")


def _garble_log(lake: Path) -> None:
    for path in (lake / "follow_ups" / "_delta_log").glob("*.json"):
        path.write_text("{ no json", encoding="utf-8")


def _file(lake: Path) -> Path:
    return next((lake / "follow_ups" / "site_id=north" / "period=2026-02").glob("*.parquet"))


def _truncate(lake: Path) -> None:
    content = _file(lake).read_bytes()
    _file(lake).write_bytes(content[: len(content) // 2])


def _remove_file(lake: Path) -> None:
    _file(lake).unlink()


def _empty(lake: Path) -> None:
    _file(lake).write_bytes(b"")


@pytest.mark.parametrize(
    "harm",
    few(2, [_truncate, _remove_log, _garble_log, _empty, _remove_file]),
)
def test_damage_is_named_stops_the_release_and_is_repaired(
    taken_in: Path, settings: Settings, harm: Callable[[Path], None]
) -> None:
    harm(settings.lake)
    assert damage(settings) == [Damage("north", "2026-02", "follow_ups")]
    assert run(settings, "status").exit_code == 0
    refused = run(settings, "release")
    assert refused.exit_code == MISTAKES["lake_damaged"].exit_status
    assert "north/2026-02 follow_ups" in refused.stderr
    assert not (settings.releases / "current").exists()

    repaired = run(settings, "repair")
    assert repaired.exit_code == 0, repaired.stderr
    assert "north/2026-02 is whole again" in repaired.stdout
    assert rows(settings) == rows(Settings(home=taken_in))
    assert damage(settings) == []


def test_damage_of_one_site_stops_no_other(settings: Settings) -> None:
    _truncate(settings.lake)
    write_submission(settings, "south", "2026-02", {"patients": [patient("p30")], "procedures": []}, kind="incremental")
    assert run(settings, "ingest").exit_code == 0
    write_submission(settings, "north", "2026-03", {"patients": [patient("p30")], "procedures": []}, kind="incremental")
    with pytest.raises(OutcomesError, match=r"lake_damaged.*follow_ups of north/2026-02"):
        pipeline.ingest(settings, "north", "2026-03")


def test_what_no_longer_lies_in_the_landing_folder_cannot_be_repaired(settings: Settings) -> None:
    _truncate(settings.lake)
    shutil.rmtree(settings.landing / "north" / "2026-02")
    result = run(settings, "repair")
    assert result.exit_code == MISTAKES["delivery_replaced"].exit_status
    assert "north/2026-02" in result.stderr


def test_a_release_goes_on_without_what_is_damaged_where_the_settings_say_so(settings: Settings) -> None:
    whole = next_release_id(settings)
    _truncate(settings.lake)
    lacking = build_release(Settings(home=settings.home, release_without_damaged=True))
    assert lacking.id != whole
    assert [(one["site_id"], one["period"]) for one in lacking.submissions if one["status"] == "damaged"] == [
        ("north", "2026-02")
    ]
    assert lacking.counts["follow_ups"] == 0
    assert run(settings, "repair").exit_code == 0
    assert not pipeline.release_is_current(settings)
    assert next_release_id(settings) == whole


def test_a_release_of_a_past_time_is_that_of_the_day(settings: Settings) -> None:
    before = build_release(settings)
    known = {path.name: path.read_bytes() for path in (before.folder / "parquet").iterdir()}
    moment = max(one.recorded_at for one in Lake(settings.lake).attempts() if one.recorded_at)
    write_submission(settings, "north", "2026-02", MONTHS["2026-02"] | {"follow_ups": []}, kind="incremental")
    judged: list[JudgedAgain] = []
    pipeline.ingest_each(settings, [("north", "2026-02")], on_judged_again=judged.append)
    pipeline.withdraw(settings, "south", "2026-01", "wrong_site")
    assert next_release_id(settings) != before.id
    shutil.rmtree(before.folder)
    rebuilt = pipeline.release(settings, moment.isoformat())
    assert rebuilt.id == before.id
    assert {path.name: path.read_bytes() for path in (rebuilt.folder / "parquet").iterdir()} == known


@pytest.mark.parametrize("text", ["2026-13", "yesterday", "2026-01-32T00:00", "13:00"])
def test_what_is_neither_month_nor_time_is_named(settings: Settings, text: str) -> None:
    assert run(settings, "release", "--as-known-on", text).exit_code == MISTAKES["time_malformed"].exit_status
