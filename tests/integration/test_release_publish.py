"""Publishing: whole or not at all, `current` always points at a whole release, old ones go."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from outcomes.errors import OutcomesError
from outcomes.release.folders import current
from outcomes.release.publish import publish, remove_old, roll_back
from outcomes.settings import Settings


def write(folder: Path) -> None:
    (folder / "parquet").mkdir()
    (folder / "parquet" / "labels.parquet").write_text(folder.name)


def test_current_is_a_relative_link_to_the_last_published(tmp_path: Path) -> None:
    publish(tmp_path, "a", write, kept=5)
    publish(tmp_path, "b", write, kept=5)
    assert (tmp_path / "current").readlink() == Path("b")
    assert current(tmp_path) == tmp_path / "b"
    publish(tmp_path, "a", write, kept=5)
    assert current(tmp_path) == tmp_path / "a"


def test_a_published_release_is_never_written_again(tmp_path: Path) -> None:
    publish(tmp_path, "a", write, kept=5)
    before = (tmp_path / "a").stat().st_mtime_ns

    def never(_: Path) -> None:
        raise AssertionError

    assert publish(tmp_path, "a", never, kept=5) == tmp_path / "a"
    assert (tmp_path / "a").stat().st_mtime_ns == before


def test_only_the_last_ones_stay_and_the_current_always(tmp_path: Path) -> None:
    publish(tmp_path, "a", write, kept=2)
    for release_id in ("b", "c", "d"):
        publish(tmp_path, release_id, write, kept=2, make_current=False)
    assert _releases(tmp_path) == ["a", "c", "d"]
    assert current(tmp_path) == tmp_path / "a"
    publish(tmp_path, "e", write, kept=1)
    assert _releases(tmp_path) == ["e"]


def test_a_failure_publishes_nothing(tmp_path: Path) -> None:
    publish(tmp_path, "a", write, kept=5)

    def fails(folder: Path) -> None:
        write(folder)
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - raised above
        publish(tmp_path, "b", fails, kept=5)
    assert (_releases(tmp_path), current(tmp_path)) == (["a"], tmp_path / "a")


def _die_half_way(releases: Path) -> None:
    def dies(folder: Path) -> None:
        write(folder)
        os.kill(os.getpid(), signal.SIGKILL)

    publish(releases, "b", dies, kept=5)


def test_a_killed_build_leaves_no_half_release_and_the_next_one_clears_up(tmp_path: Path) -> None:
    publish(tmp_path, "a", write, kept=5)
    killed = multiprocessing.get_context("spawn").Process(target=_die_half_way, args=(tmp_path,))
    killed.start()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    assert (_releases(tmp_path), current(tmp_path)) == (["a"], tmp_path / "a")

    publish(tmp_path, "b", write, kept=5)
    assert current(tmp_path) == tmp_path / "b"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "a", "b", "current", "history.jsonl"]


def test_old_releases_are_listed_with_their_sizes_before_they_go(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert remove_old(settings, 2, dry_run=False) == []
    assert not settings.releases.exists()
    for release_id in ("a", "b", "c", "d"):
        publish(settings.releases, release_id, write, kept=5)
    roll_back(settings.releases, "a")
    (settings.releases / ".building").mkdir()
    (settings.releases / ".building" / "half").write_text("1234")
    before = sorted(settings.releases.rglob("*"))
    would_go = remove_old(settings, 2, dry_run=True)
    assert sorted(settings.releases.rglob("*")) == before
    sizes = {old.id: old.size for old in would_go}
    assert sizes == {".building": 4, "b": _size(settings.releases / "b"), "c": _size(settings.releases / "c")}
    assert remove_old(settings, 2, dry_run=False) == would_go
    assert remove_old(settings, 2, dry_run=True) == []
    assert _releases(settings.releases) == ["a", "d"]
    assert current(settings.releases) == settings.releases / "a"


def test_a_rollback_to_a_release_that_is_not_kept_is_named_and_makes_nothing(tmp_path: Path) -> None:
    releases = tmp_path / "mistyped"
    for release_id in ("a", "current", "..", ""):
        with pytest.raises(OutcomesError, match=r"^no_release: "):
            roll_back(releases, release_id)
    assert not releases.exists()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _releases(folder: Path) -> list[str]:
    return sorted(
        path.name for path in folder.iterdir() if path.is_dir() and path.name[0] != "." and not path.is_symlink()
    )
