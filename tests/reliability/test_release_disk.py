"""A full disk and a place that cannot be written to are named, and leave nothing half-written."""

import os
import resource
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from outcomes.cli import app
from outcomes.errors import MISTAKES, fault_of_the_machine
from outcomes.release import build
from outcomes.release.publish import publish
from outcomes.settings import Settings
from tests.integration.small_lake import fill_lake
from tests.support.small_releases import current_id, is_whole, put, writes

A_MEGABYTE = 1_000_000
NOBODY = 65534
_WRITE = textwrap.dedent(
    """
    import os, shutil, sys
    from pathlib import Path
    import deltalake, duckdb, numpy as np, pyarrow as pa
    from outcomes.errors import fault_of_the_machine

    folder = Path(sys.argv[1])
    numbers = pa.table({"number": np.random.default_rng(1).random(1_000_000)})
    con = duckdb.connect(config={"memory_limit": "40MB", "temp_directory": str(folder / "tmp"), "threads": 1})

    def database():
        con.execute(f"attach '{folder / 'a.duckdb'}' as a")
        con.execute("create table a.t as select random() as x from range(1000000)")
        con.execute("detach a")

    writers = {
        "python": lambda: (folder / "a").write_bytes(os.urandom(8_000_000)),
        "parquet": lambda: con.sql("select random() as x from range(1000000)").write_parquet(str(folder / "a.parquet")),
        "delta": lambda: deltalake.write_deltalake(str(folder / "delta"), numbers),
        "spill": lambda: con.execute("select md5(range::varchar) as x from range(3000000) order by x").fetchmany(1),
        "database": database,
    }
    for name, write in writers.items():
        try:
            write()
            print(name, "written")
        except Exception as error:
            fault = fault_of_the_machine(error, name)
            print(name, fault.code if fault else repr(error))
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    """
)
_WRITERS = ("python", "parquet", "delta", "spill", "database")
_IN_A_SMALL_TMPFS = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")


def test_whoever_writes_to_a_full_disk_the_mistake_is_the_same(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _WRITE, str(tmp_path)],
        preexec_fn=lambda: _limit_files_to(A_MEGABYTE),
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.splitlines() == [f"{name} disk_full" for name in _WRITERS], run.stderr


@pytest.mark.parametrize(
    ("mount", "code"),
    [("mount -t tmpfs -o size=2m none {folder}", "disk_full"), ("mount -t tmpfs -o ro none {folder}", "not_writable")],
    ids=["full", "read-only"],
)
def test_on_a_disk_of_its_own(tmp_path: Path, mount: str, code: str) -> None:
    mounted = mount.format(folder=tmp_path)
    if subprocess.run([*_IN_A_SMALL_TMPFS, mounted], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets no test mount a disk")
    command = f'{mounted} && exec "$@"'
    run = subprocess.run(
        [*_IN_A_SMALL_TMPFS, command, "sh", sys.executable, "-c", _WRITE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.splitlines() == [f"{name} {code}" for name in _WRITERS], run.stderr


def test_a_release_for_which_there_is_no_room_leaves_nothing(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    fill_lake(settings)
    run = subprocess.run(
        [sys.executable, "-c", "from outcomes.cli import app; app()", "--home", str(tmp_path), "release"],
        preexec_fn=lambda: _limit_files_to(2 * A_MEGABYTE),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == MISTAKES["disk_full"].exit_status == 88, run.stderr
    assert run.stderr.splitlines()[-1].startswith("disk_full: the disk is full, ")
    assert [path.name for path in settings.releases.iterdir()] == [".lock"]


@pytest.fixture
def quick_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command publishes a release of small files instead of a lake's."""

    def quick(settings: Settings, *_: Any) -> None:
        publish(settings.releases, "b", writes("b"), kept=5)

    monkeypatch.setattr(build, "build_release", quick)


@pytest.mark.usefixtures("quick_release")
def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    (tmp_path / "releases").touch()
    result = CliRunner().invoke(app, ["--home", str(tmp_path), "release"])
    assert result.exit_code == MISTAKES["not_writable"].exit_status == 89
    assert f"in the place of a folder (release: {tmp_path}" in result.stderr


@pytest.mark.usefixtures("quick_release")
def test_a_file_in_the_place_of_the_home_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.touch()
    assert CliRunner().invoke(app, ["--home", str(home), "release"]).exit_code == MISTAKES["home_missing"].exit_status


@pytest.mark.usefixtures("quick_release")
def test_a_folder_of_another_account_is_named(tmp_path: Path) -> None:
    releases = tmp_path / "releases"
    put(releases, "a")
    _open_to_all(tmp_path)
    releases.chmod(0o555)
    result = CliRunner().invoke(app, ["--home", str(tmp_path), "release"]) if os.geteuid() else None
    status = result.exit_code if result else _exit_status_of_nobody("--home", str(tmp_path), "release")
    assert status == MISTAKES["not_writable"].exit_status == 89
    assert current_id(releases) == "a"
    assert is_whole(releases / "a")


def test_an_error_that_is_not_the_machines_stays_unnamed() -> None:
    assert fault_of_the_machine(ValueError("No space left on device"), "somewhere") is None
    assert fault_of_the_machine(FileNotFoundError(2, "No such file or directory", "a"), "somewhere") is None


def test_the_first_cause_is_found_behind_what_came_of_it() -> None:
    try:
        try:
            raise OSError(28, "No space left on device", "data/tmp")
        except OSError:
            raise RuntimeError from None
    except RuntimeError as error:
        fault = fault_of_the_machine(error, "release")
    assert fault is not None
    assert (fault.code, fault.where) == ("disk_full", "release: data/tmp")


def _limit_files_to(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _open_to_all(folder: Path) -> None:
    for path in [folder, *folder.parents]:
        if path.owner() == folder.owner():
            path.chmod(path.stat().st_mode | 0o055)


def _exit_status_of_nobody(*arguments: str) -> int:
    """The exit status of a command that an account without rights runs; all that it imports is loaded already."""
    child = os.fork()
    if child == 0:
        os.setuid(NOBODY)
        status = 1
        try:
            status = CliRunner().invoke(app, arguments).exit_code
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
