"""Places in an object store: what is there is what a folder of this machine would hold."""

import io
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from outcomes import pipeline, shared_locks
from outcomes.contract import TABLES
from outcomes.errors import OutcomesError
from outcomes.intake.erasure import erase
from outcomes.lake import PROVENANCE, Lake, LakeUpkeep, SubmissionRecord
from outcomes.places import Objects, Remote, lake_place
from outcomes.release.build import build_release
from outcomes.release.open import Release
from outcomes.settings import Settings
from outcomes.shared_locks import lake_lock, lease
from outcomes.sql.engine import connect
from tests.support.lake_state import lake_state
from tests.support.object_store import environment, make_bucket, serving
from tests.support.submissions import follow_up, fusion, patient, write_submission


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in environment(server).items():
        monkeypatch.setenv(name, value)
    return make_bucket(server, f"test-{uuid.uuid4().hex}")


@pytest.fixture
def local(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "local", max_critical_share=1.0, threads=1)


@pytest.fixture
def remote(tmp_path: Path, bucket: str) -> Settings:
    return Settings(home=tmp_path / "here", max_critical_share=1.0, threads=1, lake_url=f"{bucket}/registry/lake")


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


@pytest.mark.parametrize("url", ["http://host/lake", "s3://key:secret@bucket/lake", "s3://bucket/lake/", "lake"])
def test_a_url_of_another_kind_or_with_a_secret_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lake_url"):
        Settings(home=tmp_path, lake_url=url)


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
