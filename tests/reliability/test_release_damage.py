"""A damaged release is named when it is opened, and stops nothing: not the next release, not the other readers."""

import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from dashboards.access.scope import Scope
from dashboards.data.reader import Releases
from dashboards.reports import write_report
from outcomes import pipeline
from outcomes.cli import app
from outcomes.disclosure.audit import PublishedTables
from outcomes.disclosure.protect import protected_tables
from outcomes.errors import MISTAKES, OutcomesError
from outcomes.release import build, verify
from outcomes.release.build import build_release
from outcomes.release.open import DASHBOARD, MANIFEST, RESEARCH, Release, current_release, open_release
from outcomes.release.publish import publish
from outcomes.release.verify import SUMS, file_sha256, seal
from outcomes.settings import Settings
from tests.integration.small_lake import released_small_lake
from tests.support.dashboard_release import FIRST_ID, SECOND_ID, write_release
from tests.support.files import copied
from tests.support.small_releases import current_id, cut, is_whole, put, writes

LABELS = "parquet/labels.parquet"


def _flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (_remove(MANIFEST), "manifest.json is missing"),
    "another manifest": (lambda folder: _flip_a_bit(folder / MANIFEST), "manifest.json has changed"),
    "no sums": (_remove(SUMS), "SHA256SUMS is missing"),
    "sums that are none": (lambda folder: (folder / SUMS).write_text("what?"), "SHA256SUMS cannot be read"),
    "sums cut off": (lambda folder: (folder / SUMS).write_text(""), "dashboard.duckdb is not one of its files"),
    "an extra file": (lambda folder: (folder / "notes.txt").write_text(""), "notes.txt is not one of its files"),
    "an extra link": (lambda folder: (folder / "a").symlink_to(folder / "parquet"), "a is not one of its files"),
    "no research.duckdb": (_remove(RESEARCH), "research.duckdb is missing"),
    "research.duckdb cut off": (lambda folder: cut(folder / RESEARCH), "research.duckdb has changed"),
    "a bit of research.duckdb": (lambda folder: _flip_a_bit(folder / RESEARCH), "research.duckdb has changed"),
    "dashboard.duckdb cut off": (lambda folder: cut(folder / DASHBOARD), "dashboard.duckdb has changed"),
    "no Parquet": (_remove(LABELS), "parquet/labels.parquet is missing"),
    "Parquet cut off": (lambda folder: cut(folder / LABELS), "parquet/labels.parquet has changed"),
}


def _use(release: Release) -> None:
    assert all((release.research, release.dashboard, release.parquet("labels")))


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named_by_whoever_opens_the_release(tmp_path: Path, name: str) -> None:
    damage, said = DAMAGE[name]
    settings = Settings(home=tmp_path)
    folder = put(settings.releases, "a")
    _use(current_release(settings))
    damage(folder)
    for release_id in (None, "a"):
        with pytest.raises(OutcomesError) as found:
            _use(open_release(release_id, settings))
        assert (found.value.code, found.value.where) == ("release_damaged", f"a: {said}")


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_release_is_built_anew_and_nothing_of_it_stays(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    damage, said = DAMAGE[name]
    damage(put(tmp_path, "a"))
    assert is_whole(put(tmp_path, "a"))
    assert current_id(tmp_path) == "a"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "a", "current", "history.jsonl"]
    assert f"a: {said}" in caplog.text


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_release_does_not_stop_the_next(tmp_path: Path, name: str) -> None:
    DAMAGE[name][0](put(tmp_path, "a"))
    assert is_whole(put(tmp_path, "b"))
    assert current_id(tmp_path) == "b"


def test_a_file_is_summed_once_while_it_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=tmp_path)
    folder = put(settings.releases, "a")
    summed: list[str] = []
    sha256 = file_sha256

    def counted(path: Path) -> str:
        summed.append(path.name)
        return sha256(path)

    monkeypatch.setattr(verify, "file_sha256", counted)
    verify._sha256_once.cache_clear()
    for _ in range(3):
        _ = open_release("a", settings).research
    assert summed == [MANIFEST, RESEARCH]
    os.utime(folder / RESEARCH, ns=(1, 1))
    _ = open_release("a", settings).research
    assert summed == [MANIFEST, RESEARCH, RESEARCH]


def test_a_query_on_a_damaged_release_ends_with_its_code(tmp_path: Path) -> None:
    cut(put(tmp_path / "releases", "a") / RESEARCH)
    result = CliRunner().invoke(app, ["--home", str(tmp_path), "query", "from labels"])
    assert result.exit_code == MISTAKES["release_damaged"].exit_status == 87
    assert "release_damaged: a file of a release is missing" in result.stderr
    assert "(a: research.duckdb has changed). To do: restore its folder from a backup; or run" in result.stderr


def test_a_database_that_cannot_be_opened_although_its_sum_is_right_is_a_damaged_release(tmp_path: Path) -> None:
    """As one that another version of DuckDB wrote: it is what was published, and nobody can read it."""
    folder = put(tmp_path / "releases", "a")
    result = CliRunner().invoke(app, ["--home", str(tmp_path), "query", "from labels"])
    assert result.exit_code == MISTAKES["release_damaged"].exit_status
    assert "(a: research.duckdb cannot be opened). To do:" in result.stderr
    assert Releases(folder.parent).read(Scope("quinn", frozenset({"ashworth"}), "quality")) is None


def test_a_kept_release_that_cannot_be_opened_is_not_compared(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def write(folder: Path) -> None:
        writes("a")(folder)
        (folder / "parquet" / "measures.parquet").write_text("a")

    publish(tmp_path, "a", write, kept=5)
    assert build._published_before(tmp_path, "b") == build.Before({}, ("a",))
    assert "cannot be audited: a: dashboard.duckdb cannot be opened" in caplog.text
    (tmp_path / "a" / DASHBOARD).unlink()
    _write_nothing_told(tmp_path / "a" / DASHBOARD)
    seal(tmp_path / "a")
    assert build._published_before(tmp_path, "b") == build.Before({}, ("a",))
    assert "cannot be audited: a: it cannot be read (" in caplog.text


def _write_nothing_told(database: Path) -> None:
    with duckdb.connect(str(database)) as con:
        con.execute("create table release_info as select 11 as minimum_cell_count")


@pytest.mark.parametrize("name", [MANIFEST, DASHBOARD, RESEARCH])
def test_a_damaged_older_release_hinders_neither_pages_nor_reports(tmp_path: Path, name: str) -> None:
    for release_id in (FIRST_ID, SECOND_ID):
        write_release(tmp_path, release_id, sites=2)
    releases = Releases(tmp_path / "releases")
    cut(releases.folder / FIRST_ID / name)
    assert releases.is_synthetic() is True
    for wanted in (FIRST_ID, None):
        reader = releases.read(Scope("quinn", frozenset({"ashworth"}), "quality"), wanted)
        assert reader is not None
        assert reader.release_id == SECOND_ID
    assert write_report(Settings(home=tmp_path), "ashworth").is_file()


def test_pages_follow_a_release_that_was_damaged_and_built_anew(tmp_path: Path) -> None:
    scope = Scope("quinn", frozenset({"ashworth"}), "quality")
    releases = Releases(tmp_path / "releases")
    folder = write_release(tmp_path, FIRST_ID, sites=2)
    first = releases.read(scope)
    assert first is not None
    (folder / MANIFEST).unlink()
    write_release(tmp_path, FIRST_ID, sites=2)
    again = releases.read(scope)
    assert again is not None
    assert again._opened is not first._opened
    cut(folder / DASHBOARD)
    assert Releases(tmp_path / "releases").read(scope) is None
    with pytest.raises(OutcomesError, match=r"dashboard\.duckdb has changed"):
        write_report(Settings(home=tmp_path), "ashworth")


# --- releases of a lake ------------------------------------------------------------------------------------------

OLDER, NEWER = "2025-11-aaaaaaaaaaaa", "2025-12-bbbbbbbbbbbb"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lake with a release of its own, and two of the same tables that were published before it."""
    settings = copied(released_small_lake(tmp_path_factory), tmp_path_factory.mktemp("home"))
    template = current_release(settings).folder.rename(settings.home / "template")
    (settings.releases / "current").unlink()
    (settings.releases / "history.jsonl").unlink()
    for release_id in (OLDER, NEWER):
        publish(settings.releases, release_id, _copies(template, release_id), kept=5)
    return settings


def _copies(template: Path, release_id: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        shutil.copytree(template, folder, dirs_exist_ok=True)
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        (folder / MANIFEST).write_text(json.dumps(manifest | {"release_id": release_id}), encoding="utf-8")

    return write


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[list[PublishedTables]]:
    """What the audits of the builds were given as published before."""
    given: list[list[PublishedTables]] = []

    def spy(*arguments: Any) -> Any:
        given.append(arguments[3])
        return protected_tables(*arguments)

    monkeypatch.setattr(build, "protected_tables", spy)
    return given


def test_the_audit_takes_the_newest_sound_release_and_says_which_it_could_not(
    settings: Settings, compared: list[list[PublishedTables]], caplog: pytest.LogCaptureFixture
) -> None:
    cut(settings.releases / NEWER / DASHBOARD)
    result = CliRunner().invoke(app, ["--home", str(settings.home), "release"])
    assert result.exit_code == 0, result.stderr
    assert f"damaged releases that readers may have seen: {NEWER}" in result.stderr
    assert f"cannot be audited: {NEWER}: dashboard.duckdb has changed" in caplog.text
    release = current_release(settings)
    assert release.manifest["audit"] == {"compared_with": [OLDER], "not_compared_with": [NEWER]}
    assert [[before.measures is not None for before in each] for each in compared] == [[True]]

    # Damaged itself, it is built anew as it was: compared with the same release and not with itself.
    (release.folder / "notes.txt").touch()
    assert not pipeline.release_is_current(settings)
    again = build_release(settings)
    assert again == release
    assert len(compared) == 2
    assert pipeline.release_is_current(settings)

    _roll_back_and_release(settings, release, caplog)


def _roll_back_and_release(settings: Settings, release: Release, caplog: pytest.LogCaptureFixture) -> None:
    """The same lake again after a rollback: the release that was rolled back stays so, and this is said."""

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["--home", str(settings.home), *arguments])

    damaged = run("rollback", NEWER)
    assert damaged.exit_code == MISTAKES["release_damaged"].exit_status
    assert f"{NEWER}: dashboard.duckdb has changed" in damaged.stderr
    assert current_release(settings) == release
    back = run("rollback", OLDER, "--reason", "a wrong export")
    assert (back.exit_code, back.stdout) == (0, f"current: release {OLDER} (until now {release.id})\n")
    with caplog.at_level(logging.WARNING):
        released = run("release")
    assert released.exit_code == 0
    assert f"release {OLDER}: " in released.stdout
    assert f"`current` stays at {OLDER}. To make it current again: outcomes rollback {release.id}" in caplog.text
    assert pipeline.release_is_current(settings)
    assert current_release(settings).id == OLDER

    assert run("rollback", release.id).exit_code == 0
    assert f"release {release.id} is current already" in run("rollback", release.id).stdout
    assert build_release(settings) == current_release(settings) == release
    lines = (settings.releases / "history.jsonl").read_text(encoding="utf-8").splitlines()
    moves = [json.loads(line) for line in lines]
    assert [(move["action"], move["before"], move["after"], move["reason"]) for move in moves] == [
        ("release", None, OLDER, None),
        ("release", OLDER, NEWER, None),
        ("release", NEWER, release.id, None),
        ("rollback", release.id, OLDER, "a wrong export"),
        ("rollback", OLDER, release.id, None),
    ]


def test_where_no_release_before_can_be_read_this_is_said(tmp_path: Path) -> None:
    folder = put(tmp_path, "a")
    (folder / DASHBOARD).unlink()
    before = build._published_before(tmp_path, "b")
    assert (before.tables, before.damaged) == ({}, ("a",))


def test_a_trial_of_thresholds_reads_its_scratch_release(tmp_path: Path) -> None:
    writes("a")(tmp_path)
    seal(tmp_path)
    assert Release("a", tmp_path, {}).parquet("labels").read_text() == "a"
