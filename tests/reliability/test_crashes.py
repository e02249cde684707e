"""A command that is killed at any moment, and run again, leaves what it leaves undisturbed; in between all is readable.

`KILLS=200 SEED=1 pytest tests/reliability/test_crashes.py` kills 200 times, at moments of the seed; a
plain run kills the first two commands once each.
"""

import os
import random
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from outcomes.lake import Lake
from outcomes.release.build import next_release_id
from outcomes.release.folders import current
from outcomes.release.status import status
from outcomes.release.verify import verify
from outcomes.settings import Settings
from outcomes.sql.engine import connect
from tests.support import killed
from tests.support.lake_state import lake_state
from tests.support.submissions import follow_up, fusion, image, patient, write_submission

KILLS = int(os.environ.get("KILLS", "2"))
SEED = int(os.environ.get("SEED", "1"))

COMMANDS = {
    "ingest": ["ingest", "north/2026-02", "north/2026-01", "south/2026-01"],
    "ingest a correction": ["ingest", "north/2026-01"],
    "release": ["release"],
    "withdraw": ["withdraw", "south", "2026-01", "--reason", "wrong_data"],
    "release anew": ["release"],
    "report": ["report", "north"],
}


@dataclass(frozen=True)
class Undisturbed:
    """A command that runs to its end: from what, to what, in how many operations and seconds."""

    before: Path
    after: dict[str, Any]
    operations: int
    seconds: float


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Undisturbed]:
    folder = tmp_path_factory.mktemp("undisturbed")
    home = folder / "home"
    _deliver(Settings(home=home))
    ran = {}
    for name, arguments in list(COMMANDS.items())[:KILLS]:
        if name == "ingest a correction":
            _deliver_correction(Settings(home=home))
        before = folder / name
        shutil.copytree(home, before, symlinks=True)
        started = time.monotonic()
        done = killed.run(arguments, str(home))
        assert done.exit_status == 0, name
        ran[name] = Undisturbed(before, _state(Settings(home=home)), done.operations, time.monotonic() - started)
    return ran


@pytest.mark.parametrize("number", range(KILLS))
def test_killed_and_run_again(undisturbed: dict[str, Undisturbed], tmp_path: Path, number: int) -> None:
    chance = random.Random(f"{SEED} {number}")
    name = list(COMMANDS)[number % len(COMMANDS)]
    expected = undisturbed[name]
    settings = Settings(home=tmp_path / "home")
    shutil.copytree(expected.before, settings.home, symlinks=True)
    # Half of the kills are at an operation that Python knows of; native code writes files too, and is met by chance.
    moment = (
        {"at_operation": chance.randint(1, expected.operations)}
        if (number + number // len(COMMANDS)) % 2 == 0
        else {"after_seconds": chance.uniform(0.001, expected.seconds)}
    )
    print(f"seed {SEED}, kill {number}: {name}, {moment}")
    killed.run(COMMANDS[name], str(settings.home), **moment)
    _assert_readable(settings, expected.after)
    again = killed.run(COMMANDS[name], str(settings.home))
    assert not again.was_killed
    assert _state(settings) == expected.after


def _deliver(settings: Settings) -> None:
    """The second month names patients of the first, and one who never comes."""
    for site in ("north", "south"):
        people = [f"p{number}" for number in range(1, 5)]
        tables = {"patients": [patient(one) for one in people], "procedures": [fusion(one) for one in people]}
        write_submission(settings, site, "2026-01", tables | {"imaging": [image("p1")]})
    tables = {
        "patients": [patient("p5", bmi=999), patient("p2", bmi=30)],
        "procedures": [fusion("p5")],
        "follow_ups": [follow_up("p1"), follow_up("p2", neck_pain_nrs=4), follow_up("p9")],
    }
    write_submission(settings, "north", "2026-02", tables, kind="incremental")


def _deliver_correction(settings: Settings) -> None:
    people = ("p2", "p3")
    tables = {"patients": [patient(one) for one in people], "procedures": [fusion(one) for one in people]}
    write_submission(settings, "north", "2026-01", tables)


def _state(settings: Settings) -> dict[str, Any]:
    """All that the commands leave; not the DuckDB files, which are never the same bytes."""
    release = current(settings.releases)
    return lake_state(settings) | {
        "next release": next_release_id(settings),
        "quarantine": sorted(str(path.relative_to(settings.quarantine)) for path in settings.quarantine.rglob("*")),
        "releases": sorted(path.name for path in settings.releases.glob("*")),
        "current": release and release.name,
        "marts": {path.name: path.read_bytes() for path in release.glob("parquet/*")} if release else {},
        "reports": _reports(settings),
    }


def _reports(settings: Settings) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in settings.reports.rglob("*.html")}


def _assert_readable(settings: Settings, after: dict[str, Any]) -> None:
    """Status works, nothing in force is damaged, the current release is whole, a report is there whole or not."""
    status(settings)
    with connect(settings) as con:
        assert Lake(settings.lake).attach_sound(con) == []
    release = current(settings.releases)
    if release:
        verify(release)
    for name, content in _reports(settings).items():
        assert content == after["reports"][name]
