"""docs/sources/fhir.md is followed to the letter: its files are written, its commands run."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from outcomes.cli import app
from outcomes.errors import MISTAKES
from outcomes.lake import Lake
from outcomes.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "sources" / "fhir.md"
BLOCKS = dict(
    re.findall(r"^```\w+ title=(\S+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
)


class Engineer:
    """Who follows the page, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.export, self.mapping, self.home = folder / "export", folder / "map.toml", folder / "home"
        self.export.mkdir()
        for name, text in BLOCKS.items():
            (folder / name if name == "map.toml" else self.export / name).write_text(text, encoding="utf-8")

    def runs(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["--home", str(self.home), *arguments])

    def imports(self, *more: str) -> Result:
        return self.runs("import", "fhir", str(self.export), "--site", "north", "--period", "2025-06", *more)


@pytest.fixture
def engineer(tmp_path: Path) -> Engineer:
    return Engineer(tmp_path)


def test_an_identified_export_is_refused_as_the_page_says(engineer: Engineer) -> None:
    refused = engineer.imports("--dry-run")
    assert refused.exit_code == MISTAKES["source_identified"].exit_status
    assert "Patient: name 2" in refused.output
    assert "Roe" not in refused.output


def test_the_example_is_tried_imported_and_taken_in(engineer: Engineer) -> None:
    options = ("--strip-identifiers", "--mapping", str(engineer.mapping))
    tried = engineer.imports(*options, "--dry-run")
    assert tried.exit_code == 0, tried.output
    for told in ("planned, not done", "dropped by", "it would be accepted"):
        assert told in tried.output
    done = engineer.imports(*options)
    assert done.exit_code == 0, done.output
    assert engineer.runs("ingest", "north/2025-06").exit_code == 0
    (record,) = Lake(Settings(home=engineer.home).lake).recorded("north", "2025-06")
    assert (record.outcome, record.rows_accepted, record.rows_quarantined) == ("accepted", 5, 0)
    follow_ups = (engineer.home / "landing/north/2025-06/follow_ups.csv").read_text(encoding="utf-8")
    assert ",96,3,,12,points," in follow_ups


def test_options_of_other_formats_are_refused(engineer: Engineer) -> None:
    folder, place = str(engineer.export), ("--site", "north")
    stripped = engineer.runs("import", "mimic-iv", folder, *place, "--strip-identifiers")
    mapped = engineer.runs("import", "mimic-iv", folder, *place, "--mapping", str(engineer.mapping))
    assert (stripped.exit_code, mapped.exit_code) == (2, 2)
