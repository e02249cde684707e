"""Landing and quarantine in an object store: what becomes of deliveries there is what becomes of them in folders."""

import shutil
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import obstore
import pytest

from outcomes import pipeline, shared_locks
from outcomes.errors import OutcomesError
from outcomes.home import open_to_others
from outcomes.intake.erasure import erase
from outcomes.intake.expected import new_deliveries
from outcomes.intake.manifest import Kind, submission_id
from outcomes.intake.mending import count_quarantine, mend
from outcomes.intake.site_kit import make_site_kit
from outcomes.lake import Lake, LakeUpkeep
from outcomes.places import Objects, Remote
from outcomes.release.doctor import examine
from outcomes.release.explain import explain
from outcomes.release.status import status
from outcomes.settings import Settings
from outcomes.shared_locks import look_into_landing, site_lock
from outcomes.synthetic import synthesize
from tests.integration.test_erasure import GONE, _february, _holds, _january
from tests.integration.test_quarantine_workflow import PLACE, exported, faulty, mended_by_hand, rewrite, sound
from tests.integration.test_table_traps import Hospital
from tests.support.dying_store import Killed, kill
from tests.support.examples import few
from tests.support.files import snapshot
from tests.support.lake_state import lake_state
from tests.support.object_store import environment, make_bucket
from tests.support.submissions import Row, write_submission

Tables = dict[str, list[Row]]


@pytest.fixture(autouse=True)
def _locks_are_soon_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is gone is not waited for for a minute."""
    monkeypatch.setattr(shared_locks, "_SECONDS_UNTIL_GONE", 1)
    monkeypatch.setattr(shared_locks, "_SECONDS_BETWEEN_LOOKS", 0.05)


@pytest.fixture
def local(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "local", max_critical_share=1.0, threads=1)


@pytest.fixture
def remote(bucket: str, tmp_path: Path) -> Settings:
    """A machine with a lake of its own."""
    (tmp_path / "remote").mkdir(mode=0o700)
    return in_store(tmp_path / "remote", bucket)


def in_store(home: Path, bucket: str) -> Settings:
    """Settings of a machine whose landing and quarantine are in a bucket."""
    return Settings(
        home=home,
        max_critical_share=1.0,
        threads=1,
        landing_url=f"{bucket}/registry/landing",
        quarantine_url=f"{bucket}/registry/quarantine",
    )


@pytest.fixture
def machines(remote: Settings, bucket: str, tmp_path: Path) -> tuple[Settings, Settings]:
    """Two machines, all of whose data is in the object store."""
    (tmp_path / "other").mkdir(mode=0o700)
    urls = {"lake_url": f"{bucket}/registry/lake", "releases_url": f"{bucket}/registry/releases"}
    one = remote.model_copy(update=urls)
    return one, one.model_copy(update={"home": tmp_path / "other"})


def landing(settings: Settings) -> Objects:
    assert settings.landing_url
    return Objects(Remote(settings.landing_url, settings.landing))


def quarantine(settings: Settings) -> Objects:
    assert settings.quarantine_url
    return Objects(Remote(settings.quarantine_url, settings.quarantine))


def held(objects: Objects) -> dict[str, bytes]:
    """What is there but for locks."""
    return {name: objects.read(name) for name in objects.entries() if not name.startswith(".locks/")}


def upload(settings: Settings, folder: Path) -> None:
    """As a site sends a delivery: file by file, the manifest last."""
    for name in sorted((file.name for file in folder.iterdir()), key=lambda name: name == "manifest.json"):
        landing(settings).write(f"{folder.parent.name}/{folder.name}/{name}", (folder / name).read_bytes())


def deliver(
    settings: Settings, elsewhere: Settings, tables: Tables, period: str = PLACE[1], kind: Kind = "full"
) -> None:
    upload(settings, write_submission(elsewhere, PLACE[0], period, tables, kind=kind))


@dataclass(frozen=True)
class Filled:
    """A machine that has taken in a delivery with faults: its home, and what is in the store."""

    home: Path
    landing: dict[str, bytes]
    quarantine: dict[str, bytes]


@pytest.fixture(scope="module")
def filled(server: str, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    home = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as patched:
        for name, value in environment(server).items():
            patched.setenv(name, value)
        settings = in_store(home / "home", make_bucket(server, f"test-{uuid.uuid4().hex}"))
        settings.home.mkdir(mode=0o700)
        deliver(settings, Settings(home=home / "site"), faulty())
        pipeline.ingest(settings, *PLACE)
        return Filled(settings.home, held(landing(settings)), held(quarantine(settings)))


@pytest.fixture
def taken_in(filled: Filled, remote: Settings) -> Settings:
    """A machine that has taken in a delivery with faults."""
    shutil.copytree(filled.home, remote.home, dirs_exist_ok=True)
    for place, content in ((landing(remote), filled.landing), (quarantine(remote), filled.quarantine)):
        for name, one in content.items():
            place.write(name, one)
    return remote


def test_what_is_taken_in_is_what_would_be_from_folders(local: Settings, remote: Settings) -> None:
    deliver(remote, local, faulty())
    deliver(remote, local, sound() | {"patients": []}, "2026-02", "incremental")
    deliver(remote, local, sound() | {"procedures": []}, "2026-03")
    for settings in (local, remote):
        taken = pipeline.ingest_landed(settings)
        assert [one.refusal.code if one.refusal else None for one in taken] == [None, None, "file_empty"]
    assert lake_state(local) == lake_state(remote)
    assert held(quarantine(remote)) == {
        name: content for name, content in snapshot(local.quarantine).items() if content
    }
    assert held(landing(remote)).keys() == snapshot(local.landing).keys()
    assert not (remote.home / "landing").exists()
    assert not (remote.home / "quarantine").exists()


def test_all_four_places_of_two_machines(machines: tuple[Settings, Settings], local: Settings) -> None:
    one, two = machines
    deliver(one, local, faulty())
    assert [each.is_complete for each in status(two).waiting] == [True]
    pipeline.ingest_landed(one)
    assert status(two).waiting == ()
    assert status(two).count("accepted") == 1
    assert count_quarantine(two) == count_quarantine(one) != []
    file, lines = exported(two)
    assert mend(two, *PLACE, rewrite(file, mended_by_hand(lines))).record.rows_quarantined == 0
    assert count_quarantine(one) == []
    assert pipeline.waiting(one) == []
    release = pipeline.release(one)
    assert status(two).release_id == release.id
    look_into_landing(two, "north")
    evidence = [one for answer in explain(two, "north", "p000001").labels for one in answer.evidence]
    assert {one.file for one in evidence} >= {two.landing / "north" / "2026-01" / "patients.csv"}
    found = {finding.check: finding.level for finding in examine(two)}
    assert {found[check] for check in ("home", "privacy", "leftovers", "deliveries", "refused", "lake")} == {"ok"}
    assert sorted(path.name for path in two.home.iterdir()) == ["copies", "locks", "out.csv"]
    assert open_to_others(two) == []
    erase(two, "north", "p000001")
    assert len(pipeline.landed(one)) == 1
    assert count_quarantine(one) == []
    for machine in (one, two):
        assert_gone(machine, "p000001")


def assert_gone(settings: Settings, key: str) -> None:
    """No delivery and no quarantine holds a key, in the store and on this machine, nor does its lake."""
    found = settings.home / "found"
    for place in (landing(settings), quarantine(settings)):
        for name, content in held(place).items():
            file = found / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    folders = (found, settings.landing, settings.quarantine, settings.lake)
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    assert files
    assert [file for file in files if _holds(file, key)] == []
    shutil.rmtree(found)


TAKING_IN = 18
"""More than the requests of an intake that change something."""


@pytest.mark.parametrize("step", few(2, [3, 8, *(n for n in range(1, TAKING_IN) if n not in {3, 8})]))
def test_an_intake_that_was_killed_is_done_again_and_no_record_lacks_its_quarantine(
    remote: Settings, local: Settings, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(remote, local, faulty())
    with monkeypatch.context() as patched:
        kill(patched, step)
        with suppress(Killed):
            pipeline.take_in(remote, *PLACE)
    was_sent = "patients.parquet" in {name.rpartition("/")[2] for name in held(quarantine(remote))}
    is_listed = any(name.endswith("/journal") for name in held(quarantine(remote)))
    assert was_sent or is_listed or not Lake.of(remote).attempts()
    for settings in (local, remote):
        pipeline.ingest(settings, *PLACE)
    assert lake_state(local) == lake_state(remote)
    assert held(quarantine(remote)) == {
        name: content for name, content in snapshot(local.quarantine).items() if content
    }


def test_what_the_lake_alone_knew_is_not_forgotten_before_it_is_erased(
    remote: Settings, local: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that only names the key of another one, which is in the lake and nowhere else any more."""
    deliver(remote, local, _january("p1", GONE), "2026-01")
    deliver(remote, local, {"procedures": []} | _february("p1", GONE), "2026-02", "incremental")
    pipeline.ingest_landed(remote)
    landing(remote).remove([name for name in held(landing(remote)) if name.startswith("north/2026-01/")])

    def killed(*_: object) -> None:
        kill(patched, 0)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(LakeUpkeep, "purge", killed)
        with pytest.raises(Killed):
            erase(remote, "north", GONE)
    erase(remote, "north", GONE)
    assert_gone(remote, GONE)


ERASING = 30
"""More than the requests of an erasure that change something."""


@pytest.mark.parametrize("step", few(4, [6, 9, 14, 18, *(n for n in range(1, ERASING) if n not in {6, 9, 14, 18})]))
def test_an_erasure_that_was_killed_is_finished_by_the_same_command(
    taken_in: Settings, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        kill(patched, step)
        with suppress(Killed):
            erase(taken_in, "north", "p000001")
    erase(taken_in, "north", "p000001")
    assert_gone(taken_in, "p000001")
    assert any(b"p000002" in content for content in held(landing(taken_in)).values())
    pipeline.ingest_landed(taken_in)
    (left,) = lake_state(taken_in)["patients"]
    assert "p000002" in left


MENDING = 50
"""More than the requests of a mending that change something."""


@pytest.mark.parametrize("step", few(4, [8, 12, 20, 26, *(n for n in range(1, MENDING) if n not in {8, 12, 20, 26})]))
def test_a_mending_that_was_killed_is_made_good(taken_in: Settings, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    file, lines = exported(taken_in)
    rewrite(file, mended_by_hand(lines))
    with monkeypatch.context() as patched:
        kill(patched, step)
        with suppress(Killed):
            mend(taken_in, *PLACE, file)
    with suppress(OutcomesError):  # quarantine_empty: it was mended already
        mend(taken_in, *PLACE, file)
    with site_lock(taken_in, "north"):
        pass  # whoever comes next finishes what was begun
    assert count_quarantine(taken_in) == []
    folder = taken_in.landing / "north" / "2026-01"
    assert Lake.of(taken_in).recorded(*PLACE)[-1].submission_id == submission_id(folder)
    whole = {name: content for name, content in held(landing(taken_in)).items() if "/.2026-01" not in name}
    assert whole == {f"north/2026-01/{file.name}": file.read_bytes() for file in folder.iterdir()}
    assert pipeline.waiting(taken_in) == []


def test_a_delivery_that_comes_while_another_is_mended_stays(
    taken_in: Settings, local: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, lines = exported(taken_in)
    original = shared_locks.send

    def send(settings: Settings, site_id: str) -> None:
        monkeypatch.setattr(shared_locks, "send", original)
        deliver(taken_in, local, sound())
        original(settings, site_id)

    monkeypatch.setattr(shared_locks, "send", send)
    with pytest.raises(OutcomesError, match="place_changed"):
        mend(taken_in, *PLACE, rewrite(file, mended_by_hand(lines)))
    assert held(landing(taken_in)) == {
        f"north/2026-01/{one.name}": one.read_bytes() for one in (local.landing / "north" / "2026-01").iterdir()
    }
    assert pipeline.ingest(taken_in, *PLACE).rows_quarantined == 0


def test_a_delivery_that_is_still_coming_waits(remote: Settings, local: Settings) -> None:
    folder = write_submission(local, *PLACE, sound())
    manifest = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").unlink()
    upload(remote, folder)
    assert pipeline.landed(remote) == []
    assert [one.is_complete for one in status(remote).waiting] == [False]
    with site_lock(remote, "north"):
        landing(remote).write("north/2026-01/manifest.json", manifest)
    assert pipeline.ingest(remote, *PLACE).outcome == "accepted"


def test_who_only_looks_disturbs_nobody_who_works(taken_in: Settings) -> None:
    file = taken_in.landing / "north" / "2026-01" / "patients.csv"
    with site_lock(taken_in, "north"):
        file.write_bytes(b"half")
        pipeline.landed(taken_in)
        assert file.read_bytes() == b"half"
    assert landing(taken_in).read("north/2026-01/patients.csv") == b"half"


def test_whoever_lost_the_lock_undoes_nothing_of_the_other(
    machines: tuple[Settings, Settings], local: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = machines
    deliver(one, local, sound())
    monkeypatch.setattr(shared_locks, "_SECONDS_BETWEEN_SIGNS", 3600)  # as if it slept
    monkeypatch.setattr(shared_locks, "_SECONDS_UNTIL_GONE", 0.2)

    def write(machine: Settings, meanwhile: Callable[[], None]) -> None:
        with site_lock(machine, "north"):
            (machine.landing / "north" / "2026-01" / "patients.csv").write_text(f"of {machine.home.name}")
            meanwhile()

    with pytest.raises(OutcomesError, match="place_changed"):
        write(one, lambda: write(two, lambda: None))
    assert landing(one).read("north/2026-01/patients.csv") == b"of other"
    with site_lock(one, "north"):
        assert (one.landing / "north" / "2026-01" / "patients.csv").read_bytes() == b"of other"


def test_what_nothing_needs_goes_from_the_store(taken_in: Settings, local: Settings) -> None:
    deliver(taken_in, local, sound() | {"procedures": []}, "2026-02")
    pipeline.ingest_landed(taken_in)
    landing(taken_in).remove(["north/2026-01/diagnoses.csv"])
    deliver(taken_in, local, {name: rows for name, rows in faulty().items() if name != "diagnoses"})
    pipeline.ingest(taken_in, *PLACE)
    lake = Lake.of(taken_in)
    (refused,) = [one for one in lake.attempts() if one.outcome == "refused"]
    lake.commit(replace(refused, attempt=9, recorded_at=datetime.now(UTC) - timedelta(days=31)))
    former = {name.split("/")[2] for name in held(quarantine(taken_in)) if name.startswith("north/2026-01")}
    assert len(former) == 2
    gone = {one.what: one.count for one in pipeline.vacuum(taken_in, 400)}
    assert gone["deliveries refused for 30 days"] == gone["quarantine of former attempts"] == 1
    assert {name.split("/")[1] for name in held(landing(taken_in))} == {"2026-01"}
    left = {name.split("/")[2] for name in held(quarantine(taken_in)) if name.startswith("north/2026-01")}
    assert left == {submission_id(taken_in.landing / "north" / "2026-01")}


def test_what_has_landed_is_told_by_one_request(
    remote: Settings, local: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for month in range(1, 10):
        deliver(remote, local, sound(), f"2025-{month:02d}")
    pipeline.landed(remote)
    asked = list[str]()

    class Counting:
        def __getattr__(self, name: str) -> Any:
            asked.append(name)
            return getattr(obstore, name)

    monkeypatch.setattr("outcomes.places.obstore", Counting())
    assert len(pipeline.landed(remote)) == 9
    assert asked == ["list"]


def test_a_new_delivery_has_the_same_name_on_each_machine(machines: tuple[Settings, Settings], local: Settings) -> None:
    deliver(machines[0], local, sound())
    today = datetime.now(UTC).date()

    def names() -> list[list[str]]:
        found = [new_deliveries(one, pipeline.waiting(one), today, lambda _: None) for one in machines]
        return [[each.name for each in one] for one in found]

    first, second = names()
    assert first == second
    deliver(machines[0], local, faulty())
    third, fourth = names()
    assert third == fourth != first


def test_an_invented_registry_is_sent(local: Settings, remote: Settings) -> None:
    for settings in (local, remote):
        synthesize(settings, patients=120, sites=1, months=3, seed=5)
    assert held(landing(remote)) == {name: one for name, one in snapshot(local.landing).items() if one}
    with pytest.raises(OutcomesError, match="folder_not_empty"):
        synthesize(remote.model_copy(update={"home": local.home}), patients=120, sites=1)


def test_an_import_is_sent(remote: Settings, tmp_path: Path) -> None:
    hospital = Hospital(tmp_path)
    hospital.settings = remote
    imported = hospital.mapped()
    assert held(landing(remote)) == {f"north/2025-06/{one.name}": one.read_bytes() for one in imported.folder.iterdir()}
    hospital.settings = remote.model_copy(update={"home": tmp_path / "other"})
    with pytest.raises(OutcomesError, match="folder_not_empty"):
        hospital.mapped()


def test_a_new_site_is_registered_beside_those_that_have_landed(remote: Settings, local: Settings) -> None:
    deliver(remote, local, sound())
    kit = make_site_kit(remote, "south", "South")
    assert kit.landing == f"{remote.landing_url}/south"
    assert f"the folder `{kit.landing}/MONTH`" in kit.checklist.read_text(encoding="utf-8")
    assert [line.split(",")[0] for line in remote.sites_file.read_text().splitlines()] == ["site_id", "north", "south"]


def test_a_store_that_does_not_answer_is_named(remote: Settings) -> None:
    elsewhere = remote.model_copy(update={"landing_url": "s3://no-such-bucket/landing"})
    for step in (lambda: status(elsewhere), lambda: pipeline.ingest(elsewhere, *PLACE)):
        with pytest.raises(OutcomesError, match="place_unreachable"):
            step()
