"""SQL files that describe themselves: a YAML header in the leading comment, then one select."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from outcomes.errors import OutcomesError

# Where PyYAML comes with libyaml, that is ten times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_yaml(text: str, name: str) -> Any:
    """What a YAML text says.

    Args:
        text: the whole of a file, or its beginning.
        name: the file's name, for the error.

    Raises:
        OutcomesError: definition_malformed; names the file and the line.
    """
    try:
        return yaml.load(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise OutcomesError("definition_malformed", f"{name}{line}: not YAML, {error.problem}") from None


def read_yaml(path: Path) -> Any:
    """What a YAML file says.

    Raises:
        OutcomesError: definition_malformed; names the file and the line.
    """
    return parse_yaml(path.read_text(encoding="utf-8"), path.name)


def line_of(text: str, keys: Iterable[str | int]) -> int:
    """The line of a YAML text on which a value stands: that which the keys lead to, as far as they lead."""
    node = yaml.compose(text, Loader=_LOADER)
    line = 0 if node is None else node.start_mark.line
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            found = [pair for pair in node.value if pair[0].value == str(key)]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int):
            found = [(each, each) for each in node.value[key : key + 1]]
        else:
            found = []
        if not found:
            break
        line, node = found[0][0].start_mark.line, found[0][1]
    return int(line) + 1


@dataclass(frozen=True)
class SqlFile:
    """One relation: its name (the file's), its header and its select statement."""

    path: Path

    @property
    def name(self) -> str:
        """The relation's name, as other files refer to it."""
        return self.path.stem

    @cached_property
    def _parts(self) -> tuple[str, str]:
        text = self.path.read_text(encoding="utf-8")
        if not text.startswith("/*") or "*/" not in text:
            raise OutcomesError("definition_malformed", f"{self.path.name} does not open with a header comment")
        header, select = text.removeprefix("/*").split("*/", 1)
        return header, select.strip().removesuffix(";")

    @cached_property
    def header(self) -> dict[str, Any]:
        """The header's fields: title, grain, needs, version, columns and so on."""
        fields = parse_yaml(self._parts[0], self.path.name)
        if not isinstance(fields, dict):
            raise OutcomesError("definition_malformed", f"{self.path.name}: the header is not a YAML mapping")
        return fields

    def line_of(self, keys: Iterable[str | int]) -> int:
        """The line of the file on which a field of the header stands, or the field around it."""
        return line_of(self._parts[0], keys)

    @property
    def is_family(self) -> bool:
        """Whether it decides several labels, named in its column `label`."""
        return "labels" in self.header

    @property
    def is_view(self) -> bool:
        """Whether its rows are many times as many as what is made of them: they are worked out anew, never stored."""
        return bool(self.header.get("is_view"))

    @property
    def select(self) -> str:
        """The statement, without header and closing semicolon."""
        return self._parts[1]

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the relations that must exist before this one."""
        return tuple(self.header.get("needs", ()))


def load(folder: Path) -> list[SqlFile]:
    """All SQL files of a folder, by name."""
    return [SqlFile(path) for path in sorted(folder.glob("*.sql"))]


def in_order(files: Iterable[SqlFile]) -> list[SqlFile]:
    """The files ordered so that each comes after those it needs; ties by name, so the order is total."""
    by_name = {file.name: file for file in files}
    sorter = TopologicalSorter({name: [n for n in file.needs if n in by_name] for name, file in by_name.items()})
    sorter.prepare()
    ordered: list[SqlFile] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        ordered += [by_name[name] for name in ready]
        sorter.done(*ready)
    return ordered


def with_needs(names: Iterable[str], files: Iterable[SqlFile]) -> list[SqlFile]:
    """Of the files, in their order, those of these names and all that they rest on."""
    ordered = list(files)
    by_name = {file.name: file for file in ordered}
    needed: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in needed:
            needed.add(name)
            waiting += by_name[name].needs
    return [file for file in ordered if file.name in needed]
