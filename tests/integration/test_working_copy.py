"""A working copy of a site: what is sent comes whole or not at all, whatever breaks off, over nobody else's work."""

import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import obstore
import pytest

from outcomes.errors import OutcomesError
from outcomes.places import Objects, Remote
from outcomes.working_copy import WorkingCopy
from tests.support.dying_store import Killed, kill

Files = dict[str, bytes]

BEFORE: Files = {
    "north/2026-01/manifest.json": b"old",
    "north/2026-01/patients.csv": b"both",
    "north/2026-01/procedures.csv": b"as ever",
    "north/2026-01/imaging.csv": b"to go",
    "north/2026-02/manifest.json": b"whole month to go",
    "north/2026-02/patients.csv": b"whole month to go",
}
AFTER: Files = {
    "north/2026-01/manifest.json": b"new",
    "north/2026-01/patients.csv": b"one",
    "north/2026-01/procedures.csv": b"as ever",
    "north/2026-01/treatments.csv": b"new",
}
CHANGES = 11
"""Requests that change something: three contents are put aside, and a journal; a manifest goes, two tables come, the
other files go, a manifest comes; the journal goes, and what was put aside."""


@pytest.fixture
def url(bucket: str) -> str:
    return f"{bucket}/landing"


class Machine:
    """A machine with a working copy."""

    def __init__(self, url: str, home: Path) -> None:
        self.folder = home / "landing"
        self.copy = WorkingCopy(Remote(url, self.folder))

    def begin(self) -> None:
        """What the lock of a site begins with."""
        self.copy.finish("north")
        self.copy.fetch("north")

    def change(self) -> None:
        """From `BEFORE` to `AFTER`."""
        for name in BEFORE.keys() - AFTER.keys():
            (self.folder / name).unlink()
        for name, content in AFTER.items():
            if BEFORE.get(name) != content:
                (self.folder / name).write_bytes(content)

    def files(self) -> Files:
        """What the copy holds."""
        names = (file for file in sorted(self.folder.rglob("*")) if file.is_file())
        return {file.relative_to(self.folder).as_posix(): file.read_bytes() for file in names}


@pytest.fixture
def store(url: str, tmp_path: Path) -> Objects:
    objects = Objects(Remote(url, tmp_path / "none"))
    for name, content in BEFORE.items():
        objects.write(name, content)
    return objects


@pytest.fixture
def one(url: str, store: Objects, tmp_path: Path) -> Machine:
    machine = Machine(url, tmp_path / "one")
    machine.begin()
    return machine


@pytest.fixture
def two(url: str, store: Objects, tmp_path: Path) -> Machine:
    return Machine(url, tmp_path / "two")


def held(objects: Objects) -> Files:
    return {name: objects.read(name) for name in objects.entries()}


def test_what_is_sent_is_what_another_machine_fetches(one: Machine, two: Machine, store: Objects) -> None:
    assert one.files() == BEFORE
    two.begin()
    one.change()
    one.copy.send("north")
    assert held(store) == AFTER, "and nothing is left aside"
    two.begin()
    assert two.files() == one.files() == AFTER
    assert not (two.folder / "north" / "2026-02").exists()
    assert two.copy.sites_behind() == one.copy.sites_behind() == []


def test_the_copy_is_for_its_own_user(one: Machine) -> None:
    made = [one.folder, *one.folder.rglob("*"), *one.folder.with_name("landing.known").rglob("*")]
    assert {path.stat().st_mode & 0o077 for path in made} == {0}


def test_a_copy_is_as_old_as_what_it_is_of(one: Machine, store: Objects) -> None:
    written = {name: entry.written for name, entry in store.entries().items()}
    for name, when in written.items():
        assert (one.folder / name).stat().st_mtime == when
    assert (one.folder / "north" / "2026-01").stat().st_mtime == max(
        when for name, when in written.items() if name.startswith("north/2026-01")
    )


@pytest.mark.parametrize("step", range(1, CHANGES + 1))
def test_whoever_is_killed_while_sending_has_sent_all_or_nothing(
    one: Machine, two: Machine, store: Objects, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.change()
    with monkeypatch.context() as patched:
        kill(patched, step)
        with pytest.raises(Killed):
            one.copy.send("north")
    was_listed = ".sending/north/journal" in store.entries() or held(store).items() >= AFTER.items()
    two.begin()
    assert two.files() == (AFTER if was_listed else BEFORE)
    assert held(store) == two.files()
    one.begin()
    assert one.files() == two.files(), "what was never sent is lost"


def test_these_are_all_the_steps(one: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    one.change()
    with monkeypatch.context() as patched:
        dying = kill(patched, 1000)
        one.copy.send("north")
    assert dying.changes == CHANGES


@pytest.mark.parametrize("step", range(1, 8))
def test_whoever_finishes_can_be_killed_too(
    one: Machine, two: Machine, store: Objects, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _begins_to_send(one, monkeypatch)
    with monkeypatch.context() as patched:
        kill(patched, step)
        with pytest.raises(Killed):
            two.begin()
    one.begin()
    assert held(store) == one.files() == AFTER


@pytest.mark.parametrize(
    "name", ["north/2026-01/patients.csv", "north/2026-01/imaging.csv", "north/2026-01/treatments.csv"]
)
def test_what_came_meanwhile_is_neither_written_over_nor_removed(one: Machine, store: Objects, name: str) -> None:
    one.change()
    store.write(name, b"uploaded")
    with pytest.raises(OutcomesError, match="place_changed"):
        one.copy.send("north")
    assert held(store) == BEFORE | {name: b"uploaded"}
    one.begin()
    assert one.files() == held(store)


@pytest.mark.parametrize(
    "name", ["north/2026-01/patients.csv", "north/2026-01/imaging.csv", "north/2026-01/treatments.csv"]
)
def test_nor_is_what_came_after_the_journal(
    one: Machine, store: Objects, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.change()
    after_journal(monkeypatch, lambda: store.write(name, b"uploaded"))
    with pytest.raises(OutcomesError, match="place_changed"):
        one.copy.send("north")
    assert held(store) == AFTER | {name: b"uploaded"}
    one.begin()
    assert one.files() == held(store)


def after_journal(monkeypatch: pytest.MonkeyPatch, step: Callable[[], None]) -> None:
    """Let something happen once, when the first journal is written."""
    original, steps = Objects.write_if, [step]

    def write_if(objects: Objects, name: str, content: bytes, version: Any) -> Any:
        written = original(objects, name, content, version)
        if name.endswith("/journal") and steps:
            steps.pop()()
        return written

    monkeypatch.setattr(Objects, "write_if", write_if)


def test_what_nobody_here_changes_may_come_meanwhile(one: Machine, store: Objects) -> None:
    one.change()
    store.write("north/2026-03/patients.csv", b"uploaded")
    one.copy.send("north")
    assert held(store) == AFTER | {"north/2026-03/patients.csv": b"uploaded"}
    assert one.copy.sites_behind() == ["north"]


def test_of_two_who_took_themselves_for_the_holder_one_wins(one: Machine, two: Machine, store: Objects) -> None:
    two.begin()
    one.change()
    (two.folder / "north/2026-01/patients.csv").write_bytes(b"of two")
    one.copy.send("north")
    with pytest.raises(OutcomesError, match="place_changed"):
        two.copy.send("north")
    assert held(store) == AFTER


def test_two_journals_are_never_there_at_once(
    one: Machine, two: Machine, store: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.begin()
    one.change()
    (two.folder / "north/2026-02/patients.csv").write_bytes(b"of two")

    def too_late() -> None:
        with pytest.raises(OutcomesError, match="place_changed"):
            two.copy.send("north")

    after_journal(monkeypatch, too_late)
    one.copy.send("north")
    one.begin()
    assert held(store) == AFTER, "what the other one had put aside is gone too"


def test_what_was_put_aside_and_dropped_by_another_is_no_reason_to_stay_stuck(
    one: Machine, two: Machine, store: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    _begins_to_send(one, monkeypatch)
    store.remove(name for name in store.entries(".sending") if name.endswith("patients.csv"))
    two.begin()
    assert held(store) == AFTER | {"north/2026-01/patients.csv": b"both"}


def test_a_copy_that_was_changed_and_not_sent_is_made_good(one: Machine) -> None:
    (one.folder / "north/2026-01/patients.csv").write_bytes(b"half")
    (one.folder / "north/2026-01/manifest.json").unlink()
    (one.folder / "north/.2026-03.mended").mkdir()
    (one.folder / "north/.2026-03.mended/patients.csv").write_bytes(b"half")
    one.begin()
    assert one.files() == BEFORE
    assert not (one.folder / "north/.2026-03.mended").exists()


def test_a_fetch_that_broke_off_is_made_good(two: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch, fetched = Objects.fetch, list[str]()

    def breaks_off(objects: Objects, name: str, file: Path, written: float | None = None) -> str | None:
        fetched.append(name)
        if len(fetched) > 3:
            raise Killed
        return fetch(objects, name, file, written)

    with monkeypatch.context() as patched:
        patched.setattr(Objects, "fetch", breaks_off)
        with pytest.raises(Killed):
            two.begin()
    two.begin()
    assert two.files() == BEFORE


def test_the_folders_of_consoles_and_other_names_are_no_deliveries(one: Machine, two: Machine, store: Objects) -> None:
    for name in ("north", "north/2026-01", "north/2026-04"):
        obstore.put(store._store, name, b"")  # as a name that ends in / is told
    for name in ("readme.txt", "Jane/2026-01/a.csv", ".trash/2026-01/a.csv", f"north/2026-01/{'x' * 256}"):
        store.write(name, b"other")
    assert two.copy.sites_behind() == ["north"]
    two.begin()
    assert two.files() == BEFORE | {"north/2026-04": b""}
    store.write("north/2026-04/patients.csv", b"uploaded")
    two.begin()
    assert two.files() == BEFORE | {"north/2026-04/patients.csv": b"uploaded"}


def test_a_site_with_a_name_that_cannot_be_read_is_alone_in_trouble(
    two: Machine, store: Objects, server: str, url: str
) -> None:
    store.write("south/2026-01/patients.csv", b"uploaded")
    bucket = url.removeprefix("s3://")
    urllib.request.urlopen(urllib.request.Request(f"{server}/{bucket}/south//x", data=b"x", method="PUT")).close()
    assert two.copy.sites_behind() == ["north"]
    two.begin()
    assert two.copy.sites_behind() == []
    with pytest.raises(OutcomesError, match="place_unreachable"):
        two.copy.fetch("south")
    with pytest.raises(OutcomesError, match="place_unreachable"):
        WorkingCopy(Remote("s3://no-such-bucket/landing", two.folder)).sites_behind()


def test_no_request_is_made_for_each_delivery(
    url: str, one: Machine, store: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    for month in range(1, 13):
        store.write(f"north/2025-{month:02d}/manifest.json", b"whole")
    one.begin()
    asked = list[str]()

    class Counting:
        def __getattr__(self, name: str) -> Any:
            asked.append(name)
            return getattr(obstore, name)

    monkeypatch.setattr("outcomes.places.obstore", Counting())
    assert one.copy.sites_behind() == []
    assert asked == ["list"]
    one.begin()
    one.copy.send("north")
    assert asked == ["list"] * 3, "the journal, and the site"


def _begins_to_send(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change the copy of a machine, and kill it as soon as the journal of what it sends is there."""
    machine.change()
    with monkeypatch.context() as patched:
        kill(patched, 5)
        with pytest.raises(Killed):
            machine.copy.send("north")
