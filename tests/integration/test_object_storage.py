"""Places in an object store: what is there is what a folder of this machine would hold."""

import io
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from dashboards.data.reader import Releases
from outcomes import pipeline, shared_locks
from outcomes.contract import TABLES
from outcomes.errors import OutcomesError
from outcomes.home import check_home, check_writable
from outcomes.intake.erasure import erase
from outcomes.lake import PROVENANCE, Lake, LakeUpkeep, SubmissionRecord
from outcomes.places import Objects, Remote, lake_place
from outcomes.release import history
from outcomes.release.build import build_release
from outcomes.release.folders import current, folders
from outcomes.release.open import Release, open_release
from outcomes.release.origin import Origin, origin_of, refresh
from outcomes.release.publish import publish, remove_releases, roll_back
from outcomes.settings import Settings
from outcomes.shared_locks import lake_lock, lease
from outcomes.sql.engine import connect
from tests.support.lake_state import lake_state
from tests.support.small_releases import writes
from tests.support.submissions import follow_up, fusion, patient, write_submission


@pytest.fixture
def local(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "local", max_critical_share=1.0, threads=1)


@pytest.fixture
def remote(tmp_path: Path, bucket: str) -> Settings:
    return Settings(
        home=tmp_path / "here",
        max_critical_share=1.0,
        threads=1,
        lake_url=f"{bucket}/registry/lake",
        releases_url=f"{bucket}/registry/releases",
    )


def deliver(settings: Settings, *, second: bool = True) -> None:
    """Two months of a site: two patients, and a visit of one of them, beside one that names nobody."""
    tables = {"patients": [patient(), patient("p000002")], "procedures": [fusion(), fusion("p000002")]}
    write_submission(settings, "north", "2025-05", tables)
    pipeline.ingest(settings, "north", "2025-05")
    if second:
        visits = {"follow_ups": [follow_up(neck_pain_nrs=3), follow_up("p000009")]}
        write_submission(settings, "north", "2025-06", {**tables, **visits}, kind="incremental")
        pipeline.ingest(settings, "north", "2025-06")


def test_a_lake_at_a_url_and_its_release_are_those_of_a_folder(local: Settings, remote: Settings) -> None:
    for settings in (local, remote):
        deliver(settings)
    assert lake_state(remote) == lake_state(local)
    assert len(lake_state(remote)["follow_ups"]) == 1
    assert not remote.lake.exists()
    releases = [build_release(settings) for settings in (local, remote)]
    assert marts(releases[0]) == marts(releases[1])
    assert any(rows for name, rows in marts(releases[0]).items() if name.startswith("label"))


def marts(release: Release) -> dict[str, list[tuple[Any, ...]]]:
    with release.connect() as con:
        names = [name for (name,) in con.sql("select table_name from duckdb_tables() order by all").fetchall()]
        return {name: con.sql(f'select * from "{name}" order by all').fetchall() for name in names}


def test_another_machine_reads_what_one_has_written(remote: Settings, tmp_path: Path) -> None:
    deliver(remote)
    other = remote.model_copy(update={"home": tmp_path / "other"})
    assert lake_state(other) == lake_state(remote)
    pipeline.withdraw(remote, "north", "2025-06", "wrong_data")
    assert lake_state(other)["follow_ups"] == []


def test_many_that_commit_at_once_lose_nothing(remote: Settings) -> None:
    """Without any lock: the commits of Delta are objects that only one can write."""
    deliver(remote, second=False)
    (first,) = Lake.of(remote).attempts()

    def commit(number: int) -> None:
        Lake.of(remote).commit(replace(first, period=f"2024-{number:02d}", judgement_id=f"judgement-{number}"))

    with ThreadPoolExecutor(6) as at_once:
        list(at_once.map(commit, range(1, 13)))
    assert [one.period for one in Lake.of(remote).attempts()] == [*(f"2024-{n:02d}" for n in range(1, 13)), "2025-05"]


def test_rows_of_a_judgement_that_never_commits_are_seen_by_nobody(remote: Settings) -> None:
    deliver(remote)
    before = lake_state(remote)
    row = {"site_id": "north", "period": "2025-05", "submission_id": "lost", **patient("p000003")}
    names = [*PROVENANCE.names, *TABLES["patients"].schema.names]
    rows = pa.Table.from_pylist([row], schema=pa.schema([*PROVENANCE, *TABLES["patients"].schema]))
    Lake.of(remote).write_rows(TABLES["patients"], rows.select(names), "never-committed")
    assert lake_state(remote) == before
    removed = {one.what: one.count for one in pipeline.vacuum(remote, 400)}
    assert removed["rows never committed"] == 1
    assert "never-committed" not in LakeUpkeep.of(remote).rows_by_judgement()
    assert lake_state(remote) == before


def test_a_patient_is_erased_from_objects_and_copies(remote: Settings) -> None:
    deliver(remote)
    lake_state(remote)
    copies = list(remote.copies.rglob("*.parquet"))
    assert any(b"p000001" in content_of(remote, file) for file in objects(remote))
    assert any(b"p000001" in content_of(remote, file) for file in copies)
    erase(remote, "north", "p000001")
    left: list[str | Path] = [*objects(remote), *remote.copies.rglob("*.parquet")]
    for file in left:
        assert b"p000001" not in content_of(remote, file), file
    assert [row[4] for row in lake_state(remote)["patients"]] == ["p000002"]


def objects(settings: Settings) -> list[str]:
    return [name for name in Objects(place(settings)).entries() if name.endswith((".parquet", ".json"))]


def content_of(settings: Settings, file: str | Path) -> bytes:
    """What a file holds, a Parquet file as text."""
    content = file.read_bytes() if isinstance(file, Path) else Objects(place(settings)).read(file)
    is_rows = str(file).endswith(".parquet")
    return str(parquet.read_table(io.BytesIO(content)).to_pylist()).encode() if is_rows else content


def place(settings: Settings) -> Remote:
    found = lake_place(settings)
    assert isinstance(found, Remote)
    return found


def test_an_object_that_is_gone_is_damage_and_is_repaired(remote: Settings, tmp_path: Path) -> None:
    deliver(remote)
    before = lake_state(remote)
    (gone,) = [name for name in objects(remote) if name.startswith("follow_ups/site_id")]
    Objects(place(remote)).remove([gone])
    # The machine that has a copy does not miss it; another one does.
    other = remote.model_copy(update={"home": tmp_path / "other"})
    with connect(other) as con:
        assert [one.source_table for one in Lake.of(other).attach_sound(con)] == ["follow_ups"]
    remote.landing.rename(other.home / "landing")
    pipeline.repair(other, lambda _: None)
    assert lake_state(other) == before


def test_a_record_of_submissions_without_its_log_is_restored_from_its_copies(remote: Settings) -> None:
    deliver(remote)
    before = lake_state(remote)
    Objects(place(remote)).remove(name for name in objects(remote) if name.startswith("submissions/_delta_log"))
    with pytest.raises(OutcomesError, match="lake_damaged"):
        Lake.of(remote).attempts()
    pipeline.repair(remote, lambda _: None)
    assert lake_state(remote) == before


def test_a_store_that_does_not_answer_is_named(remote: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = remote.model_copy(update={"lake_url": "s3://no-such-bucket/lake"})
    with pytest.raises(OutcomesError, match="place_unreachable"):
        Lake.of(elsewhere).commit(SubmissionRecord("id", "north", "2025-05", 1, "refused"))


def test_a_machine_of_dashboards_begins_with_an_empty_home(remote: Settings) -> None:
    remote.home.mkdir()
    check_home(remote)
    check_writable(remote)


def test_a_home_at_a_url_is_refused() -> None:
    with pytest.raises(ValueError, match="home"):
        Settings(home=Path("s3://bucket/home"))


@pytest.mark.parametrize("url", ["http://host/lake", "s3://key:secret@bucket/lake", "s3://bucket/lake/", "lake"])
def test_a_url_of_another_kind_or_with_a_secret_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lake_url"):
        Settings(home=tmp_path, lake_url=url)


@pytest.mark.parametrize("url", ["s3://bucket/all", "s3://bucket/all/landing/quarantine", "s3://bucket/all/landing"])
def test_a_place_within_another_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="quarantine_url"):
        Settings(home=tmp_path, landing_url="s3://bucket/all/landing", quarantine_url=url)
    Settings(home=tmp_path, landing_url="s3://bucket/all/landing", quarantine_url="s3://bucket/all/landing2")


def test_the_lock_of_a_bucket_that_is_not_there_is_not_waited_for(remote: Settings) -> None:
    elsewhere = remote.model_copy(update={"lake_url": "s3://no-such-bucket/lake"})
    with pytest.raises(OutcomesError, match="place_unreachable"), lake_lock(elsewhere):
        pass


def test_machines_take_turns(remote: Settings, tmp_path: Path) -> None:
    machines = [remote.model_copy(update={"home": tmp_path / name}) for name in ("one", "two", "three")]
    inside, most = 0, 0
    counting = threading.Lock()

    def take_a_turn(machine: Settings) -> None:
        nonlocal inside, most
        with lake_lock(machine):
            with counting:
                inside += 1
                most = max(most, inside)
            time.sleep(0.05)
            with counting:
                inside -= 1

    with ThreadPoolExecutor(3) as at_once:
        list(at_once.map(take_a_turn, machines))
    assert most == 1


def test_the_lock_of_a_process_that_is_gone_is_taken_and_it_would_be_told(
    remote: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_locks, "_SECONDS_BETWEEN_SIGNS", 3600)  # as if it slept
    monkeypatch.setattr(shared_locks, "_SECONDS_UNTIL_GONE", 0.5)
    with (
        pytest.raises(OutcomesError, match="place_changed"),
        lease(place(remote), "locks/one"),
        lease(place(remote), "locks/one"),
    ):
        pass


def test_the_lock_of_a_process_that_goes_on_is_not_taken(remote: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_locks, "_SECONDS_BETWEEN_SIGNS", 0.1)
    monkeypatch.setattr(shared_locks, "_SECONDS_UNTIL_GONE", 1)
    order: list[str] = []

    def wait() -> None:
        with lease(place(remote), "locks/one"):
            order.append("second")

    waiting = threading.Thread(target=wait)
    with lease(place(remote), "locks/one"):
        waiting.start()
        time.sleep(2)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]


def test_a_forked_process_is_told_and_does_not_wait_for_ever(remote: Settings) -> None:
    Objects(place(remote)).entries()
    child = os.fork()
    if not child:
        try:
            Objects(place(remote)).entries()
        except RuntimeError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_release_that_was_fetched_in_part_is_fetched_to_its_end(
    machines: tuple[Settings, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = machines
    put(one, "a")
    fetched, asked = Objects.fetched, list[str]()

    def breaks_off(objects: Objects, name: str, file: Path) -> Path:
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.append(name)
        return fetched(objects, name, file)

    with monkeypatch.context() as crashing:
        crashing.setattr(Objects, "fetched", breaks_off)
        with pytest.raises(KeyboardInterrupt):
            refresh(two)
    assert current_id(two) == "a"
    assert open_release(settings=two).research.read_text() == "a"
    assert not list(two.releases.glob(".fetched*"))


@pytest.fixture
def machines(tmp_path: Path, bucket: str) -> tuple[Settings, Settings]:
    """Two machines with the same releases."""
    url = f"{bucket}/registry/releases"
    one, two = (Settings(home=tmp_path / name, threads=1, releases_url=url) for name in ("one", "two"))
    return one, two


def put(settings: Settings, release_id: str, kept: int = 5) -> Path:
    return publish(settings.releases, release_id, writes(release_id), kept=kept, origin=origin_of(settings))


def current_id(settings: Settings) -> str | None:
    refresh(settings)
    folder = current(settings.releases)
    return folder.name if folder else None


def kept_at(settings: Settings) -> list[str]:
    refresh(settings)
    return [folder.name for folder in folders(settings.releases)]


def pointer(settings: Settings) -> Objects:
    assert settings.releases_url
    return Objects(Remote(settings.releases_url, settings.releases))


def test_a_release_of_one_machine_is_opened_by_another(machines: tuple[Settings, Settings]) -> None:
    one, two = machines
    with pytest.raises(OutcomesError, match="no_release"):
        open_release(settings=two)
    put(one, "a")
    put(one, "b")
    opened = open_release(settings=two)
    assert (opened.id, opened.folder.parent) == ("b", two.home / "copies" / "releases")
    assert opened.research.read_text() == "b"
    assert open_release("a", two).id == "a"
    assert [move.after for move in history.moves(two.releases)] == ["a", "b"]


def test_dashboards_show_what_was_published_elsewhere(
    machines: tuple[Settings, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = machines
    put(one, "a")
    releases = Releases.of(two)
    assert releases.current_id() == "a"
    put(one, "b")
    assert releases.current_id() == "a", "nobody asks the store with each page"
    monkeypatch.setattr("dashboards.data.reader._SECONDS_AS_REFRESHED", 0)
    assert releases.current_id() == "b"
    monkeypatch.setattr(releases, "_refresh", unreachable)
    assert releases.current_id() == "b", "what was fetched is shown while the store cannot be reached"


def unreachable() -> None:
    raise OutcomesError("place_unreachable", "s3://bucket")


def test_a_rollback_holds_for_all_machines(machines: tuple[Settings, Settings]) -> None:
    one, two = machines
    put(one, "a")
    put(one, "b")
    assert current_id(two) == "b"
    roll_back(two.releases, "a", "tried", origin_of(two))
    assert current_id(one) == "a"
    put(one, "b")
    assert current_id(two) == "a", "nobody makes a release current by chance that was rolled back"


def test_the_oldest_go_by_when_they_were_published_and_everywhere(machines: tuple[Settings, Settings]) -> None:
    one, two = machines
    for release_id in ("c", "b", "a"):
        put(one, release_id)
        time.sleep(1.1)  # the history tells whole seconds
    assert kept_at(two) == ["a", "b", "c"]
    put(two, "d", kept=2)
    assert kept_at(one) == kept_at(two) == ["a", "d"]
    assert {name.split("/")[0] for name in pointer(one).entries()} == {"a", "d", "current", "history.jsonl", "locks"}


@pytest.mark.parametrize("at", ["send_history", "point_at"])
def test_a_crash_before_the_pointer_moves_changes_nothing_that_readers_see(
    machines: tuple[Settings, Settings], at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = machines
    put(one, "a")
    with monkeypatch.context() as crashing:
        crashing.setattr(Origin, at, crash)
        with pytest.raises(KeyboardInterrupt):
            put(one, "b")
    assert current_id(two) == current_id(one) == "a"
    put(two, "b")
    assert current_id(one) == "b"


def test_a_crash_while_a_release_is_sent_leaves_none(
    machines: tuple[Settings, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = machines
    put(one, "a")
    with monkeypatch.context() as crashing:
        crashing.setattr(Objects, "send", sends_half)
        with pytest.raises(KeyboardInterrupt):
            put(one, "b")
    assert (kept_at(two), current_id(two)) == (["a"], "a")
    put(two, "b")
    assert (kept_at(one), current_id(one)) == (["a", "b"], "b")


def crash(*_: Any) -> None:
    raise KeyboardInterrupt


def sends_half(objects: Objects, folder: Path, to: str, names: list[str]) -> None:
    for name in names[:2]:
        objects.write(f"{to}/{name}", (folder / name).read_bytes())
    raise KeyboardInterrupt


def test_of_two_that_publish_at_once_each_has_its_turn(machines: tuple[Settings, Settings]) -> None:
    with ThreadPoolExecutor(2) as at_once:
        list(at_once.map(put, machines, ("a", "b")))
    one, two = machines
    assert current_id(one) == current_id(two) in {"a", "b"}
    assert kept_at(one) == kept_at(two) == ["a", "b"]
    first, second = history.moves(one.releases)
    assert (first.before, second.before, second.after) == (None, first.after, current_id(one))


def test_of_two_of_which_one_was_taken_for_gone_the_other_wins(machines: tuple[Settings, Settings]) -> None:
    one, two = machines
    put(one, "a")

    def published_meanwhile(folder: Path) -> None:
        held, version = pointer(two).read_version("locks/releases")
        assert held != b"free"
        assert pointer(two).write_if("locks/releases", b"free", version), "as after a minute without a sign"
        put(two, "b")
        writes("c")(folder)

    with pytest.raises(OutcomesError, match="place_changed"):
        publish(one.releases, "c", published_meanwhile, kept=5, origin=origin_of(one))
    assert current_id(one) == current_id(two) == "b"
    assert [move.after for move in history.moves(one.releases)] == ["a", "b"]


def test_who_was_late_with_the_pointer_or_the_history_is_told(machines: tuple[Settings, Settings]) -> None:
    one, two = machines
    put(one, "a")
    late = origin_of(one)
    assert late
    late.pull()
    put(two, "b")
    with pytest.raises(OutcomesError, match="place_changed"):
        late.point_at("a")
    with pytest.raises(OutcomesError, match="place_changed"):
        late.send_history()
    assert current_id(one) == current_id(two) == "b"


def test_a_release_that_was_damaged_in_the_store_is_not_opened_and_is_built_anew(
    machines: tuple[Settings, Settings],
) -> None:
    one, two = machines
    put(one, "a")
    pointer(one).write("a/research.duckdb", b"other")
    with pytest.raises(OutcomesError, match="release_damaged"):
        open_release(settings=two)
    put(two, "a")
    assert open_release(settings=two).research.read_text() == "a"


def test_a_copy_that_lacks_its_sums_is_fetched_again(machines: tuple[Settings, Settings]) -> None:
    one, two = machines
    put(one, "a")
    refresh(two)
    (two.releases / "a" / "SHA256SUMS").unlink()
    assert open_release(settings=two).research.read_text() == "a"


def test_releases_that_hold_an_erased_patient_go_everywhere(machines: tuple[Settings, Settings]) -> None:
    one, two = machines
    put(one, "a")
    assert current_id(two) == "a"
    assert remove_releases(one.releases, lambda _: True, origin_of(one)) == 1
    assert (current_id(two), kept_at(two)) == (None, [])
    assert not [name for name in pointer(one).entries() if name.startswith("a/")]
    put(two, "b")
    assert current_id(one) == "b"
