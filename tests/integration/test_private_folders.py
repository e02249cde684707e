"""What the pipeline writes of single patients is for its own user alone, whatever the umask."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from outcomes.home import open_to_others
from outcomes.intake.submission import ingest_submission
from outcomes.settings import Settings
from tests.support.submissions import follow_up, fusion, patient, write_submission


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_quarantine_is_private_and_what_others_can_read_of_landing_is_named(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", max_critical_share=1)
    tables = {"patients": [patient()], "procedures": [fusion()], "follow_ups": [follow_up(day="soon")]}
    folder = write_submission(settings, "north", "2026-01", tables)
    assert ingest_submission(settings, "north", "2026-01").rows_quarantined == 1
    (kept,) = settings.quarantine.rglob("*.parquet")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert {each.stat().st_mode & 0o777 for each in (kept.parent, kept.parent.parent, settings.quarantine)} == {0o700}
    assert folder / "patients.csv" in open_to_others(settings)
