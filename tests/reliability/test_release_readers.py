"""Readers beside a publisher: each reads one whole release, whatever is published and removed meanwhile."""

import multiprocessing
from pathlib import Path

from outcomes.errors import OutcomesError
from outcomes.release.open import DASHBOARD, RESEARCH, connect, current_release
from outcomes.release.publish import publish
from outcomes.settings import Settings
from tests.support.small_releases import FILES, put, writes_databases

PUBLISHED = 30


def _publish_many(releases: Path) -> None:
    for number in range(PUBLISHED):
        release_id = f"r{number:03}"
        publish(releases, release_id, writes_databases(release_id), kept=1)


def test_no_reader_sees_a_mixture_or_nothing(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    publish(settings.releases, "first", writes_databases("first"), kept=1)
    publisher = multiprocessing.get_context("spawn").Process(target=_publish_many, args=(settings.releases,))
    publisher.start()
    connected: list[str] = []
    while publisher.is_alive() or not connected or connected[-1] != f"r{PUBLISHED - 1:03}":
        # A connection is never refused: when the release goes before it is opened, the next one is.
        with connect(settings=settings) as con:
            connected += [told for (told,) in con.execute("select release_id from told").fetchall()]
        _read_files(settings)
    assert publisher.exitcode == 0
    assert connected == sorted(connected), "a reader went back"
    assert len(set(connected)) > 3


def _read_files(settings: Settings) -> None:
    """Read the current release file by file; one that is removed meanwhile says so, and is never another's."""
    release = current_release(settings)
    for name in FILES:
        if name not in (RESEARCH, DASHBOARD):
            try:
                found = release._verified(name).read_text()
            except OutcomesError as error:
                found = error.where if error.code == "no_release" else error.code
            except FileNotFoundError:
                found = release.id if not release.folder.exists() else "a file is gone and its release is not"
            assert release.id in found


def test_a_reader_that_has_connected_keeps_its_release(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    publish(settings.releases, "a", writes_databases("a"), kept=1)
    with connect(settings=settings) as con:
        put(settings.releases, "b", kept=1)
        assert not (settings.releases / "a").exists()
        assert con.execute("from told").fetchall() == [("a",)]
