"""Files that are there whole or not at all."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from outcomes.whole_files import write_whole


def test_a_file_is_for_its_writer_alone_and_what_a_crash_left_goes(tmp_path: Path) -> None:
    path = tmp_path / "new" / "sites.csv"
    for content in (b"first", b"second"):
        assert write_whole(path, content) == path
        assert (path.read_bytes(), path.stat().st_mode & 0o777) == (content, 0o600)
        (path.parent / "sites.csv.unfinished").write_bytes(b"cut o")
    write_whole(path, b"third")
    assert [one.name for one in path.parent.iterdir()] == ["sites.csv"]


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_whole(tmp_path / "sites.csv", b"before")

    def fail(_: int) -> None:
        raise OSError(28, "no room")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no room"):
        write_whole(path, b"after")
    assert path.read_bytes() == b"before"


def test_several_may_write_a_file_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: time.sleep(0.01))
    path, contents = tmp_path / "sites.csv", [b"%d" % number * 100 for number in range(8)]
    with ThreadPoolExecutor(len(contents)) as writers:
        assert set(writers.map(partial(write_whole, path), contents)) == {path}
    assert [one.name for one in tmp_path.iterdir()] == ["sites.csv"]
    assert path.read_bytes() in contents
