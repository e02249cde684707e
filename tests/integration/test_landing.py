"""What lies in a landing folder: tables are found, nothing that may hold rows is passed over, nothing odd is opened."""

import os
import shutil
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from outcomes import pipeline
from outcomes.cli import app
from outcomes.errors import MISTAKES, SubmissionRefused
from outcomes.intake.manifest import MANIFEST, is_as_stated, write_manifest
from outcomes.lake import Lake
from outcomes.release.status import status
from outcomes.settings import Settings
from tests.support.submissions import DATA_CUT, fusion, image, patient, write_csv, write_submission

SITE, PERIOD = "north", "2025-05"
TABLES = {"patients": [patient()], "procedures": [fusion()], "imaging": [image()]}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def folder(settings: Settings) -> Path:
    return write_submission(settings, SITE, PERIOD, TABLES)


def refusal_of(settings: Settings) -> str:
    with pytest.raises(SubmissionRefused) as refused:
        pipeline.ingest(settings, SITE, PERIOD)
    return refused.value.code


def restated(folder: Path) -> None:
    write_manifest(
        folder, site_id=SITE, period=PERIOD, kind="full", deidentification_method="limited_data_set", data_cut=DATA_CUT
    )


@pytest.mark.parametrize("name", ["imaging.CSV", "Imaging.csv", "IMAGING.Csv"])
def test_a_table_is_read_whatever_the_case_of_its_name(settings: Settings, folder: Path, name: str) -> None:
    (folder / "imaging.csv").rename(folder / name)
    assert refusal_of(settings) == "file_unlisted"
    restated(folder)
    assert pipeline.ingest(settings, SITE, PERIOD).rows_in == 3


@pytest.mark.parametrize("name", ["imaging.CSV", "Imaging (1).csv", "imaging.PARQUET"])
def test_a_table_that_the_manifest_does_not_list_is_refused(settings: Settings, folder: Path, name: str) -> None:
    shutil.copy(folder / "imaging.csv", folder / name)
    assert refusal_of(settings) == "file_unlisted"


@pytest.mark.parametrize("name", ["imaging.csv.gz", "imaging.tsv", "imaging.xlsx", "extract.zip", "notes.txt", "x"])
def test_another_format_is_refused_by_manifest_and_by_ingest(settings: Settings, folder: Path, name: str) -> None:
    (folder / name).write_text("rows", encoding="utf-8")
    assert refusal_of(settings) == "file_format"
    with pytest.raises(SubmissionRefused, match=r"^file_format: ") as refused:
        restated(folder)
    assert refused.value.where == ("imaging 1" if name.startswith("imaging") else "another file 1")


def test_a_folder_inside_is_refused(settings: Settings, folder: Path) -> None:
    (folder / "imaging").mkdir()
    (folder / "imaging.csv").rename(folder / "imaging" / "imaging.csv")
    assert refusal_of(settings) == "file_format"


@pytest.mark.parametrize("name", [".DS_Store", "._imaging.csv", ".imaging.csv.Xq3", "~$imaging.xlsx", "Thumbs.db"])
def test_what_systems_leave_is_none_of_the_delivery(settings: Settings, folder: Path, name: str) -> None:
    (folder / name).write_text("left", encoding="utf-8")
    assert pipeline.ingest(settings, SITE, PERIOD).rows_in == 3


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def _link(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _link_within(path: Path) -> None:
    path.symlink_to(path.parent / "patients.csv")


def _device(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero
    except PermissionError:
        pytest.skip("only the superuser can make a device")


@pytest.mark.parametrize("make", [_pipe, _socket, _link, _link_within, _device])
@pytest.mark.parametrize("name", ["imaging.csv", MANIFEST])
def test_what_is_no_plain_file_is_never_opened(
    settings: Settings, folder: Path, make: Callable[[Path], None], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / name).unlink(missing_ok=True)
    monkeypatch.chdir(folder)  # the path of a socket is short
    make(Path(name) if make is _socket else folder / name)
    write_submission(settings, "south", PERIOD, TABLES)
    results = pipeline.ingest_each(settings, [(each.site_id, each.period) for each in pipeline.waiting(settings)])
    assert [result.refusal and result.refusal.code for result in results] == ["file_special", None]
    assert [each.code for each in status(settings).submissions] == ["file_special", None]


def test_a_linked_folder_is_refused(settings: Settings, folder: Path, tmp_path: Path) -> None:
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert refusal_of(settings) == "file_special"


@pytest.mark.parametrize("name", ["imaging.csv", MANIFEST])
def test_a_file_that_may_not_be_read_is_named_and_stops_no_other_site(
    settings: Settings, folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_any = os.open

    def open_others(path: Any, *arguments: Any, **options: Any) -> int:
        if Path(path) == folder / name:
            raise PermissionError
        return open_any(path, *arguments, **options)

    monkeypatch.setattr(os, "open", open_others)
    write_submission(settings, "south", PERIOD, TABLES)
    results = pipeline.ingest_each(settings, [(each.site_id, each.period) for each in pipeline.waiting(settings)])
    assert [result.refusal and result.refusal.code for result in results] == ["file_denied", None]


def _replace(folder: Path) -> None:
    write_csv(folder / "imaging.csv", "imaging", [image(day=30), image(day=60)])


def _replace_by_an_older_file(folder: Path) -> None:
    aside = folder.parent / "aside.csv"
    write_csv(aside, "imaging", [image(day=30), image(day=60)])
    os.utime(aside, (0, 0))
    aside.replace(folder / "imaging.csv")


def _take_away(folder: Path) -> None:
    (folder / "imaging.csv").unlink()


def _add(folder: Path) -> None:
    write_csv(folder / "follow_ups.csv", "follow_ups", [])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_replace, "checksum_mismatch"),
        (_replace_by_an_older_file, "checksum_mismatch"),
        (_take_away, "file_missing"),
        (_add, "file_unlisted"),
    ],
)
def test_files_of_an_accepted_submission_that_changed_without_a_new_manifest_are_noticed(
    settings: Settings, folder: Path, change: Callable[[Path], None], code: str
) -> None:
    accepted = pipeline.ingest(settings, SITE, PERIOD)
    assert pipeline.waiting(settings) == []
    change(folder)
    assert [(each.site_id, each.period) for each in pipeline.waiting(settings)] == [(SITE, PERIOD)]
    assert [(each.site_id, each.period) for each in status(settings).waiting] == [(SITE, PERIOD)]
    for arguments in (["ingest"], ["ingest", f"{SITE}/{PERIOD}"], ["backfill", "--from", PERIOD, "--to", PERIOD]):
        result = CliRunner().invoke(app, ["--home", str(settings.home), *arguments])
        assert result.exit_code == MISTAKES["submissions_refused"].exit_status
        assert result.stderr.startswith(f"{code}: ")
    assert [each.submission_id for each in Lake(settings.lake).recorded(SITE, PERIOD)] == [accepted.submission_id]


def test_files_that_came_after_their_manifest_are_as_stated_when_they_hold_it(folder: Path) -> None:
    content = (folder / "imaging.csv").read_bytes()
    (folder / "imaging.csv").write_bytes(content)
    assert is_as_stated(folder)
