"""The commands of the page on backups, in their order, on a small home; and what a backup holds."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from outcomes import pipeline
from outcomes.home import private_files
from outcomes.lake import Lake
from outcomes.locks import one_at_a_time
from outcomes.settings import Settings
from tests.support.submissions import follow_up, fusion, patient, write_submission

ROOT = Path(__file__).parents[2]
LEFT_OUT = {"copies", "labelled", "locks", "tmp", "reviews.sqlite-wal", "reviews.sqlite-shm"}
PAGE = (ROOT / "docs" / "upgrade-and-backup.md").read_text(encoding="utf-8")


def commands(section: str) -> str:
    """What the page shows under a heading."""
    _, _, text = PAGE.partition(f"\n## {section}\n")
    (block,) = re.findall(r"```sh\n(.*?)```", text.partition("\n## ")[0], flags=re.DOTALL)
    return str(block)


def environment(home: Path, backups: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return os.environ | {"OUTCOMES_HOME": str(home), "BACKUPS": str(backups), "PATH": path}


def say(section: str, home: Path, backups: Path) -> str:
    """Run the commands of a section as the page's reader does."""
    done = subprocess.run(
        ["bash", "-euc", commands(section)],
        cwd=ROOT,
        env=environment(home, backups),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{section}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A registry with an access log and a delivery that nobody has taken in yet."""
    settings = Settings(home=tmp_path / "home")
    with private_files():
        tables = {"patients": [patient()], "procedures": [fusion()], "follow_ups": [follow_up()]}
        write_submission(settings, "north", "2026-01", tables)
        pipeline.ingest_landed(settings)
        write_submission(settings, "south", "2026-01", {"patients": [patient("p2")], "procedures": [fusion("p2")]})
        settings.access_log.parent.mkdir()
        settings.access_log.touch()
        (settings.scratch / "import").mkdir(parents=True)
    return settings.home


def test_a_home_comes_back_from_its_backup_by_the_commands_of_the_page(home: Path, tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    backups.mkdir()
    settings = Settings(home=home)
    reviews = sqlite3.connect(settings.reviews_file)
    reviews.execute("pragma journal_mode = wal")
    reviews.execute("create table moves as select 'looked at' as move")
    reviews.commit()
    # Left open, as by a server: the row stands in the log beside the file.
    written = Path(say("Back up", home, backups).strip())
    assert [written] == list(backups.iterdir())
    assert written.stat().st_mode & 0o077 == 0
    reviews.close()
    lost = Path(shutil.move(home, tmp_path / "lost"))

    say("Restore", home, backups)
    assert {path.name for path in home.iterdir()} == {path.name for path in lost.iterdir()} - LEFT_OUT
    assert Lake(settings.lake).attempts() == Lake(lost / "lake").attempts()
    assert sqlite3.connect(settings.reviews_file).execute("select move from moves").fetchall() == [("looked at",)]

    assert "failure" not in say("Look whether it is whole", home, backups)
    assert {each.site_id for each in Lake(settings.lake).attempts()} == {"north", "south"}
    assert pipeline.release_is_current(settings)


def test_a_backup_waits_for_whoever_writes_to_the_lake(tmp_path: Path) -> None:
    home, backups = tmp_path / "home", tmp_path / "backups"
    backups.mkdir()
    with one_at_a_time(Settings(home=home).lake_lock):
        running = subprocess.Popen(
            [ROOT / "deploy" / "backup.sh", backups], env=environment(home, backups), stdout=subprocess.PIPE
        )
        time.sleep(1)
        assert running.poll() is None
        assert list(backups.iterdir()) == []
    assert running.wait(60) == 0
    assert len(list(backups.iterdir())) == 1


def test_a_backup_that_fails_leaves_no_file(tmp_path: Path) -> None:
    home, backups, programs = tmp_path / "home", tmp_path / "backups", tmp_path / "programs"
    for folder in (home, backups, programs):
        folder.mkdir()
    (programs / "tar").write_text("#!/bin/sh\necho half > ${2#--file=}\nexit 2\n", encoding="utf-8")
    (programs / "tar").chmod(0o755)
    known = environment(home, backups)
    done = subprocess.run(
        [ROOT / "deploy" / "backup.sh", backups], env=known | {"PATH": f"{programs}:{known['PATH']}"}, check=False
    )
    assert done.returncode != 0
    assert list(backups.iterdir()) == []
