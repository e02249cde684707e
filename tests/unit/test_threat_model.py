"""Every promise of docs/threat-model.md names a test that exists."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
PROMISES = PAGE.partition("## What is promised")[2].partition("## What is not promised")[0]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PROMISES.splitlines()
    if line.startswith("| ") and not line.startswith(("| promise", "| ---"))
]


def test_every_promise_is_held_by_a_test_that_exists() -> None:
    assert len(ROWS) >= 30
    for promise, test in ROWS:
        named = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", test)
        assert named, promise
        tree = ast.parse((ROOT / named[1]).read_text(encoding="utf-8"))
        assert named[2] in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, test


def test_readers_find_the_page() -> None:
    for page in ("README.md", "SECURITY.md", "docs/privacy.md"):
        assert "threat-model.md" in (ROOT / page).read_text(encoding="utf-8")
