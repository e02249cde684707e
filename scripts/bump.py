"""Raise the version of definitions whose meaning changed, and say why in the changelog.

Writes the version where it is declared, the lock (`sql/definitions/lock`) and a line in CHANGELOG.md. A version that
several measures share is raised for all of them. A definition that is new, or no more, only enters or leaves the lock.
"""

import argparse
import csv
import io
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from outcomes.errors import OutcomesError
from outcomes.sql.catalog.labels import label_definition, label_definitions
from outcomes.sql.catalog.measures import expanded, measure_definitions
from outcomes.sql.lock import Locked, changed_definitions, check_lock, definitions_now, lock_file, locked_definitions
from outcomes.sql.reference import code_list_rows
from outcomes.sql.shipped import shipped

_CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"
_UNRELEASED, _DEFINITIONS = "## Unreleased\n", "### Definitions\n"


def main() -> None:
    """Run the command line; ends with the refusal's exit status when `--check` finds a change."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='example: python -m scripts.bump pain_past_3_months --why "arm pain counts as well"',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="label, measure or code list")
    parser.add_argument("--all-changed", action="store_true", help="every definition whose meaning changed")
    parser.add_argument("--why", help="the line in the changelog")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a version has to be raised")
    given = parser.parse_args()
    if given.check:
        try:
            check_lock()
        except OutcomesError as error:
            print(error, file=sys.stderr)
            sys.exit(error.exit_status)
        return
    if not given.why or not (given.names or given.all_changed):
        parser.error("name what changed (or --all-changed), and say --why")
    names = {*given.names}
    keys = [key for key in changed_definitions() if given.all_changed or key.split()[1] in names]
    if unchanged := names - {key.split()[1] for key in keys}:
        parser.error(f"not changed: {', '.join(sorted(unchanged))}")
    print(bump(keys, given.why))


def bump(keys: list[str], why: str) -> str:
    """Raise the versions of these definitions (kind and name) and lock them; the line written to the changelog."""
    locked = {each.key: each for each in locked_definitions()}
    now = {each.key: each for each in definitions_now()}
    raised = {
        _declared(now[key]): locked[key].version + 1
        for key in keys
        if key in locked and key in now and locked[key].version == now[key].version
    }
    # From the end of a file, so that a line put in moves no place that is still to come.
    for (path, at), version in sorted(raised.items(), reverse=True):
        _write_version(path, at, version)
    for reader in (code_list_rows, label_definitions, measure_definitions, definitions_now):
        reader.cache_clear()
    # A version that was raised for one stands for all that share it; what was not named stays as it was locked.
    renewed = {
        each.key: each
        for each in definitions_now()
        if each.key in keys or each.version != locked.get(each.key, each).version
    }
    lines = {key: each for key, each in locked.items() if key not in keys} | renewed
    lock_file().write_text("".join(f"{' '.join(map(str, each))}\n" for each in sorted(lines.values())), "utf-8")
    names = sorted({key.split()[1] for key in {*keys, *renewed}})
    line = f"- {', '.join(f'`{name}`' for name in names)}: {why}\n"
    _write_changelog(line)
    return line


def _declared(definition: Locked) -> tuple[Path, int]:
    """The file and the place in it where the version stands, or is to stand."""
    if definition.kind == "code_list":
        return shipped("sql", "codelists", f"{definition.name}.csv"), 0
    if definition.kind == "measure":
        path = shipped("sql", "definitions", "measures.yaml")
        return path, _measure_places(path.read_text(encoding="utf-8"))[definition.name]
    file = label_definition(definition.name).file
    # Two spaces for what opens the header, so that its places are those of the file.
    node = yaml.compose("  " + file.path.read_text(encoding="utf-8")[2:].split("*/", 1)[0])
    return file.path, _version_place(_value(_value(node, "labels"), definition.name) if file.is_family else node)


@cache
def _measure_places(text: str) -> dict[str, int]:
    """The place of the version of each measure that measures.yaml declares; those of one entry share it."""
    given: dict[str, Any] = yaml.safe_load(text)
    nodes = [node for _, group in _value(yaml.compose(text), "groups").value for node in group.value]
    entries = [given["defaults"] | entry for group in given["groups"].values() for entry in group]
    return {
        one["id"]: _version_place(node)
        for node, entry in zip(nodes, entries, strict=True)
        for one in expanded({"id": entry["id"], "each": entry.get("each", {})})
    }


def _value(node: Any, key: str) -> Any:
    return next(value for name, value in node.value if name.value == key)


def _version_place(node: Any) -> int:
    """Where the number of the version starts; where an entry takes the default, the place of its first field."""
    own = [value for name, value in node.value if name.value == "version"]
    return int((own[0] if own else node).start_mark.index)


def _write_version(path: Path, at: int, version: int) -> None:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        with path.open("w", encoding="utf-8", newline="") as lines:
            writer = csv.DictWriter(lines, fieldnames=list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(row | {"version": version} for row in rows)
        return
    if number := re.match(r"\d+", text[at:]):
        path.write_text(f"{text[:at]}{version}{text[at + number.end() :]}", encoding="utf-8")
        return
    anchor = re.match(r"&\w+\s*", text[at:])
    at += anchor.end() if anchor else 0
    indent = " " * (at - text.rfind("\n", 0, at) - 1)
    path.write_text(f"{text[:at]}version: {version}\n{indent}{text[at:]}", encoding="utf-8")


def _write_changelog(line: str) -> None:
    text = _CHANGELOG.read_text(encoding="utf-8") if _CHANGELOG.is_file() else "# Changelog\n"
    if _UNRELEASED not in text:
        title, _, rest = text.partition("\n")
        text = f"{title}\n\n{_UNRELEASED}{rest}"
    before, opening, after = text.partition(_UNRELEASED)
    section, next_release, older = after.partition("\n## ")
    head, _, lines = section.partition(_DEFINITIONS)
    section = f"{head.rstrip()}\n\n{_DEFINITIONS}\n{line}{lines.lstrip()}".removeprefix("" if head.strip() else "\n")
    _CHANGELOG.write_text(f"{before}{opening}{section}{next_release}{older}", encoding="utf-8")


if __name__ == "__main__":
    main()
