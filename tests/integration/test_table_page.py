"""docs/sources/table.md is followed to the letter: its files are written, its commands run."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from outcomes.cli import app
from outcomes.errors import MISTAKES
from outcomes.lake import Lake
from outcomes.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "sources" / "table.md"
BLOCKS = dict(
    re.findall(r"^```\w+ title=(\S+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
)


class Engineer:
    """Who follows the page, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.dump, self.mapping, self.home = folder / "dump", folder / "map.toml", folder / "home"
        self.dump.mkdir()
        for name, text in BLOCKS.items():
            if name.endswith(".csv"):
                (self.dump / name).write_text(text, encoding="utf-8")

    def runs(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["--home", str(self.home), *arguments])

    def imports(self, *more: str) -> Result:
        place = ("--site", "north", "--period", "2025-06", "--mapping", str(self.mapping))
        return self.runs("import", "table", str(self.dump), *place, *more)


@pytest.fixture
def engineer(tmp_path: Path) -> Engineer:
    return Engineer(tmp_path)


def test_the_mapping_is_guessed_as_the_page_says(engineer: Engineer) -> None:
    assert engineer.runs("mapping", "init", str(engineer.dump), "--to", str(engineer.mapping)).exit_code == 0
    written = engineer.mapping.read_text(encoding="utf-8")
    assert written[written.index("method") :].strip() == BLOCKS["guessed"].strip()
    assert "4471023" not in written
    checked = engineer.runs("mapping", "check", str(engineer.mapping))
    assert checked.exit_code == MISTAKES["mapping_malformed"].exit_status
    assert "line 6: method: Input should be" in checked.output
    again = engineer.runs("mapping", "init", str(engineer.dump), "--to", str(engineer.mapping))
    assert again.exit_code == 2


def test_the_edited_mapping_is_tried_imported_and_taken_in(engineer: Engineer) -> None:
    engineer.mapping.write_text(BLOCKS["edited"], encoding="utf-8")
    assert engineer.runs("mapping", "check", str(engineer.mapping)).exit_code == 0
    tried = engineer.imports("--dry-run")
    assert tried.exit_code == 0, tried.output
    for told in ("left out by where", "a patient without an index fusion", "Phone", "it would be accepted"):
        assert told in tried.output
    assert "447" not in tried.output
    done = engineer.imports()
    assert done.exit_code == 0, done.output
    assert engineer.runs("ingest", "north/2025-06").exit_code == 0
    (record,) = Lake(Settings(home=engineer.home).lake).recorded("north", "2025-06")
    assert (record.outcome, record.rows_accepted, record.rows_quarantined) == ("accepted", 10, 0)
    follow_ups = (engineer.home / "landing/north/2025-06/follow_ups.csv").read_text(encoding="utf-8")
    assert ",96,3.5," in follow_ups


def test_only_the_method_is_missing_from_a_guess(engineer: Engineer) -> None:
    engineer.runs("mapping", "init", str(engineer.dump), "--to", str(engineer.mapping))
    text = engineer.mapping.read_text(encoding="utf-8").replace('method = ""', 'method = "safe_harbor"')
    engineer.mapping.write_text(text, encoding="utf-8")
    assert engineer.imports().exit_code == 0
