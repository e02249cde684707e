"""The built pages say what the code says, and the written ones point at things that exist."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from outcomes.cli import app
from scripts import docs

_ROOT = docs.DOCS.parent
_WRITTEN = [_ROOT / "README.md", *sorted(docs.DOCS.glob("*.md"))]


@pytest.mark.parametrize("name", ["contract.md", "labels.md", "exit-codes.md"])
def test_a_built_page_is_not_stale(name: str) -> None:
    assert (docs.DOCS / name).read_text(encoding="utf-8") == docs.pages()[name], "run `python scripts/docs.py`"


@pytest.mark.parametrize("page", _WRITTEN, ids=lambda page: page.name)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", _WRITTEN, ids=lambda page: page.name)
def test_every_command_that_a_page_shows_exists(page: Path) -> None:
    shown = re.findall(r"(?:`|^|bin/)outcomes ([a-z]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(shown) <= set(get_command(app).commands)  # type: ignore[attr-defined]
